-- The output of the jobs of one day (UTC, by the time in the job's id).
--
-- A stream is one task's log; its end and its chunks change in one transaction. A chunk is a compressed run of lines;
-- what it looks like inside is none of the database's business.

-- "Corr": tells a database of Corral from any other file of SQLite.
PRAGMA application_id = 1131377266;

CREATE TABLE log_stream (
    id       INTEGER PRIMARY KEY,
    job      BLOB    NOT NULL CHECK (length(job) = 16),
    vm       BLOB    NOT NULL CHECK (length(vm) = 16),
    -- Where the log ends: lines and bytes of text that are durable.
    lines    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    UNIQUE (job, vm)
) STRICT;

CREATE TABLE log_chunk (
    id         INTEGER PRIMARY KEY,
    stream     INTEGER NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE,
    first_line INTEGER NOT NULL CHECK (first_line >= 0),
    n_lines    INTEGER NOT NULL CHECK (n_lines > 0),
    first_byte INTEGER NOT NULL CHECK (first_byte >= 0),
    raw_len    INTEGER NOT NULL CHECK (raw_len >= 0),
    data       BLOB    NOT NULL,
    -- The order of chunks is the order of their lines: one key serves as identity, as order and for seeking.
    UNIQUE (stream, first_line)
) STRICT;
