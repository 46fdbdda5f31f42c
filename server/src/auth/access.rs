use model::{BuiltInRole, Grant, Owner, Rights, RoleId, SignedIn};
use store::Reader;

use crate::error::Result;

/// What `grants` allow, with the roles as they are now. A role that does not exist (any more) allows nothing.
pub async fn rights<'a>(db: &mut Reader, grants: impl IntoIterator<Item = &'a Grant>) -> Result<Rights> {
    let (mut rights, mut own) = (Rights::none(), Vec::new());
    for grant in grants {
        match BuiltInRole::find(&grant.role) {
            Some(role) => rights.add(role.permissions, &grant.profiles),
            None => own.push(grant),
        }
    }
    let ids: Vec<RoleId> = own.iter().map(|grant| grant.role.clone()).collect();
    for role in db.roles_by_ids(&ids).await? {
        for grant in own.iter().filter(|grant| grant.role == role.id) {
            rights.add(role.permissions, &grant.profiles);
        }
    }
    Ok(rights)
}

/// What the owner of a session is granted now. Empty for those who are out: deactivated, or of a provider that is
/// disabled or gone. The state of an API key is for the caller of this function to look at.
pub fn grants_of(signed_in: &SignedIn) -> Vec<Grant> {
    match &signed_in.owner {
        Owner::ApiKey(key) => vec![key.grant.clone()],
        Owner::User(user, provider) if user.deactivated_at.is_none() => {
            let local = user.provider_id == model::ProviderId::local();
            match provider {
                Some(provider) if provider.spec.enabled => {
                    user.grants.iter().chain(provider.spec.grants_of(&user.groups)).cloned().collect()
                }
                None if local => user.grants.clone(),
                _ => Vec::new(),
            }
        }
        Owner::User(..) | Owner::Nobody => Vec::new(),
    }
}
