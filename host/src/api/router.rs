//! Every route.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::{
    App, auth, commands, discovery, document, events, health, jobs, logs, plugins, request, search, secrets, settings,
    ssh_hosts, vms, web, ws,
};

/// Smaller answers are sent as they are.
const COMPRESS_ABOVE: u16 = 1024;

/// The whole of it.
pub fn router(app: App) -> Router {
    let compressible = SizeAbove::new(COMPRESS_ABOVE)
        .and(NotForContentType::const_new("application/octet-stream"))
        .and(NotForContentType::const_new("font/"))
        .and(NotForContentType::IMAGES)
        .and(|_: http::StatusCode, _: http::Version, _: &http::HeaderMap, of: &http::Extensions| {
            of.get::<request::AsItIs>().is_none()
        });
    Router::new()
        .merge(private().layer(from_fn_with_state(app.clone(), request::authenticate)))
        .merge(public())
        .fallback(web::serve)
        .method_not_allowed_fallback(request::wrong_method)
        .layer(CompressionLayer::new().gzip(true).compress_when(compressible))
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(from_fn_with_state(app.clone(), request::check))
        .layer(from_fn_with_state(app.clone(), web::harden))
        .layer(from_fn_with_state(app.clone(), request::name))
        .with_state(app)
}

fn public() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/login", get(auth::link))
        .route("/api/auth/login", post(auth::login))
        .route("/api/openapi.json", get(document::json))
        .route("/api/docs", get(document::page))
        .route("/api/docs.css", get(document::style))
        .route("/api", get(request::no_such_path))
        .route("/api/{*path}", axum::routing::any(request::no_such_path))
}

fn private() -> Router<App> {
    Router::new()
        .route("/api/vms", get(vms::list).post(vms::add))
        .route("/api/vms/{id}", get(vms::show).put(vms::replace).patch(vms::change).delete(vms::remove))
        .route("/api/vms/{id}/test", post(vms::test))
        .route("/api/vms/{id}/facts", post(vms::gather_facts))
        .route("/api/vms/{id}/host-key", post(vms::host_key))
        .route("/api/vms/{id}/jobs", get(vms::jobs))
        .route("/api/vms/{id}/commands", get(vms::commands).post(vms::save_command))
        .route("/api/ssh/hosts", get(ssh_hosts::list))
        .route("/api/discovery", get(discovery::sources))
        .route("/api/discovery/{source}", get(discovery::find).post(discovery::find_now))
        .route("/api/discovery/{source}/import", post(discovery::import))
        .route("/api/commands", get(commands::list).post(commands::save))
        // Ids have a slash, and `/render` follows them: one wildcard takes both.
        .route(
            "/api/commands/{*id}",
            get(commands::show).put(commands::replace).delete(commands::remove).post(commands::render),
        )
        .route("/api/jobs", get(jobs::list).post(jobs::create))
        .route("/api/jobs/activity", get(jobs::activity))
        .route("/api/jobs/{id}", get(jobs::show))
        .route("/api/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/jobs/{id}/check", post(jobs::check))
        .route("/api/jobs/{id}/close", post(jobs::close))
        .route("/api/jobs/{id}/groups", get(jobs::groups))
        .route("/api/jobs/{id}/retry", post(jobs::retry))
        .route("/api/jobs/{id}/tasks/{vm}/log", get(logs::read))
        .route("/api/jobs/{id}/tasks/{vm}/log/export", get(logs::export_log))
        .route("/api/jobs/{id}/export", get(logs::export_job))
        .route("/api/search/logs", get(search::search_logs))
        .route("/api/plugins", get(plugins::list).post(plugins::install))
        .route("/api/plugins/{id}", get(plugins::show).delete(plugins::remove))
        .route("/api/plugins/{id}/stats", get(plugins::stats))
        .route("/api/plugins/{id}/logs", get(plugins::log))
        .route("/api/plugins/{id}/history", get(plugins::history))
        .route("/api/plugins/{id}/readme", get(plugins::readme))
        .route("/api/plugins/{id}/grants", post(plugins::grant).delete(plugins::revoke))
        .route("/api/plugins/{id}/enable", post(plugins::enable))
        .route("/api/plugins/{id}/disable", post(plugins::disable))
        .route("/api/plugins/{id}/reload", post(plugins::reload))
        .route("/api/settings", get(settings::list))
        .route("/api/settings/{key}", put(settings::set))
        .route("/api/secrets", get(secrets::list))
        .route("/api/secrets/{name}", put(secrets::set).delete(secrets::remove))
        .route("/api/events", get(events::list))
        .route("/api/auth/logout", post(auth::logout))
        .route("/api/auth/me", get(auth::me))
        .route("/api/ws", get(ws::open))
        .route("/metrics", get(health::metrics))
        .layer(from_fn(request::no_store))
}
