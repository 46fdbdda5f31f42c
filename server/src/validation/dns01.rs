//! RFC 8555 §8.4.

use acme::{ProblemType, base64url};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::dns::{self, Absence, Dns, DnsFault};
use super::evidence::{EXCERPT, Trace, excerpt};
use super::fault::Fault;
use super::{Target, shown};

/// A challenge's value has 43 characters; so much of each other value is shown to the client.
const PREFIX: usize = 50;
const SHOWN: usize = 3;

/// Any one record with the right value suffices: other authorizations have theirs at the same name.
pub(super) async fn validate(dns: &Dns, target: &Target<'_>, trace: &mut Trace) -> Result<(), Fault> {
    let model::Identifier::Dns(identifier) = target.identifier else {
        // `acme::offered` has no dns-01 for addresses.
        return Err(Fault::refused(
            ProblemType::Malformed,
            "An address has no DNS zone.",
            "Use another challenge.",
        ));
    };
    let name = format!("_acme-challenge.{}", identifier.base());
    let expected = base64url::encode(ca::sha256(target.key_authorization.as_bytes()));
    trace.expect(&expected);

    let since = trace.begin_lookup(&name, "TXT");
    let result = dns.lookup(&name, RecordType::TXT).await;
    let (action, error) =
        dns::step(&name, RecordType::TXT, &result, |record| excerpt(&text(record), EXCERPT));
    trace.step(since.elapsed(), action, error);

    let add = |name: &str| {
        format!(
            "Have the client add a TXT record at {name} with the value {expected}, and make sure that it has reached the DNS servers that the server's resolvers ask."
        )
    };
    match result {
        Err(fault @ DnsFault::Failed(_)) => Err(Fault::retryable(
            ProblemType::Dns,
            format!("TXT records of {name} could not be looked up: {fault}."),
            format!("Make the DNS servers of {} and the server's resolvers answer.", identifier.base()),
        )),
        // The resolver answered as it should; it is the answer that is not the right one.
        Err(fault @ DnsFault::Absent(_)) => {
            let place = match &fault {
                DnsFault::Absent(Absence { alias_of: Some(alias), .. }) => alias,
                _ => &name,
            };
            Err(Fault::retryable(
                ProblemType::IncorrectResponse,
                format!("No TXT record at {name}: {fault}; expected one with `{expected}`."),
                add(place),
            ))
        }
        Ok(answer) => {
            let values: Vec<Vec<u8>> = answer.records.iter().map(text).collect();
            let place = answer.followed.last().unwrap_or(&name);
            if values.iter().any(|value| value == expected.as_bytes()) {
                trace.read(&expected);
                return Ok(());
            }
            trace
                .read(values.iter().take(SHOWN).map(|v| excerpt(v, EXCERPT)).collect::<Vec<_>>().join(" | "));
            let read = values.iter().take(SHOWN).map(|v| format!("`{}`", excerpt(v, PREFIX)));
            let read = read.collect::<Vec<_>>().join(", ");
            Err(Fault::retryable(
                ProblemType::IncorrectResponse,
                match (values.len(), shown(target.identifier, target.wildcard)) {
                    (1, of) => format!(
                        "The TXT record at {name} is not the one for {of}: expected `{expected}`, read {read}."
                    ),
                    (many, of) => format!(
                        "None of the {many} TXT records at {name} is the one for {of}: expected `{expected}`, read {read}."
                    ),
                },
                add(place),
            ))
        }
    }
}

/// The strings of a record are one text.
fn text(record: &RData) -> Vec<u8> {
    match record {
        RData::TXT(txt) => txt.txt_data.concat(),
        _ => Vec::new(),
    }
}
