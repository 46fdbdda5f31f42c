use std::collections::BTreeSet;

use crate::ProfileId;
use crate::permission::{Permission, Permissions, Reachable};

/// What somebody may do: the sum of what their grants allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    everywhere: Permissions,
    within: Vec<(BTreeSet<ProfileId>, Permissions)>,
}

/// How far a permission reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everywhere,
    /// Within these profiles, of which there is at least one.
    Profiles(BTreeSet<ProfileId>),
}

impl Reach {
    pub fn covers(&self, profile: &ProfileId) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Profiles(profiles) => profiles.contains(profile),
        }
    }
}

impl Rights {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn all() -> Self {
        Self { everywhere: Permissions::all(), within: Vec::new() }
    }

    /// Adds what a grant of `permissions` within `profiles` (empty: everywhere) allows.
    pub fn add(&mut self, permissions: Permissions, profiles: &[ProfileId]) {
        if profiles.is_empty() {
            self.everywhere = self.everywhere.union(permissions);
            return;
        }
        let pick = |kind| permissions.iter().filter(move |p| p.within_profiles() == kind).collect();
        self.everywhere = self.everywhere.union(pick(Reachable::Always));
        let scoped: Permissions = pick(Reachable::ByProfile);
        if !scoped.is_empty() {
            self.within.push((profiles.iter().cloned().collect(), scoped));
        }
    }

    /// `None`: not held at all.
    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        if self.everywhere.contains(permission) {
            return Some(Reach::Everywhere);
        }
        let holding = self.within.iter().filter(|(_, held)| held.contains(permission));
        let profiles: BTreeSet<_> = holding.flat_map(|(profiles, _)| profiles.iter().cloned()).collect();
        (!profiles.is_empty()).then_some(Reach::Profiles(profiles))
    }

    pub fn allows(&self, permission: Permission) -> bool {
        self.everywhere.contains(permission)
    }

    /// What of `other` is not in these rights: who grants must hold what they grant.
    pub fn missing_of(&self, other: &Self) -> Permissions {
        let mut missing = other.everywhere.without(self.everywhere);
        for (profiles, permissions) in &other.within {
            let beyond = permissions.without(self.everywhere).iter().filter(|p| {
                let reach = self.reach(*p);
                !profiles.iter().all(|profile| reach.as_ref().is_some_and(|r| r.covers(profile)))
            });
            missing = missing.union(beyond.collect());
        }
        missing
    }

    /// Permissions that hold everywhere.
    pub fn everywhere(&self) -> Permissions {
        self.everywhere
    }

    /// Permissions that hold within some profiles.
    pub fn within(&self) -> &[(BTreeSet<ProfileId>, Permissions)] {
        &self.within
    }

    pub fn is_none(&self) -> bool {
        self.everywhere.is_empty() && self.within.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuiltInRole, RoleId};

    fn role(id: &str) -> Permissions {
        BuiltInRole::find(&id.parse::<RoleId>().unwrap()).unwrap().permissions
    }

    fn profiles(ids: &[&str]) -> Vec<ProfileId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    fn rights(grants: &[(&str, &[&str])]) -> Rights {
        let mut rights = Rights::none();
        for (id, within) in grants {
            rights.add(role(id), &profiles(within));
        }
        rights
    }

    #[test]
    fn a_scope_limits_what_belongs_to_profiles_and_drops_what_reaches_beyond() {
        let scoped = rights(&[("operator", &["a", "b"])]);
        let reach = Reach::Profiles(profiles(&["a", "b"]).into_iter().collect());
        assert_eq!(scoped.reach(Permission::ProfileEdit), Some(reach));
        assert_eq!(scoped.reach(Permission::IssuerRead), Some(Reach::Everywhere));
        assert_eq!(scoped.reach(Permission::AcmeAccountSuspend), None);
        assert_eq!(scoped.reach(Permission::RateLimitEdit), None);
        assert!(!scoped.allows(Permission::ProfileEdit));
    }

    #[test]
    fn grants_add_up() {
        let both = rights(&[("viewer", &[]), ("agent", &["a"]), ("agent", &["b"])]);
        assert_eq!(both.reach(Permission::CertificateRead), Some(Reach::Everywhere));
        let reach = both.reach(Permission::CertificateIssue).unwrap();
        assert!(["a", "b"].iter().all(|id| reach.covers(&id.parse().unwrap())));
        assert!(!reach.covers(&"c".parse().unwrap()));
    }

    #[test]
    fn nobody_holds_more_than_they_hold() {
        let of = |have: &[(&str, &[&str])], want: &[(&str, &[&str])]| {
            rights(have).missing_of(&rights(want)).is_empty()
        };
        assert!(of(&[("admin", &[])], &[("operator", &["a"]), ("auditor", &[])]));
        assert!(of(&[("operator", &[])], &[("viewer", &["a"])]));
        assert!(of(&[("agent", &["a"]), ("agent", &["b"])], &[("agent", &["a", "b"])]));
        assert!(!of(&[("agent", &["a"])], &[("agent", &["a", "b"])]));
        assert!(!of(&[("agent", &["a"])], &[("agent", &[])]));
        assert!(!of(&[("operator", &[])], &[("auditor", &[])]));
        assert!(!of(&[("admin", &["a"])], &[("admin", &[])]));
    }
}
