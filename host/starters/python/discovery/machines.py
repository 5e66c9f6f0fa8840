"""Reads a list, without anything of the host, so that it can be tested: `python3 -m unittest`."""

from dataclasses import dataclass

SSH = 22
PORT_MAX = 65535


@dataclass
class Machine:
    name: str
    address: str
    port: int
    labels: dict


def read(text):
    """All machines of a list. A line that is none raises a ValueError that names it."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            found.append(machine(words))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return found


def machine(words):
    if len(words) < 2:
        raise ValueError("a line is a name, an address and labels")
    name, place, *labels = words
    address, colon, port = place.rpartition(":")
    if not colon:
        address, port = place, SSH
    elif not (port.isdigit() and 0 < int(port) <= PORT_MAX):
        raise ValueError(f"`{port}` is no port")
    if wrong := next((label for label in labels if "=" not in label), None):
        raise ValueError(f"`{wrong}` is no label; write key=value")
    return Machine(name, address, int(port), dict(label.split("=", 1) for label in labels))
