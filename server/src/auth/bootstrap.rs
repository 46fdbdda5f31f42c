use subtle::ConstantTimeEq;

use super::api_key::hash;

/// The operator's token that makes the first administrator (`CERTCTL_BOOTSTRAP_TOKEN`), as a hash.
#[derive(Debug)]
pub struct BootstrapToken {
    sha256: [u8; 32],
}

impl BootstrapToken {
    pub fn new(text: &str) -> Self {
        Self { sha256: hash(text) }
    }

    /// Takes as long whatever was presented: hashes are compared, in constant time.
    pub fn is(&self, presented: &str) -> bool {
        hash(presented).ct_eq(&self.sha256).into()
    }

    /// Names this token and no other. It is the hash of a hash, so what is stored is of no use as a token, nor for a
    /// comparison with one.
    pub fn fingerprint(&self) -> String {
        hex::encode(hash(&hex::encode(self.sha256)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_other() {
        let token = BootstrapToken::new("the right token");
        assert!(token.is("the right token"));
        for other in ["", "the right toke", "the right token ", &token.fingerprint()] {
            assert!(!token.is(other), "{other}");
        }
        assert_ne!(token.fingerprint(), BootstrapToken::new("another token").fingerprint());
    }
}
