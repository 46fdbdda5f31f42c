use std::fmt;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::hkdf;
use model::Entropy;
use zeroize::Zeroizing;

/// Seals secrets for the database with AES-256-GCM.
///
/// A sealed value is `version (1) ‖ key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. Version, key id, and the purpose
/// and id of what is sealed, each with its length, are associated data: a value that is moved to another row or column
/// does not open. Nonces are random; one key may seal 2^32 values (NIST SP 800-38D §8.3), far above what a CA holds.
pub struct Sealer {
    cipher: Aes256Gcm,
    key_id: [u8; KEY_ID],
    root: hkdf::Prk,
}

/// A sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it was sealed under the encryption key {sealed_under}, but the current one is {current}")]
    OtherKey { sealed_under: String, current: String },
    #[error("it is damaged, or was moved here from another row")]
    Damaged,
}

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 12;
const HEADER: usize = 1 + KEY_ID + NONCE;

impl Sealer {
    /// `key`: 256 random bits. They are used only to derive keys from (HKDF-SHA256, RFC 5869), one for each use.
    pub fn new(key: &[u8; 32]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"certctl").extract(key);
        let sealing = Zeroizing::new(expand(&root, "seal"));
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&expand(&root, "key id")[..KEY_ID]);
        let cipher = Aes256Gcm::new(&(*sealing).into());
        Self { cipher, key_id, root }
    }

    /// Names the key without telling anything about it: 16 hexadecimal digits.
    pub fn key_id(&self) -> String {
        hex::encode(self.key_id)
    }

    /// Another key for another use, named by `label`; always the same one.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        // Apart from the labels used in here, whatever the caller calls it.
        expand(&self.root, &format!("derive {label}"))
    }

    /// `purpose` and `id` say what this is the secret of, e.g. `issuer-key` and `iss-internal-ca`; the same two are
    /// needed to open it.
    pub fn seal(&self, purpose: &str, id: &str, plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        // With room for the tag, so that no copy of the plaintext is left behind by growing.
        let mut body = Vec::with_capacity(plaintext.len() + 16);
        body.extend_from_slice(plaintext);
        #[expect(clippy::expect_used, reason = "AES-GCM fails only beyond 64 GiB")]
        self.cipher
            .encrypt_in_place(&Nonce::from(nonce), &self.associated_data(purpose, id), &mut body)
            .expect("a secret is shorter than 64 GiB");
        [&[VERSION][..], &self.key_id, &nonce, &body].concat()
    }

    /// Opens what [`Self::seal`] made with the same `purpose` and `id`.
    pub fn open(&self, purpose: &str, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (header, body) = sealed.split_at_checked(HEADER).ok_or(SealError::Damaged)?;
        let (version, rest) = header.split_at(1);
        let (key_id, nonce) = rest.split_at(KEY_ID);
        if version != [VERSION] {
            return Err(SealError::Damaged);
        }
        if key_id != self.key_id {
            return Err(SealError::OtherKey { sealed_under: hex::encode(key_id), current: self.key_id() });
        }
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| SealError::Damaged)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.cipher
            .decrypt_in_place(&Nonce::from(nonce), &self.associated_data(purpose, id), &mut *plaintext)
            .map_err(|_| SealError::Damaged)?;
        Ok(plaintext)
    }

    fn associated_data(&self, purpose: &str, id: &str) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.key_id);
        for part in [purpose, id] {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

fn expand(root: &hkdf::Prk, label: &str) -> [u8; 32] {
    let mut out = [0; 32];
    #[expect(clippy::expect_used, reason = "HKDF fails only beyond 255 blocks of output")]
    root.expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 octets are one block");
    out
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&[7; 32])
    }

    #[test]
    fn what_is_sealed_opens() {
        for secret in [&b""[..], b"a secret"] {
            let sealed = sealer().seal("issuer-key", "iss-1", secret, &SystemEntropy);
            assert_eq!(sealed.len(), HEADER + secret.len() + 16);
            assert_eq!(sealer().open("issuer-key", "iss-1", &sealed).unwrap().as_slice(), secret);
        }
    }

    #[test]
    fn a_moved_value_does_not_open() {
        let sealed = sealer().seal("issuer-key", "iss-1", b"a secret", &SystemEntropy);
        for (purpose, id) in
            [("issuer-key", "iss-2"), ("eab-key", "iss-1"), ("issuer-keyi", "ss-1"), ("", "")]
        {
            assert_eq!(sealer().open(purpose, id, &sealed), Err(SealError::Damaged), "{purpose} {id}");
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let sealed = sealer().seal("p", "i", b"a secret", &SystemEntropy);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let error = sealer().open("p", "i", &changed).unwrap_err();
            assert_eq!(matches!(error, SealError::OtherKey { .. }), (1..=KEY_ID).contains(&at), "{at}");
            assert!(sealer().open("p", "i", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let sealed = sealer().seal("p", "i", b"a secret", &SystemEntropy);
        let other = Sealer::new(&[8; 32]);
        let expected = SealError::OtherKey { sealed_under: sealer().key_id(), current: other.key_id() };
        assert_eq!(other.open("p", "i", &sealed), Err(expected));
    }

    #[test]
    fn derived_keys_are_stable_and_apart() {
        assert_eq!(sealer().derive("nonce"), sealer().derive("nonce"));
        assert_ne!(sealer().derive("nonce"), sealer().derive("nonces"));
        assert_ne!(sealer().derive("nonce"), Sealer::new(&[8; 32]).derive("nonce"));
        let shown = format!("Sealer {{ key_id: \"{}\", .. }}", sealer().key_id());
        assert_eq!(format!("{:?}", sealer()), shown);
    }
}
