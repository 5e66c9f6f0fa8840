//! `POST /api/plugins`

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};

use crate::api::App;
use crate::api::extract::{Caller, read_bounded};
use crate::api::problem::Problem;
use crate::api::types::Plugin;
use crate::package::{PACKAGE_MAX, unpack};

/// How long a package may take to come over a slow line.
const SEND_TIMEOUT: Duration = Duration::from_mins(5);

/// Installs a plugin, or another version of one that was installed, and loads it. If it cannot be loaded, nothing is changed.
///
/// The body is a tar archive compressed by gzip, at most 72 MiB, with `plugin.toml`, `plugin.wasm` and what belongs to them.
#[utoipa::path(post, path = "/api/plugins", tag = "plugins", operation_id = "install_plugin",
    request_body(content = Vec<u8>, content_type = "application/gzip"), responses(
    (status = 200, description = "The plugin; `blocked` where it still wants to be granted something", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn install(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Plugin>, Problem> {
    // Before the body is read: it is large, and not for everybody to send.
    caller.actor().require(corral_engine::Role::Admin)?;
    let package = read_bounded(request, PACKAGE_MAX, SEND_TIMEOUT).await?;
    let unpacked =
        tokio::task::spawn_blocking(move || unpack(&package)).await.map_err(|error| Problem::internal(&error))?;
    let files = unpacked.map_err(Problem::bad_request)?;
    Ok(Json(Plugin::from(&app.engine().install_plugin(caller.actor(), files).await?)))
}
