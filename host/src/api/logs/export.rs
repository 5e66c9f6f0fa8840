//! `GET /api/jobs/{id}/tasks/{vm}/log/export`

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use corral_domain::{Task, TaskKey};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::end;
use super::pack::{Packing, Pieces, packed};
use super::stream::{Format, LogReader};
use crate::api::App;
use crate::api::extract::Params;
use crate::api::problem::Problem;
use crate::api::request::AsItIs;

/// Of a VM's name, what a file's name has of it at most, in bytes: a head of a tar archive has room for 100 in all.
const NAME_MAX: usize = 40;

/// How output is written into a file.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportLog {
    /// `text` without.
    #[param(inline)]
    #[serde(default)]
    format: ExportFormat,
    /// `none` without.
    #[param(inline)]
    #[serde(default)]
    compress: Packing,
    /// `keep` without.
    #[param(inline)]
    #[serde(default)]
    ansi: Ansi,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ExportFormat {
    /// The bytes as they came, both outputs in the order in which the host received them.
    #[default]
    Text,
    /// A JSON object a line: number, time, output, text, annotations.
    Ndjson,
}

/// What becomes of colours and other escape sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Ansi {
    /// They stay.
    #[default]
    Keep,
    /// They are left out.
    Strip,
}

impl ExportLog {
    /// Reads all that is durable of a log by now: lines to before `until`.
    pub(super) fn reader(self, app: App, key: TaskKey, until: u64) -> LogReader {
        let format = match self.format {
            ExportFormat::Text => Format::Text,
            ExportFormat::Ndjson => Format::Ndjson,
        };
        let reader = LogReader::new(app, key, 0, until, format);
        if self.ansi == Ansi::Strip { reader.without_ansi() } else { reader }
    }

    /// The end of a file's name, before it is compressed.
    pub(super) fn extension(self) -> &'static str {
        match self.format {
            ExportFormat::Text => ".log",
            ExportFormat::Ndjson => ".ndjson",
        }
    }

    /// An answer that browsers save under a name.
    pub(super) fn answer(
        self,
        pieces: impl Pieces,
        name: &str,
        content_type: &'static str,
    ) -> Result<Response, Problem> {
        let body = packed(pieces, self.compress).map_err(|error| Problem::internal(&error))?;
        let mut response = body.into_response();
        if self.compress != Packing::None {
            response.extensions_mut().insert(AsItIs);
        }
        let content_type = self.compress.content_type().unwrap_or(content_type);
        let disposition = format!("attachment; filename=\"{name}{}\"", self.compress.extension());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        // The name has nothing but letters, digits, dots and dashes.
        headers.extend(HeaderValue::try_from(disposition).ok().map(|value| (header::CONTENT_DISPOSITION, value)));
        Ok(response)
    }

    fn content_type(self) -> &'static str {
        match self.format {
            ExportFormat::Text => Format::Text.content_type(),
            ExportFormat::Ndjson => Format::Ndjson.content_type(),
        }
    }
}

/// The output of a task as a file, streamed, as far as it is stored by now.
#[utoipa::path(get, path = "/api/jobs/{id}/tasks/{vm}/log/export", tag = "jobs", operation_id = "export_log",
    params(("id" = String, Path), ("vm" = String, Path), ExportLog), responses(
    (status = 200, description = "A file", body = String, content_type = "text/plain"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn export_log(
    State(app): State<App>,
    Path((job, vm)): Path<(String, String)>,
    Params(params): Params<ExportLog>,
) -> Result<Response, Problem> {
    let key = TaskKey { job: job.parse()?, vm: vm.parse()? };
    let until = end(&app, key).await?.lines;
    let (_, tasks) = app.engine().job(key.job).await?.ok_or_else(|| Problem::not_found("job", key.job))?;
    let vm_name = tasks.iter().find(|task| task.key == key).map(file_name).unwrap_or_default();
    let name = format!("corral-{}-{vm_name}{}", key.job, params.extension());
    params.answer(params.reader(app, key, until), &name, params.content_type())
}

/// The name of a task's VM as part of a file's name.
pub(super) fn file_name(task: &Task) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = task.vm_name.chars().map(plain).take(NAME_MAX).collect();
    name.trim_start_matches('.').to_owned()
}
