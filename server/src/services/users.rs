use model::{Caller, Grant, Page, Permission, User, UserFilter, UserId};
use serde_json::{Value, json};

use super::administration::{self, begin_change};
use crate::auth::{self, Out, authorise, check_grantable};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

pub async fn list(core: &Core, caller: &Caller, filter: &UserFilter) -> Result<Page<User>> {
    authorise(caller, Permission::UserRead)?;
    Ok(core.store.read().await?.users(filter).await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &UserId) -> Result<User> {
    authorise(caller, Permission::UserRead)?;
    core.store.read().await?.user(id).await?.ok_or_else(|| missing(id))
}

/// What a user holds at this moment, and what keeps it from being in force.
#[derive(Debug, Default)]
pub struct Standing {
    pub held: Vec<Held>,
    pub out: Option<Out>,
}

/// A role that a user holds.
#[derive(Debug)]
pub struct Held {
    pub grant: Grant,
    /// The group whose mapping brings it; `None`: it was granted here.
    pub group: Option<String>,
}

/// What each of `users` holds, with the mappings of their providers as they are now.
pub async fn standings(core: &Core, caller: &Caller, users: &[User]) -> Result<Vec<Standing>> {
    authorise(caller, Permission::UserRead)?;
    let providers = administration::providers(&mut core.store.read().await?).await?;
    let standing = |user: &User| {
        let provider = providers.iter().find(|provider| provider.id == user.provider_id);
        let held = auth::held(user, provider);
        Standing {
            held: held
                .map(|(grant, group)| Held { grant: grant.clone(), group: group.map(str::to_owned) })
                .collect(),
            out: auth::out(user, provider),
        }
    };
    Ok(users.iter().map(standing).collect())
}

/// Replaces what a user is granted beside what their groups bring. What they had may stay; what is new, the caller
/// must hold. `expected`: the version that was read.
pub async fn set_grants(
    core: &Core,
    caller: &Caller,
    id: &UserId,
    grants: Vec<Grant>,
    expected: Option<i64>,
) -> Result<User> {
    authorise(caller, Permission::UserEdit)?;
    if grants.len() > MAX_GRANTS {
        return Err(Error::invalid("grants", format!("at most {MAX_GRANTS} entries are allowed")));
    }
    let wanted = grants.clone();
    change(core, caller, id, expected, "user.granted", move |user| {
        let details = json!({ "before": user.grants, "after": wanted });
        let new = wanted.iter().filter(|grant| !user.grants.contains(grant)).cloned().collect();
        user.grants = wanted;
        Some(Change { details, new_grants: new, ends_sessions: false })
    })
    .await
}

const MAX_GRANTS: usize = 50;

/// Keeps a user out, and ends their sessions. Twice is no error.
pub async fn deactivate(core: &Core, caller: &Caller, id: &UserId, reason: String) -> Result<User> {
    authorise(caller, Permission::UserEdit)?;
    let now = core.now();
    change(core, caller, id, None, "user.deactivated", move |user| {
        user.deactivated_at.is_none().then(|| {
            user.deactivated_at = Some(now);
            Change { details: json!({ "reason": reason }), new_grants: Vec::new(), ends_sessions: true }
        })
    })
    .await
}

/// Lets a user in again, with the rights that they had: so the caller must hold what they are granted here.
pub async fn reactivate(core: &Core, caller: &Caller, id: &UserId, reason: String) -> Result<User> {
    authorise(caller, Permission::UserEdit)?;
    change(core, caller, id, None, "user.reactivated", move |user| {
        user.deactivated_at.is_some().then(|| {
            user.deactivated_at = None;
            let new_grants = user.grants.clone();
            Change { details: json!({ "reason": reason }), new_grants, ends_sessions: false }
        })
    })
    .await
}

/// What a change of a user brings with it.
struct Change {
    details: Value,
    /// What the caller must hold.
    new_grants: Vec<Grant>,
    ends_sessions: bool,
}

/// Changes a user in a transaction in which nobody else changes who is an administrator. `edit` gives `None` when
/// there is nothing to do.
async fn change(
    core: &Core,
    caller: &Caller,
    id: &UserId,
    expected: Option<i64>,
    action: &'static str,
    edit: impl FnOnce(&mut User) -> Option<Change> + Send + 'static,
) -> Result<User> {
    let mut event = core.event(caller, action, Resource("user", id.as_str()), Value::Null);
    let (id, caller, now) = (id.clone(), caller.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let admin = begin_change(tx, now).await?;
                let mut user = tx.user(&id).await?.ok_or_else(|| missing(&id))?;
                let version = user.version;
                if expected.is_some_and(|expected| expected != version) {
                    return Err(lost_update(&id, Some(version)));
                }
                let Some(change) = edit(&mut user) else { return Ok(user) };
                check_grantable(tx, &caller, &change.new_grants).await?;
                user.version = version + 1;
                if !tx.replace_user(&user, version).await? {
                    return Err(lost_update(&id, None));
                }
                event.details = change.details;
                if change.ends_sessions {
                    let ended = tx.delete_sessions_of_user(&id).await?;
                    if let Value::Object(details) = &mut event.details {
                        details.insert("sessions_ended".to_owned(), json!(ended));
                    }
                }
                tx.record(&[event]).await?;
                admin.ensure_left(tx, now).await?;
                Ok(user)
            })
        })
        .await
}

fn lost_update(id: &UserId, now_at: Option<i64>) -> Error {
    Error::outdated(format_args!("the user {id}"), now_at)
}

fn missing(id: &UserId) -> Error {
    Error::not_found(format!("user {id}"))
}
