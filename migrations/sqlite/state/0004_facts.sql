-- What machines told of themselves. A row of its own: it comes and goes more often than a person edits the VM.
CREATE TABLE vm_facts (
    vm   BLOB PRIMARY KEY REFERENCES vm (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;
