//! `POST /api/commands/{id}/render`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use corral_domain::{Selector, VmId};
use corral_engine::Targets;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;
use crate::api::request;
use crate::api::targets::TargetsBody;
use crate::api::types::{Command, Page};

/// VMs of one preview.
const VMS_MAX: usize = 1_000;

/// What to render.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderBody {
    /// The template's arguments.
    #[serde(default = "no_args")]
    #[schema(value_type = Object)]
    args: serde_json::Value,
    targets: TargetsBody,
}

fn no_args() -> serde_json::Value {
    serde_json::json!({})
}

/// What one VM would run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rendered {
    /// The VM.
    #[schema(value_type = String, format = Uuid)]
    pub vm_id: VmId,
    /// Its name.
    pub vm_name: String,
    /// What is executed.
    pub command: Command,
    /// Variables set for it.
    pub env: BTreeMap<String, String>,
    /// Folder in which it starts.
    #[schema(required)]
    pub workdir: Option<String>,
    /// All of it as shell text.
    pub shell: String,
}

/// Shows what a template would run on each VM; nothing is started.
#[utoipa::path(post, path = "/api/commands/{id}/render", tag = "commands", operation_id = "render_command",
    request_body = RenderBody, params(("id" = String, Path)), responses(
    (status = 200, description = "One command for each VM", body = Page<Rendered>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn render(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    request: axum::extract::Request,
) -> Response {
    // Ids have slashes; the router cannot tell where they end.
    let Some(id) = path.strip_suffix("/render") else {
        return request::wrong_method(method, uri).await.into_response();
    };
    let body = <Body<RenderBody> as axum::extract::FromRequest<App>>::from_request(request, &app).await;
    let rendered = match body {
        Ok(Body(body)) => preview(&app, &caller, id, body).await,
        Err(problem) => Err(problem),
    };
    rendered.map(Json).into_response()
}

async fn preview(app: &App, caller: &Caller, id: &str, body: RenderBody) -> Result<Page<Rendered>, Problem> {
    let vms = resolve(app, body.targets.try_into()?)?;
    let rendered = app.engine().render(caller.actor(), id, &body.args, &vms).await?;
    let state = app.engine().state();
    let items = rendered.into_iter().map(|(vm, command)| Rendered {
        vm_id: vm,
        vm_name: state.vms.get(&vm).map(|vm| vm.name.clone()).unwrap_or_default(),
        shell: command.to_shell(),
        command: (&command.command).into(),
        env: command.env.into_iter().collect(),
        workdir: command.workdir,
    });
    Ok(Page::whole(items.collect()))
}

fn resolve(app: &App, targets: Targets) -> Result<Vec<VmId>, Problem> {
    let vms = match targets {
        Targets::Vms(vms) => vms,
        Targets::Selector(text) => {
            let selector: Selector =
                text.parse().map_err(|error| Problem::invalid_field("targets.selector", format!("{error}")))?;
            let state = app.engine().state();
            state.vms.values().filter(|vm| selector.admits(vm)).map(|vm| vm.id).collect()
        }
    };
    match vms.len() {
        0 => Err(Problem::invalid_field("targets", "no VM is chosen; an empty list never means all of them")),
        n if n > VMS_MAX => Err(Problem::invalid_field("targets", format!("at most {VMS_MAX} VMs are shown, not {n}"))),
        _ => Ok(vms),
    }
}
