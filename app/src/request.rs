//! What the server gives to the rendering of one page.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Backend;

/// Put into leptos' context by the server.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub backend: Arc<dyn Backend>,
    pub assets: Assets,
    pub status: Status,
    /// Who is signed in.
    pub visitor: Option<VisitorView>,
    /// Why what the visitor sent was refused; the page that they sent it from says so.
    pub refusal: Option<String>,
    /// What they sent, where it was a form that keeps its input.
    pub sent: Option<Sent>,
    /// What a form has done that leads here.
    pub done: Option<Done>,
    pub query: Query,
    pub labels: Labels,
    /// Leads to the request's entries in the server's log.
    pub request_id: Arc<str>,
}

impl PageRequest {
    /// Whether the form of this page asks for what only the page itself does. It was let in, and nothing was changed.
    pub fn is_asked(&self) -> bool {
        self.sent.is_some() && self.refusal.is_none()
    }
}

/// A form whose page is shown again: it was refused, or asks for what the page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    pub values: Query,
    /// Empty where it was refused as a whole.
    pub faults: Vec<Fault>,
}

/// What is wrong with a field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field's name, with its place in a list: `permitted_names[2]`.
    pub field: String,
    pub reason: String,
}

impl Fault {
    /// Whether this is about the field of this name.
    pub fn is_of(&self, name: &str) -> bool {
        let rest = self.field.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    }
}

/// What the fields of a page are called, as they are put into it: those who are told what is wrong with a field look for the
/// words that stand beside it.
#[derive(Debug, Clone, Default)]
pub struct Labels(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Labels {
    pub fn put(&self, name: &'static str, label: &str) {
        self.lock().insert(name, label.to_owned());
    }

    pub fn of(&self, name: &str) -> Option<String> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a form has done. It is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Done {
    pub message: String,
    /// A secret that was made and that nobody can read again.
    pub secret: Option<String>,
}

/// Without the secret.
impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("message", &self.message).finish_non_exhaustive()
    }
}

/// The paths of what belongs to every page; their names change with their content.
#[derive(Debug, Clone)]
pub struct Assets {
    pub style: Arc<str>,
    pub script: Arc<str>,
    pub icon: Arc<str>,
}

/// Somebody who is signed in, as every page shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct VisitorView {
    pub name: String,
    /// Their roles and how they signed in.
    pub role: String,
    /// For the forms of the pages.
    pub csrf_token: String,
    /// What every administrator must know at once.
    pub warning: Option<String>,
    /// What they may do, everywhere or within some profiles: names of permissions.
    pub permissions: Vec<&'static str>,
}

/// Without the token.
impl fmt::Debug for VisitorView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VisitorView").field("name", &self.name).finish_non_exhaustive()
    }
}

impl VisitorView {
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(&permission)
    }
}

/// The HTTP status of the answer, as the page decides it.
#[derive(Debug, Clone)]
pub struct Status(Arc<AtomicU16>);

impl Status {
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, status: u16) {
        self.0.store(status, Ordering::Relaxed);
    }
}

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(AtomicU16::new(200)))
    }
}

/// Names with values: the query string of a page, which is the whole state of a list, or the fields of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Adds a value; a name may have several.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// All of it, as it was sent.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of a name, as they were sent.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Without spaces around it; `None` when it is empty, as forms send fields that nobody has filled in.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }
}
