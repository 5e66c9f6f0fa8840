-- How many jobs of which status were created when, without their bodies.
CREATE INDEX job_by_age ON job (created_at, status);
