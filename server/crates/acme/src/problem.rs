//! Problem documents (RFC 9457) of the types that RFC 8555 §6.7 and its extensions register.

use std::fmt;

use model::StoredProblem;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::{Algorithm, RawIdentifier};

macro_rules! problem_types {
    ($($(#[$meta:meta])* $Variant:ident = $name:literal, $status:literal;)+) => {
        /// What went wrong, by its registered name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemType { $($(#[$meta])* $Variant),+ }

        impl ProblemType {
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// The `type` member.
            pub const fn urn(self) -> &'static str {
                match self { $(Self::$Variant => concat!("urn:ietf:params:acme:error:", $name)),+ }
            }

            /// The HTTP status, unless a rule for one case says otherwise ([`Problem::with_status`]).
            pub const fn default_status(self) -> u16 {
                match self { $(Self::$Variant => $status),+ }
            }
        }
    };
}

problem_types! {
    AccountDoesNotExist = "accountDoesNotExist", 400;
    /// RFC 9773 §7.4.
    AlreadyReplaced = "alreadyReplaced", 409;
    AlreadyRevoked = "alreadyRevoked", 400;
    BadCsr = "badCSR", 400;
    BadNonce = "badNonce", 400;
    BadPublicKey = "badPublicKey", 400;
    BadRevocationReason = "badRevocationReason", 400;
    BadSignatureAlgorithm = "badSignatureAlgorithm", 400;
    Caa = "caa", 403;
    Compound = "compound", 400;
    Connection = "connection", 400;
    Dns = "dns", 400;
    ExternalAccountRequired = "externalAccountRequired", 403;
    IncorrectResponse = "incorrectResponse", 400;
    InvalidContact = "invalidContact", 400;
    /// draft-ietf-acme-profiles §6.3.
    InvalidProfile = "invalidProfile", 400;
    Malformed = "malformed", 400;
    OrderNotReady = "orderNotReady", 403;
    RateLimited = "rateLimited", 429;
    RejectedIdentifier = "rejectedIdentifier", 400;
    ServerInternal = "serverInternal", 500;
    Tls = "tls", 400;
    Unauthorized = "unauthorized", 403;
    UnsupportedContact = "unsupportedContact", 400;
    UnsupportedIdentifier = "unsupportedIdentifier", 400;
    UserActionRequired = "userActionRequired", 403;
}

/// `type` is the full URN.
impl Serialize for ProblemType {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.urn())
    }
}

impl fmt::Display for ProblemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.urn())
    }
}

/// A refusal as the client reads it. Everything in it is meant for the client; the cause of an internal fault
/// belongs into the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Problem {
    pub kind: ProblemType,
    /// The HTTP status of the answer; also a member of the document.
    pub status: u16,
    /// One or two sentences for the person who reads the client's log.
    pub detail: String,
    /// What is wrong with each identifier (RFC 8555 §6.7.1).
    pub subproblems: Vec<Subproblem>,
    /// The JWS algorithms that would have been accepted (RFC 8555 §6.2).
    pub algorithms: Option<&'static [&'static str]>,
    /// Where a person can do what is missing: the `instance` of a `userActionRequired` (RFC 8555 §6.7, §7.3.3).
    pub instance: Option<Box<str>>,
    /// What goes beside the document, in `Link` headers of the answer.
    pub links: Box<[ProblemLink]>,
}

/// A `Link` header (RFC 8288) of an answer that refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemLink {
    pub url: String,
    /// E.g. `terms-of-service` (RFC 8555 §7.3.3) or `help` (§6.6).
    pub relation: &'static str,
}

/// What is wrong with one identifier (RFC 8555 §6.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subproblem {
    pub kind: ProblemType,
    pub detail: String,
    /// As the client wrote it.
    pub identifier: Option<RawIdentifier>,
}

impl Problem {
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.default_status(),
            detail: detail.into(),
            subproblems: Vec::new(),
            algorithms: None,
            instance: None,
            links: Box::default(),
        }
    }

    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    #[must_use]
    pub fn with_subproblems(self, subproblems: Vec<Subproblem>) -> Self {
        Self { subproblems, ..self }
    }

    /// `url` is absolute.
    #[must_use]
    pub fn with_instance(self, url: impl Into<Box<str>>) -> Self {
        Self { instance: Some(url.into()), ..self }
    }

    /// Adds one more `Link` header. `url` is absolute.
    #[must_use]
    pub fn with_link(self, url: impl Into<String>, relation: &'static str) -> Self {
        let mut links = self.links.into_vec();
        links.push(ProblemLink { url: url.into(), relation });
        Self { links: links.into(), ..self }
    }

    /// One problem out of those of single identifiers: of their type if they share one, else `compound`.
    pub fn from_subproblems(detail: impl Into<String>, subproblems: Vec<Subproblem>) -> Self {
        let mut kinds = subproblems.iter().map(|s| s.kind);
        let kind = match kinds.next() {
            Some(first) if kinds.all(|k| k == first) => first,
            _ => ProblemType::Compound,
        };
        Self::new(kind, detail).with_subproblems(subproblems)
    }

    /// With the algorithms that are accepted, which RFC 8555 §6.2 requires.
    pub fn bad_signature_algorithm(detail: impl Into<String>) -> Self {
        Self { algorithms: Some(Algorithm::NAMES), ..Self::new(ProblemType::BadSignatureAlgorithm, detail) }
    }

    /// A fault of ours. The text is fixed: nothing of the cause may leak.
    pub fn server_internal() -> Self {
        Self::new(ProblemType::ServerInternal, "The server could not do this; its log has the cause.")
    }
}

macro_rules! constructors {
    ($($name:ident => $Kind:ident),+ $(,)?) => {
        impl Problem {
            $(
                #[doc = concat!("[`ProblemType::", stringify!($Kind), "`] with its default status.")]
                pub fn $name(detail: impl Into<String>) -> Self {
                    Self::new(ProblemType::$Kind, detail)
                }
            )+
        }
    };
}

constructors! {
    account_does_not_exist => AccountDoesNotExist,
    already_revoked => AlreadyRevoked,
    bad_csr => BadCsr,
    bad_nonce => BadNonce,
    bad_public_key => BadPublicKey,
    bad_revocation_reason => BadRevocationReason,
    external_account_required => ExternalAccountRequired,
    invalid_contact => InvalidContact,
    invalid_profile => InvalidProfile,
    malformed => Malformed,
    order_not_ready => OrderNotReady,
    rate_limited => RateLimited,
    rejected_identifier => RejectedIdentifier,
    unauthorized => Unauthorized,
    unsupported_contact => UnsupportedContact,
    unsupported_identifier => UnsupportedIdentifier,
    user_action_required => UserActionRequired,
}

/// The body of `application/problem+json`.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let len = 3
            + usize::from(!self.subproblems.is_empty())
            + usize::from(self.algorithms.is_some())
            + usize::from(self.instance.is_some());
        let mut out = s.serialize_struct("Problem", len)?;
        out.serialize_field("type", &self.kind)?;
        out.serialize_field("detail", &self.detail)?;
        out.serialize_field("status", &self.status)?;
        if let Some(instance) = &self.instance {
            out.serialize_field("instance", instance)?;
        }
        if !self.subproblems.is_empty() {
            out.serialize_field("subproblems", &self.subproblems)?;
        }
        if let Some(algorithms) = self.algorithms {
            out.serialize_field("algorithms", algorithms)?;
        }
        out.end()
    }
}

impl Serialize for Subproblem {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Subproblem", 2 + usize::from(self.identifier.is_some()))?;
        out.serialize_field("type", &self.kind)?;
        out.serialize_field("detail", &self.detail)?;
        if let Some(identifier) = &self.identifier {
            out.serialize_field("identifier", identifier)?;
        }
        out.end()
    }
}

/// What an order that failed keeps of its problem.
impl From<&Problem> for StoredProblem {
    fn from(problem: &Problem) -> Self {
        Self { r#type: problem.kind.urn().to_owned(), detail: problem.detail.clone(), status: problem.status }
    }
}
