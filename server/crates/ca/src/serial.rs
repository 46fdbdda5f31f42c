use std::fmt;

use model::{Entropy, Timestamp};

/// A certificate serial number: 20 octets, the most that RFC 5280 §4.1.2.2 allows, and positive.
///
/// The first four count spans of two seconds since 1970, so that an index of serial numbers grows at its end; the other
/// sixteen are random. 128 unpredictable bits are what makes a chosen-prefix collision useless against a hash that one
/// day turns out weak (the reason for the 64 bits that the CA/Browser Forum asks for), and they make two equal serial
/// numbers of one CA practically impossible, so that nothing must be looked up before signing. Counting by two keeps
/// the first bit clear, and so the number positive in the same 20 octets, until 2106.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial([u8; 20]);

impl Serial {
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        // Clamped for clocks that are decades off: below, DER would drop the leading zero octet.
        let spans =
            u32::try_from((now.unix_seconds() / 2).clamp(0x0100_0000, 0x7fff_ffff)).unwrap_or(0x7fff_ffff);
        let mut octets = [0; 20];
        let (time, random) = octets.split_at_mut(4);
        time.copy_from_slice(&spans.to_be_bytes());
        entropy.fill(random);
        Self(octets)
    }

    /// Big-endian; the contents octets of the INTEGER.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Lower case.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    #[test]
    fn serials_are_positive_long_and_in_order_of_time() {
        let mut last = [0; 20];
        for seconds in
            [-1, 0, 1_700_000_000, 1_700_000_002, 2_147_483_648, 4_102_444_800, i64::from(u32::MAX), 1 << 40]
        {
            let serial = Serial::generate(Timestamp::from_unix_seconds(seconds), &SystemEntropy);
            assert!((0x01..0x80).contains(&serial.0[0]), "{serial}");
            assert!(serial.0[..4] >= last[..4], "{serial}");
            assert_eq!(serial.to_hex().len(), 40);
            last = serial.0;
        }
    }

    #[test]
    fn serials_of_one_moment_differ() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        assert_ne!(Serial::generate(now, &SystemEntropy), Serial::generate(now, &SystemEntropy));
    }
}
