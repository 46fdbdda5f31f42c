//! Sessions as those see them who hold them, and as administrators do.

use std::collections::HashMap;

use model::{
    Actor, AuditEvent, Caller, Page, PageRequest, Permission, Principal, Session, SessionFilter, SessionId,
    UserId,
};
use serde_json::{Value, json};

use crate::auth::authorise;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Everybody's for those who may read them, of one owner if `filter` names one; one's own for others.
pub async fn list(core: &Core, caller: &Caller, filter: SessionFilter) -> Result<Page<Session>> {
    let everybody = filter.user_id.is_none() && filter.api_key_id.is_none();
    if everybody && !caller.rights.allows(Permission::SessionRead) {
        return list_own(core, caller, filter.page).await;
    }
    let own = match (&filter.user_id, &filter.api_key_id) {
        (Some(user), None) => caller.actor == Actor::User(user.clone()),
        (None, Some(key)) => caller.actor == Actor::ApiKey(key.clone()),
        _ => false,
    };
    if !own {
        authorise(caller, Permission::SessionRead)?;
    }
    Ok(core.store.read().await?.sessions(&filter).await?)
}

/// Anybody's for those who may read them; one's own for others, for whom there are no other ones.
pub async fn find(core: &Core, caller: &Caller, id: &SessionId) -> Result<Session> {
    let found = core.store.read().await?.session(id).await?;
    match found {
        Some(session) if is_own(caller, &session) || caller.rights.allows(Permission::SessionRead) => {
            Ok(session)
        }
        _ => Err(missing(id)),
    }
}

/// The names of those whose `sessions` the caller has been shown.
pub async fn owners(core: &Core, sessions: &[Session]) -> Result<HashMap<Principal, String>> {
    let (mut users, mut keys) = (Vec::new(), Vec::new());
    for session in sessions {
        match &session.principal {
            Principal::User(id) => users.push(id.clone()),
            Principal::ApiKey(id) => keys.push(id.clone()),
        }
    }
    let mut db = core.store.read().await?;
    let users = db.users_by_ids(&users).await?.into_iter();
    let keys = db.api_keys_by_ids(&keys).await?.into_iter();
    let users = users.map(|user| (Principal::User(user.id), user.name));
    Ok(users.chain(keys.map(|key| (Principal::ApiKey(key.id), key.name))).collect())
}

pub async fn list_own(core: &Core, caller: &Caller, page: PageRequest) -> Result<Page<Session>> {
    let (user_id, api_key_id) = match &caller.actor {
        Actor::User(id) => (Some(id.clone()), None),
        Actor::ApiKey(id) => (None, Some(id.clone())),
        _ => return Err(Error::Forbidden("only those who can sign in have sessions".to_owned())),
    };
    Ok(core.store.read().await?.sessions(&SessionFilter { user_id, api_key_id, page }).await?)
}

/// Ends a session: one's own always, another's with the permission.
pub async fn revoke(core: &Core, caller: &Caller, id: &SessionId) -> Result<()> {
    let found = core.store.read().await?.session(id).await?;
    if !found.as_ref().is_some_and(|session| is_own(caller, session)) {
        authorise(caller, Permission::SessionRevoke)?;
    }
    let event = ended(core, caller, id, json!({ "why": "revoked" }));
    let id = id.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.delete_session(&id).await? {
                    return Err(missing(&id));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await
}

/// Ends all sessions of a user and gives how many there were.
pub async fn revoke_all_of_user(core: &Core, caller: &Caller, user: &UserId, reason: &str) -> Result<usize> {
    if caller.actor != Actor::User(user.clone()) {
        authorise(caller, Permission::SessionRevoke)?;
    }
    if core.store.read().await?.user(user).await?.is_none() {
        return Err(Error::not_found(format!("user {user}")));
    }
    let mut event =
        core.event(caller, "user.signed_out", Resource("user", user.as_str()), json!({ "reason": reason }));
    let user = user.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let ended = tx.delete_sessions_of_user(&user).await?;
                if let Value::Object(details) = &mut event.details {
                    details.insert("sessions_ended".to_owned(), json!(ended));
                }
                if !ended.is_empty() {
                    tx.record(&[event]).await?;
                }
                Ok(ended.len())
            })
        })
        .await
}

/// Ends the sessions of everybody but the one through which it is asked, and gives how many there were.
pub async fn revoke_all(core: &Core, caller: &Caller, reason: &str) -> Result<usize> {
    authorise(caller, Permission::SessionRevoke)?;
    let mut event = core.event(caller, "sessions.all_ended", Resource("session", "all"), Value::Null);
    let (kept, reason) = (caller.session.clone(), reason.to_owned());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let ended = tx.delete_all_sessions(kept.as_ref()).await?;
                event.details = json!({ "reason": reason, "count": ended, "kept": kept });
                tx.record(&[event]).await?;
                Ok(usize::try_from(ended).unwrap_or(usize::MAX))
            })
        })
        .await
}

fn is_own(caller: &Caller, session: &Session) -> bool {
    match (&caller.actor, &session.principal) {
        (Actor::User(caller), Principal::User(owner)) => caller == owner,
        (Actor::ApiKey(caller), Principal::ApiKey(owner)) => caller == owner,
        _ => false,
    }
}

fn missing(id: &SessionId) -> Error {
    Error::not_found(format!("session {id}"))
}

fn ended(core: &Core, caller: &Caller, id: &SessionId, details: Value) -> AuditEvent {
    core.event(caller, "session.ended", Resource("session", id.as_str()), details)
}
