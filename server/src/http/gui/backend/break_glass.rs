use app::views::{Badge, BreakGlassView, Link, PasswordRow, Tone};
use model::{Caller, Permission, Timestamp};

use super::users::shown_name;
use super::{Services, words};
use crate::error::Result;
use crate::services::break_glass::{self, PasswordState};

impl Services {
    pub(super) async fn show_break_glass(&self, caller: &Caller) -> Result<BreakGlassView> {
        let core = &self.state.core;
        let found = break_glass::list(core, caller).await?;
        let now = core.now();
        let events = [("used", "Uses"), ("refused", "Refusals"), ("password_set", "Passwords set")];
        let events = events.into_iter().filter_map(|(action, text)| {
            let list = format!("/audit?action=break_glass.{action}");
            let href = self.list_link(Permission::AuditRead, &list);
            href.map(|href| Link { text: text.to_owned(), href: Some(href), title: None })
        });
        Ok(BreakGlassView {
            enabled: core.break_glass.enabled,
            passwords: found.into_iter().map(|state| self.password_row(&state, now)).collect(),
            shortest: break_glass::MIN_PASSWORD,
            events: events.collect(),
        })
    }

    fn password_row(&self, state: &PasswordState, now: Timestamp) -> PasswordRow {
        PasswordRow {
            user: Link { text: shown_name(&state.user), ..self.user_link(&state.user.id) },
            status: status(state, now),
            failures: u64::try_from(state.failures).unwrap_or(0),
            locked_until: state.locked_until.filter(|until| *until > now).map(|at| words::moment(at, now)),
            changed: words::moment(state.changed_at, now),
            last_used: state.last_used_at.map(|at| words::moment(at, now)),
        }
    }
}

fn status(state: &PasswordState, now: Timestamp) -> Badge {
    match state.locked_until {
        _ if state.user.deactivated_at.is_some() => words::badge("deactivated", Tone::Quiet),
        Some(until) if until > now => words::badge("locked", Tone::Warn),
        _ => words::badge("set", Tone::Ok),
    }
}
