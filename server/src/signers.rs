//! The CAs that can sign now, by issuer.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca::CaSigner;
use model::IssuerId;

/// Loaded once at the start; a CA changes with a restart only.
#[derive(Debug, Default)]
pub struct Signers(BTreeMap<IssuerId, Arc<CaSigner>>);

impl Signers {
    pub fn new(signers: impl IntoIterator<Item = (IssuerId, CaSigner)>) -> Self {
        Self(signers.into_iter().map(|(id, signer)| (id, Arc::new(signer))).collect())
    }

    pub fn signer(&self, id: &IssuerId) -> Option<&Arc<CaSigner>> {
        self.0.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&IssuerId, &Arc<CaSigner>)> {
        self.0.iter()
    }
}
