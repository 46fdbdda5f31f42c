//! Holds every property to the corpus: real requests, and what once broke one.

use std::fs;
use std::path::{Path, PathBuf};

use properties::TARGETS;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_property_holds_for_the_corpus() {
    for (target, check) in TARGETS {
        let directory = corpus().join(target);
        let files = names(&directory);
        assert!(!files.is_empty(), "no corpus for {target}");
        for file in files {
            // The test's output names what it panics at.
            println!("fuzz/corpus/{target}/{file}");
            check(&fs::read(directory.join(file)).unwrap());
        }
    }
}

/// Prefixes, and changes of one octet, at up to some fifty places of each file.
#[test]
fn every_property_holds_close_to_the_corpus() {
    for (target, check) in TARGETS {
        let directory = corpus().join(target);
        for file in names(&directory) {
            println!("close to fuzz/corpus/{target}/{file}");
            let seed = fs::read(directory.join(file)).unwrap();
            let step = (seed.len() / 48).max(1);
            for at in (0..seed.len()).step_by(step) {
                check(&seed[..at]);
                let mut changed = seed.clone();
                for octet in [0, changed[at] ^ 1, changed[at] ^ 0x80, b'"'] {
                    changed[at] = octet;
                    check(&changed);
                }
            }
        }
    }
}

#[test]
fn every_target_is_fuzzed() {
    let expected: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpus()), expected);
    let sources: Vec<String> = expected.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names(&corpus().join("../fuzz_targets")), sources);
    let manifest = fs::read_to_string(corpus().join("../Cargo.toml")).unwrap();
    for name in expected {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is missing in fuzz/Cargo.toml");
    }
}
