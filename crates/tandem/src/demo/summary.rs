//! What the demo found, on one screen that a product person understands; also as `summary.json` and `summary.md`.
//! Every figure in it was measured in this very run. Not here: how.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tandem_project::measure::Measures;

use super::steps::Step;
use crate::commands::thousands;
use crate::failure::Failure;

/// What the demo found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The question, in the words of who asked it.
    pub question: String,
    /// Who asked.
    pub asked_by: String,
    /// What will be decided with the answer.
    pub decides: String,
    /// How many records the logs had, sources, features and entities.
    pub records: u64,
    /// How many sources.
    pub sources: usize,
    /// How many features.
    pub features: usize,
    /// The model.
    pub model: String,
    /// The release that served.
    pub release: String,
    /// On how many observations the model was fitted.
    pub trained_on: u64,
    /// The metric of success, and the least value that counts as one.
    pub metric: String,
    /// The least value that counts as success.
    pub at_least: f64,
    /// The metric on the test part.
    pub tested: Option<f64>,
    /// All measures on the test part.
    pub test: Measures,
    /// What was streamed.
    pub live: Live,
    /// Whether it equals the replay.
    pub parity: Parity,
    /// The same task as it is usually handed over.
    pub handed_over: HandedOver,
    /// What that saw of the future.
    pub audited: Audited,
    /// The steps.
    pub steps: Vec<Step>,
    /// How long all of it took.
    pub seconds: f64,
    /// The folder.
    pub folder: PathBuf,
}

/// The last two weeks, served.
#[derive(Clone, Debug, Serialize)]
pub struct Live {
    /// The first and the last day.
    pub days: Option<(String, String)>,
    /// Records that came in over HTTP.
    pub records: u64,
    /// Predictions asked for.
    pub predictions: u64,
    /// How long it took.
    pub seconds: f64,
    /// How many of them have an outcome by now.
    pub known: u64,
    /// The metric of success on these.
    pub value: Option<f64>,
    /// All measures on these.
    pub measures: Measures,
}

/// Whether what was served equals the replay.
#[derive(Clone, Debug, Serialize)]
pub struct Parity {
    /// Served rows that were compared.
    pub rows: u64,
    /// Feature values that were compared, bit for bit.
    pub values: u64,
    /// Feature values that differ.
    pub values_differing: u64,
    /// Predictions that were compared with the notebook's own estimator.
    pub predictions: u64,
    /// Predictions that differ by more than the tolerance.
    pub predictions_differing: u64,
    /// The largest difference of a prediction.
    pub largest_difference: f64,
}

/// The notebook on the flat table.
#[derive(Clone, Debug, Serialize)]
pub struct HandedOver {
    /// What it says of itself.
    pub metric: String,
    /// Its score.
    pub value: f64,
    /// How many columns it reads.
    pub columns: usize,
    /// Those that production could not have had, and why.
    pub not_in_production: Vec<Column>,
    /// Those that no source declares, so that nobody can say.
    pub unsaid: Vec<String>,
}

/// What the notebook on the flat table saw of the future.
#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// In one sentence.
    pub summary: String,
    /// What came later was left out.
    pub cut: String,
    /// Columns that are others in rows from before.
    pub columns: Vec<String>,
    /// Whether it depends on the future which rows there are.
    pub rows: bool,
    /// How often the notebook was run.
    pub runs: usize,
    /// The page that shows it, in the demo's folder.
    pub page: String,
}

/// A column of the flat table.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// At how many observations production had it.
    pub known: u64,
    /// Of how many.
    pub of: u64,
    /// Why, in plain words.
    pub why: String,
}

impl Summary {
    /// Writes `summary.json` and `summary.md` into the folder.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|e| Failure::world("the summary cannot be written").because(e))?;
        for (name, text) in [("summary.json", json + "\n"), ("summary.md", self.markdown())] {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| Failure::file("write", &path, &e))?;
        }
        Ok(())
    }

    /// The parts of the summary: a title and its sentences each.
    fn parts(&self) -> Vec<(&'static str, Vec<String>)> {
        vec![
            (
                "The question",
                vec![self.question.clone(), format!("Asked by {}. Decides: {}.", self.asked_by, lower(&self.decides))],
            ),
            ("What it rests on", self.basis()),
            ("How good it is", self.quality()),
            ("Can it be trusted", self.trust()),
            ("As it is usually handed over", self.comparison()),
        ]
    }

    fn basis(&self) -> Vec<String> {
        vec![format!(
            "{} records of {} production logs, {} features declared once; training set and service read the same definitions.",
            thousands(self.records),
            self.sources,
            self.features
        )]
    }

    fn quality(&self) -> Vec<String> {
        let verdict =
            if self.tested.is_some_and(|value| value >= self.at_least) { "a success" } else { "not a success" };
        let mut lines = vec![format!(
            "In the test months: {} {} on {} flights, after a gap ({verdict}: at least {} was wanted).",
            self.metric,
            shown(self.tested),
            thousands(self.test.rows),
            self.at_least
        )];
        let days = self.live.days.as_ref().map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
        lines.push(format!(
            "Live{days}: {} {} on {} flights that it had never seen.",
            self.metric,
            shown(self.live.value),
            thousands(self.live.known)
        ));
        let live = &self.live.measures;
        if let (Some(precision), Some(recall)) = (live.precision_in_top_tenth, live.recall_in_top_tenth) {
            lines.push(format!(
                "Of the tenth it warned of most, {:.0} % landed late (of all flights {:.0} %): that finds {:.0} % of the late ones.",
                precision * 100.0,
                live.base_rate * 100.0,
                recall * 100.0
            ));
        }
        lines
    }

    fn trust(&self) -> Vec<String> {
        let parity = &self.parity;
        let values = if parity.values_differing == 0 {
            format!("All {} served feature values equal the replay, bit for bit.", thousands(parity.values))
        } else {
            format!(
                "{} of {} served feature values DIFFER from the replay.",
                thousands(parity.values_differing),
                thousands(parity.values)
            )
        };
        let predictions = if parity.predictions_differing == 0 {
            format!(
                "All {} predictions equal the notebook's own (largest difference {:.0e}).",
                thousands(parity.predictions),
                parity.largest_difference
            )
        } else {
            format!(
                "{} of {} predictions DIFFER from the notebook's own (by up to {:.0e}).",
                thousands(parity.predictions_differing),
                thousands(parity.predictions),
                parity.largest_difference
            )
        };
        vec![values, predictions]
    }

    fn comparison(&self) -> Vec<String> {
        let handed = &self.handed_over;
        let mut lines = vec![format!(
            "The notebook on the flat table claims {} {:.3}. Production could not have had {} of its {} columns in time:",
            if handed.metric == "roc_auc" { "ROC AUC" } else { &handed.metric },
            handed.value,
            handed.not_in_production.len(),
            handed.columns
        )];
        lines.extend(handed.not_in_production.iter().map(|column| format!("  {}: {}", column.name, column.why)));
        if !handed.unsaid.is_empty() {
            lines.push(format!("No log declares {}: nobody can say when those are known.", handed.unsaid.join(", ")));
        }
        let audited = &self.audited;
        let split = if audited.rows { " Its training and test rows are not apart in time." } else { "" };
        lines.push(format!(
            "Run again without what came after {}, it has other values in earlier rows of {}.{split} {} shows where.",
            audited.cut,
            if audited.columns.is_empty() { "no column".to_owned() } else { audited.columns.join(", ") },
            audited.page
        ));
        lines
    }

    /// The three commands to try next.
    fn next(&self) -> Vec<(String, &'static str)> {
        vec![
            (format!("cd {}", self.folder.display()), "a whole project: read it, change it"),
            ("tandem explain mean_arrival_delay_7d".to_owned(), "what a feature means, in plain words"),
            ("tandem check".to_owned(), "every promise of definitions and data"),
            ("tandem serve".to_owned(), "the model you just released, over HTTP"),
        ]
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (title, lines) in self.parts() {
            let _ = writeln!(text, "{title}");
            for line in lines {
                wrap(&mut text, &line);
            }
        }
        let _ = writeln!(text, "Next ({} so far)", duration(self.seconds));
        for (command, why) in self.next() {
            let _ = writeln!(text, "  {command:<40} {why}");
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = String::from("# Will this flight land late?\n");
        for (title, lines) in self.parts() {
            let _ = writeln!(text, "\n## {title}\n");
            for line in lines {
                let _ = match line.strip_prefix("  ") {
                    Some(item) => writeln!(text, "- {item}"),
                    None => writeln!(text, "{line}"),
                };
            }
        }
        text += "\n## The steps\n\n| step | what came of it | seconds |\n|---|---|---|\n";
        for step in &self.steps {
            let outcome = step.outcome.replace('|', "\\|").replace('\n', "<br>");
            let _ = writeln!(text, "| {} | {outcome} | {:.1} |", step.name, step.seconds);
        }
        let _ = writeln!(text, "| all | | {:.1} |", self.seconds);
        text
    }
}

/// Adds a line, broken at spaces so that it fits a terminal of 100 columns; what follows is indented like it.
fn wrap(text: &mut String, line: &str) {
    let indent = 2 + line.len() - line.trim_start().len();
    let mut column = 0;
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > 100 {
            let _ = write!(text, "{}{:indent$}{word}", if column == 0 { "" } else { "\n" }, "");
            column = indent + length;
        } else {
            let _ = write!(text, " {word}");
            column += 1 + length;
        }
    }
    text.push('\n');
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"))
}

fn lower(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// `1 min 32 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if whole < 60 { format!("{whole} s") } else { format!("{} min {} s", whole / 60, whole % 60) }
}
