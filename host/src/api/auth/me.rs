//! `GET /api/auth/me`

use axum::Json;
use corral_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::Caller;
use crate::api::problem::Problem;
use crate::auth::Means;

/// Who is asking.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// `user:admin`, `token:ci`.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// `cookie` or `token`.
    pub via: String,
    /// When the session or token ends; null: never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// Says who is asking.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", operation_id = "me", responses(
    (status = 200, description = "Who is asking", body = Me),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn me(Caller(identity): Caller) -> Json<Me> {
    let via = match identity.means {
        Means::Cookie => "cookie",
        Means::Bearer => "token",
    };
    let role = identity.actor.role.to_string();
    Json(Me { name: identity.actor.name, role, via: via.to_owned(), expires_at: identity.expires_at })
}
