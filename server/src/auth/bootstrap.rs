use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use subtle::ConstantTimeEq;

use super::api_key::hash;

/// Wrong tokens in a window that are looked at one by one; the right one is always taken.
const WRONG_AT_MOST: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// The operator's token that makes the first administrator (`CERTCTL_BOOTSTRAP_TOKEN`), as a hash.
#[derive(Debug)]
pub struct BootstrapToken {
    sha256: [u8; 32],
    /// When the window began, and how many were wrong in it.
    wrong: Mutex<(Timestamp, u32)>,
}

/// What a presented token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    Right,
    Wrong,
    /// Wrong again, after many of them.
    TooMany,
}

impl BootstrapToken {
    pub fn new(text: &str) -> Self {
        Self { sha256: hash(text), wrong: Mutex::new((Timestamp::from_unix_seconds(0), 0)) }
    }

    /// Names this token and no other.
    pub fn fingerprint(&self) -> String {
        // Of a hash, so that the stored name is of no use as a token.
        hex::encode(hash(&hex::encode(self.sha256)))
    }

    /// Takes as long whatever the token is: hashes are compared, in constant time.
    pub fn check(&self, presented: &str, now: Timestamp) -> Presented {
        if bool::from(hash(presented).ct_eq(&self.sha256)) {
            return Presented::Right;
        }
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.0 + WINDOW <= now {
            *wrong = (now, 0);
        }
        if wrong.1 >= WRONG_AT_MOST {
            return Presented::TooMany;
        }
        wrong.1 += 1;
        Presented::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_tokens_are_counted_and_do_not_keep_the_right_one_out() {
        let token = BootstrapToken::new("the right token");
        let at = |seconds: i64| Timestamp::from_unix_seconds(1_800_000_000 + seconds);
        for n in 0..10 {
            assert_eq!(token.check("another", at(n)), Presented::Wrong);
        }
        assert_eq!(token.check("another", at(11)), Presented::TooMany);
        assert_eq!(token.check("the right token", at(11)), Presented::Right);
        assert_eq!(token.check("another", at(60)), Presented::Wrong);
        assert_eq!(token.check("", at(61)), Presented::Wrong);
    }
}
