use std::collections::HashSet;

/// Public keys that are known to be compromised, by the SHA-256 of their SubjectPublicKeyInfo.
#[derive(Clone, Debug, Default)]
pub struct KeyBlocklist {
    fingerprints: HashSet<[u8; 32]>,
}

/// A line of the list is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: `{text}` is not a SHA-256 fingerprint of a SubjectPublicKeyInfo (64 hexadecimal digits)"
)]
pub struct BlocklistError {
    /// Counted from 1.
    pub line: usize,
    text: String,
}

impl KeyBlocklist {
    /// Reads one fingerprint in hexadecimal per line, colons between octets allowed. `#` starts a comment; empty
    /// lines are skipped.
    pub fn parse(text: &str) -> Result<Self, BlocklistError> {
        let mut fingerprints = HashSet::new();
        for (index, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let mut fingerprint = [0; 32];
            hex::decode_to_slice(entry.replace(':', ""), &mut fingerprint)
                .map_err(|_| BlocklistError { line: index + 1, text: entry.chars().take(100).collect() })?;
            fingerprints.insert(fingerprint);
        }
        Ok(Self { fingerprints })
    }

    /// `spki_sha256`: see [`crate::SubjectKey::spki_sha256`].
    pub fn contains(&self, spki_sha256: &[u8; 32]) -> bool {
        self.fingerprints.contains(spki_sha256)
    }

    /// As [`Self::contains`], for a key at hand as SubjectPublicKeyInfo DER.
    pub fn contains_spki(&self, spki_der: &[u8]) -> bool {
        self.contains(&crate::sha256(spki_der))
    }

    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_colons_are_allowed() {
        let list = KeyBlocklist::parse(&format!(
            "# known bad\n\n{}  # leaked\n{}\n",
            "aB".repeat(32),
            ["01"; 32].join(":")
        ))
        .unwrap();
        assert_eq!(list.len(), 2);
        assert!(list.contains(&[0xab; 32]));
        assert!(list.contains(&[0x01; 32]));
        assert!(!list.contains(&[0x02; 32]));

        let spki = b"any key";
        assert!(!list.contains_spki(spki));
        assert!(KeyBlocklist::parse(&crate::sha256_hex(spki)).unwrap().contains_spki(spki));
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in ["abc", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            let error = KeyBlocklist::parse(&format!("# one\n\n{bad}")).unwrap_err();
            assert_eq!(error.line, 3);
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
