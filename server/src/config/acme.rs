use model::{DnsName, ProfileId};

use super::{ConfigError, Settings, parse_bool};

#[derive(Debug, Clone)]
pub struct AcmeConfig {
    pub enabled: bool,
    /// The profile that `/acme/directory` stands for; it need not exist yet.
    pub default_profile_id: Option<ProfileId>,
    pub terms_of_service: Option<TermsOfService>,
    pub website_url: Option<String>,
    /// The issuer domain names by which CAA records allow this CA (RFC 8659 §4.2), in lower case.
    pub caa_identities: Vec<String>,
}

/// What clients must agree to (RFC 8555 §7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsOfService {
    pub url: String,
    /// An account agrees to one version; another one has to be agreed to again.
    pub version: String,
}

impl AcmeConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let name = "CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID";
        let default_profile_id = settings
            .optional(name)
            .map(|id| {
                let allowed = "1 to 63 of a-z, 0-9 and `-`";
                id.parse().map_err(|e: model::InvalidId| ConfigError::new(name, e.to_string(), allowed))
            })
            .transpose()?;
        Ok(Self {
            enabled: parse_bool(settings, "CERTCTL_ACME_SERVER_ENABLED")?,
            default_profile_id,
            terms_of_service: terms_of_service(settings)?,
            website_url: url(settings, "CERTCTL_ACME_WEBSITE_URL")?,
            caa_identities: names(settings, "CERTCTL_ACME_CAA_IDENTITIES")?,
        })
    }
}

fn terms_of_service(settings: &Settings) -> Result<Option<TermsOfService>, ConfigError> {
    let name = "CERTCTL_ACME_TERMS_OF_SERVICE_VERSION";
    let version = settings.optional(name);
    match (url(settings, "CERTCTL_ACME_TERMS_OF_SERVICE_URL")?, version) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let fault = "it is set while CERTCTL_ACME_TERMS_OF_SERVICE_URL is not";
            Err(ConfigError::new(name, fault, "a version of terms that are advertised"))
        }
        (Some(_), Some(version)) if version.chars().count() > 200 => {
            Err(ConfigError::new(name, "it is too long", "up to 200 characters"))
        }
        (Some(url), version) => {
            let version = version.unwrap_or(&url).to_owned();
            Ok(Some(TermsOfService { url, version }))
        }
    }
}

fn url(settings: &Settings, name: &'static str) -> Result<Option<String>, ConfigError> {
    let Some(text) = settings.optional(name) else { return Ok(None) };
    match text.parse::<http::Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("https" | "http")) => Ok(Some(text.to_owned())),
        _ => Err(ConfigError::new(name, format!("`{text}` is not a web address"), "an https or http URL")),
    }
}

fn names(settings: &Settings, name: &'static str) -> Result<Vec<String>, ConfigError> {
    let items = settings.value(name).split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| match DnsName::parse(item) {
            Ok(name) if !name.is_wildcard() => Ok(name.as_str().to_owned()),
            Ok(_) => Err("a wildcard names no issuer"),
            Err(fault) => Err(fault),
        })
        .collect::<Result<_, _>>()
        .map_err(|fault| {
            ConfigError::new(name, fault, "comma-separated domain names, for example ca.example.com")
        })
}
