/// A point in time for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339, for machines.
    pub iso: String,
    /// Date and time in UTC.
    pub text: String,
    /// How far away: `4 minutes ago`, `in 3 days`.
    pub hint: String,
}

/// A status: always a word, together with a shape and a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    pub word: String,
    pub tone: Tone,
}

/// What a status means for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Ok,
    /// Something goes on.
    Info,
    /// Worth a look.
    Warn,
    /// Needs somebody.
    Bad,
    /// Over, or of no matter.
    Quiet,
}

/// A thing that has a page, or a name where the reader may not see that page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub text: String,
    pub href: Option<String>,
    /// The whole id, where `text` is shorter.
    pub title: Option<String>,
}

/// That a thing was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    pub at: Moment,
    pub by: Option<Link>,
    /// What was said of it.
    pub reason: Option<String>,
}

/// Something that the reader may do to a thing; it begins on a page of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionLink {
    pub text: &'static str,
    pub href: String,
    /// Whether it takes something away.
    pub danger: bool,
}
