//! What handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use corral_domain::Clock;
use corral_engine::Engine;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::web::Assets;
use crate::auth::Auth;

/// Sockets at once.
pub const SOCKETS_MAX: usize = 256;

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    auth: Auth,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    tasks: TaskTracker,
    assets: Assets,
    figures: Figures,
    sockets: Arc<Semaphore>,
}

impl App {
    /// Joins the parts. `stop` closes sockets and makes the host not ready; `tasks` tracks what is spawned here.
    pub fn new(engine: Engine, auth: Auth, clock: Arc<dyn Clock>, stop: CancellationToken, tasks: TaskTracker) -> Self {
        let sockets = Arc::new(Semaphore::new(SOCKETS_MAX));
        let assets = Assets::embedded(auth.names());
        let figures = Figures::default();
        Self { inner: Arc::new(Inner { engine, auth, clock, stop, tasks, assets, figures, sockets }) }
    }

    /// The use cases.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Tokens and sessions.
    pub fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Triggered when the host stops.
    pub fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Tracks what is spawned here.
    pub fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    /// The dashboard.
    pub fn assets(&self) -> &Assets {
        &self.inner.assets
    }

    /// What is counted.
    pub fn figures(&self) -> &Figures {
        &self.inner.figures
    }

    /// Room for sockets.
    pub fn sockets(&self) -> &Arc<Semaphore> {
        &self.inner.sockets
    }
}

/// Counters for `/metrics`.
#[derive(Debug, Default)]
pub struct Figures {
    /// Answers by the first digit of their status, from 1 to 5.
    classes: [AtomicU64; 5],
    /// Log lines sent through sockets.
    pub lines_sent: AtomicU64,
    /// Sockets closed because their client was too slow.
    pub slow_sockets: AtomicU64,
}

impl Figures {
    /// Counts an answer.
    pub fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.classes[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers per class: `2`, count.
    pub fn answers(&self) -> impl Iterator<Item = (usize, u64)> {
        self.classes.iter().enumerate().map(|(index, count)| (index + 1, count.load(Ordering::Relaxed)))
    }
}
