use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Form, Visitor, from_script, session};
use crate::auth::is_same_secret;
use crate::error::{Error, Result};
use crate::http::gui;
use crate::services::sessions::{self, Checked};
use crate::state::AppState;

/// A form that does nothing but what its button says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    csrf_token: String,
}

/// Ends the session. Whoever has none is signed out already.
pub async fn sign_out(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(input): Form<Input>,
) -> Response {
    let ended: Result<()> = async {
        let Some(checked) = &visitor.0 else { return from_script(&headers, &state.links) };
        check_form(&state, &headers, checked, &input.csrf_token)?;
        sessions::sign_out(&state.core, checked).await
    }
    .await;
    match ended {
        // Whoever signed in through a provider goes on to its own logout from here.
        Ok(()) => {
            let removal = [(header::SET_COOKIE, session::REMOVAL)];
            (removal, Redirect::to("/sign-in?signed_out")).into_response()
        }
        Err(refusal) => gui::page(&state, visitor, "/account", Some(refusal)).await,
    }
}

/// Ends one of the visitor's sessions.
pub async fn end_session(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(input): Form<Input>,
) -> Response {
    let Some(checked) = &visitor.0 else {
        return Redirect::to("/sign-in?return_to=/account").into_response();
    };
    let ended: Result<()> = async {
        check_form(&state, &headers, checked, &input.csrf_token)?;
        let id = id.parse().map_err(|_| Error::not_found("such session"))?;
        match sessions::revoke(&state.core, &checked.caller, &id).await {
            // It ended by itself meanwhile.
            Err(Error::NotFound(_)) => Ok(()),
            other => other,
        }
    }
    .await;
    match ended {
        Ok(()) => Redirect::to("/account").into_response(),
        Err(refusal) => gui::page(&state, visitor, "/account", Some(refusal)).await,
    }
}

/// Refuses forms that this session's pages have not sent.
fn check_form(state: &AppState, headers: &HeaderMap, checked: &Checked, token: &str) -> Result<()> {
    from_script(headers, &state.links)?;
    match is_same_secret(token, &checked.signed_in.session.data.csrf_token) {
        true => Ok(()),
        false => Err(Error::Forbidden("the form was not of this session; try again".to_owned())),
    }
}
