//! `tandem notebook check`: can it be run by somebody else? Nothing is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use tandem_definitions::{Code, Diagnostic, File, Severity};
use tandem_notebook::{Checked, Located, check};

use crate::context::Context;
use crate::failure::{Failure, counted};
use crate::render::{Format, InCell, Promise, Report};

/// Say what stands in the way of running a notebook, without running it
///
/// Names that are missing or come too late, files and modules that were not handed over, paths of one machine, randomness
/// without a seed, secrets, Python 2; and suspicions of a look into the future, which `tandem audit` can prove. A folder is
/// searched for notebooks. `tandem explain CODE` says why a finding matters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem notebook check analysis.ipynb
  tandem notebook check notebooks/                    every notebook in the folder
  tandem notebook check . --format sarif > check.sarif

Exit code 1 when a notebook has an error: a clean run of it must fail. With --strict, when there is any finding.")]
pub struct Check {
    /// Notebooks, or folders with notebooks
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// How the report is drawn
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Warnings and notes fail too
    #[arg(long)]
    strict: bool,
}

impl Check {
    /// Checks, and shows the report.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let mut files = Vec::new();
        for path in &self.paths {
            collect(path, &mut files)?;
        }
        if files.is_empty() {
            let message = "There is no notebook in what was given.";
            return Err(Failure::world(message).hint("Name .ipynb files, or folders that hold some."));
        }
        let bar = context.terminal.bar("checking");
        let mut checked = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            bar.share(index as f64 / files.len() as f64);
            bar.message(&name(file));
            checked.push(check::check(file, &name(file)).map_err(|error| Failure::world(error.to_string()))?);
        }
        drop(bar);
        self.report(checked).show(self.format, context.terminal)
    }

    fn report(&self, checked: Vec<Checked>) -> Report {
        let summary = Some(summary(&checked));
        let mut report = Report { name: "notebook check", summary, ..Report::default() };
        // People read the line of the cell; tools need the line of the file.
        let in_cells = matches!(self.format, Format::Text | Format::Markdown);
        for one in checked {
            let promise = promise(&one, self.strict);
            if !in_cells || !promise.kept {
                report.promises.push(promise);
            }
            if in_cells {
                let used =
                    |number: usize| one.findings.iter().filter_map(|one| one.cell).any(|cell| cell.number == number);
                let cells = one.cells.iter().filter(|(number, _)| used(*number));
                report.files.extend(cells.map(|(number, text)| File {
                    path: in_cell(&one.name, *number),
                    text: masked(&one, *number, text),
                }));
            }
            for located in one.findings {
                report.cells.push(located.cell.map(|cell| InCell {
                    number: cell.number,
                    line: cell.line,
                    column: cell.column,
                }));
                report.findings.push(if in_cells { as_read(located) } else { located.finding });
            }
        }
        report
    }
}

/// A cell's text without its secrets: what is shown here lies in the logs of others tomorrow. Places stay as they are.
fn masked(checked: &Checked, number: usize, text: &str) -> String {
    let mut shown = text.to_owned();
    let secrets = checked.findings.iter().filter(|one| one.finding.code == Code::SecretInSource);
    for cell in secrets.filter_map(|one| one.cell).filter(|cell| cell.number == number) {
        let Some(secret) = text.get(cell.start..cell.end) else { continue };
        let mask = |(i, c): (usize, char)| if i < 4 || c == '\n' { c.to_string() } else { "*".repeat(c.len_utf8()) };
        shown.replace_range(cell.start..cell.end, &secret.chars().enumerate().map(mask).collect::<String>());
    }
    shown
}

/// The finding with its place in the cell instead of in the file.
fn as_read(located: Located) -> Diagnostic {
    let mut finding = located.finding;
    if let Some(cell) = located.cell {
        let place = &mut finding.place;
        place.file = in_cell(&place.file, cell.number);
        (place.line, place.column, place.start, place.end) = (cell.line, cell.column, cell.start, cell.end);
    }
    finding
}

fn in_cell(name: &str, number: usize) -> String {
    format!("{name}, cell {number}")
}

fn promise(checked: &Checked, strict: bool) -> Promise {
    let count = |severity| checked.findings.iter().filter(|one| one.finding.severity == severity).count();
    let kept = count(Severity::Error) == 0 && (!strict || checked.findings.is_empty());
    let detail = severities(count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    Promise { name: checked.name.clone(), kept, detail }
}

fn severities(errors: usize, warnings: usize, notes: usize) -> String {
    let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
    let said: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| counted(*n, word)).collect();
    if said.is_empty() { "no findings".to_owned() } else { said.join(", ") }
}

/// How many notebooks, how many findings, and which are the most frequent.
fn summary(checked: &[Checked]) -> String {
    let findings = || checked.iter().flat_map(|one| &one.findings).map(|one| &one.finding);
    let count = |severity| findings().filter(|one| one.severity == severity).count();
    let mut codes: BTreeMap<Code, usize> = BTreeMap::new();
    findings().for_each(|one| *codes.entry(one.code).or_default() += 1);
    let mut codes: Vec<(usize, Code)> = codes.into_iter().map(|(code, count)| (count, code)).collect();
    codes.sort_by_key(|(count, code)| (std::cmp::Reverse(*count), *code));
    let counts = severities(count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let mut text = format!("{}: {counts}", counted(checked.len(), "notebook"));
    if checked.len() > 1 && !codes.is_empty() {
        let most =
            codes.iter().take(5).map(|(count, code)| format!("{} {} ×{count}", code.id(), code.title().to_lowercase()));
        text.push_str(". Most frequent: ");
        text.push_str(&most.collect::<Vec<_>>().join("; "));
    }
    text
}

/// The path as it was given, with `/`.
fn name(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The notebooks of a folder, in the order of their names; checkpoints, hidden folders and environments left out.
fn collect(path: &Path, into: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let trouble = |error: std::io::Error| {
        Failure::world(format!("{}: cannot be read: {error}", path.display())).hint("Check the path.")
    };
    if !std::fs::metadata(path).map_err(trouble)?.is_dir() {
        into.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).map_err(trouble)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    entries.sort();
    for entry in entries {
        let called = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A link may lead back up, or nowhere.
        if called.starts_with('.') || entry.is_symlink() {
            continue;
        }
        if entry.is_dir() {
            let environment =
                entry.join("pyvenv.cfg").is_file() || called == "node_modules" || called == "site-packages";
            if !environment {
                collect(&entry, into)?;
            }
        } else if entry.extension().is_some_and(|ending| ending == "ipynb") {
            into.push(entry);
        }
    }
    Ok(())
}
