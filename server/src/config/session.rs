use std::time::Duration;

use super::{ConfigError, Settings, parse_bool, parse_duration};

/// Who can sign in, and how long they stay signed in.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub lifetime: Duration,
    /// Whether passwords open anything.
    pub break_glass: bool,
}

const DAY: Duration = Duration::from_secs(86_400);

impl SessionConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let (idle, lifetime) = ("CERTCTL_SESSION_IDLE", "CERTCTL_SESSION_LIFETIME");
        let read = |name, most, allowed| {
            let given = parse_duration(settings.value(name));
            given.filter(|d| (Duration::from_secs(1)..=most).contains(d)).ok_or_else(|| {
                let fault = format!("`{}` is not a duration in range", settings.value(name));
                ConfigError::new(name, fault, allowed)
            })
        };
        let config = Self {
            idle: read(idle, DAY, "1s to 24h, for example 1h")?,
            lifetime: read(lifetime, 7 * DAY, "1s to 168h, for example 8h")?,
            break_glass: parse_bool(settings, "CERTCTL_BREAK_GLASS_ENABLED")?,
        };
        if config.idle > config.lifetime {
            let fault = format!("{} is longer than {lifetime}", settings.value(idle));
            return Err(ConfigError::new(idle, fault, "at most the lifetime"));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<SessionConfig, ConfigError> {
        SessionConfig::from_settings(&Settings::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn the_defaults_are_an_hour_and_eight() {
        let config = config(&[]).unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!((config.idle, config.lifetime), (hour, 8 * hour));
        assert!(!config.break_glass);
    }

    #[test]
    fn a_wrong_value_names_its_setting() {
        for (name, value) in [
            ("CERTCTL_SESSION_IDLE", "0"),
            ("CERTCTL_SESSION_IDLE", "25h"),
            ("CERTCTL_SESSION_IDLE", "9h"),
            ("CERTCTL_SESSION_LIFETIME", "soon"),
            ("CERTCTL_SESSION_LIFETIME", "169h"),
            ("CERTCTL_BREAK_GLASS_ENABLED", "maybe"),
        ] {
            let error = config(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(value), "{error}");
        }
    }
}
