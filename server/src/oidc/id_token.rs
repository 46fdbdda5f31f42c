//! What an ID token must satisfy (OpenID Connect Core 1.0 §3.1.3.7) before its claims are believed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use model::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, JsonWebKeySet, Nonce,
    SignatureVerificationError,
};
use serde_json::Value;

use super::groups::Claims;
use super::keys::Keys;

/// How far the clocks of provider and server may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(120);

/// How long before the sign-in began a token may claim to be issued: Microsoft Entra ID sets `iat` five minutes back.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What the token is held against.
#[derive(Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a AccessToken,
    /// When this browser was sent to the provider.
    pub started_at: Timestamp,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Signed by a key that is not in the set; it may be a new one.
    UnknownKey,
    /// For the log and the audit trail.
    Refused(String),
}

/// A person as a provider vouches for them.
#[derive(Clone, Debug)]
pub struct Identity {
    pub subject: String,
    pub session: Option<String>,
    /// Seconds since the Unix epoch, by the provider's clock.
    pub issued_at: i64,
    /// All of the token's claims.
    pub claims: Claims,
}

/// Checks the token and gives what it says.
pub fn check(
    token: &CoreIdToken,
    keys: &Keys,
    algorithms: &[Algorithm],
    expected: &Expected<'_>,
) -> Result<Identity, TokenFault> {
    let refused = |reason: String| TokenFault::Refused(reason);
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(|e| refused(e.to_string()))?;
    // As a public client, whatever the client secret: a MAC under it is no signature.
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(expected.client_id.to_owned()),
        issuer,
        JsonWebKeySet::new(keys.usable.clone()),
    )
    .set_allowed_algs(algorithms.iter().cloned())
    .set_time_fn(|| date(expected.now - CLOCK_SKEW))
    .set_issue_time_verifier_fn(|issued_at| check_issue_time(issued_at, expected));
    let nonce = Nonce::new(expected.nonce.to_owned());
    let verified = token.claims(&verifier, &nonce).map_err(|e| fault(&e))?;

    check_authorized_party(verified.audiences().len(), verified.authorized_party(), expected.client_id)
        .map_err(refused)?;
    if let Some(hash) = verified.access_token_hash() {
        let computed = token
            .signing_alg()
            .and_then(|algorithm| Ok((algorithm, token.signing_key(&verifier)?)))
            .map_err(|e| e.to_string())
            .and_then(|(algorithm, key)| {
                AccessTokenHash::from_token(expected.access_token, algorithm, key).map_err(|e| e.to_string())
            })
            .map_err(|e| refused(format!("at_hash cannot be checked: {e}")))?;
        if *hash != computed {
            return Err(refused("at_hash is not of the access token".to_owned()));
        }
    }

    let claims = claims_of(&token.to_string()).ok_or_else(|| refused("it is no JSON object".to_owned()))?;
    // The library compares issuers as URLs; they must be equal as texts.
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(refused("iss is another issuer".to_owned()));
    }
    let subject = verified.subject().as_str().to_owned();
    if subject.is_empty() || subject.len() > 255 {
        return Err(refused("sub is empty or longer than 255 octets".to_owned()));
    }
    Ok(Identity {
        subject,
        session: claims.get("sid").and_then(Value::as_str).map(str::to_owned),
        issued_at: verified.issue_time().timestamp(),
        claims,
    })
}

/// The token is for us alone, or says that it was made for us (§3.1.3.7, 4 and 5).
pub(super) fn check_authorized_party(
    audiences: usize,
    authorized: Option<&ClientId>,
    client_id: &str,
) -> Result<(), String> {
    match authorized {
        Some(party) if party.as_str() != client_id => Err("azp is another client".to_owned()),
        None if audiences > 1 => Err("it has several audiences and no azp".to_owned()),
        _ => Ok(()),
    }
}

fn check_issue_time(issued_at: DateTime<Utc>, expected: &Expected<'_>) -> Result<(), String> {
    if issued_at > date(expected.now + CLOCK_SKEW) {
        return Err("iat lies in the future; compare the clocks of provider and server".to_owned());
    }
    if issued_at < date(expected.started_at - MAX_AGE) {
        return Err("iat lies long before this sign-in; compare the clocks of provider and server".to_owned());
    }
    Ok(())
}

fn fault(error: &ClaimsVerificationError) -> TokenFault {
    match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            TokenFault::UnknownKey
        }
        ClaimsVerificationError::SignatureVerification(inner) => TokenFault::Refused(inner.to_string()),
        other => TokenFault::Refused(other.to_string()),
    }
}

/// The payload of a compact JWS, unchecked.
fn claims_of(token: &str) -> Option<Claims> {
    part(token, 1)
}

/// Which key a compact JWS names.
pub fn kid_of(token: &str) -> Option<String> {
    part(token, 0)?.get("kid")?.as_str().map(str::to_owned)
}

fn part(token: &str, number: usize) -> Option<Claims> {
    let json = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&json).ok()
}

fn date(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.unix_micros()).unwrap_or_default()
}
