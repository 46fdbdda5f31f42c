//! The ways from one thing to another, for those who may go them.

use app::views::Link;
use model::{
    AccountId, Caller, CertificateId, EabKeyId, IssuerId, OrderId, Permission, ProfileId, ProviderId, RoleId,
    UserId,
};

use super::{Services, words};
use crate::error::Result;
use crate::services::accounts;

impl Services {
    pub(super) fn certificate_link(&self, id: &CertificateId) -> Link {
        self.link(Permission::CertificateRead, "/certificates", id.as_str())
    }

    pub(super) fn order_link(&self, id: &OrderId) -> Link {
        self.link(Permission::OrderRead, "/orders", id.as_str())
    }

    pub(super) fn account_link(&self, id: &AccountId) -> Link {
        self.link(Permission::AcmeAccountRead, "/acme-accounts", id.as_str())
    }

    pub(super) fn eab_key_link(&self, id: &EabKeyId) -> Link {
        self.link(Permission::EabKeyRead, "/eab-keys", id.as_str())
    }

    pub(super) fn profile_link(&self, id: &ProfileId) -> Link {
        self.link(Permission::ProfileRead, "/profiles", id.as_str())
    }

    pub(super) fn issuer_link(&self, id: &IssuerId) -> Link {
        self.link(Permission::IssuerRead, "/issuers", id.as_str())
    }

    pub(super) fn user_link(&self, id: &UserId) -> Link {
        self.link(Permission::UserRead, "/users", id.as_str())
    }

    pub(super) fn role_link(&self, id: &RoleId) -> Link {
        Link { text: id.to_string(), href: None, title: None }
    }

    /// Who vouches for a user; `local` has no page.
    pub(super) fn provider_link(&self, id: &ProviderId) -> Link {
        let text = if *id == ProviderId::local() { "this machine".to_owned() } else { id.to_string() };
        Link { text, href: None, title: None }
    }

    /// A link only for those who may see what it leads to.
    fn link(&self, permission: Permission, path: &str, id: &str) -> Link {
        let text = words::short(id);
        let title = (text != id).then(|| id.to_owned());
        Link { text, href: self.may(permission).then(|| format!("{path}/{id}")), title }
    }

    /// A list, filtered, for those who may see it.
    pub(super) fn list_link(&self, permission: Permission, list: &str) -> Option<String> {
        self.may(permission).then(|| list.to_owned())
    }

    /// The events of a thing, for those who may see them.
    pub(super) fn audit_of(&self, id: &str) -> Option<String> {
        self.list_link(Permission::AuditRead, &format!("/audit?resource={id}"))
    }

    /// The EAB key that bound an account, for those who may see accounts.
    pub(super) async fn eab_key_of(&self, caller: &Caller, account: &AccountId) -> Result<Option<Link>> {
        if !caller.rights.allows(Permission::AcmeAccountRead) {
            return Ok(None);
        }
        let account = accounts::find(&self.state.core, caller, account).await?;
        Ok(account.external_account.map(|bound| self.eab_key_link(&bound.key_id)))
    }
}
