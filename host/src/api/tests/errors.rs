//! Every kind of refusal is a problem document that says what happened and what to do.

use axum::body::Body;
use axum::http::{Method, header};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use super::Host;

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

#[tokio::test]
async fn unknown_and_malformed_ids_are_told_apart() {
    let host = Host::start().await;
    for path in ["/api/vms/", "/api/jobs/"] {
        host.get(&format!("{path}{NOBODY}")).await.problem(404);
        let problem = host.get(&format!("{path}nonsense")).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("nonsense"), "{problem}");
    }
    host.get("/api/commands/nobody/nothing").await.problem(404);
    host.get("/api/plugins/nobody").await.problem(404);
    host.get(&format!("/api/jobs/{NOBODY}/tasks/{NOBODY}/log")).await.problem(404);
    host.get("/api/jobs/x/tasks/y/log").await.problem(400);
    host.get("/api/discovery/nobody").await.problem(404);
    host.post("/api/plugins/nobody/reload", &json!({})).await.problem(404);
}

#[tokio::test]
async fn unknown_paths_and_methods_say_where_to_look() {
    let host = Host::start().await;
    let problem = host.get("/api/nothing").await.problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("/api/docs"));
    host.json(Method::DELETE, "/api/jobs", &json!({})).await.problem(405);
    host.json(Method::POST, "/nothing", &json!({})).await.problem(405);
    host.post("/api/commands/ops/disk", &json!({})).await.problem(405);
}

#[tokio::test]
async fn a_body_that_is_not_json_says_where() {
    let host = Host::start().await;
    let request = host.request(Method::POST, "/api/vms").header(header::CONTENT_TYPE, "application/json");
    let answer = host.send(request.body(Body::from("{\"name\": oops}")).unwrap()).await;
    assert!(answer.problem(400)["detail"].as_str().unwrap().contains("column"));
    let request = host.request(Method::POST, "/api/vms").header(header::CONTENT_TYPE, "text/plain");
    host.send(request.body(Body::from("{}")).unwrap()).await.problem(415);
    let request = host.request(Method::POST, "/api/vms");
    host.send(request.body(Body::from("{}")).unwrap()).await.problem(415);
}

#[tokio::test]
async fn fields_that_are_wrong_are_named() {
    let host = Host::start().await;
    let problem = host.post("/api/vms", &json!({"name": "a", "nmae": "b"})).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "nmae");
    let problem = host.post("/api/vms", &json!({"name": "a b", "address": "-x", "port": 0})).await.problem(422);
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert!(["name", "address", "port"].iter().all(|field| fields.contains(field)), "{problem}");
    let problem = host.post("/api/vms", &json!({"name": "a", "auth": {"kind": "password"}})).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "auth.secret");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let host = Host::start().await;
    let request = host.request(Method::POST, "/api/vms").header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::CONTENT_LENGTH, "1073741824");
    // A body that never comes: an answer means that nobody waited for it.
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let announced = host.send(request.body(never).unwrap()).await;
    assert!(announced.problem(413)["detail"].as_str().unwrap().contains("2097152"));
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536])));
    let request = host.request(Method::POST, "/api/vms").header(header::CONTENT_TYPE, "application/json");
    host.send(request.body(Body::from_stream(endless)).unwrap()).await.problem(413);
}

#[tokio::test]
async fn queries_and_pages_have_bounds_that_are_named() {
    let host = Host::start().await;
    assert!(host.get("/api/jobs?limit=100000").await.problem(400)["detail"].as_str().unwrap().contains("200"));
    host.get("/api/jobs?limit=0").await.problem(400);
    host.get("/api/jobs?status=dancing").await.problem(400);
    host.get("/api/jobs?since=yesterday").await.problem(400);
    host.get("/api/jobs?statsu=failed").await.problem(400);
    host.get("/api/vms?selector=a=1,,b").await.problem(400);
    host.get(&format!("/api/vms?q={}", "x".repeat(10_000))).await.problem(414);
}

#[tokio::test]
async fn an_empty_choice_of_targets_never_means_all() {
    let host = Host::start().await;
    host.vm("web-1").await;
    for targets in [json!({}), json!({"vms": []}), json!({"selector": ""}), json!({"selector": "env=nowhere"})] {
        let problem =
            host.post("/api/jobs", &json!({"command": {"script": "exit 0"}, "targets": targets})).await.problem(422);
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with("targets"), "{problem}");
    }
}

#[tokio::test]
async fn how_a_job_goes_over_its_vms_is_checked_field_by_field() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let refused = async |more: Value| {
        let mut body = json!({"command": {"script": "exit 0"}, "targets": {"vms": [vm]}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let problem = host.post("/api/jobs", &body).await.problem(422);
        problem["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    for (more, field) in [
        (json!({"canary": 0}), "canary"),
        (json!({"canary": "101%"}), "canary"),
        (json!({"batch": 2}), "batch"),
        (json!({"batch": {"size": "x"}}), "batch.size"),
        (json!({"batch": {"size": 1, "pause_seconds": 90_000}}), "batch.pause_seconds"),
        (json!({"max_failures": 0}), "max_failures"),
        (json!({"job_timeout_seconds": 0}), "job_timeout_seconds"),
        (json!({"run_as": "root"}), "run_as"),
        (json!({"run_as": {"user": "-u"}}), "run_as.user"),
        (json!({"run_as": {"user": "root", "secret": "nowhere"}}), "run_as.secret"),
        (json!({"mode": "terminal"}), "mode"),
        (json!({"dry_run": true, "canary": 0}), "canary"),
    ] {
        assert_eq!(refused(more.clone()).await, field, "{more}");
    }
}
