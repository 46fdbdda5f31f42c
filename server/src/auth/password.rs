use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::Entropy;
use tokio::sync::Semaphore;

use crate::config::Secret;
use crate::error::{Error, Result};

/// KiB; with the two below, the least that OWASP's Password Storage Cheat Sheet recommends.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Each takes a core and [`MEMORY`].
const AT_ONCE: usize = 2;
/// Who may stand in the line, those at work included.
const MOST_IN_LINE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes passwords with Argon2id (RFC 9106), a few at a time.
#[derive(Debug)]
pub struct PasswordHasher {
    at_work: Arc<Semaphore>,
    in_line: Semaphore,
    /// No password's hash, for names that do not exist.
    dummy: String,
}

impl PasswordHasher {
    pub fn new(entropy: &dyn Entropy) -> Self {
        let (mut salt, mut sum) = ([0; 16], [0; 32]);
        entropy.fill(&mut salt);
        entropy.fill(&mut sum);
        let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let dummy =
            format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${}${}", encode(&salt), encode(&sum));
        Self { at_work: Arc::new(Semaphore::new(AT_ONCE)), in_line: Semaphore::new(MOST_IN_LINE), dummy }
    }

    /// The PHC string to store.
    pub async fn hash(&self, password: Secret, entropy: &dyn Entropy) -> Result<String> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let fault = |e: &dyn std::fmt::Display| Error::Internal(format!("a password cannot be hashed: {e}"));
        let salt = SaltString::encode_b64(&salt).map_err(|e| fault(&e))?;
        self.work(move || {
            let hash = argon2()?.hash_password(password.expose().as_bytes(), &salt).map_err(|e| fault(&e))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one of `hash`. It takes as long when there is no hash.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        self.work(move || {
            let parsed = PasswordHash::new(&hash)
                .map_err(|e| Error::Internal(format!("a stored password cannot be read: {e}")))?;
            Ok(argon2()?.verify_password(password.expose().as_bytes(), &parsed).is_ok() && known)
        })
        .await
    }

    /// Away from the threads that serve requests. [`Error::Unavailable`] when too many wait.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let busy = || Error::Unavailable("too many passwords are being checked".to_owned());
        let _place = self.in_line.try_acquire().map_err(|_| busy())?;
        let permit = Arc::clone(&self.at_work).acquire_owned();
        let permit = tokio::time::timeout(PATIENCE, permit).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|e| Error::Internal(format!("a password check broke: {e}")))?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None)
        .map_err(|e| Error::Internal(format!("the parameters of Argon2 are wrong: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hasher = PasswordHasher::new(&SystemEntropy);
        let hash = hasher.hash(Secret::new("correct horse battery"), &SystemEntropy).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |password: &str, hash: Option<&str>| {
            hasher.verify(Secret::new(password), hash.map(str::to_owned))
        };
        assert!(verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse battery", None).await.unwrap());
        assert!(verify("x", Some("not a hash")).await.is_err());
    }

    #[tokio::test]
    async fn the_line_is_short() {
        let hasher = PasswordHasher::new(&SystemEntropy);
        let many = (0..MOST_IN_LINE + 4).map(|_| hasher.verify(Secret::new("x"), None));
        let results = futures::future::join_all(many).await;
        let turned_away = results.iter().filter(|r| matches!(r, Err(Error::Unavailable(_)))).count();
        assert_eq!(turned_away, 4);
    }
}
