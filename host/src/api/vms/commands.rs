//! `GET /api/vms/{id}/commands`, `POST /api/vms/{id}/commands`

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use corral_domain::VmId;

use crate::api::App;
use crate::api::commands::{TemplateBody, save_new};
use crate::api::extract::{Body, Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::{Page, Template};

/// Commands saved for a VM.
#[utoipa::path(get, path = "/api/vms/{id}/commands", tag = "vms", operation_id = "vm_commands",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Templates", body = Page<Template>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn commands(State(app): State<App>, Id(id): Id<VmId>) -> Result<Json<Page<Template>>, Problem> {
    let state = app.engine().state();
    if !state.vms.contains_key(&id) {
        return Err(Problem::not_found("VM", id));
    }
    let saved = state.saved_templates.values().filter(|template| template.vm == Some(id));
    Ok(Json(Page::whole(saved.map(|template| Template::from(&**template)).collect())))
}

/// Saves a command for a VM.
#[utoipa::path(post, path = "/api/vms/{id}/commands", tag = "vms", operation_id = "save_vm_command",
    params(("id" = String, Path)), request_body = TemplateBody, responses(
    (status = 201, description = "The template", body = Template),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn save_command(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<VmId>,
    Body(body): Body<TemplateBody>,
) -> Result<Response, Problem> {
    if body.vm.is_some_and(|vm| vm != id) {
        return Err(Problem::invalid_field("vm", "is another VM than that of the path"));
    }
    save_new(&app, &caller, TemplateBody { vm: Some(id), ..body }).await
}
