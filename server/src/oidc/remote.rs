//! One provider, as the network knows it.

use std::sync::Arc;

use model::{Provider, Timestamp};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreRequestTokenError, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, IssuerUrl, JsonWebKeySet, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _, TokenUrl,
};
use serde_json::Value;

use super::cache::Cached;
use super::groups::Claims;
use super::http::{HttpClient, HttpFault};
use super::id_token::{self, Expected, Identity, TokenFault};
use super::keys::Keys;
use super::logout_token::{self, Ended};
use super::metadata::{ClientAuthentication, Metadata, discovery_url, shown};
use super::{Fault, LoginState};

/// Clients share what is cached; it stays until the provider's address or trust anchors change.
#[derive(Debug)]
pub struct Remote {
    issuer: String,
    anchors: Option<String>,
    http: HttpClient,
    metadata: Cached<Metadata>,
    keys: Cached<Keys>,
}

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What the token endpoint gave for a code.
#[derive(Debug)]
pub struct Tokens {
    pub id_token: CoreIdToken,
    pub access_token: AccessToken,
}

impl Remote {
    pub fn new(provider: &Provider) -> Result<Self, Fault> {
        let anchors = provider.spec.ca_certificates.clone();
        let http = HttpClient::new(anchors.as_deref())
            .map_err(|why| Fault::Unusable(format!("its ca_certificates: {why}")))?;
        let issuer = provider.spec.issuer.clone();
        Ok(Self { issuer, anchors, http, metadata: Cached::default(), keys: Cached::default() })
    }

    /// Whether this still is where `provider` is.
    pub fn is_of(&self, provider: &Provider) -> bool {
        self.issuer == provider.spec.issuer && self.anchors == provider.spec.ca_certificates
    }

    pub async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        self.metadata.get(now, || self.fetch_metadata()).await
    }

    async fn fetch_metadata(&self) -> Result<Metadata, Fault> {
        let metadata: Metadata = self.http.get_json(&discovery_url(&self.issuer), None).await?;
        metadata.check(&self.issuer).map_err(Fault::Unusable)?;
        Ok(metadata)
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<Keys, Fault> {
        let set: Value = self.http.get_json(&metadata.jwks_uri, None).await?;
        Keys::parse(&set).map_err(|why| Fault::Unusable(format!("its key set: {why}")))
    }

    /// Where the browser is sent to sign in.
    pub fn authorization_url(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        redirect_uri: &str,
        login: &LoginState,
    ) -> Result<String, Fault> {
        if metadata.refuses_s256() {
            return Err(Fault::Unusable("it does not know PKCE with S256".to_owned()));
        }
        let client = client(provider, metadata, redirect_uri, None)?;
        let (state, nonce) = (login.state.clone(), login.nonce.clone());
        let verifier = PkceCodeVerifier::new(login.verifier.clone());
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(provider.spec.scopes.iter().filter(|s| *s != "openid").cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        Ok(request.url().0.into())
    }

    /// Redeems an authorization code (OpenID Connect Core 1.0 §3.1.3, RFC 7636 §4.5).
    pub async fn exchange(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        redirect_uri: &str,
        secret: Option<&str>,
        code: String,
        verifier: &str,
    ) -> Result<Tokens, Fault> {
        let client = client(provider, metadata, redirect_uri, secret)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&self.http)
            .await
            .map_err(token_fault)?;
        if *answer.token_type() != CoreTokenType::Bearer {
            return Err(Fault::Refused("the access token is no bearer token".to_owned()));
        }
        let id_token = answer.id_token().cloned();
        let id_token =
            id_token.ok_or_else(|| Fault::Refused("there is no ID token in its answer".to_owned()))?;
        Ok(Tokens { id_token, access_token: answer.access_token().clone() })
    }

    /// Who signed in, by their ID token.
    pub async fn identify(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        expected: &Expected<'_>,
    ) -> Result<Identity, Fault> {
        let algorithms = metadata.algorithms();
        self.with_keys(metadata, expected.now, |keys| {
            id_token::check(&tokens.id_token, keys, &algorithms, expected)
        })
        .await
        .map_err(|fault| fault.about("the ID token"))
    }

    /// What a logout token ends.
    pub async fn logout(
        &self,
        metadata: &Metadata,
        token: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Ended, Fault> {
        let algorithms = metadata.algorithms();
        self.with_keys(metadata, now, |keys| {
            logout_token::check(token, keys, &algorithms, &self.issuer, client_id, now)
        })
        .await
        .map_err(|fault| fault.about("the logout token"))
    }

    /// Whether the key that signed `token` is still published. Keycloak shows an error page to browsers that come with an
    /// ID token by a key that was taken away.
    pub async fn still_publishes_key_of(&self, metadata: &Metadata, token: &str, now: Timestamp) -> bool {
        let Some(kid) = id_token::kid_of(token) else { return true };
        match self.keys.renew(now, || self.fetch_keys(metadata)).await {
            Ok(keys) => keys.has(&kid),
            Err(_) => true,
        }
    }

    /// Checks with the keys that are known, and once more with newer ones if the right one is not among them.
    async fn with_keys<T>(
        &self,
        metadata: &Metadata,
        now: Timestamp,
        check: impl Fn(&Keys) -> Result<T, TokenFault>,
    ) -> Result<T, Fault> {
        let keys = self.keys.get(now, || self.fetch_keys(metadata)).await?;
        let outcome = match check(&keys) {
            Err(TokenFault::UnknownKey) => check(&*self.keys.renew(now, || self.fetch_keys(metadata)).await?),
            outcome => outcome,
        };
        outcome.map_err(|fault| {
            Fault::Refused(match fault {
                TokenFault::UnknownKey => {
                    "it is signed by a key that the provider does not publish".to_owned()
                }
                TokenFault::Refused(why) => why,
            })
        })
    }

    /// What the userinfo endpoint says of `subject` (OpenID Connect Core 1.0 §5.3); `None`: there is none.
    pub async fn userinfo(
        &self,
        metadata: &Metadata,
        access_token: &AccessToken,
        subject: &str,
    ) -> Result<Option<Claims>, Fault> {
        let Some(url) = &metadata.userinfo_endpoint else { return Ok(None) };
        let claims: Claims = self.http.get_json(url, Some(access_token.secret())).await?;
        // §5.3.2: else somebody else's groups could be put in the place of this person's.
        match claims.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(Some(claims)),
            false => Err(Fault::Refused("userinfo is of another person than the ID token".to_owned())),
        }
    }
}

fn client(
    provider: &Provider,
    metadata: &Metadata,
    redirect_uri: &str,
    secret: Option<&str>,
) -> Result<Client, Fault> {
    let bad = |e: url::ParseError| Fault::Unusable(e.to_string());
    let client = CoreClient::new(
        ClientId::new(provider.spec.client_id.clone()),
        IssuerUrl::new(metadata.issuer.clone()).map_err(bad)?,
        JsonWebKeySet::default(),
    )
    .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(bad)?)
    .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone()).map_err(bad)?)
    .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(bad)?);
    let Some(secret) = secret else {
        return Ok(client.set_auth_type(AuthType::RequestBody));
    };
    let client = client.set_client_secret(ClientSecret::new(secret.to_owned()));
    Ok(match metadata.client_authentication() {
        ClientAuthentication::Post => client.set_auth_type(AuthType::RequestBody),
        _ => client.set_auth_type(AuthType::BasicAuth),
    })
}

fn token_fault(error: CoreRequestTokenError<HttpFault>) -> Fault {
    match error {
        CoreRequestTokenError::ServerResponse(answer) => {
            Fault::Refused(format!("the token endpoint answered `{}`", shown(answer.error().as_ref())))
        }
        CoreRequestTokenError::Request(fault) => fault.into(),
        CoreRequestTokenError::Parse(error, _) => {
            let path = shown(&error.path().to_string());
            Fault::Unusable(format!("the token endpoint's answer is not understood at `{path}`"))
        }
        CoreRequestTokenError::Other(why) => Fault::Unusable(shown(&why)),
    }
}
