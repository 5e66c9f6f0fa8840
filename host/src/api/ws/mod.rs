//! The socket. docs/protocol.md is the promise; this is who keeps it.
//!
//! One task reads, one writes, one serves each channel. Everything that waits to be sent is counted in bytes against one
//! budget, so that a slow client slows its own log channels and in the end loses its socket, and nothing else.

mod frame;
mod log;
mod message;
mod outbox;
mod session;
mod snapshot;
mod state;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::Response;

pub use message::{ClientMessage, ServerMessage, StateSnapshot};

use super::App;
use super::extract::Caller;
use super::problem::Problem;
use crate::auth::Means;

/// The subprotocol.
const PROTOCOL: &str = "corral.v1";
/// Largest frame from a client, in bytes.
const FRAME_MAX: usize = 64 * 1024;

/// `GET /api/ws`
pub async fn open(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    // A cookie is sent by any page's script; a page of another site must not get a socket with it.
    app.auth().names().check_origin(&headers, caller.0.means == Means::Cookie)?;
    let upgrade = upgrade.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    if !offered.flat_map(|list| list.split(',')).any(|name| name.trim() == PROTOCOL) {
        let text = format!("this socket speaks the subprotocol {PROTOCOL}; offer it in Sec-WebSocket-Protocol");
        return Err(Problem::bad_request(text));
    }
    if app.stop().is_cancelled() {
        return Err(Problem::unavailable("the host is being stopped"));
    }
    let permit = app.sockets().clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::unavailable("too many sockets are open"))?;
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(FRAME_MAX).max_frame_size(FRAME_MAX);
    Ok(upgrade.on_upgrade(move |socket| {
        let tasks = app.tasks().clone();
        tasks.track_future(async move {
            session::run(app, caller.0, socket).await;
            drop(permit);
        })
    }))
}
