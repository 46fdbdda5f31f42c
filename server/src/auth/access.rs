use model::{
    Actor, ApiKeyState, BuiltInRole, Grant, Owner, Provider, ProviderId, Rights, RoleId, SignedIn, Timestamp,
    User,
};
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

/// What somebody may do now who has asked for something before. Nothing for those who are out.
pub async fn rights_now(db: &mut Reader, actor: &Actor, now: Timestamp) -> Result<Rights> {
    let owner = match actor {
        Actor::ApiKey(id) => {
            let key = db.api_key(id).await?.filter(|key| key.state(now) == ApiKeyState::Active);
            key.map(|key| Owner::ApiKey(Box::new(key)))
        }
        Actor::User(id) => match db.user(id).await? {
            Some(user) => {
                let provider = db.provider(&user.provider_id).await?;
                Some(Owner::User(Box::new(user), provider.map(Box::new)))
            }
            None => None,
        },
        Actor::AcmeAccount(_) | Actor::Anonymous | Actor::System(_) => None,
    };
    let grants = owner.as_ref().map(grants_of_owner).unwrap_or_default();
    rights(db, &grants).await
}

/// What the owner of a session is granted now. Empty for those who are out. The state of an API key is for the caller of
/// this function to look at.
pub fn grants_of(signed_in: &SignedIn) -> Vec<Grant> {
    grants_of_owner(&signed_in.owner)
}

fn grants_of_owner(owner: &Owner) -> Vec<Grant> {
    match owner {
        Owner::ApiKey(key) => vec![key.grant.clone()],
        Owner::User(user, provider) => {
            let provider = provider.as_deref();
            match out(user, provider) {
                None => held(user, provider).map(|(grant, _)| grant.clone()).collect(),
                Some(_) => Vec::new(),
            }
        }
        Owner::Nobody => Vec::new(),
    }
}

/// Why nothing that a user is granted holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Out {
    Deactivated,
    ProviderDisabled,
    ProviderGone,
}

/// Whether a user is kept out. `provider`: theirs, where it is stored; local users have none.
pub fn out(user: &User, provider: Option<&Provider>) -> Option<Out> {
    match provider {
        _ if user.deactivated_at.is_some() => Some(Out::Deactivated),
        Some(provider) => (!provider.spec.enabled).then_some(Out::ProviderDisabled),
        None => (user.provider_id != ProviderId::local()).then_some(Out::ProviderGone),
    }
}

/// What a user holds unless they are out: what they were granted here, and, each with its group, what their provider's
/// mappings give.
pub fn held<'a>(
    user: &'a User,
    provider: Option<&'a Provider>,
) -> impl Iterator<Item = (&'a Grant, Option<&'a str>)> {
    let mapped = provider.into_iter().flat_map(|provider| provider.spec.mappings_of(&user.groups));
    let mapped = mapped.map(|mapping| (&mapping.grant, Some(mapping.group.as_str())));
    user.grants.iter().map(|grant| (grant, None)).chain(mapped)
}
