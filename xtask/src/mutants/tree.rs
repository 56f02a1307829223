//! A copy of the crate that may be broken, and that builds fast.
//!
//! The copy has its own target directory, so that two copies share nothing, and a manifest without
//! the dev-dependencies that the tests to be run do not need. Files are written only when they
//! differ, so that the second run of the command finds everything built.
//!
//! The crate and its tests are not optimised: the tests that notice a mutant are short, and building
//! them took most of the time. Loom stays optimised.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use toml::Table;

use crate::{binary, cargo, root};

pub struct Tree {
    dir: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Makes the copy for one worker, or brings it up to date.
    pub fn new(worker: usize, dev_dependencies: &[String]) -> Result<Self> {
        let home = root().join(format!("target/mutants/worker-{worker}"));
        let tree = Self {
            dir: home.join("tree"),
            target: home.join("target"),
        };
        for folder in ["src", "tests"] {
            copy_folder(&root().join(folder), &tree.dir.join(folder))?;
        }
        for file in ["README.md", "Cargo.lock"] {
            copy_file(&root().join(file), &tree.dir.join(file))?;
        }
        let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
        let manifest = reduced(&manifest, dev_dependencies)?;
        write_if_changed(&tree.dir.join("Cargo.toml"), manifest.as_bytes())?;
        Ok(tree)
    }

    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        write_if_changed(&self.dir.join(file), text.as_bytes())
    }

    /// Builds a test binary and returns its path, or what the compiler said against it.
    pub fn build(&self, test: &str) -> Result<Result<PathBuf, String>> {
        let mut cargo = cargo();
        cargo
            .arg("test")
            .arg("--target-dir")
            .arg(&self.target)
            .current_dir(&self.dir)
            // A mutant has unused things; that is no error.
            .env_remove("RUSTFLAGS")
            .env("CARGO_INCREMENTAL", "1");
        if test == "track" {
            cargo.args(["--features", "track"]);
        }
        binary::build(&mut cargo, test)
    }

    /// A command that runs a test binary where it expects to run.
    pub fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command
            .current_dir(&self.dir)
            .env_remove("KREF_MODELS")
            .env_remove("RUST_BACKTRACE");
        command
    }
}

/// The crate's manifest with what the copy needs of it.
fn reduced(manifest: &str, dev_dependencies: &[String]) -> Result<String> {
    let mut manifest: Table = manifest.parse()?;
    // Benches and examples are not copied; warnings do not matter.
    for key in ["bench", "example", "lints"] {
        manifest.remove(key);
    }
    if let Some(toml::Value::Table(table)) = manifest.get_mut("dev-dependencies") {
        table.retain(|name, _| dev_dependencies.iter().any(|needed| needed == name));
    }
    // What would only take time.
    let profiles = manifest.entry("profile").or_insert(Table::new().into());
    let profiles = profiles
        .as_table_mut()
        .ok_or_else(|| anyhow!("[profile]"))?;
    for name in ["dev", "test"] {
        let profile = profiles.entry(name).or_insert(Table::new().into());
        let profile = profile.as_table_mut().ok_or_else(|| anyhow!("[profile]"))?;
        profile.insert("debug".to_owned(), false.into());
        profile.insert("opt-level".to_owned(), 0.into());
    }
    // It lies inside the crate's own folder, but is no part of it.
    manifest.insert("workspace".to_owned(), Table::new().into());
    Ok(toml::to_string(&manifest)?)
}

/// Makes `to` what `from` is, without what cargo has built in it.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut names = HashSet::new();
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        if entry.file_name() == "target" {
            continue;
        }
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            true => copy_folder(&from, &to)?,
            false => copy_file(&from, &to)?,
        }
        names.insert(entry.file_name());
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    match fs::read(from) {
        Ok(bytes) => write_if_changed(to, &bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| from.display().to_string()),
    }
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_needs_little() {
        let manifest = r#"
            [package]
            name = "kref"
            [dependencies]
            lock_api = "0.4"
            [dev-dependencies]
            criterion = "0.8"
            loom = "0.7"
            [lints.rust]
            missing_docs = "deny"
            [[bench]]
            name = "refcount"
            [profile.test]
            opt-level = 1
            [profile.dev.package.loom]
            opt-level = 2
        "#;
        let reduced: Table = reduced(manifest, &["loom".to_owned()])
            .unwrap()
            .parse()
            .unwrap();
        let expected: Table = r#"
            workspace = {}
            [package]
            name = "kref"
            [dependencies]
            lock_api = "0.4"
            [dev-dependencies]
            loom = "0.7"
            [profile.dev]
            debug = false
            opt-level = 0
            package.loom.opt-level = 2
            [profile.test]
            debug = false
            opt-level = 0
        "#
        .parse()
        .unwrap();
        assert_eq!(reduced, expected);
    }
}
