words! {
    /// What can be allowed, as `<resource>.<verb>`.
    pub enum Permission {
        AcmeAccountDeactivate = "acme_account.deactivate",
        AcmeAccountRead = "acme_account.read",
        /// Suspend and resume.
        AcmeAccountSuspend = "acme_account.suspend",
        /// Create and rotate.
        ApiKeyCreate = "api_key.create",
        ApiKeyRead = "api_key.read",
        ApiKeyRevoke = "api_key.revoke",
        AuditExport = "audit.export",
        AuditRead = "audit.read",
        /// From a CSR, without ACME.
        CertificateIssue = "certificate.issue",
        CertificateRead = "certificate.read",
        CertificateRenew = "certificate.renew",
        CertificateRevoke = "certificate.revoke",
        /// Create and rotate.
        EabKeyCreate = "eab_key.create",
        EabKeyRead = "eab_key.read",
        EabKeyRevoke = "eab_key.revoke",
        IssuerRead = "issuer.read",
        OrderRead = "order.read",
        ProfileEdit = "profile.edit",
        ProfileRead = "profile.read",
        ProviderEdit = "provider.edit",
        ProviderRead = "provider.read",
        RateLimitEdit = "rate_limit.edit",
        RateLimitRead = "rate_limit.read",
        RoleEdit = "role.edit",
        RoleRead = "role.read",
        /// Those of others; one's own are always one's own.
        SessionRead = "session.read",
        SessionRevoke = "session.revoke",
        /// Version, settings in force, database and jobs; never a secret.
        SystemRead = "system.read",
        /// Grant roles, deactivate and reactivate.
        UserEdit = "user.edit",
        UserRead = "user.read",
    }
}

/// What a permission means in a grant that is limited to profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// It holds for what belongs to these profiles.
    ByProfile,
    /// It holds as without the limit: there is nothing in it that belongs to a profile.
    Always,
    /// It does not hold: what it allows reaches beyond any profile.
    Never,
}

impl Permission {
    pub const fn within_profiles(self) -> Reachable {
        match self {
            Self::CertificateIssue
            | Self::CertificateRead
            | Self::CertificateRenew
            | Self::CertificateRevoke
            | Self::EabKeyCreate
            | Self::EabKeyRead
            | Self::EabKeyRevoke
            | Self::OrderRead
            | Self::ProfileEdit
            | Self::ProfileRead => Reachable::ByProfile,
            Self::IssuerRead => Reachable::Always,
            _ => Reachable::Never,
        }
    }

    /// What it allows, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AcmeAccountDeactivate => "end an ACME account for good",
            Self::AcmeAccountRead => "list and read ACME accounts",
            Self::AcmeAccountSuspend => "suspend an ACME account, and resume it",
            Self::ApiKeyCreate => "create API keys, and rotate them",
            Self::ApiKeyRead => "list and read API keys (never the keys themselves)",
            Self::ApiKeyRevoke => "revoke API keys",
            Self::AuditExport => "download the audit trail",
            Self::AuditRead => "list audit events",
            Self::CertificateIssue => "issue a certificate from a CSR, without ACME",
            Self::CertificateRead => "list, read and download certificates",
            Self::CertificateRenew => "tell the clients of certificates to renew at once",
            Self::CertificateRevoke => "revoke certificates",
            Self::EabKeyCreate => "create EAB keys, and rotate them",
            Self::EabKeyRead => "list and read EAB keys",
            Self::EabKeyRevoke => "revoke EAB keys",
            Self::IssuerRead => "list and read issuers",
            Self::OrderRead => "list and read orders, with what their validations saw",
            Self::ProfileEdit => "create, change and delete profiles",
            Self::ProfileRead => "list and read profiles",
            Self::ProviderEdit => "create, change, test and delete identity providers",
            Self::ProviderRead => "list and read identity providers (never the client secret)",
            Self::RateLimitEdit => "change rate limits, and let a subject begin anew",
            Self::RateLimitRead => "read rate limits and who is near them",
            Self::RoleEdit => "create, change and delete own roles",
            Self::RoleRead => "list and read roles",
            Self::SessionRead => "list the sessions of others; one's own need no permission",
            Self::SessionRevoke => "end the sessions of others; one's own need no permission",
            Self::SystemRead => {
                "read version, settings (never the secret ones), database and jobs of the server"
            }
            Self::UserEdit => "grant roles to users, deactivate and reactivate them",
            Self::UserRead => "list and read users",
        }
    }

    /// What it is about: what stands before the dot of its name.
    pub fn subject(self) -> &'static str {
        self.as_str().split_once('.').map_or(self.as_str(), |(subject, _)| subject)
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u64);

impl Permissions {
    pub const NONE: Self = Self(0);

    pub const fn all() -> Self {
        Self::of(Permission::ALL)
    }

    pub const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < list.len() {
            bits |= list[i].bit();
            i += 1;
        }
        Self(bits)
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of their names.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |p| self.contains(*p))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(iter: I) -> Self {
        Self(iter.into_iter().fold(0, |bits, p| bits | p.bit()))
    }
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

/// As a list of names.
impl serde::Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(d)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_bit_of_its_own_and_stands_in_the_order_of_names() {
        assert!(Permission::ALL.len() <= 64);
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
        assert!(Permission::ALL.windows(2).all(|w| w[0].as_str() < w[1].as_str()));
        for p in Permission::ALL {
            assert_eq!(Permissions::of(&[*p]).iter().collect::<Vec<_>>(), [*p]);
        }
    }

    #[test]
    fn a_set_is_written_as_names() {
        let set = Permissions::of(&[Permission::ProfileRead, Permission::AuditRead]);
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["audit.read","profile.read"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&json).unwrap(), set);
        assert!(serde_json::from_str::<Permissions>(r#"["profile.fly"]"#).is_err());
    }
}
