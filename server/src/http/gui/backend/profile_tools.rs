//! What there is to do with a profile beside changing it: a dry run, its history, and what hangs on it.

use app::views::{
    Badge, Choice, HistoryView, LeafField, Link, PreviewAnswer, PreviewName, PreviewView, ProfileUseView,
    Tone, VersionRow,
};
use app::{Fault, Query};
use model::{
    AcmeAuthMode, AuditEvent, CaaMode, Caller, KeyType, PageRequest, Permission, Profile, Timestamp,
};

use super::certificates::key_name;
use super::profile_changes::changes;
use super::{Services, words};
use crate::error::{Error, Result};
use crate::http::api::profiles::parse_id;
use crate::http::gui::spans;
use crate::issuance::preview::{Asked, Preview, PreviewedName, preview};
use crate::services::{audit, profiles};

const PATH: &str = "/profiles";
/// Each may change many fields.
const VERSIONS_ON_A_PAGE: u32 = 20;

impl Services {
    pub(super) async fn preview_profile(
        &self,
        caller: &Caller,
        id: &str,
        query: &Query,
    ) -> Result<PreviewView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let profile = profiles::find(core, caller, &id).await?;
        let (asked, faults, answer) = match query.is_empty() {
            true => (Query::default().with("key", KeyType::EcdsaP256.as_str()), Vec::new(), None),
            false => {
                let (request, faults) = read(query);
                let answer = match faults.is_empty() {
                    true => Some(answer(preview(core, caller, &id, request).await?)),
                    false => None,
                };
                (query.clone(), faults, answer)
            }
        };
        Ok(PreviewView {
            id: id.to_string(),
            name: profile.spec.name,
            asked,
            faults,
            key_types: KeyType::ALL
                .iter()
                .map(|key| Choice { value: key.to_string(), text: key_name(*key).to_owned() })
                .collect(),
            answer,
        })
    }

    pub(super) async fn list_versions(
        &self,
        caller: &Caller,
        id: &str,
        query: &Query,
    ) -> Result<HistoryView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let after = query.get("cursor").filter(|after| after.parse::<model::AuditEventId>().is_ok());
        let page = PageRequest { after: after.map(str::to_owned), limit: VERSIONS_ON_A_PAGE };
        let found = audit::changes_of_profile(core, caller, &id, &page).await?;
        if found.items.is_empty() && after.is_none() {
            return Err(Error::not_found(format!("profile {id}")));
        }
        let profile = match profiles::find(core, caller, &id).await {
            Ok(profile) => {
                Some(Link { text: profile.spec.name, href: Some(format!("{PATH}/{id}")), title: None })
            }
            Err(Error::NotFound(_) | Error::Forbidden(_)) => None,
            Err(other) => return Err(other),
        };
        let now = core.now();
        let history = format!("{PATH}/{id}/history");
        Ok(HistoryView {
            id: id.to_string(),
            profile,
            versions: found.items.iter().map(|event| self.version_row(event, now)).collect(),
            first: after.map(|_| history.clone()),
            next: found.next.map(|next| format!("{history}?cursor={next}")),
        })
    }

    fn version_row(&self, event: &AuditEvent, now: Timestamp) -> VersionRow {
        let details = &event.details;
        let (before, after) = (details.get("before"), details.get("after"));
        let text = match details.get("version").and_then(serde_json::Value::as_i64) {
            Some(version) => format!("Version {version}"),
            None if event.action == "profile.deleted" => "The end".to_owned(),
            None => "A version".to_owned(),
        };
        let (what, changes) = match event.action.as_str() {
            "profile.created" => (words::badge("created", Tone::Ok), changes(before, after, &[])),
            "profile.deleted" => (words::badge("deleted", Tone::Bad), Vec::new()),
            _ => (words::badge("changed", Tone::Info), changes(before, after, &[])),
        };
        VersionRow {
            event: Link {
                text,
                href: Some(format!("/audit/{}", event.id)),
                title: Some(event.id.to_string()),
            },
            what,
            at: words::moment(event.created_at, now),
            by: self.actor_link(&event.actor),
            changes,
        }
    }

    pub(super) async fn show_profile_use(&self, caller: &Caller, id: &str) -> Result<ProfileUseView> {
        let core = &self.state.core;
        let usage = profiles::usage(core, caller, &parse_id(id)?).await?;
        let id = &usage.profile.id;
        let default = (core.default_profile_id.as_ref() == Some(id)).then(|| {
            "/acme/directory is the directory of this profile (CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID): its clients are affected too."
                .to_owned()
        });
        let open = (usage.open_orders > 0).then(|| words::counted(usage.open_orders, "order"));
        let choosing = (!usage.selectable_in.is_empty()).then(|| usage.selectable_in.join(", "));
        let holding = [
            open.as_ref().map(|orders| {
                format!("{orders} open under it. Disable it, and delete it when they have ended.")
            }),
            choosing.as_ref().map(|others| {
                format!("It is among the selectable profiles of {others}. Take it out there first.")
            }),
        ];
        let disabling = [
            Some("Its directory answers clients that the profile is disabled, and so does every order and every finalization under it.".to_owned()),
            open.as_ref().map(|orders| format!("{orders} open: they wait, and go on if the profile is enabled again before they expire.")),
            choosing.map(|others| format!("Clients of {others} cannot choose it meanwhile.")),
            default.clone(),
            Some("Certificates stay valid, but clients cannot renew them under this profile: watch those that end soon.".to_owned()),
        ];
        let deleting = [
            Some("This cannot be taken back. Its directory is gone, and clients that use it cannot order or renew any more.".to_owned()),
            default,
            Some("Certificates that were issued under it stay valid, and stay in the lists; its versions stay in the audit trail.".to_owned()),
        ];
        let referring = [
            (
                "EAB keys that are for this profile. They keep its id, and would be good for a new profile that has the same one:",
                usage.eab_keys.iter().map(|key| self.eab_key_link(&key.id)).collect::<Vec<_>>(),
            ),
            (
                "API keys whose role is limited to this profile, with the same effect:",
                usage.api_keys.iter().map(|key| named(&key.name, key.id.as_str())).collect(),
            ),
            (
                "People whose role is limited to this profile:",
                usage.users.iter().map(|user| called(&user.name, self.user_link(&user.id))).collect(),
            ),
            (
                "Group mappings of sign-in providers that are limited to this profile:",
                usage
                    .providers
                    .iter()
                    .map(|provider| called(&provider.spec.name, self.provider_link(&provider.id)))
                    .collect(),
            ),
        ];
        let Profile { id, spec, version, .. } = usage.profile;
        Ok(ProfileUseView {
            id: id.to_string(),
            name: spec.name,
            version,
            holding: holding.into_iter().flatten().collect(),
            disabling: disabling.into_iter().flatten().collect(),
            enabling: vec!["Clients may order under it again. Orders that have waited go on.".to_owned()],
            deleting: deleting.into_iter().flatten().collect(),
            referring: referring.into_iter().filter(|(_, things)| !things.is_empty()).collect(),
        })
    }

    /// Whether the caller may change this profile.
    pub(super) fn may_edit(&self, caller: &Caller, id: &model::ProfileId) -> bool {
        caller.rights.reach(Permission::ProfileEdit).is_some_and(|reach| reach.covers(id))
    }
}

/// The way to a thing, by its name.
fn called(name: &str, link: Link) -> Link {
    Link { text: name.to_owned(), ..link }
}

fn named(name: &str, id: &str) -> Link {
    Link { text: name.to_owned(), href: None, title: Some(id.to_owned()) }
}

/// What the URL asks for, and what is wrong with it.
fn read(query: &Query) -> (Asked, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut refuse = |field: &str, reason: String| faults.push(Fault { field: field.to_owned(), reason });
    let names = query.all("names").flat_map(str::lines).map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.is_empty() {
        refuse("names", "say for which names".to_owned());
    }
    let key_type = match query.get("key").unwrap_or(KeyType::EcdsaP256.as_str()).parse() {
        Ok(key_type) => key_type,
        Err(e) => {
            refuse("key", format!("{e}"));
            KeyType::EcdsaP256
        }
    };
    let ttl_seconds = match query.get("ttl").map(spans::parse) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(reason)) => {
            refuse("ttl", reason);
            None
        }
    };
    let common_name = query.get("common_name").map(str::to_owned);
    (Asked { names, key_type, common_name, ttl_seconds }, faults)
}

fn answer(preview: Preview) -> PreviewAnswer {
    let besides = besides(&preview.profile);
    let refusals = preview.refusals.into_iter().map(|broken| (broken.rule.to_owned(), broken.reason));
    let fields = |field: ca::CertificateField| LeafField {
        name: field.name,
        critical: field.critical,
        values: field.values,
    };
    PreviewAnswer {
        names: preview.names.into_iter().map(previewed).collect(),
        refusals: refusals.collect(),
        leaf: preview.leaf.map(|leaf| leaf.into_iter().map(fields).collect()),
        besides,
    }
}

fn previewed(name: PreviewedName) -> PreviewName {
    let (verdict, reason): (Badge, _) = match name.refusal {
        Some(broken) => (words::badge("refused", Tone::Bad), format!("{}: {}", broken.rule, broken.reason)),
        None => {
            let reason = match name.challenges.as_slice() {
                [] => "without a challenge".to_owned(),
                kinds => {
                    let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
                    format!("once its control is shown by {}", kinds.join(" or "))
                }
            };
            (words::badge("permitted", Tone::Ok), reason)
        }
    };
    PreviewName { name: name.name, verdict, reason }
}

/// What only an order shows.
fn besides(profile: &Profile) -> Vec<String> {
    let spec = &profile.spec;
    let networks: Vec<_> = spec.allowed_client_networks.iter().map(ToString::to_string).collect();
    let all = [
        Some(match spec.eab_required {
            true => "An ACME account that an EAB key for this profile has bound; the key may permit fewer names.",
            false => "An ACME account; where an EAB key has bound it, the key may permit fewer names.",
        }
        .to_owned()),
        (!networks.is_empty()).then(|| format!("A request from {}.", networks.join(", "))),
        (spec.acme_auth_mode == AcmeAuthMode::Challenge).then(|| "Control of each name, shown by a challenge, unless its EAB key spares it.".to_owned()),
        (spec.caa == CaaMode::Enforce).then(|| "CAA records that allow this CA.".to_owned()),
        Some("A CSR with a key of its own, for exactly these names.".to_owned()),
    ];
    all.into_iter().flatten().collect()
}
