//! Who may do everything. There is always somebody, so that nobody locks themselves out for good.

use model::{Grant, PageRequest, Provider, ProviderId, RoleId, Timestamp, User, UserFilter};
use store::{Reader, Tx};

use crate::error::{Error, Result};

/// Whether anybody was an administrator before a change.
#[derive(Debug, Clone, Copy)]
#[must_use = "what must stay is compared at the end of the change"]
pub struct AdminBefore(bool);

/// For the beginning of a transaction that could take away an administrator. Two administrators who remove each other at
/// the same time would each see the other one stay, so all others who change this wait until its end.
pub async fn begin_change(tx: &mut Tx, now: Timestamp) -> Result<AdminBefore> {
    tx.lock_administration().await?;
    Ok(AdminBefore(any_admin(tx, now).await?))
}

impl AdminBefore {
    /// For the end of the transaction: refuses a change after which nobody would be an administrator. Where nobody was
    /// one before, by the passing of time, it refuses nothing.
    pub async fn ensure_left(self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        match !self.0 || any_admin(tx, now).await? {
            true => Ok(()),
            false => Err(Error::Conflict(
                "this would leave nobody who is an administrator; make somebody else one first".to_owned(),
            )),
        }
    }
}

/// Whether anybody is an administrator at `now`: an API key, a user by what they were granted, or a member of a group
/// that an enabled provider maps to it.
pub async fn any_admin(db: &mut Reader, now: Timestamp) -> Result<bool> {
    if db.any_active_admin_key(now).await? {
        return Ok(true);
    }
    let mut providers = providers(db).await?;
    providers.retain(|provider| provider.spec.enabled);
    let vouched =
        |id: &ProviderId| *id == ProviderId::local() || providers.iter().any(|provider| provider.id == *id);
    let mut page = first_page();
    loop {
        let users = db.users_with_grants(&page).await?;
        let is_admin = |user: &User| {
            is_active(user) && vouched(&user.provider_id) && user.grants.iter().any(Grant::is_admin)
        };
        if users.items.iter().any(is_admin) {
            return Ok(true);
        }
        page.after = users.next;
        if page.after.is_none() {
            break;
        }
    }
    for provider in &providers {
        if any_admin_by_group(db, provider).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn any_admin_by_group(db: &mut Reader, provider: &Provider) -> Result<bool> {
    if !provider.spec.group_mappings.iter().any(|mapping| mapping.grant.is_admin()) {
        return Ok(false);
    }
    let mut filter = UserFilter { provider_id: Some(provider.id.clone()), page: first_page() };
    loop {
        let users = db.users(&filter).await?;
        let is_admin =
            |user: &User| is_active(user) && provider.spec.grants_of(&user.groups).any(Grant::is_admin);
        if users.items.iter().any(is_admin) {
            return Ok(true);
        }
        filter.page.after = users.next;
        if filter.page.after.is_none() {
            return Ok(false);
        }
    }
}

/// Users who were given the role, also those who are deactivated and may come back; at most `most`.
pub async fn users_with_role(db: &mut Reader, role: &RoleId, most: usize) -> Result<Vec<(User, Grant)>> {
    let (mut found, mut page) = (Vec::new(), first_page());
    loop {
        let users = db.users_with_grants(&page).await?;
        for user in users.items {
            let grants: Vec<_> = user.grants.iter().filter(|grant| grant.role == *role).cloned().collect();
            found.extend(grants.into_iter().map(|grant| (user.clone(), grant)));
        }
        found.truncate(most);
        page.after = users.next;
        if page.after.is_none() || found.len() == most {
            return Ok(found);
        }
    }
}

/// A provider that gives the role to a group, and that group.
pub async fn any_provider_with_role(db: &mut Reader, role: &RoleId) -> Result<Option<(ProviderId, String)>> {
    for provider in providers(db).await? {
        let mapping = provider.spec.group_mappings.iter().find(|mapping| mapping.grant.role == *role);
        if let Some(mapping) = mapping {
            return Ok(Some((provider.id, mapping.group.clone())));
        }
    }
    Ok(None)
}

/// All of them; there are few.
pub async fn providers(db: &mut Reader) -> Result<Vec<Provider>> {
    let (mut found, mut page) = (Vec::new(), first_page());
    loop {
        let some = db.providers(&page).await?;
        found.extend(some.items);
        page.after = some.next;
        if page.after.is_none() {
            return Ok(found);
        }
    }
}

fn is_active(user: &User) -> bool {
    user.deactivated_at.is_none()
}

fn first_page() -> PageRequest {
    PageRequest { after: None, limit: PageRequest::MAX_LIMIT }
}

#[cfg(test)]
mod tests {
    use model::{ApiKey, ApiKeyId, GroupMapping, ProviderSpec, SystemEntropy, UserId};
    use store::{DatabaseUrl, Store, StoreOptions};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// A store with at most one way to be an administrator.
    struct World {
        store: Store,
        _directory: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let url = DatabaseUrl::Sqlite { path: directory.path().join("test.db") };
            let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
            store.migrate().await.unwrap();
            Self { store, _directory: directory }
        }

        async fn with(self, key: Option<ApiKey>, user: Option<User>, provider: Option<Provider>) -> Self {
            self.store
                .write(move |tx| {
                    Box::pin(async move {
                        if let Some(key) = key {
                            tx.insert_api_key(&key).await?;
                        }
                        if let Some(user) = user {
                            tx.insert_user(&user).await?;
                        }
                        if let Some(provider) = provider {
                            tx.insert_provider(&provider).await?;
                        }
                        Ok::<_, Error>(())
                    })
                })
                .await
                .unwrap();
            self
        }

        async fn has_admin(&self) -> bool {
            any_admin(&mut self.store.read().await.unwrap(), NOW).await.unwrap()
        }

        /// Revokes all keys of `ids`, as one change.
        async fn revoke(&self, ids: Vec<model::ApiKeyId>) -> Result<()> {
            self.store
                .write(move |tx| {
                    Box::pin(async move {
                        let before = begin_change(tx, NOW).await?;
                        for id in &ids {
                            tx.revoke_api_key(id, NOW).await?;
                        }
                        before.ensure_left(tx, NOW).await
                    })
                })
                .await
        }
    }

    fn grant(role: &str, profiles: &[&str]) -> Grant {
        Grant {
            role: role.parse().unwrap(),
            profiles: profiles.iter().map(|id| id.parse().unwrap()).collect(),
        }
    }

    fn user(provider: &str, grants: Vec<Grant>, groups: &[&str]) -> User {
        User {
            id: UserId::generate(NOW, &SystemEntropy),
            provider_id: provider.parse().unwrap(),
            subject: "s".to_owned(),
            name: "n".to_owned(),
            email: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            grants,
            version: 1,
            created_at: NOW,
            last_sign_in_at: None,
            deactivated_at: None,
        }
    }

    fn provider(mapping: Option<(&str, Grant)>, enabled: bool) -> Provider {
        let mapping = mapping.map(|(group, grant)| GroupMapping { group: group.to_owned(), grant });
        Provider {
            id: "idp-a".parse().unwrap(),
            spec: ProviderSpec {
                name: "A".to_owned(),
                issuer: "https://idp.example".to_owned(),
                client_id: "certctl".to_owned(),
                scopes: Vec::new(),
                groups_claim: "groups".to_owned(),
                group_mappings: mapping.into_iter().collect(),
                allowed_email_domains: Vec::new(),
                ca_certificates: None,
                enabled,
            },
            sealed_client_secret: None,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn key(grant: Grant, end: Option<i64>) -> ApiKey {
        ApiKey {
            id: ApiKeyId::generate(NOW, &SystemEntropy),
            name: "k".to_owned(),
            sha256: [1; 32],
            grant,
            allowed_networks: Vec::new(),
            created_by: "system:test".to_owned(),
            created_at: NOW,
            expires_at: end.map(|seconds| Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds)),
            revoked_at: None,
            replaced_by: None,
            last_used_at: None,
            last_used_from: None,
        }
    }

    #[tokio::test]
    async fn an_administrator_is_one_who_may_do_everything_everywhere_now() {
        let admin = || grant("admin", &[]);
        let out = User { deactivated_at: Some(NOW), ..user("local", vec![admin()], &[]) };
        let member = |groups: &[&str]| Some(user("idp-a", Vec::new(), groups));
        let mapped = |grant: Grant, enabled: bool| Some(provider(Some(("ops", grant)), enabled));
        let cases = [
            ("nobody", None, None, None, false),
            ("a key", Some(key(admin(), None)), None, None, true),
            ("a key that has not ended", Some(key(admin(), Some(1))), None, None, true),
            ("a key that has ended", Some(key(admin(), Some(0))), None, None, false),
            ("a key within a profile", Some(key(grant("admin", &["a"]), None)), None, None, false),
            ("an operator's key", Some(key(grant("operator", &[]), None)), None, None, false),
            ("a local user", None, Some(user("local", vec![admin()], &[])), None, true),
            (
                "a local user within a profile",
                None,
                Some(user("local", vec![grant("admin", &["a"])], &[])),
                None,
                false,
            ),
            ("a deactivated user", None, Some(out), None, false),
            (
                "a user by a grant",
                None,
                Some(user("idp-a", vec![admin()], &[])),
                Some(provider(None, true)),
                true,
            ),
            (
                "a user of a disabled provider",
                None,
                Some(user("idp-a", vec![admin()], &[])),
                Some(provider(None, false)),
                false,
            ),
            ("a user of a provider that is gone", None, Some(user("idp-a", vec![admin()], &[])), None, false),
            ("a member", None, member(&["x", "ops"]), mapped(admin(), true), true),
            ("a member of another group", None, member(&["Ops"]), mapped(admin(), true), false),
            (
                "a member, mapped within a profile",
                None,
                member(&["ops"]),
                mapped(grant("admin", &["a"]), true),
                false,
            ),
            ("a member, mapped to less", None, member(&["ops"]), mapped(grant("operator", &[]), true), false),
            ("a member of a disabled provider", None, member(&["ops"]), mapped(admin(), false), false),
            ("a mapping without members", None, None, mapped(admin(), true), false),
        ];
        for (what, key, user, provider, expected) in cases {
            let world = World::new().await.with(key, user, provider).await;
            assert_eq!(world.has_admin().await, expected, "{what}");
        }
    }

    #[tokio::test]
    async fn only_the_last_administrator_is_kept() {
        let (admin, agent) = (key(grant("admin", &[]), None), key(grant("agent", &[]), None));
        let agent = ApiKey { sha256: [2; 32], ..agent };
        let (admin_id, agent_id) = (admin.id.clone(), agent.id.clone());
        let world =
            World::new().await.with(Some(admin), None, None).await.with(Some(agent), None, None).await;
        let refused = world.revoke(vec![agent_id.clone(), admin_id.clone()]).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        world.revoke(vec![agent_id]).await.unwrap();

        // Where nobody is an administrator, nothing is refused for that.
        let ended = ApiKey { sha256: [3; 32], ..key(grant("admin", &[]), Some(0)) };
        let id = ended.id.clone();
        World::new().await.with(Some(ended), None, None).await.revoke(vec![id]).await.unwrap();
    }

    #[tokio::test]
    async fn users_and_mappings_that_have_a_role_are_found() {
        let helpdesk = || grant("helpdesk", &["a"]);
        let world = World::new().await;
        let world = world
            .with(
                None,
                Some(user("local", vec![helpdesk()], &[])),
                Some(provider(Some(("desk", helpdesk())), false)),
            )
            .await;
        let mut db = world.store.read().await.unwrap();
        for (role, found) in [("helpdesk", true), ("other", false)] {
            let role: RoleId = role.parse().unwrap();
            assert_eq!(users_with_role(&mut db, &role, 1).await.unwrap().len(), usize::from(found));
            let mapping = any_provider_with_role(&mut db, &role).await.unwrap();
            assert_eq!(mapping.map(|(_, group)| group), found.then(|| "desk".to_owned()));
        }
    }
}
