//! The inventory.

mod add;
mod change;
mod commands;
mod facts;
mod host_key;
mod input;
mod jobs;
mod list;
mod remove;
mod replace;
mod show;
mod test;

pub use add::*;
pub use change::*;
pub use commands::*;
pub use facts::*;
pub use host_key::*;
pub use jobs::*;
pub use list::*;
pub use remove::*;
pub use replace::*;
pub use show::*;
pub use test::*;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use corral_domain::VmId;

use super::App;
use super::extract::IfMatch;
use super::problem::Problem;
use super::types::Vm;

/// A VM with its ETag.
fn answer(app: &App, status: StatusCode, vm: &corral_domain::Vm) -> Response {
    let body = Vm::new(vm, &app.engine().state());
    (status, [(header::ETAG, etag(vm))], Json(body)).into_response()
}

fn etag(vm: &corral_domain::Vm) -> String {
    format!("\"{}\"", vm.version)
}

/// The version that an edit must be based on; none: any. An ETag that is not the present one is refused here already.
fn expected(app: &App, id: VmId, if_match: &IfMatch) -> Result<Option<u64>, Problem> {
    if *if_match == IfMatch::Any {
        return Ok(None);
    }
    let state = app.engine().state();
    let vm = state.vms.get(&id).ok_or_else(|| Problem::not_found("VM", id))?;
    if if_match.admits(&vm.version.to_string()) {
        return Ok(Some(vm.version));
    }
    Err(Problem::stale(format!("it was changed meanwhile: it has version {}; load it again", vm.version)))
}
