use app::Query;
use app::views::{ActionLink, Badge, Link, ListView, ProfileRow, ProfileView, Tone, WhatIsIssued, WhoMayAsk};
use model::{AcmeAuthMode, CaaMode, Caller, Permission, Profile, ProfileId, ProfileSpec, Timestamp};

use super::certificates::key_name;
use super::fields::Fields;
use super::{Services, words};
use crate::error::Result;
use crate::http::api::profiles::parse_id;
use crate::services::profiles;

const PATH: &str = "/profiles";

impl Services {
    pub(super) async fn list_profiles(&self, caller: &Caller, query: &Query) -> Result<ListView<ProfileRow>> {
        let mut fields = Fields::new(PATH, query);
        let request = fields.page();
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = profiles::list(&self.state.core, caller, &request).await?;
        let mut view = fields.with_rows(page.map(|profile| self.profile_row(profile, now)));
        if self.may(Permission::ProfileEdit) {
            let href = Some(format!("{PATH}/new"));
            view.actions = vec![Link { text: "New profile".to_owned(), href, title: None }];
        }
        Ok(view)
    }

    fn profile_row(&self, profile: Profile, now: Timestamp) -> ProfileRow {
        let Profile { id, spec, updated_at, .. } = profile;
        ProfileRow {
            status: status(&spec),
            mode: match spec.eab_required {
                true => format!("{}, EAB key required", mode(&spec).0),
                false => mode(&spec).0.to_owned(),
            },
            names: names_in_short(&spec),
            validity: words::exact_span(spec.ttl_seconds()),
            issuer: self.issuer_link(&spec.issuer_id),
            changed: words::moment(updated_at, now),
            profile: Link { text: spec.name, href: Some(format!("{PATH}/{id}")), title: None },
            id: id.to_string(),
        }
    }

    pub(super) async fn show_profile(&self, caller: &Caller, id: &str) -> Result<ProfileView> {
        let core = &self.state.core;
        let profile = profiles::find(core, caller, &parse_id(id)?).await?;
        let now = core.now();
        let Profile { id, spec, version, created_at, updated_at } = profile;
        let acme = self.state.acme.enabled && spec.enabled;
        Ok(ProfileView {
            status: status(&spec),
            warnings: profiles::warnings(&spec),
            directory: acme.then(|| self.state.links.directory_resource(Some(&id), "directory")),
            who: self.who_may_ask(&spec),
            what: self.what_is_issued(&spec),
            version,
            created: words::moment(created_at, now),
            changed: words::moment(updated_at, now),
            orders: self.list_link(Permission::OrderRead, &format!("/orders?profile={id}")),
            certificates: self.list_link(Permission::CertificateRead, &format!("/certificates?profile={id}")),
            audit: self.audit_of(id.as_str()),
            actions: self.profile_actions(caller, &id, spec.enabled),
            preview: format!("{PATH}/{id}/preview"),
            history: self.list_link(Permission::AuditRead, &format!("{PATH}/{id}/history")),
            id: id.to_string(),
            name: spec.name,
            description: spec.description,
        })
    }

    /// What the caller may do to a profile.
    fn profile_actions(&self, caller: &Caller, id: &ProfileId, enabled: bool) -> Vec<ActionLink> {
        let edits = self.may_edit(caller, id);
        let action = |fits: bool, text, path: &str, danger| {
            fits.then(|| ActionLink { text, href: format!("{PATH}/{id}/{path}"), danger })
        };
        let all = [
            action(edits, "Edit", "edit", false),
            action(edits && enabled, "Disable", "disable", true),
            action(edits && !enabled, "Enable", "enable", false),
            action(edits, "Delete", "delete", true),
        ];
        all.into_iter().flatten().collect()
    }

    fn who_may_ask(&self, spec: &ProfileSpec) -> WhoMayAsk {
        let (mode, mode_help) = mode(spec);
        WhoMayAsk {
            mode: mode.to_owned(),
            mode_help,
            external_account: match spec.eab_required {
                true => "required: only accounts bound to an EAB key that covers this profile",
                false => "not required: any account",
            },
            networks: texts(&spec.allowed_client_networks),
            challenges: match (spec.acme_auth_mode, spec.allowed_challenge_types.as_slice()) {
                (AcmeAuthMode::TrustAuthenticated, _) => "none are asked for".to_owned(),
                (AcmeAuthMode::Challenge, []) => "every type".to_owned(),
                (AcmeAuthMode::Challenge, types) => texts(types).join(", "),
            },
            caa: match spec.caa {
                CaaMode::Off => "not looked at",
                CaaMode::Enforce => "must allow this CA (RFC 8659)",
            },
            reuse: match spec.reuse_authorizations_hours {
                0 => "an authorization serves its own order only".to_owned(),
                hours => format!(
                    "an authorization serves further orders of its account for {}",
                    words::counted(u64::from(hours), "hour")
                ),
            },
            selectable: spec.selectable_profiles.iter().map(|id| self.profile_link(id)).collect(),
        }
    }

    fn what_is_issued(&self, spec: &ProfileSpec) -> WhatIsIssued {
        let keys: Vec<_> = spec.allowed_key_types.iter().map(|key| key_name(*key)).collect();
        WhatIsIssued {
            issuer: self.issuer_link(&spec.issuer_id),
            permitted: texts(&spec.permitted_names),
            excluded: texts(&spec.excluded_names),
            longest: words::exact_span(spec.max_ttl_seconds),
            usual: words::exact_span(spec.ttl_seconds()),
            keys: if keys.is_empty() { "every type".to_owned() } else { keys.join(", ") },
            usages: texts(spec.extended_key_usages()).join(", "),
            must_staple: spec.must_staple,
        }
    }
}

/// The mode by its name, and what it means.
fn mode(spec: &ProfileSpec) -> (&'static str, &'static str) {
    match spec.acme_auth_mode {
        AcmeAuthMode::TrustAuthenticated => (
            "trust the account",
            "trust_authenticated: an account gets what the name policy allows, without proving control of each name.",
        ),
        AcmeAuthMode::Challenge => {
            ("prove each name", "challenge: every name is validated before a certificate is issued for it.")
        }
    }
}

fn status(spec: &ProfileSpec) -> Badge {
    match (spec.enabled, profiles::warnings(spec).is_empty()) {
        (false, _) => words::badge("disabled", Tone::Quiet),
        (true, true) => words::badge("enabled", Tone::Ok),
        (true, false) if profiles::is_open(spec) => words::badge("open", Tone::Warn),
        (true, false) => words::badge("check", Tone::Warn),
    }
}

fn names_in_short(spec: &ProfileSpec) -> String {
    match spec.permitted_names.as_slice() {
        [] => "every name".to_owned(),
        all @ [_, _, _, _, ..] => format!("{} and {} more", texts(&all[..2]).join(", "), all.len() - 2),
        few => texts(few).join(", "),
    }
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
