//! `POST /api/vms`

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

pub use super::input::VmBody;
use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// Adds a VM.
#[utoipa::path(post, path = "/api/vms", tag = "vms", request_body = VmBody, responses(
    (status = 201, description = "The VM", body = Vm),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn add(State(app): State<App>, caller: Caller, Body(body): Body<VmBody>) -> Result<Response, Problem> {
    let vm = app.engine().add_vm(caller.actor(), body.try_into()?).await?;
    let mut response = super::answer(&app, StatusCode::CREATED, &vm);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/vms/{}", vm.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
