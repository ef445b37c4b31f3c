//! Every promise of a project, verified: its definitions, its sources against their contracts, its models' locks and
//! notebooks. One report; how it is shown is not decided here.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::Array as _;
use serde::Serialize;
use tandem_data::read::{self, Batch};
use tandem_data::table::columns;
use tandem_definitions::{Adopted, Arrival, Code, Diagnostic, Place, Question, Rule, Source, time};
use tandem_engine::Admission;
use tandem_notebook::Notebook;
use tandem_notebook::environment::{Unhashed, unhashed};

use crate::adopt::recorded;
use crate::error::Error;
use crate::load::Loaded;
use crate::observe::observations;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The definitions alone: what an editor or a quick commit wants.
    Definitions,
    /// The data, locks and notebooks too.
    Everything,
}

/// A promise, and whether it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    /// What is promised.
    pub name: String,
    /// Whether no error was found.
    pub kept: bool,
    /// What was seen.
    pub detail: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The promises, in order.
    pub promises: Vec<Promise>,
    /// The findings, in the same order.
    pub findings: Vec<Diagnostic>,
}

impl Report {
    /// Whether there is no error.
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }

    fn add(&mut self, name: String, detail: String, findings: Vec<Diagnostic>) {
        let kept = !findings.iter().any(Diagnostic::is_error);
        self.promises.push(Promise { name, kept, detail });
        self.findings.extend(findings);
    }
}

/// Checks a project.
pub fn check(loaded: &Loaded, depth: Depth) -> Report {
    let mut report = Report::default();
    let project = &loaded.project;
    let detail = format!(
        "{}, {}, {}, {}",
        counted(project.sources.len() as u64, "source"),
        counted(project.features.len() as u64, "feature"),
        counted(project.questions.len() as u64, "question"),
        counted(project.models.len() as u64, "model")
    );
    report.add("definitions".to_owned(), detail, loaded.findings.clone());
    if depth == Depth::Everything {
        for source in &project.sources {
            let (detail, findings) = check_source(loaded, source);
            report.add(format!("source {}", source.name), detail, findings);
        }
        let files = project.questions.iter().filter(|q| matches!(q.observe.rule, Rule::File(_)));
        for question in files {
            let (detail, findings) = match observations(loaded, question) {
                Ok(observed) => (counted(observed.records, "observation"), Vec::new()),
                Err(Error::Findings(findings)) => ("not read".to_owned(), findings),
                Err(error) => ("not read".to_owned(), vec![unreadable(question, &error)]),
            };
            report.add(format!("observations of {}", question.name), detail, findings);
        }
        for model in &project.models {
            let mut findings = check_lock(&loaded.base, &model.lock, &model.place);
            findings.extend(check_notebook(&loaded.base, &model.notebook, &model.place));
            report.add(format!("model {}", model.name), format!("{}, {}", model.notebook, model.lock), findings);
        }
        for adopted in &project.adopted {
            let mut findings = check_lock(&loaded.base, &adopted.lock, &adopted.place);
            findings.extend(check_adopted_notebook(loaded, adopted));
            findings.extend(recorded::check(loaded, adopted));
            let detail = format!("{}, {}", adopted.notebook, counted(adopted.inputs.len() as u64, "input"));
            report.add(format!("adopted notebook {}", adopted.name), detail, findings);
        }
    }
    report
}

/// A file of observations that the system does not give.
fn unreadable(question: &Question, error: &Error) -> Diagnostic {
    let help = "Check that the file is there and that you may read it.";
    Diagnostic::new(Code::ObservationsUnreadable, question.observe.place.clone(), format!("{error}."), help)
}

/// What is counted while a source is read.
#[derive(Default)]
struct Seen {
    arrivals: Option<(i64, i64)>,
    admission: Admission,
    /// For each touch, how many records have a null in its key.
    nobody: Vec<u64>,
    /// For each field that arrives later than its record, how many values have no time at which they do.
    never_known: BTreeMap<usize, u64>,
    /// The records read last that arrived at one instant.
    together: Together,
    /// The most that did, of those that happened far apart.
    backfill: Together,
}

/// Records in a row that arrived at one instant.
#[derive(Clone, Copy, Default)]
struct Together {
    arrival: i64,
    records: u64,
    /// The first and the last event among them.
    events: (i64, i64),
}

impl Together {
    /// A load of what came in over a month is a load; so many records, and over longer, are the mark of a backfill.
    fn is_a_backfill(&self) -> bool {
        self.records >= 10 && self.events.1 - self.events.0 > 31 * time::DAY
    }
}

/// Reads all records of a source: every field, against the contract.
fn check_source(loaded: &Loaded, source: &Source) -> (String, Vec<Diagnostic>) {
    let wanted: Vec<usize> = (0..source.fields.len()).collect();
    let mut reader = match read::open(source, &loaded.origin, &wanted) {
        Ok(reader) => reader,
        Err(error) => return ("not read".to_owned(), vec![error.diagnostic(&source.place)]),
    };
    let mut seen = Seen { nobody: vec![0; source.touches.len()], ..Seen::default() };
    for batch in &mut reader {
        match batch {
            Ok(batch) => seen.batch(&batch, source),
            Err(error) => return ("not read to its end".to_owned(), vec![error.diagnostic(&source.place)]),
        }
    }
    let span = seen.arrivals.map_or(String::new(), |(first, last)| {
        let text = time::format_instant;
        format!(", arrived from {} to {}", text(first), text(last))
    });
    let mut findings = reader.findings().diagnostics(source);
    findings.extend(seen.findings(loaded, source));
    let corrections = match seen.admission.duplicates() {
        count if source.corrects && count > 0 => format!(", {count} of them correct an earlier one"),
        _ => String::new(),
    };
    (format!("{}{corrections}{span}", counted(reader.position(), "record")), findings)
}

impl Seen {
    fn batch(&mut self, batch: &Batch, source: &Source) {
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let late = source.fields.iter().enumerate().filter_map(|(field, f)| Some((field, f.arrives?)));
        let late: Vec<(usize, usize)> = late.collect();
        let null = |fields: &[usize], row: usize| fields.iter().any(|&f| batch.columns[f].is_null(row));
        for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
            let arrival = batch.arrival[row];
            self.arrivals = Some(self.arrivals.map_or((arrival, arrival), |(a, b)| (a.min(arrival), b.max(arrival))));
            self.arrived(batch.event[row], arrival);
            for (field, arrives) in &late {
                if !batch.columns[*field].is_null(row) && batch.columns[*arrives].is_null(row) {
                    *self.never_known.entry(*field).or_default() += 1;
                }
            }
            if !source.identity.is_empty() {
                let identity: Vec<_> = source.identity.iter().map(|&f| columns[f].get(row)).collect();
                self.admission.admit(&identity);
            }
            for (touch, count) in source.touches.iter().zip(&mut self.nobody) {
                *count += u64::from(null(&touch.fields, row));
            }
        }
    }

    /// Counts a record among those that arrived together.
    fn arrived(&mut self, event: i64, arrival: i64) {
        if self.together.records == 0 || self.together.arrival != arrival {
            self.together = Together { arrival, records: 0, events: (event, event) };
        }
        let Together { records, events, .. } = &mut self.together;
        *records += 1;
        *events = (events.0.min(event), events.1.max(event));
        if self.together.records > self.backfill.records && self.together.is_a_backfill() {
            self.backfill = self.together;
        }
    }

    /// What is odd about the times at which records and their fields arrived.
    fn odd_arrivals(&self, source: &Source) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let Together { arrival, records, events } = self.backfill;
        if records > 0 && !matches!(source.arrival, Arrival::Assumed { .. }) {
            let [arrival, first, last] = [arrival, events.0, events.1].map(time::format_instant);
            let message = format!(
                "{}: {} in a row arrived at {arrival}, though they happened from {first} to {last}",
                source.name,
                counted(records, "record")
            );
            let help = "If that is when old records were loaded, production knew them earlier: keep the original arrival time, \
                        or say `arrivalDelay` in the contract. If production got them only then, nothing.";
            findings.push(Diagnostic::new(Code::ConstantArrival, source.place.clone(), message, help));
        }
        for (field, count) in &self.never_known {
            let field = &source.fields[*field];
            let time = field.arrives.map_or("", |f| &source.fields[f].name);
            let message = format!(
                "{}: {} of `{}` never known, because `{time}` is null",
                source.name,
                counted(*count, "value"),
                field.name
            );
            let help = format!("Write in `{time}` when the value was known, or leave the value empty.");
            findings.push(Diagnostic::new(Code::NeverKnown, field.place.clone(), message, help));
        }
        findings
    }

    fn findings(&self, loaded: &Loaded, source: &Source) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for (touch, count) in source.touches.iter().zip(&self.nobody).filter(|(_, count)| **count > 0) {
            let entity = &loaded.project.entities[touch.entity].name;
            let records = counted(*count, "record");
            let message = format!("{}: {records} without a key of {entity}, counted for none", source.name);
            let help = "Nothing, if that is the truth; otherwise find out where the key is lost.";
            findings.push(Diagnostic::new(Code::NoEntity, source.place.clone(), message, help));
        }
        findings.extend(self.odd_arrivals(source));
        let repeated = self.admission.duplicates();
        if repeated > 0 && !source.corrects {
            let records = counted(repeated, "record");
            let message = format!("{}: {records} delivered again, and ignored", source.name);
            let help = "Nothing: the identity in the contract says which they are.";
            findings.push(Diagnostic::new(Code::DuplicateRecords, source.place.clone(), message, help));
        }
        findings
    }
}

/// A number of things in words: `1 record`, `2 records`.
fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

fn check_lock(base: &Path, lock: &str, place: &Place) -> Vec<Diagnostic> {
    let make = "make it with `uv pip compile --universal --generate-hashes requirements.in -o requirements.lock`";
    let Ok(text) = std::fs::read_to_string(base.join(lock)) else {
        return vec![Diagnostic::new(Code::LockMissing, place.clone(), format!("the lock {lock} is missing"), make)];
    };
    let finding = |found: Unhashed| {
        let message = format!("{lock} line {}: `{}` has no hash", found.line, found.requirement);
        Diagnostic::new(Code::LockUnhashed, place.clone(), message, make)
    };
    unhashed(&text).map(finding).collect()
}

fn check_notebook(base: &Path, notebook: &str, place: &Place) -> Vec<Diagnostic> {
    let path = base.join(notebook);
    let Err(error) = Notebook::read(&path) else { return Vec::new() };
    let (code, help) = if path.exists() {
        (Code::NotebookUnreadable, "Open it in Jupyter, restart and run all, and save it again.")
    } else {
        (Code::NotebookMissing, "Name the notebook in model.yaml, relative to the model's folder.")
    };
    vec![Diagnostic::new(code, place.clone(), error.to_string(), help)]
}

fn check_adopted_notebook(loaded: &Loaded, adopted: &Adopted) -> Vec<Diagnostic> {
    let Err(error) = recorded::notebook(loaded, adopted) else { return Vec::new() };
    let (code, help) = if loaded.base.join(&adopted.notebook).exists() {
        (Code::NotebookUnreadable, "Bring it back from git, or adopt the notebook again.")
    } else {
        (Code::NotebookMissing, "Name the notebook in model.yaml, relative to the model's folder.")
    };
    vec![Diagnostic::new(code, adopted.place.clone(), error.to_string(), help)]
}
