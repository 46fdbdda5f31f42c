use serde::{Deserialize, Deserializer};

/// Where to go after signing in: a path of this server and nothing else, so that nobody can be led elsewhere by a
/// link to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    const MAX: usize = 1000;

    /// The start page for everything that is not plainly a path: browsers read `//host` and `/\host` as another
    /// host, and drop tabs and line feeds from URLs.
    pub fn parse(text: &str) -> Self {
        let local = text.starts_with('/') && !text.starts_with("//") && text.len() <= Self::MAX;
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        Self(if local && plain { text.to_owned() } else { "/".to_owned() })
    }

    /// The sign-in page that leads there.
    pub fn sign_in_page(&self) -> String {
        self.through("/sign-in")
    }

    /// `path` with this in its query.
    pub fn through(&self, path: &str) -> String {
        if self.0 == "/" {
            return path.to_owned();
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("{path}?{}", query.append_pair("return_to", &self.0).finish())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl<'de> Deserialize<'de> for ReturnTo {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(d)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_returned_to() {
        for own in ["/", "/account", "/certificates?state=valid#x", "/a//b", "/%2F%2Fevil.example"] {
            assert_eq!(ReturnTo::parse(own).as_str(), own);
        }
        for other in [
            "",
            "account",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /",
            "/ä",
            "/a\\b",
            "\u{0}/",
            "/\r\nLocation: https://evil.example",
        ] {
            assert_eq!(ReturnTo::parse(other), ReturnTo::default(), "{other:?}");
        }
        assert_eq!(ReturnTo::parse(&format!("/{}", "a".repeat(1000))), ReturnTo::default());
    }
}
