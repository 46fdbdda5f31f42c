//! The ways from one thing to another, for those who may go them.

use app::views::{ActionLink, Alternative, Link};
use model::{
    AccountId, BulkActionId, Caller, CertificateId, EabKeyId, IssuerId, OrderId, PageRequest, Permission,
    ProfileId, ProviderId, Reach, RoleId, UserId,
};

use super::{Services, words};
use crate::error::Result;
use crate::services::{accounts, profiles};

impl Services {
    pub(super) fn certificate_link(&self, id: &CertificateId) -> Link {
        self.link(Permission::CertificateRead, "/certificates", id.as_str())
    }

    pub(super) fn bulk_action_link(&self, id: &BulkActionId) -> Link {
        self.link(Permission::CertificateRead, "/bulk-actions", id.as_str())
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
        self.link(Permission::RoleRead, "/roles", id.as_str())
    }

    /// Who vouches for a user; `local` has no page.
    pub(super) fn provider_link(&self, id: &ProviderId) -> Link {
        match *id == ProviderId::local() {
            true => Link { text: "this machine".to_owned(), href: None, title: None },
            false => self.link(Permission::ProviderRead, "/providers", id.as_str()),
        }
    }

    /// A link only for those who may see what it leads to.
    pub(super) fn link(&self, permission: Permission, path: &str, id: &str) -> Link {
        let text = words::short(id);
        let title = (text != id).then(|| id.to_owned());
        Link { text, href: self.may(permission).then(|| format!("{path}/{id}")), title }
    }

    /// A list, filtered, for those who may see it.
    pub(super) fn list_link(&self, permission: Permission, list: &str) -> Option<String> {
        self.may(permission).then(|| list.to_owned())
    }

    /// The way to a page where something is made or changed, for those who may.
    pub(super) fn way_to(&self, permission: Permission, text: &str, page: &str) -> Option<Link> {
        let href = self.may(permission).then(|| page.to_owned())?;
        Some(Link { text: text.to_owned(), href: Some(href), title: None })
    }

    /// What may be done to a thing, where it fits: its words, and whether it takes something away.
    pub(super) fn action(
        &self,
        fits: bool,
        (text, danger): (&'static str, bool),
        href: String,
    ) -> Option<ActionLink> {
        fits.then_some(ActionLink { text, href, danger })
    }

    /// Whether the caller holds `permission` for something that is good for these profiles, or for all if there are none.
    pub(super) fn may_within_all(&self, permission: Permission, profiles: &[ProfileId]) -> bool {
        let reach = self.caller.as_ref().ok().and_then(|caller| caller.rights.reach(permission));
        match reach {
            Some(Reach::Everywhere) => true,
            Some(reach) => !profiles.is_empty() && profiles.iter().all(|profile| reach.covers(profile)),
            None => false,
        }
    }

    /// The profiles within the reach that the caller may see, to choose some of them.
    pub(super) async fn profile_choices(&self, caller: &Caller, reach: &Reach) -> Result<Vec<Alternative>> {
        if !self.may(Permission::ProfileRead) {
            return Ok(Vec::new());
        }
        let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
        let all = profiles::list(&self.state.core, caller, &page).await?.items.into_iter();
        let within = all.filter(|profile| reach.covers(&profile.id));
        let choice = |p: model::Profile| Alternative::new(p.id.as_str(), p.spec.name, p.id.as_str());
        Ok(within.map(choice).collect())
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
