-- Secrets, sealed. The key that opens them is not in the database.

CREATE TABLE secret (
    name       TEXT    PRIMARY KEY,
    -- Tells which master key sealed it, and nothing of that key.
    key_mark   TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
