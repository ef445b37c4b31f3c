//! A released ONNX model as a [`Predictor`]: rows of feature values turned into the columns that its process takes.
//! Not here: the process (tandem-inference), and where a release's files lie (tandem-project).

use tandem_definitions::{Type, Value};
use tandem_inference::{Column, Worker};

use crate::setup::Predictor;

/// A model that runs in a process of its own.
pub struct OnnxModel {
    worker: Worker,
    /// For each input of the model, which of the features it is.
    order: Vec<usize>,
    types: Vec<Type>,
}

impl OnnxModel {
    /// The model behind this worker, asked with these features in this order. `Err`: an input that is none of them.
    ///
    /// A model with one unnamed input takes the features in order; otherwise each input takes the feature of its name.
    pub fn new(worker: Worker, features: &[(String, Type)]) -> Result<Self, String> {
        let signature = worker.signature();
        let order = if signature.unnamed().is_some() {
            (0..features.len()).collect()
        } else {
            let find = |name: &str| features.iter().position(|(feature, _)| feature == name);
            let missing = |name: &str| format!("the model takes an input `{name}`, which is none of its features");
            let inputs = signature.inputs.iter().map(|input| find(&input.name).ok_or_else(|| missing(&input.name)));
            inputs.collect::<Result<_, _>>()?
        };
        Ok(Self { worker, order, types: features.iter().map(|(_, ty)| *ty).collect() })
    }
}

impl Predictor for OnnxModel {
    fn predict(&self, rows: &[Vec<Value>]) -> Result<Vec<f64>, String> {
        let column = |i: &usize| Column::new(self.types[*i], rows.iter().map(|row| row[*i].as_datum()));
        let columns: Vec<Column> = self.order.iter().map(column).collect();
        self.worker.predict(&columns).map_err(|error| error.to_string())
    }
}
