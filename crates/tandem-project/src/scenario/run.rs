//! Runs a scenario in one way and says where it gave something else than expected: observation, feature, expected, got,
//! and the scenario's line. Numbers agree in every bit, unless the expected one ends in a tolerance as in `0.1~1e-9`.

use std::fmt;

use tandem_data::json::to_json;
use tandem_definitions::{Code, Diagnostic, Place, Project, Type, Value};

use super::case::{Log, Unusable, case, typed};
use super::markdown::show;
use super::observed::difference;
use super::{Case, Cell, Observation, Scenario, Way};

/// What came of running a scenario in one way.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scenario's file.
    pub path: String,
    /// Its title.
    pub title: String,
    /// The way's name.
    pub way: String,
    /// How many values and findings were compared.
    pub compared: usize,
    /// Where it failed; empty when it holds.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether the scenario holds.
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }
}

/// One place where a scenario does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The scenario's file.
    pub path: String,
    /// The line in it.
    pub line: usize,
    /// What is wrong there.
    pub what: What,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub enum What {
    /// A feature has another value than expected.
    Value {
        /// Who was asked about, and when.
        observation: String,
        /// The feature.
        feature: String,
        /// What the scenario expects, as written.
        expected: String,
        /// The value.
        got: String,
    },
    /// The observations of a question are others than expected.
    Observed(String),
    /// A finding that was expected did not come.
    Missing(String),
    /// A finding came that was not expected, or the scenario's definitions cannot be used.
    Finding(Box<Diagnostic>),
    /// The scenario itself cannot be used, or the way failed.
    Unusable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path, self.line)?;
        match &self.what {
            What::Value { observation, feature, expected, got } => {
                write!(f, "{feature} of {observation}: expected {expected}, got {got}")
            }
            What::Missing(finding) => write!(f, "expected the finding {finding}, which did not come"),
            What::Finding(d) => write!(f, "a finding that was not expected: {}: {} {}", named(d), d.message, d.help),
            What::Observed(message) | What::Unusable(message) => f.write_str(message),
        }
    }
}

impl Failure {
    /// It as a finding, beside those of the definitions and the data.
    pub fn diagnostic(&self) -> Diagnostic {
        let place = Place { file: self.path.clone(), line: self.line, column: 1, start: 0, end: 0 };
        let expectation =
            |message: String, help: &str| Diagnostic::new(Code::ExpectationFailed, place.clone(), message, help);
        match &self.what {
            What::Value { observation, feature, expected, got } => expectation(
                format!("`{feature}` of {observation} is {got}, and the scenario expects {expected}."),
                "Either the definition or the expectation is wrong: settle which, with whoever wrote the prose.",
            ),
            What::Observed(message) => expectation(
                message.clone(),
                "Either the question's rule or the expectation is wrong: settle which, with whoever wrote the prose.",
            ),
            What::Missing(finding) => expectation(
                format!("The finding `{finding}` is expected, and the definitions do not give it."),
                "Correct the line of the findings block, or the definitions of the scenario.",
            ),
            What::Finding(finding) => (**finding).clone(),
            What::Unusable(message) => Diagnostic::new(
                Code::BlockUnreadable,
                place.clone(),
                message.clone(),
                "Correct this line of the scenario.",
            ),
        }
    }
}

/// Runs a scenario in one way.
pub fn run(scenario: &Scenario, way: &dyn Way) -> Report {
    let mut running = Running { scenario, compared: 0, failures: Vec::new() };
    let (project, found) = tandem_definitions::read(&scenario.files);
    if running.findings(&found) {
        running.values(&project, way);
        running.observations(&project, way);
    }
    let Running { compared, failures, .. } = running;
    Report { path: scenario.path.clone(), title: scenario.title.clone(), way: way.name(), compared, failures }
}

/// The cases of a scenario, one for each expect table, for drivers that compare in their own manner.
///
/// # Errors
/// What is wrong with the scenario's tables.
pub fn cases<'a>(scenario: &'a Scenario, project: &'a Project) -> Result<Vec<Case<'a>>, Vec<Failure>> {
    let failures = |found: Vec<Unusable>| {
        let failure = |(line, message)| Failure { path: scenario.path.clone(), line, what: What::Unusable(message) };
        found.into_iter().map(failure).collect::<Vec<_>>()
    };
    let logs = Log::all(scenario, project).map_err(failures)?;
    let tables = scenario.expect.iter();
    tables.map(|t| case(scenario, project, logs.clone(), t).map(|(c, _)| c).map_err(failures)).collect()
}

struct Running<'a> {
    scenario: &'a Scenario,
    compared: usize,
    failures: Vec<Failure>,
}

impl Running<'_> {
    /// Compares the findings; whether the definitions can be used.
    fn findings(&mut self, found: &[Diagnostic]) -> bool {
        let mut unexpected: Vec<&Diagnostic> = found.iter().collect();
        for (line, expected) in self.scenario.findings.iter().flatten() {
            self.compared += 1;
            match unexpected.iter().position(|d| named(d) == *expected) {
                Some(i) => drop(unexpected.remove(i)),
                None => self.fail(*line, What::Missing(expected.clone())),
            }
        }
        // A scenario about findings names all of them; any other only has to be usable.
        let all = self.scenario.findings.is_some();
        for finding in unexpected.into_iter().filter(|d| all || d.is_error()) {
            self.fail(1, What::Finding(Box::new(finding.clone())));
        }
        !found.iter().any(Diagnostic::is_error)
    }

    fn values(&mut self, project: &Project, way: &dyn Way) {
        let logs = match Log::all(self.scenario, project) {
            Ok(logs) => logs,
            Err(found) => return self.unusable(found),
        };
        for expect in &self.scenario.expect {
            let table = &expect.table;
            let (case, expected) = match case(self.scenario, project, logs.clone(), expect) {
                Ok(ready) => ready,
                Err(found) => {
                    self.unusable(found);
                    continue;
                }
            };
            let values = match way.values(&case) {
                Ok(values) => values,
                Err(message) => {
                    self.fail(table.line, What::Unusable(message));
                    continue;
                }
            };
            if values.len() != expected.len() {
                let message = format!("{} observations went in, {} came out.", expected.len(), values.len());
                self.fail(table.line, What::Unusable(message));
                continue;
            }
            for (i, (cells, got)) in expected.iter().zip(&values).enumerate() {
                self.observation(&case, i, table.rows[i].line, cells, got);
            }
        }
    }

    fn observations(&mut self, project: &Project, way: &dyn Way) {
        let Ok(logs) = Log::all(self.scenario, project) else { return }; // said of the values
        for (name, table) in &self.scenario.observed {
            self.compared += table.rows.len();
            let Some(question) = project.question(name) else {
                self.fail(table.line, What::Unusable(format!("The project has no question `{name}`.")));
                continue;
            };
            let files = &self.scenario.files;
            let (logs, features, observations) = (logs.clone(), Vec::new(), Vec::new());
            let case = Case { project, files, logs, features, observations, as_corrected: false };
            let differs = way.observations(&case, question).map(|got| difference(project, question, table, &got));
            if let Some((line, message)) = differs.unwrap_or_else(|message| Some((table.line, message))) {
                self.fail(line, What::Observed(message));
            }
        }
    }

    fn observation(&mut self, case: &Case<'_>, index: usize, line: usize, cells: &[&Cell], got: &[Value]) {
        for ((&feature, &cell), got) in case.features.iter().zip(cells).zip(got) {
            self.compared += 1;
            let feature = &case.project.features[feature];
            match agrees(cell, feature.ty, got) {
                Ok(true) => {}
                Ok(false) => self.fail(
                    line,
                    What::Value {
                        observation: describe(case.project, &case.observations[index]),
                        feature: feature.name.clone(),
                        expected: show(cell).to_owned(),
                        got: written(got),
                    },
                ),
                Err(message) => self.fail(line, What::Unusable(message)),
            }
        }
    }

    fn unusable(&mut self, found: Vec<Unusable>) {
        for (line, message) in found {
            self.fail(line, What::Unusable(message));
        }
    }

    fn fail(&mut self, line: usize, what: What) {
        self.failures.push(Failure { path: self.scenario.path.clone(), line, what });
    }
}

/// A value as a cell would have it.
fn written(value: &Value) -> String {
    match value {
        Value::List(_) | Value::Map(_) => to_json(value).to_string(),
        single => single.to_string(),
    }
}

/// Whether a value is the one that a cell expects.
fn agrees(cell: &Cell, ty: Type, got: &Value) -> Result<bool, String> {
    let about = cell.0.as_deref().filter(|_| ty.is_numeric()).and_then(|t| t.split_once('~'));
    if let Some((number, tolerance)) = about {
        let parse = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("`{}` is no {ty}.", show(cell)));
        let (number, tolerance) = (parse(number)?, parse(tolerance)?);
        return Ok(got.as_datum().as_f64().is_some_and(|x| (x - number).abs() <= tolerance));
    }
    Ok(typed(cell, ty, None)?.same_bits(got))
}

/// `aircraft N1, route JFK BOS at 2024-01-01T00:00:00Z`.
fn describe(project: &Project, observation: &Observation) -> String {
    let keys = project.entities.iter().zip(&observation.keys).filter_map(|(entity, key)| {
        let parts = key.as_ref()?.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        Some(format!("{} {parts}", entity.name))
    });
    let keys = keys.collect::<Vec<_>>().join(", ");
    format!("{keys} at {}", tandem_definitions::time::format_instant(observation.at))
}

/// `CODE file:line:column`, as a findings block names it.
fn named(d: &Diagnostic) -> String {
    format!("{} {}:{}:{}", d.code.id(), d.place.file, d.place.line, d.place.column)
}
