//! Sessions as those see them who hold them, and as administrators do.

use model::{
    Actor, AuditEvent, Caller, Page, PageRequest, Permission, Principal, Session, SessionFilter, SessionId,
    UserId,
};
use serde_json::{Value, json};

use crate::auth::authorise;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Everybody's for those who may read them, of one user if `user` is given; one's own for others.
pub async fn list(
    core: &Core,
    caller: &Caller,
    user: Option<&UserId>,
    page: PageRequest,
) -> Result<Page<Session>> {
    let own = user.is_some_and(|user| caller.actor == Actor::User(user.clone()));
    if user.is_none() && !caller.rights.allows(Permission::SessionRead) {
        return list_own(core, caller, page).await;
    }
    if !own {
        authorise(caller, Permission::SessionRead)?;
    }
    let filter = SessionFilter { user_id: user.cloned(), page, ..SessionFilter::default() };
    Ok(core.store.read().await?.sessions(&filter).await?)
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
                    return Err(Error::not_found(format!("session {id}")));
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

fn is_own(caller: &Caller, session: &Session) -> bool {
    match (&caller.actor, &session.principal) {
        (Actor::User(caller), Principal::User(owner)) => caller == owner,
        (Actor::ApiKey(caller), Principal::ApiKey(owner)) => caller == owner,
        _ => false,
    }
}

fn ended(core: &Core, caller: &Caller, id: &SessionId, details: Value) -> AuditEvent {
    core.event(caller, "session.ended", Resource("session", id.as_str()), details)
}
