//! Passwords of local administrators, for the day on which no identity provider answers. Loud on purpose.

use std::time::Duration;

use model::{Caller, Entropy, Owner, Permission, ProviderId, SignInMethod, Timestamp, User};
use serde_json::{Value, json};

use super::local_users;
use super::sessions::{self, NewSession, SignIn};
use crate::auth::{PasswordHasher, SessionSecret, authorise};
use crate::config::Secret;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

pub const MIN_PASSWORD: usize = 14;
const MAX_PASSWORD: usize = 1000;
const MAX_NAME: usize = 100;
/// More local administrators than anybody has.
const MOST_LISTED: u32 = 200;
/// Wrong passwords until the first lock; each further one locks for twice as long.
const FAILURES: i64 = 5;
const LOCK: Duration = Duration::from_secs(15 * 60);
const LONGEST_LOCK: Duration = Duration::from_secs(86_400);
/// How long administrators are told that a password was used.
const TOLD_FOR: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
pub struct BreakGlass {
    pub enabled: bool,
    hasher: PasswordHasher,
}

impl BreakGlass {
    pub fn new(enabled: bool, entropy: &dyn Entropy) -> Self {
        Self { enabled, hasher: PasswordHasher::new(entropy) }
    }
}

/// Gives the local administrator `name` a password, in place of an older one; makes them if they do not exist.
pub async fn set_password(core: &Core, caller: &Caller, name: &str, password: Secret) -> Result<User> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", format!("1 to {MAX_NAME} characters are allowed")));
    }
    let length = password.expose().chars().count();
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        return Err(Error::invalid(
            "password",
            format!("{MIN_PASSWORD} to {MAX_PASSWORD} characters are allowed"),
        ));
    }
    let user = local_users::ensure_admin(core, caller, name, name).await?;
    let hash = core.break_glass.hasher.hash(password, core.entropy.as_ref()).await?;
    let resource = Resource("user", user.id.as_str());
    let event = core.event(caller, "break_glass.password_set", resource, json!({ "name": user.name }));
    let (id, now) = (user.id.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.put_password(&id, &hash, now).await?;
                tx.delete_sessions_of_user(&id).await?;
                tx.record(&[event]).await
            })
        })
        .await
        .map_err(Error::from)?;
    Ok(user)
}

/// Takes the password away and ends the sessions of its user.
pub async fn remove_password(core: &Core, caller: &Caller, name: &str) -> Result<()> {
    let local = ProviderId::local();
    let user = core.store.read().await?.user_by_subject(&local, name.trim()).await?;
    let missing = || Error::not_found("local administrator of this name who has a password");
    let user = user.ok_or_else(missing)?;
    let resource = Resource("user", user.id.as_str());
    let event = core.event(caller, "break_glass.password_removed", resource, json!({ "name": user.name }));
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.delete_password(&user.id).await? {
                    return Err(missing());
                }
                tx.delete_sessions_of_user(&user.id).await?;
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await
}

/// Signs in with name and password. Unknown names, wrong passwords and locked ones take as long and get the same
/// answer.
pub async fn sign_in(
    core: &Core,
    asking: &Caller,
    name: &str,
    password: Secret,
    user_agent: Option<String>,
    former: Option<SessionSecret>,
) -> Result<NewSession> {
    if !core.break_glass.enabled {
        return Err(Error::not_found("such path"));
    }
    let now = core.now();
    core.attempts.admit(asking.client_ip, now)?;
    let found = core.store.read().await?.password_by_name(name.trim()).await?;
    let hash = found.as_ref().map(|(_, password)| password.hash.clone());
    let is_right = core.break_glass.hasher.verify(password, hash).await?;
    let Some((user, password)) = found else {
        return Err(refuse(core, asking, None, Refusal::Unknown).await?);
    };
    if password.locked_until.is_some_and(|until| until > now) {
        return Err(refuse(core, asking, Some(&user), Refusal::Locked).await?);
    }
    if !is_right {
        return Err(refuse(core, asking, Some(&user), Refusal::Wrong).await?);
    }
    let sign_in = SignIn {
        owner: Owner::User(Box::new(user.clone()), None),
        method: SignInMethod::BreakGlass,
        provider_session: None,
        sealed_id_token: None,
        user_agent,
        former,
        details: json!({ "name": user.name }),
    };
    let new = match sessions::prepare(core, asking, sign_in).await {
        Ok(new) => new,
        Err(Error::Forbidden(_)) => return Err(wrong()),
        Err(e) => return Err(e),
    };
    let caller = asking.with_actor(model::Actor::User(user.id.clone()));
    let details = json!({ "name": user.name, "session": new.session.id });
    let event = core.event(&caller, "break_glass.used", Resource("user", user.id.as_str()), details);
    let (hash, stored) = (password.hash, user.clone());
    let new = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                // It may have been locked, changed or taken away since it was read.
                if !tx.note_password_use(&stored.id, &hash, now).await?
                    || !tx.note_sign_in(&stored.id, &stored.name, None, &[], now).await?
                {
                    return Err(wrong());
                }
                new.insert(tx).await?;
                tx.record(&[event]).await?;
                Ok(new)
            })
        })
        .await?;
    core.attempts.forgive(asking.client_ip);
    core.metrics.sign_in(SignInMethod::BreakGlass, true);
    tracing::error!(
        user.name = user.name, client.address = ?asking.client_ip, request.id = asking.request_id,
        "break-glass: a local administrator has signed in with a password"
    );
    Ok(new)
}

/// Why a password was refused; for the audit event alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Unknown,
    Locked,
    Wrong,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "the name is unknown",
            Self::Locked => "it is locked",
            Self::Wrong => "the password is wrong",
        }
    }
}

/// Records a refusal, and counts it where a password was wrong.
async fn refuse(core: &Core, asking: &Caller, user: Option<&User>, refusal: Refusal) -> Result<Error> {
    let reason = refusal.as_str();
    let now = core.now();
    // What was typed as a name may have been a password; only known names are written down.
    let (resource, details) = match user {
        Some(user) => (user.id.as_str(), json!({ "reason": reason, "name": user.name })),
        None => ("unknown", json!({ "reason": reason })),
    };
    let mut event = core.refusal(asking, "break_glass.refused", Resource("user", resource), details);
    let counted = user.filter(|_| refusal == Refusal::Wrong).map(|user| user.id.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(id) = counted {
                    let failures = tx.note_password_failure(&id).await?;
                    if let Some(until) = lock(failures, now) {
                        tx.lock_password(&id, until).await?;
                        if let Value::Object(details) = &mut event.details {
                            details.insert("locked_until".to_owned(), json!(until));
                        }
                    }
                }
                tx.record(&[event]).await
            })
        })
        .await
        .map_err(Error::from)?;
    core.metrics.sign_in(SignInMethod::BreakGlass, false);
    tracing::error!(
        reason, client.address = ?asking.client_ip, request.id = asking.request_id,
        "break-glass: a sign-in with a password was refused"
    );
    Ok(wrong())
}

/// How long a password is locked after so many wrong ones in a row.
fn lock(failures: i64, now: Timestamp) -> Option<Timestamp> {
    let beyond = u32::try_from(failures - FAILURES).ok()?;
    let longer = LOCK.checked_mul(1u32.checked_shl(beyond).unwrap_or(u32::MAX)).unwrap_or(LONGEST_LOCK);
    Some(now + longer.min(LONGEST_LOCK))
}

fn wrong() -> Error {
    Error::Unauthenticated("name or password is wrong, or the account is locked for a while".to_owned())
}

/// Who has a password, and how it stands with it; never the password.
#[derive(Debug)]
pub struct PasswordState {
    pub user: User,
    /// Wrong ones since the last right one.
    pub failures: i64,
    pub locked_until: Option<Timestamp>,
    pub changed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

pub async fn list(core: &Core, caller: &Caller) -> Result<Vec<PasswordState>> {
    authorise(caller, Permission::UserRead)?;
    let found = core.store.read().await?.passwords(MOST_LISTED).await?.into_iter();
    let state = |(user, password): (User, model::Password)| PasswordState {
        user,
        failures: password.failures,
        locked_until: password.locked_until,
        changed_at: password.changed_at,
        last_used_at: password.last_used_at,
    };
    Ok(found.map(state).collect())
}

/// When a password was used last, if that is worth telling administrators.
pub async fn used_lately(core: &Core) -> Result<Option<Timestamp>> {
    let since = core.now() - TOLD_FOR;
    Ok(core.store.read().await?.password_used_since(since).await?.map(|(_, at)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_to_a_day() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let minutes = |failures| lock(failures, now).map(|until| until.since(now).as_secs() / 60);
        let locks: Vec<_> = [0, 4, 5, 6, 7, 11, 12, 40, 1_000_000].into_iter().map(minutes).collect();
        let expected =
            [None, None, Some(15), Some(30), Some(60), Some(960), Some(1440), Some(1440), Some(1440)];
        assert_eq!(locks, expected);
    }
}
