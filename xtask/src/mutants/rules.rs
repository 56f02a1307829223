//! The rules that the proofs rest on, each broken by hand: the list in `mutants.toml`.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The file `mutants.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct List {
    /// The dev-dependencies that the tests which are run on the mutants need.
    pub dev_dependencies: Vec<String>,
    #[serde(default, rename = "mutant")]
    pub rules: Vec<Rule>,
}

/// One rule and how to break it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    pub file: String,
    /// What to replace. It must occur exactly once in the file.
    pub find: String,
    pub replace: String,
    /// What goes wrong without the rule.
    pub why: String,
    /// The test binary that has to notice it.
    #[serde(default = "model")]
    pub test: String,
}

fn model() -> String {
    super::MODEL.to_owned()
}

impl List {
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text).context("mutants.toml")?;
        let mut names: Vec<_> = list.rules.iter().map(|rule| &rule.name).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("mutants.toml: two mutants are called {}", pair[0]);
        }
        Ok(list)
    }
}

impl Rule {
    /// Returns where in the file the text to replace is.
    pub fn locate(&self, source: &str) -> Result<Range<usize>> {
        let mut found = source.match_indices(&self.find);
        match (found.next(), found.next()) {
            (Some((start, _)), None) => Ok(start..start + self.find.len()),
            (None, _) => bail!("{}: stale, {} has no such text", self.name, self.file),
            (Some(_), Some(_)) => {
                bail!("{}: stale, {} has that text twice", self.name, self.file)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "
        dev-dependencies = ['loom']
        [[mutant]]
        name = 'a'
        file = 'src/lib.rs'
        find = 'b'
        replace = 'c'
        why = 'because'
    ";

    #[test]
    fn the_text_must_occur_once() {
        let list = List::parse(LIST).unwrap();
        let rule = &list.rules[0];
        assert_eq!(rule.test, "model");
        assert_eq!(rule.locate("aéb").unwrap(), 3..4);
        assert!(
            rule.locate("aba b")
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
        assert!(
            rule.locate("aa")
                .unwrap_err()
                .to_string()
                .contains("no such")
        );
    }

    #[test]
    fn a_name_stands_for_one_mutant() {
        let twice = format!("{LIST}{}", &LIST[LIST.find("[[").unwrap()..]);
        assert!(List::parse(&twice).is_err());
        assert!(List::parse(&LIST.replace("why", "reason")).is_err());
    }
}
