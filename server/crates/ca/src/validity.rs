use model::Timestamp;

/// When a certificate is valid, in whole seconds. Both ends are included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl Validity {
    /// Whether both ends of `inner` lie in this.
    pub fn contains(&self, inner: &Validity) -> bool {
        self.not_before <= inner.not_before && inner.not_after <= self.not_after
    }
}
