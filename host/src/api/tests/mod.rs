//! The API over a real engine and a real database in a temporary folder; only SSH and plugins are made up.

mod auth;
mod commands;
mod errors;
mod export;
mod fakes;
mod fanout;
mod frames;
mod jobs;
mod packages;
mod page;
mod search;
mod secrets;
mod socket;
mod vms;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use corral_domain::{Clock, SystemClock};
use corral_engine::{Deps, Engine, Role, Settings};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{App, router};
use crate::auth::{Auth, Options, create_api_token};
use fakes::{Counter, FakePlugins, FakeRunner, FakeSecrets};

/// A host without a process: everything but the command line.
struct Host {
    app: App,
    engine: Engine,
    router: Router,
    auth: Auth,
    store: Arc<SqliteStore>,
    runner: Arc<FakeRunner>,
    address: SocketAddr,
    admin: String,
    stop: CancellationToken,
    tasks: TaskTracker,
    _folder: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem document of this status and returns it.
    fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:corral:problem:"));
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        assert!(problem["errors"].is_array());
        problem
    }
}

impl Host {
    async fn start() -> Self {
        Self::with_settings(Settings { health_interval: None, ..Settings::default() }).await
    }

    async fn with_settings(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path(), SqliteOptions::default()).await.unwrap());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let runner = Arc::new(FakeRunner::default());
        let deps = Deps {
            state: store.clone(),
            logs: store.clone(),
            runner: runner.clone(),
            capsules: runner.clone(),
            plugins: Arc::new(FakePlugins),
            secrets: Arc::new(FakeSecrets::default()),
            clock: clock.clone(),
            random: Arc::new(Counter::default()),
        };
        let (notices, receiver) = mpsc::channel(16);
        let engine = Engine::start(deps, settings, receiver).await.unwrap();
        for notice in fakes::notices() {
            notices.send(notice).await.unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options { listen: address, public_url: None, allowed_origins: Vec::new() };
        let auth = Auth::new(store.clone(), clock.clone(), options);
        let admin = create_api_token(&*store, &SystemClock, "test", Role::Admin, None).await.unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let app = App::new(engine.clone(), auth.clone(), clock, stop.clone(), tasks.clone());
        let router = router(app.clone());
        tokio::spawn(super::serve(listener, router.clone(), stop.clone(), tasks.clone()));
        let host = Self { app, engine, router, auth, store, runner, address, admin, stop, tasks, _folder: folder };
        host.wait_for(|state| !state.plugin_templates.is_empty()).await;
        host
    }

    /// Waits until the state is so.
    async fn wait_for(&self, holds: impl Fn(&corral_domain::State) -> bool) {
        let mut events = self.engine.subscribe(None);
        while !holds(&self.engine.state()) {
            events.next().await.unwrap().unwrap();
        }
    }

    /// Waits until a job has ended, and gives it with its tasks.
    async fn finished(&self, id: &str) -> Value {
        let id = id.parse().unwrap();
        self.wait_for(|state| !state.jobs.contains_key(&id)).await;
        self.get(&format!("/api/jobs/{id}")).await.json()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A request with the admin's token.
    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        self.bare(method, path).header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
    }

    /// A request of nobody.
    fn bare(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string())
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Adds a VM and gives its id.
    async fn vm(&self, name: &str) -> String {
        let answer = self.post("/api/vms", &serde_json::json!({"name": name, "address": "192.0.2.1"})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Starts a script on VMs and gives the job's id.
    async fn run(&self, script: &str, vms: &[&str]) -> String {
        let body = serde_json::json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": "direct"});
        let answer = self.post("/api/jobs", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Logs in as a browser does and gives the cookie.
    async fn cookie(&self) -> String {
        let link = self.auth.create_login_link_token().await.unwrap();
        let path = format!("/login?token={link}");
        let answer = self.send(self.bare(Method::GET, &path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}
