//! `tandem releases`: what was released, and what is live.

use clap::Args;
use tandem_project::release;

use crate::context::Context;
use crate::failure::Failure;
use crate::render::Shape;

/// The releases: when each was made, how good it was, and which one is live
#[derive(Debug, Args)]
pub struct Releases {
    /// Only those of this model
    model: Option<String>,
    /// How they are shown
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

impl Releases {
    /// Lists them.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        if let Some(model) = &self.model {
            loaded.model(model)?;
        }
        let listed = release::releases(&loaded, self.model.as_deref())?;
        if matches!(self.format, Shape::Json) {
            let json = serde_json::to_string_pretty(&listed);
            context.terminal.data(&json.map_err(|e| Failure::world("the releases cannot be written").because(e))?);
            return Ok(());
        }
        if listed.is_empty() {
            context.terminal.say("nothing has been released; `tandem release MODEL` does after `tandem train MODEL`");
            return Ok(());
        }
        let width = listed.iter().map(|release| release.id.len()).max().unwrap_or(0);
        for release in listed {
            let live = if release.live { "live" } else { "    " };
            let here = if release.here { "" } else { "  (its bundle is not on this machine)" };
            let line = format!("{live}  {:width$}  {}  {}{here}", release.id, release.released, release.measured);
            context.terminal.data(&line);
        }
        Ok(())
    }
}
