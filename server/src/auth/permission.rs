use model::{Actor, Caller, Permission, ProfileId, Reach};

use crate::error::{Error, Result};

/// Refuses callers that do not hold `permission` everywhere.
pub fn authorise(caller: &Caller, permission: Permission) -> Result<()> {
    match reach(caller, permission)? {
        Reach::Everywhere => Ok(()),
        Reach::Profiles(_) => Err(Error::Forbidden(format!(
            "{permission} is held within some profiles only, and this reaches beyond them"
        ))),
    }
}

/// Refuses callers that do not hold `permission` within `profile`.
pub fn authorise_within(caller: &Caller, permission: Permission, profile: &ProfileId) -> Result<()> {
    match reach(caller, permission)?.covers(profile) {
        true => Ok(()),
        false => Err(beyond(permission, profile)),
    }
}

/// Refuses a use of `permission` on something of `profile` that the caller names by its id: as `unknown` to those who
/// may not see it (`sees`) either, so that ids cannot be tried out.
pub fn authorise_named(
    caller: &Caller,
    permission: Permission,
    sees: Permission,
    profile: &ProfileId,
    unknown: impl FnOnce() -> Error,
) -> Result<()> {
    if reach(caller, permission)?.covers(profile) {
        return Ok(());
    }
    let seen = caller.rights.reach(sees).is_some_and(|reach| reach.covers(profile));
    Err(if seen { beyond(permission, profile) } else { unknown() })
}

/// How far the caller's `permission` reaches; refuses those who do not hold it at all. ACME accounts hold none of
/// these: what is theirs is decided where it is served.
pub fn reach(caller: &Caller, permission: Permission) -> Result<Reach> {
    match (&caller.actor, caller.rights.reach(permission)) {
        (Actor::Anonymous, _) => {
            Err(Error::Unauthenticated("sign in, or send an API key: Authorization: Bearer …".to_owned()))
        }
        (_, Some(reach)) => Ok(reach),
        (_, None) => Err(Error::Forbidden(format!("{permission} is required"))),
    }
}

fn beyond(permission: Permission, profile: &ProfileId) -> Error {
    Error::Forbidden(format!("{permission} is not held within the profile {profile}"))
}
