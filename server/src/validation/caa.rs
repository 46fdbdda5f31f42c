//! RFC 8659: which CAA records count for a name. What they say is in [`acme::caa`].

use acme::ProblemType;
use acme::caa::{Forbidden, Issuance, Property, permits};
use hickory_resolver::proto::rr::{RData, RecordType};
use model::Identifier;

use super::dns::{self, Dns, DnsFault};
use super::evidence::{EXCERPT, Trace, excerpt};
use super::fault::Fault;
use super::{CaaQuery, shown};

pub(super) async fn check(dns: &Dns, query: &CaaQuery<'_>, trace: &mut Trace) -> Result<(), Fault> {
    let Identifier::Dns(name) = query.identifier else { return Ok(()) };
    trace.expect(format!("CAA records that name {}, or none", identities(query)));
    let issuance = Issuance {
        identities: query.identities,
        wildcard: query.wildcard || query.identifier.is_wildcard(),
        method: query.kind,
        account_uri: query.account_uri,
    };
    // RFC 8659 §3: the nearest set counts, from the name upwards. Aliases are followed at each level by the resolver,
    // but the climb goes on from the name itself.
    let mut place = name.base();
    loop {
        let records = records_at(dns, place, trace).await?;
        if !records.is_empty() {
            let read: Vec<_> = records.iter().map(|p| describe(p.critical, &p.tag, &p.value)).collect();
            trace.read(read.join(" | "));
            return permits(&records, &issuance).map_err(|reason| forbidden(query, place, &reason));
        }
        let Some((_, parent)) = place.split_once('.') else { return Ok(()) };
        place = parent;
    }
}

/// Empty where there is none. What cannot be found out must not count as permission (RFC 8659 §3).
async fn records_at(dns: &Dns, place: &str, trace: &mut Trace) -> Result<Vec<Property>, Fault> {
    let since = trace.begin_lookup(place, "CAA");
    let result = dns.lookup(place, RecordType::CAA).await;
    let (action, error) = dns::step(place, RecordType::CAA, &result, |record| match record {
        RData::CAA(caa) => describe(caa.issuer_critical, &caa.tag, &caa.value),
        _ => String::new(),
    });
    trace.step(since.elapsed(), action, error);
    match result {
        Ok(answer) => Ok(answer.records.into_iter().filter_map(property).collect()),
        Err(DnsFault::Absent(_)) => Ok(Vec::new()),
        Err(fault @ DnsFault::Failed(_)) => Err(Fault::retryable(
            ProblemType::Dns,
            format!("CAA records of {place} could not be looked up: {fault}."),
            format!(
                "Make the DNS servers of {place} answer questions for CAA records, if only with an empty answer; without one nothing may be issued."
            ),
        )),
    }
}

fn property(record: RData) -> Option<Property> {
    match record {
        RData::CAA(caa) => Some(Property { critical: caa.issuer_critical, tag: caa.tag, value: caa.value }),
        _ => None,
    }
}

fn describe(critical: bool, tag: &str, value: &[u8]) -> String {
    let flags = if critical { 128 } else { 0 };
    format!("{flags} {} \"{}\"", excerpt(tag.as_bytes(), EXCERPT), excerpt(value, EXCERPT))
}

fn forbidden(query: &CaaQuery<'_>, place: &str, reason: &Forbidden) -> Fault {
    let name = shown(query.identifier, query.wildcard);
    let tag = if query.wildcard { "issuewild or issue" } else { "issue" };
    let advice = match reason {
        Forbidden::UnknownCritical(tag) => {
            let tag = excerpt(tag.as_bytes(), EXCERPT);
            format!("Remove the critical CAA property {tag} at {place}, or get the certificate elsewhere.")
        }
        Forbidden::Issuer => format!(
            "Add a CAA record at {place} with the property {tag} and the value {}, if this CA is to issue for it.",
            identities(query)
        ),
        Forbidden::Account => match query.account_uri {
            Some(uri) => format!(
                "Add a CAA record at {place} whose accounturi is {uri}, if this account is to have the certificate."
            ),
            None => format!(
                "Take accounturi out of the CAA record at {place}, or get the certificate by the ACME account that it names."
            ),
        },
        Forbidden::Method => match query.kind {
            Some(kind) => format!(
                "Add {kind} to validationmethods in the CAA record at {place}, or use a challenge type that is there."
            ),
            None => format!(
                "Take validationmethods out of the CAA record at {place}, or use a profile that asks for a challenge."
            ),
        },
    };
    // Whoever manages the zone has decided; asking again does not change that.
    Fault::refused(
        ProblemType::Caa,
        format!("The CAA records of {place} do not allow a certificate for {name}: {reason}."),
        advice,
    )
}

fn identities(query: &CaaQuery<'_>) -> String {
    match query.identities {
        [] => "no CA".to_owned(),
        names => names.join(" or "),
    }
}
