//! `tandem notebook run`: a notebook from top to bottom, whoever handed it over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tandem_notebook::{EnvironmentRequest, NotebookRun, run};

use super::{tell, with_traceback};
use crate::context::{Context, shown, working_folder};
use crate::failure::Failure;

/// Run a notebook's cells in order, in a fresh kernel, in an environment made from its lock
///
/// The first cell that fails ends it, with its number, the line and the traceback. The file itself is never changed; the
/// executed copy is kept, whatever happened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem notebook run analysis.ipynb
  tandem notebook run analysis.ipynb --lock requirements.lock --cell-limit 600

A lock is made by: uv pip compile --universal --generate-hashes requirements.in -o requirements.lock
It has to name ipykernel.")]
pub struct Run {
    /// The notebook
    file: PathBuf,
    /// The pinned and hashed requirements [default: requirements.lock beside the notebook]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Where the executed copy goes [default: NAME.executed.ipynb beside the notebook]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many seconds one cell may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
}

impl Run {
    /// Runs it.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.file.is_file() {
            return Err(Failure::project(format!("there is no notebook {}", self.file.display()))
                .hint("name the .ipynb file, from the folder that you are in"));
        }
        let beside = self.file.parent().map(Path::to_path_buf).unwrap_or_default();
        let lock = self.lock.unwrap_or_else(|| beside.join("requirements.lock"));
        let out = self.out.unwrap_or_else(|| self.file.with_extension("executed.ipynb"));
        // Beside a project the environments are shared with its models; elsewhere they lie in a folder of their own.
        let state = match context.load() {
            Ok(loaded) => loaded.state_dir(),
            Err(_) => working_folder()?.join(".tandem"),
        };
        let spinner = context.terminal.spinner("environment");
        let request =
            EnvironmentRequest { lock: &lock, folder: &state.join("environments"), tools: &state.join("tools") };
        let environment = request.ensure(&mut |line| spinner.message(line)).map_err(tandem_project::Error::from)?;
        drop(spinner);
        let folder = if beside.as_os_str().is_empty() { working_folder()? } else { beside };
        let mut request = NotebookRun::new(&self.file, &environment.python, &folder, &out);
        request.cell_limit = self.cell_limit.map(Duration::from_secs);
        let spinner = context.terminal.spinner("notebook");
        let ended = run::run(&request, &mut |event| tell(context.terminal, &spinner, &event));
        drop(spinner);
        if out.is_file() {
            context.terminal.say(&format!("executed copy: {}", shown(&out)));
        }
        let executed = ended.map_err(|error| with_traceback(error.into()))?;
        context.terminal.say(&format!("{} cells in {:.1} s", executed.cells.len(), executed.seconds));
        Ok(())
    }
}
