-- The state database: inventory, jobs, events, audit, tokens.
--
-- Objects are kept whole, as JSON, in `body`; what is searched or sorted by has a column of its own, which repeats it.
-- Times are milliseconds since the Unix epoch, ids the 16 bytes of a UUIDv7: they sort by the time of their making.

-- "Corr": tells a database of Corral from any other file of SQLite.
PRAGMA application_id = 1131377266;

CREATE TABLE meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    epoch      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    -- Events up to this one are removed; the number of the last event outlives its row here.
    pruned_seq INTEGER NOT NULL
) STRICT;

INSERT INTO meta (id, epoch, created_at, pruned_seq)
VALUES (1, lower(hex(randomblob(8))), CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 0);

CREATE TABLE vm (
    id   BLOB PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE job (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    status     TEXT    NOT NULL,
    template   TEXT,
    created_at INTEGER NOT NULL,
    body       TEXT    NOT NULL
) STRICT;

CREATE INDEX job_by_status ON job (status, id);
CREATE INDEX job_by_template ON job (template, id) WHERE template IS NOT NULL;

CREATE TABLE task (
    job      BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    vm       BLOB    NOT NULL CHECK (length(vm) = 16),
    position INTEGER NOT NULL,
    status   TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (job, vm)
) STRICT;

-- A VM's history. The VM itself may be gone, so that there is no foreign key.
CREATE INDEX task_by_vm ON task (vm, job);

CREATE TABLE saved_template (
    slug TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    actor TEXT    NOT NULL,
    type  TEXT    NOT NULL,
    body  TEXT    NOT NULL
) STRICT;

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    actor  TEXT    NOT NULL,
    action TEXT    NOT NULL,
    object TEXT    NOT NULL,
    detail TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

CREATE TABLE token (
    -- Of the token; the token itself is nowhere.
    hash       TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

CREATE INDEX token_by_kind ON token (kind, created_at);
