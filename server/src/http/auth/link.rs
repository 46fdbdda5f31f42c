use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use model::Actor;
use serde::Deserialize;

use super::session::UserAgent;
use super::{Form, SessionCookie, Visitor, from_form};
use crate::config::Secret;
use crate::error::Result;
use crate::http::gui::{self, Refused};
use crate::http::request::RequestInfo;
use crate::services::login_links;
use crate::state::AppState;

/// The page of a link that signs in. Opening it spends nothing: scanners of mail and previews of chats open links.
pub async fn show(
    State(state): State<AppState>,
    info: RequestInfo,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Response {
    gui::page(&state, &info, visitor, &path(&token), None).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    token: Secret,
}

/// Spends the link.
pub async fn sign_in(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    UserAgent(user_agent): UserAgent,
    cookie: SessionCookie,
    Form(input): Form<Input>,
) -> Response {
    let token = input.token.expose();
    let signed_in: Result<()> = async {
        from_form(&headers, &state.links)?;
        let asking = info.caller(Actor::Anonymous);
        let new = login_links::redeem(&state.core, &asking, token, user_agent, cookie.secret()).await?;
        cookie.hand_over(&new).await
    }
    .await;
    match signed_in {
        Ok(()) => Redirect::to("/").into_response(),
        Err(refusal) => {
            let refused = Some(Refused::whole(&refusal));
            gui::page(&state, &info, Visitor(None), &path(token), refused).await
        }
    }
}

/// The token as part of a path: whatever is not in a token stands for none.
fn path(token: &str) -> String {
    let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    format!("/auth/link/{}", if plain && !token.is_empty() && token.len() <= 100 { token } else { "-" })
}
