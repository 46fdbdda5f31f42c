use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::{ConfigError, Settings};

/// A secret text: shown nowhere, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What a form sends.
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::new(<String as serde::Deserialize>::deserialize(d)?))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Reads the secret setting `name` or the file that its twin names.
pub(super) fn read(settings: &Settings, name: &'static str) -> Result<Option<Secret>, ConfigError> {
    let twin = format!("{name}_FILE");
    match (settings.optional(name), settings.optional(&twin)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(ConfigError::new(name, format!("{twin} is set too"), "one of the two")),
        (Some(value), None) => Ok(Some(Secret::new(value))),
        (None, Some(path)) => {
            let text = read_private_file(Path::new(path))
                .map_err(|fault| ConfigError::new(&twin, fault, "a file that only its owner can read"))?;
            Ok(Some(Secret::new(text.trim_end())))
        }
    }
}

/// Reads a file that holds a secret; refuses one that other users can read. Group access is allowed: Kubernetes
/// mounts secrets for the pod's group.
pub fn read_private_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let mut file = std::fs::File::open(path).map_err(|e| format!("`{shown}` cannot be read: {e}"))?;
    let mode = file.metadata().map_err(|e| format!("`{shown}` cannot be read: {e}"))?.mode();
    if mode & 0o007 != 0 {
        return Err(format!(
            "`{shown}` is accessible by all users (mode {:04o}); run chmod 600 on it",
            mode & 0o7777
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(|e| format!("`{shown}` is not a text file: {e}"))?;
    Ok(text)
}

/// Writes a new file that only its owner can read; fails when it exists.
pub fn create_private_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
