//! `GET /login?token=…`: what a person opens from the terminal.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::api::App;
use crate::api::extract::Params;
use crate::api::problem::Problem;
use crate::api::request::peer;
use crate::api::web;
use crate::auth::AuthError;

/// What the link carries.
#[derive(Debug, Deserialize)]
pub struct LinkParams {
    token: Option<String>,
}

/// Trades the link's token for a session and goes on to the dashboard. Looking (HEAD) does not use the link up.
pub async fn link(State(app): State<App>, Params(params): Params<LinkParams>, request: Request) -> Response {
    let Some(token) = params.token else { return web::serve(request).await };
    if request.method() == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    match app.auth().exchange_login(&token, peer(request.extensions())).await {
        Ok(opened) => {
            tracing::info!(actor = opened.actor.name, "logged in");
            let mut response = Redirect::to("/").into_response();
            response.headers_mut().insert(header::SET_COOKIE, opened.set_cookie);
            response
        }
        Err(error @ (AuthError::LinkUnusable | AuthError::TooMany { .. })) => refusal(error),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn refusal(error: AuthError) -> Response {
    let problem = Problem::from(error);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN);
    let page = web::page("This link does not work", &problem.detail, Some("corral login-link"));
    let mut response = (status, Html(page)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
