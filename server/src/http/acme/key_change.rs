//! keyChange (RFC 8555 §7.3.5): the account's old key signs outside, the new one inside.

use acme::payload::KeyChange;
use acme::{Jws, Problem};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;

use super::envelope::{AcmeError, AcmeResult};
use super::extract::ByAccount;
use crate::services::accounts::{self, KeyChangeError};
use crate::state::AppState;

pub async fn change(State(state): State<AppState>, uri: Uri, request: ByAccount) -> AcmeResult {
    let inner = Jws::parse_inner(request.payload.as_bytes())?;
    let new_key = inner.jwk().ok_or_else(|| Problem::malformed("the inner JWS has no `jwk`"))?;
    inner.verify(new_key)?;
    if inner.url.as_deref() != Some(state.links.url(uri.path()).as_str()) {
        return Err(Problem::malformed("`url` of the inner JWS differs from that of the outer one").into());
    }
    let body: KeyChange = acme::payload::parse(&inner.payload)?;
    body.check(&state.links.account(&request.account.id), &request.account.key_thumbprint)?;
    match accounts::change_key(&state.core, &request.caller, request.account, new_key).await {
        Ok(account) => {
            let mut response = StatusCode::OK.into_response();
            if let Ok(url) = HeaderValue::from_str(&state.links.account(&account.id)) {
                response.headers_mut().insert(header::LOCATION, url);
            }
            Ok(response)
        }
        Err(KeyChangeError::InUse(holder)) => {
            let problem = Problem::malformed("the new key belongs to another account").with_status(409);
            let mut response = AcmeError(problem.into()).into_response();
            if let Ok(url) = HeaderValue::from_str(&state.links.account(&holder)) {
                response.headers_mut().insert(header::LOCATION, url);
            }
            Ok(response)
        }
        Err(KeyChangeError::Other(error)) => Err(AcmeError(error)),
    }
}
