//! The messages between the two processes: a length of four bytes (little end first), then postcard.
//! Not here: what is done about them.

use std::io::{self, ErrorKind, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Column, Signature};

/// The worker's first word.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Greeting {
    /// The model is loaded.
    Ready(Signature),
    /// The library is none that can be used.
    NoLibrary(String),
    /// The file is no model that can be used.
    NoModel(String),
}

/// A question: one column for each input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub columns: Vec<Column>,
}

/// The answers, one a row, or why there are none.
pub(crate) type Reply = Result<Vec<f64>, String>;

/// A message longer than this is no message of ours.
const LONGEST: usize = 1 << 30;

/// A message with its length before it.
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; 4];
    bytes = postcard::to_extend(message, bytes).map_err(|error| error.to_string())?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(short) if length <= LONGEST => bytes[..4].copy_from_slice(&short.to_le_bytes()),
        _ => return Err("it has too many rows for one question; ask in parts".to_owned()),
    }
    Ok(bytes)
}

pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message).map_err(io::Error::other)?)?;
    to.flush()
}

/// The next message; `None` when the other side has closed.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "it wrote something else than messages"));
    }
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Ok(None);
    }
    postcard::from_bytes(&bytes).map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}
