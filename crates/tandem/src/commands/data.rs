//! `tandem data`: the training set of a question.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use tandem_project::training::{self, Facts, Part};

use crate::context::{Context, shown};
use crate::failure::Failure;

/// The training set of a question: a replay of production, written to Parquet
///
/// One row an observation: the entities, the instant, every feature as production knew it at that instant, and the outcome
/// as it became known later. Observations whose outcome cannot be known yet are left out, and counted. The file's metadata
/// (key `tandem`) says what the set rests on: the definitions' hash, the log, the kind of arrival time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem data late_landing
  tandem data late_landing --part train --out train.parquet
  tandem data late_landing --facts              what it is made of, as JSON")]
pub struct Data {
    /// The question
    question: String,
    /// Which part of the split
    #[arg(long, value_enum, default_value_t)]
    part: Which,
    /// The Parquet file [default: QUESTION.parquet]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the set's facts as JSON to standard output
    #[arg(long)]
    facts: bool,
}

/// A part, or all with a column `part`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Which {
    /// Before the gap: what a model is fitted on
    Train,
    /// After the gap: what it is measured on
    Test,
    /// Everything, with a last column `part`
    #[default]
    All,
}

impl Data {
    /// Makes it, writes it, and says what it is made of.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let question = loaded.question(&self.question)?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{}.parquet", question.name)));
        let begun = Instant::now();
        let bar = context.terminal.bar("replaying");
        let set = training::training_set(&loaded, question, &question.features, &|progress| bar.share(progress.share))?;
        let part = match self.part {
            Which::Train => Some(Part::Train),
            Which::Test => Some(Part::Test),
            Which::All => None,
        };
        set.write(part, &out)?;
        drop(bar);
        let rows = part.map_or(set.parts.len(), |part| set.parts.iter().filter(|p| **p == part).count());
        let seconds = begun.elapsed().as_secs_f64();
        context.terminal.say(&format!("{}: {} rows in {seconds:.1} s", shown(&out), thousands(rows as u64)));
        context.terminal.say(&in_words(&set.facts));
        if self.facts {
            let json = serde_json::to_string_pretty(&set.facts)
                .map_err(|e| Failure::world("the facts cannot be written").because(e))?;
            context.terminal.data(&json);
        }
        Ok(())
    }
}

/// What a training set is made of, for people.
pub fn in_words(facts: &Facts) -> String {
    let mut text = String::new();
    let parts: Vec<String> =
        facts.parts.iter().map(|(part, rows)| format!("{} {}", thousands(*rows), part.word())).collect();
    let _ = writeln!(text, "  rows       {} ({})", thousands(facts.rows), parts.join(", "));
    let _ = writeln!(text, "  split      {}", facts.split);
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
