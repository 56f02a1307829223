//! Which rows of the table rest on a file that has changed.

use std::process::Command;

use anyhow::{Result, ensure};

use super::Mutant;
use super::table::{Row, Table};
use crate::root;

/// The files that differ from the revision, those included that git does not know yet.
pub fn files(revision: &str) -> Result<Vec<String>> {
    let git = |args: &[&str]| -> Result<String> {
        let output = Command::new("git")
            .args(args)
            .current_dir(root())
            .output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {args:?}: {error}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let differing = git(&["diff", "--name-only", revision])?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(differing
        .lines()
        .chain(unknown.lines())
        .map(str::to_owned)
        .collect())
}

/// Whether something has changed that the mutant's row in the table rests on, or it has none.
pub fn rests_on(mutant: &Mutant, table: &Table, files: &[String]) -> bool {
    let Some(killer) = table.rows.get(&mutant.key).and_then(Row::killer) else {
        return true;
    };
    let tests = format!("tests/{}", mutant.test);
    files.iter().any(|file| {
        *file == mutant.key.file()
            || file
                .strip_prefix(&tests)
                .is_some_and(|file| match module(file) {
                    // A test that has changed may no longer notice.
                    Some(module) if table.has_killer_in(&module) => killer.starts_with(&module),
                    // A file that is no test serves all of them.
                    _ => file.starts_with(['/', '.']),
                })
    })
}

/// The module of `/kref.rs` in a folder of tests: `kref::`.
fn module(file: &str) -> Option<String> {
    let path = file.strip_prefix('/')?.strip_suffix(".rs")?;
    Some(path.trim_end_matches("/mod").replace('/', "::") + "::")
}

#[cfg(test)]
mod tests {
    use super::super::table::{Key, SURVIVED};
    use super::*;

    #[test]
    fn a_row_rests_on_its_source_and_its_test() {
        let rule = |name: &str| Key::Rule {
            name: name.to_owned(),
            file: "src/a.rs".to_owned(),
            why: String::new(),
        };
        let mutant = |name: &str| Mutant {
            key: rule(name),
            line: 1,
            range: 0..0,
            replacement: String::new(),
            test: "model".to_owned(),
        };
        let table = Table {
            taken: Vec::new(),
            rows: [
                ("one", "kref::x"),
                ("two", "refs::put::y"),
                ("three", SURVIVED),
            ]
            .map(|(name, test)| {
                let test = test.to_owned();
                (rule(name), Row { line: 1, test })
            })
            .into(),
        };
        let chosen = |file: &str| {
            ["one", "two", "three", "new"]
                .into_iter()
                .filter(|name| rests_on(&mutant(name), &table, &[file.to_owned()]))
                .collect::<Vec<_>>()
        };
        let all = ["one", "two", "three", "new"];
        assert_eq!(chosen("src/a.rs"), all);
        assert_eq!(chosen("tests/model/backend.rs"), all);
        assert_eq!(chosen("tests/model/kref.rs"), ["one", "three", "new"]);
        assert_eq!(chosen("tests/model/refs/put.rs"), ["two", "three", "new"]);
        assert_eq!(chosen("src/b.rs"), ["three", "new"]);
        assert_eq!(chosen("tests/models.rs"), ["three", "new"]);
    }
}
