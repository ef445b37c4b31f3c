//! Models made by scikit-learn (`fixtures/make_models.py`), run in another process by the onnxruntime of an environment
//! made from the lock in `fixtures` (fetched once, kept under target/).
//! Not here: comparing signatures with features, which `signature.rs` tests beside its code.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tandem_inference::{Answer, Column, InferenceError, Kind, Worker, library_of};
use tandem_notebook::EnvironmentRequest;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The onnxruntime of an environment made from the fixtures' lock.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments");
        let (lock, tools) = (fixtures().join("requirements.lock"), folder.join("tools"));
        let request = EnvironmentRequest { lock: &lock, folder: &folder, tools: &tools };
        let made = request.ensure(&mut |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"));
        library_of(&made.python).unwrap()
    })
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tandem-inference-worker"))
}

fn start(model: &str) -> Worker {
    Worker::start(program(), library(), &fixtures().join(model)).unwrap_or_else(|error| panic!("{error}"))
}

/// The rows that scikit-learn was asked about, in the order of the model's inputs, and its answers.
fn expected(model: &str) -> (Vec<Column>, Vec<f64>) {
    let text = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let columns = all[model]["columns"].as_object().unwrap().values().map(|values| {
        let values = values.as_array().unwrap();
        if values.iter().any(Value::is_string) {
            Column::Texts(values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
        } else {
            Column::Numbers(values.iter().map(Value::as_f64).collect())
        }
    });
    let answers = all[model]["answers"].as_array().unwrap().iter().map(|answer| answer.as_f64().unwrap());
    (columns.collect(), answers.collect())
}

fn row(columns: &[Column], row: usize) -> Vec<Column> {
    let alone = columns.iter().map(|column| match column {
        Column::Numbers(values) => Column::Numbers(vec![values[row]]),
        Column::Texts(values) => Column::Texts(vec![values[row].clone()]),
    });
    alone.collect()
}

#[test]
fn answers_are_scikit_learns_and_a_row_alone_equals_the_row_in_a_batch() {
    for model in ["logistic", "boosting", "one_input", "regressor"] {
        let worker = start(&format!("{model}.onnx"));
        let (columns, expected) = expected(model);
        let answers = worker.predict(&columns).unwrap();
        assert_eq!(answers.len(), expected.len());
        for (index, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
            let scale = expected.abs().max(1.0);
            assert!((answer - expected).abs() < 1e-6 * scale, "{model} row {index}: {answer} and {expected}");
            let alone = worker.predict(&row(&columns, index)).unwrap();
            assert_eq!(alone[0].to_bits(), answer.to_bits(), "{model} row {index}");
        }
    }
}

#[test]
fn signatures_name_inputs_kinds_and_the_answer() {
    let logistic = start("logistic.onnx");
    let inputs: Vec<_> = logistic.signature().inputs.iter().map(|input| (input.name.as_str(), input.kind)).collect();
    assert_eq!(inputs, [("delay", Kind::Number), ("distance", Kind::Number), ("carrier", Kind::Text)]);
    assert_eq!(logistic.signature().answer, Answer::Probability);
    assert!(logistic.signature().inputs.iter().all(|input| input.columns == 1));
    let regressor = start("regressor.onnx");
    assert_eq!((regressor.signature().inputs[1].kind, regressor.signature().answer), (Kind::Integer, Answer::Value));
    assert_eq!(start("one_input.onnx").signature().unnamed().unwrap().columns, 2);
}

#[test]
fn a_question_that_does_not_fit_is_refused_and_the_worker_lives_on() {
    let worker = start("regressor.onnx");
    let process = worker.process();
    let refusal = |columns: &[Column]| match worker.predict(columns).unwrap_err() {
        InferenceError::Question { why, .. } => why,
        other => panic!("{other}"),
    };
    let number = |value| Column::Numbers(vec![value]);
    assert_eq!(refusal(&[number(Some(1.0))]), "the model takes 2 inputs, and the question has 1");
    assert!(
        refusal(&[number(Some(1.0)), number(None)])
            .starts_with("input `seats` takes whole numbers, which have no null")
    );
    assert!(refusal(&[number(Some(1.0)), number(Some(0.5))]).ends_with("got 0.5"));
    assert!(refusal(&[Column::Texts(vec![None]), number(Some(1.0))]).ends_with("takes numbers, not texts"));
    assert!(refusal(&[number(Some(1.0)), Column::Numbers(vec![])]).contains("different numbers of rows"));
    assert_eq!(worker.predict(&[Column::Numbers(vec![]), Column::Numbers(vec![])]).unwrap(), [] as [f64; 0]);
    assert_eq!(worker.process(), process);
}

#[test]
fn a_file_that_is_no_onnx_is_refused_with_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    let whole = fs::read(fixtures().join("boosting.onnx")).unwrap();
    let cases: [(&[u8], &str); 5] = [
        (b"", "the file is empty"),
        (b"\x80\x04\x95pickled", "a Python pickle"),
        (b"{\"a\": 1}", "it is JSON"),
        (b"some words", "it is no ONNX"),
        (&whole[..whole.len() / 2], "it is no ONNX"),
    ];
    for (bytes, why) in cases {
        fs::write(&model, bytes).unwrap();
        let error = Worker::start(program(), library(), &model).unwrap_err();
        assert!(matches!(&error, InferenceError::Model { .. }) && error.to_string().contains(why), "{error}");
    }
    let missing = Worker::start(program(), library(), Path::new("/nowhere/model.onnx")).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/model.onnx: this is not a model"), "{missing}");
}

#[test]
fn a_library_or_program_that_is_none_is_named() {
    let model = fixtures().join("logistic.onnx");
    let error = Worker::start(program(), &fixtures().join("expected.json"), &model).unwrap_err();
    assert!(matches!(error, InferenceError::Library { .. }), "{error}");
    let error = Worker::start(Path::new("/nowhere/tandem"), library(), &model).unwrap_err();
    assert!(matches!(error, InferenceError::Start { .. }), "{error}");
    let error = Worker::start(Path::new("/bin/echo"), library(), &model).unwrap_err();
    assert!(matches!(error, InferenceError::Crashed { .. }), "{error}");
    assert!(library_of(Path::new("/nowhere/bin/python")).unwrap_err().to_string().contains("has no onnxruntime"));
}

fn signal(worker: &Worker, name: &str) {
    let process = worker.process().unwrap().to_string();
    assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
}

#[test]
fn a_crashed_worker_is_named_and_the_next_question_starts_a_new_one() {
    let worker = start("boosting.onnx");
    let (columns, _) = expected("boosting");
    let before = worker.predict(&columns).unwrap();
    signal(&worker, "-ABRT");
    let error = worker.predict(&columns).unwrap_err();
    assert!(error.to_string().contains("was killed by signal 6"), "{error}");
    assert_eq!(worker.predict(&columns).unwrap(), before);
}

#[test]
fn a_hanging_worker_is_ended_and_the_next_question_starts_a_new_one() {
    let worker = start("boosting.onnx").with_limit(Duration::from_secs(2));
    let (columns, _) = expected("boosting");
    let before = worker.predict(&columns).unwrap();
    signal(&worker, "-STOP");
    // More than a pipe holds, so that the question itself cannot be delivered.
    let many: Vec<Column> = vec![Column::Numbers(vec![Some(1.0); 100_000]); 2];
    let error = worker.predict(&many).unwrap_err();
    assert!(matches!(error, InferenceError::Hangs { .. }), "{error}");
    assert_eq!(worker.predict(&columns).unwrap(), before);
    assert_eq!(worker.predict(&many).unwrap().len(), 100_000);
}

#[test]
fn questions_of_many_threads_are_all_answered() {
    let worker = start("logistic.onnx");
    let (columns, _) = expected("logistic");
    let whole = worker.predict(&columns).unwrap();
    std::thread::scope(|scope| {
        for index in 0..whole.len() {
            let (worker, columns, whole) = (&worker, &columns, &whole);
            scope.spawn(move || assert_eq!(worker.predict(&row(columns, index)).unwrap(), [whole[index]]));
        }
    });
}
