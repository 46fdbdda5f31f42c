//! Rows 104–110: what the server looks at when it validates (RFC 8555 §8, RFC 8737, RFC 8738, RFC 8659).

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;
use testkit::acme::Key;

use super::challenges::{Pending, error_of, of_kind};
use crate::acme::b64;
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight, not_applicable};
use crate::flow::text_of;
use crate::probe::Probe;
use crate::responder::{Dns, Fault, Http01, Kind, Page, Shape, TlsAlpn01};
use crate::responder::{challenge_path, key_authorization, sha256};
use crate::row::rows;

rows! {
    104 "wrong key authorization" => "incorrectResponse (Boulder: unauthorized)",
        "RFC 8555 §8.3, §8.4: the challenge fails; §6.7: incorrectResponse says that the response did not fit",
        row_104_wrong_answer;
    105 "refused; resolver fails; TLS alert" => "connection; dns; tls",
        "RFC 8555 §6.7: connection, dns and tls say what went wrong during validation", row_105_what_failed;
    106 "CAA forbids" => "caa", "RFC 8659 §3: a CA that CAA does not name must not issue; RFC 8555 §6.7: caa",
        row_106_caa;
    107 "http-01" => "port 80 of the name, redirects followed, trailing space trimmed, body capped",
        "RFC 8555 §8.3: a GET of the well-known path with the name as Host; redirects should be followed, white space at the end ignored",
        row_107_http01;
    108 "dns-01" => "any one TXT record that matches suffices",
        "RFC 8555 §8.4: the contents of one of the records are the digest", row_108_dns01;
    109 "tls-alpn-01" => "acme-tls/1, one name, critical extension; arpa name for an address",
        "RFC 8737 §3: one dNSName and a critical acmeIdentifier, over acme-tls/1; RFC 8738 §6: the arpa name",
        row_109_tls_alpn01;
    110 "target in a forbidden range" => "refused by policy, never connected to; no body echoed",
        "policy (RFC 8555 §10.4: servers should not be made to ask inside their own network)", row_110_forbidden;
}

fn http01<'p>(probe: &'p Probe<'_>) -> Verdict<&'p Http01> {
    let found = probe.responder()?.http01();
    found.map_or_else(|| not_applicable("needs --http01-port"), Ok)
}

fn dns<'p>(probe: &'p Probe<'_>) -> Verdict<&'p Dns> {
    let found = probe.responder()?.dns();
    found.map_or_else(|| not_applicable("needs --dns-port"), Ok)
}

fn tls<'p>(probe: &'p Probe<'_>) -> Verdict<&'p TlsAlpn01> {
    let found = probe.responder()?.tls_alpn01();
    found.map_or_else(|| not_applicable("needs --tlsalpn01-port"), Ok)
}

fn digest(pending: &Pending, token: &str) -> Vec<u8> {
    sha256(&key_authorization(token, &pending.person.key))
}

/// Holds a settled authorization against failure with one of these problems, the first being the best.
fn failed(probe: &Probe<'_>, case: &str, settled: &Answer, kind: Kind, problems: &[&str]) {
    let status = settled.json()["status"].clone();
    if !probe.must(case, settled, status != "valid", "an authorization that is not valid") {
        return;
    }
    probe.policy(case, settled, status == "invalid", "an invalid authorization");
    let error = error_of(&of_kind(settled, kind));
    let expected = format!("the problem {}", problems.join(" or "));
    probe.policy(case, settled, problems.contains(&error.as_str()), &expected);
}

fn succeeded(probe: &Probe<'_>, case: &str, settled: &Answer) -> bool {
    probe.must(case, settled, settled.json()["status"] == "valid", "a valid authorization")
}

async fn row_104_wrong_answer(probe: &Probe<'_>) -> Verdict {
    let others = ["incorrectResponse", "unauthorized"];
    let stranger = Key::new();
    if let Ok(http01) = http01(probe) {
        for case in ["another key", "the token alone", "nothing"] {
            let pending = Pending::order(probe, &probe.acme.new_name("r104")).await?;
            let challenge = pending.challenge(Kind::Http01)?;
            let token = text_of(&challenge, "token")?;
            let body = match case {
                "another key" => key_authorization(&token, &stranger),
                "the token alone" => token.clone(),
                _ => String::new(),
            };
            http01.serve(&challenge_path(&token), Page::Body(body.into_bytes()));
            let settled = pending.outcome(probe, &challenge).await?;
            failed(probe, &format!("http-01, {case}"), &settled, Kind::Http01, &others);
        }
    }
    if let Ok(dns) = dns(probe) {
        let pending = Pending::order(probe, &probe.acme.new_name("r104")).await?;
        let challenge = pending.challenge(Kind::Dns01)?;
        let token = text_of(&challenge, "token")?;
        let name = format!("_acme-challenge.{}", pending.name);
        // The key authorization itself instead of its digest.
        dns.add_txt(&name, &key_authorization(&token, &pending.person.key));
        dns.add_txt(&name, &b64(sha256(&key_authorization(&token, &stranger))));
        let settled = pending.outcome(probe, &challenge).await?;
        failed(probe, "dns-01, another key", &settled, Kind::Dns01, &others);
    }
    if let Ok(tls) = tls(probe) {
        let pending = Pending::order(probe, &probe.acme.new_name("r104")).await?;
        let challenge = pending.challenge(Kind::TlsAlpn01)?;
        let token = text_of(&challenge, "token")?;
        tls.serve(&pending.name, &sha256(&key_authorization(&token, &stranger)), Shape::Right);
        let settled = pending.outcome(probe, &challenge).await?;
        failed(probe, "tls-alpn-01, another key", &settled, Kind::TlsAlpn01, &others);
    }
    Ok(())
}

async fn row_105_what_failed(probe: &Probe<'_>) -> Verdict {
    let dns = dns(probe)?;
    if http01(probe).is_ok() {
        // Nothing listens there.
        let name = probe.acme.new_name("r105");
        dns.set_addresses(&name, &[IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))]);
        let pending = Pending::order(probe, &name).await?;
        let challenge = pending.challenge(Kind::Http01)?;
        let settled = pending.outcome(probe, &challenge).await?;
        failed(probe, "connection refused", &settled, Kind::Http01, &["connection"]);
    }
    // That there is no record may count as a wrong response as well.
    for (case, fault, problems) in [
        ("no such name", Fault::NoSuchName, &["dns", "incorrectResponse", "unauthorized"][..]),
        ("SERVFAIL", Fault::Broken, &["dns"]),
    ] {
        let name = probe.acme.new_name("r105");
        dns.set_fault(&name, fault);
        let pending = Pending::order(probe, &name).await?;
        let challenge = pending.challenge(Kind::Dns01)?;
        let settled = pending.outcome(probe, &challenge).await?;
        failed(probe, case, &settled, Kind::Dns01, problems);
    }
    if tls(probe).is_ok() {
        // A name without a certificate there: the handshake ends with an alert.
        let pending = Pending::order(probe, &probe.acme.new_name("r105")).await?;
        let challenge = pending.challenge(Kind::TlsAlpn01)?;
        let settled = pending.outcome(probe, &challenge).await?;
        failed(probe, "TLS alert", &settled, Kind::TlsAlpn01, &["tls"]);
    }
    Ok(())
}

async fn row_106_caa(probe: &Probe<'_>) -> Verdict {
    let identities = probe.acme.meta()["caaIdentities"].as_array().cloned().unwrap_or_default();
    let Some(own) = identities.first().and_then(Value::as_str) else {
        return not_applicable("the server advertises no caaIdentities: it does not take part in CAA");
    };
    let (dns, http01) = (dns(probe)?, http01(probe)?);
    for (case, issuer, above, allowed) in [
        ("another CA", "elsewhere.example", false, false),
        ("another CA for the domain above", "elsewhere.example", true, false),
        ("this CA", own, false, true),
    ] {
        let domain = probe.acme.new_name("r106");
        let name = if above { format!("host.{domain}") } else { domain.clone() };
        dns.set_caa(&domain, issuer);
        let pending = Pending::order(probe, &name).await?;
        let challenge = pending.challenge(Kind::Http01)?;
        let token = text_of(&challenge, "token")?;
        let answer = key_authorization(&token, &pending.person.key);
        http01.serve(&challenge_path(&token), Page::Body(answer.into_bytes()));
        let settled = pending.outcome(probe, &challenge).await?;
        if allowed {
            succeeded(probe, case, &settled);
            continue;
        }
        failed(probe, case, &settled, Kind::Http01, &["caa"]);
        let status = of_kind(&settled, Kind::Http01)["error"]["status"].clone();
        probe.policy(case, &settled, status == 403, "`status` 403 in the error");
    }
    Ok(())
}

async fn row_107_http01(probe: &Probe<'_>) -> Verdict {
    let http01 = http01(probe)?;
    let port = http01.port();
    for (case, demanded) in
        [("plain", true), ("white space at the end", false), ("redirects 301, 302, 307, 308", false)]
    {
        let pending = Pending::order(probe, &probe.acme.new_name("r107")).await?;
        let challenge = pending.challenge(Kind::Http01)?;
        let token = text_of(&challenge, "token")?;
        let path = challenge_path(&token);
        let answer = key_authorization(&token, &pending.person.key);
        match case {
            "plain" => http01.serve(&path, Page::Body(answer.into_bytes())),
            "white space at the end" => {
                http01.serve(&path, Page::Body(format!("{answer} \r\n\n").into_bytes()));
            }
            _ => {
                let mut from = path.clone();
                for status in [301, 302, 307, 308] {
                    let to = format!("/hop-{status}/{token}");
                    let url = format!("http://{}:{port}{to}", pending.name);
                    http01.serve(&from, Page::Redirect(status, url));
                    from = to;
                }
                http01.serve(&from, Page::Body(answer.into_bytes()));
            }
        }
        let settled = pending.outcome(probe, &challenge).await?;
        let valid = settled.json()["status"] == "valid";
        match demanded {
            true => probe.must(case, &settled, valid, "a valid authorization"),
            false => probe.policy(case, &settled, valid, "a valid authorization"),
        };
        let hits = http01.hits(&path);
        let host = hits.first().map(|hit| hit.host.clone()).unwrap_or_default();
        let named = host.split(':').next() == Some(pending.name.as_str());
        probe.must(case, &settled, named, "a request with the name as Host");
    }

    // More than any key authorization has: the server must not read without end.
    let pending = Pending::order(probe, &probe.acme.new_name("r107")).await?;
    let challenge = pending.challenge(Kind::Http01)?;
    let token = text_of(&challenge, "token")?;
    let path = challenge_path(&token);
    let answer = key_authorization(&token, &pending.person.key);
    http01.serve(&path, Page::Endless(answer.into_bytes()));
    let settled = pending.outcome(probe, &challenge).await?;
    failed(
        probe,
        "endless body",
        &settled,
        Kind::Http01,
        &["incorrectResponse", "unauthorized", "connection"],
    );
    let taken = http01.taken(&path);
    // What lies in the buffers of two sockets on the way is not read by the server.
    probe.holds(
        Weight::Policy,
        "endless body",
        taken < 16 << 20,
        "only the start of it read",
        &format!("{taken} octets taken"),
    );
    Ok(())
}

async fn row_108_dns01(probe: &Probe<'_>) -> Verdict {
    let dns = dns(probe)?;
    let pending = Pending::order(probe, &probe.acme.new_name("r108")).await?;
    let challenge = pending.challenge(Kind::Dns01)?;
    let token = text_of(&challenge, "token")?;
    let name = format!("_acme-challenge.{}", pending.name);
    for other in ["left over from another order", &b64([1; 32])] {
        dns.add_txt(&name, other);
    }
    dns.add_txt(&name, &b64(digest(&pending, &token)));
    dns.add_txt(&name, &b64([2; 32]));
    let settled = pending.outcome(probe, &challenge).await?;
    succeeded(probe, "four records, one right", &settled);
    Ok(())
}

async fn row_109_tls_alpn01(probe: &Probe<'_>) -> Verdict {
    let tls = tls(probe)?;
    for (case, shape) in [
        ("as it should be", Shape::Right),
        ("a second name", Shape::TwoNames),
        ("extension not critical", Shape::NotCritical),
        ("another name", Shape::OtherName),
    ] {
        let pending = Pending::order(probe, &probe.acme.new_name("r109")).await?;
        let challenge = pending.challenge(Kind::TlsAlpn01)?;
        let token = text_of(&challenge, "token")?;
        tls.serve(&pending.name, &digest(&pending, &token), shape);
        let settled = pending.outcome(probe, &challenge).await?;
        match shape {
            Shape::Right => drop(succeeded(probe, case, &settled)),
            _ => failed(probe, case, &settled, Kind::TlsAlpn01, &["incorrectResponse", "unauthorized"]),
        }
        let hellos = tls.hellos(&pending.name);
        let alone =
            !hellos.is_empty() && hellos.iter().all(|hello| hello.protocols == [b"acme-tls/1".to_vec()]);
        probe.must(case, &settled, alone, "acme-tls/1 and no other protocol offered");
    }

    let address = "127.0.0.1";
    let pending = match Pending::order(probe, address).await {
        Ok(pending) => pending,
        Err(stop) => {
            probe.note(format!("no order for an IP address: {stop}"));
            return Ok(());
        }
    };
    let challenge = pending.challenge(Kind::TlsAlpn01)?;
    let token = text_of(&challenge, "token")?;
    tls.serve(address, &digest(&pending, &token), Shape::Right);
    let settled = pending.outcome(probe, &challenge).await?;
    succeeded(probe, "an address", &settled);
    let asked = !tls.hellos(address).is_empty();
    probe.must("an address", &settled, asked, "a handshake for 1.0.0.127.in-addr.arpa");
    Ok(())
}

async fn row_110_forbidden(probe: &Probe<'_>) -> Verdict {
    const SECRET: &str = "what only the inside may see";
    let Some(forbidden) = probe.options.forbidden_address else {
        return not_applicable("needs an address that policy forbids (--forbidden-address)");
    };
    let (dns, http01) = (dns(probe)?, http01(probe)?);
    let port = http01.port();
    for case in ["the name's address", "a redirect to a name", "a redirect to the address"] {
        let name = probe.acme.new_name("r110");
        if case == "the name's address" {
            dns.set_addresses(&name, &[IpAddr::V4(forbidden)]);
        }
        let pending = Pending::order(probe, &name).await?;
        let challenge = pending.challenge(Kind::Http01)?;
        let token = text_of(&challenge, "token")?;
        let path = challenge_path(&token);
        let inside = format!("/inside/{token}");
        http01.serve(&inside, Page::Body(SECRET.as_bytes().to_vec()));
        let host = match case {
            "a redirect to a name" => {
                let inner = probe.acme.new_name("r110");
                dns.set_addresses(&inner, &[IpAddr::V4(forbidden)]);
                inner
            }
            _ => forbidden.to_string(),
        };
        http01.serve(&path, Page::Redirect(302, format!("http://{host}:{port}{inside}")));
        let settled = pending.outcome(probe, &challenge).await?;
        let problems = ["connection", "rejectedIdentifier", "unauthorized", "malformed"];
        failed(probe, case, &settled, Kind::Http01, &problems);
        probe.policy(case, &settled, !settled.text().contains(SECRET), "nothing of what was read there");
    }
    let seen = http01.forbidden_connections();
    probe.holds(
        Weight::Policy,
        "",
        seen == 0,
        "no connection to the address",
        &format!("{seen} connections"),
    );
    Ok(())
}
