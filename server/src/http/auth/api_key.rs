use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use model::{Actor, Caller, Owner, SignInMethod};
use serde::Deserialize;
use serde_json::json;

use super::session::UserAgent;
use super::{Form, ReturnTo, SessionCookie, Visitor, from_form};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::http::gui::{self, Refused};
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
) -> Response {
    let asking = info.caller(Actor::Anonymous);
    let signed_in: Result<()> = async {
        from_form(&headers, &state.links)?;
        let owner = owner(&state, &asking, input.api_key.expose().trim()).await?;
        let sign_in = SignIn {
            owner,
            method: SignInMethod::ApiKey,
            provider_session: None,
            sealed_id_token: None,
            user_agent,
            former: None,
            details: json!({}),
        };
        cookie.establish(&state.core, &asking, sign_in).await.map(drop)
    }
    .await;
    match signed_in {
        Ok(()) => Redirect::to(input.return_to.as_str()).into_response(),
        Err(refusal) => {
            let refused = Some(Refused::whole(&refusal));
            gui::page(&state, &info, Visitor(None), &input.return_to.sign_in_page(), refused).await
        }
    }
}

/// The key that `text` is. A key cannot be guessed, so wrong ones are counted, but not recorded.
async fn owner(state: &AppState, asking: &Caller, text: &str) -> Result<Owner> {
    let core = &state.core;
    let key = match api_keys::authenticate(core, asking, text).await?.map(|caller| caller.actor) {
        Some(Actor::ApiKey(id)) => core.store.read().await?.api_key(&id).await?,
        _ => None,
    };
    match key {
        Some(key) => Ok(Owner::ApiKey(Box::new(key))),
        None => {
            core.metrics.sign_in(SignInMethod::ApiKey, false);
            Err(Error::Unauthenticated("the API key is not valid here and now".to_owned()))
        }
    }
}
