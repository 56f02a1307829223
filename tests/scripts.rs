//! The scripts, the workflows and the pages name tests: each of them exists.

use std::fs;
use std::path::Path;

/// The files that name tests, but for those that are not in the package.
fn files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directories = [
        "scripts",
        ".ci",
        ".github/workflows",
        "docs",
        "xtask/src",
        "src/guide",
        ".",
    ];
    let mut files = Vec::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(root.join(directory)) else {
            continue;
        };
        // What is not text does not name tests.
        files.extend(entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok()));
    }
    files
}

/// The names after `--test`, and those in the lists of `scripts/miri.sh`.
fn named(text: &str) -> Vec<&str> {
    let is_name = |name: &&str| {
        let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !name.is_empty() && name.chars().all(of_name)
    };
    let word = |rest| {
        let end = str::find(rest, |c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    };
    let after = text
        .split("--test")
        .skip(1)
        .filter_map(|rest| rest.strip_prefix([' ', '=']))
        .map(word);
    let lists = ["strict", "lists", "maps", "racy"].map(|list| format!("\n{list}=("));
    let listed = lists
        .iter()
        .filter_map(|list| Some(text.split_once(list)?.1.split_once(')')?.0))
        .flat_map(str::split_whitespace);
    after.chain(listed).filter(is_name).collect()
}

fn exists(name: &str) -> bool {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join(name).with_extension("rs").exists() || tests.join(name).join("main.rs").exists()
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_test_that_is_named_exists() {
    let files = files();
    let named: Vec<&str> = files.iter().flat_map(|text| named(text)).collect();
    assert!(named.contains(&"model"), "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn names_are_found() {
    let script = "x --test one -- --test=two_2 --test NAME \"--test\"\nmaps=(three four)\n--tests";
    assert_eq!(named(script), ["one", "two_2", "three", "four"]);
    assert!(exists("model") && exists("scripts") && !exists("llist_property"));
}
