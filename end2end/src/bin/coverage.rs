//! How many lines the tests run, by subject, from a report of cargo-tarpaulin in JSON. Fails when a subject has less
//! than is asked for. `make coverage` runs it.

use std::error::Error;
use std::process::ExitCode;

/// A part of the server, and the share of its lines that tests must run.
struct Subject {
    name: &'static str,
    /// Paths that begin so, from the top of the repository.
    paths: &'static [&'static str],
    /// Percent.
    asked: f64,
}

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "authentication and authorisation",
        paths: &["server/src/auth/", "server/src/oidc/", "server/src/http/auth/"],
        asked: 90.0,
    },
    Subject {
        name: "cryptography",
        paths: &["server/crates/ca/src/", "server/crates/acme/src/jws.rs", "server/crates/acme/src/jwk.rs"],
        asked: 90.0,
    },
    Subject { name: "services", paths: &["server/src/services/", "server/src/issuance/"], asked: 80.0 },
    Subject { name: "handlers", paths: &["server/src/http/"], asked: 80.0 },
];

/// A source file with how many of its lines can run and how many did.
struct Covered {
    path: String,
    covered: u64,
    coverable: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let report = std::env::args().nth(1).ok_or("usage: coverage REPORT.json")?;
    let files = files(&serde_json::from_slice(&std::fs::read(report)?)?)?;
    let mut enough = true;
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "", "lines", "covered", "percent", "asked");
    for subject in SUBJECTS {
        let mine: Vec<_> =
            files.iter().filter(|f| subject.paths.iter().any(|p| f.path.starts_with(p))).collect();
        let (covered, coverable) = mine.iter().fold((0, 0), |(a, b), f| (a + f.covered, b + f.coverable));
        if coverable == 0 {
            return Err(format!("the report has no line of {}", subject.name).into());
        }
        let reached = percent(covered, coverable);
        let verdict = if reached < subject.asked { "too little" } else { "" };
        enough &= reached >= subject.asked;
        println!(
            "{:<34} {coverable:>8} {covered:>8} {reached:>8.1} {:>8.1} {verdict}",
            subject.name, subject.asked
        );
        let mut short: Vec<_> =
            mine.iter().filter(|f| percent(f.covered, f.coverable) < subject.asked).collect();
        short.sort_by_key(|f| std::cmp::Reverse(f.coverable - f.covered));
        for file in short.iter().take(10) {
            let reached = percent(file.covered, file.coverable);
            println!(
                "  {:<32} {:>8} {:>8} {reached:>8.1}",
                file.path.trim_start_matches("server/"),
                file.coverable,
                file.covered
            );
        }
    }
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::cast_precision_loss, reason = "no file has so many lines")]
fn percent(covered: u64, coverable: u64) -> f64 {
    if coverable == 0 { 100.0 } else { 100.0 * covered as f64 / coverable as f64 }
}

fn files(report: &serde_json::Value) -> Result<Vec<Covered>, Box<dyn Error>> {
    let top = std::env::current_dir()?.canonicalize()?;
    let top = format!("{}/", top.display());
    let files = report["files"].as_array().ok_or("the report has no list of files")?;
    let read = |file: &serde_json::Value| {
        let parts = file["path"].as_array()?.iter().map(|p| p.as_str()).collect::<Option<Vec<_>>>()?;
        let path = parts.join("/").replace("//", "/");
        let path = path.strip_prefix(&top).unwrap_or(&path).to_owned();
        Some(Covered { path, covered: file["covered"].as_u64()?, coverable: file["coverable"].as_u64()? })
    };
    files.iter().map(|f| read(f).ok_or_else(|| "a file of the report cannot be read".into())).collect()
}
