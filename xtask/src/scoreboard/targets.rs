//! What the benches have to show: `benches/targets.toml`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::records::{Quartiles, Records};

#[derive(Deserialize)]
struct File {
    target: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    bench: String,
    row: String,
    against: Option<String>,
    /// The largest ratio that will do, on one and on two threads, and on eight.
    one: Option<f64>,
    two: Option<f64>,
    eight: Option<f64>,
    /// Of memory, in place of a ratio.
    what: Option<String>,
    bytes: Option<f64>,
    /// Of latency: the largest ratio of the 99.9th percentile to the best of the peers.
    operation: Option<String>,
    threads: Option<u32>,
    p999: Option<f64>,
    /// Why it is not met, where it is not.
    reason: Option<String>,
    /// Why there is nothing to measure.
    absent: Option<String>,
}

/// A target, on one number of threads, and what was measured.
pub struct Judged {
    pub what: String,
    pub against: String,
    pub threads: Option<u32>,
    pub target: String,
    /// In the unit of the target.
    pub measured: Option<String>,
    pub met: bool,
    /// Of one that is not met.
    pub reason: Option<String>,
}

/// What the page shows of a target: the runs on all processors side by side.
pub struct Compared<'j> {
    /// The target as it was judged in the first run that has it.
    pub target: &'j Judged,
    /// What was measured, for each of the runs.
    pub measured: Vec<Option<&'j str>>,
    /// Whether each run that has the row meets the target.
    pub met: bool,
    pub reason: Option<&'j str>,
}

/// Brings the verdicts of several runs together, in the order of the first of them.
pub fn compare(runs: &[Vec<Judged>]) -> Vec<Compared<'_>> {
    let of = |judged: &Judged| (judged.what.clone(), judged.against.clone(), judged.threads);
    let mut order: Vec<&Judged> = Vec::new();
    for judged in runs.iter().flatten() {
        if !order.iter().any(|other| of(other) == of(judged)) {
            order.push(judged);
        }
    }
    let compared = |target| {
        let each = runs
            .iter()
            .map(|run| run.iter().find(|judged| of(judged) == of(target)));
        let each: Vec<Option<&Judged>> = each.collect();
        Compared {
            target,
            measured: each
                .iter()
                .map(|judged| judged.as_ref()?.measured.as_deref())
                .collect(),
            met: each.iter().flatten().all(|judged| judged.met),
            reason: each
                .iter()
                .flatten()
                .find_map(|judged| judged.reason.as_deref()),
        }
    };
    order.into_iter().map(compared).collect()
}

/// What becomes of a target whose row the records do not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is an error: the bench that has just run should have it.
    Refused,
    /// It is left out: the records are of an older run, on a machine that is not here.
    LeftOut,
}

/// Compares the records with the targets. Those of benches that did not run are left out.
pub fn judge(path: &Path, records: &Records, missing: Missing) -> Result<Vec<Judged>> {
    let file = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let file: File = toml::from_str(&file).with_context(|| path.display().to_string())?;
    let mut judged = Vec::new();
    for target in &file.target {
        let ran = records.rows.iter().any(|row| row.bench == target.bench)
            || records.memory.iter().any(|row| row.bench == target.bench)
            || target.operation.is_some() && !records.latencies.is_empty();
        if ran {
            let known = judged.len();
            match target.judge(records, &mut judged) {
                Err(_) if missing == Missing::LeftOut => judged.truncate(known),
                result => result?,
            }
        }
    }
    Ok(judged)
}

/// By what factor the quartiles may lie apart for a verdict.
const SPREAD: f64 = 2.0;

impl Target {
    fn judge(&self, records: &Records, judged: &mut Vec<Judged>) -> Result<()> {
        let what = format!("{}: {}", self.bench, self.row);
        if let (Some(which), Some(bytes)) = (&self.what, self.bytes) {
            let mut rows = records.memory.iter();
            let Some(row) = rows.find(|row| row.name == self.row && row.what == *which) else {
                bail!("a target names the row `{what}`, {which}, and there is none");
            };
            // As exact as it is shown.
            let measured = (row.bytes * 10.0).round() / 10.0;
            judged.push(self.judged(
                format!("{what}, bytes {which}"),
                None,
                format!("{bytes}"),
                Some((format!("{measured:.1}"), measured <= bytes)),
            ));
            return Ok(());
        }
        if let (Some(operation), Some(threads), Some(limit)) =
            (&self.operation, self.threads, self.p999)
        {
            let (best, ratio) = self.latency(records, operation, threads)?;
            let mut verdict = self.judged(
                format!("{what}, p99.9 of {operation}"),
                Some(threads),
                format!("{limit:.2}"),
                Some((format!("{ratio:.2}"), ratio <= limit)),
            );
            verdict.against = format!("the best, {best}");
            judged.push(verdict);
            return Ok(());
        }
        for (threads, limit) in [(1, self.one), (2, self.two), (8, self.eight)] {
            let Some(limit) = limit else { continue };
            let measured = match self.absent {
                Some(_) => None,
                None => Some(self.ratio(records, threads)?),
            };
            let digits = digits(limit);
            let told = measured.is_none_or(|ratio| ratio.high <= SPREAD * ratio.low);
            let measured = measured.map(|ratio| {
                let show = |ratio: f64| format!("{ratio:.digits$}");
                let Quartiles { low, median, high } = ratio;
                let shown = format!("{} ({} – {})", show(median), show(low), show(high));
                let factor = 10f64.powi(digits as i32);
                (shown, (median * factor).round() <= (limit * factor).round())
            });
            let mut verdict = self.judged(
                what.clone(),
                Some(threads),
                format!("{limit:.digits$}"),
                measured,
            );
            if !told {
                verdict.met = false;
                verdict.reason =
                    Some("the rounds differ too much to tell; is the machine busy?".into());
            }
            judged.push(verdict);
        }
        Ok(())
    }

    fn judged(
        &self,
        what: String,
        threads: Option<u32>,
        target: String,
        measured: Option<(String, bool)>,
    ) -> Judged {
        let met = measured.as_ref().is_some_and(|&(_, met)| met);
        let reason = self.absent.as_ref().or(self.reason.as_ref());
        Judged {
            what,
            against: self.against.clone().unwrap_or_default(),
            threads,
            target,
            measured: measured.map(|(shown, _)| shown),
            met,
            reason: reason.filter(|_| !met).cloned(),
        }
    }

    /// The best of the other rows, and the ratio to it.
    fn latency<'r>(
        &self,
        records: &'r Records,
        operation: &str,
        threads: u32,
    ) -> Result<(&'r str, f64)> {
        let rows = records.latencies.iter();
        let rows = rows.filter(|row| row.operation == operation && row.threads == threads);
        let rows: Vec<_> = rows.collect();
        let own = rows.iter().find(|row| row.name == self.row);
        // "nothing" is what the clock costs.
        let peers = rows
            .iter()
            .filter(|row| row.name != self.row && row.name != "nothing");
        let best = peers.min_by_key(|row| row.p999);
        let (Some(own), Some(best)) = (own, best) else {
            bail!(
                "a target names {operation} of `{}` on {threads} threads, and there is none",
                self.row
            );
        };
        Ok((&best.name, own.p999 as f64 / best.p999 as f64))
    }

    fn ratio(&self, records: &Records, threads: u32) -> Result<Quartiles> {
        let row = records.row(&self.bench, &self.row, threads);
        let ratio = row.and_then(|row| {
            let other = records.beside(row, self.against.as_ref()?)?;
            Some(row.ratio_to(other))
        });
        ratio.with_context(|| {
            format!(
                "a target names the row `{}` of `{}` against `{}` on {threads} threads, and there is none",
                self.row,
                self.bench,
                self.against.as_deref().unwrap_or_default()
            )
        })
    }
}

/// How many digits a ratio has behind the point: as many as its target, two at least.
fn digits(limit: f64) -> usize {
    let shown = limit.to_string();
    shown
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len())
        .max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(own: f64) -> Records {
        let mut records = Records::default();
        for line in [
            format!(
                r#"{{"bench":"b","name":"own","threads":1,"axis":null,"at":null,"against":["peer"],"floor":null,"ns":[{own},{own}]}}"#
            ),
            r#"{"bench":"b","name":"peer","threads":1,"axis":null,"at":null,"against":[],"floor":null,"ns":[10.0,10.0]}"#
                .to_owned(),
        ] {
            records.rows.push(serde_json::from_str(&line).unwrap());
        }
        records
    }

    fn judge_one(own: f64, target: &str) -> Result<Vec<Judged>> {
        let file: File = toml::from_str(target)?;
        let mut judged = Vec::new();
        file.target[0].judge(&records(own), &mut judged)?;
        Ok(judged)
    }

    const TARGET: &str =
        "[[target]]\nbench = 'b'\nrow = 'own'\nagainst = 'peer'\none = 1.0\nreason = 'r'";

    #[test]
    fn a_target_is_met_as_exactly_as_it_is_shown() {
        assert!(judge_one(10.04, TARGET).unwrap()[0].met);
        let not_met = &judge_one(10.06, TARGET).unwrap()[0];
        assert!(!not_met.met);
        assert_eq!(not_met.reason.as_deref(), Some("r"));
    }

    #[test]
    fn a_target_that_names_no_row_is_an_error() {
        assert!(judge_one(10.0, &TARGET.replace("peer", "nobody")).is_err());
        assert!(judge_one(10.0, &TARGET.replace("one =", "two =")).is_err());
    }

    #[test]
    fn processors_stand_side_by_side() {
        let mut runs = vec![
            judge_one(9.0, TARGET).unwrap(),
            judge_one(11.0, TARGET).unwrap(),
            Vec::new(), // has no such row
        ];
        let compared = compare(&runs);
        assert_eq!(compared.len(), 1);
        assert!(!compared[0].met && compared[0].reason == Some("r"));
        let measured: Vec<_> = compared[0].measured.iter().map(Option::is_some).collect();
        assert_eq!(measured, [true, true, false]);
        runs.remove(1);
        assert!(compare(&runs)[0].met);
    }

    #[test]
    fn rounds_that_differ_too_much_decide_nothing() {
        let mut records = records(1.0);
        records.rows[0].ns = vec![1.0, 2.0, 3.0, 4.0, 5.0];
        records.rows[1].ns = vec![10.0; 5];
        let file: File = toml::from_str(TARGET).unwrap();
        let mut judged = Vec::new();
        file.target[0].judge(&records, &mut judged).unwrap();
        assert!(judged[0].met);
        records.rows[0].ns = vec![1.0, 1.0, 3.0, 5.0, 5.0];
        file.target[0].judge(&records, &mut judged).unwrap();
        assert!(!judged[1].met);
    }

    #[test]
    fn a_latency_is_compared_with_the_best_peer() {
        let mut records = records(1.0);
        for (name, p999) in [("own", 90), ("slow", 500), ("peer", 100), ("nothing", 20)] {
            let line = format!(
                r#"{{"name":"{name}","threads":2,"operation":"insert","p50":1,"p99":2,"p999":{p999},"max":1000}}"#
            );
            records.latencies.push(serde_json::from_str(&line).unwrap());
        }
        let target = "[[target]]\nbench = 'latency'\nrow = 'own'\noperation = 'insert'\nthreads = 2\np999 = 0.95";
        let file: File = toml::from_str(target).unwrap();
        let mut judged = Vec::new();
        file.target[0].judge(&records, &mut judged).unwrap();
        assert!(judged[0].met && judged[0].against == "the best, peer");
        records.latencies[0].p999 = 96;
        file.target[0].judge(&records, &mut judged).unwrap();
        assert!(!judged[1].met);
        records.latencies.remove(0);
        assert!(file.target[0].judge(&records, &mut judged).is_err());
    }

    #[test]
    fn an_absent_row_is_not_met() {
        let target = TARGET.replace("reason", "absent").replace("own", "none");
        let judged = &judge_one(10.0, &target).unwrap()[0];
        assert!(!judged.met && judged.measured.is_none());
    }
}
