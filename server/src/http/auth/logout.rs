use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Form, Visitor, from_script, session};
use crate::auth::is_same_secret;
use crate::error::Error;
use crate::http::problem::ApiError;
use crate::services::sessions;
use crate::state::AppState;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    csrf_token: String,
}

/// Ends the session. Whoever has none is signed out already.
pub async fn sign_out(
    State(state): State<AppState>,
    Visitor(visitor): Visitor,
    headers: HeaderMap,
    Form(input): Form<Input>,
) -> Result<Response, ApiError> {
    from_script(&headers, &state.links)?;
    if let Some(checked) = &visitor {
        if !is_same_secret(&input.csrf_token, &checked.signed_in.session.data.csrf_token) {
            return Err(
                Error::Forbidden("the form is not of this session; load the page again".to_owned()).into()
            );
        }
        sessions::sign_out(&state.core, checked).await?;
    }
    // Whoever signed in through a provider goes on to its own logout from here.
    Ok(([(header::SET_COOKIE, session::REMOVAL)], Redirect::to("/sign-in?signed-out")).into_response())
}
