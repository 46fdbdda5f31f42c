//! Contact URLs of accounts (RFC 8555 §7.3).

use model::DnsName;

use crate::Problem;

const MAX_CONTACTS: usize = 10;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 5321 §4.5.3.1.3: a path has 256 octets, two of them are `<` and `>`.
const MAX_ADDRESS: usize = 254;

/// Checks the contacts that a client gives for its account. An empty list is fine.
///
/// An address is accepted when mail can be sent to it in the usual form: a dot-atom (RFC 5322 §3.2.3, with the letters
/// of RFC 6531), one `@`, a DNS name. One label is enough (`admin@localhost`): private networks have such hosts. Quoted
/// local parts and address literals are refused; nobody has them, and they break the programs that read them later.
///
/// # Errors
/// `unsupportedContact` for another scheme than `mailto`, `invalidContact` for a wrong address or too many.
pub fn check_contacts(contacts: &[String]) -> Result<(), Problem> {
    if contacts.len() > MAX_CONTACTS {
        return Err(Problem::invalid_contact(format!("An account has at most {MAX_CONTACTS} contacts.")));
    }
    contacts.iter().enumerate().try_for_each(|(index, contact)| check(index + 1, contact))
}

/// `number` tells the client which one it is: the text itself may be anything.
fn check(number: usize, contact: &str) -> Result<(), Problem> {
    let address = match contact.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto") => rest,
        _ => {
            return Err(Problem::unsupported_contact(format!(
                "Contact {number} is not a `mailto:` URL; no other kind is supported."
            )));
        }
    };
    fault_of(address).map_or(Ok(()), |fault| {
        Err(Problem::invalid_contact(format!("Contact {number} is not acceptable: {fault}.")))
    })
}

/// What is wrong with the part of a `mailto` URL after the colon.
fn fault_of(encoded: &str) -> Option<&'static str> {
    if encoded.contains('?') {
        return Some("header fields (`?…`) are not allowed");
    }
    if encoded.contains(',') {
        return Some("only one address is allowed");
    }
    let Some(address) = percent_decode(encoded) else {
        return Some("its percent-encoding is wrong");
    };
    if address.len() > MAX_ADDRESS {
        return Some("the address is longer than 254 octets");
    }
    let Some((local, domain)) = address.split_once('@') else {
        return Some("the address has no `@`");
    };
    if domain.contains('@') {
        return Some("the address has more than one `@`");
    }
    if local.len() > MAX_LOCAL_PART {
        return Some("what stands before the `@` is longer than 64 octets");
    }
    if !local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext)) {
        return Some("what stands before the `@` has a character or a dot that does not belong there");
    }
    match DnsName::parse(domain) {
        Ok(name) if !name.is_wildcard() => None,
        _ => Some("what stands after the `@` is not a DNS name"),
    }
}

/// RFC 5322 §3.2.3, RFC 6531 §3.3.
fn is_atext(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        false => c.is_alphanumeric(),
    }
}

/// RFC 3986 §2.1; `None` when a `%` stands without two digits or the octets are not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => (hex_digit(rest.next()?)? << 4) | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

fn hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}
