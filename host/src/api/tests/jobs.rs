//! Jobs, their output and the event log over HTTP.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use corral_domain::SystemClock;
use corral_engine::Role;
use serde_json::{Value, json};

use super::Host;
use crate::auth::create_api_token;

#[tokio::test]
async fn a_job_has_the_shape_that_scripts_rely_on() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let body = json!({"command": {"script": "lines 3\nexit 4"}, "targets": {"selector": "all"}, "mode": "direct"});
    let answer = host.post("/api/jobs", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let created = answer.json();
    assert_eq!(created["mode"], "direct");
    assert_eq!(created["command"], json!({"script": "lines 3\nexit 4"}));
    assert_eq!(created["targets"], json!([vm]));
    assert_eq!(created["tasks"][0]["vm_name"], "web-1");
    let job = host.finished(created["id"].as_str().unwrap()).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(job["counts"]["failed"], 1);
    let task = &job["tasks"][0];
    assert_eq!((&task["status"], &task["exit_code"], &task["lines"]), (&json!("failed"), &json!(4), &json!(3)));
    assert!(task["finished_at"].is_string() && task["signal"].is_null());
    let listed = host.get("/api/jobs?status=failed").await.json();
    assert_eq!(listed["items"][0]["id"], job["id"]);
    assert!(listed["items"][0].get("tasks").is_none());
    assert_eq!(host.get(&format!("/api/vms/{vm}/jobs")).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_idempotency_key_makes_one_job() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let post = |key: &'static str| {
        let body = json!({"command": {"script": "exit 0"}, "targets": {"vms": [vm]}, "mode": "direct"}).to_string();
        let request = host.request(Method::POST, "/api/jobs").header(header::CONTENT_TYPE, "application/json");
        host.send(request.header("idempotency-key", key).body(Body::from(body)).unwrap())
    };
    let first = post("k1").await.json();
    assert_eq!(post("k1").await.json()["id"], first["id"]);
    assert_ne!(post("k2").await.json()["id"], first["id"]);
    post("").await.problem(400);
}

#[tokio::test]
async fn pages_of_jobs_meet_every_job_once() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let id = host.run("exit 0", &[&vm]).await;
        host.finished(&id).await;
        made.push(id);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = host.get(&format!("/api/jobs?limit=2{cursor}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_job_is_cancelled_once_and_then_says_how_it_ended() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("wait", &[&vm]).await;
    let path = format!("/api/jobs/{id}/cancel");
    assert_eq!(host.post(&path, &json!({})).await.status, StatusCode::ACCEPTED);
    assert_eq!(host.finished(&id).await["status"], "cancelled");
    assert!(host.post(&path, &json!({})).await.problem(409)["detail"].as_str().unwrap().contains("cancelled"));
}

#[tokio::test]
async fn a_log_is_read_by_page_as_text_and_as_ndjson() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 10000\nbytes caf\\xff", &[&vm]).await;
    host.finished(&id).await;
    let path = format!("/api/jobs/{id}/tasks/{vm}/log");
    let page = host.get(&format!("{path}?from=9990&count=5")).await.json();
    assert_eq!((&page["total"], &page["complete"], &page["next"]), (&json!(10_001), &json!(true), &json!(9_995)));
    assert_eq!(page["task"], json!({"job_id": id, "vm_id": vm}));
    let line = &page["lines"][0];
    assert_eq!((&line["n"], &line["text"], &line["stream"]), (&json!(9_990), &json!("line 9990"), &json!("stdout")));
    assert_eq!((&line["annotations"], &line["changed_by"]), (&json!({}), &json!([])));
    let tail = host.get(&format!("{path}?from=-1")).await.json();
    assert_eq!((&tail["from"], &tail["lines"][0]["text"]), (&json!(10_000), &json!("caf\u{fffd}")));
    let text = host.get(&format!("{path}?format=text")).await;
    let expected: Vec<u8> = (0..10_000).flat_map(|n| format!("line {n}\n").into_bytes()).chain(*b"caf\xff\n").collect();
    assert_eq!(text.body, expected);
    assert!(text.header("content-type").starts_with("text/plain"));
    let ndjson = host.get(&format!("{path}?format=ndjson&from=5000&count=4500")).await.text();
    let numbers: Vec<u64> =
        ndjson.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (5_000..9_500).collect::<Vec<_>>());
    host.get(&format!("{path}?count=100000")).await.problem(400);
}

#[tokio::test]
async fn a_task_that_wrote_nothing_has_an_empty_log() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("unreachable", &[&vm]).await;
    let job = host.finished(&id).await;
    assert_eq!(job["tasks"][0]["status"], "unreachable");
    let page = host.get(&format!("/api/jobs/{id}/tasks/{vm}/log")).await.json();
    assert_eq!((&page["total"], &page["complete"], &page["lines"]), (&json!(0), &json!(true), &json!([])));
}

#[tokio::test]
async fn the_event_log_has_no_gaps() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("exit 0", &[&vm]).await;
    host.finished(&id).await;
    let events = host.get("/api/events?since=0").await.json();
    let items = events["items"].as_array().unwrap();
    let seqs: Vec<u64> = items.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=events["seq"].as_u64().unwrap()).collect::<Vec<_>>());
    let types: Vec<_> = items.iter().map(|event| event["type"].as_str().unwrap()).collect();
    for kind in ["templates-changed", "vm-added", "job-created", "task-updated", "job-updated"] {
        assert!(types.contains(&kind), "{kind} in {types:?}");
    }
    let created = items.iter().find(|event| event["type"] == "job-created").unwrap();
    assert_eq!((&created["job"]["id"], &created["actor"]), (&json!(id), &json!("token:test")));
    assert_eq!(created["epoch"], events["epoch"]);
    let rest = host.get(&format!("/api/events?since={}", seqs.len() - 1)).await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn filters_that_are_asked_for_must_be_there_and_only_admins_leave_some_out() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    host.wait_for(|state| state.plugins.contains_key("mask")).await;
    let body = |filters: Value| json!({"command": {"script": "exit 0"}, "targets": {"vms": [vm]}, "mode": "direct", "filters": filters});
    let job = host.post("/api/jobs", &body(json!({"with": ["mask"]}))).await;
    assert_eq!(job.status, StatusCode::CREATED, "{}", job.text());
    assert_eq!(job.json()["filters"], json!({"with": ["mask"], "without": []}));
    let problem = host.post("/api/jobs", &body(json!({"with": ["ops"]}))).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "filters.with");
    let problem = host.post("/api/jobs", &body(json!({"with": ["mask"], "without": ["mask"]}))).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "filters.without");
    assert_eq!(host.post("/api/jobs", &body(json!({"without": ["mask"]}))).await.status, StatusCode::CREATED);
    let operator = create_api_token(&*host.store, &SystemClock, "op", Role::Operator, None).await.unwrap();
    let request = host.bare(Method::POST, "/api/jobs").header(header::AUTHORIZATION, format!("Bearer {operator}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let body = Body::from(body(json!({"without": ["mask"]})).to_string());
    host.send(request.body(body).unwrap()).await.problem(403);
}

#[tokio::test]
async fn what_a_plugin_did_and_said_is_told() {
    let host = Host::start().await;
    host.wait_for(|state| state.plugins.contains_key("mask")).await;
    let stats = host.get("/api/plugins/mask/stats").await.json();
    assert_eq!((&stats["calls"], &stats["p50_micros"], &stats["p99_micros"]), (&json!(7), &json!(90), &Value::Null));
    assert_eq!(stats["limit_hits"], json!({"cpu": 1}));
    let log = host.get("/api/plugins/mask/logs").await.json();
    assert_eq!(log["items"], json!([{"at": "1970-01-01T00:00:00.001Z", "level": "warn", "text": "low on masks"}]));
    for path in ["stats", "logs"] {
        host.get(&format!("/api/plugins/nobody/{path}")).await.problem(404);
    }
    let metrics = host.get("/metrics").await.text();
    assert!(metrics.contains("corral_plugin_calls_total{plugin=\"mask\"} 7\n"), "{metrics}");
    assert!(metrics.contains("corral_plugin_limit_hits_total{plugin=\"mask\",limit=\"cpu\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn jobs_are_counted_by_when_they_were_created_and_how_they_fare() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    for script in ["exit 0", "exit 0", "exit 3"] {
        let id = host.run(script, &[&vm]).await;
        host.finished(&id).await;
    }
    let day = host.get("/api/jobs/activity").await.json();
    assert_eq!(day["step_seconds"], 3600);
    let items = day["items"].as_array().unwrap();
    assert_eq!(items.len(), 25, "the last day in hours, and what has begun of the next");
    assert_eq!(items[0]["at"], day["since"]);
    let sum = |status: &str| items.iter().map(|step| step[status].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("succeeded"), sum("failed"), sum("running"), sum("queued")), (2, 1, 0, 0));
    assert_eq!((sum("cancelled"), sum("unknown")), (0, 0));
    let later = host.get("/api/jobs/activity?since=2020-01-01T00:00:00Z&step_seconds=31536000").await.json();
    assert_eq!(later["items"][0]["succeeded"], 0);
    assert_eq!(later["items"].as_array().unwrap().last().unwrap()["failed"], 1);
}

#[tokio::test]
async fn what_no_activity_can_be_told_for_is_refused_with_a_reason() {
    let host = Host::start().await;
    for (query, says) in [
        ("since=yesterday", "since"),
        ("since=2999-01-01T00:00:00Z", "future"),
        ("step_seconds=0", "1 at least"),
        ("since=2020-01-01T00:00:00Z&step_seconds=60", "1000 is the most"),
        ("step=60", "step"),
    ] {
        let text = host.get(&format!("/api/jobs/activity?{query}")).await.problem(400).to_string();
        assert!(text.contains(says), "{query}: {text}");
    }
}

#[tokio::test]
async fn what_a_template_marks_as_secret_is_told_to_nobody() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let template = json!({"id": "ops/disk", "args": {"path": "/", "token": "hunter2-secret"}});
    let body = json!({"template": template, "targets": {"vms": [vm]}});
    let created = host.post("/api/jobs", &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    assert_eq!(created.json()["template"], json!({"id": "ops/disk", "args": {"path": "/"}}));
    let id = created.json()["id"].as_str().unwrap().to_owned();
    for path in [format!("/api/jobs/{id}"), "/api/jobs".into(), "/api/events?since=0".into()] {
        let text = host.get(&path).await.text();
        assert!(text.contains("ops/disk") && !text.contains("hunter2"), "{path}: {text}");
    }
}
