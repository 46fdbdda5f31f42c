//! The scripts in `browser`, which drive a real Chromium.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::program::{program, succeed_within};

/// A browser that looks at every page takes a minute, and longer where others build beside it.
const PATIENCE: Duration = Duration::from_secs(400);

/// Runs `browser/<script>.mjs` with `steps` and returns what it saw.
///
/// # Panics
/// When it fails, or when what it needs is not installed.
pub async fn drive(script: &str, steps: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    for part in ["playwright-core", "axe-core"] {
        let installed = folder.join("node_modules").join(part).is_dir();
        assert!(
            installed,
            "{part} is not installed; `make test` does it (end2end/scripts/install-node-parts)"
        );
    }
    let mut command = program("node");
    command.arg(folder.join(script).with_extension("mjs")).arg(steps.to_string());
    let printed = succeed_within(command, PATIENCE).await.stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{script}: {error}: {printed}"))
}

/// The folder `target/screenshots/<name>`, empty.
///
/// # Panics
/// When it cannot be made.
pub fn screenshots(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("the system knows this program's path");
    // Tests lie in target/<profile>/deps.
    let target = here.ancestors().nth(3).expect("a target directory");
    let folder = target.join("screenshots").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("our own directory is writable");
    }
    std::fs::create_dir_all(&folder).expect("our own directory is writable");
    folder
}
