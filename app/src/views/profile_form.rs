use std::borrow::Cow;

use super::{Choice, Link, Moment};
use crate::Query;

/// What the form of a profile holds and offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFormView {
    /// The id and the name of the profile that is changed; `None` for a new one.
    pub profile: Option<(String, String)>,
    /// What the fields hold before anything is sent.
    pub stored: Query,
    /// The version that is to be replaced.
    pub version: i64,
    /// What was sent is for an older version than this.
    pub lost_update: Option<LostUpdate>,
    pub issuers: Vec<Choice>,
    pub key_types: Vec<Choice>,
    pub usages: Vec<Choice>,
    pub challenges: Vec<Choice>,
    /// The ids of which a new profile must have one; empty: any.
    pub ids: Vec<String>,
    /// The lengths of time in the form's fields, by their names, as they are understood.
    pub understood: Vec<(&'static str, String)>,
}

/// Somebody has changed the thing since the form was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostUpdate {
    pub changed: Moment,
    /// For those who may know.
    pub by: Option<Link>,
    /// Where what is stored (`before`) and what was sent (`after`) differ.
    pub differences: Vec<FieldChange>,
}

/// A field before and after, in words. Of a list, what was taken away and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    pub label: Cow<'static, str>,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// How many entries of a list are in both.
    pub kept: usize,
}
