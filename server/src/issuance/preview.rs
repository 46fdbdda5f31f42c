//! What a profile would issue, without issuing it: the rules and the leaf are those of issuance, up to the signature.

use std::sync::Arc;
use std::time::Duration;

use acme::{Problem, RawIdentifier};
use ca::{CertificateField, SubjectKey};
use model::{AcmeAuthMode, Caller, ChallengeKind, Identifier, KeyType, Profile, ProfileId};

use super::leaf::{Planned, check_key_type, signer_of};
use super::order::check_validity;
use super::policy::{self, Refusal};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::services::profiles;

/// What somebody would ask for.
#[derive(Debug)]
pub struct Asked {
    pub names: Vec<String>,
    pub key_type: KeyType,
    /// The common name of the CSR.
    pub common_name: Option<String>,
    /// The validity that the order asks for; `None`: what the profile gives.
    pub ttl_seconds: Option<u64>,
}

#[derive(Debug)]
pub struct Preview {
    pub profile: Profile,
    pub names: Vec<PreviewedName>,
    /// What is refused beside names.
    pub refusals: Vec<Broken>,
    /// Every field of the leaf; `None` where it would be refused.
    pub leaf: Option<Vec<CertificateField>>,
}

#[derive(Debug)]
pub struct PreviewedName {
    pub name: String,
    pub refusal: Option<Broken>,
    /// By which control of it could be shown; empty where none is asked for.
    pub challenges: Vec<ChallengeKind>,
}

/// A rule, by the name of the field that has it, and what it says.
#[derive(Debug)]
pub struct Broken {
    pub rule: &'static str,
    pub reason: String,
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self { rule: refusal.rule, reason: said(refusal.problem) }
    }
}

/// The rule of what is no name, or of too many: that of ACME itself.
const UNREADABLE: &str = "identifiers";

/// Whose client asks, from where, and what CAA records say is not looked at: that is known of an order only.
pub async fn preview(core: &Arc<Core>, caller: &Caller, id: &ProfileId, asked: Asked) -> Result<Preview> {
    let profile = profiles::find(core, caller, id).await?;
    let (names, identifiers) = check_names(core, &profile, &asked.names);
    let mut refusals: Vec<Broken> =
        policy::check_enabled(&profile).err().map(Broken::from).into_iter().collect();
    let mut refuse = |rule, reason| refusals.push(Broken { rule, reason });
    // The order as a whole: how many names it has, and at least one.
    let raw: Vec<_> = identifiers.iter().map(RawIdentifier::from).collect();
    let unread = |name: &PreviewedName| name.refusal.as_ref().is_some_and(|broken| broken.rule == UNREADABLE);
    if let Err(problem) = acme::parse_identifiers(&raw)
        && !names.iter().any(unread)
    {
        refuse(UNREADABLE, said(problem));
    }
    if let Err(problem) = check_key_type(&profile, asked.key_type) {
        refuse("allowed_key_types", said(problem));
    }
    let now = core.now();
    let not_after = asked.ttl_seconds.map(|ttl| (now + Duration::from_secs(ttl)).truncated_to_second());
    match check_validity(core, &profile, (None, not_after), now) {
        Ok(()) => {}
        Err(Error::Acme(problem)) => refuse("max_ttl_seconds", said(problem)),
        Err(other) => return Err(other),
    }
    let common_name = match asked.common_name.as_deref().map(|text| ca::common_name_of(text, &identifiers)) {
        None => None,
        Some(Ok(common_name)) => common_name,
        Some(Err(e)) => {
            refuse("csr", e.to_string());
            None
        }
    };
    if !refusals.is_empty() || names.iter().any(|name| name.refusal.is_some()) {
        return Ok(Preview { profile, names, refusals, leaf: None });
    }
    let signer = signer_of(core, &profile)?;
    let planned = Planned {
        profile,
        key: example_key(asked.key_type).await?,
        identifiers,
        common_name: common_name.filter(|name| signer.allows_common_name(name)),
        signer,
        not_before: None,
        not_after,
        account_id: None,
        order_id: None,
    };
    match planned.prepare(core) {
        Ok(leaf) => {
            let fields = leaf.fields().map_err(|e| Error::Internal(format!("a leaf of ours: {e}")))?;
            let leaf = Some(fields.into_iter().map(independent).collect());
            Ok(Preview { profile: planned.profile, names, refusals, leaf })
        }
        Err(Error::Acme(problem)) => {
            let refusals = vec![Broken { rule: "issuer_id", reason: said(problem) }];
            Ok(Preview { profile: planned.profile, names, refusals, leaf: None })
        }
        Err(other) => Err(other),
    }
}

/// What the rules say of each name, and those that are names.
fn check_names(core: &Core, profile: &Profile, names: &[String]) -> (Vec<PreviewedName>, Vec<Identifier>) {
    let mut identifiers = Vec::new();
    let checked = names.iter().map(|name| {
        let parsed = Identifier::parse_any(name).map_err(|e| e.to_string()).and_then(|identifier| {
            let raw = [RawIdentifier::from(&identifier)];
            acme::parse_identifiers(&raw).map_err(said).map(|_| identifier)
        });
        let identifier = match parsed {
            Ok(identifier) => identifier,
            Err(reason) => {
                let refusal = Some(Broken { rule: UNREADABLE, reason });
                return PreviewedName { name: name.clone(), refusal, challenges: Vec::new() };
            }
        };
        let challenges = match profile.spec.acme_auth_mode {
            AcmeAuthMode::TrustAuthenticated => Vec::new(),
            AcmeAuthMode::Challenge => policy::challenges(profile, &identifier),
        };
        let stranded = profile.spec.acme_auth_mode == AcmeAuthMode::Challenge && challenges.is_empty();
        let stranded: &[&Identifier] = if stranded { &[&identifier] } else { &[] };
        let refusal = policy::check_identifiers(core, profile, std::slice::from_ref(&identifier))
            .err()
            .or_else(|| policy::no_challenge_left(profile, stranded));
        let refusal = refusal.map(Broken::from);
        let name = identifier.to_string();
        if !identifiers.contains(&identifier) {
            identifiers.push(identifier);
        }
        PreviewedName { name, refusal, challenges }
    });
    (checked.collect(), identifiers)
}

/// The field as it is for every client: some follow from the client's own key, or are made at the signature.
fn independent(field: CertificateField) -> CertificateField {
    let values = match field.name.as_str() {
        CertificateField::SERIAL_NUMBER => {
            vec!["20 octets, 16 of them random, made for each certificate".to_owned()]
        }
        CertificateField::SUBJECT_KEY_IDENTIFIER => {
            vec!["of the client's key: the first 160 bits of its SHA-256 (RFC 7093 §2)".to_owned()]
        }
        CertificateField::PUBLIC_KEY if field.values.iter().any(|key| key.starts_with("RSA")) => {
            vec!["RSA, the client's, of 2048 to 8192 bits".to_owned()]
        }
        _ => field.values,
    };
    CertificateField { values, ..field }
}

async fn example_key(key_type: KeyType) -> Result<SubjectKey> {
    let made = tokio::task::spawn_blocking(move || ca::example_key(key_type)).await;
    let made = made.map_err(|e| Error::Internal(format!("the thread that makes a key stopped: {e}")))?;
    made.map_err(|e| Error::Internal(format!("no key: {e}")))
}

/// What a problem says in the end.
fn said(problem: Problem) -> String {
    problem.subproblems.into_iter().next().map_or(problem.detail, |subproblem| subproblem.detail)
}
