//! What is not JSON: the dashboard, the reference page, figures, headers; and that the document tells the truth.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};

use super::Host;
use crate::api::openapi;

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let host = Host::start().await;
    for path in ["/api/vms", "/healthz", "/nothing.js", "/"] {
        let answer = host.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        let policy = answer.header("content-security-policy");
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap();
        assert!(!scripts.contains("unsafe"), "{policy}");
    }
    assert_eq!(host.get("/api/vms").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn paths_of_the_dashboard_give_its_page_and_missing_files_do_not() {
    let host = Host::start().await;
    let page = |path: &'static str| {
        host.send(host.bare(Method::GET, path).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap())
    };
    // Without a built dashboard the page says how to build it; either way it is a page.
    for path in ["/", "/jobs/some-id", "/vms"] {
        let answer = page(path).await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE), "{path}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    page("/_app/immutable/gone.js").await.problem(404);
    page("/../../etc/passwd.txt").await.problem(404);
}

#[tokio::test]
async fn the_document_lists_only_what_the_router_has() {
    let host = Host::start().await;
    let document = serde_json::to_value(openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let real = path.replace("{id}", "x").replace("{vm}", "x").replace("{source}", "x").replace("{key}", "x");
            let answer = host.send(host.request(method.clone(), &real).body(Body::empty()).unwrap()).await;
            let text = answer.text();
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!text.contains("There is no such path"), "{method} {path}");
        }
    }
    for schema in
        ["Vm", "Job", "Task", "Template", "Plugin", "Event", "StateSnapshot", "ClientMessage", "ServerMessage"]
    {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

#[tokio::test]
async fn the_reference_page_and_the_figures_are_true() {
    let host = Host::start().await;
    host.vm("web-1").await;
    let docs = host.get("/api/docs").await.text();
    assert!(docs.contains("/api/jobs/{id}/cancel") && !docs.contains("<script"));
    let figures = host.get("/metrics").await.text();
    assert!(figures.contains("corral_vms{status=\"unknown\"} 1\n"), "{figures}");
    assert!(figures.contains("corral_http_responses_total{class=\"2xx\"}"));
    assert_eq!(host.get("/readyz").await.status, StatusCode::OK);
    host.stop.cancel();
    host.get("/readyz").await.problem(503);
}
