//! Who is signed in: sessions from their beginning to their end. What a session allows is computed for each request.

mod manage;
#[cfg(test)]
pub mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{
    Actor, AuditEvent, Caller, Grant, Owner, Principal, ProviderId, Rights, Session, SessionData, SessionId,
    SignInMethod, SignedIn, Timestamp,
};
use serde_json::{Value, json};
use store::{StoreError, Tx};

use super::api_keys;
use crate::auth::{self, SessionSecret};
use crate::config::SessionConfig;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

pub use manage::{find, list, list_own, owners, revoke, revoke_all, revoke_all_of_user};

/// How much later than it was a session is written down as seen.
const SEEN_EVERY: Duration = Duration::from_secs(60);
const MAX_USER_AGENT: usize = 200;

/// The rules of sessions, and what this replica is writing down about them.
#[derive(Debug)]
pub struct Sessions {
    idle: Duration,
    lifetime: Duration,
    being_noted: Mutex<HashSet<SessionId>>,
}

impl Sessions {
    pub fn new(config: SessionConfig) -> Self {
        Self { idle: config.idle, lifetime: config.lifetime, being_noted: Mutex::default() }
    }

    /// When the session ends, if nothing is asked through it any more.
    pub fn end_of(&self, session: &Session) -> Timestamp {
        session.expires_at.min(session.last_seen_at + self.idle)
    }

    /// Sessions that were not seen since this moment are over.
    pub fn idle_since(&self, now: Timestamp) -> Timestamp {
        now - self.idle
    }

    /// A session in use must be noted well before it would count as idle.
    fn seen_every(&self) -> Duration {
        SEEN_EVERY.min(self.idle / 4)
    }
}

/// Somebody has shown who they are.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub owner: Owner,
    pub method: SignInMethod,
    /// The provider's name for its own session (`sid`).
    pub provider_session: Option<String>,
    /// Sealed, in base64.
    pub sealed_id_token: Option<String>,
    pub user_agent: Option<String>,
    /// The cookie that the browser came with; that session ends.
    pub former: Option<SessionSecret>,
    /// What else the audit event says.
    pub details: Value,
}

/// A session that is ready to be stored.
#[derive(Debug)]
pub struct NewSession {
    pub session: Session,
    pub secret: SessionSecret,
    pub rights: Arc<Rights>,
    former: Option<[u8; 32]>,
    event: AuditEvent,
}

impl NewSession {
    /// Stores the session with its audit event, and ends the one that the browser had.
    pub async fn insert(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if let Some(former) = &self.former {
            tx.delete_session_of_cookie(former).await?;
        }
        tx.insert_session(&self.session).await?;
        tx.record(std::slice::from_ref(&self.event)).await
    }
}

/// Signs somebody in. Refused, with an audit event, for those who may do nothing at all.
pub async fn sign_in(core: &Core, asking: &Caller, sign_in: SignIn) -> Result<NewSession> {
    let new = prepare(core, asking, sign_in).await?;
    let new = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                new.insert(tx).await?;
                Ok::<_, Error>(new)
            })
        })
        .await?;
    core.metrics.sign_in(new.session.method, true);
    Ok(new)
}

/// Makes a session, for a caller that stores it in a transaction of its own by [`NewSession::insert`].
pub async fn prepare(core: &Core, asking: &Caller, sign_in: SignIn) -> Result<NewSession> {
    let now = core.now();
    let secret = SessionSecret::generate(core.entropy.as_ref());
    let (principal, provider_id, groups) = match &sign_in.owner {
        Owner::User(user, provider) => {
            (Principal::User(user.id.clone()), provider.as_ref().map(|p| p.id.clone()), user.groups.clone())
        }
        Owner::ApiKey(key) => (Principal::ApiKey(key.id.clone()), None, Vec::new()),
        Owner::Nobody => return Err(Error::Internal("nobody signs in".to_owned())),
    };
    let mut signed_in = SignedIn {
        session: Session {
            id: SessionId::generate(now, core.entropy.as_ref()),
            id_sha256: secret.sha256(),
            principal,
            method: sign_in.method,
            provider_id,
            provider_session: sign_in.provider_session,
            client_ip: asking.client_ip,
            user_agent: sign_in.user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
            created_at: now,
            last_seen_at: now,
            expires_at: now + core.sessions.lifetime,
            data: SessionData {
                csrf_token: auth::random_token(core.entropy.as_ref()),
                rights_digest: String::new(),
                sealed_id_token: sign_in.sealed_id_token,
            },
        },
        owner: sign_in.owner,
    };
    let grants = auth::grants_of(&signed_in);
    let rights = auth::rights(&mut core.store.read().await?, &grants).await?;
    let caller = asking.with_actor(actor(&signed_in.session.principal));
    if rights.is_none() {
        refuse(core, &caller, sign_in.method, "no role", json!({ "groups": groups })).await?;
        return Err(Error::Forbidden("no role is granted to you here".to_owned()));
    }
    let session = &mut signed_in.session;
    session.data.rights_digest = auth::rights_digest(&rights);
    let mut details = json!({
        "method": session.method, "provider": session.provider_id.as_ref().map(ProviderId::as_str),
        "user_agent": session.user_agent, "groups": groups, "roles": grants, "expires_at": session.expires_at,
    });
    if let (Some(all), Value::Object(more)) = (details.as_object_mut(), sign_in.details) {
        all.extend(more);
    }
    let event = core.event(&caller, "session.started", Resource("session", session.id.as_str()), details);
    let former = sign_in.former.map(|secret| secret.sha256());
    Ok(NewSession { session: signed_in.session, secret, rights: Arc::new(rights), former, event })
}

/// Records that somebody was not let in, and why.
pub async fn refuse(
    core: &Core,
    asking: &Caller,
    method: SignInMethod,
    reason: &str,
    details: Value,
) -> Result<()> {
    let mut all = json!({ "reason": reason });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), details) {
        all.extend(more);
    }
    core.metrics.sign_in(method, false);
    let event = core.refusal(asking, "session.refused", Resource("sign_in", method.as_str()), all);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await.map_err(Error::from)
}

/// What a cookie is good for at this moment.
#[derive(Debug, Clone)]
pub struct Checked {
    pub caller: Caller,
    pub signed_in: SignedIn,
    /// Granted now.
    pub grants: Vec<Grant>,
    /// The rights have changed, so the cookie must change too.
    pub new_secret: Option<SessionSecret>,
}

/// Who comes with this cookie. `None` for unknown and ended sessions, and for those who may do nothing any more.
///
/// One statement, as long as no role of the administrators' own is granted; nothing is written, unless the rights
/// have changed. That the session was seen is noted later, at most once a minute.
pub async fn check(core: &Arc<Core>, asking: &Caller, secret: &SessionSecret) -> Result<Option<Checked>> {
    let mut db = core.store.read().await?;
    let Some(signed_in) = db.signed_in(&secret.sha256()).await? else { return Ok(None) };
    let now = core.now();
    if core.sessions.end_of(&signed_in.session) <= now {
        return Ok(None);
    }
    if let Owner::ApiKey(key) = &signed_in.owner
        && api_keys::usable(key, asking, now).is_err()
    {
        return Ok(None);
    }
    let grants = auth::grants_of(&signed_in);
    let rights = auth::rights(&mut db, &grants).await?;
    drop(db);
    if rights.is_none() {
        return Ok(None);
    }
    let mut checked = Checked {
        caller: Caller {
            rights: Arc::new(rights),
            session: Some(signed_in.session.id.clone()),
            ..asking.with_actor(actor(&signed_in.session.principal))
        },
        signed_in,
        grants,
        new_secret: None,
    };
    follow_rights(core, &mut checked).await?;
    note_seen(core, &checked.signed_in.session, now);
    Ok(Some(checked))
}

fn actor(principal: &Principal) -> Actor {
    match principal {
        Principal::User(id) => Actor::User(id.clone()),
        Principal::ApiKey(id) => Actor::ApiKey(id.clone()),
    }
}

/// Gives the session another cookie when its rights are not what they were.
async fn follow_rights(core: &Core, checked: &mut Checked) -> Result<()> {
    let digest = auth::rights_digest(&checked.caller.rights);
    let session = &mut checked.signed_in.session;
    if session.data.rights_digest == digest {
        return Ok(());
    }
    let secret = SessionSecret::generate(core.entropy.as_ref());
    let old = std::mem::replace(&mut session.id_sha256, secret.sha256());
    session.data.rights_digest = digest;
    let session = session.clone();
    // Of requests at the same time one wins; the others go on under the cookie that they came with.
    let won = core
        .store
        .write(move |tx| Box::pin(async move { tx.rekey_session(&old, &session).await }))
        .await
        .map_err(Error::from)?;
    checked.new_secret = won.then_some(secret);
    Ok(())
}

/// Has it written down that the session was seen, without letting the request wait.
fn note_seen(core: &Arc<Core>, session: &Session, now: Timestamp) {
    let pause = core.sessions.seen_every();
    if now.since(session.last_seen_at) < pause {
        return;
    }
    let noting = &core.sessions.being_noted;
    if !noting.lock().unwrap_or_else(PoisonError::into_inner).insert(session.id.clone()) {
        return;
    }
    let (core, id, id_sha256) = (Arc::clone(core), session.id.clone(), session.id_sha256);
    tokio::spawn(async move {
        let touched = core
            .store
            .write(move |tx| Box::pin(async move { tx.touch_session(&id_sha256, now, pause).await }))
            .await;
        core.sessions.being_noted.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Err::<_, StoreError>(e) = touched {
            tracing::warn!(error = %e, "that a session was seen could not be written down");
        }
    });
}

/// Ends the session through which it is asked. Twice is no error.
pub async fn sign_out(core: &Core, checked: &Checked) -> Result<()> {
    let session = &checked.signed_in.session;
    let resource = Resource("session", session.id.as_str());
    let event = core.event(&checked.caller, "session.ended", resource, json!({ "why": "signed out" }));
    let id = session.id.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if tx.delete_session(&id).await? {
                    tx.record(&[event]).await?;
                }
                Ok(())
            })
        })
        .await
}
