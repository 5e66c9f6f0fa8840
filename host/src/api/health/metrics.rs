//! `GET /metrics`: what is true now, in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use corral_domain::TaskStatus;
use corral_engine::ports::PluginStats;

use crate::api::App;
use crate::api::app::SOCKETS_MAX;
use crate::api::types::{PluginState, VmStatus};

/// Figures of the host.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics", responses(
    (status = 200, description = "Prometheus text", body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&app)).into_response()
}

fn text(app: &App) -> String {
    let mut out = Metrics(String::new());
    let state = app.engine().state();
    out.head("corral_build_info", "gauge", "The version that runs.");
    out.line("corral_build_info", &format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1);
    out.head("corral_vms", "gauge", "VMs by status.");
    let status = |vm| state.health.get(vm).map_or(VmStatus::Unknown, |health| health.status.into());
    for (name, wanted) in [("unknown", VmStatus::Unknown), ("online", VmStatus::Online), ("offline", VmStatus::Offline)]
    {
        let count = state.vms.keys().filter(|vm| status(vm) == wanted).count();
        out.line("corral_vms", &format!("{{status=\"{name}\"}}"), count as u64);
    }
    out.one("corral_jobs_unfinished", "gauge", "Jobs that have not ended.", state.jobs.len() as u64);
    out.head("corral_tasks_unfinished", "gauge", "Tasks that have not ended, by status.");
    for status in TaskStatus::ALL.into_iter().filter(|status| !status.is_final()) {
        let count = state.tasks.values().filter(|task| task.status == status).count();
        out.line("corral_tasks_unfinished", &format!("{{status=\"{}\"}}", status.as_str()), count as u64);
    }
    out.one("corral_event_seq", "counter", "Events since the database was made.", state.seq);
    let active = state.plugins.values().filter(|plugin| PluginState::from(plugin.state) == PluginState::Active).count();
    out.head("corral_plugins", "gauge", "Plugins that serve, and that do not.");
    out.line("corral_plugins", "{active=\"true\"}", active as u64);
    out.line("corral_plugins", "{active=\"false\"}", (state.plugins.len() - active) as u64);
    plugins(&mut out, app);
    let sockets = SOCKETS_MAX.saturating_sub(app.sockets().available_permits());
    out.one("corral_sockets", "gauge", "Open WebSockets.", sockets as u64);
    let figures = app.figures();
    out.head("corral_http_responses_total", "counter", "Answers by class of status.");
    for (class, count) in figures.answers() {
        out.line("corral_http_responses_total", &format!("{{class=\"{class}xx\"}}"), count);
    }
    let lines = figures.lines_sent.load(Ordering::Relaxed);
    out.one("corral_log_lines_sent_total", "counter", "Log lines sent through sockets.", lines);
    let slow = figures.slow_sockets.load(Ordering::Relaxed);
    out.one("corral_slow_sockets_total", "counter", "Sockets closed because their client was too slow.", slow);
    out.0
}

/// What each plugin did. A plugin's id has nothing but letters, digits and dashes.
fn plugins(out: &mut Metrics, app: &App) {
    let all: Vec<_> = app
        .engine()
        .state()
        .plugins
        .keys()
        .filter_map(|id| Some((id.clone(), app.engine().plugin_stats(id)?)))
        .collect();
    let mut each = |name: &str, kind: &str, help: &str, value: fn(&PluginStats) -> u64| {
        out.head(name, kind, help);
        for (id, stats) in &all {
            out.line(name, &format!("{{plugin=\"{id}\"}}"), value(stats));
        }
    };
    each("corral_plugin_calls_total", "counter", "Calls of plugins.", |stats| stats.calls);
    each("corral_plugin_failed_calls_total", "counter", "Calls without an answer that could be used.", |stats| {
        stats.failed
    });
    each("corral_plugin_traps_total", "counter", "Calls that trapped.", |stats| stats.traps);
    each("corral_plugin_cpu_microseconds_total", "counter", "Processor time of calls.", |stats| stats.cpu_micros);
    each("corral_plugin_call_p99_microseconds", "gauge", "What 99 of 100 calls did not exceed.", |stats| {
        stats.p99_micros.unwrap_or(0)
    });
    each("corral_plugin_peak_memory_bytes", "gauge", "The most memory of one instance.", |stats| {
        stats.peak_memory_bytes
    });
    each("corral_plugin_lines_seen_total", "counter", "Lines given to filters.", |stats| stats.lines.seen);
    each("corral_plugin_lines_changed_total", "counter", "Lines of which filters changed the text.", |stats| {
        stats.lines.changed
    });
    each("corral_plugin_lines_dropped_total", "counter", "Lines that filters left out.", |stats| stats.lines.dropped);
    out.head("corral_plugin_limit_hits_total", "counter", "Calls that hit a limit.");
    for (id, stats) in &all {
        for (limit, hits) in &stats.limit_hits {
            out.line("corral_plugin_limit_hits_total", &format!("{{plugin=\"{id}\",limit=\"{limit}\"}}"), *hits);
        }
    }
}

struct Metrics(String);

impl Metrics {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string cannot fail.
        let _infallible = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: u64) {
        let _infallible = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}
