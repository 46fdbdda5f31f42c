//! Days as people type them.

use std::time::Duration;

use model::Timestamp;

/// A day in UTC or an exact time (RFC 3339). `end`: a day stands for its end, else for its beginning.
pub fn parse(text: &str, end: bool) -> Result<Timestamp, String> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let day = || day().map(|start| if end { start + Duration::from_secs(86_400) } else { start });
    Timestamp::parse_rfc3339(text)
        .or_else(day)
        .ok_or_else(|| "not a day such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z".to_owned())
}
