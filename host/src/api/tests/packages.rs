//! Plugins over HTTP: who may send them, and what is looked at before the plugin host is asked.

use axum::body::Body;
use axum::http::{Method, header};
use bytes::Bytes;
use corral_domain::SystemClock;
use corral_engine::Role;
use serde_json::json;

use super::{Answer, Host};
use crate::auth::create_api_token;
use crate::package::{PACKAGE_MAX, pack};

async fn send(host: &Host, body: impl Into<Body>) -> Answer {
    host.send(host.request(Method::POST, "/api/plugins").body(body.into()).unwrap()).await
}

fn detail(answer: &Answer, status: u16) -> String {
    answer.problem(status)["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_package_is_taken_apart_and_larger_than_any_other_body() {
    let host = Host::start().await;
    // Bytes that do not compress: the package is larger than what other routes take.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..4 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let files = [("plugin.toml".to_owned(), Bytes::from_static(b"id")), ("plugin.wasm".to_owned(), noise.into())];
    let answer = send(&host, pack(&files).unwrap()).await;
    assert_eq!(detail(&answer, 422), "it came with plugin.toml 2, plugin.wasm 4194304");
}

#[tokio::test]
async fn what_is_no_package_or_too_large_is_refused() {
    let host = Host::start().await;
    assert!(detail(&send(&host, "{}").await, 400).contains("no package"));
    let cut = &pack(&[("plugin.toml".to_owned(), Bytes::from_static(b"id"))]).unwrap()[..20];
    assert!(detail(&send(&host, cut.to_vec()).await, 400).contains("cut off"));
    let announced = host.request(Method::POST, "/api/plugins").header(header::CONTENT_LENGTH, PACKAGE_MAX + 1);
    host.send(announced.body(Body::empty()).unwrap()).await.problem(413);
}

#[tokio::test]
async fn a_page_of_the_hosts_own_sends_a_package_with_its_cookie() {
    let host = Host::start().await;
    let (cookie, own) = (host.cookie().await, format!("http://{}", host.address));
    let package = pack(&[("plugin.toml".to_owned(), Bytes::from_static(b"id"))]).unwrap();
    let send = async |origin: &str, kind: &str| {
        let request = host.bare(Method::POST, "/api/plugins").header(header::COOKIE, &cookie);
        let request = request.header(header::ORIGIN, origin).header(header::CONTENT_TYPE, kind);
        host.send(request.body(Body::from(package.clone())).unwrap()).await
    };
    assert_eq!(detail(&send(&own, "application/gzip").await, 422), "it came with plugin.toml 2");
    send(&own, "multipart/form-data; boundary=x").await.problem(415);
    send("http://evil.example", "application/gzip").await.problem(403);
}

#[tokio::test]
async fn only_an_admin_installs_and_removes() {
    let host = Host::start().await;
    let token = create_api_token(&*host.store, &SystemClock, "op", Role::Operator, None).await.unwrap();
    for (method, path) in [(Method::POST, "/api/plugins"), (Method::DELETE, "/api/plugins/mask")] {
        let request = host.bare(method, path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        host.send(request.body(Body::empty()).unwrap()).await.problem(403);
    }
    let answer = host.json(Method::DELETE, "/api/plugins/mask", &json!({})).await;
    assert_eq!(detail(&answer, 409), "the plugin mask stays");
}
