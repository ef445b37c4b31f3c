//! `tandem rollback`: an earlier release is live again.

use clap::Args;
use tandem_project::release;

use crate::context::{Context, now};
use crate::failure::Failure;

/// Make an earlier release live again: the one before, or the one named
///
/// Nothing is deleted, and the register keeps both moves. A running `tandem serve` switches without dropping a request.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem rollback late_landing
  tandem rollback late_landing --to late_landing-3f2a9c01b7de")]
pub struct Rollback {
    /// The model
    model: String,
    /// Which release; the end of its name is enough, from four characters on [default: the one that was live before]
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
}

impl Rollback {
    /// Goes back, and prints what is live now.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let model = loaded.model(&self.model)?;
        let bundle = release::rollback(&loaded, model, self.to.as_deref(), now()?)?;
        context.terminal.say("live now:");
        context.terminal.data(&bundle.id);
        Ok(())
    }
}
