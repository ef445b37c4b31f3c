//! Observations from a file: a row each, in its order, none left out and none twice. Whoever asks for the values at instants of
//! their own (`tandem features`) reads them here as well.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use sha2::{Digest, Sha256};
use tandem_data::read::{ReadError, normalised, read_table};
use tandem_data::table::format_of;
use tandem_definitions::{Code, Diagnostic, Project, Question, Type};

use super::Observations;
use crate::error::Error;
use crate::load::{Loaded, hexadecimal};
use crate::training::key_columns;

/// The columns that a file of observations has: the parts of the entities' keys, `at`, and what the asker tells.
pub(crate) fn columns(project: &Project, entities: &[usize], told: &[usize]) -> Vec<(String, Type)> {
    let mut columns = Vec::new();
    for &entity in entities {
        let types = project.entities[entity].keys.iter().map(|part| part.ty);
        columns.extend(key_columns(project, entity).into_iter().zip(types));
    }
    columns.push(("at".to_owned(), Type::Time));
    let told = told.iter().map(|&field| &project.request[field]);
    columns.extend(told.map(|field| (format!("request.{}", field.name), field.ty)));
    columns
}

/// The observations of a file about these entities. Times without an offset are read as UTC.
///
/// # Errors
/// [`Error::Unusable`] with the file, the row and a remedy.
pub(crate) fn read(
    project: &Project,
    path: &Path,
    (entities, told): (&[usize], &[usize]),
) -> Result<Observations, Error> {
    let wanted = columns(project, entities, told);
    let names = || wanted.iter().map(|(name, ty)| format!("`{name}` ({ty})")).collect::<Vec<_>>().join(", ");
    let table = read_table(path, format_of(path)?, &wanted, None);
    let (arrays, _) = table.map_err(|error| {
        let (message, remedy) = said(&error, &names());
        Error::unusable(message, remedy)
    })?;
    let mut given = arrays.into_iter();
    let keys = entities.iter().map(|&entity| {
        let declared = &project.entities[entity];
        given.by_ref().take(declared.keys.len()).map(|part| normalised(&part, declared.normalise)).collect()
    });
    let keys: Vec<Vec<ArrayRef>> = keys.collect();
    let at = given.next().expect("as many columns as were wanted");
    if let Some(row) = (0..at.len()).find(|&row| at.is_null(row)) {
        let message = format!("{}, row {}: nothing stands in the column `at`", path.display(), row + 1);
        let remedy = "every observation says at which instant production asks, such as 2013-11-01T17:30:00Z: fill it in, or remove the row";
        return Err(Error::unusable(message, remedy));
    }
    let at = at.as_primitive::<TimestampMicrosecondType>().values().to_vec();
    Ok(Observations {
        records: at.len() as u64,
        at,
        keys,
        entities: entities.to_vec(),
        request: given.collect(),
        told: told.to_vec(),
        left_out: Vec::new(),
        rule: String::new(),
    })
}

/// What is wrong with a file of observations, and what to do: a source's contract has no say in it.
fn said(error: &ReadError, wanted: &str) -> (String, String) {
    let has = format!("the file has these columns: {wanted}");
    match error {
        ReadError::Missing { path, .. } => {
            (format!("there is no file {}", path.display()), format!("write it, or correct its name; {has}"))
        }
        ReadError::EmptyFile { file, .. } => (format!("{} is empty", file.display()), has),
        ReadError::WrongColumnType { file, column, found, expected } => (
            format!("{}: the column `{column}` is {found}, and must be {}", file.display(), expected.with_article()),
            format!("write it as {}; {has}", expected.with_article()),
        ),
        ReadError::BadValue { file, row, column, value, expected } => (
            format!(
                "{}, row {row}: `{value}` in the column `{column}` is not {}",
                file.display(),
                expected.with_article()
            ),
            match expected {
                Type::Time => "write instants such as 2013-11-01T17:30:00Z; without an offset they are UTC".to_owned(),
                _ => "correct the value".to_owned(),
            },
        ),
        other => (other.message(), other.remedy()),
    }
}

/// The observations of a question that takes them from a file.
pub(super) fn observations(loaded: &Loaded, question: &Question, path: &str) -> Result<Observations, Error> {
    let observe = &question.observe;
    let whole = loaded.base.join(path);
    let read = read(&loaded.project, &whole, (&observe.entities, &observe.request));
    let mut observed = read.map_err(|error| match error {
        Error::Unusable { what, remedy } => {
            Error::Findings(vec![Diagnostic::new(Code::ObservationsUnreadable, observe.place.clone(), what, remedy)])
        }
        other => other,
    })?;
    // The definitions' hash says nothing of the file, so the training set does.
    let bytes = std::fs::read(&whole).map_err(Error::file("read", &whole))?;
    observed.rule =
        format!("{} (SHA-256 {})", super::in_words(&loaded.project, question), hexadecimal(&Sha256::digest(bytes)));
    Ok(observed)
}
