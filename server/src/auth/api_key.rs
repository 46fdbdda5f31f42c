use aws_lc_rs::digest;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use model::Entropy;
use zeroize::Zeroizing;

/// The text of an API key. A new one is [`Self::PREFIX`], by which secret scanners know it, 256 random bits in 43 digits
/// of base 62, and in 6 more of them the CRC-32 of all that stands before. So a scanner can tell a leaked key from a
/// text that looks like one, and a mistyped key is refused before anybody looks for it.
pub struct ApiKeyText(Zeroizing<String>);

impl ApiKeyText {
    pub const PREFIX: &'static str = "certctl_";

    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut random = Zeroizing::new([0u8; 32]);
        entropy.fill(random.as_mut_slice());
        let body = Zeroizing::new(format!(
            "{}{}",
            Self::PREFIX,
            base62::<RANDOM_DIGITS>(random.as_slice()).as_str()
        ));
        Self(Zeroizing::new(format!("{}{}", body.as_str(), checksum(&body))))
    }

    /// A key that the operator chose (`CERTCTL_BOOTSTRAP_API_KEY`).
    pub fn chosen(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(API key)")
    }
}

/// Of 256 bits: 62^43 > 2^256.
const RANDOM_DIGITS: usize = 43;
/// Of 32 bits: 62^6 > 2^32.
const CHECKSUM_DIGITS: usize = 6;

/// Whether somebody may have been given this text as a key. It has the form of a new key only with the right checksum;
/// keys from before (64 hexadecimal digits) and those that an operator chose have another form, of which nothing is
/// known but that it is not short.
pub fn is_plausible(text: &str) -> bool {
    if text.len() < MIN_CHOSEN_LENGTH {
        return false;
    }
    let digits = text.strip_prefix(ApiKeyText::PREFIX).unwrap_or_default();
    let is_new_form =
        digits.len() == RANDOM_DIGITS + CHECKSUM_DIGITS && digits.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_new_form {
        return true;
    }
    let (body, found) = text.split_at(text.len() - CHECKSUM_DIGITS);
    found == checksum(body)
}

/// Shorter keys cannot be chosen.
pub const MIN_CHOSEN_LENGTH: usize = 20;

fn checksum(body: &str) -> String {
    base62::<CHECKSUM_DIGITS>(&crc32fast::hash(body.as_bytes()).to_be_bytes()).to_string()
}

/// `bytes`, the most significant first, as `N` digits of base 62 (0-9, A-Z, a-z). They must fit.
fn base62<const N: usize>(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut digits = Zeroizing::new([0u8; N]);
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u32;
        for byte in number.iter_mut() {
            let value = rest << 8 | u32::from(*byte);
            // The rest was below 62, so the quotient fits.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    Zeroizing::new(digits.iter().map(|digit| char::from(*digit)).collect())
}

/// What is stored of a key and what it is looked up by. A lookup by hash tells nothing about other keys by its
/// time, as a comparison of texts would.
pub fn hash(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}

/// The name under which a secret or token that is good once is redeemed in the store: half of its hash.
pub fn nonce_id(text: &str) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash(text)[..16]);
    out
}

/// The bearer token of a request (RFC 6750 §2.1), if it has one.
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the same octet for ever.
    #[derive(Debug)]
    struct Octet(u8);

    impl Entropy for Octet {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn keys_have_a_fixed_form_and_a_checksum() {
        // The digits and the CRC were made by another program.
        let zeros = format!("certctl_{}", "0".repeat(43));
        let key = ApiKeyText::generate(&Octet(0));
        assert_eq!(key.expose(), format!("{zeros}3Hy7HP"));
        let key = ApiKeyText::generate(&Octet(0xff));
        assert_eq!(key.expose()[..51], *"certctl_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    }

    #[test]
    fn every_changed_digit_is_noticed() {
        let key = ApiKeyText::generate(&model::SystemEntropy);
        let text = key.expose();
        assert!(is_plausible(text));
        for i in ApiKeyText::PREFIX.len()..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[i] = if changed[i] == b'x' { b'y' } else { b'x' };
            assert!(!is_plausible(std::str::from_utf8(&changed).unwrap()), "digit {i} of {text}");
        }
        assert!(!is_plausible("certctl_short"));
    }

    #[test]
    fn keys_of_other_forms_stay_possible() {
        let before = format!("certctl_{}", "0123456789abcdef".repeat(4));
        for text in [before.as_str(), "an operator's own long text", "certctl_chosen-by-the-operator"] {
            assert!(is_plausible(text), "{text}");
        }
    }
}
