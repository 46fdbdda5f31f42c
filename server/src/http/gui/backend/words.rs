//! Times, ids and states as people read them.

use app::views::{Badge, Moment, Tone};
use model::{AccountStatus, CertificateState, Identifier, OrderStatus, Outcome, Timestamp};

use crate::services::rate_limits::Usage;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;

pub fn moment(at: Timestamp, now: Timestamp) -> Moment {
    Moment { iso: at.to_rfc3339(), text: date_and_time(at), hint: distance(at, now) }
}

/// `2026-01-31 09:14:22`, in UTC.
pub fn date_and_time(at: Timestamp) -> String {
    let t = at.to_offset_date_time();
    let (date, hour, minute, second) = (t.date(), t.hour(), t.minute(), t.second());
    format!("{date} {hour:02}:{minute:02}:{second:02}")
}

/// `09:14:22.118`, in UTC.
pub fn time_of_day(at: Timestamp) -> String {
    let t = at.to_offset_date_time();
    format!("{:02}:{:02}:{:02}.{:03}", t.hour(), t.minute(), t.second(), t.millisecond())
}

/// `2026-01-31`, in UTC.
pub fn day(at: Timestamp) -> String {
    at.to_offset_date_time().date().to_string()
}

/// `4 minutes ago`, `in 3 days`.
pub fn distance(at: Timestamp, now: Timestamp) -> String {
    let (ahead, seconds) = match at > now {
        true => (true, at.since(now).as_secs()),
        false => (false, now.since(at).as_secs()),
    };
    match (seconds, ahead) {
        (0..5, _) => "just now".to_owned(),
        (n, true) => format!("in {}", span(n)),
        (n, false) => format!("{} ago", span(n)),
    }
}

/// A length of time in its largest unit, never more than it is.
pub fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..172_800 => (seconds / HOUR, "hour"),
        172_800..63_072_000 => (seconds / DAY, "day"),
        _ => (seconds / YEAR, "year"),
    };
    counted(count, unit)
}

/// A length of time that somebody has set, without loss: `90 days`, `36 hours`, `5400 seconds`.
pub fn exact_span(seconds: u64) -> String {
    for (length, unit) in [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return counted(seconds / length, unit);
        }
    }
    counted(seconds, "second")
}

/// `1 order`, `2 orders`.
pub fn counted(count: u64, unit: &str) -> String {
    match count {
        1 => format!("1 {unit}"),
        n => format!("{} {unit}s", grouped(n)),
    }
}

/// `1,284,001`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 bytes`, `1.5 MiB`.
pub fn octets(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let exponent = (n.max(1).ilog2() / 10).min(4);
    match UNITS.get((exponent as usize).wrapping_sub(1)) {
        // In tenths, without the error of floating point.
        Some(unit) => {
            let tenths = (u128::from(n) * 10) >> (10 * exponent);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => counted(n, "byte"),
    }
}

/// The end of a generated id tells it from others; its beginning is the time. Chosen ids stay as they are.
pub fn short(id: &str) -> String {
    match id.split_once('-') {
        Some((prefix, rest)) if rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{prefix}-…{}", rest.get(24..).unwrap_or(rest))
        }
        _ => id.to_owned(),
    }
}

/// Octets with colons, in upper case, as openssl prints them. `hexadecimal`: without colons.
pub fn colons(hexadecimal: &str) -> String {
    let upper = hexadecimal.to_ascii_uppercase();
    let pairs: Vec<_> = upper.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect();
    pairs.join(":")
}

/// The first name, and the others in words.
pub fn names(identifiers: &[Identifier]) -> (String, Option<String>) {
    const SHOWN: usize = 3;
    let mut all = identifiers.iter().map(ToString::to_string);
    let first = all.next().unwrap_or_else(|| "(no name)".to_owned());
    let rest: Vec<_> = all.collect();
    let more = match rest.len() {
        0 => None,
        n if n <= SHOWN => Some(rest.join(", ")),
        n => Some(format!("{} and {} more", rest[..SHOWN - 1].join(", "), n + 1 - SHOWN)),
    };
    (first, more)
}

pub fn badge(word: &str, tone: Tone) -> Badge {
    Badge { word: word.to_owned(), tone }
}

pub fn certificate(state: CertificateState, replaced: bool) -> Badge {
    match (state, replaced) {
        (CertificateState::Revoked, _) => badge("revoked", Tone::Bad),
        (CertificateState::Expired, _) => badge("expired", Tone::Quiet),
        (CertificateState::Valid, true) => badge("replaced", Tone::Quiet),
        (CertificateState::Valid, false) => badge("valid", Tone::Ok),
    }
}

pub fn order(status: OrderStatus) -> Badge {
    let tone = match status {
        OrderStatus::Valid => Tone::Ok,
        OrderStatus::Invalid => Tone::Bad,
        OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing => Tone::Info,
    };
    badge(status.as_str(), tone)
}

pub fn account(status: AccountStatus) -> Badge {
    let tone = match status {
        AccountStatus::Valid => Tone::Ok,
        AccountStatus::Suspended => Tone::Warn,
        AccountStatus::Deactivated => Tone::Quiet,
    };
    badge(status.as_str(), tone)
}

/// How far a subject is from a rate limit.
pub fn usage(usage: &Usage) -> Badge {
    let state = usage.state();
    let tone = match state {
        "reached" => Tone::Bad,
        "near" => Tone::Warn,
        _ => Tone::Ok,
    };
    badge(state, tone)
}

/// With a capital letter at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `certificate.issued` as `certificate issued`.
pub fn action(action: &str) -> String {
    action.replace(['.', '_'], " ")
}

pub fn outcome(outcome: Outcome) -> Badge {
    let tone = match outcome {
        Outcome::Success => Tone::Ok,
        Outcome::Refused => Tone::Warn,
        Outcome::Failure => Tone::Bad,
    };
    badge(outcome.as_str(), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn distances_are_in_the_largest_unit_that_fits() {
        let now = at(1_000_000_000);
        for (seconds, words) in [
            (0, "just now"),
            (-4, "just now"),
            (30, "in 30 seconds"),
            (-60, "1 minute ago"),
            (-7199, "1 hour ago"),
            (172_799, "in 47 hours"),
            (172_800, "in 2 days"),
            (-90 * 86_400, "90 days ago"),
            (4 * 365 * 86_400, "in 4 years"),
        ] {
            assert_eq!(distance(at(1_000_000_000 + seconds), now), words);
        }
    }

    #[test]
    fn a_set_length_is_told_without_loss() {
        for (seconds, words) in
            [(7_776_000, "90 days"), (129_600, "36 hours"), (5430, "5,430 seconds"), (60, "1 minute")]
        {
            assert_eq!(exact_span(seconds), words);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_284_001, "1,284,001")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        for (n, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            ((7 << 30) - 1, "6.9 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(octets(n), text);
        }
    }

    #[test]
    fn generated_ids_are_shortened_and_chosen_ones_are_not() {
        assert_eq!(short("ord-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b"), "ord-…2e3f4a5b");
        assert_eq!(short("prof-test"), "prof-test");
    }

    #[test]
    fn names_beyond_a_few_are_counted() {
        let of = |list: &[&str]| {
            let parsed: Vec<_> = list.iter().map(|name| Identifier::parse_any(name).unwrap()).collect();
            names(&parsed)
        };
        assert_eq!(of(&["a.test"]), ("a.test".to_owned(), None));
        assert_eq!(of(&["a.test", "b.test", "10.0.0.1"]).1.unwrap(), "b.test, 10.0.0.1");
        assert_eq!(of(&["a.t", "b.t", "c.t", "d.t", "e.t"]).1.unwrap(), "b.t, c.t and 2 more");
    }

    #[test]
    fn fingerprints_have_colons() {
        assert_eq!(colons("00ffa1"), "00:FF:A1");
    }
}
