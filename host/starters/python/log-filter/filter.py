"""One stream of one machine."""

import json

import rules
from wit_world.exports import filter as contract
from wit_world.imports import config, log
from wit_world.imports.types import Label


class Session(contract.Session):
    def __init__(self, stream):
        self.rules = json.loads(config.get())
        log.write(log.Level.DEBUG, f"a stream of {stream.vm.name} begins")

    @classmethod
    def open(cls, info):
        return cls(info)

    def process(self, batch):
        """Lines that are not named in the answer stay as they are."""
        edits = []
        for index, text in enumerate(rules.lines_of(batch.text, batch.ends)):
            if rules.is_hidden(text, self.rules):
                edits.append(contract.Edit(index, contract.Change_Drop()))
            elif level := rules.level_of(text, self.rules):
                edits.append(contract.Edit(index, contract.Change_Annotate([Label("level", level)])))
        return edits

    def finish(self):
        """The stream ended: lines to add."""
        return []
