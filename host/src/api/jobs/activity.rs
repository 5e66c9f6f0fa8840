//! `GET /api/jobs/activity`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use corral_domain::{JobStatus, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::App;
use crate::api::extract::Params;
use crate::api::problem::Problem;

/// The last day when nothing else is asked for.
const SINCE_DEFAULT: Duration = Duration::from_hours(24);
const STEP_DEFAULT: Duration = Duration::from_hours(1);
/// An answer has no more steps than this.
const STEPS_MAX: u64 = 1000;

/// Since when, in which steps.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AskActivity {
    /// Where the first step begins (RFC 3339); 24 hours ago without.
    since: Option<String>,
    /// How long a step is, in seconds; an hour without. At most 1,000 steps lie between `since` and now.
    step_seconds: Option<u32>,
}

/// How many jobs were created when, and how they fare.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activity {
    /// Where the first step begins.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// How long a step is, in seconds.
    step_seconds: u32,
    /// Every step up to now, those without jobs as well, oldest first.
    items: Vec<ActivityStep>,
}

/// The jobs that were created in one step of time, by how they fare now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActivityStep {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    queued: u64,
    running: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    unknown: u64,
}

/// How many jobs were created when, and how they fare.
#[utoipa::path(get, path = "/api/jobs/activity", tag = "jobs", operation_id = "job_activity", params(AskActivity), responses(
    (status = 200, description = "Jobs counted by time and status", body = Activity),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn activity(State(app): State<App>, Params(params): Params<AskActivity>) -> Result<Json<Activity>, Problem> {
    let now = app.clock().now();
    let step = params.step_seconds.map_or(STEP_DEFAULT, |seconds| Duration::from_secs(seconds.into()));
    if step.is_zero() {
        return Err(Problem::bad_parameter("step_seconds", "is 1 at least"));
    }
    let since = match params.since.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|error| Problem::bad_parameter("since", format!("{error}")))?,
        None => Timestamp::from_millis(now.as_millis().saturating_sub_unsigned(millis(SINCE_DEFAULT))),
    };
    if since > now {
        return Err(Problem::bad_parameter("since", "lies in the future"));
    }
    let steps = now.millis_since(since) / millis(step) + 1;
    if steps > STEPS_MAX {
        return Err(Problem::bad_parameter(
            "step_seconds",
            format!("makes {steps} steps since then; {STEPS_MAX} is the most, so ask for longer ones or a later start"),
        ));
    }
    let mut items: Vec<_> = (0..steps).map(|n| ActivityStep::empty(since, n * millis(step))).collect();
    for tally in app.engine().job_tallies(since, step).await? {
        // One created while this was counted may lie in a step that has just begun; it belongs to the last one told.
        let at = usize::try_from(tally.step).unwrap_or(usize::MAX).min(items.len() - 1);
        *items[at].of(tally.status) += tally.jobs;
    }
    let step_seconds = params.step_seconds.unwrap_or_else(|| u32::try_from(STEP_DEFAULT.as_secs()).unwrap_or(u32::MAX));
    Ok(Json(Activity { since, step_seconds, items }))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl ActivityStep {
    fn empty(since: Timestamp, after_millis: u64) -> Self {
        let at = Timestamp::from_millis(since.as_millis().saturating_add_unsigned(after_millis));
        Self { at, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, unknown: 0 }
    }

    fn of(&mut self, status: JobStatus) -> &mut u64 {
        match status {
            JobStatus::Queued => &mut self.queued,
            JobStatus::Running => &mut self.running,
            JobStatus::Succeeded => &mut self.succeeded,
            JobStatus::Failed => &mut self.failed,
            JobStatus::Cancelled => &mut self.cancelled,
            JobStatus::Unknown => &mut self.unknown,
        }
    }
}
