//! `tandem train`: from a question to a measured model.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use tandem_project::measure::{metric_meaning, metric_name};
use tandem_project::train::{self, Event, Report};

use super::data::{in_words, thousands};
use super::notebook;
use crate::context::{Context, program, shown};
use crate::failure::Failure;
use crate::terminal::{Bar, Terminal};

/// Train a model: training set, notebook in its locked environment, ONNX, measured on later observations
///
/// The notebook runs from top to bottom in a fresh kernel, reads the training set through `import tandem`, and keeps the
/// model with `tandem.keep_model`. The model is then measured on the test part, which the notebook never sees, against
/// what the question calls success. Everything of the run lies in .tandem/runs/MODEL.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem train late_landing
  tandem train late_landing --cell-limit 600

Exit code 1 when the model is not what the question calls success.")]
pub struct Train {
    /// The model
    model: String,
    /// How many seconds one cell of the notebook may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
}

impl Train {
    /// Trains it, and says how good it is.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let model = loaded.model(&self.model)?;
        let request = train::Request { program: program()?, cell_limit: self.cell_limit.map(Duration::from_secs) };
        let begun = Instant::now();
        let bar = context.terminal.spinner("training");
        let ended = train::train(&loaded, model, &request, &mut |event| tell(context.terminal, &bar, &event, true));
        drop(bar);
        let report = ended.map_err(notebook::with_traceback)?;
        context.terminal.say(&format!(
            "trained in {:.1} s; the run: {}",
            begun.elapsed().as_secs_f64(),
            shown(&report.folder)
        ));
        context.terminal.data(&measured(&report));
        if report.success {
            return Ok(());
        }
        Err(Failure::broken(format!("`{}` is not what the question `{}` calls success", report.model, report.question))
            .hint("see what it leans on, and what is missing: the notebook's executed copy is in the run's folder"))
    }
}

/// Shows what happens during training; `facts`: what the training set is made of, too.
pub fn tell(terminal: Terminal, bar: &Bar, event: &Event, facts: bool) {
    match event {
        Event::Replay(progress) => {
            bar.message(&format!(
                "replaying, {:.0} % ({} records)",
                progress.share * 100.0,
                thousands(progress.records)
            ));
        }
        Event::TrainingSet(set) if facts => bar.say(terminal, &format!("training set\n{}", in_words(set))),
        Event::TrainingSet(_) => {}
        Event::Environment(line) => bar.message(line),
        Event::Notebook(event) => notebook::tell(terminal, bar, event),
        Event::Measuring => bar.message("measuring"),
    }
}

/// How good a model is, for people.
fn measured(report: &Report) -> String {
    let known = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"));
    let measures = &report.measures;
    let verdict = if report.success { "a success" } else { "not a success" };
    let mut text = format!(
        "{}: {verdict}. {} is {} on {} observations that it was not fitted on (success: at least {})\n  {}: {}\n",
        report.model,
        metric_name(report.metric),
        known(report.value),
        thousands(measures.rows),
        report.at_least,
        metric_name(report.metric),
        metric_meaning(report.metric),
    );
    let others = [
        ("roc_auc", measures.roc_auc),
        ("average_precision", measures.average_precision),
        ("brier_skill", measures.brier_skill),
    ];
    for (name, value) in others {
        let _ = writeln!(text, "  {name:<18} {}", known(value));
    }
    text + &format!(
        "  {:<18} {:.4}\n  {:<18} {} rows\n",
        "base rate",
        measures.base_rate,
        "fitted on",
        thousands(report.trained_on)
    )
}
