use model::{BuiltInRole, Caller, Grant, Permissions, Rights};
use store::Reader;

use super::access::rights;
use crate::error::{Error, Result};

/// Profiles of one grant at most: a list is read profile by profile.
pub const MAX_PROFILES: usize = 50;

/// Refuses grants of roles that do not exist, and of more than the caller holds: nobody can give away what is not
/// theirs. Within a transaction that begins with `lock_administration`, the roles stay until its end.
pub async fn check_grantable(db: &mut Reader, caller: &Caller, grants: &[Grant]) -> Result<()> {
    let (mut own, mut profiles) = (Vec::new(), 0);
    for grant in grants {
        profiles = profiles.max(grant.profiles.len());
        if BuiltInRole::find(&grant.role).is_none() {
            own.push(grant.role.clone());
        }
    }
    if profiles > MAX_PROFILES {
        return Err(Error::invalid("profiles", format!("at most {MAX_PROFILES} entries are allowed")));
    }
    let stored = db.roles_by_ids(&own).await?;
    if let Some(unknown) = own.iter().find(|id| stored.iter().all(|role| role.id != **id)) {
        return Err(Error::invalid("role", format!("there is no role {unknown}")));
    }
    check_held(caller, &rights(db, grants).await?)
}

/// Refuses to pass on rights that the caller does not hold.
pub fn check_held(caller: &Caller, wanted: &Rights) -> Result<()> {
    let missing = caller.rights.missing_of(wanted);
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::Forbidden(format!(
            "nobody can grant what they do not hold, and you do not hold {}",
            names(missing)
        ))),
    }
}

fn names(permissions: Permissions) -> String {
    permissions.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ")
}
