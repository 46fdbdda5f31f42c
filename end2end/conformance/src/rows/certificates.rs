//! Rows 120–122: certificates (RFC 8555 §7.4.2).

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::admin::PlaceKind;
use crate::exchange::Answer;
use crate::finding::{Verdict, not_applicable};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    120 "certificate" => "application/pem-certificate-chain, the leaf first, no text",
        "RFC 8555 §7.4.2: a chain in PEM, the leaf first; §9.1: no text beside the certificates", row_120_download;
    121 "alternate chains" => "one Link with rel=\"alternate\" a line each",
        "RFC 8555 §7.4.2: Link with rel=alternate for each other chain", row_121_alternates;
    122 "certificate of another account" => "403 or 404", "policy (RFC 8555 §10.5)", row_122_foreign;
}

async fn row_120_download(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r120");
    let issued = acme.issue(&person, &[&name]).await?;
    let answer = &issued.download;
    let kind = answer.content_type() == "application/pem-certificate-chain";
    probe.must("", answer, kind, "application/pem-certificate-chain");
    let text = answer.text();
    let mut inside = false;
    let only_pem = text.lines().all(|line| {
        let begins = line == "-----BEGIN CERTIFICATE-----";
        let ends = line == "-----END CERTIFICATE-----";
        let fits = begins || inside || line.is_empty();
        inside = (inside || begins) && !ends;
        fits
    });
    probe.must("", answer, only_pem && text.is_ascii(), "certificates and nothing else");
    chained(probe, answer);
    let leaf = X509Certificate::from_der(&issued.leaf);
    let names = leaf.ok().and_then(|(_, leaf)| {
        let names = leaf.subject_alternative_name().ok()??;
        Some(names.value.general_names.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let named = names.as_deref() == Some(&[format!("DNSName({name})")][..]);
    probe.must("", answer, named, &format!("a leaf for {name}"));
    let again = acme.read(&person, &issued.certificate_url).await?;
    probe.must("read again", &again, again.body == answer.body, "the same chain");
    Ok(())
}

/// Each certificate is signed by the next.
fn chained(probe: &Probe<'_>, answer: &Answer) {
    let all: Vec<_> = CertificateDer::pem_slice_iter(&answer.body).filter_map(Result::ok).collect();
    let parsed: Vec<_> =
        all.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, parsed)| parsed).collect();
    probe.must("", answer, !parsed.is_empty() && parsed.len() == all.len(), "certificates");
    let linked = parsed.windows(2).all(|pair| pair[0].verify_signature(Some(pair[1].public_key())).is_ok());
    probe.must("", answer, linked, "each certificate signed by the next");
    let is_ca = parsed.first().is_some_and(|leaf| leaf.is_ca());
    probe.must("", answer, !is_ca, "the leaf first");
}

async fn row_121_alternates(probe: &Probe<'_>) -> Verdict {
    let own = probe.fixture.issued.as_ref().and_then(|issued| issued.download.link("alternate"));
    let acme = match own {
        Some(_) => probe.acme.clone(),
        None => probe.at(PlaceKind::Alternates).await?,
    };
    let person = acme.new_account().await?;
    let issued = acme.issue(&person, &[&acme.new_name("r121")]).await?;
    let lines: Vec<&str> = issued.download.lines("link").filter(|line| line.contains("alternate")).collect();
    if lines.is_empty() {
        return not_applicable("the server has no alternate chain for this certificate");
    }
    let apart = lines.iter().all(|line| line.matches("rel=").count() == 1);
    probe.policy("", &issued.download, apart, "each link on a line of its own");
    for link in issued.download.links().iter().filter(|link| link.relation == "alternate") {
        probe.must("", &issued.download, link.url.starts_with("https://"), "absolute URLs");
        let other = acme.read(&person, &link.url).await?;
        probe.must("alternate", &other, other.status == 200, "200");
        let leaf = CertificateDer::pem_slice_iter(&other.body).next().and_then(Result::ok);
        probe.must("alternate", &other, leaf.as_ref() == Some(&issued.leaf), "the same leaf");
        probe.must("alternate", &other, other.body != issued.download.body, "another chain");
        chained(probe, &other);
    }
    Ok(())
}

async fn row_122_foreign(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (owner, other) = (acme.new_account().await?, acme.new_account().await?);
    let issued = acme.issue(&owner, &[&acme.new_name("r122")]).await?;
    let answer = acme.read(&other, &issued.certificate_url).await?;
    probe.policy("", &answer, matches!(answer.status, 403 | 404), "403 or 404");
    Ok(())
}
