//! Anti-replay nonces (RFC 8555 §6.5) that need no storage while they are out: only what has been used is remembered.
//!
//! A nonce says which process made it (its epoch), as which one (its counter) and when, 16 octets together. They are
//! sealed under a key that all replicas share, so that each recognises the nonces of the others and nobody can make
//! one up or read from it how busy the server is.
//!
//! The sealing is a synthetic-IV construction (RFC 5297 has the idea and the proof) from HMAC-SHA256 alone: the tag is
//! a MAC of the 16 octets, and the octets are masked with a second MAC of the tag. It takes no IV. AES-GCM needs one
//! that never repeats under its key, and a repetition gives the key of its MAC away; with several replicas on one key
//! that lives for years, and one nonce in every answer, neither random IVs (2³² uses of a key at most) nor IVs from a
//! counter of each process would be sound for good. Two HMACs cost one to two
//! microseconds.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Entropy, Timestamp};

/// Makes nonces and recognises them. One per process.
pub struct NonceMint {
    tag_key: hmac::Key,
    mask_key: hmac::Key,
    epoch: u64,
    counter: AtomicU64,
}

/// Why a nonce does not count. RFC 8555 §6.5.2 tells the first, which is `malformed`, from the others, which are
/// `badNonce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    #[error("the nonce is not base64url")]
    NotBase64Url,
    #[error("the nonce is not one of this server")]
    Unknown,
    #[error("the nonce has expired")]
    Expired,
}

/// A nonce that one of our processes made and that has not expired. Whether it was used is for [`NonceWindow`] or the
/// database to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedNonce {
    /// Which process made it: 48 random bits.
    pub epoch: u64,
    /// As which one, from 0; 48 bits.
    pub counter: u64,
    /// In whole seconds.
    pub issued_at: Timestamp,
}

impl NonceMint {
    /// How long a nonce can be used.
    pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

    /// How far the clock of another replica may be ahead of ours.
    pub const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

    /// `key`: 32 octets that all replicas share and nothing else uses.
    pub fn new(key: &[u8; 32], entropy: &dyn Entropy) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, label).as_ref());
        let mut random = [0; 8];
        entropy.fill(&mut random[2..]);
        Self {
            tag_key: derived(b"acme nonce tag"),
            mask_key: derived(b"acme nonce mask"),
            epoch: u64::from_be_bytes(random),
            counter: AtomicU64::new(0),
        }
    }

    /// Which process this is, among those that share the key.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A fresh nonce, to be used until [`Self::LIFETIME`] after `now`.
    pub fn mint(&self, now: Timestamp) -> String {
        // Only uniqueness counts, not the order in which other threads see it. 2⁴⁸ nonces last for centuries.
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) & MAX_48_BITS;
        let content = OpenedNonce { epoch: self.epoch, counter, issued_at: now.truncated_to_second() }.id();
        let tag = self.tag(&content);
        let mut token = [0; 32];
        token[..16].copy_from_slice(&tag);
        token[16..].copy_from_slice(&self.masked(&tag, content));
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Recognises a nonce that this or another process with the same key made.
    ///
    /// # Errors
    /// When it is none, or one that is too old or from further in the future than clocks differ.
    pub fn open(&self, nonce: &str, now: Timestamp) -> Result<OpenedNonce, NonceError> {
        let octets = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| NonceError::NotBase64Url)?;
        let token: [u8; 32] = octets.try_into().map_err(|_| NonceError::Unknown)?;
        let (tag, hidden) = halves(token);
        let content = self.masked(&tag, hidden);
        constant_time::verify_slices_are_equal(&self.tag(&content), &tag).map_err(|_| NonceError::Unknown)?;

        let opened = OpenedNonce::from_id(content);
        let usable = now <= opened.expires_at() && opened.issued_at <= now + Self::MAX_SKEW;
        usable.then_some(opened).ok_or(NonceError::Expired)
    }

    fn tag(&self, content: &[u8; 16]) -> [u8; 16] {
        first_half(&hmac::sign(&self.tag_key, content))
    }

    /// Hides or, applied again, shows `content`.
    fn masked(&self, tag: &[u8; 16], content: [u8; 16]) -> [u8; 16] {
        let mask = first_half(&hmac::sign(&self.mask_key, tag));
        std::array::from_fn(|i| content[i] ^ mask[i])
    }
}

impl fmt::Debug for NonceMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceMint").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

const MAX_48_BITS: u64 = (1 << 48) - 1;

fn halves(token: [u8; 32]) -> ([u8; 16], [u8; 16]) {
    (std::array::from_fn(|i| token[i]), std::array::from_fn(|i| token[16 + i]))
}

fn first_half(mac: &hmac::Tag) -> [u8; 16] {
    let mac = mac.as_ref();
    std::array::from_fn(|i| mac[i])
}

impl OpenedNonce {
    /// Six octets of epoch, six of counter, four of seconds since 1970 (until 2106): unique for each nonce, so that a
    /// database can remember by it what has been used.
    pub fn id(&self) -> [u8; 16] {
        let seconds = u32::try_from(self.issued_at.unix_seconds()).unwrap_or(u32::MAX);
        let mut id = [0; 16];
        id[..6].copy_from_slice(&self.epoch.to_be_bytes()[2..]);
        id[6..12].copy_from_slice(&self.counter.to_be_bytes()[2..]);
        id[12..].copy_from_slice(&seconds.to_be_bytes());
        id
    }

    /// Until when it must be remembered that this nonce was used.
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at + NonceMint::LIFETIME
    }

    fn from_id(id: [u8; 16]) -> Self {
        let number = |octets: &[u8]| octets.iter().fold(0, |n, octet| (n << 8) | u64::from(*octet));
        let seconds = u32::from_be_bytes([id[12], id[13], id[14], id[15]]);
        Self {
            epoch: number(&id[..6]),
            counter: number(&id[6..12]),
            issued_at: Timestamp::from_unix_seconds(i64::from(seconds)),
        }
    }
}

/// Which nonces of one process were used, in that process's memory: a ring of bits, one for each counter, that moves
/// on with the highest counter used. Whoever comes with an older nonce than the ring holds gets `badNonce` and a fresh
/// one, as after a restart.
pub struct NonceWindow {
    epoch: u64,
    /// Held for a few instructions, except when the ring moves on by much.
    ring: Mutex<Ring>,
}

struct Ring {
    /// The number, counted from 0, of the newest word of 64 counters.
    newest: u64,
    words: Box<[u64]>,
}

impl NonceWindow {
    /// 128 KiB. Even at 10,000 answers per second a client has over a minute and a half to use its nonce.
    pub const DEFAULT_CAPACITY: usize = 1 << 20;

    /// A window over the nonces of `mint`, which is this process's.
    pub fn new(mint: &NonceMint) -> Self {
        Self::with_capacity(mint, Self::DEFAULT_CAPACITY)
    }

    /// `capacity`: how many counters back a nonce can be used, rounded up to whole words of 64.
    pub fn with_capacity(mint: &NonceMint, capacity: usize) -> Self {
        let words = vec![0; capacity.div_ceil(64).max(1)].into_boxed_slice();
        Self { epoch: mint.epoch(), ring: Mutex::new(Ring { newest: 0, words }) }
    }

    /// Uses `nonce`. True for exactly one caller; false for those after it, and for nonces that the window no longer
    /// holds or that another process made.
    pub fn redeem(&self, nonce: &OpenedNonce) -> bool {
        // No panic can leave the ring half changed, so a poisoned lock is as good as any.
        nonce.epoch == self.epoch
            && self.ring.lock().unwrap_or_else(PoisonError::into_inner).redeem(nonce.counter)
    }
}

impl fmt::Debug for NonceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceWindow").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Ring {
    fn redeem(&mut self, counter: u64) -> bool {
        let word = counter / 64;
        let len = self.words.len() as u64;
        if word > self.newest {
            // Makes room by forgetting the oldest words, all of them if the step is that long.
            for stale in (self.newest + 1..=word).rev().take(self.words.len()) {
                *self.slot(stale) = 0;
            }
            self.newest = word;
        } else if self.newest - word >= len {
            return false;
        }
        let bit = 1 << (counter % 64);
        let slot = self.slot(word);
        let unused = *slot & bit == 0;
        *slot |= bit;
        unused
    }

    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below a length, which is a usize")]
    fn slot(&mut self, word: u64) -> &mut u64 {
        let index = (word % self.words.len() as u64) as usize;
        &mut self.words[index]
    }
}
