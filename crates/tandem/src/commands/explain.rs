//! `tandem explain`: a name or a code, in plain words.

use clap::Args;
use tandem_project::explain;

use crate::context::Context;
use crate::failure::Failure;

/// A feature, source, entity, question, model or a finding's code, in plain words
///
/// What it means, who looks after it, what it is made of, and who uses it: for whoever did not write it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem explain mean_arrival_delay_7d
  tandem explain late_landing
  tandem explain T126")]
pub struct Explain {
    /// The name, or the code of a finding
    name: String,
}

impl Explain {
    /// Prints the explanation.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        // A code needs no project, and often there is none that can be read.
        if let Some(found) = explain::code(&self.name) {
            context.terminal.data(&found.text);
            return Ok(());
        }
        let loaded = context.checked()?;
        context.terminal.data(&explain::explain(&loaded, &self.name)?.text);
        Ok(())
    }
}
