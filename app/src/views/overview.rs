use super::{Badge, CertificateRow, Link, Moment};

/// The first page of those who are signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverviewView {
    pub version: &'static str,
    /// What keeps the server from issuing, in words.
    pub faults: Vec<String>,
    pub attention: Vec<Attention>,
    /// What to do first, on a server that has issued nothing.
    pub first_steps: bool,
    /// For those who may see all certificates.
    pub figures: Option<FiguresView>,
    /// Whether there will be figures in a moment.
    pub counting: bool,
    /// The CAs, and the server's own certificate.
    pub ends: Vec<End>,
    /// The newest certificates.
    pub newest: Option<Vec<CertificateRow>>,
}

/// Something that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    pub badge: Badge,
    pub what: Link,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiguresView {
    pub numbers: Vec<Figure>,
    /// What ends on each of the next days: in use, replaced.
    pub horizon: Vec<(u64, u64)>,
    /// What was issued on each of the last days, and the orders placed then that failed.
    pub issued: Vec<(u64, u64)>,
    /// When it was counted, where that is some time ago.
    pub counted: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub name: &'static str,
    pub number: String,
    pub note: String,
}

/// When a certificate of ours ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub of: Link,
    pub status: Badge,
    pub at: Moment,
}
