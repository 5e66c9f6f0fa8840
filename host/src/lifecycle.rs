//! How the host ends: the first signal asks everything to finish, the second ends the process at once.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::exit::Exit;

/// All that the binary itself has spawned ends within this after the soft stop was asked for.
const TASKS_DEADLINE: Duration = Duration::from_secs(5);

/// The token that everything listens to, and the tracker that everything is spawned on.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Begins to listen for SIGINT and SIGTERM.
    pub fn start() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = lifecycle.stop.clone();
        // Not tracked: it lives as long as the process, because the second signal may come at any time.
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if stop.is_cancelled() {
                    eprintln!("corral: stopped hard; tasks that were running are marked unknown at the next start");
                    std::process::exit(Exit::Interrupted as i32);
                }
                tracing::info!("stopping; a second signal ends the process at once");
                stop.cancel();
            }
        });
        Ok(lifecycle)
    }

    /// Triggered when the host should stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Where parts that spawn by themselves have their tasks waited for.
    pub fn tracker(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// Spawns a task that the end waits for.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Waits for all tasks, but not for ever.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        within("background tasks", TASKS_DEADLINE, self.tasks.wait()).await;
    }
}

/// Waits for one step of the end; what takes too long is named and left behind.
pub async fn within<F: Future>(what: &str, deadline: Duration, step: F) {
    let begun = std::time::Instant::now();
    if tokio::time::timeout(deadline, step).await.is_err() {
        tracing::warn!(what, seconds = deadline.as_secs(), "did not end in time; going on without it");
    } else {
        tracing::debug!(what, took = ?begun.elapsed(), "ended");
    }
}
