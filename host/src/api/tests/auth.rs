//! Who may come in, and from where.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use corral_domain::SystemClock;
use corral_engine::Role;
use serde_json::json;

use super::{Answer, Host};
use crate::auth::create_api_token;

async fn get_with(host: &Host, name: header::HeaderName, value: &str) -> Answer {
    host.send(host.bare(Method::GET, "/api/vms").header(name, value).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_a_token_nothing_is_shown_and_the_answer_says_how_to_get_one() {
    let host = Host::start().await;
    for path in ["/api/vms", "/api/jobs", "/api/events", "/api/plugins", "/api/settings", "/metrics", "/api/ws"] {
        let answer = host.send(host.bare(Method::GET, path).body(Body::empty()).unwrap()).await;
        let problem = answer.problem(401);
        assert!(problem["detail"].as_str().unwrap().contains("corral login-link"), "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"corral\"");
    }
    get_with(&host, header::AUTHORIZATION, "Bearer corral_wrong").await.problem(401);
    get_with(&host, header::COOKIE, "corral_session=wrong").await.problem(401);
    let answer = host.send(host.bare(Method::GET, "/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_link_works_once() {
    let host = Host::start().await;
    let link = host.auth.create_login_link_token().await.unwrap();
    let path = format!("/login?token={link}");
    let look = host.send(host.bare(Method::HEAD, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(look.status, StatusCode::OK);
    let first = host.send(host.bare(Method::GET, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let cookie = first.header("set-cookie");
    assert!(cookie.starts_with("corral_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let second = host.send(host.bare(Method::GET, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(second.status, StatusCode::FORBIDDEN);
    assert!(second.text().contains("corral login-link") && second.header("content-type").starts_with("text/html"));
    host.post("/api/auth/login", &json!({"token": link})).await.problem(403);
}

#[tokio::test]
async fn with_a_cookie_only_the_hosts_own_pages_change_anything() {
    let host = Host::start().await;
    let cookie = host.cookie().await;
    assert_eq!(get_with(&host, header::COOKIE, &cookie).await.status, StatusCode::OK);
    let own = format!("http://{}", host.address);
    let body = json!({"name": "web-1", "address": "192.0.2.1"}).to_string();
    let post = |headers: &[(&str, &str)]| {
        let mut request = host.bare(Method::POST, "/api/vms").header(header::COOKIE, &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        host.send(request.body(Body::from(body.clone())).unwrap())
    };
    let json = ("content-type", "application/json");
    post(&[json]).await.problem(403);
    post(&[json, ("origin", "https://evil.example")]).await.problem(403);
    post(&[json, ("origin", "null"), ("sec-fetch-site", "same-origin")]).await.problem(403);
    post(&[json, ("sec-fetch-site", "cross-site")]).await.problem(403);
    post(&[("content-type", "text/plain"), ("origin", &own)]).await.problem(415);
    assert_eq!(post(&[json, ("origin", &own)]).await.status, StatusCode::CREATED);
    assert_eq!(host.engine.state().vms.len(), 1);
}

#[tokio::test]
async fn logging_out_ends_the_session_and_clears_the_cookie() {
    let host = Host::start().await;
    let cookie = host.cookie().await;
    let request = host.bare(Method::POST, "/api/auth/logout").header(header::COOKIE, &cookie);
    let request = request.header(header::ORIGIN, format!("http://{}", host.address));
    let answer = host.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    get_with(&host, header::COOKIE, &cookie).await.problem(401);
}

#[tokio::test]
async fn a_role_does_what_it_may_and_no_more() {
    let host = Host::start().await;
    let viewer = create_api_token(&*host.store, &SystemClock, "look", Role::Viewer, None).await.unwrap();
    let request = host.bare(Method::POST, "/api/vms").header(header::AUTHORIZATION, format!("Bearer {viewer}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let answer = host.send(request.body(Body::from(r#"{"name":"a","address":"b"}"#)).unwrap()).await;
    assert!(answer.problem(403)["detail"].as_str().unwrap().contains("admin"));
    assert_eq!(get_with(&host, header::AUTHORIZATION, &format!("Bearer {viewer}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_looks_arranges_their_own_overview_and_nobody_else_s() {
    let host = Host::start().await;
    let viewer = create_api_token(&*host.store, &SystemClock, "look", Role::Viewer, None).await.unwrap();
    let put = async |key: &str| {
        let request = host.bare(Method::PUT, &format!("/api/settings/{key}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {viewer}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        host.send(request.body(Body::from(r#"{"value":{"top":["figures"]}}"#)).unwrap()).await
    };
    assert_eq!(put("token%3Alook%2Foverview").await.status, StatusCode::OK);
    assert_eq!(host.get("/api/settings").await.json()["token:look/overview"], json!({"top": ["figures"]}));
    for key in ["token%3Atest%2Foverview", "token%3Alook%2Felse", "overview"] {
        put(key).await.problem(403);
    }
}

#[tokio::test]
async fn who_is_asking_can_be_asked() {
    let host = Host::start().await;
    let me = host.get("/api/auth/me").await.json();
    assert_eq!(me, json!({"name": "token:test", "role": "admin", "via": "token", "expires_at": null}));
}

#[tokio::test]
async fn a_name_of_somebody_else_that_leads_here_is_refused() {
    let host = Host::start().await;
    let request = axum::http::Request::builder().uri("/api/vms").header(header::HOST, "evil.example:80");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", host.admin));
    host.send(request.body(Body::empty()).unwrap()).await.problem(403);
    let request = axum::http::Request::builder().uri("/api/vms");
    host.send(request.body(Body::empty()).unwrap()).await.problem(400);
}

#[tokio::test]
async fn many_wrong_links_have_to_wait() {
    let host = Host::start().await;
    for _ in 0..10 {
        host.post("/api/auth/login", &json!({"token": "wrong"})).await.problem(403);
    }
    let answer = host.post("/api/auth/login", &json!({"token": "wrong"})).await;
    answer.problem(429);
    assert!(!answer.header("retry-after").is_empty());
}
