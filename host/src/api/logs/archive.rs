//! `GET /api/jobs/{id}/export`

use std::collections::{HashSet, VecDeque};
use std::io::{Error, Result};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use corral_domain::{Job, JobId, Task, TaskKey};

use super::end;
use super::export::{ExportLog, file_name};
use super::pack::Pieces;
use super::stream::LogReader;
use crate::api::App;
use crate::api::extract::{Id, Params};
use crate::api::problem::Problem;
use crate::api::types;
use crate::tar;

/// The job and the output of all its tasks as a tar archive, streamed, as far as it is stored by now.
#[utoipa::path(get, path = "/api/jobs/{id}/export", tag = "jobs", operation_id = "export_job",
    params(("id" = String, Path), ExportLog), responses(
    (status = 200, description = "An archive", body = String, content_type = "application/x-tar"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn export_job(
    State(app): State<App>,
    Id(id): Id<JobId>,
    Params(params): Params<ExportLog>,
) -> std::result::Result<Response, Problem> {
    let (job, tasks) = app.engine().job(id).await?.ok_or_else(|| Problem::not_found("job", id))?;
    // All output of a job lies in one place. That it is gone is better said here than by an archive that breaks off.
    if let Some(task) = tasks.iter().find(|task| task.lines > 0) {
        end(&app, task.key).await?;
    }
    let described = serde_json::to_vec_pretty(&types::Job::with_tasks(&job, &tasks));
    let described = described.map_err(|error| Problem::internal(&error))?;
    params.answer(Archive::new(app, params, &job, &tasks, described), &format!("corral-{id}.tar"), "application/x-tar")
}

/// A tar archive in the making. The head of a file names its size, which is known only once the file was written: each log is
/// read twice, first to count. So memory does not depend on how much there is, and nothing is put aside on the disk.
struct Archive {
    app: App,
    params: ExportLog,
    folder: String,
    mtime: u64,
    described: Option<Vec<u8>>,
    logs: VecDeque<(TaskKey, String)>,
    file: Option<File>,
    ended: bool,
}

/// The log that is being written.
struct File {
    reader: LogReader,
    size: u64,
    left: u64,
}

impl Archive {
    fn new(app: App, params: ExportLog, job: &Job, tasks: &[Task], described: Vec<u8>) -> Self {
        let mut names = HashSet::new();
        let mut logs = VecDeque::new();
        for task in tasks {
            let mut name = file_name(task);
            if name.is_empty() || !names.insert(name.clone()) {
                name = task.key.vm.to_string();
            }
            logs.push_back((task.key, format!("{name}{}", params.extension())));
        }
        let mtime = u64::try_from(job.created_at.as_millis() / 1_000).unwrap_or(0);
        let folder = format!("corral-{}", job.id);
        Self { app, params, folder, mtime, described: Some(described), logs, file: None, ended: false }
    }

    fn head(&self, name: &str, size: u64) -> [u8; 512] {
        tar::head(&format!("{}/{name}", self.folder), size, self.mtime)
    }

    /// Counts a log, and gives the head of its file.
    async fn begin(&mut self, key: TaskKey, name: &str) -> Result<Bytes> {
        let until = end(&self.app, key).await.map_err(|problem| Error::other(problem.detail))?.lines;
        let mut counting = self.params.reader(self.app.clone(), key, until);
        let mut size = 0;
        while let Some(piece) = counting.next().await? {
            size += piece.len() as u64;
        }
        let reader = self.params.reader(self.app.clone(), key, until);
        self.file = Some(File { reader, size, left: size });
        Ok(Bytes::copy_from_slice(&self.head(name, size)))
    }
}

impl Pieces for Archive {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(described) = self.described.take() {
            let size = described.len() as u64;
            let file = [&self.head("job.json", size)[..], &described, tar::padding(size)].concat();
            return Ok(Some(file.into()));
        }
        if let Some(file) = &mut self.file {
            if let Some(piece) = file.reader.next().await? {
                let left = file.left.checked_sub(piece.len() as u64);
                // Damage that was not there a moment ago, or output that retention removed: the archive breaks off.
                file.left = left.ok_or_else(|| Error::other("a log changed while it was exported"))?;
                return Ok(Some(piece));
            }
            if file.left > 0 {
                return Err(Error::other("a log changed while it was exported"));
            }
            let padding = tar::padding(file.size);
            self.file = None;
            return Ok(Some(Bytes::from_static(padding)));
        }
        if let Some((key, name)) = self.logs.pop_front() {
            return self.begin(key, &name).await.map(Some);
        }
        let end = (!self.ended).then(|| Bytes::from_static(&tar::END));
        self.ended = true;
        Ok(end)
    }
}
