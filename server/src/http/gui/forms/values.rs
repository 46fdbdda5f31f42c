use std::fmt::Display;
use std::str::FromStr;

use app::Query;
use model::Timestamp;

use crate::error::{Error, FieldError, Result};
use crate::http::gui::days;

/// Reads the texts of a form, and keeps what is wrong with each until all are read.
pub struct Values<'s> {
    fields: &'s Query,
    wrong: Vec<FieldError>,
}

impl<'s> Values<'s> {
    pub fn of(fields: &'s Query) -> Self {
        Self { fields, wrong: Vec::new() }
    }

    pub fn text(&self, name: &str) -> String {
        self.fields.get(name).unwrap_or_default().to_owned()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.fields.get(name) == Some("true")
    }

    /// `None` for nothing.
    pub fn read<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.fields.get(name)?);
        parsed.map_err(|reason| self.wrong.push(FieldError::new(name, reason))).ok()
    }

    /// One value, which must be there.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if self.fields.get(name).is_none() {
            self.wrong.push(FieldError::new(name, "it is missing"));
        }
        self.read(name, |text| text.parse().map_err(|e: T::Err| e.to_string()))
    }

    /// A whole number, or nothing.
    pub fn number(&mut self, name: &str, of_nothing: &str) -> Option<u32> {
        self.read(name, |text| {
            text.parse().map_err(|_| format!("`{text}` is not a whole number; nothing means {of_nothing}"))
        })
    }

    /// The end of a day in UTC, or an exact time (RFC 3339).
    pub fn end_of_day(&mut self, name: &str) -> Option<Timestamp> {
        self.read(name, |text| days::parse(text, true))
    }

    /// Every value of a name, and every line of each.
    pub fn lines<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let lines = self.fields.all(name).flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty());
        let mut read = Vec::new();
        for (number, line) in lines.enumerate() {
            match parse(line) {
                Ok(value) => read.push(value),
                Err(reason) => {
                    let field = format!("{name}[{number}]");
                    let named = reason.contains(line);
                    let reason = if named { reason } else { format!("`{line}`: {reason}") };
                    self.wrong.push(FieldError::new(field, reason));
                }
            }
        }
        read
    }

    /// `value`, unless something was wrong.
    pub fn finish<T>(self, value: T) -> Result<T> {
        match self.wrong.is_empty() {
            true => Ok(value),
            false => Err(Error::Invalid(self.wrong)),
        }
    }
}

/// For [`Values::lines`].
pub fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: T::Err| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong<T: std::fmt::Debug>(outcome: Result<T>) -> Vec<(String, String)> {
        match outcome.unwrap_err() {
            Error::Invalid(fields) => fields.into_iter().map(|f| (f.field, f.reason)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_no_value_and_no_fault() {
        let fields = Query::default().with("uses", " ").with("names", "\n \n");
        let mut values = Values::of(&fields);
        assert_eq!(values.number("uses", "any"), None);
        assert_eq!(values.end_of_day("end"), None);
        assert_eq!(values.lines("names", parsed::<u8>), Vec::<u8>::new());
        assert!(values.finish(()).is_ok());
    }

    #[test]
    fn all_faults_are_told_at_once_and_lines_by_their_place() {
        let fields = Query::default()
            .with("uses", "many")
            .with("end", "tomorrow")
            .with("names", "1\r\n\r\nx")
            .with("names", "2");
        let mut values = Values::of(&fields);
        values.number("uses", "any number");
        values.end_of_day("end");
        values.required::<u8>("role");
        assert_eq!(values.lines("names", parsed::<u8>), [1, 2]);
        let wrong = wrong(values.finish(()));
        let named: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(named, ["uses", "end", "role", "names[1]"]);
        assert!(wrong[0].1.contains("any number") && wrong[3].1.contains("`x`"), "{wrong:?}");
    }

    #[test]
    fn a_day_stands_for_its_end() {
        let fields = Query::default().with("end", "2026-01-31").with("exact", "2026-01-31T09:30:00Z");
        let mut values = Values::of(&fields);
        assert_eq!(values.end_of_day("end").unwrap().to_rfc3339(), "2026-02-01T00:00:00Z");
        assert_eq!(values.end_of_day("exact").unwrap().to_rfc3339(), "2026-01-31T09:30:00Z");
    }
}
