"""Finds large files in folders that fill up."""

import json

import large_files
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.command_templates import Listing, Mode, Rendered, Template
from wit_world.imports import config, log
from wit_world.imports.types import Error_NotFound


class CommandTemplates(exports.CommandTemplates):
    def templates(self):
        """What can be run. Called at load, and after every change in a granted folder."""
        folders = json.loads(config.get())["folders"]
        log.write(log.Level.DEBUG, f"{len(folders)} folders can be chosen")
        template = Template(
            id="large-files",
            title="Large files",
            description="Files above a size, on the folder's own file system.",
            category="disk",
            parameters=json.dumps(large_files.parameters(folders)),
            mode=Mode.DURABLE,
            dangerous=False,
            timeout_seconds=0,
            applies_to="",
        )
        return Listing([template], [])

    def render(self, template_id, args, vms):
        """One command a machine, in the order given, as words: the host does all quoting."""
        if template_id != "large-files":
            raise Err(Error_NotFound(f"there is no template `{template_id}`"))
        argv = large_files.argv(**json.loads(args))
        return [Rendered(argv, [], None, None) for _ in vms]
