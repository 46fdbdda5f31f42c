use aws_lc_rs::digest;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use model::Entropy;
use zeroize::Zeroizing;

/// The text of a new API key: a prefix by which secret scanners know it, and 256 random bits.
pub struct ApiKeyText(Zeroizing<String>);

impl ApiKeyText {
    pub const PREFIX: &'static str = "certctl_";

    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut random = Zeroizing::new([0u8; 32]);
        entropy.fill(random.as_mut_slice());
        Self(Zeroizing::new(format!("{}{}", Self::PREFIX, hex::encode(random.as_slice()))))
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

/// What is stored of a key and what it is looked up by. A lookup by hash tells nothing about other keys by its
/// time, as a comparison of texts would.
pub fn hash(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}

/// The bearer token of a request (RFC 6750 §2.1), if it has one.
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
