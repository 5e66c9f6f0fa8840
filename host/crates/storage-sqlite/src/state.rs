//! State, events and audit rows.

use std::time::Duration;

use async_trait::async_trait;
use corral_domain::{Event, EventKind, Job, JobId, SavedTemplate, Task, TaskKey, Timestamp, Vm, VmId};
use corral_storage::{
    Audit, Commit, EventPage, IDEMPOTENCY_KEPT, IDEMPOTENCY_KEYS_MAX, IdempotencyKey, JobFilter, JobPage, JobTally,
    Loaded, StateStore, StorageError, Write,
};
use sqlx::types::Uuid;
use sqlx::{Connection, SqliteConnection};

use crate::error::{parse, parse_all, refused, to_json};
use crate::{SqliteStore, settings};

const COMMITTING: &str = "writing the state";
const LOADING: &str = "loading the state";
const READING_EVENTS: &str = "reading events";
/// Events removed in one transaction: a commit waits no longer than this takes.
const PRUNED_AT_ONCE: i64 = 5000;

#[async_trait]
impl StateStore for SqliteStore {
    async fn load(&self) -> Result<Loaded, StorageError> {
        let fail = |error| self.state.fail(LOADING, error);
        // One transaction: all parts are of the same moment.
        let mut tx = self.state.readers().begin().await.map_err(fail)?;
        let meta = sqlx::query!("SELECT epoch, pruned_seq FROM meta").fetch_one(&mut *tx).await.map_err(fail)?;
        let last = last_seq(&mut tx).await.map_err(fail)?;
        let vms = sqlx::query_scalar!("SELECT body FROM vm ORDER BY id").fetch_all(&mut *tx).await.map_err(fail)?;
        let facts = sqlx::query!(r#"SELECT vm AS "vm: Uuid", body FROM vm_facts ORDER BY vm"#)
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
        let jobs = sqlx::query_scalar!("SELECT body FROM job WHERE status IN ('queued', 'running') ORDER BY id")
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
        let tasks = sqlx::query_scalar!(
            "SELECT task.body FROM job JOIN task ON task.job = job.id WHERE job.status IN ('queued', 'running')
             ORDER BY task.job, task.position"
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(fail)?;
        let templates = sqlx::query_scalar!("SELECT body FROM saved_template ORDER BY slug")
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
        let settings = settings::read(&mut tx).await.map_err(fail)?;
        Ok(Loaded {
            epoch: meta.epoch,
            seq: last,
            vms: parse_all::<Vm>("VM", &vms)?,
            facts: facts
                .into_iter()
                .map(|row| Ok((VmId::from_uuid(row.vm), parse("facts of a VM", &row.body)?)))
                .collect::<Result<_, StorageError>>()?,
            jobs: parse_all::<Job>("job", &jobs)?,
            tasks: parse_all::<Task>("task", &tasks)?,
            templates: parse_all::<SavedTemplate>("template", &templates)?,
            settings: settings::parsed(settings)?,
        })
    }

    async fn settings(&self) -> Result<Vec<(String, serde_json::Value)>, StorageError> {
        let fail = |error| self.state.fail("reading settings", error);
        let mut conn = self.state.readers().acquire().await.map_err(fail)?;
        settings::parsed(settings::read(&mut conn).await.map_err(fail)?)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StorageError> {
        let mut conn = self.state.writer(COMMITTING).await?;
        let result = self.write_commit(&mut conn, commit).await;
        self.state.settle(conn, result).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StorageError> {
        self.read_job(id).await
    }

    async fn tasks(&self, id: JobId) -> Result<Vec<Task>, StorageError> {
        self.read_tasks(id).await
    }

    async fn task(&self, key: TaskKey) -> Result<Option<Task>, StorageError> {
        self.read_task(key).await
    }

    async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, StorageError> {
        self.job_page(filter, limit).await
    }

    async fn job_tallies(&self, since: Timestamp, step: Duration) -> Result<Vec<JobTally>, StorageError> {
        self.tally_jobs(since, step).await
    }

    async fn events(&self, since: u64, limit: u32) -> Result<EventPage, StorageError> {
        let fail = |error| self.state.fail(READING_EVENTS, error);
        let mut tx = self.state.readers().begin().await.map_err(fail)?;
        let pruned = sqlx::query_scalar!("SELECT pruned_seq FROM meta").fetch_one(&mut *tx).await.map_err(fail)?;
        let since = stored(since);
        let rows =
            sqlx::query!("SELECT seq, at, actor, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", since, limit)
                .fetch_all(&mut *tx)
                .await
                .map_err(fail)?;
        let events = rows
            .into_iter()
            .map(|row| {
                let kind: EventKind = parse("event", &row.body)?;
                Ok(Event { seq: row.seq as u64, at: Timestamp::from_millis(row.at), actor: row.actor, kind })
            })
            .collect::<Result<_, StorageError>>()?;
        Ok(EventPage { events, oldest: pruned as u64 + 1 })
    }

    async fn prune_events(&self, oldest_kept: u64) -> Result<u64, StorageError> {
        let doing = "removing old events";
        let mut removed = 0;
        loop {
            let mut conn = self.state.writer(doing).await?;
            let result = prune(&mut conn, stored(oldest_kept)).await.map_err(|error| self.state.fail(doing, error));
            match self.state.settle(conn, result).await? {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }

    async fn idempotency_key(&self, key: &str) -> Result<Option<IdempotencyKey>, StorageError> {
        let row = sqlx::query!("SELECT digest, job AS \"job: Uuid\", created_at FROM idempotency WHERE key = ?", key)
            .fetch_optional(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading an idempotency key", error))?;
        Ok(row.map(|row| IdempotencyKey {
            key: key.to_owned(),
            digest: row.digest,
            job: JobId::from_uuid(row.job),
            created_at: Timestamp::from_millis(row.created_at),
        }))
    }

    async fn audit(&self, audit: &Audit) -> Result<(), StorageError> {
        let doing = "writing an audit row";
        let mut conn = self.state.writer(doing).await?;
        let result = insert_audit(&mut conn, audit).await.map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }
}

impl SqliteStore {
    async fn write_commit(&self, conn: &mut SqliteConnection, commit: &Commit) -> Result<(), StorageError> {
        let fail = |error| self.state.fail(COMMITTING, error);
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
        if !commit.events.is_empty() {
            let last = last_seq(&mut tx).await.map_err(fail)?;
            for (expected, event) in (last + 1..).zip(&commit.events) {
                if event.seq != expected {
                    return Err(refused(
                        COMMITTING,
                        format!(
                            "event {} does not follow {}; is a second host running on this data folder?",
                            event.seq,
                            expected - 1
                        ),
                    ));
                }
            }
            insert_events(&mut tx, &event_rows(&commit.events)?).await.map_err(fail)?;
        }
        let mut tasks = Vec::new();
        for write in &commit.writes {
            if let Write::PutTask(task) = write {
                tasks.push(&**task);
                continue;
            }
            // The body first: an object that cannot be written fails before the database is asked.
            let body = body_of(write)?;
            put(&mut tx, write, &body).await.map_err(fail)?;
        }
        // Behind the jobs that they belong to.
        if !tasks.is_empty() {
            put_tasks(&mut tx, &task_rows(&tasks)?).await.map_err(fail)?;
        }
        for audit in &commit.audit {
            insert_audit(&mut tx, audit).await.map_err(fail)?;
        }
        for key in &commit.keys {
            put_key(&mut tx, key).await.map_err(fail)?;
        }
        tx.commit().await.map_err(fail)
    }
}

/// SQLite's integers have a sign. Nothing here counts beyond 2^63.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

async fn last_seq(conn: &mut SqliteConnection) -> sqlx::Result<u64> {
    let last = sqlx::query_scalar!(
        r#"SELECT max(coalesce((SELECT max(seq) FROM event), 0), pruned_seq) AS "seq!: i64" FROM meta"#
    )
    .fetch_one(conn)
    .await?;
    Ok(last as u64)
}

/// Rows as one JSON text: what a commit has many of is written by one statement, for each statement is a way to SQLite's thread
/// and back.
fn event_rows(events: &[Event]) -> Result<String, StorageError> {
    let rows = events.iter().map(|event| {
        let body = to_json(COMMITTING, &event.kind)?;
        Ok((stored(event.seq), event.at.as_millis(), event.actor.as_str(), event.kind.name(), body))
    });
    to_json(COMMITTING, &rows.collect::<Result<Vec<_>, StorageError>>()?)
}

async fn insert_events(conn: &mut SqliteConnection, rows: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO event (seq, at, actor, type, body)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)",
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn task_rows(tasks: &[&Task]) -> Result<String, StorageError> {
    let rows = tasks.iter().map(|task| {
        let (job, vm) = (task.key.job.as_uuid().simple().to_string(), task.key.vm.as_uuid().simple().to_string());
        Ok((job, vm, task.position, task.status.as_str(), to_json(COMMITTING, *task)?))
    });
    to_json(COMMITTING, &rows.collect::<Result<Vec<_>, StorageError>>()?)
}

pub(crate) async fn insert_audit(conn: &mut SqliteConnection, audit: &Audit) -> sqlx::Result<()> {
    let at = audit.at.as_millis();
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, object, detail) VALUES (?, ?, ?, ?, ?)",
        at,
        audit.actor,
        audit.action,
        audit.object,
        audit.detail
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_key(conn: &mut SqliteConnection, key: &IdempotencyKey) -> sqlx::Result<()> {
    let (job, at) = (*key.job.as_uuid(), key.created_at.as_millis());
    let oldest = at.saturating_sub(i64::try_from(IDEMPOTENCY_KEPT.as_millis()).unwrap_or(i64::MAX));
    sqlx::query!("DELETE FROM idempotency WHERE created_at <= ?", oldest).execute(&mut *conn).await?;
    sqlx::query!(
        "INSERT INTO idempotency (key, digest, job, created_at) VALUES (?, ?, ?, ?)",
        key.key,
        key.digest,
        job,
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM idempotency WHERE id <= last_insert_rowid() - ?", IDEMPOTENCY_KEYS_MAX)
        .execute(conn)
        .await?;
    Ok(())
}

fn body_of(write: &Write) -> Result<String, StorageError> {
    match write {
        Write::PutVm(vm) => to_json(COMMITTING, &**vm),
        Write::PutFacts(_, facts) => to_json(COMMITTING, &**facts),
        Write::PutJob(job) => to_json(COMMITTING, &**job),
        Write::PutTask(task) => task_rows(&[task]),
        Write::PutTemplate(template) => to_json(COMMITTING, &**template),
        Write::PutSetting(_, value) => to_json(COMMITTING, &**value),
        Write::DeleteVm(_) | Write::DeleteTemplate(_) | Write::DeleteSetting(_) => Ok(String::new()),
    }
}

async fn put(conn: &mut SqliteConnection, write: &Write, body: &str) -> sqlx::Result<()> {
    match write {
        Write::PutVm(vm) => {
            let id = *vm.id.as_uuid();
            sqlx::query!(
                "INSERT INTO vm (id, name, body) VALUES (?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, body = excluded.body",
                id,
                vm.name,
                body
            )
            .execute(conn)
            .await
        }
        Write::DeleteVm(id) => {
            let id = *id.as_uuid();
            sqlx::query!("DELETE FROM vm WHERE id = ?", id).execute(conn).await
        }
        Write::PutFacts(id, _) => {
            let id = *id.as_uuid();
            sqlx::query!(
                "INSERT INTO vm_facts (vm, body) VALUES (?, ?) ON CONFLICT (vm) DO UPDATE SET body = excluded.body",
                id,
                body
            )
            .execute(conn)
            .await
        }
        Write::PutJob(job) => return put_job(conn, job, body).await,
        Write::PutTask(_) => return put_tasks(conn, body).await,
        Write::PutTemplate(template) => {
            sqlx::query!(
                "INSERT INTO saved_template (slug, body) VALUES (?, ?)
                 ON CONFLICT (slug) DO UPDATE SET body = excluded.body",
                template.slug,
                body
            )
            .execute(conn)
            .await
        }
        Write::DeleteTemplate(slug) => {
            sqlx::query!("DELETE FROM saved_template WHERE slug = ?", slug).execute(conn).await
        }
        Write::PutSetting(key, _) => {
            sqlx::query!(
                "INSERT INTO setting (key, value) VALUES (?, ?)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                key,
                body
            )
            .execute(conn)
            .await
        }
        Write::DeleteSetting(key) => sqlx::query!("DELETE FROM setting WHERE key = ?", key).execute(conn).await,
    }
    .map(drop)
}

async fn put_job(conn: &mut SqliteConnection, job: &Job, body: &str) -> sqlx::Result<()> {
    let (id, status, at) = (*job.id.as_uuid(), job.status.as_str(), job.created_at.as_millis());
    let template = job.template.as_ref().map(|used| used.id.as_str());
    sqlx::query!(
        "INSERT INTO job (id, status, template, created_at, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body",
        id,
        status,
        template,
        at,
        body
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_tasks(conn: &mut SqliteConnection, rows: &str) -> sqlx::Result<()> {
    // `WHERE true`: without it SQLite takes the conflict clause for a join's.
    sqlx::query!(
        "INSERT INTO task (job, vm, position, status, body)
         SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4 FROM json_each(?) WHERE true
         ON CONFLICT (job, vm) DO UPDATE SET status = excluded.status, body = excluded.body",
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes some of the events that are too old; tells how many, 0 once none is left.
async fn prune(conn: &mut SqliteConnection, oldest_kept: i64) -> sqlx::Result<u64> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    // Never beyond the last event: what comes next must not count as removed.
    let last = stored(last_seq(&mut tx).await?);
    let pruned = sqlx::query_scalar!("SELECT pruned_seq FROM meta").fetch_one(&mut *tx).await?;
    let through = oldest_kept.saturating_sub(1).min(last).min(pruned + PRUNED_AT_ONCE);
    let removed = sqlx::query!("DELETE FROM event WHERE seq <= ?", through).execute(&mut *tx).await?.rows_affected();
    sqlx::query!("UPDATE meta SET pruned_seq = max(pruned_seq, ?)", through).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(removed)
}
