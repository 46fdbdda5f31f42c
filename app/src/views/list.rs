use super::Link;

/// A page of a list. All of its state is in its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListView<R> {
    pub filters: Vec<Filter>,
    /// Whether a filter is in force, so that an empty page says what it means.
    pub filtered: bool,
    pub rows: Vec<R>,
    /// Where the list begins; `None` on its first page.
    pub first: Option<String>,
    /// `None` on the last page.
    pub next: Option<String>,
    /// The order of the rows, in words.
    pub order: &'static str,
    /// How far a search looked that is to go on from `next` although the page has room.
    pub searched: Option<String>,
    /// What is wrong with the URL beside its filters.
    pub fault: Option<String>,
    /// What can be done beside reading it.
    pub actions: Vec<Link>,
}

impl<R> ListView<R> {
    /// Whether the list was not read, because the URL is wrong.
    pub fn is_wrong(&self) -> bool {
        self.fault.is_some() || self.filters.iter().any(|filter| filter.error.is_some())
    }
}

/// A field of the form above a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub name: &'static str,
    pub label: &'static str,
    /// As it was given, also when it is wrong.
    pub value: String,
    pub error: Option<String>,
    /// How it compares, where that is not plain.
    pub help: Option<&'static str>,
    pub kind: FilterKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterKind {
    Text {
        example: &'static str,
    },
    /// One of these or any.
    Choice(Vec<Choice>),
    /// The order of the list, which restricts nothing; without a choice, in these words.
    Order(&'static str, Vec<Choice>),
    Day,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub text: String,
}
