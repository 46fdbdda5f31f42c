//! One server per data directory: nonces, group commit and recovery on SQLite count on being alone.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::config::ConfigError;

/// Held by the operating system until the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(super) fn take(data_dir: &Path) -> Result<Self, ConfigError> {
        let path = data_dir.join("lock");
        let fault = |fault: String| {
            ConfigError::new("CERTCTL_DATA_DIR", fault, "a directory of its own for each server on SQLite")
        };
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| fault(format!("`{}` cannot be opened: {e}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(fault(format!("another server uses `{}`", data_dir.display())))
            }
            Err(TryLockError::Error(e)) => Err(fault(format!("`{}` cannot be locked: {e}", path.display()))),
        }
    }
}
