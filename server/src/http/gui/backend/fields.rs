//! The query of a list's page: its filters, and where in the list it is.

use std::fmt::Display;
use std::str::FromStr;

use app::Query;
use app::views::{Choice, Filter, FilterKind, ListView};
use model::{Page, PageRequest, Timestamp};

use super::words;
use crate::http::gui::days;

pub const CURSOR: &str = "cursor";

/// Reads the filters of a list one by one, and keeps them for the form above the list.
pub struct Fields<'q> {
    path: &'static str,
    query: &'q Query,
    filters: Vec<Filter>,
    order: &'static str,
    limit: u32,
    fault: Option<String>,
}

impl<'q> Fields<'q> {
    pub fn new(path: &'static str, query: &'q Query) -> Self {
        let limit = PageRequest::DEFAULT_LIMIT;
        Self { path, query, filters: Vec::new(), order: "newest first", limit, fault: None }
    }

    /// A filter that reads its text by `parse`.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        label: &'static str,
        kind: FilterKind,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.query.get(name).unwrap_or_default();
        let (parsed, error) = match value {
            "" => (None, None),
            text => match parse(text) {
                Ok(parsed) => (Some(parsed), None),
                Err(reason) => (None, Some(reason)),
            },
        };
        self.filters.push(Filter { name, label, value: value.to_owned(), error, help: None, kind });
        parsed
    }

    /// Says how the filter that was read last compares.
    pub fn help(&mut self, help: &'static str) {
        if let Some(filter) = self.filters.last_mut() {
            filter.help = Some(help);
        }
    }

    /// A part of a name or the like, compared as `help` says.
    pub fn part<T>(
        &mut self,
        name: &'static str,
        label: &'static str,
        (example, help): (&'static str, &'static str),
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let part = self.read(name, label, FilterKind::Text { example }, |text| {
            parse(text.trim()).map_err(str::to_owned)
        });
        self.help(help);
        part
    }

    /// The order of the list: one of `choices` (value and words); without a choice, in the words `usual`.
    pub fn order<T: FromStr<Err: Display> + Display>(
        &mut self,
        usual: &'static str,
        choices: impl IntoIterator<Item = (T, &'static str)>,
    ) -> Option<T> {
        let choices = choices.into_iter();
        let choices = choices.map(|(value, text)| Choice { value: value.to_string(), text: text.to_owned() });
        self.read("sort", "Order", FilterKind::Order(usual, choices.collect()), |text| {
            text.parse().map_err(|e: T::Err| e.to_string())
        })
    }

    /// The order that the list has, in words.
    pub fn in_order(&mut self, words: &'static str) {
        self.order = words;
    }

    /// A text that is taken as it is.
    pub fn text(&mut self, name: &'static str, label: &'static str, example: &'static str) -> Option<String> {
        self.read(name, label, FilterKind::Text { example }, |text| match text.len() {
            ..=300 => Ok(text.to_owned()),
            _ => Err("at most 300 characters are allowed".to_owned()),
        })
    }

    pub fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
        label: &'static str,
        example: &'static str,
    ) -> Option<T> {
        self.read(name, label, FilterKind::Text { example }, |text| {
            text.parse().map_err(|e: T::Err| e.to_string())
        })
    }

    /// One of `choices` (value and words), which are the words of a type.
    pub fn choice<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (String, String)>,
    ) -> Option<T> {
        let choices = choices.into_iter().map(|(value, text)| Choice { value, text }).collect();
        self.read(name, label, FilterKind::Choice(choices), |text| {
            text.parse().map_err(|e: T::Err| e.to_string())
        })
    }

    /// A day or an exact time (RFC 3339). `end`: a day stands for its end, else for its beginning.
    pub fn day(&mut self, name: &'static str, label: &'static str, end: bool) -> Option<Timestamp> {
        self.read(name, label, FilterKind::Day, |text| days::parse(text, end))
    }

    /// Where in the list the page begins.
    pub fn page(&mut self) -> PageRequest {
        let after = self.query.get(CURSOR);
        let page = crate::http::api::page(after, None);
        page.unwrap_or_else(|_| {
            self.fault = Some("The address is not that of a page of this list.".to_owned());
            PageRequest::default()
        })
    }

    /// Whether the list cannot be read, because something in its URL is wrong.
    pub fn is_wrong(&self) -> bool {
        self.fault.is_some() || self.filters.iter().any(|filter| filter.error.is_some())
    }

    /// The page without rows, for a query that is wrong.
    pub fn without_rows<R>(self) -> ListView<R> {
        self.with_rows(Page { items: Vec::new(), next: None })
    }

    pub fn with_rows<R>(self, page: Page<R>) -> ListView<R> {
        let restricts = |filter: &&Filter| !matches!(filter.kind, FilterKind::Order(..));
        let filtered = self.filters.iter().filter(restricts).any(|filter| !filter.value.is_empty());
        let room = page.items.len() < usize::try_from(self.limit).unwrap_or(0);
        let searched = page.next.as_deref().filter(|_| room).and_then(reached).map(words::date_and_time);
        let url = |cursor: Option<&str>| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let set = self.filters.iter().filter(|filter| !filter.value.is_empty());
            set.for_each(|filter| {
                query.append_pair(filter.name, &filter.value);
            });
            cursor.map(|cursor| query.append_pair(CURSOR, cursor));
            match query.finish() {
                query if query.is_empty() => self.path.to_owned(),
                query => format!("{}?{query}", self.path),
            }
        };
        ListView {
            filtered,
            rows: page.items,
            first: self.query.get(CURSOR).map(|_| url(None)),
            next: page.next.as_deref().map(|next| url(Some(next))),
            order: self.order,
            searched,
            fault: self.fault,
            filters: self.filters,
            actions: Vec::new(),
        }
    }
}

/// The time at which a page ends: that of the list, or that in the id.
fn reached(cursor: &str) -> Option<Timestamp> {
    let (before, after) = cursor.split_once('-')?;
    match before.parse() {
        Ok(micros) => Some(Timestamp::from_unix_micros(micros)),
        Err(_) => {
            let millis = i64::from_str_radix(after.get(..12)?, 16).ok()?;
            Some(Timestamp::from_unix_micros(millis.checked_mul(1000)?))
        }
    }
}

/// The words of a type, each standing for itself.
pub fn words<T: ToString>(all: &[T]) -> Vec<(String, String)> {
    all.iter().map(|word| (word.to_string(), word.to_string().replace('_', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Query {
        Query::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_urls_of_a_list_carry_its_filters() {
        let query = query(&[("name", "a&b c"), ("status", ""), ("cursor", "ord-1")]);
        let mut fields = Fields::new("/things", &query);
        assert_eq!(fields.text("name", "Name", "").as_deref(), Some("a&b c"));
        assert_eq!(fields.text("status", "Status", ""), None);
        assert_eq!(fields.page().after.as_deref(), Some("ord-1"));
        let view = fields.with_rows(Page { items: vec![1], next: Some("ord-2".to_owned()) });
        assert_eq!(view.first.as_deref(), Some("/things?name=a%26b+c"));
        assert_eq!(view.next.as_deref(), Some("/things?name=a%26b+c&cursor=ord-2"));
        assert!(view.filtered && !view.is_wrong());
    }

    #[test]
    fn a_search_that_is_to_go_on_says_how_far_it_looked() {
        let query = query(&[("sort", "valid")]);
        let mut fields = Fields::new("/things", &query);
        let order = fields.order::<model::OrderStatus>("newest", [(model::OrderStatus::Valid, "valid ones")]);
        assert_eq!(order, Some(model::OrderStatus::Valid));
        let next = Some("ord-019bff5e0c0070008000000000000000".to_owned());
        let view = fields.with_rows(Page { items: vec![1], next });
        assert_eq!(view.searched.as_deref(), Some("2026-01-27 12:11:52"));
        assert!(view.next.is_some() && !view.filtered, "an order is no filter");
        let next = Some("1769538000000000-ord-019bff5e0c0070008000000000000000".to_owned());
        let view = Fields::new("/things", &query).with_rows(Page { items: vec![1], next });
        assert_eq!(view.searched.as_deref(), Some("2026-01-27 18:20:00"));
        let full = Page { items: vec![1; 50], next: Some("ord-1".to_owned()) };
        assert_eq!(Fields::new("/things", &query).with_rows(full).searched, None);
    }

    #[test]
    fn a_wrong_value_stays_and_says_what_is_wrong() {
        let query = query(&[("since", "yesterday"), ("until", "2026-01-31"), ("cursor", "<")]);
        let mut fields = Fields::new("/things", &query);
        assert_eq!(fields.day("since", "From", false), None);
        let end = fields.day("until", "To", true).unwrap();
        assert_eq!(end.to_rfc3339(), "2026-02-01T00:00:00Z");
        fields.page();
        assert!(fields.is_wrong());
        let view = fields.without_rows::<()>();
        assert_eq!(view.filters[0].value, "yesterday");
        assert!(view.filters[0].error.as_deref().unwrap().contains("2026-01-31"));
        assert!(view.fault.is_some());
    }
}
