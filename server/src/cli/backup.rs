use std::path::{Path, PathBuf};

use clap::ArgMatches;
use store::{DatabaseUrl, Store, StoreOptions};

use super::file_argument;
use crate::config::{Config, DatabaseLocation, Settings};
use crate::startup::{self, StartError};

/// Copies the SQLite database, with the sealed CA keys in it, while a server may be writing.
pub async fn backup(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let database = sqlite_path(&config)?;
    let target = file_argument(matches);
    must_exist(&database)?;
    if target.exists() {
        return Err(StartError::Other(format!("`{}` exists already; give a new file", target.display())));
    }
    // What is in the copy is sealed, but it is nobody else's business either.
    let store = startup::connect(&config.database).await?;
    store.backup_to(&target).await?;
    restrict(&target)?;
    println!("Wrote {}.", target.display());
    println!("Keep the encryption key with it, in another place: {}", key_place(&config));
    println!("Without that key nobody can open the CA keys in the backup.");
    Ok(())
}

/// Puts a backup where the database is.
pub async fn restore(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let database = sqlite_path(&config)?;
    let source = file_argument(matches);
    must_exist(&source)?;
    let fail = |what: &str, e: std::io::Error| StartError::Other(format!("{what}: {e}"));
    std::fs::create_dir_all(&config.data_dir).map_err(|e| fail("the data directory cannot be made", e))?;
    let _alone = startup::lock_data_dir(&config.data_dir)?;
    if database.exists() && !matches.get_flag("force") {
        let shown = database.display();
        return Err(StartError::Other(format!(
            "`{shown}` exists; give --force to replace it (it is kept as .before-restore)"
        )));
    }
    check(&source).await?;
    // First beside the target, then into place by a rename: a crash leaves the one or the other.
    let fresh = with_suffix(&database, ".restoring");
    std::fs::copy(&source, &fresh).map_err(|e| fail("the backup cannot be copied", e))?;
    restrict(&fresh)?;
    std::fs::File::open(&fresh)
        .and_then(|f| f.sync_all())
        .map_err(|e| fail("the copy cannot be written", e))?;
    for suffix in ["", "-wal", "-shm"] {
        let old = with_suffix(&database, suffix);
        if old.exists() {
            let kept = with_suffix(&database, &format!(".before-restore{suffix}"));
            std::fs::rename(&old, kept).map_err(|e| fail("the present database cannot be moved", e))?;
        }
    }
    std::fs::rename(&fresh, &database).map_err(|e| fail("the backup cannot be put in place", e))?;
    println!("Restored {} from {}.", database.display(), source.display());
    println!("Start the server with the encryption key of the backup: {}", key_place(&config));
    Ok(())
}

/// Refuses a file that is no certctl database, or one that is too new, before anything is moved.
async fn check(source: &Path) -> Result<(), StartError> {
    let header = std::fs::read(source).map(|bytes| bytes.starts_with(b"SQLite format 3\0"));
    if !header.unwrap_or(false) {
        return Err(StartError::Other(format!("`{}` is no SQLite database", source.display())));
    }
    let copy = with_suffix(source, ".checking");
    std::fs::copy(source, &copy).map_err(|e| StartError::Other(format!("the backup cannot be read: {e}")))?;
    let checked = async {
        let store = Store::connect(&StoreOptions::new(DatabaseUrl::Sqlite { path: copy.clone() })).await?;
        let checked = store.migrate().await;
        store.close().await;
        checked
    };
    let checked = checked.await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(with_suffix(&copy, suffix));
    }
    Ok(checked?)
}

fn sqlite_path(config: &Config) -> Result<PathBuf, StartError> {
    match &config.database.location {
        DatabaseLocation::Sqlite(path) => Ok(path.clone()),
        DatabaseLocation::Postgres(_) => Err(StartError::Other(
            "the database is PostgreSQL; back it up with `pg_dump --format=custom --file=certctl.dump \"$CERTCTL_DATABASE_URL\"` and restore it with `pg_restore --clean --if-exists --dbname=\"$CERTCTL_DATABASE_URL\" certctl.dump`; keep CERTCTL_ENCRYPTION_KEY with it, in another place"
                .to_owned(),
        )),
    }
}

fn must_exist(path: &Path) -> Result<(), StartError> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(StartError::Other(format!("`{}` cannot be read: {e}", path.display()))),
    }
}

fn restrict(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|e| StartError::Other(format!("`{}` cannot be made private: {e}", path.display())))
}

fn key_place(config: &Config) -> String {
    match config.encryption_key {
        Some(_) => "the value of CERTCTL_ENCRYPTION_KEY".to_owned(),
        None => config.encryption_key_file().display().to_string(),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
