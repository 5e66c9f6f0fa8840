"""Leaves out lines that nobody reads, and marks those that speak of trouble."""

from wit_world import exports


class Filter(exports.Filter):
    """The extension point; a stream of it is a Session, in the file `filter.py`."""
