//! Secrets and host keys over HTTP: what goes in, what never comes out, what is left behind.

use axum::http::{Method, StatusCode};
use corral_domain::EventKind;
use serde_json::{Value, json};

use super::Host;

fn key(last: char) -> String {
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZ{last}")
}

#[tokio::test]
async fn a_secret_goes_in_and_its_value_never_comes_out() {
    let host = Host::start().await;
    let set = |value: &str| json!({ "value": value });
    let answer = host.json(Method::PUT, "/api/secrets/db.root", &set("hunter2 hunter2")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    let vm = json!({"name": "web-1", "address": "192.0.2.1", "auth": {"kind": "password", "secret": "db.root"}});
    assert_eq!(host.post("/api/vms", &vm).await.status, StatusCode::CREATED);
    let listed = host.get("/api/secrets").await;
    let secrets = listed.json();
    assert_eq!((&secrets["items"][0]["name"], &secrets["items"][0]["vms"]), (&json!("db.root"), &json!(["web-1"])));
    for path in ["/api/secrets", "/api/vms", "/api/events", "/api/openapi.json"] {
        assert!(!host.get(path).await.text().contains("hunter2"), "{path}");
    }
    // What a machine needs is removed by force only.
    let refused = host.json(Method::DELETE, "/api/secrets/db.root", &json!({})).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("`web-1`"), "{refused}");
    let removed = host.json(Method::DELETE, "/api/secrets/db.root?force=true", &json!({})).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    host.json(Method::DELETE, "/api/secrets/db.root", &json!({})).await.problem(404);
}

#[tokio::test]
async fn a_secret_that_cannot_be_kept_says_what_is_wrong_without_repeating_it() {
    let host = Host::start().await;
    for (name, value, field) in
        [("-x", "v", "name"), ("a%20b", "v", "name"), ("ok", "", "value"), ("ok", "sec\u{0}ret", "value")]
    {
        let answer = host.json(Method::PUT, &format!("/api/secrets/{name}"), &json!({ "value": value })).await;
        let problem = answer.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(!problem.to_string().contains("sec"), "{problem}");
    }
    let long = json!({ "value": "x".repeat(16 * 1024 + 1) });
    host.json(Method::PUT, "/api/secrets/ok", &long).await.problem(422);
    host.json(Method::PUT, "/api/secrets/ok", &json!({"value": "v", "other": 1})).await.problem(422);
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused_by_name_and_others_are_kept() {
    let host = Host::start().await;
    let options = json!({"ciphers": ["aes256-ctr"], "kex": ["diffie-hellman-group14-sha1"], "macs": ["hmac-sha1"]});
    let vm = |options: Value| json!({"name": "web-1", "address": "192.0.2.1", "options": options});
    let problem = host.post("/api/vms", &vm(options)).await.problem(422);
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["options.kex", "options.macs"]);
    let options = json!({"keepalive_seconds": 5, "ciphers": ["aes256-ctr"]});
    let made = host.post("/api/vms", &vm(options.clone())).await.json();
    assert_eq!(made["options"], options);
    let path = format!("/api/vms/{}", made["id"].as_str().unwrap());
    let changed = host.json(Method::PATCH, &path, &json!({"options": {"keepalive_seconds": 9}})).await.json();
    assert_eq!(changed["options"], json!({"keepalive_seconds": 9}));
    let kept = host.json(Method::PATCH, &path, &json!({"port": 2222})).await.json();
    assert_eq!(kept["options"], json!({"keepalive_seconds": 9}));
}

#[tokio::test]
async fn a_revoked_host_key_is_remembered_until_a_person_accepts_it_by_name() {
    let host = Host::start().await;
    let path = format!("/api/vms/{}/host-key", host.vm("web-1").await);
    let decide = async |action: &str, key: Option<&str>| {
        let mut body = json!({ "action": action });
        if let Some(key) = key {
            body["key"] = key.into();
        }
        host.post(&path, &body).await
    };
    let keys = |vm: &Value, list: &str| -> Vec<String> {
        vm[list].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap().to_owned()).collect()
    };
    let (old, new) = (key('J'), key('K'));
    decide("accept", Some(&old)).await;
    let vm = decide("revoke", None).await.json();
    assert_eq!((keys(&vm, "host_keys"), keys(&vm, "revoked_host_keys")), (vec![], vec![old.clone()]));
    // What the host met by itself does not undo a person's word.
    let id = vm["id"].as_str().unwrap().parse().unwrap();
    let first = corral_engine::HostKeyAction::Accept { key: Some(old.clone()) };
    let refused = host.engine.host_key(&corral_engine::Actor::host(), id, first).await.unwrap_err();
    assert!(refused.to_string().contains("was revoked"), "{refused}");
    let vm = decide("replace", Some(&new)).await.json();
    assert_eq!((keys(&vm, "host_keys"), keys(&vm, "revoked_host_keys")), (vec![new.clone()], vec![old.clone()]));
    let vm = decide("accept", Some(&old)).await.json();
    assert_eq!((keys(&vm, "host_keys"), keys(&vm, "revoked_host_keys")), (vec![new, old], vec![]));
    // Each decision is an event; the audit rows are in the same transactions.
    let mut changes = 0;
    for event in host.engine.events(0, 100).await.unwrap().events {
        changes += usize::from(matches!(event.kind, EventKind::VmUpdated { .. }) && event.actor != "host");
    }
    assert_eq!(changes, 5, "accept, revoke, replace, pardon, accept");
}
