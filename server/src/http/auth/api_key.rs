use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Redirect;
use model::{Actor, Owner, SignInMethod};
use serde::Deserialize;
use serde_json::json;

use super::session::UserAgent;
use super::{Form, ReturnTo, SessionCookie, from_form};
use crate::config::Secret;
use crate::error::Error;
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::services::api_keys;
use crate::services::sessions::SignIn;
use crate::state::AppState;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    api_key: Secret,
    #[serde(default)]
    return_to: ReturnTo,
}

/// Signs a browser in with an API key. What it may do then is what the key may do, as long as the key is good.
pub async fn sign_in(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    UserAgent(user_agent): UserAgent,
    cookie: SessionCookie,
    Form(input): Form<Input>,
) -> Result<Redirect, ApiError> {
    from_form(&headers, &state.links)?;
    let core = &state.core;
    let asking = info.caller(Actor::Anonymous);
    let caller = api_keys::authenticate(core, &asking, input.api_key.expose().trim()).await?;
    let key = match caller.map(|caller| caller.actor) {
        Some(Actor::ApiKey(id)) => core.store.read().await?.api_key(&id).await?,
        _ => None,
    };
    let key = key.ok_or_else(|| Error::Unauthenticated("the API key is not valid".to_owned()))?;
    let sign_in = SignIn {
        owner: Owner::ApiKey(Box::new(key)),
        method: SignInMethod::ApiKey,
        provider_session: None,
        sealed_id_token: None,
        user_agent,
        former: None,
        details: json!({}),
    };
    cookie.establish(core, &asking, sign_in).await?;
    Ok(Redirect::to(input.return_to.as_str()))
}
