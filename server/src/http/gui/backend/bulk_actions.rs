//! What is done to many certificates at once.

use app::Query;
use app::views::{
    ActionLink, BulkActionRow, BulkActionView, Link, ListView, NewBulkActionView, SelectionView, Tone,
};
use model::{
    BulkAction, BulkActionId, BulkActionState, BulkChange, BulkKind, BulkSelection, Caller,
    CertificateFilter, CertificateId, CertificateState, Timestamp,
};

use super::certificates::{self, PATH as CERTIFICATES};
use super::fields::{CURSOR, Fields};
use super::{Services, certificate_actions, words};
use crate::error::{Error, FieldError, Result};
use crate::http::api::bulk_actions::parse_id;
use crate::services::bulk_actions::{self, Preview};

const PATH: &str = "/bulk-actions";
const NEW: &str = "/bulk-actions/new";
/// What the forms send: what is done, to which certificates, or to all that the filter finds as it was at a time.
const KIND: &str = "do";
const ID: &str = "id";
const ALL: &str = "all";
const AS_OF: &str = "as_of";
/// What the page of the question asks for itself.
const ASKED: [&str; 3] = ["reason", "comment", "explanation_url"];

impl Services {
    /// How several certificates of the list with this query are selected; `None` for those who may do nothing to any.
    pub(super) fn selection(&self, query: &Query, filter: &CertificateFilter) -> Option<SelectionView> {
        let kinds = [BulkKind::Renew, BulkKind::Revoke].into_iter();
        let kinds: Vec<_> = kinds.filter(|kind| self.may(bulk_actions::permission(*kind))).collect();
        if kinds.is_empty() {
            return None;
        }
        let change = |kind: BulkKind, href: String| ActionLink {
            text: match kind {
                BulkKind::Renew => "Renew now",
                BulkKind::Revoke => "Revoke",
            },
            href,
            danger: kind == BulkKind::Revoke,
        };
        let kept = |left_out: &[&str]| {
            let mut url = url::form_urlencoded::Serializer::new(String::new());
            let kept =
                query.pairs().filter(|(name, value)| !left_out.contains(name) && !value.trim().is_empty());
            url.extend_pairs(kept);
            url
        };
        let by_filter = |kind: BulkKind| {
            let mut url = kept(&[certificates::SELECTED, CURSOR]);
            change(
                kind,
                format!("{NEW}?{}", url.append_pair(KIND, kind.as_str()).append_pair(ALL, "true").finish()),
            )
        };
        let all = query.get(certificates::SELECTED) == Some("page");
        let mut toggle = kept(&[certificates::SELECTED]);
        if !all {
            toggle.append_pair(certificates::SELECTED, "page");
        }
        let valid = matches!(filter.state, None | Some(CertificateState::Valid));
        let filtered = valid && bulk_actions::is_restricted(filter);
        Some(SelectionView {
            changes: kinds.iter().map(|kind| change(*kind, kind.as_str().to_owned())).collect(),
            all,
            toggle: format!("{CERTIFICATES}?{}", toggle.finish()),
            by_filter: kinds.iter().filter(|_| filtered).map(|kind| by_filter(*kind)).collect(),
        })
    }

    pub(super) async fn list_bulk_actions(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<ListView<BulkActionRow>> {
        let mut fields = Fields::new(PATH, query);
        let page = fields.page();
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let found = bulk_actions::list(&self.state.core, caller, page).await?;
        Ok(fields.with_rows(found.map(|action| self.bulk_action_row(&action, now))))
    }

    fn bulk_action_row(&self, a: &BulkAction, now: Timestamp) -> BulkActionRow {
        BulkActionRow {
            action: Link { text: heading(a), href: Some(format!("{PATH}/{}", a.id)), title: None },
            why: a.change.why().to_owned(),
            status: status(a.state),
            done: words::grouped(a.done),
            failed: words::grouped(a.failed),
            left: left(a),
            by: self.actor_link(&a.actor.to_string()),
            started: words::moment(a.created_at, now),
        }
    }

    /// Asks before something is done. What is selected stands in `query`.
    pub(super) async fn show_new_bulk_action(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<NewBulkActionView> {
        let (core, now) = (&self.state.core, self.state.core.now());
        let mut view = NewBulkActionView {
            revokes: false,
            count: String::new(),
            filter: Vec::new(),
            first: Vec::new(),
            more: false,
            fields: Vec::new(),
            reasons: certificate_actions::reasons(),
            back: back(query),
            fault: None,
            wrong: false,
        };
        let preview = async {
            let (kind, selection) = (kind(query)?, selection(query)?);
            let preview = bulk_actions::preview(core, caller, kind, selection.clone()).await?;
            Ok((kind, selection, preview))
        };
        let (kind, selection, Preview { total, first }) = match preview.await {
            Ok(preview) => preview,
            Err(Error::Invalid(faults)) => {
                let reasons: Vec<_> = faults.into_iter().map(|fault| fault.reason).collect();
                (view.fault, view.wrong) = (Some(reasons.join("; ")), true);
                return Ok(view);
            }
            Err(other) => return Err(other),
        };
        if total == 0 {
            view.fault = Some("there is no valid certificate among them".to_owned());
        }
        view.revokes = kind == BulkKind::Revoke;
        view.count = counted(total);
        view.more = total > first.len() as u64;
        view.first = first.into_iter().map(|certificate| self.certificate_row(certificate, now)).collect();
        view.fields = query
            .pairs()
            .filter(|(name, value)| !ASKED.contains(name) && !value.trim().is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let BulkSelection::Filter(filter) = &selection {
            view.filter = described(filter);
            if !query.has(AS_OF) {
                view.fields.push((AS_OF.to_owned(), now.to_rfc3339()));
            }
        }
        Ok(view)
    }

    pub(super) async fn show_bulk_action(
        &self,
        caller: &Caller,
        id: &str,
        query: &Query,
    ) -> Result<BulkActionView> {
        let (core, now) = (&self.state.core, self.state.core.now());
        let id = parse_id(id)?;
        let a = bulk_actions::find(core, caller, &id).await?;
        let failures = self.bulk_failures(caller, &id, query.get(CURSOR)).await?;
        let running = a.state == BulkActionState::Running;
        let may_stop =
            a.actor == caller.actor || caller.rights.allows(bulk_actions::permission(a.change.kind()));
        let stop = (running && may_stop).then(|| ActionLink {
            text: "Stop",
            href: format!("{PATH}/{id}/stop"),
            danger: true,
        });
        let replaced = (a.change.kind() == BulkKind::Renew).then(|| match a.replaced {
            Some((count, at)) => (words::grouped(count), Some(words::moment(at, now))),
            None => ("–".to_owned(), None),
        });
        Ok(BulkActionView {
            heading: heading(&a),
            status: status(a.state),
            running,
            done: words::grouped(a.done),
            failed: words::grouped(a.failed),
            left: left(&a),
            progress: (a.total <= BulkAction::COUNTED).then_some((a.done + a.failed, a.total)),
            replaced,
            note: a.note.clone(),
            by: self.actor_link(&a.actor.to_string()),
            started: words::moment(a.created_at, now),
            ended: a.ended_at.map(|at| words::moment(at, now)),
            facts: facts(&a),
            failures,
            actions: stop.into_iter().collect(),
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
        })
    }

    /// A page of the certificates that an action has left as they were.
    async fn bulk_failures(
        &self,
        caller: &Caller,
        id: &BulkActionId,
        cursor: Option<&str>,
    ) -> Result<ListView<(Link, String)>> {
        let page = crate::http::api::page(cursor, None)?;
        let found = bulk_actions::failures(&self.state.core, caller, id, &page).await?;
        let url = |cursor: &str| format!("{PATH}/{id}?{CURSOR}={cursor}");
        Ok(ListView {
            filters: Vec::new(),
            filtered: false,
            order: "newest first",
            searched: None,
            first: cursor.map(|_| format!("{PATH}/{id}")),
            next: found.next.as_deref().map(url),
            rows: found
                .items
                .into_iter()
                .map(|f| (self.certificate_link(&f.certificate_id), f.reason))
                .collect(),
            fault: None,
            actions: Vec::new(),
        })
    }
}

/// What is to be done.
pub fn kind(sent: &Query) -> Result<BulkKind> {
    let kind = sent.get(KIND).unwrap_or_default();
    kind.parse().map_err(|e: model::UnknownWord| Error::invalid(KIND, e.to_string()))
}

/// The certificates that a form or an address means.
pub fn selection(sent: &Query) -> Result<BulkSelection> {
    if sent.get(ALL) != Some("true") {
        let ids = sent.all(ID).map(str::parse::<CertificateId>).collect::<Result<_, _>>();
        return ids.map(BulkSelection::Ids).map_err(|e| Error::invalid("selection", e.to_string()));
    }
    let mut fields = Fields::new(CERTIFICATES, sent);
    let filter = certificates::filter(&mut fields);
    if !fields.is_wrong() {
        return Ok(BulkSelection::Filter(Box::new(filter)));
    }
    let view = fields.without_rows::<()>();
    let errors = view.filters.into_iter().filter_map(|filter| filter.error).chain(view.fault);
    Err(Error::Invalid(errors.map(|reason| FieldError::new("selection", reason)).collect()))
}

/// When the certificates were counted that a filter finds.
pub fn as_of(sent: &Query) -> Option<Timestamp> {
    sent.get(AS_OF).and_then(Timestamp::parse_rfc3339)
}

/// The list that the selection was made in, as far as it is known.
fn back(query: &Query) -> String {
    let own = [KIND, ID, ALL, AS_OF].into_iter().chain(ASKED);
    let own: Vec<_> = own.collect();
    let mut url = url::form_urlencoded::Serializer::new(String::new());
    url.extend_pairs(query.pairs().filter(|(name, value)| !own.contains(name) && !value.is_empty()));
    match url.finish() {
        query if query.is_empty() => CERTIFICATES.to_owned(),
        query => format!("{CERTIFICATES}?{query}"),
    }
}

fn heading(a: &BulkAction) -> String {
    match a.change.kind() {
        BulkKind::Revoke => format!("Revoke {}", counted(a.total)),
        BulkKind::Renew => format!("Renew {} now", counted(a.total)),
    }
}

fn counted(total: u64) -> String {
    match total {
        0..=BulkAction::COUNTED => words::counted(total, "certificate"),
        _ => format!("more than {}", words::counted(BulkAction::COUNTED, "certificate")),
    }
}

fn left(a: &BulkAction) -> String {
    match a.left() {
        Some(left) => words::grouped(left),
        None => "not counted".to_owned(),
    }
}

fn status(state: BulkActionState) -> app::views::Badge {
    let tone = match state {
        BulkActionState::Running => Tone::Info,
        BulkActionState::Done => Tone::Ok,
        BulkActionState::Stopped => Tone::Warn,
    };
    words::badge(state.as_str(), tone)
}

/// What was asked for, in words.
fn facts(a: &BulkAction) -> Vec<(String, String)> {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut facts = vec![fact("Why", a.change.why())];
    match &a.change {
        BulkChange::Revoke { reason, .. } => facts.push(fact("Reason", reason.name())),
        BulkChange::Renew { explanation_url: Some(url), .. } => facts.push(fact("Explanation", url)),
        BulkChange::Renew { .. } => {}
    }
    match &a.selection {
        BulkSelection::Ids(_) => facts.push(fact("Which", "selected one by one")),
        BulkSelection::Filter(filter) => facts.extend(described(filter)),
    }
    facts
}

/// What a filter demands. Every field is named here, so that none is passed over in silence.
fn described(filter: &CertificateFilter) -> Vec<(String, String)> {
    let CertificateFilter {
        name,
        name_part,
        serial,
        sha256,
        account_id,
        order_id,
        profile_id,
        within,
        issuer_id,
        state,
        expires_after,
        expires_before,
        created_after,
        created_before,
        superseded,
        renewal_demanded,
        // How they are listed is no matter.
        order: _,
        page: _,
    } = filter;
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let all = [
        ("Name", name.clone()),
        ("Part of a name", name_part.as_ref().map(|part| part.as_str().to_owned())),
        ("Serial", serial.clone()),
        ("SHA-256", sha256.clone()),
        ("Account", account_id.as_ref().map(ToString::to_string)),
        ("Order", order_id.as_ref().map(ToString::to_string)),
        ("Profile", profile_id.as_ref().map(ToString::to_string)),
        (
            "Profiles",
            (!within.is_empty())
                .then(|| within.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ),
        ("Issuer", issuer_id.as_ref().map(ToString::to_string)),
        ("Status", state.map(|state| state.to_string())),
        ("Expires from", expires_after.map(Timestamp::to_rfc3339)),
        ("Expires before", expires_before.map(Timestamp::to_rfc3339)),
        ("Issued from", created_after.map(Timestamp::to_rfc3339)),
        ("Issued before", created_before.map(Timestamp::to_rfc3339)),
        ("Replaced", superseded.map(yes)),
        ("To be renewed at once", renewal_demanded.map(yes)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
