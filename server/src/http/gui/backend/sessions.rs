use app::Query;
use app::views::{Link, ListView, SessionRow};
use model::{Caller, Permission, Principal, Session, SessionFilter, SignInMethod, Timestamp};

use super::fields::Fields;
use super::{Services, words};
use crate::error::Result;
use crate::http::api::sessions::parse_id;
use crate::services::sessions;

const PATH: &str = "/sessions";

impl Services {
    pub(super) async fn list_sessions(&self, caller: &Caller, query: &Query) -> Result<ListView<SessionRow>> {
        let mut fields = Fields::new(PATH, query);
        let filter = SessionFilter {
            user_id: fields.parsed("user", "User", "usr-…"),
            api_key_id: fields.parsed("api_key", "API key", "key-…"),
            page: fields.page(),
        };
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let core = &self.state.core;
        let found = sessions::list(core, caller, filter).await?;
        let owners = sessions::owners(core, &found.items).await?;
        let now = core.now();
        let mut view = fields.with_rows(found.map(|session| {
            let owner = self.owner_link(&session.principal, owners.get(&session.principal).cloned());
            SessionRow { owner: Some(owner), ..self.session_row(caller, &session, now) }
        }));
        if self.may(Permission::SessionRevoke) {
            let href = Some(format!("{PATH}/end-all"));
            view.actions = vec![Link { text: "End all sessions".to_owned(), href, title: None }];
        }
        Ok(view)
    }

    pub(super) async fn show_session(&self, caller: &Caller, id: &str) -> Result<SessionRow> {
        let core = &self.state.core;
        let session = sessions::find(core, caller, &parse_id(id)?).await?;
        let owners = sessions::owners(core, std::slice::from_ref(&session)).await?;
        let owner = self.owner_link(&session.principal, owners.get(&session.principal).cloned());
        Ok(SessionRow { owner: Some(owner), ..self.session_row(caller, &session, core.now()) })
    }

    /// Without its owner.
    pub(super) fn session_row(&self, caller: &Caller, session: &Session, now: Timestamp) -> SessionRow {
        SessionRow {
            id: session.id.to_string(),
            owner: None,
            way: way_of(session),
            client_ip: session.client_ip.map(|ip| ip.to_string()),
            user_agent: session.user_agent.clone(),
            began: words::moment(session.created_at, now),
            last_seen: words::moment(session.last_seen_at, now),
            ends: words::moment(self.state.core.sessions.end_of(session), now),
            current: caller.session.as_ref() == Some(&session.id),
            end: self.may(Permission::SessionRevoke).then(|| format!("{PATH}/{}/end", session.id)),
        }
    }

    fn owner_link(&self, owner: &Principal, name: Option<String>) -> Link {
        match owner {
            Principal::User(id) => {
                Link { text: name.unwrap_or_else(|| id.to_string()), ..self.user_link(id) }
            }
            Principal::ApiKey(id) => {
                let text = name.map_or_else(|| id.to_string(), |name| format!("API key {name}"));
                Link { text, ..self.api_key_link(id) }
            }
        }
    }
}

/// How somebody signed in, in words.
pub fn way_of(session: &Session) -> String {
    let way = match session.method {
        SignInMethod::ApiKey => "API key",
        SignInMethod::BreakGlass => "break-glass password",
        SignInMethod::LoginLink => "one-time link",
        SignInMethod::Oidc => "identity provider",
    };
    session.provider_id.as_ref().map_or_else(|| way.to_owned(), |id| format!("{way} {id}"))
}
