//! `POST /api/commands`

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::TemplateBody;
use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;
use crate::api::types::Template;

/// Saves a template.
#[utoipa::path(post, path = "/api/commands", tag = "commands", operation_id = "save_command", request_body = TemplateBody, responses(
    (status = 201, description = "The template", body = Template),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn save(State(app): State<App>, caller: Caller, Body(body): Body<TemplateBody>) -> Result<Response, Problem> {
    save_new(&app, &caller, body).await
}

/// Saves a template under a slug of its own.
pub async fn save_new(app: &App, caller: &Caller, body: TemplateBody) -> Result<Response, Problem> {
    let slug = body.slug(&app.engine().state());
    let saved = body.into_saved(slug.clone());
    app.engine().save_template(caller.actor(), saved, true).await?;
    let mut response = super::answer(StatusCode::CREATED, super::saved(app, &slug)?);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/commands/saved/{slug}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
