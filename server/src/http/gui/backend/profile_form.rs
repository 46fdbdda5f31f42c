use app::views::{Choice, LostUpdate, ProfileFormView};
use app::{Query, Sent};
use model::{
    Caller, ChallengeKind, ExtendedKeyUsage, IssuerId, KeyType, PageRequest, Permission, Profile, Reach,
};

use super::certificates::key_name;
use super::profile_changes::changes;
use super::{Services, words};
use crate::error::{Error, Result};
use crate::http::api::profiles::parse_id;
use crate::http::gui::forms::{profile_fields, version_of};
use crate::http::gui::spans;
use crate::services::{audit, issuers, profiles};

impl Services {
    /// The form of the profile `id`, or of a new one, with what was `sent` and refused.
    pub(super) async fn show_profile_form(
        &self,
        caller: &Caller,
        id: Option<&str>,
        sent: Option<&Sent>,
    ) -> Result<ProfileFormView> {
        let core = &self.state.core;
        let profile = match id {
            Some(id) => Some(profiles::find_to_change(core, caller, &parse_id(id)?).await?),
            None => None,
        };
        let ids = match profiles::creatable(caller)? {
            Reach::Everywhere => Vec::new(),
            Reach::Profiles(ids) => ids.iter().map(ToString::to_string).collect(),
        };
        let issuers = self.issuers_to_choose(caller, profile.as_ref()).await?;
        let stored = match &profile {
            Some(profile) => profile_fields::of(&profile.spec),
            None => {
                profile_fields::of_new(issuers.first().and_then(|first| first.value.parse().ok()).as_ref())
            }
        };
        let lost_update = match (&profile, sent) {
            (Some(profile), Some(sent)) if !sent.values.is_empty() => {
                self.lost_update(caller, profile, &sent.values).await?
            }
            _ => None,
        };
        let shown = sent.map_or(&stored, |sent| &sent.values);
        Ok(ProfileFormView {
            understood: ["max_ttl_seconds", "default_ttl_seconds"]
                .into_iter()
                .filter_map(|name| Some((name, understood(shown.get(name)?)?)))
                .collect(),
            version: profile.as_ref().map_or(0, |profile| profile.version),
            profile: profile.map(|profile| (profile.id.to_string(), profile.spec.name)),
            stored,
            lost_update,
            issuers,
            key_types: choices(KeyType::ALL, |key| (key.as_str(), key_name(key))),
            usages: choices(ExtendedKeyUsage::ALL, |usage| match usage {
                ExtendedKeyUsage::ServerAuth => (usage.as_str(), "server_auth: TLS servers"),
                ExtendedKeyUsage::ClientAuth => (usage.as_str(), "client_auth: TLS clients"),
            }),
            challenges: choices(ChallengeKind::ALL, |kind| (kind.as_str(), kind.as_str())),
            ids,
        })
    }

    /// Those that the caller may see; at least the one that the profile has.
    async fn issuers_to_choose(&self, caller: &Caller, profile: Option<&Profile>) -> Result<Vec<Choice>> {
        let own = |id: &IssuerId| vec![Choice { value: id.to_string(), text: id.to_string() }];
        match (issuers::list(&self.state.core, caller).await, profile) {
            (Err(Error::Forbidden(_)), Some(profile)) => Ok(own(&profile.spec.issuer_id)),
            (Err(Error::Forbidden(_)), None) => Ok(own(&IssuerId::internal_ca())),
            (found, _) => {
                let choice = |issuer: model::Issuer| Choice {
                    text: format!("{} ({})", issuer.name, issuer.id),
                    value: issuer.id.to_string(),
                };
                Ok(found?.into_iter().map(choice).collect())
            }
        }
    }

    /// Both versions, where `sent` is of an older one than what is stored.
    async fn lost_update(
        &self,
        caller: &Caller,
        stored: &Profile,
        sent: &Query,
    ) -> Result<Option<LostUpdate>> {
        if version_of(sent).is_ok_and(|version| version == stored.version) {
            return Ok(None);
        }
        let core = &self.state.core;
        let by = match self.may(Permission::AuditRead) {
            false => None,
            true => {
                let newest = PageRequest { after: None, limit: 1 };
                let events = audit::changes_of_profile(core, caller, &stored.id, &newest).await?;
                events.items.first().map(|event| self.actor_link(&event.actor))
            }
        };
        let yours = profile_fields::read(sent, Some(&stored.spec));
        let (before, after) = (serde_json::to_value(&stored.spec), serde_json::to_value(&yours.spec));
        let unread: Vec<_> = yours.unread.iter().map(|fault| fault.field.as_str()).collect();
        Ok(Some(LostUpdate {
            changed: words::moment(stored.updated_at, core.now()),
            by,
            differences: changes(before.ok().as_ref(), after.ok().as_ref(), &unread),
        }))
    }
}

fn choices<T: Copy>(all: &[T], words: impl Fn(T) -> (&'static str, &'static str)) -> Vec<Choice> {
    all.iter()
        .map(|one| words(*one))
        .map(|(value, text)| Choice { value: value.to_owned(), text: text.to_owned() })
        .collect()
}

/// A length of time that somebody has typed, as it is taken.
fn understood(text: &str) -> Option<String> {
    let seconds = spans::parse(text).ok()?;
    Some(format!("{text} is {}, {} seconds.", words::exact_span(seconds), words::grouped(seconds)))
}
