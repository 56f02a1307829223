//! The scripts, the workflows and the pages name tests, examples, benches, packages, scripts and other files: each of
//! them exists.
//!
//! The package has not all of them, so that only a checkout is looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that name others, with their texts. None in a package.
fn files() -> Vec<(PathBuf, String)> {
    let directories = [
        "scripts",
        ".ci",
        ".github/workflows",
        "docs",
        "proofs",
        "fuzz",
        "xtask/src",
        "src/guide",
        ".",
    ];
    if !root().join("xtask").exists() {
        return Vec::new();
    }
    let mut files = Vec::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(root().join(directory)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a file").path();
            // What is not text names nothing.
            files.extend(fs::read_to_string(&path).ok().map(|text| (path, text)));
        }
    }
    files
}

/// All that is in the repository, from its root on.
fn tree() -> BTreeSet<String> {
    fn add(directory: &Path, tree: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("a file").path();
            if path.ends_with("target") || path.ends_with(".git") {
                continue;
            }
            let name = path.strip_prefix(root()).expect("it is below the root");
            tree.insert(name.to_string_lossy().replace('\\', "/"));
            if path.is_dir() && !path.is_symlink() {
                add(&path, tree);
            }
        }
    }
    let mut tree = BTreeSet::new();
    add(root(), &mut tree);
    tree
}

/// The words after an option, which are names and not variables.
fn after<'a>(text: &'a str, option: &str) -> Vec<&'a str> {
    text.split(option)
        .skip(1)
        .filter_map(|rest| rest.strip_prefix([' ', '=']))
        .map(|rest| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            rest[..end].trim_end_matches('.')
        })
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// The paths in backquotes, and those of scripts anywhere.
fn paths(text: &str) -> Vec<String> {
    const FILES: [&str; 8] = [".rs", ".sh", ".py", ".toml", ".md", ".yml", ".svg", ".json"];
    const DIRECTORIES: [&str; 10] = [
        "src/",
        "tests/",
        "examples/",
        "benches/",
        "scripts/",
        "docs/",
        "proofs/",
        "xtask/",
        "fuzz/",
        ".github/",
    ];
    let is_path = |word: &&str| {
        let names_a_file = FILES
            .iter()
            .any(|end| word.len() > end.len() && word.ends_with(end))
            && word
                .rsplit('/')
                .next()
                .is_some_and(|name| name.matches('.').count() == 1);
        let is_below = DIRECTORIES.iter().any(|start| word.starts_with(start));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
        (names_a_file || is_below) && word.chars().all(is_plain) && !word.starts_with('-')
    };
    let quoted = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_script = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let scripts = text
        .split(|c| !is_script(c))
        .map(|word| word.trim_start_matches("./").trim_end_matches('.'))
        .filter(|word| word.starts_with("scripts/"));
    let paths = quoted.chain(scripts).filter(is_path);
    paths.flat_map(alternatives).collect()
}

/// `a/{b,c}` is `a/b` and `a/c`.
fn alternatives(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("../").trim_end_matches('/');
    match (path.find('{'), path.find('}')) {
        (Some(from), Some(to)) if from < to => {
            let [before, names, after] = [&path[..from], &path[from + 1..to], &path[to + 1..]];
            let name = |name| format!("{before}{name}{after}");
            names.split(',').map(name).collect()
        }
        _ => vec![path.to_string()],
    }
}

/// The names after `--test`, and those in the lists of `scripts/miri.sh`.
fn named(text: &str) -> Vec<&str> {
    let is_name = |name: &&str| {
        let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !name.is_empty() && name.chars().all(of_name)
    };
    let after = after(text, "--test").into_iter();
    let lists = ["strict", "lists", "maps", "racy"].map(|list| format!("\n{list}=("));
    let listed = lists
        .iter()
        .filter_map(|list| Some(text.split_once(list)?.1.split_once(')')?.0))
        .flat_map(str::split_whitespace);
    after.chain(listed).filter(is_name).collect()
}

/// Whether a target exists: a file, or a directory with a main file.
fn exists(directory: &str, name: &str) -> bool {
    let directory = root().join(directory);
    directory.join(format!("{name}.rs")).exists() || directory.join(name).join("main.rs").exists()
}

/// Asserts that a name in any file has what it names. Each kind is named at all.
#[track_caller]
fn assert_all(kind: &str, names: impl Fn(&str) -> Vec<String>, exists: impl Fn(&str) -> bool) {
    let files = files();
    let mut is_named = files.is_empty();
    let mut missing = Vec::new();
    for (path, text) in &files {
        for name in names(text) {
            is_named = true;
            if !exists(&name) {
                missing.push(format!("{}: {kind} {name}", path.display()));
            }
        }
    }
    assert!(is_named, "no {kind} is named");
    assert!(missing.is_empty(), "not there:\n{}", missing.join("\n"));
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(String::from).collect()
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_test_that_is_named_exists() {
    // `fuzz` and the packages below `tests` have tests of their own.
    let packages = ["tests", "tests/others/tests", "tests/dependent/tests"];
    let is_there = |name: &str| packages.iter().any(|package| exists(package, name));
    assert_all("test", |text| owned(named(text)), is_there);
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_example_and_bench_that_is_named_exists() {
    let examples = |text: &str| owned(after(text, "--example"));
    assert_all("example", examples, |name| exists("examples", name));
    let benches = |text: &str| owned(after(text, "--bench"));
    let is_there = |name: &str| exists("benches", name) || exists("benches/peers/benches", name);
    assert_all("bench", benches, is_there);
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_package_and_subcommand_that_is_named_exists() {
    let manifests = |text: &str| {
        let is_here = |name: &&str| !name.starts_with("target/");
        owned(
            after(text, "--manifest-path")
                .into_iter()
                .filter(is_here)
                .collect(),
        )
    };
    assert_all("manifest", manifests, |path| root().join(path).exists());
    let commands = |text: &str| owned(after(text, "cargo xtask"));
    let is_there = |name: &str| {
        exists("xtask/src", name) || root().join("xtask/src").join(name).join("mod.rs").exists()
    };
    assert_all("subcommand", commands, is_there);
}

/// A path may begin anywhere: most pages name a module from `src` on.
#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_path_that_is_named_exists() {
    let tree = tree();
    // The page of results is made when they are there; the script that is not there is a test's.
    let later = ["docs/evidence.md", "scripts/no-such-script.sh"];
    let is_there = |path: &str| {
        let end = format!("/{path}");
        later.contains(&path)
            || tree.contains(path)
            || tree.iter().any(|other| other.ends_with(&end))
    };
    assert_all("path", paths, is_there);
}

#[test]
fn names_are_found() {
    let script = "x --test one -- --test=two_2 --test NAME \"--test\"\nmaps=(three four)\n--tests";
    assert_eq!(named(script), ["one", "two_2", "three", "four"]);
    let script = "--bench a_b. --bench=\"$x\" --benches --bench c";
    assert_eq!(after(script, "--bench"), ["a_b", "c"]);
    let page = "`tests/a` `b/{c,d}.rs` `x/<y>.rs` `and/or`, run scripts/e.sh. `../proofs/f`";
    let found = ["tests/a", "b/c.rs", "b/d.rs", "scripts/e.sh"];
    assert_eq!(paths(page), found);
}

#[cfg(not(miri))]
#[test]
fn what_is_not_there_is_noticed() {
    assert!(
        exists("tests", "model")
            && exists("tests", "scripts")
            && !exists("tests", "llist_property")
    );
    let missing = |_: &str| vec!["no_such".to_string()];
    let is_noticed = std::panic::catch_unwind(|| {
        assert_all("test", missing, |name| exists("tests", name));
    });
    assert!(is_noticed.is_err() || files().is_empty());
}
