use super::{Link, Moment};

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    /// Whose it is; `None` where that goes without saying.
    pub owner: Option<Link>,
    /// How they signed in.
    pub way: String,
    pub client_ip: Option<String>,
    pub user_agent: Option<String>,
    pub began: Moment,
    pub last_seen: Moment,
    pub ends: Moment,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The page that asks before it is ended, for those who may.
    pub end: Option<String>,
}
