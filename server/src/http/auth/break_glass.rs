use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use model::Actor;
use serde::Deserialize;

use super::session::UserAgent;
use super::{Form, ReturnTo, SessionCookie, Visitor, from_form};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::http::gui::{self, Refused};
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::services::break_glass;
use crate::state::AppState;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    name: Secret,
    password: Secret,
    #[serde(default)]
    return_to: ReturnTo,
}

/// Signs a local administrator in with a password. Where that is switched off, there is no such path.
pub async fn sign_in(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    UserAgent(user_agent): UserAgent,
    cookie: SessionCookie,
    form: Result<Form<Input>, ApiError>,
) -> Result<Response, ApiError> {
    if !state.core.break_glass.enabled {
        return Err(Error::not_found("such path").into());
    }
    let Form(input) = form?;
    let signed_in: Result<()> = async {
        from_form(&headers, &state.links)?;
        let asking = info.caller(Actor::Anonymous);
        let (name, former) = (input.name.expose(), cookie.secret());
        let new =
            break_glass::sign_in(&state.core, &asking, name, input.password, user_agent, former).await?;
        cookie.hand_over(&new).await
    }
    .await;
    Ok(match signed_in {
        Ok(()) => Redirect::to(input.return_to.as_str()).into_response(),
        Err(refusal) => {
            let refused = Some(Refused::whole(&refusal));
            gui::page(&state, &info, Visitor(None), &input.return_to.sign_in_page(), refused).await
        }
    })
}
