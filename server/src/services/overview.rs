//! How much was issued, and when it ends.

use std::time::Duration;

use model::{Caller, Permission, Timestamp};
use store::Counted;

use crate::auth::authorise;
use crate::core::Core;
use crate::error::Result;

const DAY: Duration = Duration::from_secs(86_400);
/// How far ahead, and how far back, the days are counted.
pub const AHEAD: u32 = 90;
pub const BACK: u32 = 28;

/// Counts for each day, where a day begins at the time of day that it is now.
#[derive(Debug)]
pub struct Figures {
    /// What ends in each of the next [`AHEAD`] days, without what is revoked.
    pub expiring: Vec<Counted>,
    /// What was issued in each of the last [`BACK`] days.
    pub issued: Vec<Counted>,
}

pub async fn figures(core: &Core, caller: &Caller) -> Result<Figures> {
    authorise(caller, Permission::CertificateRead)?;
    let now = core.now();
    let ahead: Vec<Timestamp> = (0..=AHEAD).map(|days| now + DAY * days).collect();
    // The last moment counts as well: what was issued just now is of today.
    let back: Vec<_> = (0..=BACK).rev().map(|days| now + Duration::from_secs(1) - DAY * days).collect();
    let mut db = core.store.read().await?;
    Ok(Figures { expiring: db.expiry_counts(&ahead).await?, issued: db.issuance_counts(&back).await? })
}
