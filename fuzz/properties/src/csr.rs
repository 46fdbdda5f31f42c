//! Certification requests: [`ca::Csr`]. An input is taken as it is, and once more with a key and a signature that are
//! good: no other input gets past the signature.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use ca::{
    AltName, CaKeyAlgorithm, CaSigner, ChallengeCertificate, Csr, CsrError, LeafRequest, Serial, SubjectKey,
};
use model::{DnsName, ExtendedKeyUsage, Identifier, SystemEntropy, Timestamp};

use crate::{der, keys};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

static ISSUER: LazyLock<CaSigner> = LazyLock::new(|| {
    CaSigner::generate("Properties", CaKeyAlgorithm::Ed25519, 90 * DAY, NOW, &SystemEntropy)
        .expect("a root can be made")
        .0
});

pub fn check(octets: &[u8]) {
    parse(octets);
    if let Some(signed) = signed_anew(octets) {
        parse(&signed);
    }
}

/// The request with another key and the signature of that.
fn signed_anew(octets: &[u8]) -> Option<Vec<u8>> {
    let info = *der::split(der::content(octets)?)?.first()?;
    let mut fields = der::split(der::content(info)?)?;
    let spki = keys::spki();
    *fields.get_mut(2)? = &spki;
    Some(keys::signed(&der::value(*info.first()?, &fields)))
}

fn parse(octets: &[u8]) {
    let csr = match Csr::parse(octets) {
        Ok(csr) => csr,
        Err(refusal) => return assert_short(&refusal),
    };
    assert_eq!(csr.sha256(), ca::sha256(octets));
    assert_eq!(csr.sha256_hex(), ca::sha256_hex(octets));
    assert_eq!(SubjectKey::parse(csr.subject_key().spki_der()).as_ref(), Ok(csr.subject_key()));
    let named: BTreeSet<Identifier> = csr.names().cloned().collect();
    assert_eq!(named.len(), csr.names().count());
    for name in &named {
        assert_eq!(Identifier::parse(name.kind(), &name.value()).as_ref(), Ok(name));
    }

    let order: Vec<Identifier> = match csr.common_name().map(Identifier::parse_any) {
        None => named.iter().cloned().collect(),
        Some(Ok(name)) => named.iter().cloned().chain([name]).collect::<BTreeSet<_>>().into_iter().collect(),
        Some(Err(_)) => {
            let refusal = csr.check_names(&named.into_iter().collect::<Vec<_>>()).unwrap_err();
            assert!(matches!(refusal, CsrError::CommonName(_)), "{refusal}");
            return assert_short(&refusal);
        }
    };
    let common_name = csr.check_names(&order).expect("these are its names");
    if let Some(common_name) = &common_name {
        assert!(common_name.len() <= 64);
        assert!(order.iter().any(|id| id.value() == *common_name));
    }
    let reversed: Vec<Identifier> = order.iter().rev().cloned().collect();
    assert_eq!(csr.check_names(&reversed).as_ref(), Ok(&common_name), "the order's order means nothing");

    let stranger = Identifier::Dns(DnsName::parse("not-in-the-request.invalid").expect("a good name"));
    if !order.contains(&stranger) {
        let more = [&order[..], &[stranger]].concat();
        assert_short(&csr.check_names(&more).expect_err("it lacks a name of the order"));
    }
    if let Some((_, less)) = order.split_first() {
        assert_short(&csr.check_names(less).expect_err("it has a name beyond the order"));
        issue(&csr, &order, common_name.as_deref());
    }
}

/// Certificates are about what was asked for.
fn issue(csr: &Csr, order: &[Identifier], common_name: Option<&str>) {
    let leaf = ISSUER
        .sign_leaf(&LeafRequest {
            serial: Serial::generate(NOW, &SystemEntropy),
            subject_key: csr.subject_key(),
            identifiers: order,
            common_name,
            not_before: NOW,
            not_after: NOW + DAY,
            extended_key_usages: &[ExtendedKeyUsage::ServerAuth],
            must_staple: false,
        })
        .expect("a request that is accepted can be granted");
    assert_eq!(ca::certificate_spki(&leaf.der).as_deref(), Ok(csr.subject_key().spki_der()));
    let named = ChallengeCertificate::parse(&leaf.der).expect("a readable certificate").names;
    let expected = order.iter().map(|id| match id {
        Identifier::Dns(name) => AltName::Dns(name.as_str().to_owned()),
        Identifier::Ip(address) => AltName::Ip(*address),
    });
    assert!(named.iter().cloned().eq(expected), "{order:?} became {named:?}");
}

/// A problem document is for people: it may quote the request, but not the whole of it.
fn assert_short(refusal: &CsrError) {
    let text = refusal.to_string();
    assert!(text.len() <= 8 * 1024, "a refusal of {} octets", text.len());
}
