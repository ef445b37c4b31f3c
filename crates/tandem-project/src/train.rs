//! From a question to a measured model: the training set, the notebook in its locked environment, the ONNX file, and its
//! measures on a later stretch of time. Everything of the last run lies in `.tandem/runs/MODEL`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_array::{ArrayRef, BooleanArray, cast::AsArray};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tandem_data::replay::Progress;
use tandem_data::table::columns;
use tandem_definitions::{Code, Diagnostic, Metric, Model, Type};
use tandem_inference::{InferenceError, Mismatch, Model as FeatureModel, Worker, library_of};
use tandem_notebook::{NotebookRun, run};

use crate::error::Error;
use crate::load::{Loaded, hexadecimal};
use crate::measure::{Measures, metric_name};
use crate::python;
use crate::training::{Facts, Knowledge, Part, Table, training_set};

pub use tandem_notebook::Event as NotebookEvent;

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct Request {
    /// The `tandem` binary: the notebook calls it, and it runs models in processes of their own.
    pub program: PathBuf,
    /// How long one cell of the notebook may take.
    pub cell_limit: Option<Duration>,
}

/// What happens during training.
#[derive(Debug)]
pub enum Event {
    /// The replay goes on.
    Replay(Progress),
    /// The training set is made.
    TrainingSet(Box<Facts>),
    /// The environment is being made.
    Environment(String),
    /// The notebook runs.
    Notebook(NotebookEvent),
    /// The model is measured.
    Measuring,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: String,
    /// The question it answers.
    pub question: String,
    /// The measures on the test part.
    pub measures: Measures,
    /// The metric of success.
    pub metric: Metric,
    /// The least value that counts as success.
    pub at_least: f64,
    /// The metric's value; `None` when it cannot be told.
    pub value: Option<f64>,
    /// Whether it is a success.
    pub success: bool,
    /// How many rows it was fitted on.
    pub trained_on: u64,
    /// The folder of the run.
    pub folder: PathBuf,
    /// How long the notebook ran, in seconds.
    pub notebook_seconds: f64,
}

/// The folder of a model's last run.
pub fn run_folder(loaded: &Loaded, model: &str) -> PathBuf {
    loaded.state_dir().join("runs").join(model)
}

/// Trains a model, and measures it.
///
/// # Errors
/// What reading, the environment, the notebook or the model can say; findings when the model does not fit its features.
pub fn train(
    loaded: &Loaded,
    model: &Model,
    request: &Request,
    on_event: &mut dyn FnMut(Event),
) -> Result<Report, Error> {
    let question = &loaded.project.questions[model.question];
    let folder = fresh_folder(loaded, model)?;
    let set = {
        let on_event = std::cell::RefCell::new(&mut *on_event);
        training_set(loaded, question, &model.features, Knowledge::AsKnown, &|p| {
            on_event.borrow_mut()(Event::Replay(p));
        })?
    };
    // Several folds show how steady a method is; a model is measured on the last.
    let fold = set.split.last();
    let (train, test) = (set.part(&fold, Part::Train), set.part(&fold, Part::Test));
    if train.rows() == 0 || test.rows() == 0 {
        return Err(Error::unusable(
            format!(
                "the question `{}` has no observations to train on, or none to test on ({})",
                question.name, set.facts.split
            ),
            "move `split: test_from` into the span of the log",
        ));
    }
    set.write(&fold, Some(Part::Train), &folder.join("train.parquet"))?;
    write_json(&folder.join("training-set.json"), &set.facts)?;
    on_event(Event::TrainingSet(Box::new(set.facts.clone())));
    let lock = loaded.base.join(&model.lock);
    let environment = python::environment(loaded, &lock, &mut |line| on_event(Event::Environment(line.to_owned())))?;
    let executed = run_notebook(loaded, model, request, &environment.python, &folder, on_event)?;
    on_event(Event::Measuring);
    // Only now: the notebook never sees what it is measured on.
    set.write(&fold, Some(Part::Test), &folder.join("test.parquet"))?;
    let started = start_model(loaded, model, request, &environment.python, &folder)?;
    let predictions = predict(loaded, model, &started, &test)?;
    let measures = Measures::new(&predictions, &outcomes(&test, &question.outcome.name)?);
    let value = measures.metric(question.success.metric);
    let report = Report {
        model: model.name.clone(),
        question: question.name.clone(),
        metric: question.success.metric,
        at_least: question.success.at_least,
        success: value.is_some_and(|value| value >= question.success.at_least),
        value,
        measures,
        trained_on: train.rows() as u64,
        folder: folder.clone(),
        notebook_seconds: executed,
    };
    write_json(&folder.join("made-from.json"), &MadeFrom::now(loaded, model)?)?;
    write_json(&folder.join("metrics.json"), &Metrics::of(&report))?;
    Ok(report)
}

/// What is kept of a report in a release: nothing that depends on where or how fast it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The metric of success.
    pub metric: String,
    /// Its value on the test part.
    pub value: Option<f64>,
    /// The least value that counts as success.
    pub at_least: f64,
    /// Whether it is a success.
    pub success: bool,
    /// How many rows the model was fitted on.
    pub trained_on: u64,
    /// All measures on the test part.
    pub test: Measures,
}

impl Metrics {
    fn of(report: &Report) -> Self {
        Self {
            metric: metric_name(report.metric).to_owned(),
            value: report.value,
            at_least: report.at_least,
            success: report.success,
            trained_on: report.trained_on,
            test: report.measures.clone(),
        }
    }
}

/// What a run was made from, so that a release can tell whether it still stands.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeFrom {
    definitions: String,
    notebook: String,
    lock: String,
}

impl MadeFrom {
    /// What stands in the project's folder now.
    pub fn now(loaded: &Loaded, model: &Model) -> Result<Self, Error> {
        let hash = |path: &str| {
            let path = loaded.base.join(path);
            let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
            Ok::<_, Error>(hexadecimal(&Sha256::digest(bytes)))
        };
        Ok(Self { definitions: loaded.hash.clone(), notebook: hash(&model.notebook)?, lock: hash(&model.lock)? })
    }

    /// What differs from another, in a word.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.definitions != other.definitions {
            Some("the definitions")
        } else if self.notebook != other.notebook {
            Some("the notebook")
        } else {
            (self.lock != other.lock).then_some("the lock")
        }
    }
}

fn fresh_folder(loaded: &Loaded, model: &Model) -> Result<PathBuf, Error> {
    let folder = run_folder(loaded, &model.name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(Error::file("clear", &folder))?;
    }
    std::fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    std::path::absolute(&folder).map_err(Error::file("find", &folder))
}

fn run_notebook(
    loaded: &Loaded,
    model: &Model,
    request: &Request,
    python: &Path,
    folder: &Path,
    on_event: &mut dyn FnMut(Event),
) -> Result<f64, Error> {
    let notebook = loaded.base.join(&model.notebook);
    let working = notebook.parent().unwrap_or(&loaded.base).to_path_buf();
    let mut notebook_run = NotebookRun::new(&notebook, python, &working, &folder.join("executed.ipynb"));
    let project = std::path::absolute(&loaded.base).map_err(Error::file("find", &loaded.base))?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    notebook_run.env = vec![
        ("TANDEM_RUN".to_owned(), text(folder)),
        ("TANDEM_PROJECT".to_owned(), text(&project)),
        ("TANDEM_BINARY".to_owned(), text(&request.program)),
        ("PYTHONPATH".to_owned(), text(&python::module(&loaded.state_dir())?)),
    ];
    notebook_run.cell_limit = request.cell_limit;
    let executed = run::run(&notebook_run, &mut |event| on_event(Event::Notebook(event)))?;
    for file in ["model.onnx", "estimator.joblib"] {
        if !folder.join(file).is_file() {
            return Err(Error::unusable(
                format!("the notebook {} ran to its end, but kept no {file}", model.notebook),
                "end it with `tandem.keep_model(estimator, inputs)`",
            ));
        }
    }
    Ok(executed.seconds)
}

/// Starts the model in a folder (a run's or a bundle's), asked by the features that model.yaml states.
///
/// # Errors
/// [`Error::Findings`] where its inputs are not its features, by name and by type.
pub(crate) fn start_model(
    loaded: &Loaded,
    model: &Model,
    request: &Request,
    python: &Path,
    folder: &Path,
) -> Result<FeatureModel, Error> {
    let worker = Worker::start(&request.program, &library_of(python)?, &folder.join("model.onnx"));
    let worker = worker.map_err(|error| not_started(error, model))?;
    let features = model.features.iter().map(|&f| &loaded.project.features[f]);
    let features: Vec<(&str, Type)> = features.map(|feature| (feature.name.as_str(), feature.ty)).collect();
    let unfit = |found: Vec<Mismatch>| Error::Findings(found.iter().map(|m| finding(m, model)).collect());
    FeatureModel::new(worker, &features).map_err(unfit)
}

/// Why a model does not run: its own file is a finding, the rest is the world's.
fn not_started(error: InferenceError, model: &Model) -> Error {
    let InferenceError::Model { why, .. } = error else { return error.into() };
    let message = format!("what the notebook kept is no model that Tandem can run: {why}");
    let help = "End the notebook with `tandem.keep_model(estimator, inputs)`.";
    Error::Findings(vec![Diagnostic::new(Code::OnnxUnreadable, model.place.clone(), message, help)])
}

/// The finding that a model's input is not its feature.
fn finding(mismatch: &Mismatch, model: &Model) -> Diagnostic {
    let code = if matches!(mismatch, Mismatch::Differs { .. }) { Code::InputTypes } else { Code::InputNames };
    let text = mismatch.to_string();
    let (message, help) = text.split_once(". ").unwrap_or((&text, "Train the model again."));
    Diagnostic::new(code, model.place.clone(), message, help)
}

/// The model's predictions for the rows of a table that has its features as columns.
fn predict(loaded: &Loaded, model: &Model, started: &FeatureModel, table: &Table) -> Result<Vec<f64>, Error> {
    let names = model.features.iter().map(|&f| &loaded.project.features[f].name);
    let arrays: Vec<ArrayRef> = names.filter_map(|name| table.column(name).cloned()).collect();
    let read = columns(&arrays).expect("a replay gives only the five types");
    Ok(started.predict(table.rows(), |feature, row| read[feature].get(row))?)
}

/// The outcomes of a table, as truths.
pub(crate) fn outcomes(table: &Table, name: &str) -> Result<Vec<bool>, Error> {
    let column = table.column(name).and_then(|column| column.as_boolean_opt());
    let truth = |column: &BooleanArray| (0..column.len()).map(|row| column.value(row)).collect();
    column.map(truth).ok_or_else(|| {
        Error::unusable(
            format!("the outcome `{name}` is no yes or no, so it cannot be measured as one"),
            "make it a comparison, such as `max(arr_delay) > 30`",
        )
    })
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).expect("plain data") + "\n";
    std::fs::write(path, text).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use tandem_definitions::Place;

    use super::*;

    fn model() -> Model {
        Model {
            name: "late".to_owned(),
            meaning: String::new(),
            owner: String::new(),
            question: 0,
            features: Vec::new(),
            notebook: String::new(),
            lock: String::new(),
            place: Place { file: "models/late/model.yaml".to_owned(), line: 1, ..Place::default() },
        }
    }

    #[test]
    fn a_file_that_is_no_model_is_a_finding() {
        let refused = InferenceError::Model { model: "model.onnx".into(), why: "it is a poem".to_owned() };
        let Error::Findings(found) = not_started(refused, &model()) else { panic!("a finding was expected") };
        assert_eq!(found[0].code, Code::OnnxUnreadable);
        assert!(found[0].message.contains("a poem") && found[0].help.contains("keep_model"), "{found:?}");
        let missing = InferenceError::NoLibrary { environment: "env".into() };
        assert!(matches!(not_started(missing, &model()), Error::Inference(_)));
    }

    #[test]
    fn a_mismatch_is_a_finding_with_a_remedy() {
        let model = model();
        let missing = finding(&Mismatch::Missing { input: "speed".to_owned() }, &model);
        assert_eq!((missing.code, missing.place.line), (Code::InputNames, 1));
        assert!(missing.message.contains("`speed`") && missing.help.contains("train the model again"), "{missing:?}");
        let differs =
            Mismatch::Differs { name: "speed".to_owned(), feature: Type::Text, model: tandem_inference::Kind::Number };
        assert_eq!(finding(&differs, &model).code, Code::InputTypes);
    }
}
