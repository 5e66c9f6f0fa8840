//! Templates of every origin.

mod input;
mod list;
mod remove;
mod render;
mod replace;
mod save;
mod show;

pub use input::TemplateBody;
pub use list::*;
pub use remove::*;
pub use render::*;
pub use replace::*;
pub use save::*;
pub use show::*;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::extract::IfMatch;
use super::problem::Problem;
use super::types::Template;

/// A template; with an ETag if a person can edit it.
fn answer(status: StatusCode, template: Template) -> Response {
    let tag = template.updated_at.and_then(|at| format!("\"{}\"", at.as_millis()).parse::<HeaderValue>().ok());
    let mut response = (status, Json(template)).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The slug of a saved template's id. Those of plugins cannot be edited.
fn slug_of<'a>(app: &App, id: &'a str) -> Result<&'a str, Problem> {
    if let Some(slug) = id.strip_prefix("saved/") {
        return Ok(slug);
    }
    Err(match Template::find(&app.engine().state(), id) {
        Some(template) => {
            let plugin = template.plugin.unwrap_or_default();
            Problem::conflict(format!("`{id}` comes from the plugin `{plugin}` and is changed there"))
        }
        None => Problem::not_found("template", id),
    })
}

/// Refuses an edit that is based on something older than what is there.
fn check_fresh(app: &App, slug: &str, if_match: &IfMatch) -> Result<(), Problem> {
    let state = app.engine().state();
    let saved =
        state.saved_templates.get(slug).ok_or_else(|| Problem::not_found("template", format!("saved/{slug}")))?;
    if if_match.admits(&saved.updated_at.as_millis().to_string()) {
        return Ok(());
    }
    Err(Problem::stale(format!("it was changed meanwhile, at {}; load it again", saved.updated_at)))
}

/// A saved template as it is now.
fn saved(app: &App, slug: &str) -> Result<Template, Problem> {
    let id = format!("saved/{slug}");
    Template::find(&app.engine().state(), &id).ok_or_else(|| Problem::not_found("template", id))
}
