//! `PUT /api/secrets/{name}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use corral_engine::ports::SecretText;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;

/// A value to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretBody {
    /// The password, passphrase or token.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, format = Password)]
    value: SecretText,
}

fn secret_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
    String::deserialize(deserializer).map(SecretText::new)
}

/// Sets a secret, or another value for one.
#[utoipa::path(put, path = "/api/secrets/{name}", tag = "secrets", operation_id = "set_secret", request_body = SecretBody,
    params(("name" = String, Path)), responses(
    (status = 204, description = "It is kept"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<SecretBody>,
) -> Result<StatusCode, Problem> {
    app.engine().set_secret(caller.actor(), &name, body.value).await?;
    Ok(StatusCode::NO_CONTENT)
}
