use model::{Actor, Caller};

use crate::error::{Error, Result};

/// What can be allowed, as `<resource>.<verb>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    AcmeAccountEdit,
    AcmeAccountRead,
    ApiKeyEdit,
    ApiKeyRead,
    AuditRead,
    CertificateRead,
    CertificateRenew,
    CertificateRevoke,
    EabKeyEdit,
    EabKeyRead,
    IssuerRead,
    OrderRead,
    ProfileEdit,
    ProfileRead,
    RateLimitEdit,
    RateLimitRead,
}

impl Permission {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AcmeAccountEdit => "acme_account.edit",
            Self::AcmeAccountRead => "acme_account.read",
            Self::ApiKeyEdit => "api_key.edit",
            Self::ApiKeyRead => "api_key.read",
            Self::AuditRead => "audit.read",
            Self::CertificateRead => "certificate.read",
            Self::CertificateRenew => "certificate.renew",
            Self::CertificateRevoke => "certificate.revoke",
            Self::EabKeyEdit => "eab_key.edit",
            Self::EabKeyRead => "eab_key.read",
            Self::IssuerRead => "issuer.read",
            Self::OrderRead => "order.read",
            Self::ProfileEdit => "profile.edit",
            Self::ProfileRead => "profile.read",
            Self::RateLimitEdit => "rate_limit.edit",
            Self::RateLimitRead => "rate_limit.read",
        }
    }
}

/// Refuses callers that do not hold `permission`. Every API key is an administrator's; ACME accounts hold none of
/// these, what is theirs is decided where it is served.
pub fn authorise(caller: &Caller, permission: Permission) -> Result<()> {
    match caller.actor {
        Actor::ApiKey(_) | Actor::System(_) => Ok(()),
        Actor::AcmeAccount(_) => Err(Error::Forbidden(format!("{} is required", permission.as_str()))),
        Actor::Anonymous => {
            Err(Error::Unauthenticated("an API key is required: Authorization: Bearer …".to_owned()))
        }
    }
}
