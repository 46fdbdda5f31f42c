//! Parts of names and of contacts, as people search for them: a part begins where a label begins and ends anywhere.

use crate::Identifier;

/// So many of a text's last labels are beginnings of parts; the text itself always is. A name has 127 labels at most, and
/// whoever orders such names is not to fill the index with them.
const LABELS: usize = 8;

/// Where parts of `text` may begin, itself first, each from there to the end.
fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    let dots = text.rmatch_indices('.').take(LABELS).filter_map(|(dot, _)| text.get(dot + 1..));
    std::iter::once(text).chain(dots)
}

/// The beginning of a DNS name, or of what is left of one after any of its dots: `shop`, `shop.example.com` and
/// `example.c` are parts of `shop.example.com`. Of an address it is the same, as it is written (RFC 5952).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NamePart(String);

impl NamePart {
    /// The error says what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Ok(whole) = Identifier::parse_any(text) {
            return Ok(Self(whole.value()));
        }
        let part = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
        let name = part.strip_prefix("*.").unwrap_or(&part);
        if part.is_empty() {
            return Err("the name is empty");
        }
        if part.len() > 253 {
            return Err("the name is longer than 253 characters");
        }
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':')) && part != "*"
        {
            return Err("a name has letters, digits, hyphens and dots");
        }
        if name.contains("..") || name.starts_with('.') {
            return Err("the name has an empty label");
        }
        Ok(Self(part))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts that find `name`, from each of its labels to its end.
    pub fn all_of(name: &str) -> impl Iterator<Item = &str> {
        beginnings(name)
    }
}

/// The beginning of an e-mail address, or of what is left of one after `@` or a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPart(String);

impl ContactPart {
    /// The error says what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let part = labels_of_contact(text);
        let part = part.strip_prefix('.').unwrap_or(&part);
        match part.len() {
            0 => Err("the contact is empty"),
            1..=254 => Ok(Self(part.to_owned())),
            _ => Err("the contact is longer than 254 characters"),
        }
    }

    /// With a dot in place of `@`, which here parts labels like any other.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts that find `contact`.
    pub fn all_of(contact: &str) -> Vec<String> {
        beginnings(&labels_of_contact(contact)).map(str::to_owned).collect()
    }
}

fn labels_of_contact(contact: &str) -> String {
    let contact = contact.trim().to_ascii_lowercase();
    contact.strip_prefix("mailto:").unwrap_or(&contact).replace('@', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_at_a_label_and_ends_anywhere() {
        let parts: Vec<_> = NamePart::all_of("a.example.com").collect();
        assert_eq!(parts, ["a.example.com", "com", "example.com"]);
        assert_eq!(NamePart::all_of("localhost").collect::<Vec<_>>(), ["localhost"]);
        for (text, part) in [
            ("Shop.EXAMPLE.c", "shop.example.c"),
            (".example.com", "example.com"),
            ("*.example.com", "*.example.com"),
            ("*", "*"),
            ("a-", "a-"),
            ("10.0.", "10.0."),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:DB8", "2001:db8"),
        ] {
            assert_eq!(NamePart::parse(text).unwrap().as_str(), part);
        }
        for bad in ["", ".", "a..b", "..", "a b", "a*", "a_b", "%", "é", "*.*.a", "*..a", &"a".repeat(254)] {
            assert!(NamePart::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_many_labels_have_few_parts() {
        let deep = "a.".repeat(120) + "example.com";
        assert_eq!(NamePart::all_of(&deep).count(), LABELS + 1);
        assert!(NamePart::all_of(&deep).any(|part| part == "example.com") && deep.starts_with("a.a"));
    }

    #[test]
    fn an_address_is_found_by_its_user_and_by_its_domain() {
        let parts = ContactPart::all_of("mailto:Web.Team@example.com");
        assert_eq!(parts, ["web.team.example.com", "com", "example.com", "team.example.com"]);
        for text in ["mailto:web", "team@exam", "@example.com", "EXAMPLE", "web.team@example.com"] {
            let part = ContactPart::parse(text).unwrap();
            assert!(parts.iter().any(|p| p.starts_with(part.as_str())), "{text}");
        }
        assert!(ContactPart::parse("").is_err() && ContactPart::parse(&"x".repeat(255)).is_err());
    }
}
