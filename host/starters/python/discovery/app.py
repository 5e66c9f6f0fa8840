"""Finds machines in plain lists: a line each, as in `web-1 10.0.0.11:22 env=prod`."""

import json

import machines
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.discovery import FoundVm, Page
from wit_world.imports import config, log
from wit_world.imports.types import Error_InvalidInput, Error_Unavailable, Label

# Where plugin.toml mounts the folder.
FOLDER = "/machines"


class Discovery(exports.Discovery):
    def discover(self, cursor):
        path = f"{FOLDER}/{json.loads(config.get())['file']}"
        try:
            with open(path, encoding="utf-8") as file:
                found = machines.read(file.read())
        except OSError as error:
            raise Err(Error_Unavailable(f"{path} cannot be read: {error.strerror}")) from error
        except ValueError as error:
            raise Err(Error_InvalidInput(f"{path}, {error}")) from error
        log.write(log.Level.DEBUG, f"{len(found)} machines in {path}")
        return Page([found_vm(machine) for machine in found], None)


def found_vm(machine):
    return FoundVm(
        external_id=machine.name,
        name=machine.name,
        address=machine.address,
        port=machine.port,
        user=None,
        labels=[Label(key, value) for key, value in machine.labels.items()],
        jump=[],
        identity_file=None,
        host_keys=[],
        running=None,
    )
