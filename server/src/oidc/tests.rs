//! Tokens, good and forged, against the keys that a provider publishes.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use openidconnect::AccessToken;
use openidconnect::core::{CoreIdToken, CoreJwsSigningAlgorithm};
use serde_json::{Value, json};
use testkit::acme::{Algorithm, Key};

use super::id_token::{self, Expected, Identity, TokenFault};
use super::keys::Keys;
use super::logout_token::{self, Ended};
use super::metadata::algorithm;

const ISSUER: &str = "https://idp.example.com/realms/a";
const CLIENT: &str = "certctl";
const NONCE: &str = "the nonce of this sign-in";
const ACCESS_TOKEN: &str = "an access token";
const NOW: i64 = 1_800_000_000;

/// A provider with one key, published under the name `k1` beside an encryption key and one of an unknown type.
struct Signer {
    key: Key,
    keys: Keys,
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        let key = Key::generate(algorithm);
        let mut jwk = key.jwk();
        jwk["kid"] = "k1".into();
        jwk["use"] = "sig".into();
        let mut encryption = jwk.clone();
        encryption["use"] = "enc".into();
        let unknown = json!({ "kty": "AKP", "kid": "k1", "alg": "ML-DSA-65", "pub": "AAAA" });
        let keys = Keys::parse(&json!({ "keys": [encryption, unknown, jwk] })).unwrap();
        Self { key, keys }
    }

    fn header(&self) -> Value {
        json!({ "alg": self.key.algorithm().jws_name(), "kid": "k1", "typ": "JWT" })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())))
    }

    fn identify(&self, change: impl FnOnce(&mut Value, &mut Value)) -> Result<Identity, TokenFault> {
        let (mut header, mut claims) = (self.header(), id_claims());
        change(&mut header, &mut claims);
        identify(&self.sign(&header, &claims), &self.keys)
    }

    fn logout(&self, change: impl FnOnce(&mut Value, &mut Value)) -> Result<Ended, TokenFault> {
        let (mut header, mut claims) = (self.header(), logout_claims());
        header["typ"] = "logout+jwt".into();
        change(&mut header, &mut claims);
        logout(&self.sign(&header, &claims), &self.keys)
    }
}

fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "alice", "nonce": NONCE, "sid": "s1",
        "iat": NOW, "exp": NOW + 300, "groups": ["a"], "email_verified": "true",
    })
}

fn logout_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "alice", "sid": "s1", "jti": "j1", "iat": NOW, "exp": NOW + 120,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(NOW)
}

fn algorithms() -> Vec<CoreJwsSigningAlgorithm> {
    ["RS256", "PS256", "ES256", "ES384", "EdDSA"].iter().filter_map(|name| algorithm(name)).collect()
}

fn identify(token: &str, keys: &Keys) -> Result<Identity, TokenFault> {
    let token: CoreIdToken =
        serde_json::from_value(token.into()).map_err(|e| TokenFault::Refused(e.to_string()))?;
    let expected = Expected {
        issuer: ISSUER,
        client_id: CLIENT,
        nonce: NONCE,
        access_token: &AccessToken::new(ACCESS_TOKEN.to_owned()),
        started_at: now() - Duration::from_secs(20),
        now: now(),
    };
    id_token::check(&token, keys, &algorithms(), &expected)
}

fn logout(token: &str, keys: &Keys) -> Result<Ended, TokenFault> {
    logout_token::check(token, keys, &algorithms(), ISSUER, CLIENT, now())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, TokenFault>, why: &str) {
    match outcome {
        Err(TokenFault::Refused(reason)) if reason.contains(why) => {}
        other => panic!("`{why}` expected: {other:?}"),
    }
}

/// The left half of the SHA-256 (OpenID Connect Core 1.0 §3.1.3.6).
fn at_hash(access_token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

#[test]
fn good_id_tokens_of_every_kind_of_key_are_believed() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        let identity = Signer::new(algorithm).identify(|_, _| ()).unwrap();
        assert_eq!((identity.subject.as_str(), identity.session.as_deref()), ("alice", Some("s1")));
        assert_eq!((identity.issued_at, &identity.claims["groups"]), (NOW, &json!(["a"])));
    }
}

#[test]
fn what_else_may_be_in_a_good_id_token() {
    let signer = Signer::new(Algorithm::Es256);
    signer.identify(|head, _| drop(head.as_object_mut().unwrap().remove("typ"))).unwrap();
    signer.identify(|head, _| drop(head.as_object_mut().unwrap().remove("kid"))).unwrap();
    signer.identify(|_, claims| claims["aud"] = json!([CLIENT])).unwrap();
    signer.identify(|_, claims| claims["azp"] = CLIENT.into()).unwrap();
    signer.identify(|_, claims| claims["at_hash"] = at_hash(ACCESS_TOKEN).into()).unwrap();
    signer.identify(|_, claims| claims["updated_at"] = "2026-01-02T03:04:05Z".into()).unwrap();
    // Microsoft Entra ID sets it five minutes back.
    signer.identify(|_, claims| claims["iat"] = (NOW - 320).into()).unwrap();
}

#[test]
fn clocks_may_differ_by_two_minutes() {
    let signer = Signer::new(Algorithm::Es256);
    for (off, works) in [(-90, true), (90, true), (119, true), (121, false), (150, false)] {
        let outcome = signer.identify(|_, claims| {
            claims["iat"] = (NOW + off).into();
            claims["exp"] = (NOW + off + 300).into();
        });
        assert_eq!(outcome.is_ok(), works, "{off}: {outcome:?}");
    }
    for (expired, works) in [(90, true), (119, true), (120, false), (150, false)] {
        let outcome = signer.identify(|_, claims| claims["exp"] = (NOW - expired).into());
        assert_eq!(outcome.is_ok(), works, "{expired}: {outcome:?}");
    }
    refused(signer.identify(|_, claims| claims["iat"] = (NOW - 621).into()), "long before this sign-in");
}

#[test]
fn forged_and_foreign_id_tokens_are_refused() {
    let signer = Signer::new(Algorithm::Es256);
    refused(signer.identify(|_, c| c["iss"] = "https://evil.example".into()), "Invalid issuer");
    refused(signer.identify(|_, c| c["iss"] = "https://idp.example.com:443/realms/a".into()), "iss");
    refused(signer.identify(|_, c| c["aud"] = "another".into()), "Invalid audiences");
    refused(signer.identify(|_, c| c["aud"] = json!([CLIENT, "another"])), "Invalid audiences");
    refused(signer.identify(|_, c| c["azp"] = "another".into()), "azp");
    refused(signer.identify(|_, c| c["nonce"] = "of another sign-in".into()), "nonce");
    refused(signer.identify(|_, c| drop(c.as_object_mut().unwrap().remove("nonce"))), "nonce");
    refused(signer.identify(|_, c| c["at_hash"] = at_hash("another").into()), "at_hash");
    refused(signer.identify(|_, c| c["sub"] = "".into()), "sub");
    refused(signer.identify(|_, c| c["sub"] = "x".repeat(256).into()), "sub");
    for missing in ["iss", "sub", "iat", "exp", "aud"] {
        let outcome = signer.identify(|_, c| drop(c.as_object_mut().unwrap().remove(missing)));
        assert!(outcome.is_err(), "{missing}: {outcome:?}");
    }
    refused(signer.identify(|h, _| h["typ"] = "at+jwt".into()), "type");
    refused(signer.identify(|h, _| h["crit"] = json!(["x"])), "critical");
}

#[test]
fn only_the_providers_signatures_count() {
    let signer = Signer::new(Algorithm::Es256);
    assert_eq!(signer.identify(|h, _| h["kid"] = "k2".into()).unwrap_err(), TokenFault::UnknownKey);
    let stranger = Signer::new(Algorithm::Es256);
    refused(identify(&stranger.sign(&stranger.header(), &id_claims()), &signer.keys), "Crypto");

    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&id_claims()));
    refused(identify(&unsigned, &signer.keys), "No signature");

    // The public key, which everybody knows, as the secret of a MAC.
    for secret in [signer.key.jwk().to_string(), "client secret".to_owned()] {
        let header = json!({ "alg": "HS256", "kid": "k1" });
        let signed = format!("{}.{}", part(&header), part(&id_claims()));
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let mac = aws_lc_rs::hmac::sign(&mac, signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        refused(identify(&token, &signer.keys), "HS256");
        refused(logout(&token, &signer.keys), "algorithm");
    }
    let token = signer.sign(&signer.header(), &id_claims());
    let changed = token.replace(&part(&id_claims()), &part(&json!({ "sub": "mallory" })));
    assert!(identify(&changed, &signer.keys).is_err());
}

#[test]
fn several_audiences_need_an_authorized_party() {
    // The library refuses other audiences before this is asked; it must hold by itself.
    let check = id_token::check_authorized_party;
    let party = |name: &str| openidconnect::ClientId::new(name.to_owned());
    assert!(check(1, None, CLIENT).is_ok() && check(2, Some(&party(CLIENT)), CLIENT).is_ok());
    assert!(check(2, None, CLIENT).is_err() && check(1, Some(&party("another")), CLIENT).is_err());
}

#[test]
fn good_logout_tokens_say_what_ended() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let ended = Signer::new(algorithm).logout(|_, _| ()).unwrap();
        assert_eq!((ended.subject.as_deref(), ended.session.as_deref()), (Some("alice"), Some("s1")));
        assert_eq!((ended.jti.as_str(), ended.issued_at), ("j1", now()));
        assert_eq!(ended.accepted_until, now() + Duration::from_secs(240));
    }
    let signer = Signer::new(Algorithm::Es256);
    let by_subject = signer.logout(|_, c| drop(c.as_object_mut().unwrap().remove("sid"))).unwrap();
    assert_eq!((by_subject.subject.as_deref(), by_subject.session), (Some("alice"), None));
    let by_session = signer.logout(|_, c| drop(c.as_object_mut().unwrap().remove("sub"))).unwrap();
    assert_eq!((by_session.subject, by_session.session.as_deref()), (None, Some("s1")));
    signer.logout(|h, _| drop(h.as_object_mut().unwrap().remove("typ"))).unwrap();
    signer.logout(|h, _| h["typ"] = "JWT".into()).unwrap();
    signer.logout(|_, c| c["aud"] = json!(["another", CLIENT])).unwrap();
    signer.logout(|_, c| c["iat"] = json!(1_800_000_000.5)).unwrap();
    for off in [-90, 90] {
        let moved = |c: &mut Value| {
            c["iat"] = (NOW + off).into();
            c["exp"] = (NOW + off + 60).into();
        };
        signer.logout(|_, c| moved(c)).unwrap();
    }
}

#[test]
fn other_logout_tokens_are_refused() {
    let signer = Signer::new(Algorithm::Es256);
    refused(signer.logout(|_, c| c["iss"] = "https://evil.example".into()), "iss");
    refused(signer.logout(|_, c| c["aud"] = "another".into()), "aud");
    refused(signer.logout(|_, c| c["aud"] = json!(7)), "aud");
    refused(signer.logout(|_, c| c["iat"] = (NOW + 150).into()), "future");
    refused(signer.logout(|_, c| c["iat"] = (NOW - 301).into()), "too old");
    refused(signer.logout(|_, c| c["iat"] = json!(1e300)), "no iat");
    refused(signer.logout(|_, c| c["iat"] = json!("now")), "no iat");
    refused(signer.logout(|_, c| drop(c.as_object_mut().unwrap().remove("exp"))), "no exp");
    refused(signer.logout(|_, c| c["exp"] = (NOW - 150).into()), "expired");
    refused(signer.logout(|_, c| drop(c.as_object_mut().unwrap().remove("events"))), "events");
    refused(signer.logout(|_, c| c["events"] = json!({ "another": {} })), "events");
    refused(signer.logout(|_, c| c["nonce"] = NONCE.into()), "nonce");
    refused(signer.logout(|_, c| drop(c.as_object_mut().unwrap().remove("jti"))), "jti");
    refused(
        signer.logout(|_, c| {
            c.as_object_mut().unwrap().remove("sub");
            c["sid"] = "".into();
        }),
        "neither",
    );
    refused(signer.logout(|h, _| h["typ"] = "at+jwt".into()), "another type");
    refused(signer.logout(|h, _| h["crit"] = json!([])), "critical");
    refused(signer.logout(|h, _| h["alg"] = "none".into()), "algorithm");
    refused(signer.logout(|h, _| h["alg"] = "RS512".into()), "algorithm");
    assert_eq!(signer.logout(|h, _| h["kid"] = "k2".into()).unwrap_err(), TokenFault::UnknownKey);
    // An ID token is no logout token.
    refused(logout(&signer.sign(&signer.header(), &id_claims()), &signer.keys), "events");
    for token in ["", "a.b", "a.b.c.d", "!.!.!", "e30.e30.e30", "W10.W10.W10"] {
        refused(logout(token, &signer.keys), "");
    }
    let stranger = Signer::new(Algorithm::Es256);
    refused(logout(&stranger.sign(&stranger.header(), &logout_claims()), &signer.keys), "signature");
}
