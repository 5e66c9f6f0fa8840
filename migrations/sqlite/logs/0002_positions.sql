-- How far a command's output has been taken in, in bytes as the command wrote them, apart for its two outputs. It changes in the
-- transaction that adds the lines, so that a host that died can go on reading from there.
ALTER TABLE log_stream ADD COLUMN stdout_taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log_stream ADD COLUMN stderr_taken INTEGER NOT NULL DEFAULT 0;
