//! `GET /api/discovery/{source}`, `POST /api/discovery/{source}`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use corral_domain::{Timestamp, VmId};
use corral_engine::Difference;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;
use crate::api::types::{Auth, Transport};

/// What a source found, compared with the inventory.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovery {
    /// Discovery plugin.
    pub source: String,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it found.
    pub items: Vec<FoundVm>,
}

/// A machine that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundVm {
    /// The source's name for it.
    pub external_id: String,
    /// Name that it would have.
    pub name: String,
    /// Name or IP address.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Account.
    pub user: String,
    /// How it is reached.
    pub transport: Transport,
    /// Labels that it would have.
    pub labels: BTreeMap<String, String>,
    /// How the host would prove who it is.
    pub auth: Auth,
    /// External ids of its hops, nearest first.
    pub jump_ids: Vec<String>,
    /// Whether the source says that it runs.
    #[schema(required)]
    pub running: Option<bool>,
    /// The VM that was imported from it, or has its name.
    #[schema(required, value_type = Option<String>)]
    pub existing: Option<VmId>,
    /// How it differs from the inventory.
    pub difference: DifferenceKind,
    /// Fields that differ.
    pub changed_fields: Vec<String>,
}

/// How a found machine differs from the inventory.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Not in the inventory.
    New,
    /// As in the inventory.
    Same,
    /// Some fields differ.
    Changed,
    /// Another VM has its name.
    NameTaken,
}

/// What a source finds now.
#[utoipa::path(get, path = "/api/discovery/{source}", tag = "discovery", operation_id = "discover", params(("source" = String, Path)), responses(
    (status = 200, description = "What was found", body = Discovery),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn find(
    State(app): State<App>,
    caller: Caller,
    Path(source): Path<String>,
) -> Result<Json<Discovery>, Problem> {
    Ok(Json(discover(&app, &caller, &source).await?))
}

/// Runs a source now.
#[utoipa::path(post, path = "/api/discovery/{source}", tag = "discovery", operation_id = "run_discovery", params(("source" = String, Path)), responses(
    (status = 200, description = "What was found", body = Discovery),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn find_now(
    State(app): State<App>,
    caller: Caller,
    Path(source): Path<String>,
) -> Result<Json<Discovery>, Problem> {
    Ok(Json(discover(&app, &caller, &source).await?))
}

/// Asks a source and compares.
pub async fn discover(app: &App, caller: &Caller, source: &str) -> Result<Discovery, Problem> {
    let found = app.engine().discover(caller.actor(), source).await?;
    let items = found.into_iter().map(FoundVm::from).collect();
    Ok(Discovery { source: source.to_owned(), at: app.clock().now(), items })
}

impl From<corral_engine::Discovered> for FoundVm {
    fn from(discovered: corral_engine::Discovered) -> Self {
        let corral_engine::Discovered { found, existing, difference } = discovered;
        let (difference, changed_fields, existing) = match difference {
            Difference::New => (DifferenceKind::New, Vec::new(), existing),
            Difference::Same => (DifferenceKind::Same, Vec::new(), existing),
            Difference::Changed(fields) => (DifferenceKind::Changed, fields, existing),
            Difference::NameTaken(other) => (DifferenceKind::NameTaken, Vec::new(), Some(other)),
        };
        Self {
            external_id: found.external_id,
            name: found.new.name,
            address: found.new.address,
            port: found.new.port,
            user: found.new.user,
            transport: found.new.transport.into(),
            labels: found.new.labels,
            auth: found.new.auth.into(),
            jump_ids: found.jump_ids,
            running: found.running,
            existing,
            difference,
            changed_fields,
        }
    }
}
