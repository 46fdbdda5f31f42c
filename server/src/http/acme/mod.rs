//! The ACME face: one file per resource of RFC 8555.

pub mod account;
pub mod authorization;
pub mod certificate;
pub mod challenge;
pub mod directory;
pub mod envelope;
mod extract;
pub mod key_change;
pub mod nonce;
pub mod order;
pub mod rate_limit;
pub mod renewal;
pub mod revoke;

pub use envelope::AcmeError;
pub use extract::AccountKeys;
