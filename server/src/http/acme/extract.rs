//! From the bytes of a POST to "this account, with this payload": the checks of RFC 8555 §6.2 to §6.5 in their
//! order. Handlers take one of [`ByKey`], [`ByAccount`] and [`ByEither`], as RFC 8555 §6.2 wants it per resource.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acme::{Jwk, Jws, KeyRef, NonceError, Problem};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Uri, header};
use model::{Account, Actor, Caller};
use serde::de::DeserializeOwned;

use super::AcmeError;
use crate::error::{Error, Result};
use crate::http::body;
use crate::http::request::RequestInfo;
use crate::services::accounts;
use crate::state::{AppState, SpentNonces};

/// The largest body; a finalize with an RSA-8192 CSR and a hundred names has a tenth of it.
const MAX_BODY: usize = 64 * 1024;
/// A client that takes longer for its body is cut.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The payload of an authenticated request.
#[derive(Debug)]
pub struct Payload(Vec<u8>);

impl Payload {
    /// The payload of a write.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(acme::payload::parse(&self.0)?)
    }

    /// The payload as it came; keyChange has a JWS in it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the request is a POST-as-GET (RFC 8555 §6.3).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses a payload on a resource that can only be read.
    pub fn must_be_empty(&self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::malformed("this resource is read with an empty payload (POST-as-GET, RFC 8555 §6.3)")
            .into())
    }
}

/// Signed by a key that the request brings along (`jwk`).
#[derive(Debug)]
pub struct ByKey {
    pub key: Arc<Jwk>,
    /// The URL of the request, as its protected header names it.
    pub url: String,
    pub payload: Payload,
    pub caller: Caller,
}

/// Signed by a valid account (`kid`).
#[derive(Debug)]
pub struct ByAccount {
    pub account: Account,
    pub key: Arc<Jwk>,
    pub payload: Payload,
    pub caller: Caller,
}

/// Either of the two: revokeCert (RFC 8555 §7.6).
#[derive(Debug)]
pub enum ByEither {
    Account(ByAccount),
    Key(ByKey),
}

impl FromRequest<AppState> for ByKey {
    type Rejection = AcmeError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AcmeError> {
        match authenticate(request, state, Some(Form::Key)).await? {
            ByEither::Key(by_key) => Ok(by_key),
            ByEither::Account(_) => Err(wrong_form(Form::Key).into()),
        }
    }
}

impl FromRequest<AppState> for ByAccount {
    type Rejection = AcmeError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AcmeError> {
        match authenticate(request, state, Some(Form::Account)).await? {
            ByEither::Account(by_account) => Ok(by_account),
            ByEither::Key(_) => Err(wrong_form(Form::Account).into()),
        }
    }
}

impl FromRequest<AppState> for ByEither {
    type Rejection = AcmeError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AcmeError> {
        Ok(authenticate(request, state, None).await?)
    }
}

/// Which way of naming the key a resource wants (RFC 8555 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Key,
    Account,
}

fn wrong_form(wanted: Form) -> Error {
    let detail = match wanted {
        Form::Key => "this resource takes the key itself (`jwk`), not `kid`",
        Form::Account => "this resource takes the account URL (`kid`), not `jwk`",
    };
    Problem::malformed(detail).into()
}

/// Signature before nonce: a stranger cannot burn nonces. Account status before anything about the resource.
async fn authenticate(request: Request, state: &AppState, wanted: Option<Form>) -> Result<ByEither> {
    let (parts, body) = request.into_parts();
    let info = parts.extensions.get::<RequestInfo>().cloned();
    let info = info.ok_or_else(|| Error::Internal("the request went around its layer".to_owned()))?;
    check_content_type(&parts.headers)?;
    let body = read_body(body).await?;
    let jws = Jws::parse(&body)?;
    match (&jws.key, wanted) {
        (KeyRef::Jwk(_), Some(Form::Account)) => return Err(wrong_form(Form::Account)),
        (KeyRef::Kid(_), Some(Form::Key)) => return Err(wrong_form(Form::Key)),
        _ => {}
    }
    let signer = find_signer(state, &jws).await?;
    jws.verify(signer.key())?;
    spend_nonce(state, jws.nonce.as_deref()).await?;
    let url = check_url(state, &parts.uri, jws.url)?;
    let payload = Payload(jws.payload);
    Ok(match signer {
        Signer::Account(account, key) => {
            let caller = info.caller(Actor::AcmeAccount(account.id.clone()));
            let account = accounts::admit(&state.core, &caller, *account, parts.uri.path()).await?;
            state.core.account_use.note(&account.id, state.core.now());
            ByEither::Account(ByAccount { account, key, payload, caller })
        }
        Signer::Key(key) => ByEither::Key(ByKey { key, url, payload, caller: info.caller(Actor::Anonymous) }),
    })
}

fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/jose+json") {
        return Ok(());
    }
    Err(Problem::malformed("the Content-Type must be application/jose+json (RFC 8555 §6.2)")
        .with_status(415)
        .into())
}

async fn read_body(body: Body) -> Result<Vec<u8>> {
    let read = body::read(body, MAX_BODY, BODY_TIMEOUT).await;
    Ok(read.map_err(|fault| Problem::malformed(fault.to_string()).with_status(fault.status()))?)
}

enum Signer {
    Account(Box<Account>, Arc<Jwk>),
    Key(Arc<Jwk>),
}

impl Signer {
    fn key(&self) -> &Jwk {
        match self {
            Self::Account(_, key) | Self::Key(key) => key,
        }
    }
}

async fn find_signer(state: &AppState, jws: &Jws) -> Result<Signer> {
    match &jws.key {
        KeyRef::Jwk(jwk) => Ok(Signer::Key(Arc::new(jwk.as_ref().clone()))),
        KeyRef::Kid(kid) => {
            let id = state.links.account_of_kid(kid).ok_or_else(|| {
                Problem::malformed(
                    "`kid` is not an account URL of this server; its origin is CERTCTL_EXTERNAL_URL",
                )
            })?;
            let account = state.core.store.read().await?.account(&id).await?;
            let account = account
                .ok_or_else(|| Problem::account_does_not_exist("there is no account with this URL"))?;
            let key = state.account_keys.key(&account)?;
            Ok(Signer::Account(Box::new(account), key))
        }
    }
}

async fn spend_nonce(state: &AppState, nonce: Option<&str>) -> Result<()> {
    let Some(nonce) = nonce else {
        return Err(Problem::bad_nonce("the request has no nonce").into());
    };
    let opened = state.nonces.mint.open(nonce, state.core.now()).map_err(|e| match e {
        NonceError::NotBase64Url => Problem::malformed("the nonce is not base64url (RFC 8555 §6.5.2)"),
        NonceError::Unknown => Problem::bad_nonce("this server did not issue that nonce"),
        NonceError::Expired => Problem::bad_nonce("the nonce is too old"),
    })?;
    let fresh = match &state.nonces.spent {
        SpentNonces::InMemory(window) => window.redeem(&opened),
        SpentNonces::InDatabase => state.core.store.redeem_nonce(opened.id(), opened.expires_at()).await?,
    };
    if fresh { Ok(()) } else { Err(Problem::bad_nonce("the nonce was used before, or is too old").into()) }
}

/// RFC 8555 §6.4: byte for byte, against the configured origin, not the Host header.
fn check_url(state: &AppState, uri: &Uri, url: Option<String>) -> Result<String> {
    let Some(url) = url else {
        return Err(Problem::malformed("the protected header has no `url` (RFC 8555 §6.2)").into());
    };
    let target = uri.path_and_query().map_or("/", |p| p.as_str());
    let expected = state.links.url(target);
    if url == expected {
        return Ok(url);
    }
    Err(Problem::unauthorized(format!("`url` is not the URL of this request, {expected}")).into())
}

/// Account keys that were parsed before, by thumbprint, which names a key for ever. Parsing checks that a point
/// lies on its curve, which costs as much as a signature.
#[derive(Debug, Default)]
pub struct AccountKeys(Mutex<HashMap<String, Arc<Jwk>>>);

impl AccountKeys {
    const CAPACITY: usize = 4096;

    fn key(&self, account: &Account) -> Result<Arc<Jwk>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = cache.get(&account.key_thumbprint) {
            return Ok(Arc::clone(key));
        }
        let key = Jwk::parse(&account.jwk).map_err(|e| {
            Error::Internal(format!("the stored key of {} is damaged: {}", account.id, e.detail))
        })?;
        let key = Arc::new(key);
        if cache.len() >= Self::CAPACITY {
            cache.clear();
        }
        cache.insert(account.key_thumbprint.clone(), Arc::clone(&key));
        Ok(key)
    }
}
