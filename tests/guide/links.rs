//! What the documentation says of the repository is so: the tests that it names exist, where it says.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns the pieces of code in the documentation of a file, each with the text that follows it.
fn code(text: &str) -> Vec<(String, String)> {
    let docs: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("//!").or(line.strip_prefix("///"))
        })
        .map(str::trim)
        .filter(|line| !line.starts_with("```"))
        .collect();
    let docs = docs.join(" ");
    let pieces: Vec<&str> = docs.split('`').collect();
    pieces
        .windows(2)
        .skip(1)
        .step_by(2)
        .map(|pair| (pair[0].to_string(), pair[1].trim().to_string()))
        .collect()
}

fn is_function(name: &str) -> bool {
    name.contains('_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

/// A chapter's tests are made by a macro, or are functions.
fn defines(source: &str, name: &str) -> bool {
    source.contains(&format!("fn {name}("))
        || source.contains(&format!("fn {name}<"))
        || source.contains(&format!("chapter! {{\n    {name},"))
        || source.contains(&format!("chapter! {{ {name},"))
        || source.contains(&format!("mod {name} {{"))
}

/// A text that says "`one` and `another` in `tests/some.rs`" names tests of that file.
#[test]
fn every_test_that_the_guide_names_exists() {
    let mut found = 0;
    for path in sources(&root().join("src/guide")) {
        let text = fs::read_to_string(&path).unwrap();
        let mut names: Vec<String> = Vec::new();
        for (code, after) in code(&text) {
            if code.starts_with("tests/") || code.starts_with("benches/") {
                let target = root().join(&code);
                assert!(target.exists(), "{}: {code}", path.display());
                for name in names.drain(..) {
                    let source = fs::read_to_string(&target).unwrap();
                    let page = path.display();
                    assert!(defines(&source, &name), "{page}: {name} in {code}");
                    found += 1;
                }
            } else if is_function(&code) && [",", "and", "in"].contains(&after.as_str()) {
                names.push(code);
            } else {
                names.clear();
            }
        }
    }
    assert!(found > 60, "only {found} tests are named");
}

#[test]
fn every_piece_of_code_is_shown_and_tested() {
    let chapters: String = sources(&root().join("src/guide"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let models = fs::read_to_string(root().join("tests/guide/chapters.rs")).unwrap();
    for path in sources(&root().join("src/guide/code")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_used = |text: &str, quoted: &str| text.contains(&format!("{quoted}.rs\""));
        assert!(
            is_used(&chapters, &format!("code/{name}")),
            "{name} is not shown"
        );
        if name != "stage" {
            let in_a_chapter = models.contains(&format!("\"{name}\""));
            assert!(
                in_a_chapter || is_used(&models, &format!("code/{name}")),
                "{name} is not tested"
            );
        }
    }
}

/// The chapters lead from one to the next, in the order of the guide's first page.
#[test]
fn the_chapters_are_a_book() {
    let guide = root().join("src/guide");
    let contents = fs::read_to_string(guide.join("mod.rs")).unwrap();
    let names: Vec<&str> = contents
        .lines()
        .filter_map(|line| {
            let (number, rest) = line.strip_prefix("//! ")?.split_once(". ")?;
            number.parse::<u32>().ok()?;
            let name = rest.trim_start_matches('*').strip_prefix("[`")?;
            name.split_once('`').map(|(name, _)| name)
        })
        .collect();
    assert!(names.len() > 15, "only {} chapters", names.len());
    for (index, name) in names.iter().enumerate() {
        let text = fs::read_to_string(guide.join(format!("{name}.rs"))).unwrap();
        assert!(
            text.starts_with(&format!("//! Chapter {}: ", index + 1)),
            "{name} is not called chapter {}",
            index + 1
        );
        let (_, footer) = text
            .rsplit_once("//! ---\n")
            .expect("a chapter ends in links");
        let leads_to = |name: &str| footer.contains(&format!("](super::{name})"));
        assert!(index == 0 || leads_to(names[index - 1]), "{name}: previous");
        assert!(
            names.get(index + 1).is_none_or(|next| leads_to(next)),
            "{name}: next"
        );
    }
}
