//! The dashboard: files embedded at compile time, and the headers that keep it safe.

mod assets;
mod headers;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

pub use assets::Assets;
pub use headers::harden;

use super::request::{no_such_path, wrong_method};

/// Files whose names change with their content.
const IMMUTABLE: &str = "_app/immutable/";
const PAGE_STYLE: &str = include_str!("page.css");

/// Everything that is not a route: a file of the dashboard, or its one page for the paths that it routes itself.
pub async fn serve(request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if method != Method::GET && method != Method::HEAD {
        return wrong_method(method, uri).await.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if path == "page.css" {
        return ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], PAGE_STYLE).into_response();
    }
    if let Some(file) = Assets::get(path) {
        let cache = if path.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
        return answer(request.headers(), &file, cache);
    }
    if !wants_page(path, request.headers()) {
        return no_such_path(uri).await.into_response();
    }
    match Assets::get("index.html") {
        Some(index) => answer(request.headers(), &index, "no-cache"),
        None => not_built(),
    }
}

/// A path of the dashboard's own router: it has no file extension and the browser asks for a page.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let last = path.rsplit('/').next().unwrap_or("");
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let html = accept.contains("text/html") || accept.contains("*/*");
    html && (path.is_empty() || path == "index.html" || !last.contains('.'))
}

fn answer(headers: &HeaderMap, file: &assets::Asset, cache: &'static str) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, file.content_type.clone())], file.bytes.clone()).into_response()
    };
    // Weak: the same file may be sent compressed or not.
    if let Ok(tag) = HeaderValue::from_str(&format!("W/{}", file.etag)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn not_built() -> Response {
    let text = "This program was compiled without the dashboard. Build it and compile again; the API works meanwhile.";
    let page = page("The dashboard is not built", text, Some("cargo xtask web"));
    (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
}

/// A small page of the host's own, for when the dashboard cannot speak.
pub fn page(title: &str, text: &str, command: Option<&str>) -> String {
    let command = command.map(|command| format!("<pre>{}</pre>", escape(command))).unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Corral</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/page.css\"></head>\
         <body><main><h1>{title}</h1><p>{text}</p>{command}</main></body></html>",
        title = escape(title),
        text = escape(text),
    )
}

/// Text for HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
