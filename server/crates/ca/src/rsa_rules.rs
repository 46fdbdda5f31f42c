//! Weak RSA moduli that the modulus itself gives away.

/// Why a modulus is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// Divisible by a prime below 752 (the search that NIST SP 800-89 §5.3.3 suggests).
    SmallFactor,
    /// Made by the faulty generator of CVE-2017-15361 (ROCA), so it can be factored.
    Roca,
}

/// `modulus`: big-endian magnitude.
pub(crate) fn weakness(modulus: &[u8]) -> Option<Weakness> {
    if modulus.last().is_none_or(|b| b & 1 == 0) {
        return Some(Weakness::SmallFactor);
    }
    let mut roca = true;
    // The long division is the cost. Three primes share one: their product still fits 32 bits.
    for primes in ODD_PRIMES.chunks(3) {
        let product: u64 = primes.iter().product();
        let rest = remainder(modulus, product);
        for &p in primes {
            let rest = rest % p;
            if rest == 0 {
                return Some(Weakness::SmallFactor);
            }
            if roca && p <= LAST_ROCA_PRIME {
                roca = is_power_of_65537(rest, p);
            }
        }
    }
    roca.then_some(Weakness::Roca)
}

/// The faulty primes are `k·M + (65537^a mod M)`, where M is the product of the first primes. So is their product,
/// modulo each of those primes, a power of 65537: by chance about one modulus in 2^27 looks like that.
const LAST_ROCA_PRIME: u64 = 167;

fn is_power_of_65537(x: u64, p: u64) -> bool {
    let mut power = 1;
    loop {
        if power == x {
            return true;
        }
        power = power * (65_537 % p) % p;
        // 65537 ≡ 0 for no prime in the list, so the powers come back to 1.
        if power == 1 {
            return false;
        }
    }
}

/// `divisor` < 2^32.
fn remainder(modulus: &[u8], divisor: u64) -> u64 {
    modulus
        .chunks(4)
        .fold(0, |rest, chunk| chunk.iter().fold(rest, |n, b| (n << 8) | u64::from(*b)) % divisor)
}

const ODD_PRIMES: [u64; 132] = odd_primes();

const fn odd_primes() -> [u64; 132] {
    let mut primes = [0; 132];
    let mut found = 0;
    let mut candidate = 3;
    while found < primes.len() {
        let mut i = 0;
        while i < found && candidate % primes[i] != 0 {
            i += 1;
        }
        if i == found {
            primes[found] = candidate;
            found += 1;
        }
        candidate += 2;
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primes_end_at_751() {
        assert_eq!(ODD_PRIMES[..4], [3, 5, 7, 11]);
        assert_eq!(ODD_PRIMES[131], 751);
        assert!(ODD_PRIMES.windows(3).all(|w| w[0] * w[1] * w[2] < 1 << 32));
    }

    #[test]
    fn small_factors_are_found() {
        // 2^61 - 1 is prime; 7 and 751 times it are not.
        let prime = (1u64 << 61) - 1;
        assert_eq!(weakness(&prime.to_be_bytes()), None);
        assert_eq!(weakness(&(prime - 1).to_be_bytes()), Some(Weakness::SmallFactor));
        for factor in [7u128, 751] {
            let n = u128::from(prime) * factor;
            assert_eq!(weakness(&n.to_be_bytes()), Some(Weakness::SmallFactor), "{factor}");
        }
    }

    #[test]
    fn the_pattern_of_the_faulty_generator_is_found() {
        // 65537 itself is a power of 65537 modulo every prime; 65539 is not, modulo 11.
        assert_eq!(weakness(&65_537u32.to_be_bytes()), Some(Weakness::Roca));
        assert_eq!(weakness(&65_539u32.to_be_bytes()), None);
    }
}
