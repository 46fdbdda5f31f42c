//! Signing in through an OpenID provider, as browsers and providers see it.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use model::{Actor, ProviderId};
use serde::Deserialize;
use serde_json::json;

use super::session::UserAgent;
use super::{Form, ReturnTo, SessionCookie, cookie};
use crate::error::{Error, Result};
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::oidc::LoginState;
use crate::services::oidc_logout::{self, Refused};
use crate::services::oidc_sign_in::{self, Arrival, Refusal};
use crate::state::AppState;

/// Belongs to the sign-in that this browser has begun last, and to nothing else.
const COOKIE: &str = "__Host-certctl_login";
const REMOVAL: HeaderValue =
    HeaderValue::from_static("__Host-certctl_login=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");

#[derive(Debug, Default, Deserialize)]
pub struct LoginQuery {
    #[serde(default)]
    return_to: ReturnTo,
}

/// Sends the browser to the provider. A link, not a form: it changes nothing but the browser's own cookie.
pub async fn login(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    query: Result<Query<LoginQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Some(id) = parse_id(&provider) else { return Ok(refused(Refusal::Disabled)) };
    let return_to = query.map(|Query(query)| query.return_to).unwrap_or_default();
    let begun = match oidc_sign_in::begin(&state.core, &id, return_to.as_str()).await? {
        Ok(begun) => begun,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let cookie = format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}",
        begun.cookie,
        LoginState::lifetime()
    );
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(&begun.location)).into_response())
}

/// What a provider puts into the query (RFC 6749 §4.1.2, RFC 9207). A parameter that is there twice is refused.
#[derive(Debug, Default, Deserialize)]
pub struct CallbackQuery {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// The browser is back from the provider.
pub async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    info: RequestInfo,
    headers: HeaderMap,
    UserAgent(user_agent): UserAgent,
    session: SessionCookie,
    query: Result<Query<CallbackQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Some(id) = parse_id(&provider) else { return Ok(refused(Refusal::Disabled)) };
    let Query(query) = query.unwrap_or_default();
    let arrival = Arrival {
        cookie: cookie(&headers, COOKIE),
        state: query.state,
        code: query.code,
        error: query.error,
        issuer: query.iss,
        user_agent,
        former: session.secret(),
    };
    let core = &state.core;
    let mut response = match oidc_sign_in::finish(core, &info.caller(Actor::Anonymous), &id, arrival).await? {
        Ok(finished) => {
            session.hand_over(&finished.new).await?;
            Redirect::to(&finished.return_to).into_response()
        }
        Err(refusal) => refused(refusal),
    };
    response.headers_mut().append(header::SET_COOKIE, REMOVAL);
    Ok(response)
}

#[derive(Debug, Deserialize)]
pub struct LogoutForm {
    logout_token: String,
}

/// The provider says that it has ended a session (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8).
pub async fn backchannel_logout(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    info: RequestInfo,
    form: Result<Form<LogoutForm>, ApiError>,
) -> Result<Response, ApiError> {
    let outcome = match (parse_id(&provider), form) {
        (Some(id), Ok(Form(form))) => {
            let asking = info.caller(Actor::Anonymous);
            oidc_logout::back_channel(&state.core, &asking, &id, &form.logout_token).await?
        }
        (None, _) => Err(Refused::Invalid("the provider is unknown or disabled".to_owned())),
        (_, Err(_)) => Err(Refused::Invalid("there is no logout_token in a form".to_owned())),
    };
    let mut response = match outcome {
        Ok(()) => StatusCode::OK.into_response(),
        Err(Refused::Invalid(why)) => {
            let body = json!({ "error": "invalid_request", "error_description": why });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        Err(Refused::Unavailable) => {
            return Err(Error::Unavailable("the provider's keys cannot be read".to_owned()).into());
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn parse_id(text: &str) -> Option<ProviderId> {
    text.parse().ok()
}

fn refused(refusal: Refusal) -> Response {
    Redirect::to(&format!("/sign-in?refused={}", refusal.code())).into_response()
}
