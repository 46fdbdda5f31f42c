//! JSON objects whose member names must be unique. RFC 7515 §4 and RFC 7517 §4 demand it of headers and keys: where
//! two readers of one text may each pick another `jwk`, a signature proves nothing.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Problem;

/// The members of an object as they stand in the text.
pub(crate) struct Object<'a> {
    what: &'static str,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// `what` names the object in problems, e.g. "the JWS".
    ///
    /// # Errors
    /// `malformed` when `text` is anything but one JSON object with unique member names.
    pub(crate) fn parse(text: &'a [u8], what: &'static str) -> Result<Self, Problem> {
        match serde_json::from_slice::<Members<'a>>(text) {
            Ok(Members(members)) => Ok(Self { what, members }),
            Err(error) => Err(not_understood(what, &error)),
        }
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The string `name`.
    ///
    /// # Errors
    /// `malformed` when it is no string.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Problem> {
        let Some(raw) = self.raw(name) else {
            return Ok(None);
        };
        match serde_json::from_str::<Text<'a>>(raw.get()) {
            Ok(Text(text)) => Ok(Some(text)),
            Err(_) => Err(Problem::malformed(format!("`{name}` in {} is not a string.", self.what))),
        }
    }
}

/// The problem for JSON that serde refused. The error names the place and what was expected there; it is cut, since
/// it may quote what the client sent.
pub(crate) fn not_understood(what: &str, error: &serde_json::Error) -> Problem {
    let reason: String = error.to_string().chars().take(200).collect();
    match error.is_data() {
        true => Problem::malformed(format!("Wrong content in {what}: {reason}.")),
        false => Problem::malformed(format!("No valid JSON in {what}: {reason}.")),
    }
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(4);
                while let Some(Text(name)) = map.next_key()? {
                    members.push((name, map.next_value::<&'de RawValue>()?));
                }
                refuse_duplicates(&members)?;
                Ok(Members(members))
            }
        }
        d.deserialize_map(Collect)
    }
}

/// Sorts instead of comparing each with each: the client decides how many members there are.
fn refuse_duplicates<E: serde::de::Error>(members: &[(Cow<'_, str>, &RawValue)]) -> Result<(), E> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    match names.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(E::custom("a member occurs twice")),
        false => Ok(()),
    }
}

/// A string that is borrowed where it has no escapes; serde's own `Cow` always copies.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        d.deserialize_str(Borrow)
    }
}
