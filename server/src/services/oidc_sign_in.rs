//! Signing in through an OpenID provider: authorization code flow with PKCE, from the link to the session.

use model::{Caller, Grant, Owner, Provider, ProviderId, SessionData, SignInMethod, Timestamp, User, UserId};
use serde_json::{Value, json};
use store::{StoreError, Tx};

use super::administration::any_admin;
use super::providers::client_secret;
use super::sessions::{self, NewSession, SignIn};
use crate::auth::{self, SessionSecret};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::oidc::{
    Claims, Expected, Fault, Groups, Identity, LoginState, MAX_GROUPS, Metadata, Remote, Tokens,
};

/// Longer ID tokens would make the URL of a logout too long for many servers.
const MAX_ID_TOKEN: usize = 8 * 1024;
/// What ID tokens are sealed for, with the session's id.
pub const ID_TOKEN_PURPOSE: &str = "oidc-id-token";

/// Why somebody is not let in, as the sign-in page is told. Nothing of what came from outside goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They, or the provider's rules, did not want it.
    Denied,
    /// An administrator has deactivated the user.
    Deactivated,
    /// There is no such provider, or it is disabled.
    Disabled,
    /// The address is not verified, or in no domain that is allowed.
    Email,
    /// The provider has ended its session meanwhile.
    Ended,
    /// There are too many groups for the token.
    GroupsElsewhere,
    NoRole,
    /// It, or what came through it, is not to be believed.
    Provider,
    /// This browser did not begin this sign-in, or did so too long ago, or it is over already.
    State,
    /// The provider does not answer.
    Unavailable,
}

impl Refusal {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied => "cancelled",
            Self::Deactivated => "deactivated",
            Self::Disabled => "provider-disabled",
            Self::Email => "email-domain",
            Self::Ended => "session-ended",
            Self::GroupsElsewhere => "too-many-groups",
            Self::NoRole => "no-role",
            Self::Provider => "provider-refused",
            Self::State => "expired",
            Self::Unavailable => "provider-unavailable",
        }
    }
}

/// Where the browser is sent, and what it has to keep meanwhile.
#[derive(Debug)]
pub struct Begun {
    pub location: String,
    pub cookie: String,
}

/// How the browser is back.
#[derive(Debug, Default)]
pub struct Arrival {
    /// What [`Begun`] gave it.
    pub cookie: Option<String>,
    pub state: Option<String>,
    pub code: Option<String>,
    /// The provider's error code (RFC 6749 §4.1.2.1).
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
    pub user_agent: Option<String>,
    /// The session that the browser had; it ends.
    pub former: Option<SessionSecret>,
}

#[derive(Debug)]
pub struct Finished {
    pub new: NewSession,
    /// A path of this server.
    pub return_to: String,
}

/// Why a sign-in goes no further.
#[derive(Debug)]
enum Stop {
    Refused { refusal: Refusal, details: Value },
    Failed(Error),
}

impl Stop {
    fn refused(refusal: Refusal, why: impl Into<Value>) -> Self {
        Self::Refused { refusal, details: json!({ "why": why.into() }) }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        let refusal = match fault {
            Fault::Unavailable(_) => Refusal::Unavailable,
            Fault::Unusable(_) | Fault::Refused(_) => Refusal::Provider,
        };
        Self::refused(refusal, fault.to_string())
    }
}

/// Begins a sign-in. Nothing is stored: what must be known later travels in the cookie. `return_to`: a path of this
/// server.
pub async fn begin(core: &Core, id: &ProviderId, return_to: &str) -> Result<Result<Begun, Refusal>> {
    match send_away(core, id, return_to).await {
        Ok(begun) => Ok(Ok(begun)),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Refused { refusal, details }) => {
            tracing::warn!(provider = %id, %details, "a sign-in could not begin");
            Ok(Err(refusal))
        }
    }
}

async fn send_away(core: &Core, id: &ProviderId, return_to: &str) -> Result<Begun, Stop> {
    let provider = enabled_provider(core, id).await?;
    let remote = core.oidc.remotes.of(&provider)?;
    let now = core.now();
    let metadata = remote.metadata(now).await?;
    let login = LoginState::new(return_to, now, core.entropy.as_ref());
    let redirect_uri = core.oidc.links.oidc_callback(id);
    let location = remote.authorization_url(&provider, &metadata, &redirect_uri, &login)?;
    Ok(Begun { location, cookie: login.seal(id, &core.sealer, core.entropy.as_ref()) })
}

/// Ends a sign-in that this browser has begun: with a session, or with an audit event that says why not.
pub async fn finish(
    core: &Core,
    asking: &Caller,
    id: &ProviderId,
    arrival: Arrival,
) -> Result<Result<Finished, Refusal>> {
    // Anybody can come here with anything, as often as they like; they are not worth an audit event.
    let Some(login) = login_of(core, id, &arrival) else {
        tracing::info!(provider = %id, client = ?asking.client_ip, "a browser is back that began no sign-in");
        return Ok(Err(Refusal::State));
    };
    match complete(core, asking, id, login, arrival).await {
        Ok(finished) => Ok(Ok(finished)),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Refused { refusal, mut details }) => {
            details["provider"] = id.as_str().into();
            sessions::refuse(core, asking, SignInMethod::Oidc, refusal.code(), details).await?;
            Ok(Err(refusal))
        }
    }
}

/// The sign-in that this browser began at this provider and that `state` belongs to.
fn login_of(core: &Core, id: &ProviderId, arrival: &Arrival) -> Option<LoginState> {
    let login = LoginState::open(arrival.cookie.as_deref()?, id, &core.sealer, core.now())?;
    login.has_state(arrival.state.as_deref()?).then_some(login)
}

async fn complete(
    core: &Core,
    asking: &Caller,
    id: &ProviderId,
    login: LoginState,
    arrival: Arrival,
) -> Result<Finished, Stop> {
    if !core.store.redeem_nonce(login.redemption(), login.expires_at()).await? {
        return Err(Stop::refused(Refusal::State, "this sign-in was finished before"));
    }
    let provider = enabled_provider(core, id).await?;
    let remote = core.oidc.remotes.of(&provider)?;
    let metadata = remote.metadata(core.now()).await?;
    check_response_issuer(&provider, &metadata, arrival.issuer.as_deref())?;
    if let Some(error) = &arrival.error {
        let refusal = if error == "access_denied" { Refusal::Denied } else { Refusal::Provider };
        return Err(Stop::refused(
            refusal,
            format!("the provider answered with the error {}", code_of(error)),
        ));
    }
    let code =
        arrival.code.ok_or_else(|| Stop::refused(Refusal::Provider, "there is no code in the answer"))?;

    let secret = client_secret(core, &provider)?;
    let redirect_uri = core.oidc.links.oidc_callback(id);
    let secret = secret.as_ref().map(crate::config::Secret::expose);
    let tokens = remote.exchange(&provider, &metadata, &redirect_uri, secret, code, &login.verifier).await?;
    let expected = Expected {
        issuer: &provider.spec.issuer,
        client_id: &provider.spec.client_id,
        nonce: &login.nonce,
        access_token: &tokens.access_token,
        started_at: login.started_at,
        now: core.now(),
    };
    let identity = remote.identify(&metadata, &tokens, &expected).await?;
    let person = person(&remote, &metadata, &provider, &tokens, &identity).await?;
    let new = start_session(
        core,
        asking,
        provider,
        &identity,
        &person,
        &tokens,
        arrival.user_agent,
        arrival.former,
    )
    .await?;
    Ok(Finished { new, return_to: login.return_to })
}

async fn enabled_provider(core: &Core, id: &ProviderId) -> Result<Provider, Stop> {
    let provider = core.store.read().await?.provider(id).await?.filter(|provider| provider.spec.enabled);
    provider.ok_or_else(|| Stop::refused(Refusal::Disabled, "the provider is unknown or disabled"))
}

/// That the answer is from the provider that was asked (RFC 9207 §2.4).
fn check_response_issuer(provider: &Provider, metadata: &Metadata, issuer: Option<&str>) -> Result<(), Stop> {
    match issuer {
        Some(issuer) if issuer == provider.spec.issuer => Ok(()),
        Some(_) => Err(Stop::refused(Refusal::Provider, "the answer is from another provider (iss)")),
        None if metadata.authorization_response_iss_parameter_supported => {
            Err(Stop::refused(Refusal::Provider, "the answer does not say from whom it is (iss)"))
        }
        None => Ok(()),
    }
}

/// What a provider says of a person.
#[derive(Debug, PartialEq, Eq)]
struct Person {
    name: String,
    email: Option<String>,
    groups: Vec<String>,
}

/// Reads the claims, and asks for more where the ID token leaves out what decides.
async fn person(
    remote: &Remote,
    metadata: &Metadata,
    provider: &Provider,
    tokens: &Tokens,
    identity: &Identity,
) -> Result<Person, Stop> {
    let (spec, mut claims) = (&provider.spec, identity.claims.clone());
    let mut groups = Groups::of(&claims, &spec.groups_claim);
    let has_address = claims.contains_key("email") && claims.contains_key("email_verified");
    let needs_address = !spec.allowed_email_domains.is_empty() && !has_address;
    if groups == Groups::Absent || needs_address {
        let more = remote.userinfo(metadata, &tokens.access_token, &identity.subject).await?;
        let mut more = more.unwrap_or_default();
        if groups == Groups::Absent {
            groups = Groups::of(&more, &spec.groups_claim);
        }
        join_address(&mut claims, &mut more);
        // What the ID token says is signed, so it comes first.
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
    let groups = match groups {
        Groups::Listed(groups) => groups,
        Groups::Absent => Vec::new(),
        Groups::Elsewhere => {
            return Err(Stop::refused(
                Refusal::GroupsElsewhere,
                "there are too many groups for the ID token; let the provider send only those that are assigned to \
                 this application, or application roles",
            ));
        }
    };
    let email = text(&claims, "email");
    if !is_allowed_address(&spec.allowed_email_domains, email, claims.get("email_verified")) {
        let why = "the address is not verified, or its domain is not allowed";
        return Err(Stop::Refused {
            refusal: Refusal::Email,
            details: json!({ "why": why, "email": email }),
        });
    }
    let name = text(&claims, "name").or_else(|| text(&claims, "preferred_username")).or(email);
    Ok(Person {
        name: shortened(name.unwrap_or(&identity.subject)),
        email: email.map(shortened),
        groups: kept(provider, groups),
    })
}

fn text<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// As many groups as are kept, those first that are mapped.
fn kept(provider: &Provider, mut groups: Vec<String>) -> Vec<String> {
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        let is_mapped = |group: &String| provider.spec.group_mappings.iter().any(|m| m.group == *group);
        groups.sort_by_key(|group| !is_mapped(group));
        groups.truncate(MAX_GROUPS);
    }
    groups
}

/// The provider's error code (RFC 6749 §4.1.2.1), if it looks like one: it goes into the audit trail, and anybody can send
/// a browser here with one.
fn code_of(error: &str) -> &str {
    let looks_so = error.len() <= 40 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if looks_so { error } else { "(no code of OAuth)" }
}

/// Takes an address and whether it is verified from one source: the ID token where it has both, or else userinfo where
/// that has the address. One half of each could be of different addresses.
fn join_address(of_token: &mut Claims, of_userinfo: &mut Claims) {
    let is_whole = of_token.contains_key("email") && of_token.contains_key("email_verified");
    match !is_whole && of_userinfo.contains_key("email") {
        true => {
            of_token.remove("email");
            of_token.remove("email_verified");
        }
        false => {
            of_userinfo.remove("email");
            of_userinfo.remove("email_verified");
        }
    }
}

/// `allowed`: in lower case; empty allows everybody. Some providers write the member `email_verified` as a string.
fn is_allowed_address(allowed: &[String], email: Option<&str>, verified: Option<&Value>) -> bool {
    if allowed.is_empty() {
        return true;
    }
    let verified = matches!(verified, Some(Value::Bool(true))) || verified.is_some_and(|v| v == "true");
    let domain =
        email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_ascii_lowercase());
    verified && domain.is_some_and(|domain| allowed.contains(&domain))
}

#[expect(clippy::too_many_arguments, reason = "they are all of one sign-in, and go nowhere else")]
async fn start_session(
    core: &Core,
    asking: &Caller,
    provider: Provider,
    identity: &Identity,
    person: &Person,
    tokens: &Tokens,
    user_agent: Option<String>,
    former: Option<SessionSecret>,
) -> Result<NewSession, Stop> {
    let now = core.now();
    let mut db = core.store.read().await?;
    let known = db.user_by_subject(&provider.id, &identity.subject).await?;
    if known.as_ref().is_some_and(|user| user.deactivated_at.is_some()) {
        return Err(not_let_in(Refusal::Deactivated, identity, person));
    }
    let mut user = user(core, &provider, identity, person, known.as_ref(), now);
    let bootstrap = bootstrap_group(core, person).filter(|_| !user.grants.iter().any(Grant::is_admin));
    let becomes_admin = bootstrap.is_some() && !any_admin(&mut db, now).await?;
    if becomes_admin {
        user.grants.push(Grant::admin());
        user.version += i64::from(known.is_some());
    }
    let grants: Vec<_> = user.grants.iter().chain(provider.spec.grants_of(&user.groups)).cloned().collect();
    if auth::rights(&mut db, &grants).await?.is_none() {
        return Err(not_let_in(Refusal::NoRole, identity, person));
    }
    drop(db);

    let owner = Owner::User(Box::new(user.clone()), Some(Box::new(provider.clone())));
    let sign_in = SignIn {
        owner,
        method: SignInMethod::Oidc,
        provider_session: identity.session.clone(),
        sealed_id_token: None,
        user_agent,
        former,
        details: json!({ "subject": identity.subject, "name": person.name, "email": person.email }),
    };
    let mut new = sessions::prepare(core, asking, sign_in).await?;
    keep_id_token(core, &mut new, &tokens.id_token.to_string());

    let mut events = Vec::new();
    let resource = Resource("user", user.id.as_str());
    if known.is_none() {
        let details = json!({ "provider": provider.id, "subject": user.subject, "name": user.name });
        events.push(core.event(asking, "user.created", resource, details));
    }
    if becomes_admin {
        let details =
            json!({ "why": "CERTCTL_BOOTSTRAP_ADMIN_GROUPS", "group": bootstrap, "grants": user.grants });
        events.push(core.event(asking, "user.became_admin", resource, details));
    }
    let landing = Landing {
        provider,
        is_new: known.is_none(),
        becomes_admin,
        session: identity.session.clone(),
        issued_at: Timestamp::from_unix_seconds(identity.issued_at),
        now,
        user,
    };
    core.store
        .write(move |tx| {
            Box::pin(async move {
                landing.land(tx).await?;
                tx.record(&events).await?;
                new.insert(tx).await?;
                Ok(new)
            })
        })
        .await
}

/// What must still be so when the session is stored.
struct Landing {
    provider: Provider,
    user: User,
    is_new: bool,
    becomes_admin: bool,
    session: Option<String>,
    issued_at: Timestamp,
    now: Timestamp,
}

impl Landing {
    async fn land(&self, tx: &mut Tx) -> Result<(), Stop> {
        let (id, user) = (&self.provider.id, &self.user);
        if self.becomes_admin {
            tx.lock_administration().await?;
            if any_admin(tx, self.now).await? {
                return Err(again());
            }
        }
        // From here on nobody ends sessions of this provider without seeing this one.
        if !tx.lock_provider(id).await?
            || tx.provider(id).await?.is_none_or(|now| now.version != self.provider.version)
        {
            return Err(again());
        }
        if self.was_ended(tx).await? {
            return Err(Stop::refused(
                Refusal::Ended,
                "the provider ended its session before it could begin here",
            ));
        }
        if self.is_new {
            if tx.user_by_subject(id, &user.subject).await?.is_some() {
                return Err(again());
            }
            return Ok(tx.insert_user(user).await?);
        }
        if self.becomes_admin && !tx.replace_user(user, user.version - 1).await? {
            return Err(again());
        }
        let email = user.email.as_deref();
        match tx.note_sign_in(&user.id, &user.name, email, &user.groups, self.now).await? {
            true => Ok(()),
            false => Err(Stop::refused(Refusal::Deactivated, "the user was deactivated")),
        }
    }

    /// Logout tokens may arrive before the browser is back.
    async fn was_ended(&self, tx: &mut Tx) -> Result<bool, Stop> {
        if let Some(sid) = &self.session
            && tx.provider_session_ended_at(&self.provider.id, &format!("sid:{sid}")).await?.is_some()
        {
            return Ok(true);
        }
        let subject = format!("sub:{}", self.user.subject);
        let ended = tx.provider_session_ended_at(&self.provider.id, &subject).await?;
        Ok(ended.is_some_and(|ended| self.issued_at <= ended))
    }
}

/// Something changed in the moment of signing in.
fn again() -> Stop {
    Stop::refused(Refusal::State, "the provider, the user or the administrators changed meanwhile")
}

fn not_let_in(refusal: Refusal, identity: &Identity, person: &Person) -> Stop {
    let details = json!({
        "subject": identity.subject, "name": person.name, "email": person.email, "groups": person.groups,
    });
    Stop::Refused { refusal, details }
}

fn user(
    core: &Core,
    provider: &Provider,
    identity: &Identity,
    person: &Person,
    known: Option<&User>,
    now: Timestamp,
) -> User {
    let said = |user: User| User {
        name: person.name.clone(),
        email: person.email.clone(),
        groups: person.groups.clone(),
        last_sign_in_at: Some(now),
        ..user
    };
    said(known.cloned().unwrap_or_else(|| User {
        id: UserId::generate(now, core.entropy.as_ref()),
        provider_id: provider.id.clone(),
        subject: identity.subject.clone(),
        name: String::new(),
        email: None,
        groups: Vec::new(),
        grants: Vec::new(),
        version: 1,
        created_at: now,
        last_sign_in_at: None,
        deactivated_at: None,
    }))
}

fn bootstrap_group<'c>(core: &'c Core, person: &Person) -> Option<&'c String> {
    core.oidc.bootstrap_admin_groups.iter().find(|group| person.groups.contains(group))
}

/// Keeps the ID token for the provider's own logout.
fn keep_id_token(core: &Core, new: &mut NewSession, token: &str) {
    use base64::Engine as _;
    if token.len() <= MAX_ID_TOKEN {
        let id = new.session.id.as_str();
        let sealed = core.sealer.seal(ID_TOKEN_PURPOSE, id, token.as_bytes(), core.entropy.as_ref());
        let text = base64::engine::general_purpose::STANDARD.encode(sealed);
        new.session.data = SessionData { sealed_id_token: Some(text), ..new.session.data.clone() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_when_verified_and_in_an_allowed_domain() {
        let allowed = ["example.com".to_owned()];
        let is = |email: Option<&str>, verified: Value| is_allowed_address(&allowed, email, Some(&verified));
        assert!(is(Some("a@example.com"), json!(true)) && is(Some("a@EXAMPLE.com"), json!("true")));
        assert!(!is(Some("a@example.com"), json!(false)) && !is(Some("a@example.com"), json!("false")));
        assert!(!is(Some("a@example.com"), json!(1)) && !is(None, json!(true)));
        for other in ["a@example.com.evil", "a@sub.example.com", "example.com", "a@example.com@evil", ""] {
            assert!(!is(Some(other), json!(true)), "{other}");
        }
        assert!(!is_allowed_address(&allowed, Some("a@example.com"), None));
        assert!(is_allowed_address(&[], None, None));
    }

    #[test]
    fn an_address_is_verified_by_whoever_names_it() {
        let claims = |value: Value| -> Claims { serde_json::from_value(value).unwrap() };
        let whole = |email: &str| json!({ "email": email, "email_verified": true });
        for (token, userinfo, joined) in [
            (whole("t"), whole("u"), whole("t")),
            (json!({ "email": "t" }), whole("u"), whole("u")),
            (json!({ "email": "t" }), json!({ "email_verified": true }), json!({ "email": "t" })),
            (json!({ "email_verified": true }), json!({ "email": "u" }), json!({ "email": "u" })),
            (json!({}), whole("u"), whole("u")),
        ] {
            let (mut of_token, mut more) = (claims(token.clone()), claims(userinfo.clone()));
            join_address(&mut of_token, &mut more);
            of_token.extend(more);
            assert_eq!(of_token, claims(joined), "{token} {userinfo}");
        }
    }
}
