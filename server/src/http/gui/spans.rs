//! Lengths of time as people type them.

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// The seconds of `90d`, `24h`, `1h 30m`, `2 weeks` or `3600`, which are seconds.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "`{text:.60}` is not a length of time; use a number with s, m, h, d, w or y, for example 90d or 24h"
        )
    };
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse() {
        return Ok(seconds);
    }
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let after = after.trim_start();
        let (unit, after) =
            after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let length = length_of(unit).ok_or_else(wrong)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(length));
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = after.trim_start();
    }
    if text.trim().is_empty() { Err(wrong()) } else { Ok(seconds) }
}

/// A year has 365 days.
fn length_of(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "y" | "year" | "years" => 365 * DAY,
        _ => return None,
    })
}

/// As somebody would type it, without loss: `90d`, `36h`, `5430s`.
pub fn typed(seconds: u64) -> String {
    for (length, unit) in [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_say_them() {
        for (text, seconds) in [
            ("90d", 90 * DAY),
            (" 24 h ", DAY),
            ("3600s", 3600),
            ("3600", 3600),
            ("1h30m", 5400),
            ("2 weeks", 14 * DAY),
            ("1 year 1 day", 366 * DAY),
            ("90 Days", 90 * DAY),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for wrong in
            ["", " ", "d", "-1d", "1.5h", "90 dogs", "1h30", "h1", "99999999999999999999d", "9d,", "1é"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for (seconds, text) in [(7_776_000, "90d"), (129_600, "36h"), (5430, "5430s"), (300, "5m")] {
            assert_eq!(typed(seconds), text);
            assert_eq!(parse(text), Ok(seconds));
        }
    }
}
