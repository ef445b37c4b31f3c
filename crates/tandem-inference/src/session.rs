//! A loaded model, in the worker's process: the only file that knows ONNX Runtime.
//!
//! A row's answer depends on that row alone, to the last bit: one thread, and one row at a time.
//! Not here: processes and messages.

use std::path::Path;

use ort::session::{Session, SessionInputValue, builder::SessionBuilder};
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, ValueType};

use crate::{Answer, Column, Input, Kind, Output, Signature};

/// Why there is nothing to ask, in words.
pub(crate) enum Refusal {
    /// The library is none that can be used.
    Library(String),
    /// The file is no model that can be used.
    Model(String),
}

/// A model that can be asked.
pub(crate) struct Loaded {
    session: Session,
    signature: Signature,
    inputs: Vec<TensorElementType>,
    answer: String,
}

impl Loaded {
    /// Loads the library, then the model.
    pub fn load(library: &Path, model: &Path) -> Result<Self, Refusal> {
        let no_library = |error: &dyn std::fmt::Display| Refusal::Library(error.to_string());
        let no_model = |error: &dyn std::fmt::Display| Refusal::Model(error.to_string());
        let bytes = std::fs::read(model).map_err(|error| no_model(&error))?;
        let environment = ort::init_from(library).map_err(|error| no_library(&error))?.with_telemetry(false);
        let environment = environment.build().map_err(|error| no_library(&error))?;
        let builder = Session::builder(&environment).map_err(|error| no_library(&error))?;
        let mut builder = one_thread(builder).map_err(|error| no_library(&error))?;
        let session = builder.commit_from_memory(&bytes).map_err(|error| Refusal::Model(not_onnx(&bytes, &error)))?;
        let (signature, inputs, answer) = signature_of(&session).map_err(Refusal::Model)?;
        Ok(Self { session, signature, inputs, answer })
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// One number a row. Each row is run alone: the library's vector code treats the rows at a batch's end otherwise,
    /// so that the last bits of a row would depend on its neighbours.
    pub fn answer(&mut self, columns: &[Column]) -> Result<Vec<f64>, String> {
        let rows = columns.first().map_or(0, Column::len);
        if columns.iter().any(|column| column.len() != rows) {
            return Err("the columns of the question have different numbers of rows".to_owned());
        }
        let inputs = &self.signature.inputs;
        let prepared = match self.signature.unnamed() {
            Some(input) => vec![Prepared::side_by_side(input, self.inputs[0], columns, rows)?],
            None if inputs.len() != columns.len() => {
                return Err(format!("the model takes {} inputs, and the question has {}", inputs.len(), columns.len()));
            }
            None => {
                let typed = inputs.iter().zip(&self.inputs).zip(columns);
                typed.map(|((input, kind), column)| Prepared::new(input, *kind, column)).collect::<Result<_, _>>()?
            }
        };
        (0..rows).map(|row| self.answer_row(&prepared, row)).collect()
    }

    fn answer_row(&mut self, inputs: &[Prepared], row: usize) -> Result<f64, String> {
        let values: Result<Vec<SessionInputValue<'static>>, ort::Error> =
            inputs.iter().map(|input| input.row(row)).collect();
        let values = values.map_err(|error| error.to_string())?;
        let outputs = self.session.run(values.as_slice()).map_err(|error| error.to_string())?;
        let output = outputs.get(&self.answer).ok_or("the model gave no answer")?;
        let numbers: Vec<f64> = match output.try_extract_tensor::<f32>() {
            Ok((_, numbers)) => numbers.iter().copied().map(f64::from).collect(),
            Err(_) => output.try_extract_tensor::<f64>().map_err(|error| error.to_string())?.1.to_vec(),
        };
        match (self.signature.answer, numbers.as_slice()) {
            (Answer::Probability, [_, positive]) => Ok(*positive),
            (Answer::Value, [value]) => Ok(*value),
            _ => Err(format!("the model answered one row with {} numbers", numbers.len())),
        }
    }
}

#[allow(clippy::result_large_err)] // the library's own error
fn one_thread(builder: SessionBuilder) -> Result<SessionBuilder, ort::Error<SessionBuilder>> {
    builder
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_deterministic_compute(true)
}

/// Why bytes are no model; the library's own words come last, as they help only those who know it.
fn not_onnx(bytes: &[u8], error: &ort::Error) -> String {
    let known: [(&[u8], &str); 5] = [
        (b"\x80\x04", "a Python pickle (such as joblib writes)"),
        (b"\x80\x05", "a Python pickle (such as joblib writes)"),
        (b"PK", "a zip archive"),
        (b"{", "JSON"),
        (b"version https://git-lfs", "a pointer of Git LFS, whose content was not fetched"),
    ];
    if bytes.is_empty() {
        return "the file is empty".to_owned();
    }
    match known.iter().find(|(start, _)| bytes.starts_with(start)) {
        Some((_, what)) => format!("it is {what}, no ONNX"),
        None => format!("it is no ONNX, or uses what this onnxruntime lacks ({error})"),
    }
}

type Described = (Signature, Vec<TensorElementType>, String);

fn signature_of(session: &Session) -> Result<Described, String> {
    let mut inputs = Vec::new();
    let mut types = Vec::new();
    for outlet in session.inputs() {
        let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
            return Err(format!("its input `{}` is no tensor", outlet.name()));
        };
        let kind = kind_of(*ty).ok_or_else(|| {
            format!(
                "its input `{}` takes {ty:?}, and only float, double, int32, int64, bool and string can be given",
                outlet.name()
            )
        })?;
        let columns = match shape.get(1..).unwrap_or_default() {
            [] => 1,
            [one] => usize::try_from(*one).unwrap_or(0),
            _ => return Err(format!("its input `{}` has more than two dimensions: {shape:?}", outlet.name())),
        };
        inputs.push(Input { name: outlet.name().to_owned(), kind, columns });
        types.push(*ty);
    }
    let outputs = session.outputs();
    let (answer, name) = answer_of(outputs)?;
    let outputs =
        outputs.iter().map(|outlet| Output { name: outlet.name().to_owned(), kind: outlet.dtype().to_string() });
    Ok((Signature { inputs, outputs: outputs.collect(), answer }, types, name))
}

fn kind_of(element: TensorElementType) -> Option<Kind> {
    Some(match element {
        TensorElementType::Float32 | TensorElementType::Float64 => Kind::Number,
        TensorElementType::Int64 | TensorElementType::Int32 => Kind::Integer,
        TensorElementType::Bool => Kind::Boolean,
        TensorElementType::String => Kind::Text,
        _ => return None,
    })
}

/// Which output is the answer: the probabilities of a classifier, or the only number of a regressor.
fn answer_of(outputs: &[Outlet]) -> Result<(Answer, String), String> {
    let floats: Vec<(&Outlet, Option<i64>)> = outputs
        .iter()
        .filter_map(|outlet| match outlet.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32 | TensorElementType::Float64, shape, .. } => {
                Some((outlet, shape.get(1).copied()))
            }
            _ => None,
        })
        .collect();
    let named = |(outlet, _): &&(&Outlet, Option<i64>)| outlet.name().to_lowercase().contains("prob");
    let probabilities = floats.iter().find(named).or_else(|| floats.iter().find(|(_, columns)| *columns == Some(2)));
    if let Some((outlet, columns)) = probabilities {
        return match columns {
            Some(2 | -1) => Ok((Answer::Probability, outlet.name().to_owned())),
            _ => Err(format!(
                "its output `{}` does not tell two classes apart ({}), and an outcome is yes or no, or a number",
                outlet.name(),
                outlet.dtype()
            )),
        };
    }
    match floats.as_slice() {
        [(outlet, None | Some(1 | -1))] => Ok((Answer::Value, outlet.name().to_owned())),
        [] if outputs.iter().any(|outlet| !outlet.dtype().is_tensor()) => {
            Err("its probabilities are a list of maps: export it with options={id(model): {\"zipmap\": False}}"
                .to_owned())
        }
        [] => Err("it has no output of probabilities (a classifier) or of a number (a regressor)".to_owned()),
        several => Err(format!("it has {} outputs of numbers, and none is called probabilities", several.len())),
    }
}

/// The values of one input in its own type, row after row, so many a row.
struct Prepared {
    values: Values,
    columns: usize,
}

enum Values {
    Float(Vec<f32>),
    Double(Vec<f64>),
    Long(Vec<i64>),
    Int(Vec<i32>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

impl Prepared {
    /// One feature.
    fn new(input: &Input, element: TensorElementType, column: &Column) -> Result<Self, String> {
        let values = match (element, column) {
            (TensorElementType::String, Column::Texts(texts)) => {
                Values::Text(texts.iter().map(|text| text.clone().unwrap_or_default()).collect())
            }
            (TensorElementType::Float32, Column::Numbers(numbers)) => {
                Values::Float(numbers.iter().map(|number| number.map_or(f32::NAN, |number| number as f32)).collect())
            }
            (TensorElementType::Float64, Column::Numbers(numbers)) => {
                Values::Double(numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
            }
            (TensorElementType::Int64, Column::Numbers(numbers)) => Values::Long(whole(input, numbers)?),
            (TensorElementType::Int32, Column::Numbers(numbers)) => {
                let short = whole(input, numbers)?.into_iter().map(i32::try_from).collect::<Result<_, _>>();
                Values::Int(short.map_err(|_| format!("input `{}`: a whole number has more than 32 bits", input.name))?)
            }
            (TensorElementType::Bool, Column::Numbers(numbers)) => {
                Values::Bool(whole(input, numbers)?.into_iter().map(|number| number != 0).collect())
            }
            (_, column) => {
                let given = if matches!(column, Column::Texts(_)) { "texts" } else { "numbers" };
                return Err(format!("input `{}` takes {}, not {given}", input.name, input.kind.word()));
            }
        };
        Ok(Self { values, columns: 1 })
    }

    /// All features in one input.
    fn side_by_side(
        input: &Input,
        element: TensorElementType,
        columns: &[Column],
        rows: usize,
    ) -> Result<Self, String> {
        if input.columns != 0 && input.columns != columns.len() {
            return Err(format!("the model takes {} features, and the question has {}", input.columns, columns.len()));
        }
        let numbers = columns.iter().map(|column| match column {
            Column::Numbers(numbers) => Ok(numbers.as_slice()),
            Column::Texts(_) => Err(format!("input `{}` takes numbers, not texts", input.name)),
        });
        let numbers: Vec<&[Option<f64>]> = numbers.collect::<Result<_, String>>()?;
        let cells = (0..rows).flat_map(|row| numbers.iter().map(move |column| column[row].unwrap_or(f64::NAN)));
        let values = match element {
            TensorElementType::Float64 => Values::Double(cells.collect()),
            _ => Values::Float(cells.map(|cell| cell as f32).collect()),
        };
        Ok(Self { values, columns: columns.len() })
    }

    /// One row as a tensor of shape [1, columns].
    fn row(&self, row: usize) -> Result<SessionInputValue<'static>, ort::Error> {
        let shape = [1, self.columns as i64];
        let range = row * self.columns..(row + 1) * self.columns;
        let value: DynValue = match &self.values {
            Values::Float(values) => Tensor::from_array((shape, values[range].to_vec()))?.into_dyn(),
            Values::Double(values) => Tensor::from_array((shape, values[range].to_vec()))?.into_dyn(),
            Values::Long(values) => Tensor::from_array((shape, values[range].to_vec()))?.into_dyn(),
            Values::Int(values) => Tensor::from_array((shape, values[range].to_vec()))?.into_dyn(),
            Values::Bool(values) => Tensor::from_array((shape, values[range].to_vec()))?.into_dyn(),
            Values::Text(values) => Tensor::from_string_array((shape, &values[range]))?.into_dyn(),
        };
        Ok(value.into())
    }
}

fn whole(input: &Input, numbers: &[Option<f64>]) -> Result<Vec<i64>, String> {
    let (name, kind) = (&input.name, input.kind.word());
    let each = numbers.iter().map(|number| match number {
        Some(number) if number.fract() == 0.0 && number.abs() < 9.0e18 => Ok(*number as i64),
        Some(number) => Err(format!("input `{name}` takes {kind}, and got {number}")),
        None => Err(format!(
            "input `{name}` takes {kind}, which have no null, and got null: give the feature a default, or export the input as float"
        )),
    });
    each.collect()
}
