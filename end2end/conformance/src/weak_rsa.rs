//! An RSA key of 1024 bits, which no library makes any more, to see that servers reject it.
//!
//! The modulus is a well-known prime (the second Oakley group, RFC 2409 §6.2) instead of a product of two: signatures
//! verify as usual, and there is no secret in it.

use aws_lc_rs::digest;
use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use serde_json::{Value, json};

use crate::acme::b64;

const MODULUS: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74\
                       020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437\
                       4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed\
                       ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";
const EXPONENT: u64 = 65537;
const LIMBS: usize = 32;
/// DigestInfo of SHA-256 (RFC 8017 §9.2, note 1).
const DIGEST_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A number of 1024 bits, the least significant limb first.
type Number = [u32; LIMBS];

/// The key.
#[derive(Debug)]
pub struct WeakRsa {
    modulus: Number,
    /// The private exponent: what undoes the public one modulo p - 1.
    private: Number,
    /// RSAPublicKey (RFC 8017 §A.1.1).
    der: Vec<u8>,
}

impl WeakRsa {
    pub fn new() -> Self {
        let octets = hex::decode(MODULUS).unwrap_or_default();
        let modulus = from_octets(&octets);
        let mut order = modulus;
        order[0] -= 1;
        let integer = [&[0x02, 0x81, 0x81, 0x00], &octets[..]].concat();
        let der = [&[0x30, 0x81, 0x89], &integer[..], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        Self { modulus, private: inverse_of_exponent(&order), der }
    }

    pub fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "e": b64([1, 0, 1]), "n": b64(to_octets(&self.modulus)) })
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
    pub fn sign_pkcs1(&self, message: &[u8]) -> Vec<u8> {
        let digest = digest::digest(&digest::SHA256, message);
        let info = [DIGEST_INFO, digest.as_ref()].concat();
        let filler = vec![0xff; 4 * LIMBS - 3 - info.len()];
        let encoded = [&[0, 1], &filler[..], &[0], &info[..]].concat();
        to_octets(&self.power(&from_octets(&encoded), &self.private))
    }

    fn power(&self, base: &Number, exponent: &Number) -> Number {
        let mut result = [0; LIMBS];
        result[0] = 1;
        for bit in (0..32 * LIMBS).rev() {
            result = self.product(&result, &result);
            if exponent[bit / 32] >> (bit % 32) & 1 == 1 {
                result = self.product(&result, base);
            }
        }
        result
    }

    /// By doubling and adding: slow, and short.
    fn product(&self, a: &Number, b: &Number) -> Number {
        let mut sum = [0; LIMBS];
        for bit in (0..32 * LIMBS).rev() {
            sum = self.sum(&sum, &sum);
            if b[bit / 32] >> (bit % 32) & 1 == 1 {
                sum = self.sum(&sum, a);
            }
        }
        sum
    }

    /// The sum of two numbers below the modulus.
    fn sum(&self, a: &Number, b: &Number) -> Number {
        let mut sum = [0; LIMBS];
        let mut carry = 0u64;
        for (index, limb) in sum.iter_mut().enumerate() {
            carry += u64::from(a[index]) + u64::from(b[index]);
            (*limb, carry) = (low(carry), carry >> 32);
        }
        let mut reduced = [0; LIMBS];
        let mut borrow = 0i64;
        for (index, limb) in reduced.iter_mut().enumerate() {
            let difference = i64::from(sum[index]) - i64::from(self.modulus[index]) + borrow;
            (*limb, borrow) = (low(difference.rem_euclid(1 << 32).unsigned_abs()), difference >> 32);
        }
        if carry == 1 || borrow == 0 { reduced } else { sum }
    }
}

/// d with d · 65537 ≡ 1 modulo `order`: (k · order + 1) / 65537 for the one k below 65537 that makes it whole.
fn inverse_of_exponent(order: &Number) -> Number {
    let rest = order.iter().rev().fold(0, |rest, limb| ((rest << 32) + u64::from(*limb)) % EXPONENT);
    let k = (1..EXPONENT).find(|k| (k * rest + 1).is_multiple_of(EXPONENT)).unwrap_or_default();
    let mut product = [0u32; LIMBS + 1];
    let mut carry = 1;
    for (index, limb) in product.iter_mut().enumerate() {
        carry += k * order.get(index).copied().map_or(0, u64::from);
        (*limb, carry) = (low(carry), carry >> 32);
    }
    let mut quotient = [0; LIMBS];
    let mut rest = 0;
    for index in (0..=LIMBS).rev() {
        let part = (rest << 32) + u64::from(product[index]);
        rest = part % EXPONENT;
        if let Some(limb) = quotient.get_mut(index) {
            *limb = low(part / EXPONENT);
        }
    }
    quotient
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low(value: u64) -> u32 {
    value as u32
}

fn from_octets(octets: &[u8]) -> Number {
    let mut number = [0; LIMBS];
    for (limb, chunk) in number.iter_mut().zip(octets.rchunks(4)) {
        *limb = chunk.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet));
    }
    number
}

fn to_octets(number: &Number) -> Vec<u8> {
    number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect()
}

impl PublicKeyData for WeakRsa {
    fn der_bytes(&self) -> &[u8] {
        &self.der
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for WeakRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.sign_pkcs1(message))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents};

    use super::*;

    #[test]
    fn signatures_verify_elsewhere() {
        let key = WeakRsa::new();
        let public = RsaPublicKeyComponents { n: to_octets(&key.modulus), e: vec![1, 0, 1] };
        let signature = key.sign_pkcs1(b"text");
        public
            .verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, b"text", &signature)
            .expect("verifies");
    }
}
