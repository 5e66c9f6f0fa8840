//! `GET /api/vms`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use corral_domain::Selector;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::App;
use crate::api::extract::{Params, limit};
use crate::api::problem::Problem;
use crate::api::types::{Page, Vm};

const LIMIT_DEFAULT: u32 = 200;
const LIMIT_MAX: u32 = 1_000;
const QUERY_MAX: usize = 200;

/// Which VMs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListVms {
    /// Label selector: `env=prod,role=web,!canary`.
    selector: Option<String>,
    /// Part of a name, address, user or label, whatever its case.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most 1,000; 200 without.
    limit: Option<u32>,
}

/// VMs sorted by name.
#[utoipa::path(get, path = "/api/vms", tag = "vms", params(ListVms), responses(
    (status = 200, description = "A page of VMs", body = Page<Vm>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(State(app): State<App>, Params(params): Params<ListVms>) -> Result<Json<Page<Vm>>, Problem> {
    let size = limit(params.limit, LIMIT_DEFAULT, LIMIT_MAX)? as usize;
    let selector = params.selector.as_deref().filter(|text| !text.is_empty()).map(str::parse::<Selector>).transpose();
    let selector = selector.map_err(|error| Problem::bad_parameter("selector", error.to_string()))?;
    let query = params.q.unwrap_or_default().to_lowercase();
    if query.len() > QUERY_MAX {
        return Err(Problem::bad_parameter("q", format!("has at most {QUERY_MAX} bytes")));
    }
    let state = app.engine().state();
    let mut vms: Vec<&Arc<corral_domain::Vm>> = state
        .vms
        .values()
        .filter(|vm| selector.as_ref().is_none_or(|selector| selector.admits(vm)))
        .filter(|vm| query.is_empty() || has(vm, &query))
        .collect();
    vms.sort_by(|a, b| a.name.cmp(&b.name));
    let total = vms.len() as u64;
    // Names are unique, so the last name of a page is a place that survives VMs coming and going.
    let mut rest = vms.into_iter().filter(|vm| params.cursor.as_ref().is_none_or(|cursor| vm.name > *cursor));
    let items: Vec<Vm> = rest.by_ref().take(size).map(|vm| Vm::new(vm, &state)).collect();
    let more = rest.next().is_some();
    let next_cursor = items.last().filter(|_| more).map(|vm| vm.name.clone());
    Ok(Json(Page { items, next_cursor, total: Some(total) }))
}

fn has(vm: &corral_domain::Vm, query: &str) -> bool {
    let within = |text: &str| text.to_lowercase().contains(query);
    within(&vm.name)
        || within(&vm.address)
        || within(&vm.user)
        || vm.labels.iter().any(|(key, value)| within(&format!("{key}={value}")))
}
