use app::Query;
use app::views::{Badge, EabKeyRow, EabKeyView, Link, ListView, NewEabKeyView, Tone};
use model::{AccountFilter, Caller, EabKey, EabKeyState, PageRequest, Permission, Reach, Timestamp};

use super::fields::Fields;
use super::{Services, words};
use crate::auth::reach;
use crate::error::Result;
use crate::http::api::eab_keys::parse_id;
use crate::services::{accounts, eab_keys};

pub const PATH: &str = "/eab-keys";
pub const NEW: &str = "/eab-keys/new";
/// How many of a key's accounts its page shows.
const NEWEST: u32 = 10;

impl Services {
    pub(super) async fn list_eab_keys(&self, caller: &Caller, query: &Query) -> Result<ListView<EabKeyRow>> {
        let mut fields = Fields::new(PATH, query);
        let request = fields.page();
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = eab_keys::list(&self.state.core, caller, &request).await?;
        let mut list = fields.with_rows(page.map(|key| self.eab_key_row(&key, now)));
        list.actions.extend(self.way_to(Permission::EabKeyCreate, "Create an EAB key", NEW));
        Ok(list)
    }

    pub(super) async fn show_new_eab_key(&self, caller: &Caller) -> Result<NewEabKeyView> {
        let reach = reach(caller, Permission::EabKeyCreate)?;
        Ok(NewEabKeyView {
            everywhere: reach == Reach::Everywhere,
            profiles: self.profile_choices(caller, &reach).await?,
        })
    }

    fn eab_key_row(&self, key: &EabKey, now: Timestamp) -> EabKeyRow {
        let note = if key.note.is_empty() { "(no note)" } else { &key.note };
        EabKeyRow {
            key: Link { text: note.to_owned(), href: Some(format!("{PATH}/{}", key.id)), title: None },
            id: key.id.to_string(),
            status: status(key.state(now)),
            uses: uses(key),
            profiles: key.profiles.iter().map(|id| self.profile_link(id)).collect(),
            expires: key.expires_at.map(|at| words::moment(at, now)),
            created: words::moment(key.created_at, now),
        }
    }

    pub(super) async fn show_eab_key(&self, caller: &Caller, id: &str) -> Result<EabKeyView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let key = eab_keys::find(core, caller, &id).await?;
        let now = core.now();
        let accounts = match caller.rights.allows(Permission::AcmeAccountRead) {
            false => None,
            true => {
                let page = PageRequest { after: None, limit: NEWEST };
                let filter = AccountFilter { eab_key_id: Some(id.clone()), page, ..AccountFilter::default() };
                let found = accounts::list(core, caller, &filter).await?.items;
                let rows = found.into_iter().map(|account| self.account_row(account, now)).collect();
                Some((rows, format!("/acme-accounts?eab_key={id}")))
            }
        };
        let revocation = eab_keys::revocation(core, caller, &key).await?;
        let good = key.revoked_at.is_none();
        let actions = [
            self.action(
                good && self.may_within_all(Permission::EabKeyCreate, &key.profiles),
                ("Rotate", false),
                format!("{PATH}/{id}/rotate"),
            ),
            self.action(
                good && self.may_within_all(Permission::EabKeyRevoke, &key.profiles),
                ("Revoke", true),
                format!("{PATH}/{id}/revoke"),
            ),
        ];
        Ok(EabKeyView {
            actions: actions.into_iter().flatten().collect(),
            status: status(key.state(now)),
            uses: uses(&key),
            profiles: key.profiles.iter().map(|id| self.profile_link(id)).collect(),
            names: key.permitted_names.iter().map(ToString::to_string).collect(),
            preauthorized: key.preauthorized,
            created: words::moment(key.created_at, now),
            expires: key.expires_at.map(|at| words::moment(at, now)),
            rotated: key.rotated_at.map(|at| words::moment(at, now)),
            revoked: key.revoked_at.map(|at| self.revoked(at, revocation, now)),
            accounts,
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
            note: key.note,
            created_by: key.created_by,
        })
    }
}

fn status(state: EabKeyState) -> Badge {
    match state {
        EabKeyState::Active => words::badge("active", Tone::Ok),
        EabKeyState::UsedUp => words::badge("used up", Tone::Quiet),
        EabKeyState::Expired => words::badge("expired", Tone::Quiet),
        EabKeyState::Revoked => words::badge("revoked", Tone::Bad),
    }
}

fn uses(key: &EabKey) -> String {
    let used = u64::try_from(key.uses).unwrap_or(0);
    match key.max_uses {
        None => words::counted(used, "account"),
        Some(most) => format!("{} of {}", words::grouped(used), words::counted(u64::from(most), "account")),
    }
}
