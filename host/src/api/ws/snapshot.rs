//! Everything that a dashboard shows, at one place in the order of events.

use std::collections::HashSet;

use corral_domain::State;
use corral_storage::{JobFilter, StorageError};

use super::message::StateSnapshot;
use crate::api::App;
use crate::api::types::{Job, Plugin, Task, Template, TemplateProblems, Vm};

/// Recent jobs of a snapshot.
const JOBS: u32 = 50;

/// The snapshot of a state. Jobs that have ended come from the store; live ones only from the state, so that the events
/// that follow fit on them.
pub async fn snapshot(app: &App, state: &State) -> Result<StateSnapshot, StorageError> {
    let stored = app.engine().jobs(&JobFilter::default(), JOBS).await?.jobs;
    let live: HashSet<_> = state.jobs.keys().copied().collect();
    let mut jobs: Vec<Job> = state.jobs.values().map(|job| Job::from(&**job)).collect();
    jobs.extend(stored.iter().filter(|job| job.status.is_final() && !live.contains(&job.id)).map(Job::from));
    jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
    Ok(StateSnapshot {
        epoch: app.engine().epoch().to_owned(),
        seq: state.seq,
        vms: state.vms.values().map(|vm| Vm::new(vm, state)).collect(),
        jobs,
        tasks: state.tasks.values().map(|task| Task::from(&**task)).collect(),
        templates: Template::all(state),
        template_problems: TemplateProblems::all(state),
        plugins: state.plugins.values().map(|plugin| Plugin::from(&**plugin)).collect(),
        settings: state.settings.iter().map(|(key, value)| (key.clone(), serde_json::Value::clone(value))).collect(),
        sources: app.engine().discovery_sources(),
    })
}
