use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    if let Some(days) = matches.get_one::<u64>("keep-days") {
        prune(&target, Duration::from_secs(days * 86_400))?;
    }
    println!("Keep the encryption key with it, in another place: {}", key_place(&config));
    println!("Without that key nobody can open the CA keys in the backup.");
    Ok(())
}

/// Removes the backups beside `newest` that were written more than `keep` before it. What is no SQLite database, or ends
/// otherwise, is not a backup.
fn prune(newest: &Path, keep: Duration) -> Result<(), StartError> {
    let folder = newest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fail = |e: std::io::Error| {
        StartError::Other(format!("old backups in `{}` cannot be removed: {e}", folder.display()))
    };
    let ending = newest.extension();
    // By the clock that dated the others, which on a network's file system is not this machine's.
    let now = newest.metadata().and_then(|about| about.modified()).map_err(fail)?;
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (path, about) = (entry.path(), entry.metadata().map_err(fail)?);
        let age = about.modified().map_err(fail)?;
        let is_old = now.duration_since(age).is_ok_and(|age| age > keep);
        if about.is_file() && is_old && path.extension() == ending && is_sqlite(&path) {
            std::fs::remove_file(&path).map_err(fail)?;
            println!("Removed {}.", path.display());
        }
    }
    Ok(())
}

fn is_sqlite(path: &Path) -> bool {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut begin = [0; MAGIC.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *MAGIC
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
    if !is_sqlite(source) {
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
