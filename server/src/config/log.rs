use tracing_subscriber::EnvFilter;

use super::{ConfigError, Settings};

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

impl LogConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let filter = settings.value("CERTCTL_LOG").to_owned();
        EnvFilter::try_new(&filter).map_err(|e| {
            let allowed = "error, warn, info, debug, trace or a filter such as info,server=debug";
            ConfigError::new("CERTCTL_LOG", format!("`{filter}` is not a filter ({e})"), allowed)
        })?;
        let format = match settings.value("CERTCTL_LOG_FORMAT") {
            "human" => LogFormat::Human,
            "json" => LogFormat::Json,
            other => {
                let fault = format!("`{other}` is not a format");
                return Err(ConfigError::new("CERTCTL_LOG_FORMAT", fault, "human or json"));
            }
        };
        Ok(Self { filter, format })
    }

    /// Logs go to standard error, so that what commands print stays apart.
    pub fn install(&self) {
        // tower-sessions opens a span for each request. A filter that names it wins.
        let filter = EnvFilter::new(format!("tower_sessions=warn,tower_sessions_core=error,{}", self.filter));
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // A second install (a test, a command that starts a server) keeps the first.
        let _ = match self.format {
            LogFormat::Human => builder.with_target(false).try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
    }
}
