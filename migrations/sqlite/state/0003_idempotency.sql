-- What a request with an Idempotency-Key made, so that the same request makes it once, also across a restart. The request
-- itself is not kept: it may have had standard input.
CREATE TABLE idempotency (
    -- Counts up, by which the newest are known without counting.
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Who asked, and the key.
    key        TEXT    NOT NULL UNIQUE,
    digest     TEXT    NOT NULL,
    job        BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_by_age ON idempotency (created_at);
