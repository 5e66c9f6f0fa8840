//! `GET /api/secrets`

use axum::Json;
use axum::extract::State;
use corral_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;
use crate::api::types::Page;

/// What may be told of a secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// By which VMs and jobs ask for it.
    pub name: String,
    /// When it was first set.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its value was last set.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Names of the VMs that need it.
    pub vms: Vec<String>,
}

/// Names of all secrets.
#[utoipa::path(get, path = "/api/secrets", tag = "secrets", operation_id = "list_secrets", responses(
    (status = 200, description = "Secrets by name, without their values", body = Page<Secret>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Secret>>, Problem> {
    let secrets = app.engine().secrets(caller.actor()).await?;
    let items = secrets.into_iter().map(|(info, vms)| Secret {
        name: info.name,
        created_at: info.created_at,
        updated_at: info.updated_at,
        vms,
    });
    Ok(Json(Page::whole(items.collect())))
}
