//! A released ONNX model as a [`Predictor`].
//! Not here: the process and its inputs (tandem-inference), and where a release's files lie (tandem-project).

use tandem_definitions::Value;
use tandem_inference::Model;

use crate::setup::Predictor;

/// A model that runs in a process of its own.
pub struct OnnxModel(pub Model);

impl Predictor for OnnxModel {
    fn predict(&self, rows: &[Vec<Value>]) -> Result<Vec<f64>, String> {
        let value = |feature: usize, row: usize| rows[row][feature].as_datum();
        self.0.predict(rows.len(), value).map_err(|error| error.to_string())
    }
}
