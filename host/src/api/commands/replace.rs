//! `PUT /api/commands/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::TemplateBody;
use crate::api::App;
use crate::api::extract::{Body, Caller, IfMatch};
use crate::api::problem::Problem;
use crate::api::types::Template;

/// Replaces a saved template.
#[utoipa::path(put, path = "/api/commands/{id}", tag = "commands", operation_id = "replace_command", request_body = TemplateBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 200, description = "The template", body = Template),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(body): Body<TemplateBody>,
) -> Result<Response, Problem> {
    let slug = super::slug_of(&app, &id)?;
    if body.slug.as_ref().is_some_and(|given| given != slug) {
        return Err(Problem::invalid_field("slug", "cannot be changed; save it anew and remove this one"));
    }
    super::check_fresh(&app, slug, &if_match)?;
    app.engine().save_template(caller.actor(), body.into_saved(slug.to_owned()), false).await?;
    Ok(super::answer(StatusCode::OK, super::saved(&app, slug)?))
}
