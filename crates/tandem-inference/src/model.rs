//! A model asked by its features: each of the model's inputs is the feature of its name, whatever the order of either.
//! The only way from features to a model, so that training, serving and parity hand over the same columns.

use tandem_definitions::{Datum, Type};

use crate::column::Column;
use crate::signature::{Mismatch, check_signature};
use crate::worker::{InferenceError, Worker};

/// A model in a process of its own, and which feature each of its inputs is.
#[derive(Debug)]
pub struct Model {
    worker: Worker,
    /// For each input of the model, the feature's index.
    order: Vec<usize>,
    types: Vec<Type>,
}

impl Model {
    /// The model behind this worker, asked with these features in this order.
    ///
    /// A model with one unnamed input takes the features in order; otherwise each input takes the feature of its name.
    ///
    /// # Errors
    /// Where the model's inputs are not these features, by name and type: those mismatches that are fatal.
    pub fn new(worker: Worker, features: &[(&str, Type)]) -> Result<Self, Vec<Mismatch>> {
        let signature = worker.signature();
        let mut fatal = check_signature(signature, features);
        fatal.retain(Mismatch::is_fatal);
        if !fatal.is_empty() {
            return Err(fatal);
        }
        let order = if signature.unnamed().is_some() {
            (0..features.len()).collect()
        } else {
            let find = |name: &str| features.iter().position(|(feature, _)| *feature == name);
            signature.inputs.iter().filter_map(|input| find(&input.name)).collect()
        };
        Ok(Self { worker, order, types: features.iter().map(|(_, ty)| *ty).collect() })
    }

    /// One number for each of `rows` rows: the probability of the positive class, or the value. `value` gives the value of
    /// a feature (by its index) in a row.
    ///
    /// # Errors
    /// [`InferenceError`]: the process crashed, hangs, or cannot take the values.
    pub fn predict<'v>(
        &self,
        rows: usize,
        value: impl Fn(usize, usize) -> Datum<'v>,
    ) -> Result<Vec<f64>, InferenceError> {
        let column = |&feature: &usize| Column::new(self.types[feature], (0..rows).map(|row| value(feature, row)));
        self.worker.predict(&self.order.iter().map(column).collect::<Vec<_>>())
    }
}
