//! The OpenAPI document, and a page that shows it.

use std::fmt::Write;

use axum::Json;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use serde_json::Value;
use utoipa::OpenApi;

use super::web::escape;
use super::{
    auth, commands, discovery, events, health, jobs, logs, plugins, problem, search, secrets, settings, ssh_hosts,
    types, vms, ws,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Corral",
        description = "Runs commands on a fleet over SSH, keeps every line, shows it live. docs/api.md and docs/protocol.md \
                       say what this document cannot."
    ),
    paths(
        vms::list, vms::add, vms::show, vms::replace, vms::change, vms::remove, vms::test, vms::gather_facts, vms::host_key, vms::jobs,
        vms::commands, vms::save_command, ssh_hosts::list, discovery::sources, discovery::find, discovery::find_now,
        discovery::import, commands::list, commands::save, commands::show, commands::replace, commands::remove,
        commands::render, jobs::list, jobs::activity, jobs::create, jobs::show, jobs::cancel, jobs::check, jobs::close, jobs::groups,
        jobs::retry, logs::read, logs::export_log, logs::export_job, search::search_logs, plugins::list, plugins::show, plugins::stats, plugins::log, plugins::reload, plugins::grant, plugins::revoke, plugins::enable, plugins::disable, plugins::history, plugins::readme,
        plugins::install, plugins::remove, settings::list, settings::set,
        secrets::list, secrets::set, secrets::remove, events::list, auth::login, auth::logout, auth::me, health::live,
        health::ready, health::metrics,
    ),
    components(schemas(
        types::Event, ws::ClientMessage, ws::ServerMessage, ws::StateSnapshot, problem::FieldProblem, logs::LogLine,
    )),
    tags(
        (name = "vms", description = "The inventory"),
        (name = "discovery", description = "Finding VMs elsewhere"),
        (name = "commands", description = "Templates"),
        (name = "jobs", description = "Jobs and their output"), (name = "logs", description = "Search"),
        (name = "plugins"), (name = "settings"), (name = "secrets"), (name = "events"), (name = "auth"), (name = "health"),
    ),
)]
struct Document;

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// `GET /api/openapi.json`
pub async fn json() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

/// `GET /api/docs.css`
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("web/page.css"))
}

/// `GET /api/docs`
pub async fn page() -> Html<String> {
    Html(render(&serde_json::to_value(openapi()).unwrap_or_default()))
}

fn render(document: &Value) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>API · Corral</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/api/docs.css\"></head>\
         <body><main><h1>The API of Corral</h1><p>The whole document, for generators: \
         <a href=\"/api/openapi.json\">openapi.json</a>.</p>",
    );
    for tag in document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()) {
        // Writing into a string cannot fail.
        let _infallible = write!(out, "<h2>{}</h2><dl>", escape(tag));
        for (path, method, operation) in operations(document).filter(|(_, _, op)| op["tags"][0] == tag) {
            let text = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or("");
            let method = method.to_uppercase();
            let _infallible = write!(
                out,
                "<dt><code><span class=\"method\">{method}</span> {}</code></dt><dd>{}{}</dd>",
                escape(path),
                escape(text),
                parameters(operation),
            );
        }
        out.push_str("</dl>");
    }
    out.push_str("</main></body></html>");
    out
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(verb, op)| (path, verb, op)))
}

fn parameters(operation: &Value) -> String {
    let mut out = String::new();
    let queries = operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] != "path");
    for parameter in queries {
        let name = escape(parameter["name"].as_str().unwrap_or(""));
        let text = escape(parameter["description"].as_str().unwrap_or(""));
        let _infallible = write!(out, "<br><code>{name}</code> {text}");
    }
    let body = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
    if let Some(name) = body.and_then(|reference| reference.rsplit('/').next()) {
        let _infallible = write!(out, "<br>body: <code>{}</code>", escape(name));
    }
    out
}
