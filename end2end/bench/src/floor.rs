//! The crypto floor: what no server can do without for one issuance.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::error::Error;
use crate::keys;

/// Signatures that a server verifies per issuance: of the four requests (newOrder, authorization, finalize,
/// certificate) and of the CSR.
const VERIFICATIONS: usize = 5;

/// Issuances' worth per round: about 50 ms, so that a round falls into an undisturbed moment now and then.
const UNITS_PER_ROUND: u32 = 100;

/// About the length of a finalize request's signing input, and of a certificate's signed part.
const MESSAGE: [u8; 600] = [b'm'; 600];

/// Measures the floor, again and again; the best round counts, since everything that disturbs only adds.
pub struct Floor {
    random: SystemRandom,
    x: String,
    y: String,
    signature: Vec<u8>,
    issuer_key: EcdsaKeyPair,
    rounds: Vec<Duration>,
}

/// CPU milliseconds per issuance.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FloorSummary {
    pub best_ms: f64,
    pub median_ms: f64,
    pub worst_ms: f64,
    pub rounds: usize,
}

impl Floor {
    /// # Errors
    /// When key generation or signing fails.
    pub fn new() -> Result<Self, Error> {
        let random = SystemRandom::new();
        let client_key = keys::account_key()?;
        let (x, y) = keys::coordinates(&client_key);
        let signature = client_key.sign(&random, &MESSAGE)?.as_ref().to_vec();
        let issuer_key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let mut floor = Self { random, x, y, signature, issuer_key, rounds: Vec::new() };
        // The first round pays for cold caches and lazy initialisation.
        floor.measure()?;
        floor.rounds.clear();
        Ok(floor)
    }

    /// One more round, on this thread.
    ///
    /// # Errors
    /// When a signature is found wrong, which would be a bug here.
    pub fn measure(&mut self) -> Result<(), Error> {
        let start = thread_cpu_time();
        for _ in 0..UNITS_PER_ROUND {
            self.unit()?;
        }
        self.rounds.push((thread_cpu_time() - start) / UNITS_PER_ROUND);
        Ok(())
    }

    pub fn summary(&self) -> FloorSummary {
        let mut sorted: Vec<f64> = self.rounds.iter().map(|round| round.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        FloorSummary {
            best_ms: at(0),
            median_ms: at(sorted.len() / 2),
            worst_ms: at(sorted.len().saturating_sub(1)),
            rounds: sorted.len(),
        }
    }

    fn unit(&self) -> Result<(), Error> {
        for _ in 0..VERIFICATIONS {
            let mut point = [4; 65];
            decode(black_box(&self.x), &mut point[1..33])?;
            decode(black_box(&self.y), &mut point[33..])?;
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
                .verify(black_box(&MESSAGE), &self.signature)?;
        }
        black_box(self.issuer_key.sign(&self.random, black_box(&MESSAGE))?);
        Ok(())
    }
}

fn decode(coordinate: &str, into: &mut [u8]) -> Result<(), Error> {
    URL_SAFE_NO_PAD.decode_slice_unchecked(coordinate, into).map(drop).map_err(|_| Error::Crypto)
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_costs_time_and_the_best_is_no_worse_than_the_median() {
        let mut floor = Floor::new().unwrap();
        for _ in 0..3 {
            floor.measure().unwrap();
        }
        let summary = floor.summary();
        assert!(summary.best_ms > 0.0);
        assert!(summary.best_ms <= summary.median_ms && summary.median_ms <= summary.worst_ms);
        assert_eq!(summary.rounds, 3);
    }
}
