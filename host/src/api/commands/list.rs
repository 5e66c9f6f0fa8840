//! `GET /api/commands`

use axum::Json;
use axum::extract::State;
use corral_domain::{Selector, Vm, VmId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::App;
use crate::api::extract::Params;
use crate::api::problem::Problem;
use crate::api::types::{Page, Template};

/// Which templates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTemplates {
    /// Part of an id, title, description or category, whatever its case.
    q: Option<String>,
    /// Only what suits this VM.
    vm: Option<String>,
}

/// Templates of every origin, sorted by id.
#[utoipa::path(get, path = "/api/commands", tag = "commands", operation_id = "list_commands", params(ListTemplates), responses(
    (status = 200, description = "Templates", body = Page<Template>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<ListTemplates>,
) -> Result<Json<Page<Template>>, Problem> {
    let state = app.engine().state();
    let mut templates = Template::all(&state);
    if let Some(query) = params.q.map(|q| q.to_lowercase()).filter(|q| !q.is_empty()) {
        templates.retain(|template| {
            [&template.id, &template.title, &template.description, &template.category]
                .iter()
                .any(|text| text.to_lowercase().contains(&query))
        });
    }
    if let Some(id) = params.vm {
        let id: VmId = id.parse().map_err(|error| Problem::bad_parameter("vm", format!("{error}")))?;
        let vm = state.vms.get(&id).ok_or_else(|| Problem::not_found("VM", id))?;
        templates.retain(|template| suits(template, vm));
    }
    Ok(Json(Page::whole(templates)))
}

fn suits(template: &Template, vm: &Vm) -> bool {
    if let Some(only) = template.vm {
        return only == vm.id;
    }
    // A selector that cannot be read suits nothing; it is the plugin's fault and shown where it is used.
    template.applies_to.is_empty() || template.applies_to.parse::<Selector>().is_ok_and(|selector| selector.admits(vm))
}
