//! From an order to a certificate, and its revocation.

pub mod authorization;
pub mod caa;
pub mod challenge;
pub mod direct;
pub mod external_account;
pub mod finalize;
mod leaf;
pub mod order;
pub mod policy;
pub mod preview;
pub mod replacement;
pub mod revoke;
pub mod validate;

#[cfg(test)]
mod tests;

use std::time::Duration;

/// How long a client has from newOrder to finalize, and how long its authorizations hold.
pub const ORDER_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A signature takes well under a second. An order that is `processing` for longer than this belongs to a process
/// that died, and returns to `ready`. Should that process live after all, its claim is void and what it signed is
/// not stored.
pub const PROCESSING_LIMIT: Duration = Duration::from_secs(10);
