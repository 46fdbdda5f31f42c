//! What the user gave, and where.

use std::collections::BTreeMap;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::settings::{Setting, TABLE};

/// The values of all settings, and where each came from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Given>,
}

#[derive(Debug, Clone)]
struct Given {
    value: String,
    origin: Origin,
}

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    /// A secret, from this file.
    File(String),
    /// The command has a default of its own.
    Command,
    Default,
    /// Nobody gave it, so the first start made it.
    Generated,
}

/// A setting as it is in force. What is secret is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    pub name: &'static str,
    pub help: &'static str,
    /// `None`: unset.
    pub value: Option<Shown>,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Text(String),
    /// There is a value, and it is nobody's business.
    Secret,
}

impl Settings {
    /// Adds every setting as an argument to `command`.
    pub fn add_args(mut command: Command) -> Command {
        for s in TABLE {
            let mut help = s.help.to_owned();
            if !s.default.is_empty() {
                help = format!("{help} [default: {}]", s.default);
            }
            command = command.arg(arg(s.name, s.flag(), s.value).help(help).hide_env_values(s.secret));
            if let Some(twin) = s.file_twin() {
                let help = format!("A file to read {} from, not readable by others.", s.name);
                command = command.arg(arg(twin, format!("{}-file", s.flag()), "FILE").help(help));
            }
        }
        command
    }

    /// Reads what [`Self::add_args`] declared. An empty value counts as unset, as Kubernetes manifests leave them.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let mut values = BTreeMap::new();
        for name in names() {
            if let Some(value) = matches.get_one::<String>(name).filter(|v| !v.is_empty()) {
                let origin = match matches.value_source(name) {
                    Some(ValueSource::EnvVariable) => Origin::Environment,
                    _ => Origin::Flag,
                };
                values.insert(name, Given { value: value.clone(), origin });
            }
        }
        Self { values }
    }

    /// Settings given in code, by name; for tests and for commands with defaults of their own.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut settings = Self::default();
        for (name, value) in pairs {
            settings.set_default(name, value);
        }
        settings
    }

    /// Sets a value unless the user gave one.
    ///
    /// # Panics
    /// When no setting has that name.
    pub fn set_default(&mut self, name: &str, value: &str) {
        let given = || Given { value: value.to_owned(), origin: Origin::Command };
        self.values.entry(known(name)).or_insert_with(given);
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|given| given.value.as_str())
    }

    /// The value, or the default of [`TABLE`], which may be empty.
    pub fn value(&self, name: &str) -> &str {
        self.optional(name).unwrap_or_else(|| TABLE.iter().find(|s| s.name == name).map_or("", |s| s.default))
    }

    /// All settings that differ from their defaults, without secrets; what the audit event of a start shows.
    pub fn shown(&self) -> serde_json::Map<String, serde_json::Value> {
        let secret = |name: &str| TABLE.iter().any(|s| s.secret && s.name == name);
        self.values
            .iter()
            .map(|(name, given)| {
                let value = if secret(name) { "(set)".into() } else { given.value.clone().into() };
                ((*name).to_owned(), value)
            })
            .collect()
    }

    /// Every setting of [`TABLE`], in its order.
    pub fn in_force(&self) -> Vec<InForce> {
        TABLE.iter().map(|setting| self.in_force_of(setting)).collect()
    }

    fn in_force_of(&self, setting: &Setting) -> InForce {
        let given = self.values.get(setting.name);
        let file = setting.file_twin().and_then(|twin| self.optional(twin));
        let (value, origin) = match (given, file) {
            (Some(given), _) if setting.secret => (Some(Shown::Secret), given.origin.clone()),
            (Some(given), _) => (Some(Shown::Text(given.value.clone())), given.origin.clone()),
            (None, Some(path)) => (Some(Shown::Secret), Origin::File(path.to_owned())),
            (None, None) if setting.generated => (Some(Shown::Secret), Origin::Generated),
            (None, None) if setting.default.is_empty() => (None, Origin::Default),
            (None, None) => (Some(Shown::Text(setting.default.to_owned())), Origin::Default),
        };
        InForce { name: setting.name, help: setting.help, value, origin }
    }
}

fn arg(name: &'static str, flag: String, value: &'static str) -> Arg {
    let arg = Arg::new(name).long(flag).env(name).value_name(value).help_heading("Settings");
    // A switch may stand alone on the command line.
    if value == "BOOL" { arg.num_args(0..=1).default_missing_value("true").require_equals(true) } else { arg }
}

/// The settings, and the files that some may be read from.
fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|s| std::iter::once(s.name).chain(s.file_twin()))
}

fn known(name: &str) -> &'static str {
    names().find(|n| *n == name).unwrap_or_else(|| unreachable!("there is no setting {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Settings {
        let command = Settings::add_args(Command::new("certctl"));
        Settings::from_matches(&command.try_get_matches_from([&["certctl"], arguments].concat()).unwrap())
    }

    fn of(settings: &Settings, name: &str) -> (Option<Shown>, Origin) {
        let found = settings.in_force().into_iter().find(|s| s.name == name).unwrap();
        (found.value, found.origin)
    }

    #[test]
    fn every_setting_says_where_its_value_came_from() {
        let mut settings =
            given(&["--session-idle", "2h", "--bootstrap-token-file", "/run/token", "--log", ""]);
        settings.set_default("CERTCTL_SESSION_IDLE", "3h");
        settings.set_default("CERTCTL_LISTEN", "127.0.0.1:1");
        let text = |text: &str| Some(Shown::Text(text.to_owned()));
        assert_eq!(settings.in_force().len(), TABLE.len());
        assert_eq!(of(&settings, "CERTCTL_SESSION_IDLE"), (text("2h"), Origin::Flag));
        assert_eq!(of(&settings, "CERTCTL_LISTEN"), (text("127.0.0.1:1"), Origin::Command));
        assert_eq!(of(&settings, "CERTCTL_LOG"), (text("info"), Origin::Default));
        assert_eq!(of(&settings, "CERTCTL_ACME_WEBSITE_URL"), (None, Origin::Default));
        let file = Origin::File("/run/token".to_owned());
        assert_eq!(of(&settings, "CERTCTL_BOOTSTRAP_TOKEN"), (Some(Shown::Secret), file));
        assert_eq!(of(&settings, "CERTCTL_BOOTSTRAP_API_KEY"), (None, Origin::Default));
        assert_eq!(of(&settings, "CERTCTL_ENCRYPTION_KEY"), (Some(Shown::Secret), Origin::Generated));
    }

    #[test]
    fn no_secret_is_in_what_is_shown() {
        let secrets = TABLE.iter().filter(|s| s.secret).map(|s| (s.name, "hush-hush"));
        let settings = Settings::from_pairs(secrets);
        let shown = format!("{:?} {:?}", settings.in_force(), settings.shown());
        assert!(!shown.contains("hush-hush"), "{shown}");
    }
}
