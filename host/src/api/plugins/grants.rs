//! `POST` and `DELETE /api/plugins/{id}/grants`

use axum::Json;
use axum::extract::{Path, State};
use corral_domain::Grant;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::App;
use crate::api::extract::{Body, Caller, Params};
use crate::api::problem::Problem;
use crate::api::types::Plugin;

/// Grants at once.
const GRANTS_MAX: usize = 64;

/// What to grant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantBody {
    /// Grants: `kv`, `vms:env=dev`, `http:inventory.example.com`, `secrets:NAME`.
    grants: Vec<String>,
}

/// What to take away.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevokeQuery {
    /// A grant as the plugin shows it.
    grant: String,
}

/// Grants a plugin something that it wants, and loads it anew. The answer says how it fares with it.
#[utoipa::path(post, path = "/api/plugins/{id}/grants", tag = "plugins", operation_id = "grant_plugin", request_body = GrantBody,
    params(("id" = String, Path)), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn grant(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<GrantBody>,
) -> Result<Json<Plugin>, Problem> {
    if body.grants.is_empty() || body.grants.len() > GRANTS_MAX {
        return Err(Problem::invalid_field("grants", format!("names 1 to {GRANTS_MAX} grants")));
    }
    let grants = body.grants.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Plugin::from(&app.engine().grant_plugin(caller.actor(), &id, &grants).await?)))
}

/// Takes something away that was granted here. Calls that are under way are refused from now on, too.
#[utoipa::path(delete, path = "/api/plugins/{id}/grants", tag = "plugins", operation_id = "revoke_plugin",
    params(("id" = String, Path), RevokeQuery), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<RevokeQuery>,
) -> Result<Json<Plugin>, Problem> {
    let grant = read(&query.grant)?;
    Ok(Json(Plugin::from(&app.engine().revoke_plugin(caller.actor(), &id, &[grant]).await?)))
}

fn read(text: &str) -> Result<Grant, Problem> {
    text.parse().map_err(|error: corral_domain::InvalidGrant| Problem::invalid_field("grant", error.to_string()))
}
