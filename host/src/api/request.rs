//! What every request goes through: an id for the log, the Host check, the size of its body, a stop for panics, and who
//! sent it.

use std::any::Any;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tracing::Instrument;

use super::App;
use super::extract::{BODY_MAX, check_json};
use super::problem::Problem;
use crate::auth::{Identity, Means};
use crate::package::PACKAGE_MAX;

/// Longest path with its query, in bytes.
const URI_MAX: usize = 8 * 1024;
/// A refused body is read on and thrown away for at most this long and this far, so that the sender gets to see the
/// refusal instead of a broken connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const DRAIN_MAX: usize = 32 * 1024 * 1024;
/// What a plugin's package says that it is.
const PACKAGE_TYPE: &str = "application/gzip";

/// Marks an answer that is sent as it is: it is compressed already, or must not wait for what follows it.
#[derive(Debug, Clone, Copy)]
pub struct AsItIs;

tokio::task_local! {
    static REQUEST: u64;
}
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Name of the request that is being answered, for the log.
pub fn current_id() -> String {
    REQUEST.try_with(|id| format!("request-{id}")).unwrap_or_else(|_| "no-request".to_owned())
}

/// Names the request, counts the answer, and logs it for who wants to see.
pub async fn name(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let span = tracing::debug_span!("http", id, method = %request.method(), path = request.uri().path());
    let response = REQUEST.scope(id, next.run(request).instrument(span.clone())).await;
    app.figures().count(response.status());
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    response
}

/// The answer to a panic in a handler. The panic hook has logged it.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    let error = std::io::Error::other("a handler panicked");
    Problem::internal(&error).into_response()
}

/// Refuses what is too long or is not addressed to this host.
pub async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_MAX) {
        let detail = format!("a path with its query has at most {URI_MAX} bytes");
        return Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", "The URL is too long", detail).into_response();
    }
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    if !probe && let Err(problem) = check_host(&app, &request) {
        return problem.into_response();
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let announced: u64 = length.unwrap_or_else(|| request.body().size_hint().lower());
    let most = body_max(&request);
    if announced > most as u64 {
        drain(request.into_body());
        let mut response = Problem::too_large(most).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    next.run(request).await
}

/// How large a body may be: a plugin is larger than anything else that is sent.
fn body_max(request: &Request) -> usize {
    let plugin = request.method() == Method::POST && request.uri().path() == "/api/plugins";
    if plugin { PACKAGE_MAX } else { BODY_MAX }
}

fn check_host(app: &App, request: &Request) -> Result<(), Problem> {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    let host = host.ok_or_else(|| Problem::bad_request("the Host header is missing"))?;
    Ok(app.auth().names().check_host(host)?)
}

fn drain(mut body: Body) {
    // Ends by itself: bounded in time and length.
    tokio::spawn(tokio::time::timeout(DRAIN_TIMEOUT, async move {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, bytes::Bytes::len);
            if seen > DRAIN_MAX {
                return;
            }
        }
    }));
}

/// Lets only those pass who are known; what changes something must come from the host's own pages, or with a token.
pub async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match recognise(&app, request.method().clone(), request.headers().clone()).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn recognise(app: &App, method: Method, headers: HeaderMap) -> Result<Identity, Problem> {
    let identity = app.auth().authenticate(&headers).await?;
    if identity.means == Means::Cookie && !method.is_safe() {
        app.auth().names().check_origin(&headers, true)?;
        check_typed(&headers)?;
    }
    Ok(identity)
}

/// Forms of other sites can send neither JSON nor packages; a body of another kind is refused before it is read.
fn check_typed(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if kind != PACKAGE_TYPE => check_json(headers),
        _ => Ok(()),
    }
}

/// Where the request came from, if the server says.
pub fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// 404 for `/api/…`.
pub async fn no_such_path(uri: http::Uri) -> Problem {
    let detail = format!("there is nothing at {}; /api/docs lists what there is", shorten(uri.path()));
    Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such path", detail)
}

/// 405.
pub async fn wrong_method(method: Method, uri: http::Uri) -> Problem {
    let detail = format!("{} does not take {method}; /api/docs lists what it takes", shorten(uri.path()));
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "The path does not take this method", detail)
}

fn shorten(path: &str) -> String {
    path.chars().take(200).collect()
}

/// Runs a future as part of the request that is being answered, for errors that occur while a body is streamed.
pub fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let id = REQUEST.try_with(|id| *id).unwrap_or(0);
    REQUEST.scope(id, future)
}

/// Answers of the API are of the moment and not for anybody else's cache.
pub async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
