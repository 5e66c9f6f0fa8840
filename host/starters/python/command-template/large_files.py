"""The template without anything of the host, so that it can be tested: `python3 -m unittest`."""

# Blocks of 512 bytes, in which `find -size` counts everywhere.
BLOCKS_PER_MIB = 2048


def parameters(folders):
    """The JSON Schema from which the form is drawn, and by which the host checks what is typed into it."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["folder", "mib"],
        "properties": {
            "folder": {"title": "Folder", "enum": folders, "default": folders[0]},
            "mib": {"title": "Larger than (MiB)", "type": "integer", "minimum": 1, "maximum": 1000000, "default": 100},
        },
    }


def argv(folder, mib):
    return ["find", folder, "-xdev", "-type", "f", "-size", f"+{mib * BLOCKS_PER_MIB}"]
