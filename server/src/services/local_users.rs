//! Users of the machine's own command line: no provider vouches for them, so they are made by it alone.

use model::{Caller, Grant, ProviderId, User, UserId};
use serde_json::json;

use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// The local user `subject`, who is an administrator afterwards, whatever they were before: whoever runs commands on
/// the server's data could take it all anyway.
pub async fn ensure_admin(core: &Core, caller: &Caller, subject: &str, name: &str) -> Result<User> {
    if !matches!(caller.actor, model::Actor::System(_)) {
        return Err(Error::Forbidden("local users are made on the command line".to_owned()));
    }
    let local = ProviderId::local();
    let found = core.store.read().await?.user_by_subject(&local, subject).await?;
    let now = core.now();
    let (user, expected) = match found {
        Some(user) if user.deactivated_at.is_none() && user.grants.iter().any(Grant::is_admin) => {
            return Ok(user);
        }
        Some(mut user) => {
            let version = user.version;
            if !user.grants.iter().any(Grant::is_admin) {
                user.grants.push(Grant::admin());
            }
            (User { deactivated_at: None, version: version + 1, ..user }, Some(version))
        }
        None => {
            let user = User {
                id: UserId::generate(now, core.entropy.as_ref()),
                provider_id: local,
                subject: subject.to_owned(),
                name: name.to_owned(),
                email: None,
                groups: Vec::new(),
                grants: vec![Grant::admin()],
                version: 1,
                created_at: now,
                last_sign_in_at: None,
                deactivated_at: None,
            };
            (user, None)
        }
    };
    let action = if expected.is_some() { "user.restored" } else { "user.created" };
    let details = json!({ "name": user.name, "provider": user.provider_id, "roles": user.grants });
    let event = core.event(caller, action, Resource("user", user.id.as_str()), details);
    let stored = user.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                match expected {
                    None => tx.insert_user(&stored).await?,
                    Some(version) if tx.replace_user(&stored, version).await? => {}
                    Some(_) => return Err(Error::Conflict("the user was changed meanwhile".to_owned())),
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(user)
}
