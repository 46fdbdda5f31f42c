use serde::{Deserialize, Serialize};

use crate::permission::{Permission as P, Permissions};
use crate::{ProfileId, RoleId, Timestamp};

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub id: RoleId,
    pub description: String,
    pub permissions: Permissions,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A role that every server has and nobody can change.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInRole {
    pub id: &'static str,
    pub description: &'static str,
    pub permissions: Permissions,
}

impl BuiltInRole {
    pub const ADMIN: &'static str = "admin";

    pub const ALL: &'static [Self] = &[
        Self { id: Self::ADMIN, description: "May do everything.", permissions: Permissions::all() },
        Self {
            id: "operator",
            description: "Runs issuance: profiles, ACME accounts, EAB keys, limits, revocation and renewal; sees how the server does.",
            permissions: READ.union(Permissions::of(&[
                P::AcmeAccountDeactivate,
                P::AcmeAccountSuspend,
                P::CertificateRenew,
                P::CertificateRevoke,
                P::EabKeyCreate,
                P::EabKeyRevoke,
                P::ProfileEdit,
                P::RateLimitEdit,
                P::SystemRead,
            ])),
        },
        Self {
            id: "auditor",
            description: "Reads everything, the audit trail and people included, and changes nothing.",
            permissions: READ.union(Permissions::of(&[
                P::ApiKeyRead,
                P::AuditExport,
                P::AuditRead,
                P::ProviderRead,
                P::RoleRead,
                P::SessionRead,
                P::SystemRead,
                P::UserRead,
            ])),
        },
        Self {
            id: "viewer",
            description: "Reads what was issued and under which rules; no audit trail, no people.",
            permissions: READ,
        },
        Self {
            id: "agent",
            description: "Issues and reads, usually within some profiles only.",
            permissions: Permissions::of(&[
                P::CertificateIssue,
                P::CertificateRead,
                P::IssuerRead,
                P::OrderRead,
                P::ProfileRead,
            ]),
        },
    ];

    pub fn find(id: &RoleId) -> Option<&'static Self> {
        Self::ALL.iter().find(|role| role.id == id.as_str())
    }
}

/// What was issued, for whom and why.
const READ: Permissions = Permissions::of(&[
    P::AcmeAccountRead,
    P::CertificateRead,
    P::EabKeyRead,
    P::IssuerRead,
    P::OrderRead,
    P::ProfileRead,
    P::RateLimitRead,
]);

/// A role as somebody holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub role: RoleId,
    /// Within these profiles only; empty: everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileId>,
}

impl Grant {
    pub fn admin() -> Self {
        Self { role: RoleId::admin(), profiles: Vec::new() }
    }

    /// Whether who holds it is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role.as_str() == BuiltInRole::ADMIN && self.profiles.is_empty()
    }
}
