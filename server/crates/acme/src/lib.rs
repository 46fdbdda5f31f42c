//! RFC 8555 without input or output: what a request must look like, which key signed it, what it asks for, and what
//! the answers look like. Nothing here knows HTTP, a database or the time; callers pass those in.
//!
//! A request goes through the modules in this order: [`jws`] takes it apart, [`jwk`] checks its signature, [`nonce`]
//! its freshness, [`payload`] its meaning, [`identifiers`] and [`contact`] its values. [`wire`] has the answers and
//! [`problem`] the refusals.

pub mod base64url;
pub mod caa;
pub mod challenge;
pub mod contact;
pub mod external_account;
pub mod identifiers;
pub mod jwk;
pub mod jws;
pub mod nonce;
pub mod payload;
pub mod problem;
pub mod renewal;
pub mod transition;
pub mod wire;

mod envelope;
mod json;

pub use challenge::{key_authorization, offered};
pub use contact::check_contacts;
pub use external_account::{ExternalAccountBinding, MacAlgorithm};
pub use identifiers::{MAX_IDENTIFIERS, RawIdentifier, parse_identifiers};
pub use jwk::{Jwk, KeyKind};
pub use jws::{Algorithm, Jws, KeyRef};
pub use model::ChallengeStatus;
pub use nonce::{NonceError, NonceMint, NonceWindow, OpenedNonce};
pub use problem::{Problem, ProblemLink, ProblemType, Subproblem};
