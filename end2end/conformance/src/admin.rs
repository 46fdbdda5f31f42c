//! What only the server's administrator can do. The suite asks; whoever runs it answers as far as they can.

use std::fmt;

use async_trait::async_trait;

use crate::finding::Stop;

/// An ACME server, or one of its directories, with a certain setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub directory: String,
    /// Whom to trust there (PEM).
    pub ca_pem: String,
}

/// What rows need that the server under test may not have in the setting in which it is tested. Names are those of
/// `--hook`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlaceKind {
    /// Another replica of the server under test; its directory under its own address.
    Replica,
    /// newAccount needs an external account binding.
    Eab,
    /// There are terms of service to agree to.
    Terms,
    /// `meta.profiles` names profiles.
    Profiles,
    /// Certificates have alternate chains.
    Alternates,
    /// A few orders reach the rate limit.
    RateLimited,
    /// The server can be asked to be overloaded ([`Act::Overload`]).
    Loadable,
    /// The CA's signer can be stopped ([`Act::StopSigner`]).
    Signer,
    /// The profile can be withdrawn ([`Act::WithdrawProfile`]).
    Withdrawable,
    /// Authorizations for IP identifiers and preauthorization may be had.
    Preauthorization,
}

impl PlaceKind {
    pub const ALL: &'static [Self] = &[
        Self::Replica,
        Self::Eab,
        Self::Terms,
        Self::Profiles,
        Self::Alternates,
        Self::RateLimited,
        Self::Loadable,
        Self::Signer,
        Self::Withdrawable,
        Self::Preauthorization,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Eab => "eab",
            Self::Terms => "terms",
            Self::Profiles => "profiles",
            Self::Alternates => "alternates",
            Self::RateLimited => "rate-limited",
            Self::Loadable => "loadable",
            Self::Signer => "signer",
            Self::Withdrawable => "withdrawable",
            Self::Preauthorization => "preauthorization",
        }
    }
}

impl fmt::Display for PlaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that the administrator does.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Takes an account (by URL) out of service without its owner.
    SuspendAccount(&'a str),
    /// Makes an order's time be over.
    ExpireOrder(&'a str),
    /// Publishes other terms of service at the place [`PlaceKind::Terms`].
    ChangeTerms,
    /// Makes the place [`PlaceKind::Loadable`] shed load until [`Act::Unload`].
    Overload,
    Unload,
    /// Makes the place [`PlaceKind::Signer`] unable to sign until [`Act::StartSigner`].
    StopSigner,
    StartSigner,
    /// Withdraws the profile of the place [`PlaceKind::Withdrawable`].
    WithdrawProfile,
    /// Declares that a certificate (DER) must be replaced, with the URL that explains why.
    Incident(&'a [u8], &'a str),
}

impl Act<'_> {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SuspendAccount(_) => "suspend-account",
            Self::ExpireOrder(_) => "expire-order",
            Self::ChangeTerms => "change-terms",
            Self::Overload => "overload",
            Self::Unload => "unload",
            Self::StopSigner => "stop-signer",
            Self::StartSigner => "start-signer",
            Self::WithdrawProfile => "withdraw-profile",
            Self::Incident(..) => "incident",
        }
    }
}

/// A key for external account binding (RFC 8555 §7.3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct EabKey {
    pub kid: String,
    pub hmac: Vec<u8>,
}

impl fmt::Debug for EabKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EabKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What a binding key is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EabState {
    Good,
    Revoked,
    Expired,
    /// It could be used once, and was.
    Used,
}

impl EabState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }
}

/// Nobody is there to do it; the text says what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl From<Missing> for Stop {
    fn from(missing: Missing) -> Self {
        Self::NotApplicable(missing.0)
    }
}

pub type Granted<T = ()> = Result<T, Missing>;

/// Whoever administers the server under test. By default nobody does.
#[async_trait]
pub trait Admin: fmt::Debug + Send + Sync {
    async fn place(&self, kind: PlaceKind) -> Granted<Place> {
        Err(Missing(format!("needs a server of the kind `{kind}` (--hook)")))
    }

    async fn act(&self, act: Act<'_>) -> Granted {
        Err(Missing(format!("needs the administrator to do `{}` (--hook)", act.name())))
    }

    async fn eab_key(&self, state: EabState) -> Granted<EabKey> {
        Err(Missing(format!("needs a binding key that is {} (--hook)", state.name())))
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAdmin;

impl Admin for NoAdmin {}
