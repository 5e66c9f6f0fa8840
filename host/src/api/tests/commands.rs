//! Templates and settings over HTTP.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::Host;

#[tokio::test]
async fn a_template_is_saved_found_edited_and_removed() {
    let host = Host::start().await;
    let saved = host.post("/api/commands", &json!({"title": "Restart nginx", "script": "exit 0"})).await;
    assert_eq!((saved.status, saved.header("location")), (StatusCode::CREATED, "/api/commands/saved/restart-nginx"));
    let twin = host.post("/api/commands", &json!({"title": "Restart nginx", "script": "exit 0"})).await.json();
    assert_eq!(twin["id"], "saved/restart-nginx-2");
    for path in ["/api/commands/saved/restart-nginx", "/api/commands/saved%2Frestart-nginx"] {
        assert_eq!(host.get(path).await.json()["script"], "exit 0", "{path}");
    }
    let path = "/api/commands/saved/restart-nginx";
    let request = host.request(Method::PUT, path).header(header::CONTENT_TYPE, "application/json");
    let stale = request.header(header::IF_MATCH, "\"1\"").body(Body::from(r#"{"title":"t","script":"s"}"#)).unwrap();
    host.send(stale).await.problem(412);
    let edited = host.json(Method::PUT, path, &json!({"title": "Again", "script": "exit 1"})).await.json();
    assert_eq!((&edited["title"], &edited["script"]), (&json!("Again"), &json!("exit 1")));
    assert_eq!(host.json(Method::DELETE, path, &json!({})).await.status, StatusCode::NO_CONTENT);
    host.get(path).await.problem(404);
    host.json(Method::PUT, path, &json!({"title": "Again", "script": "exit 1"})).await.problem(404);
}

#[tokio::test]
async fn what_a_plugin_offers_is_not_edited_here() {
    let host = Host::start().await;
    let problem = host.json(Method::DELETE, "/api/commands/ops/disk", &json!({})).await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("plugin `ops`"));
}

#[tokio::test]
async fn suggestions_are_what_suits_the_vm() {
    let host = Host::start().await;
    let web = host.vm("web-1").await;
    let body = json!({"name": "db-1", "address": "192.0.2.2", "labels": {"role": "db"}});
    let db = host.post("/api/vms", &body).await.json()["id"].as_str().unwrap().to_owned();
    let own = host.post(&format!("/api/vms/{web}/commands"), &json!({"title": "Mine", "script": "exit 0"})).await;
    assert_eq!(own.json()["vm"], web.as_str());
    let ids = |answer: serde_json::Value| {
        answer["items"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(host.get(&format!("/api/commands?vm={db}")).await.json()), ["ops/disk"]);
    assert_eq!(ids(host.get(&format!("/api/commands?vm={web}")).await.json()), ["saved/mine"]);
    assert_eq!(ids(host.get("/api/commands?q=DISK").await.json()), ["ops/disk"]);
    assert_eq!(ids(host.get(&format!("/api/vms/{web}/commands")).await.json()), ["saved/mine"]);
}

#[tokio::test]
async fn a_preview_shows_what_each_vm_would_run_and_starts_nothing() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let body = json!({"args": {"path": "/my data"}, "targets": {"vms": [vm]}});
    let preview = host.post("/api/commands/ops/disk/render", &body).await.json();
    assert_eq!(preview["items"][0]["command"], json!({"argv": ["df", "/my data"]}));
    assert_eq!(preview["items"][0]["shell"], "df '/my data'");
    assert_eq!(host.runner.started.load(std::sync::atomic::Ordering::SeqCst), 0);
    let wrong = json!({"args": {"path": 7}, "targets": {"selector": "all"}});
    host.post("/api/commands/ops/disk/render", &wrong).await.problem(422);
    host.post("/api/commands/ops/nothing/render", &body).await.problem(404);
}

#[tokio::test]
async fn a_setting_is_kept_and_taken_back() {
    let host = Host::start().await;
    host.json(Method::PUT, "/api/settings/theme", &json!({"value": "dark"})).await;
    assert_eq!(host.get("/api/settings").await.json(), json!({"theme": "dark"}));
    host.json(Method::PUT, "/api/settings/theme", &json!({"value": null})).await;
    assert_eq!(host.get("/api/settings").await.json(), json!({}));
    host.json(Method::PUT, "/api/settings/theme", &json!({})).await.problem(422);
}
