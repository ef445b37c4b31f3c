//! `tandem parity`: what was served equals the replay.

use std::fmt::Write as _;
use std::time::Instant;

use clap::Args;
use tandem_project::measure::metric_name;
use tandem_project::parity::{self, Difference, Report};
use tandem_project::release;

use super::data::thousands;
use crate::context::Context;
use crate::failure::{Failure, counted};
use crate::render::Shape;

/// What was served equals the replay, bit for bit, and what was predicted equals the notebook's own model
///
/// Replays every served row up to the very positions of the log that it rested on, by the definitions that answered it,
/// and compares each value. Predictions are compared with those of the estimator that the notebook fitted. Then the
/// predictions are measured against the outcomes that have become known since.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem parity
  tandem parity late_landing --tolerance 1e-9
  tandem parity --format json

Exit code 1 when anything differs.")]
pub struct Parity {
    /// Only rows that this model answered
    model: Option<String>,
    /// How far a prediction may be from the notebook's own; feature values must be equal
    #[arg(long, default_value_t = 1e-6)]
    tolerance: f64,
    /// How the report is shown
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

impl Parity {
    /// Compares, and says what differs.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        if let Some(model) = &self.model {
            loaded.model(model)?;
        }
        let begun = Instant::now();
        let bar = context.terminal.bar("replaying");
        let report = parity::parity(&loaded, self.model.as_deref(), self.tolerance, &|p| bar.share(p.share))?;
        drop(bar);
        if report.rows == 0 && !report.not_comparable.is_empty() {
            let served: u64 = report.not_comparable.iter().map(|(_, rows)| rows).sum();
            let what =
                format!("all {served} served rows were answered by definitions that are neither here nor a release's");
            return Err(
                Failure::project(what).hint("check out the definitions of that time; their hash is in .tandem/served")
            );
        }
        if report.rows == 0 {
            return Err(Failure::project("nothing has been served here, so there is nothing to compare")
                .hint("`tandem serve`, and ask it for features or predictions"));
        }
        if matches!(self.format, Shape::Json) {
            let json = serde_json::to_string_pretty(&report);
            context.terminal.data(&json.map_err(|e| Failure::world("the report cannot be written").because(e))?);
        } else {
            context.terminal.data(&in_words(&report));
            self.measure(context, &loaded)?;
        }
        context.terminal.say(&format!("compared in {:.1} s", begun.elapsed().as_secs_f64()));
        if report.holds() {
            return Ok(());
        }
        Err(Failure::broken("what was served is not what the replay gives")
            .hint("each difference above is a row of .tandem/served: was a log changed after it was served?"))
    }

    /// How good the served predictions were, for each live release that served some.
    fn measure(&self, context: &Context, loaded: &tandem_project::Loaded) -> Result<(), Failure> {
        let wanted = |name: &String| self.model.as_ref().is_none_or(|model| model == name);
        for bundle in release::live(loaded)?.iter().filter(|bundle| wanted(&bundle.manifest.model)) {
            let served = parity::measure_served(bundle, &|_| {})?;
            if served.predictions == 0 {
                continue;
            }
            let metric = bundle.loaded.project.questions[bundle.model().question].success.metric;
            let value =
                served.measures.metric(metric).map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"));
            context.terminal.data(&format!(
                "{}: {} {value} on {} served predictions whose outcome is known by now ({} not yet, {} never)",
                bundle.id,
                metric_name(metric),
                thousands(served.measures.rows),
                thousands(served.unknown),
                thousands(served.without)
            ));
        }
        Ok(())
    }
}

fn in_words(report: &Report) -> String {
    let equal = |differing: u64| {
        if differing == 0 { "all equal".to_owned() } else { format!("{} DIFFER", thousands(differing)) }
    };
    let mut text = format!(
        "{} served rows\n{} feature values, bit for bit: {}\n{} predictions, to {:e}: {} (largest difference {:.1e})\n",
        thousands(report.rows),
        thousands(report.values_compared),
        equal(report.values_differing),
        thousands(report.predictions_compared),
        report.tolerance,
        equal(report.predictions_differing),
        report.largest_difference
    );
    if !report.differences.is_empty() {
        let _ = writeln!(text, "the first {}:", counted(report.differences.len(), "difference"));
    }
    for (hash, rows) in &report.not_comparable {
        let rows = counted(*rows as usize, "row");
        let _ = writeln!(
            text,
            "not compared: {rows} answered by definitions that are neither here nor a release's ({})",
            &hash[..12]
        );
    }
    for finding in &report.findings {
        let _ = writeln!(text, "  {} {} {}", finding.code, finding.message, finding.help);
    }
    for one in &report.differences {
        let Difference { code, seq, name, served, replayed } = one;
        let _ = writeln!(text, "  {code} row {seq}: {name} was served as {served}, and the replay gives {replayed}");
    }
    text
}
