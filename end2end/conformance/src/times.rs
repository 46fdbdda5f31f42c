//! Dates as ACME has them (RFC 3339), and the present.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The suite talks to servers that have their own clock; it can only ask its own.
#[expect(clippy::disallowed_methods, reason = "no clock is handed to a client")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `None` when it is not RFC 3339.
pub fn parse(value: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

/// In whole seconds, as certificates have them.
pub fn write(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}
