//! What the certificates above a leaf say (RFC 5280 §4.2.1.10): [`ca::CaSigner::load`] and `refusal`. An input is the
//! value of a nameConstraints extension, which is put into a root certificate.

use ca::CaSigner;
use model::{DnsName, Identifier};

use crate::{der, keys};

pub fn check(octets: &[u8]) {
    let Ok(signer) = CaSigner::load(vec![root(octets)], &keys::pkcs8()) else { return };
    assert!(der::content(octets).is_some(), "what is accepted is one value");
    let refused = |id: &Identifier| {
        let refusal = signer.refusal(id);
        assert_eq!(signer.refusal(id), refusal);
        refusal.is_some()
    };

    // The names that are in the constraints are those for which they matter.
    let bases = octets
        .split(|octet| !octet.is_ascii_alphanumeric() && !b".-".contains(octet))
        .filter_map(|run| std::str::from_utf8(run).ok())
        .chain(["a.example", "localhost"]);
    let names = bases.flat_map(|base| {
        let base = base.trim_matches('.');
        [base.to_owned(), format!("x.{base}"), format!("*.{base}"), format!("*.x.{base}")]
    });
    for name in names.filter_map(|name| DnsName::parse(&name).ok()).take(100) {
        let id = Identifier::Dns(name.clone());
        if !name.is_wildcard() || refused(&id) {
            continue;
        }
        // What a wildcard may stand for may be certified alone.
        for label in octets.split(|octet| !octet.is_ascii_alphanumeric()).chain([&b"x"[..]]) {
            let label = String::from_utf8_lossy(label);
            if let Ok(one) = DnsName::parse(&format!("{label}.{}", name.base())) {
                assert!(!refused(&Identifier::Dns(one.clone())), "{name} may be certified, {one} may not");
            }
        }
    }
    let v4 = octets.windows(4).filter_map(|o| <[u8; 4]>::try_from(o).ok()).map(std::net::IpAddr::from);
    let v6 = octets.windows(16).filter_map(|o| <[u8; 16]>::try_from(o).ok()).map(std::net::IpAddr::from);
    for address in v4.chain(v6).take(100) {
        refused(&Identifier::Ip(address));
        assert!(!signer.allows_common_name(&address.to_string()));
    }
    if signer.allows_common_name("a.example") {
        assert!(signer.allows_common_name("b.example"), "it is the form that counts");
    }
}

/// A root with these nameConstraints.
fn root(name_constraints: &[u8]) -> Vec<u8> {
    let attribute = der::value(0x30, &[b"\x06\x03\x55\x04\x03", &der::value(0x0c, &[b"Properties"])]);
    let name = der::value(0x30, &[&der::value(0x31, &[&attribute])]);
    let times = [&b"260101000000Z"[..], b"360101000000Z"].map(|time| der::value(0x17, &[time]));
    let basic_constraints =
        der::value(0x30, &[b"\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff"]);
    let name_constraints =
        der::value(0x30, &[b"\x06\x03\x55\x1d\x1e\x01\x01\xff", &der::value(0x04, &[name_constraints])]);
    let info = der::value(
        0x30,
        &[
            b"\xa0\x03\x02\x01\x02\x02\x01\x01",
            keys::ED25519,
            &name,
            &der::value(0x30, &[&times[0], &times[1]]),
            &name,
            &keys::spki(),
            &der::value(0xa3, &[&der::value(0x30, &[&basic_constraints, &name_constraints])]),
        ],
    );
    keys::signed(&info)
}
