//! What can be done to a certificate.

use app::views::{ActionLink, Alternative, RenewNowView, RevocationView};
use model::{
    Caller, CertificateState, CertificateSummary, Permission, RenewalDemand, RevocationReason, Timestamp,
};

use super::certificates::PATH;
use super::{Services, words};
use crate::error::Result;
use crate::http::api::certificates::parse_id;
use crate::services::certificates;

impl Services {
    /// What the caller may do to a certificate in its state.
    pub(super) fn certificate_actions(&self, c: &CertificateSummary, now: Timestamp) -> Vec<ActionLink> {
        let valid = c.state(now) == CertificateState::Valid;
        let (renew, revoke) = (Permission::CertificateRenew, Permission::CertificateRevoke);
        let action = |permission, fits: bool, text, path: &str, danger| {
            let href = format!("{PATH}/{}/{path}", c.id);
            (fits && self.may_within(permission, &c.profile_id)).then_some(ActionLink { text, href, danger })
        };
        let demanded = c.renewal_demand.is_some();
        let all = [
            action(renew, valid && !demanded, "Renew now", "renew-now", false),
            action(renew, demanded, "Renew as usual", "renew-now/cancel", false),
            action(revoke, c.revocation.is_none(), "Revoke", "revoke", true),
        ];
        all.into_iter().flatten().collect()
    }

    pub(super) async fn show_revocation(&self, caller: &Caller, id: &str) -> Result<RevocationView> {
        let core = &self.state.core;
        let (c, now) = (certificates::find(core, caller, &parse_id(id)?).await?.0.summary, core.now());
        Ok(RevocationView {
            id: c.id.to_string(),
            name: words::names(&c.identifiers).0,
            expires: words::moment(c.not_after, now),
            revoked: c.revocation.map(|r| (words::moment(r.at, now), r.reason.name().to_owned())),
            reasons: reasons(),
        })
    }

    pub(super) async fn show_renew_now(&self, caller: &Caller, id: &str) -> Result<RenewNowView> {
        let core = &self.state.core;
        let (c, now) = (certificates::find(core, caller, &parse_id(id)?).await?.0.summary, core.now());
        let demanded =
            |RenewalDemand { since, reason, .. }: RenewalDemand| (words::moment(since, now), reason);
        Ok(RenewNowView {
            id: c.id.to_string(),
            name: words::names(&c.identifiers).0,
            status: words::certificate(c.state(now), c.replaced_by.is_some()),
            has_client: c.account_id.is_some(),
            demanded: c.renewal_demand.map(demanded),
        })
    }
}

/// Every reason that is accepted, with what it means.
pub(super) fn reasons() -> Vec<Alternative> {
    let meaning = |code| match code {
        0 => "None of these, or it is not to be told.",
        1 => "The private key is known to somebody who must not have it, or may be.",
        3 => "The names or the organisation in it have changed; the key is safe.",
        4 => "Another certificate has taken its place; the key is safe.",
        5 => "What it was for does not exist any more.",
        9 => "It should not have been issued, or its holder may not use the names any more.",
        _ => "",
    };
    let all = RevocationReason::ALLOWED.iter();
    all.map(|(code, name)| Alternative::new(*name, *name, meaning(*code))).collect()
}
