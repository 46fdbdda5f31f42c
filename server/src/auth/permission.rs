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
        false => Err(Error::Forbidden(format!("{permission} is not held within the profile {profile}"))),
    }
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
