//! `tandem release`: the last run of a model becomes an immutable bundle, and live.

use clap::Args;
use tandem_project::{release, train};

use crate::context::{Context, now, program, shown};
use crate::failure::Failure;

/// Release the last run of a model: an immutable bundle named by its content, live from now on
///
/// The bundle holds the definitions, the model, its lock and its measures. The model's inputs are checked against the
/// features by name and type first. The register in releases/ is plain text for git; a running `tandem serve` switches
/// over without dropping a request.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem release late_landing
  git add releases && git commit -m 'Release late_landing'")]
pub struct Release {
    /// The model
    model: String,
    /// Release it even if it is no success by its question's measure
    #[arg(long)]
    anyway: bool,
}

impl Release {
    /// Releases it, and prints the release's name.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let model = loaded.model(&self.model)?;
        let request = train::Request { program: program()?, cell_limit: None };
        let released = release::release(&loaded, model, &request, self.anyway, now()?)
            .map_err(|e| Failure::from(e).in_files(&loaded.files))?;
        let again = if released.existed { "released again, with the same content" } else { "released" };
        context.terminal.say(&format!("{again}, and live: {}", shown(&released.folder)));
        context.terminal.data(&released.id);
        Ok(())
    }
}
