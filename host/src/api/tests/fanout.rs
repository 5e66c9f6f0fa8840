//! Preview, retry, close, groups and idempotency keys over HTTP.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Answer, Host};

/// A job in mode `direct` on these VMs, with these fields besides.
fn body(script: &str, vms: &[&str], more: &Value) -> Value {
    let mut body = json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": "direct"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn keyed(host: &Host, key: &str, body: &Value) -> Answer {
    let request = host.request(Method::POST, "/api/jobs").header(header::CONTENT_TYPE, "application/json");
    host.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_preview_makes_nothing_and_its_hash_binds_the_job() {
    let host = Host::start().await;
    let (one, two) = (host.vm("web-1").await, host.vm("web-2").await);
    let vms = [one.as_str(), two.as_str()];
    let more = json!({"dry_run": true, "canary": 1, "env": {"A": "it's"}, "workdir": "/srv"});
    let answer = host.post("/api/jobs", &body("exit 0", &vms, &more)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let preview = answer.json();
    assert_eq!((&preview["dry_run"], &preview["total"], &preview["mode"]), (&json!(true), &json!(2), &json!("direct")));
    assert_eq!(preview["waves"], json!([{"name": "canary", "vms": [one]}, {"name": "rest", "vms": [two]}]));
    assert_eq!(preview["items"][1]["shell"], "cd -- /srv || exit 125\nexport A='it'\\''s'\nexit 0");
    assert_eq!(host.get("/api/jobs").await.json()["items"], json!([]));

    let bound = |workdir: &str| {
        let more =
            json!({"canary": 1, "env": {"A": "it's"}, "workdir": workdir, "expect_hash": preview["command_hash"]});
        body("exit 0", &vms, &more)
    };
    let problem = host.post("/api/jobs", &bound("/tmp")).await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("previewed"), "{problem}");
    let job = host.post("/api/jobs", &bound("/srv")).await.json();
    assert_eq!((&job["command_hash"], &job["canary"]), (&preview["command_hash"], &json!(1)));
}

#[tokio::test]
async fn what_failed_runs_again_as_a_job_of_its_own() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("exit 4", &[&vm]).await;
    host.finished(&id).await;
    let path = format!("/api/jobs/{id}/retry");
    let again = host.post(&path, &json!({"which": "failed"})).await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.json()["retry_of"], json!(id));
    assert_eq!(again.header("location"), format!("/api/jobs/{}", again.json()["id"].as_str().unwrap()));
    host.post(&path, &json!({"which": "unreachable"})).await.problem(409);
    host.post(&path, &json!({"which": "some"})).await.problem(422);
    host.post(&path, &json!({})).await.problem(422);
}

#[tokio::test]
async fn a_closed_job_has_ended_in_the_answer_already() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("wait", &[&vm]).await;
    let closed = host.post(&format!("/api/jobs/{id}/close"), &json!({})).await;
    assert_eq!(closed.status, StatusCode::ACCEPTED);
    assert!(closed.json()["finished_at"].is_string(), "{}", closed.text());
    let message = host.get(&format!("/api/jobs/{id}")).await.json()["tasks"][0]["message"].clone();
    assert!(message.as_str().unwrap().starts_with("the job was closed by token:test"), "{message}");
    host.post(&format!("/api/jobs/{id}/close"), &json!({})).await.problem(409);
}

#[tokio::test]
async fn identical_output_is_one_group() {
    let host = Host::start().await;
    let (one, two) = (host.vm("web-1").await, host.vm("web-2").await);
    let id = host.run("lines 3", &[&one, &two]).await;
    host.finished(&id).await;
    let groups = host.get(&format!("/api/jobs/{id}/groups?stream=both")).await.json();
    assert_eq!((&groups["total"], &groups["pending"]), (&json!(2), &json!(0)));
    let group = &groups["groups"][0];
    assert_eq!((&group["text"], &group["lines"]), (&json!("line 0\nline 1\nline 2\n"), &json!(3)));
    assert_eq!(group["vms"][1], json!({"vm_id": two, "vm_name": "web-2", "status": "succeeded"}));
    assert!(group["diff"].is_null());
    host.get(&format!("/api/jobs/{id}/groups?stream=neither")).await.problem(400);
}

#[tokio::test]
async fn another_request_with_a_used_key_is_a_conflict() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let first = keyed(&host, "k", &body("exit 0", &[&vm], &json!({}))).await.json();
    let same = keyed(&host, "k", &body("exit 0", &[&vm], &json!({}))).await;
    assert_eq!((same.status, &same.json()["id"]), (StatusCode::CREATED, &first["id"]));
    keyed(&host, "k", &body("exit 0", &[&vm], &json!({"stdin": "other"}))).await.problem(409);
}
