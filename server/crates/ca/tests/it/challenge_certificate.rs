use ca::{AcmeIdentifier, AltName, ChallengeCertificate};
use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};

fn certificate(names: Vec<SanType>, extensions: Vec<CustomExtension>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.custom_extensions = extensions;
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn acme_identifier(content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 31], content.to_vec());
    extension.set_criticality(true);
    extension
}

#[test]
fn all_names_and_the_digest_are_read() {
    let names = vec![
        SanType::DnsName("A.Example".try_into().unwrap()),
        SanType::IpAddress("192.0.2.1".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
        SanType::Rfc822Name("a@example".try_into().unwrap()),
    ];
    let der = certificate(names, vec![CustomExtension::new_acme_identifier(&[7; 32])]);
    let read = ChallengeCertificate::parse(&der).unwrap();
    assert_eq!(
        read.names,
        [
            AltName::Dns("a.example".into()),
            AltName::Ip("192.0.2.1".parse().unwrap()),
            AltName::Ip("2001:db8::1".parse().unwrap()),
            AltName::Other,
        ]
    );
    assert_eq!(read.acme_identifier, Some(AcmeIdentifier { critical: true, digest: [7; 32] }));
}

#[test]
fn a_certificate_may_have_neither() {
    let read = ChallengeCertificate::parse(&certificate(Vec::new(), Vec::new())).unwrap();
    assert_eq!((read.names, read.acme_identifier), (Vec::new(), None));
}

#[test]
fn an_extension_that_is_not_its_own_is_refused() {
    let digest = [&[4, 32][..], &[7; 32]].concat();
    let good = acme_identifier(&digest);
    assert!(ChallengeCertificate::parse(&certificate(Vec::new(), vec![good.clone()])).is_ok());
    for bad in [
        vec![acme_identifier(&[7; 32])],
        vec![acme_identifier(&[&[4, 31][..], &[7; 31]].concat())],
        vec![acme_identifier(&[&digest[..], &[0]].concat())],
        vec![acme_identifier(&[])],
        vec![good.clone(), good],
    ] {
        assert!(ChallengeCertificate::parse(&certificate(Vec::new(), bad)).is_err());
    }
    assert!(ChallengeCertificate::parse(b"no certificate").is_err());
}
