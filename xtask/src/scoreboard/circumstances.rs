//! When, on which machine and with which tools a run was made.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::told_by;

/// When, on what and with what the times were taken.
#[derive(Serialize, Deserialize)]
pub struct Circumstances {
    /// Whether the run had fewer rounds, and at most a million entries.
    pub quick: bool,
    pub date: String,
    pub processor: String,
    pub cores: usize,
    pub rustc: String,
    pub commit: String,
    /// How busy the machine was: the mean number of runnable threads in the minute before the run, and in its
    /// last minute, where the threads of the benches are counted too.
    pub load: [String; 2],
    /// The benches that have failed.
    pub failed: Vec<String>,
}

impl Circumstances {
    pub fn now(quick: bool) -> Result<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self {
            quick,
            date: jiff::Zoned::now().strftime("%Y-%m-%d").to_string(),
            processor: processor(&cpuinfo),
            cores: std::thread::available_parallelism()?.get(),
            rustc: told_by("rustc", &["--version"]),
            commit: told_by("git", &["describe", "--always", "--dirty"]),
            load: [load(), String::new()],
            failed: Vec::new(),
        })
    }

    pub fn ends(&mut self) {
        self.load[1] = load();
    }

    /// The processor's name as the name of a file.
    pub fn slug(&self) -> String {
        let words = self.processor.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
    }

    /// The processor, the compiler and the day, in half a sentence.
    pub fn machine(&self) -> String {
        let version = self.rustc.split(' ').nth(1).unwrap_or_default();
        let Self {
            processor, cores, ..
        } = self;
        format!("{processor}, {cores} cores, rustc {version}")
    }
}

/// The processor's name, with the family and the model, as virtual machines often hide the rest: two generations
/// are both called "AMD EPYC".
fn processor(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
        Some(value.trim())
    };
    let Some(name) = field("model name") else {
        return "unknown processor".to_owned();
    };
    match (field("cpu family"), field("model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name.to_owned(),
    }
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_of_one_name_are_told_apart() {
        let info = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n";
        assert_eq!(processor(info), "AMD EPYC (family 25, model 17)");
        assert_eq!(processor("model name\t: Other\n"), "Other");
        assert_eq!(processor(""), "unknown processor");
    }

    #[test]
    fn a_slug_is_a_file_name() {
        let mut seen = Circumstances::now(true).unwrap();
        seen.processor = "Intel(R) Xeon(R) @ 2.00GHz (family 6, model 143)".into();
        assert_eq!(seen.slug(), "intel-r-xeon-r-2-00ghz-family-6-model-143");
    }
}
