//! The inventory over HTTP.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::Host;

#[tokio::test]
async fn a_vm_has_the_shape_that_scripts_rely_on() {
    let host = Host::start().await;
    let body = json!({"name": "web-1", "address": "192.0.2.1", "labels": {"env": "prod"}});
    let answer = host.post("/api/vms", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let vm = answer.json();
    assert_eq!(answer.header("location"), format!("/api/vms/{}", vm["id"].as_str().unwrap()));
    assert_eq!(answer.header("etag"), "\"1\"");
    let expected = json!({"name": "web-1", "address": "192.0.2.1", "port": 22, "user": "", "transport": "ssh",
        "labels": {"env": "prod"}, "status": "unknown", "latency_ms": null, "auth": {"kind": "agent"}, "jump": [], "version": 1});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&vm[field], value, "{field}");
    }
    let time = vm["created_at"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == "2023-11-14T22:13:20.007Z".len(), "{time}");
    assert_eq!(host.get(answer.header("location")).await.json(), vm);
    host.post("/api/vms", &body).await.problem(409);
}

#[tokio::test]
async fn pages_meet_every_vm_once() {
    let host = Host::start().await;
    for n in 0..7 {
        host.vm(&format!("web-{n}")).await;
    }
    host.vm("db-1").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = host.get(&format!("/api/vms?q=WEB&limit=3{cursor}")).await.json();
        assert_eq!(page["total"], 7);
        seen.extend(page["items"].as_array().unwrap().iter().map(|vm| vm["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("web-{n}")).collect::<Vec<_>>());
    let one = host.get("/api/vms?selector=db-*").await.json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_edit_of_something_older_is_refused() {
    let host = Host::start().await;
    let path = format!("/api/vms/{}", host.vm("web-1").await);
    let patch = |tag: &'static str| {
        let request = host.request(Method::PATCH, &path).header(header::CONTENT_TYPE, "application/json");
        host.send(
            request
                .header(header::IF_MATCH, tag)
                .body(Body::from(format!("{{\"user\": \"u{}\"}}", tag.len())))
                .unwrap(),
        )
    };
    let changed = patch("\"1\"").await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    assert!(patch("\"1\"").await.problem(412)["detail"].as_str().unwrap().contains("version 2"));
    assert_eq!(patch("*").await.status, StatusCode::OK);
    patch("2").await.problem(400);
}

#[tokio::test]
async fn a_vm_is_replaced_changed_and_removed() {
    let host = Host::start().await;
    let path = format!("/api/vms/{}", host.vm("web-1").await);
    let replaced = host.json(Method::PUT, &path, &json!({"name": "web-2", "address": "192.0.2.2", "port": 2222})).await;
    assert_eq!(replaced.json()["port"], 2222);
    let patched = host.json(Method::PATCH, &path, &json!({"labels": {"env": "dev"}})).await.json();
    assert_eq!(
        (&patched["labels"], &patched["port"], &patched["version"]),
        (&json!({"env": "dev"}), &json!(2222), &json!(3))
    );
    let keys = json!({"name": "web-2", "address": "x", "host_keys": ["ssh-ed25519 AAAA"]});
    host.json(Method::PUT, &path, &keys).await.problem(422);
    assert_eq!(host.json(Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    host.get(&path).await.problem(404);
}

#[tokio::test]
async fn a_connection_test_that_fails_is_an_answer_with_its_steps() {
    let host = Host::start().await;
    let path = format!("/api/vms/{}/test", host.vm("web-1").await);
    let answer = host.post(&path, &json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    let result = answer.json();
    assert_eq!(result["ok"], false);
    assert_eq!(result["steps"][1]["name"], "connect");
    assert_eq!(result["failure"]["remedy"], "is sshd running there?");
}

#[tokio::test]
async fn machines_that_ssh_knows_are_shown_and_taken_over() {
    let host = Host::start().await;
    let found = host.get("/api/ssh/hosts").await.json();
    assert_eq!((&found["items"][0]["name"], &found["items"][0]["difference"]), (&json!("found-1"), &json!("new")));
    host.post("/api/discovery/ssh-config/import", &json!({})).await.problem(422);
    host.post("/api/discovery/ssh-config/import", &json!({"external_ids": []})).await.problem(422);
    let imported = host.post("/api/discovery/ssh-config/import", &json!({"all": true})).await.json();
    assert_eq!(imported["added"].as_array().unwrap().len(), 1);
    let again = host.get("/api/discovery/ssh-config").await.json();
    assert_eq!(again["items"][0]["difference"], "same");
    assert_eq!(host.get("/api/discovery").await.json()["items"], json!(["ssh-config"]));
}

#[tokio::test]
async fn a_vm_that_is_asked_tells_what_it_is_and_one_that_is_down_says_so() {
    let host = Host::start().await;
    let path = format!("/api/vms/{}", host.vm("web-1").await);
    assert_eq!(host.get(&path).await.json()["facts"], json!(null));
    let vm = host.post(&format!("{path}/facts"), &json!({})).await.json();
    let facts = &vm["facts"];
    assert_eq!((&facts["os"], &facts["cpus"]), (&json!("Debian GNU/Linux 13 (trixie)"), &json!(2)));
    assert_eq!((&facts["load_1"], &facts["disk_bytes"]), (&json!(0.25), &json!(null)));
    assert_eq!(host.get(&path).await.json(), vm);
    let events = host.get("/api/events?since=0").await.json();
    let told = events["items"].as_array().unwrap().iter().find(|event| event["type"] == "vm-facts-changed").unwrap();
    assert_eq!(&told["facts"], facts);
    let down = format!("/api/vms/{}/facts", host.vm("down").await);
    let problem = host.post(&down, &json!({})).await.problem(502);
    assert!(problem["detail"].as_str().unwrap().contains("connection refused"), "{problem}");
}
