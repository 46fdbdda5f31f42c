use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Actor, BulkActionId, CertificateFilter, CertificateId, PageRequest, RenewalDemand, RevocationReason,
    Timestamp,
};

words! {
    /// How far a bulk action is.
    pub enum BulkActionState {
        Running = "running",
        /// It has dealt with every certificate.
        Done = "done",
        /// Somebody ended it before, or it lost its rights.
        Stopped = "stopped",
    }
}

words! {
    /// What a bulk action does to each certificate.
    pub enum BulkKind {
        Revoke = "revoke",
        Renew = "renew",
    }
}

/// The same change of many certificates. It is made some certificates at a time, by whichever replica claims the next
/// step.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkAction {
    pub id: BulkActionId,
    pub state: BulkActionState,
    pub change: BulkChange,
    pub selection: BulkSelection,
    /// Who started it. It does what they may do, for as long as they may.
    pub actor: Actor,
    /// Of the request that started it.
    pub client_ip: Option<IpAddr>,
    pub request_id: Option<String>,
    /// Certificates that were counted before it began; more than [`Self::COUNTED`] stand for at least that many.
    pub total: u64,
    pub done: u64,
    pub failed: u64,
    /// How many of those done have been replaced since, and when that was counted.
    pub replaced: Option<(u64, Timestamp)>,
    /// The certificate that it has dealt with last. It goes from the newest to the oldest.
    pub position: Option<CertificateId>,
    /// Whoever does the next step.
    pub claim: Option<String>,
    /// When somebody has to see to it; `None`: never again.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Why it was stopped.
    pub note: Option<String>,
}

impl BulkAction {
    /// A count that goes further would cost more than it tells.
    pub const COUNTED: u64 = 10_000;

    /// `None`: nobody knows, because there are more than were counted.
    pub fn left(&self) -> Option<u64> {
        match self.state {
            BulkActionState::Done => Some(0),
            _ if self.total > Self::COUNTED => None,
            _ => Some(self.total.saturating_sub(self.done + self.failed)),
        }
    }
}

/// What is done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BulkChange {
    Revoke {
        reason: RevocationReason,
        /// For the audit events.
        comment: String,
    },
    /// Clients are to renew at once (RFC 9773).
    Renew { reason: String, explanation_url: Option<String> },
}

impl BulkChange {
    pub fn kind(&self) -> BulkKind {
        match self {
            Self::Revoke { .. } => BulkKind::Revoke,
            Self::Renew { .. } => BulkKind::Renew,
        }
    }

    /// Why it is done, in words.
    pub fn why(&self) -> &str {
        match self {
            Self::Revoke { comment: why, .. } | Self::Renew { reason: why, .. } => why,
        }
    }

    /// What clients are told of certificates that are to be renewed.
    pub fn demand(&self, since: Timestamp) -> Option<RenewalDemand> {
        match self {
            Self::Revoke { .. } => None,
            Self::Renew { reason, explanation_url } => {
                let (reason, explanation_url) = (reason.clone(), explanation_url.clone());
                Some(RenewalDemand { since, reason, explanation_url })
            }
        }
    }
}

/// Which certificates are meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkSelection {
    /// From the newest to the oldest, each once.
    Ids(Vec<CertificateId>),
    /// All that this filter finds; where a page of it begins is not looked at.
    Filter(Box<CertificateFilter>),
}

/// Which bulk actions to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct BulkActionFilter {
    pub actor: Option<Actor>,
    pub page: PageRequest,
}
