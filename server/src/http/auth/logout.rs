use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Form, Visitor, check_token, from_script, session};
use crate::error::{Error, Result};
use crate::http::gui::{self, Refused};
use crate::http::request::RequestInfo;
use crate::services::oidc_logout;
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
    info: RequestInfo,
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
        Ok(()) => {
            let there = match &visitor.0 {
                Some(checked) => oidc_logout::provider_logout_url(&state.core, &checked.signed_in).await,
                None => None,
            };
            let next =
                there.map_or_else(|| Redirect::to("/sign-in?signed_out").into_response(), |url| go_on(&url));
            ([(header::SET_COOKIE, session::REMOVAL)], next).into_response()
        }
        Err(refusal) => gui::page(&state, &info, visitor, "/account", Some(Refused::whole(&refusal))).await,
    }
}

/// Sends the browser to the provider's own logout. Not by a redirection: browsers hold those of a form against the
/// page's `form-action`, which allows our own origin only.
fn go_on(url: &str) -> Response {
    let link = url.replace('&', "&amp;").replace('"', "&quot;");
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signing out</title></head><body>\
         <p>You are signed out here. <a href=\"{link}\">Sign out at your identity provider, too.</a></p></body></html>"
    );
    let refresh = HeaderValue::from_str(&format!("0; url={url}"));
    let mut response = Html(page).into_response();
    if let Ok(refresh) = refresh {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    response
}

/// Ends one of the visitor's sessions.
pub async fn end_session(
    State(state): State<AppState>,
    visitor: Visitor,
    info: RequestInfo,
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
        Err(refusal) => gui::page(&state, &info, visitor, "/account", Some(Refused::whole(&refusal))).await,
    }
}

/// Refuses forms that this session's pages have not sent.
fn check_form(state: &AppState, headers: &HeaderMap, checked: &Checked, token: &str) -> Result<()> {
    from_script(headers, &state.links)?;
    check_token(checked, token)
}
