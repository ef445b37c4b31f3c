//! The other process: loads the library and one model, and answers until its input is closed.
//! Not here: anything that outlives a question. Nothing but messages may go to its output.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::message::{self, Greeting, Question};
use crate::session::{Loaded, Refusal};

/// What the hidden subcommand `inference-worker --library PATH --model PATH` does. Returns when the input is closed.
pub fn worker_main(input: &mut impl Read, output: &mut impl Write, library: &Path, model: &Path) -> io::Result<()> {
    let mut loaded = match Loaded::load(library, model) {
        Ok(loaded) => loaded,
        Err(Refusal::Library(why)) => return message::write(output, &Greeting::NoLibrary(why)),
        Err(Refusal::Model(why)) => return message::write(output, &Greeting::NoModel(why)),
    };
    message::write(output, &Greeting::Ready(loaded.signature().clone()))?;
    while let Some(question) = message::read::<Question>(input)? {
        message::write(output, &loaded.answer(&question.columns))?;
    }
    Ok(())
}
