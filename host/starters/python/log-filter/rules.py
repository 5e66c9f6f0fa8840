"""What becomes of a line, without anything of the host, so that it can be tested: `python3 -m unittest`."""


def lines_of(text, ends):
    """The lines of a batch. They come packed end to end, and `ends` counts bytes of UTF-8."""
    packed = text.encode()
    return [packed[begin:end].decode(errors="replace") for begin, end in zip([0, *ends], ends)]


def is_hidden(text, rules):
    return any(part in text for part in rules.get("hide", []))


def level_of(text, rules):
    """The level of the first text of `mark` that the line has, or nothing."""
    return next((level for part, level in rules.get("mark", {}).items() if part in text), None)
