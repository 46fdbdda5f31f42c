//! What a provider says of itself (OpenID Connect Discovery 1.0 §3, RFC 8414, RFC 9207, Back-Channel Logout 1.0 §2.1).

use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use serde::Deserialize;

/// Members that nobody here reads are left out, so that a provider's slip in them does no harm.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    pub code_challenge_methods_supported: Option<Vec<String>>,
    pub response_types_supported: Option<Vec<String>>,
    pub scopes_supported: Option<Vec<String>>,
    pub claims_supported: Option<Vec<String>>,
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    #[serde(default)]
    pub backchannel_logout_session_supported: bool,
}

/// How certctl shows the token endpoint who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    Basic,
    Post,
    /// The provider takes neither.
    Impossible,
}

/// Signatures that are believed: never `none`, and never a MAC, whose key would be the client secret.
const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("RS256", Algorithm::RsaSsaPkcs1V15Sha256),
    ("RS384", Algorithm::RsaSsaPkcs1V15Sha384),
    ("RS512", Algorithm::RsaSsaPkcs1V15Sha512),
    ("PS256", Algorithm::RsaSsaPssSha256),
    ("PS384", Algorithm::RsaSsaPssSha384),
    ("PS512", Algorithm::RsaSsaPssSha512),
    ("ES256", Algorithm::EcdsaP256Sha256),
    ("ES384", Algorithm::EcdsaP384Sha384),
    ("EdDSA", Algorithm::EdDsa),
];

/// The algorithm of this name (RFC 7518 §3.1, RFC 8037 §3.1), when it is one that is believed.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm.clone())
}

/// For messages.
pub fn algorithm_names() -> String {
    ALGORITHMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Where the metadata of `issuer` are (OpenID Connect Discovery 1.0 §4.1).
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// What must hold before any endpoint is used. `issuer`: as it was configured; both must be equal to the last octet
    /// (OpenID Connect Discovery 1.0 §4.3), or one provider could speak for another.
    pub fn check(&self, issuer: &str) -> Result<(), String> {
        if self.issuer != issuer {
            return Err(format!(
                "it calls itself `{}`, and is configured as `{issuer}`",
                shown(&self.issuer)
            ));
        }
        let endpoints = [
            ("authorization_endpoint", Some(&self.authorization_endpoint)),
            ("token_endpoint", Some(&self.token_endpoint)),
            ("jwks_uri", Some(&self.jwks_uri)),
            ("userinfo_endpoint", self.userinfo_endpoint.as_ref()),
            ("end_session_endpoint", self.end_session_endpoint.as_ref()),
        ];
        for (name, url) in endpoints {
            let Some(url) = url else { continue };
            if !is_https(url) {
                return Err(format!("its {name} is no https URL: `{}`", shown(url)));
            }
        }
        Ok(())
    }

    /// Signatures that both sides know. A provider that says nothing signs with RS256 (OpenID Connect Core 1.0 §15.1).
    pub fn algorithms(&self) -> Vec<Algorithm> {
        match &self.id_token_signing_alg_values_supported {
            Some(names) => names.iter().filter_map(|name| algorithm(name)).collect(),
            None => algorithm("RS256").into_iter().collect(),
        }
    }

    /// Whether PKCE with S256 is ruled out. Many providers that know it do not announce it.
    pub fn refuses_s256(&self) -> bool {
        self.code_challenge_methods_supported.as_ref().is_some_and(|known| !known.iter().any(|m| m == "S256"))
    }

    pub fn client_authentication(&self) -> ClientAuthentication {
        let Some(methods) = &self.token_endpoint_auth_methods_supported else {
            return ClientAuthentication::Basic;
        };
        let knows = |method: &str| methods.iter().any(|m| m == method);
        match (knows("client_secret_basic"), knows("client_secret_post")) {
            (true, _) => ClientAuthentication::Basic,
            (false, true) => ClientAuthentication::Post,
            (false, false) => ClientAuthentication::Impossible,
        }
    }
}

/// Whether `text` is an https URL with a host and without user name and fragment.
pub fn is_https(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https"
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

/// What a provider sent, short enough for a message.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(change: impl FnOnce(&mut Value)) -> Metadata {
        let mut value = json!({
            "issuer": "https://idp.example.com",
            "authorization_endpoint": "https://idp.example.com/auth?tenant=1",
            "token_endpoint": "https://idp.example.com/token",
            "jwks_uri": "https://idp.example.com/jwks",
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_issuer_is_compared_to_the_last_octet() {
        let good = metadata(|_| ());
        good.check("https://idp.example.com").unwrap();
        for other in ["https://idp.example.com/", "https://IDP.example.com", "https://other.example.com"] {
            assert!(good.check(other).is_err(), "{other}");
        }
    }

    #[test]
    fn endpoints_are_https() {
        for (member, url) in [
            ("token_endpoint", "http://idp.example.com/token"),
            ("jwks_uri", "/jwks"),
            ("userinfo_endpoint", "https://user@idp.example.com/"),
            ("end_session_endpoint", "https://idp.example.com/#x"),
            ("authorization_endpoint", "javascript:alert(1)"),
        ] {
            let bad = metadata(|m| m[member] = url.into());
            assert!(bad.check("https://idp.example.com").unwrap_err().contains(member));
        }
    }

    #[test]
    fn algorithms_are_those_of_both_sides() {
        let of = |names: Value| metadata(|m| m["id_token_signing_alg_values_supported"] = names).algorithms();
        assert_eq!(metadata(|_| ()).algorithms(), [Algorithm::RsaSsaPkcs1V15Sha256]);
        assert_eq!(of(json!(["none", "HS256", "ES256"])), [Algorithm::EcdsaP256Sha256]);
        assert_eq!(of(json!(["none", "HS512"])), []);
    }

    #[test]
    fn pkce_and_client_authentication() {
        assert!(!metadata(|_| ()).refuses_s256());
        let methods = |m: Value| metadata(|v| v["code_challenge_methods_supported"] = m).refuses_s256();
        assert!(methods(json!(["plain"])) && methods(json!([])) && !methods(json!(["plain", "S256"])));
        let auth =
            |m: Value| metadata(|v| v["token_endpoint_auth_methods_supported"] = m).client_authentication();
        assert_eq!(metadata(|_| ()).client_authentication(), ClientAuthentication::Basic);
        assert_eq!(auth(json!(["client_secret_post", "client_secret_basic"])), ClientAuthentication::Basic);
        assert_eq!(auth(json!(["client_secret_post"])), ClientAuthentication::Post);
        assert_eq!(auth(json!(["private_key_jwt"])), ClientAuthentication::Impossible);
    }

    #[test]
    fn the_metadata_are_below_the_issuer() {
        let at = "https://idp.example.com/realms/a/.well-known/openid-configuration";
        assert_eq!(discovery_url("https://idp.example.com/realms/a"), at);
        assert_eq!(discovery_url("https://idp.example.com/realms/a/"), at);
    }
}
