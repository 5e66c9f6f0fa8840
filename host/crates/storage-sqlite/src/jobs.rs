//! Jobs and their tasks as they are read: one, a list, newest first, or how many. A list has one query for each index that may lead; the
//! other conditions only narrow it.

use std::time::Duration;

use corral_domain::{Job, JobId, Task, TaskKey, Timestamp};
use corral_storage::{JobFilter, JobPage, JobTally, StorageError};
use sqlx::types::Uuid;

use crate::SqliteStore;
use crate::error::{parse, parse_all};

/// Later than any id.
const NEWEST: Uuid = Uuid::max();

impl SqliteStore {
    pub(crate) async fn read_job(&self, id: JobId) -> Result<Option<Job>, StorageError> {
        let id = *id.as_uuid();
        let body = sqlx::query_scalar!("SELECT body FROM job WHERE id = ?", id)
            .fetch_optional(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading a job", error))?;
        body.map(|body| parse("job", &body)).transpose()
    }

    pub(crate) async fn read_tasks(&self, id: JobId) -> Result<Vec<Task>, StorageError> {
        let id = *id.as_uuid();
        let bodies = sqlx::query_scalar!("SELECT body FROM task WHERE job = ? ORDER BY position", id)
            .fetch_all(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading a job's tasks", error))?;
        parse_all("task", &bodies)
    }

    pub(crate) async fn read_task(&self, key: TaskKey) -> Result<Option<Task>, StorageError> {
        let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
        let body = sqlx::query_scalar!("SELECT body FROM task WHERE job = ? AND vm = ?", job, vm)
            .fetch_optional(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading a task", error))?;
        body.map(|body| parse("task", &body)).transpose()
    }

    pub(crate) async fn job_page(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, StorageError> {
        // One more than asked for tells whether another page follows.
        let bodies = self
            .job_bodies(filter, i64::from(limit) + 1)
            .await
            .map_err(|error| self.state.fail("listing jobs", error))?;
        let more = bodies.len() > limit as usize;
        let jobs: Vec<Job> =
            bodies.iter().take(limit as usize).map(|body| parse("job", body)).collect::<Result<_, _>>()?;
        let next = jobs.last().filter(|_| more).map(|job| job.id);
        Ok(JobPage { jobs, next })
    }

    pub(crate) async fn tally_jobs(&self, since: Timestamp, step: Duration) -> Result<Vec<JobTally>, StorageError> {
        let since = since.as_millis();
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let rows = sqlx::query!(
            r#"SELECT (created_at - ?1) / ?2 AS "step!: i64", status, count(*) AS "jobs!: i64"
               FROM job WHERE created_at >= ?1 GROUP BY 1, 2 ORDER BY 1, 2"#,
            since,
            step
        )
        .fetch_all(self.state.readers())
        .await
        .map_err(|error| self.state.fail("counting jobs", error))?;
        rows.into_iter()
            .map(|row| {
                let status = row.status.parse().map_err(|_| {
                    StorageError::Corrupt(format!("a job has the status `{}`, which there is not", row.status))
                })?;
                Ok(JobTally { step: row.step.unsigned_abs(), status, jobs: row.jobs.unsigned_abs() })
            })
            .collect()
    }

    async fn job_bodies(&self, filter: &JobFilter, limit: i64) -> sqlx::Result<Vec<String>> {
        let before = filter.before.map_or(NEWEST, |id| *id.as_uuid());
        let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
        let status = filter.status.map(corral_domain::JobStatus::as_str);
        let readers = self.state.readers();
        if let Some(vm) = filter.vm {
            let vm = *vm.as_uuid();
            return sqlx::query_scalar!(
                "SELECT job.body FROM task CROSS JOIN job ON job.id = task.job
                 WHERE task.vm = ?1 AND task.job < ?2 AND job.created_at >= ?3
                   AND (?4 IS NULL OR job.status = ?4) AND (?5 IS NULL OR job.template = ?5)
                 ORDER BY task.job DESC LIMIT ?6",
                vm,
                before,
                since,
                status,
                filter.template,
                limit
            )
            .fetch_all(readers)
            .await;
        }
        if let Some(template) = &filter.template {
            return sqlx::query_scalar!(
                "SELECT body FROM job INDEXED BY job_by_template
                 WHERE template = ?1 AND id < ?2 AND created_at >= ?3 AND (?4 IS NULL OR status = ?4)
                 ORDER BY id DESC LIMIT ?5",
                template,
                before,
                since,
                status,
                limit
            )
            .fetch_all(readers)
            .await;
        }
        if let Some(status) = status {
            return sqlx::query_scalar!(
                "SELECT body FROM job INDEXED BY job_by_status
                 WHERE status = ?1 AND id < ?2 AND created_at >= ?3 ORDER BY id DESC LIMIT ?4",
                status,
                before,
                since,
                limit
            )
            .fetch_all(readers)
            .await;
        }
        sqlx::query_scalar!(
            "SELECT body FROM job WHERE id < ?1 AND created_at >= ?2 ORDER BY id DESC LIMIT ?3",
            before,
            since,
            limit
        )
        .fetch_all(readers)
        .await
    }
}
