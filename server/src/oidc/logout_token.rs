//! What a logout token must satisfy (OpenID Connect Back-Channel Logout 1.0 §2.6).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use openidconnect::JsonWebKey as _;
use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use serde_json::{Map, Value};

use super::id_token::{CLOCK_SKEW, TokenFault};
use super::keys::{KeyFault, Keys};
use super::metadata::algorithm;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old a token may be; §2.4 recommends that they live two minutes at most.
const MAX_AGE: Duration = Duration::from_secs(300);

/// What the provider ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// All sessions of this person, unless a session is named.
    pub subject: Option<String>,
    pub session: Option<String>,
    pub jti: String,
    /// By the provider's clock, in whole seconds.
    pub issued_at: Timestamp,
    /// After this no replica accepts the token, so that its `jti` may be forgotten.
    pub accepted_until: Timestamp,
}

/// Checks the token and gives what it ends. That its `jti` is new is for the caller to find out.
pub fn check(
    token: &str,
    keys: &Keys,
    algorithms: &[Algorithm],
    issuer: &str,
    client_id: &str,
    now: Timestamp,
) -> Result<Ended, TokenFault> {
    let payload = verify(token, keys, algorithms)?;
    read(&payload, issuer, client_id, now).map_err(|reason| TokenFault::Refused(reason.to_owned()))
}

/// The payload of a compact JWS (RFC 7515 §5.2) whose signature is good.
fn verify(token: &str, keys: &Keys, algorithms: &[Algorithm]) -> Result<Map<String, Value>, TokenFault> {
    let refused = |reason: &str| TokenFault::Refused(reason.to_owned());
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused("it is no signed JWT"));
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| refused("it is not base64url"));
    let object = |octets: &[u8]| {
        serde_json::from_slice::<Map<String, Value>>(octets).map_err(|_| refused("it is no JSON object"))
    };
    let head = object(&decode(header)?)?;
    if head.contains_key("crit") {
        return Err(refused("it has critical header parameters"));
    }
    // §2.4: `logout+jwt` is recommended, not required; another type is another kind of token.
    let kind = head.get("typ").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let kind = kind.as_deref().map(|kind| kind.trim_start_matches("application/"));
    if !matches!(kind, None | Some("jwt" | "logout+jwt")) {
        return Err(refused("it is another type of token"));
    }
    let algorithm = head
        .get("alg")
        .and_then(Value::as_str)
        .and_then(algorithm)
        .filter(|found| algorithms.contains(found))
        .ok_or_else(|| refused("its signature algorithm is not allowed"))?;
    let kid = head.get("kid").and_then(Value::as_str);
    let key = keys.find(kid, &algorithm).map_err(|fault| match fault {
        KeyFault::Unknown => TokenFault::UnknownKey,
        KeyFault::Ambiguous => refused("it does not say which key signed it"),
    })?;
    let signed = &token[..header.len() + 1 + payload.len()];
    key.verify_signature(&algorithm, signed.as_bytes(), &decode(signature)?)
        .map_err(|_| refused("its signature is wrong"))?;
    object(&decode(payload)?)
}

fn read(
    claims: &Map<String, Value>,
    issuer: &str,
    client_id: &str,
    now: Timestamp,
) -> Result<Ended, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(seconds).map(Timestamp::from_unix_seconds);
    if text("iss") != Some(issuer) {
        return Err("iss is another issuer");
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.iter().any(|one| one == client_id),
        _ => false,
    };
    if !for_us {
        return Err("aud is another client");
    }
    let issued_at = time("iat").ok_or("it has no iat")?;
    if issued_at > now + CLOCK_SKEW {
        return Err("iat lies in the future");
    }
    if issued_at < now - MAX_AGE {
        return Err("iat is too old");
    }
    let expires_at = time("exp").ok_or("it has no exp")?;
    if expires_at <= now - CLOCK_SKEW {
        return Err("it has expired");
    }
    let is_event = |events: &Map<String, Value>| events.get(EVENT).is_some_and(Value::is_object);
    if !claims.get("events").and_then(Value::as_object).is_some_and(is_event) {
        return Err("its events do not say that it is a logout");
    }
    // §2.4: so that no logout token passes for an ID token.
    if claims.contains_key("nonce") {
        return Err("it has a nonce");
    }
    let named = |name: &str| text(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let (subject, session) = (named("sub"), named("sid"));
    if subject.is_none() && session.is_none() {
        return Err("it names neither sub nor sid");
    }
    let jti = named("jti").ok_or("it has no jti")?;
    let accepted_until = (expires_at + CLOCK_SKEW).min(issued_at + MAX_AGE);
    Ok(Ended { subject, session, jti, issued_at, accepted_until })
}

/// A NumericDate (RFC 7519 §2) in whole seconds; one beyond any calendar is none.
fn seconds(value: &Value) -> Option<i64> {
    const YEAR_9999: i64 = 253_402_300_799;
    let whole = value.as_i64().or_else(|| {
        let seconds = value.as_f64()?;
        #[expect(clippy::cast_possible_truncation, reason = "within the years that are checked")]
        (0.0..253_402_300_799.0).contains(&seconds).then_some(seconds as i64)
    })?;
    (0..=YEAR_9999).contains(&whole).then_some(whole)
}
