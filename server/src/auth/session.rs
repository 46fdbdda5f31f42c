use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Entropy, Rights};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What the cookie of a session holds: 128 random bits, of which only the hash is stored.
#[derive(Clone)]
pub struct SessionSecret(Zeroizing<[u8; 16]>);

impl SessionSecret {
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 16]);
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn bytes(&self) -> [u8; 16] {
        *self.0
    }

    pub fn sha256(&self) -> [u8; 32] {
        digest(|context| context.update(self.0.as_slice()))
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(session secret)")
    }
}

/// A text of 256 random bits, for URLs and forms.
pub fn random_token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether `given` is the secret `expected`; the time taken tells nothing but a difference in length.
pub fn is_same_secret(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

/// Tells whether rights are still the same: equal for equal rights, however the grants are ordered.
pub fn rights_digest(rights: &Rights) -> String {
    let mut parts: Vec<String> = rights.everywhere().iter().map(|p| p.to_string()).collect();
    for (profiles, permissions) in rights.within() {
        for permission in permissions.iter() {
            parts.extend(profiles.iter().map(|profile| format!("{permission}@{profile}")));
        }
    }
    parts.sort_unstable();
    parts.dedup();
    let sum = digest(|context| parts.iter().for_each(|part| context.update(format!("{part}\n").as_bytes())));
    URL_SAFE_NO_PAD.encode(sum)
}

fn digest(feed: impl FnOnce(&mut Context)) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    feed(&mut context);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use model::{Permission, Permissions, SystemEntropy};

    use super::*;

    #[test]
    fn the_digest_follows_the_rights_and_not_the_order_of_grants() {
        let a = ["a".parse().unwrap()];
        let b = ["b".parse().unwrap()];
        let of = |grants: &[(&[Permission], &[model::ProfileId])]| {
            let mut rights = Rights::none();
            for (permissions, profiles) in grants {
                rights.add(Permissions::of(permissions), profiles);
            }
            rights_digest(&rights)
        };
        let read: &[_] = &[Permission::ProfileRead];
        let edit: &[_] = &[Permission::ProfileEdit];
        assert_eq!(of(&[(read, &a), (edit, &b)]), of(&[(edit, &b), (read, &a)]));
        assert_eq!(of(&[(read, &a), (read, &a)]), of(&[(read, &a)]));
        let all = [of(&[]), of(&[(read, &[])]), of(&[(read, &a)]), of(&[(read, &b)]), of(&[(edit, &a)])];
        for (i, one) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|other| other != one), "{i}");
        }
    }

    #[test]
    fn secrets_are_shown_nowhere_and_compared_whole() {
        let secret = SessionSecret::generate(&SystemEntropy);
        assert_eq!(format!("{secret:?}"), "(session secret)");
        assert_eq!(SessionSecret::from_bytes(secret.bytes()).sha256(), secret.sha256());
        assert_ne!(SessionSecret::generate(&SystemEntropy).sha256(), secret.sha256());
        let token = random_token(&SystemEntropy);
        assert_eq!(token.len(), 43);
        assert!(is_same_secret(&token, &token.clone()));
        for other in ["", &token[1..], "x"] {
            assert!(!is_same_secret(other, &token));
        }
    }
}
