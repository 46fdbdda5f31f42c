//! Renewal information (RFC 9773): how clients name a certificate, and when they are told to renew it.

use std::fmt;
use std::time::Duration;

use model::Timestamp;
use serde::{Serialize, Serializer};

use crate::{Problem, base64url};

/// How clients name a certificate (RFC 9773 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRef {
    /// keyIdentifier of the authorityKeyIdentifier extension.
    pub authority_key_identifier: Vec<u8>,
    /// The contents octets of the serial number's DER encoding.
    pub serial: Vec<u8>,
}

impl CertificateRef {
    /// Longer than any that a certificate of RFC 5280 has: 20 octets of serial number, and a key identifier of 64.
    const MAX_LENGTH: usize = 120;

    /// Parses `base64url(AKI) "." base64url(serial)`. Each certificate has one such text.
    ///
    /// # Errors
    /// `malformed` for any other text; `what` names it in the problem.
    pub fn parse(text: &str, what: &str) -> Result<Self, Problem> {
        let malformed = |reason: &str| {
            Problem::malformed(format!("{what} is no certificate id (RFC 9773 §4.1): {reason}."))
        };
        if text.len() > Self::MAX_LENGTH {
            return Err(malformed("it is too long"));
        }
        let (issuer, serial) =
            text.split_once('.').ok_or_else(|| malformed("it has no `.` between its two parts"))?;
        let decode = |part: &str, name: &str| match base64url::decode(part, name) {
            Ok(octets) if octets.is_empty() => Err(malformed(&format!("the {name} is empty"))),
            Ok(octets) => Ok(octets),
            Err(_) => Err(malformed(&format!("the {name} is not unpadded base64url"))),
        };
        let authority_key_identifier = decode(issuer, "key identifier")?;
        let serial = decode(serial, "serial number")?;
        // X.690 §8.3.2: the first nine bits are neither all zero nor all one.
        if let [first, second, ..] = *serial.as_slice()
            && ((first == 0 && second < 0x80) || (first == 0xff && second >= 0x80))
        {
            return Err(malformed("the serial number is not in DER"));
        }
        Ok(Self { authority_key_identifier, serial })
    }
}

/// As it is parsed.
impl fmt::Display for CertificateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authority_key_identifier, serial } = self;
        write!(f, "{}.{}", base64url::encode(authority_key_identifier), base64url::encode(serial))
    }
}

/// The body of an answer (RFC 9773 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    pub suggested_window: RenewalWindow,
    #[serde(rename = "explanationURL", skip_serializing_if = "Option::is_none")]
    pub explanation_url: Option<String>,
}

/// When to renew: a client picks a random moment in it. `start` is before `end`; both have whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RenewalWindow {
    #[serde(serialize_with = "seconds")]
    pub start: Timestamp,
    #[serde(serialize_with = "seconds")]
    pub end: Timestamp,
}

impl RenewalWindow {
    /// The window of a certificate that nothing is wrong with. It is a 24th of the validity long and begins when
    /// between 15/24 and 17/24 of it are over; where in between, `spread` decides, which should differ from
    /// certificate to certificate: what was issued at once is then not renewed at once. A quarter of the validity is
    /// left for clients that fail at first.
    pub fn regular(not_before: Timestamp, not_after: Timestamp, spread: u32) -> Self {
        let validity = (not_after + ONE_SECOND).since(not_before);
        let part = validity / 24;
        let offset = part.mul_f64(2.0 * f64::from(spread) / f64::from(u32::MAX));
        let start = (not_before + part * 15 + offset).truncated_to_second();
        // A certificate of seconds has a window too.
        let end = (start + part).truncated_to_second().max(start + ONE_SECOND);
        if end <= not_after {
            Self { start, end }
        } else {
            Self { start: not_after - ONE_SECOND, end: not_after }
        }
    }

    /// The window of a certificate that must be replaced since `since`: wholly in the past, also for a client whose
    /// clock is an hour behind (RFC 9773 §4.2).
    pub fn past(since: Timestamp) -> Self {
        let end = (since - HOUR).truncated_to_second();
        Self { start: end - 23 * HOUR, end }
    }
}

/// When a client should ask again: a 48th of the validity, but no sooner than after a minute and no later than after
/// six hours; `urgent` when the certificate must be replaced, then no later than after an hour.
pub fn retry_after(not_before: Timestamp, not_after: Timestamp, urgent: bool) -> Duration {
    let longest = if urgent { HOUR } else { 6 * HOUR };
    (not_after.since(not_before) / 48).clamp(Duration::from_secs(60), longest)
}

const ONE_SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn seconds<S: Serializer>(time: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    time.truncated_to_second().serialize(s)
}
