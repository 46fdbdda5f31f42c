use std::time::Duration;

use model::Timestamp;

/// When a certificate is valid, in whole seconds. Both ends are included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// What a leaf's validity is decided from, beside its issuer.
#[derive(Clone, Copy, Debug)]
pub struct ValidityRequest {
    pub now: Timestamp,
    /// What the order asks for (RFC 8555 §7.4).
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// Validity when the order asks for no `not_after`.
    pub ttl: Duration,
    /// Longest validity.
    pub max_ttl: Duration,
}

/// No leaf can be valid then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    #[error("the issuing certificate is not valid before {0}")]
    BeforeIssuer(Timestamp),
    #[error("the issuing certificate expires at {0}, before the requested validity begins")]
    AfterIssuer(Timestamp),
    #[error("notBefore {0} lies more than 5 minutes in the past")]
    Past(Timestamp),
    #[error("notAfter {not_after} is not later than notBefore {not_before}")]
    Empty { not_before: Timestamp, not_after: Timestamp },
    #[error("notAfter {0} has passed")]
    Over(Timestamp),
}

impl Validity {
    /// Leaves start this much in the past, for relying parties whose clock is behind …
    pub const BACKDATE: Duration = Duration::from_secs(60);
    /// … and an order may ask for a start this much in the past, no more.
    pub const MAX_BACKDATE: Duration = Duration::from_secs(5 * 60);

    /// Decides a leaf's validity.
    ///
    /// It starts when the order asks, else [`Self::BACKDATE`] ago, but at most a tenth of the validity, so that a
    /// certificate of minutes keeps most of them. It ends when the order asks, else after `ttl`, but always within
    /// `max_ttl` of its start, both ends counted: a relying party that measures the certificate never finds more than
    /// the profile permits. An order that asks for `now + max_ttl`, as cert-manager does, so gets a minute less than
    /// it asked for and no error. Both ends lie within the validity of the issuer's certificate.
    pub fn of_leaf(request: &ValidityRequest, issuer: Validity) -> Result<Self, ValidityError> {
        let now = request.now.truncated_to_second();
        let wanted = match request.not_after {
            Some(end) => end.since(now).min(request.max_ttl),
            None => request.ttl.min(request.max_ttl),
        };
        let start = match request.not_before {
            Some(start) if start < now - Self::MAX_BACKDATE => return Err(ValidityError::Past(start)),
            Some(start) => start,
            None => now - Self::BACKDATE.min(Duration::from_secs(wanted.as_secs() / 10)),
        }
        .truncated_to_second();
        if issuer.not_after < start.max(now) {
            return Err(ValidityError::AfterIssuer(issuer.not_after));
        }
        if now < issuer.not_before {
            return Err(ValidityError::BeforeIssuer(issuer.not_before));
        }
        let not_before = start.max(issuer.not_before);

        let longest = last_second(not_before, request.max_ttl);
        let not_after = match request.not_after {
            Some(end) => end,
            None => last_second(not_before, request.ttl),
        };
        let not_after = not_after.min(longest).min(issuer.not_after).truncated_to_second();
        if not_after <= not_before {
            return Err(ValidityError::Empty { not_before, not_after });
        }
        if not_after < now {
            return Err(ValidityError::Over(not_after));
        }
        Ok(Self { not_before, not_after })
    }

    /// Whether both ends of `inner` lie in this.
    pub fn contains(&self, inner: &Validity) -> bool {
        self.not_before <= inner.not_before && inner.not_after <= self.not_after
    }
}

/// The last second of a validity of `length` that starts at `start`: notAfter itself is still valid.
fn last_second(start: Timestamp, length: Duration) -> Timestamp {
    start + length.saturating_sub(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds)
    }

    fn request() -> ValidityRequest {
        ValidityRequest { now: at(0), not_before: None, not_after: None, ttl: DAY, max_ttl: 2 * DAY }
    }

    fn decide(request: &ValidityRequest) -> Result<(i64, i64), ValidityError> {
        let issuer = Validity { not_before: at(-30), not_after: at(1_000_000) };
        decide_under(request, issuer)
    }

    fn decide_under(request: &ValidityRequest, issuer: Validity) -> Result<(i64, i64), ValidityError> {
        let v = Validity::of_leaf(request, issuer)?;
        let seconds = |t: Timestamp| (t.unix_micros() - at(0).unix_micros()) / 1_000_000;
        Ok((seconds(v.not_before), seconds(v.not_after)))
    }

    #[test]
    fn both_ends_count() {
        let issuer = Validity { not_before: at(-1_000), not_after: at(1_000_000) };
        assert_eq!(decide_under(&request(), issuer), Ok((-60, 86_400 - 61)));
        // An issuer that is younger than the backdating sets the start.
        assert_eq!(decide(&request()), Ok((-30, 86_400 - 31)));
    }

    #[test]
    fn a_short_leaf_keeps_most_of_its_time() {
        let short = ValidityRequest { ttl: Duration::from_secs(100), ..request() };
        assert_eq!(decide(&short), Ok((-10, 89)));
    }

    #[test]
    fn the_order_decides_within_the_profile() {
        let asked = |not_before: Option<i64>, not_after: i64| ValidityRequest {
            not_before: not_before.map(at),
            not_after: Some(at(not_after)),
            ..request()
        };
        assert_eq!(decide(&asked(None, 5_000)), Ok((-30, 5_000)));
        assert_eq!(decide(&asked(Some(100), 5_000)), Ok((100, 5_000)));
        // cert-manager's request for all that the profile gives.
        assert_eq!(decide(&asked(None, 2 * 86_400)), Ok((-30, 2 * 86_400 - 31)));
        assert_eq!(decide(&asked(None, 9_000_000)), Ok((-30, 2 * 86_400 - 31)));
        assert_eq!(decide(&asked(Some(-301), 5_000)), Err(ValidityError::Past(at(-301))));
        assert!(matches!(decide(&asked(Some(500), 500)), Err(ValidityError::Empty { .. })));
        assert!(decide(&asked(Some(-200), -100)).is_err());
        assert!(decide(&asked(None, -1)).is_err());
    }

    #[test]
    fn the_issuer_bounds_both_ends() {
        let issuer = Validity { not_before: at(-10), not_after: at(1_000) };
        assert_eq!(decide_under(&request(), issuer), Ok((-10, 1_000)));
        let expired = Validity { not_before: at(-10), not_after: at(-1) };
        assert_eq!(decide_under(&request(), expired), Err(ValidityError::AfterIssuer(at(-1))));
        let future = Validity { not_before: at(1), not_after: at(1_000) };
        assert_eq!(decide_under(&request(), future), Err(ValidityError::BeforeIssuer(at(1))));
        let late = ValidityRequest { not_before: Some(at(2_000)), ..request() };
        assert_eq!(decide_under(&late, issuer), Err(ValidityError::AfterIssuer(at(1_000))));
    }

    #[test]
    fn fractions_of_seconds_are_dropped() {
        let half = Duration::from_millis(500);
        let v = Validity::of_leaf(
            &ValidityRequest { now: at(0) + half, not_after: Some(at(100) + half), ..request() },
            Validity { not_before: at(-500), not_after: at(500) },
        );
        assert_eq!(v, Ok(Validity { not_before: at(-10), not_after: at(100) }));
    }
}
