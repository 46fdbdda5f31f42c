use super::{Badge, Link, Moment};

/// Passwords for the day on which no identity provider answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassView {
    /// Whether they open anything (`CERTCTL_BREAK_GLASS_ENABLED`).
    pub enabled: bool,
    pub passwords: Vec<PasswordRow>,
    /// Characters that a password needs.
    pub shortest: usize,
    /// What happened, for those who may see it.
    pub events: Vec<Link>,
}

/// Who has a password. The password itself is known to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRow {
    pub user: Link,
    pub status: Badge,
    /// Wrong ones since the last right one.
    pub failures: u64,
    pub locked_until: Option<Moment>,
    pub changed: Moment,
    pub last_used: Option<Moment>,
}
