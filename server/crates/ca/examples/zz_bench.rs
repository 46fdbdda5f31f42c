use ca::*;
use model::*;
use std::time::{Duration, Instant};
fn main() {
    let now = SystemClock.now();
    let ids = [Identifier::parse_any("a.example").unwrap(), Identifier::parse_any("b.example").unwrap()];
    let (p, k) = generate_key(CaKeyAlgorithm::EcdsaP256).unwrap();
    let csr = create_csr(&p, &ids).unwrap();
    let (rp, _) = generate_key(CaKeyAlgorithm::Rsa3072).unwrap();
    let rcsr = create_csr(&rp, &ids).unwrap();
    let (s, _) =
        CaSigner::generate("x", CaKeyAlgorithm::EcdsaP256, Duration::from_secs(86400), now, &SystemEntropy)
            .unwrap();
    let t = |n: &str, f: &dyn Fn()| {
        for _ in 0..200 {
            f()
        }
        let i = Instant::now();
        for _ in 0..5000 {
            f()
        }
        println!("{n} {:?}", i.elapsed() / 5000);
    };
    t("sign", &|| {
        s.sign_leaf(&LeafRequest {
            serial: Serial::generate(now, &SystemEntropy),
            subject_key: &k,
            identifiers: &ids,
            common_name: None,
            not_before: now,
            not_after: now + Duration::from_secs(60),
            extended_key_usages: &[ExtendedKeyUsage::ServerAuth],
            must_staple: false,
        })
        .unwrap();
    });
    t("csr p256", &|| {
        Csr::parse(&csr).unwrap().check_names(&ids).unwrap();
    });
    t("csr rsa3072", &|| {
        Csr::parse(&rcsr).unwrap();
    });
    t("spki p256", &|| {
        SubjectKey::parse(&k.spki_der).unwrap();
    });
}
