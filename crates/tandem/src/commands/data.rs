//! `tandem data`: the training set of a question, and what late and corrected records change in it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use tandem_definitions::Question;
use tandem_project::Loaded;
use tandem_project::compare::{Comparison, compare};
use tandem_project::training::{self, Facts, FoldFacts, Knowledge, Part};

use crate::context::{Context, shown};
use crate::failure::Failure;
use crate::render::Shape;

/// The training set of a question: a replay of production, written to Parquet
///
/// One row an observation: the entities, the instant, every feature as production knew it at that instant, and the outcome
/// as it became known later. Observations whose outcome cannot be known yet are left out, and counted. The file's metadata
/// (key `tandem`) says what the set rests on: the definitions' hash, the log, the kind of arrival time, the folds.
///
/// With `--compare` nothing is written: it shows, for each feature, at how many observations late and corrected records
/// change the value that production had, by how much, and three of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem data late_landing
  tandem data late_landing --part train --out train.parquet
  tandem data late_landing --fold 2 --part test --out test-2.parquet
  tandem data late_landing --facts              what it is made of, as JSON
  tandem data late_landing --compare            as known beside as corrected")]
pub struct Data {
    /// The question
    question: String,
    /// Which part of the split
    #[arg(long, value_enum, default_value_t)]
    part: Which,
    /// Which fold, from 1, where the question has several [default: the last]
    #[arg(long, value_name = "N")]
    fold: Option<u32>,
    /// The Parquet file [default: QUESTION.parquet]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the set's facts as JSON to standard output
    #[arg(long)]
    facts: bool,
    /// The values by all that is known today, late and corrected records included: production never had them
    #[arg(long)]
    as_corrected: bool,
    /// Compare the features as known with those as corrected; writes no file
    #[arg(long, conflicts_with_all = ["part", "fold", "out", "facts", "as_corrected"])]
    compare: bool,
    /// How the comparison is shown
    #[arg(long, value_enum, default_value_t, requires = "compare")]
    format: Shape,
}

/// A part, or all with a column `part`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Which {
    /// Before the gap: what a model is fitted on
    Train,
    /// The test window, after the gap: what it is measured on
    Test,
    /// Everything, with a last column `part`; where there are several folds, and a column `fold` before it
    #[default]
    All,
}

impl Data {
    /// Makes it, writes it, and says what it is made of.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let question = loaded.question(&self.question)?;
        if self.compare {
            return self.compared(context, &loaded, question);
        }
        if self.as_corrected && std::env::var_os("TANDEM_RUN").is_some() {
            let message = "a model is never trained on values as corrected: production does not have them when it asks";
            let hint = "train on the set as known, and look at the other one outside of `tandem train`";
            return Err(Failure::project(message).hint(hint));
        }
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{}.parquet", question.name)));
        let begun = Instant::now();
        let bar = context.terminal.bar("replaying");
        let knowledge = if self.as_corrected { Knowledge::AsCorrected } else { Knowledge::AsKnown };
        let set = training::training_set(&loaded, question, &question.features, knowledge, &|progress| {
            bar.share(progress.share);
        })?;
        let part = match self.part {
            Which::Train => Some(Part::Train),
            Which::Test => Some(Part::Test),
            Which::All => None,
        };
        let fold = set.fold(self.fold)?;
        set.write(&fold, part, &out)?;
        drop(bar);
        let rows = part.map_or(set.at.len(), |part| set.parts(&fold).iter().filter(|p| **p == part).count());
        let seconds = begun.elapsed().as_secs_f64();
        context.terminal.say(&format!("{}: {} rows in {seconds:.1} s", shown(&out), thousands(rows as u64)));
        context.terminal.say(&in_words(&set.facts));
        if self.as_corrected {
            let warning = "as corrected: production never had these values. Look at them; train on those as known";
            context.terminal.say(&format!("{} {warning}", context.terminal.red("warning:")));
        }
        if self.facts {
            let json = serde_json::to_string_pretty(&set.facts)
                .map_err(|e| Failure::world("the facts cannot be written").because(e))?;
            context.terminal.data(&json);
        }
        Ok(())
    }

    fn compared(&self, context: &Context, loaded: &Loaded, question: &Question) -> Result<(), Failure> {
        let bar = context.terminal.bar("replaying twice");
        let comparison = compare(loaded, question, &|progress| bar.share(progress.share))?;
        drop(bar);
        if matches!(self.format, Shape::Json) {
            let json = serde_json::to_string_pretty(&comparison);
            context.terminal.data(&json.map_err(|e| Failure::world("the comparison cannot be written").because(e))?);
        } else {
            context.terminal.data(&differences(&comparison));
        }
        Ok(())
    }
}

/// A comparison, for people: the sentence, a line for each feature, and below it some of the observations.
fn differences(comparison: &Comparison) -> String {
    let Comparison { question, observations, features, .. } = comparison;
    let mut text = format!("{question}: {} ({} compared)\n", comparison.in_words(), thousands(*observations));
    let width = features.iter().map(|f| f.feature.chars().count()).max().unwrap_or(0).max("feature".len());
    let row = |cells: [&str; 5]| {
        let [name, differ, mean, greatest, null] = cells;
        let line = format!("  {name:<width$}  {differ:>17}  {mean:>12}  {greatest:>12}  {null}");
        line.trim_end().to_owned() + "\n"
    };
    text += &row(["feature", "differ", "mean apart", "most apart", ""]);
    for feature in features {
        let share = 100.0 * feature.differ as f64 / (*observations).max(1) as f64;
        let shown = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), number);
        let mut null = Vec::new();
        if feature.only_corrected > 0 {
            null.push(format!("{} had been null", thousands(feature.only_corrected)));
        }
        if feature.only_known > 0 {
            null.push(format!("{} became null", thousands(feature.only_known)));
        }
        let differ = format!("{} ({share:.1} %)", thousands(feature.differ));
        text += &row([&feature.feature, &differ, &shown(feature.mean), &shown(feature.greatest), &null.join(", ")]);
        for example in &feature.examples {
            let entity = example.entity.iter().map(|(name, key)| format!("{name} {key}")).collect::<Vec<_>>();
            let (known, corrected) = (&example.as_known, &example.as_corrected);
            let _ = writeln!(text, "    {} at {}: {known}, now {corrected}", entity.join(", "), example.at);
        }
    }
    text
}

/// A difference with so many digits as people read.
fn number(x: f64) -> String {
    if x != 0.0 && !(0.001..1e9).contains(&x) {
        return format!("{x:.2e}");
    }
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a training set is made of, for people.
pub fn in_words(facts: &Facts) -> String {
    let mut text = String::new();
    let parts: Vec<String> =
        facts.parts.iter().map(|(part, rows)| format!("{} {}", thousands(*rows), part.word())).collect();
    let _ = writeln!(text, "  rows       {} ({})", thousands(facts.rows), parts.join(", "));
    if !facts.observed.is_empty() {
        let _ = writeln!(text, "  observed   {}", facts.observed);
    }
    let _ = writeln!(text, "  split      {}", facts.split);
    for FoldFacts { fold, train_before, test_from, test_until, parts } in &facts.folds {
        let count = |part| parts.iter().find(|(p, _)| *p == part).map_or(0, |(_, rows)| *rows);
        let (train, test) = (thousands(count(Part::Train)), thousands(count(Part::Test)));
        let until = test_until.as_ref().map_or(String::new(), |until| format!(" and before {until}"));
        let _ =
            writeln!(text, "  fold {fold:<5} {train} train before {train_before}, {test} test from {test_from}{until}");
    }
    for (index, (reason, count)) in facts.left_out.iter().enumerate() {
        let title = if index == 0 { "left out" } else { "" };
        let _ = writeln!(text, "  {title:<10} {} because {reason}", thousands(*count));
    }
    for (index, log) in facts.logs.iter().enumerate() {
        let title = if index == 0 { "rests on" } else { "" };
        let _ = write!(text, "  {title:<10} {}: {} records", log.source, thousands(log.records));
        if let Some((first, last)) = &log.arrivals {
            let _ = write!(text, " that arrived {first} to {last}");
        }
        let _ = writeln!(text, " ({})", log.arrival_time);
        if log.duplicates > 0 {
            let _ = writeln!(text, "  {:<10} {} repeated an identity and were ignored", "", thousands(log.duplicates));
        }
        for (entity, count) in &log.without_entity {
            let _ = writeln!(text, "  {:<10} {} name no {entity}", "", thousands(*count));
        }
        for finding in &log.findings {
            let _ = writeln!(text, "  {:<10} {finding}", "");
        }
    }
    for finding in &facts.findings {
        let _ = writeln!(text, "  {:<10} {} {}", finding.code, finding.message, finding.help);
    }
    let _ = writeln!(text, "  bounds     {}", facts.bounds);
    let _ = write!(text, "  definitions {}", facts.definitions.get(..12).unwrap_or(&facts.definitions));
    text
}

/// 336776 as `336,776`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn digits_stand_in_threes() {
        assert_eq!([0, 999, 1000, 336_776, 1_000_000].map(thousands), ["0", "999", "1,000", "336,776", "1,000,000"]);
    }
}
