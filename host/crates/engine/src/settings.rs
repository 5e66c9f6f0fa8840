//! The engine's limits, all in one place.

use std::time::Duration;

use crate::Retention;

/// Limits and intervals. The defaults suit a thousand VMs on a small machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tasks of one job at once, unless the job says otherwise.
    pub parallelism_default: u32,
    /// Tasks of all jobs at once.
    pub tasks_max: usize,
    /// Searches of output at once; each takes a core while it lasts.
    pub searches_max: usize,
    /// Jobs that have not ended.
    pub jobs_max: usize,
    /// VMs of one job.
    pub targets_max: usize,
    /// Pause between two looks at a VM; none: VMs are not looked at unasked.
    pub health_interval: Option<Duration>,
    /// VMs looked at at once.
    pub health_parallelism: usize,
    /// Shortest pause between two writes of output. Shorter shows lines sooner, longer writes less.
    pub flush_interval: Duration,
    /// Output of one task that may wait to be written, in bytes; more slows the command.
    pub pending_bytes_max: usize,
    /// Output of one running task kept in memory for viewers, in bytes.
    pub tail_bytes_max: usize,
    /// Text that is stored of one task, in bytes; none: all of it.
    pub output_task_bytes_max: Option<u64>,
    /// Text that is stored of all tasks of a job, in bytes; none: all of it.
    pub output_job_bytes_max: Option<u64>,
    /// How long output is kept.
    pub retention: Retention,
    /// Pause between two reports of a task's progress.
    pub progress_interval: Duration,
    /// Events kept in memory for those who reconnect.
    pub ring_events_max: usize,
    /// Events kept in the database.
    pub stored_events_max: u64,
    /// How long a command that runs in a capsule is looked for after the connection broke. Then its task is `unknown`.
    pub reattach_for: Duration,
    /// How long a soft stop waits for tasks in mode `direct`.
    pub stop_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallelism_default: 64,
            tasks_max: 256,
            searches_max: 8,
            jobs_max: 1_000,
            targets_max: 10_000,
            health_interval: Some(Duration::from_secs(30)),
            health_parallelism: 16,
            flush_interval: Duration::from_millis(100),
            pending_bytes_max: 8 * 1024 * 1024,
            tail_bytes_max: 1024 * 1024,
            output_task_bytes_max: None,
            output_job_bytes_max: None,
            retention: Retention::default(),
            progress_interval: Duration::from_millis(500),
            ring_events_max: 8_192,
            stored_events_max: 100_000,
            reattach_for: Duration::from_secs(30 * 60),
            stop_grace: Duration::from_secs(5),
        }
    }
}
