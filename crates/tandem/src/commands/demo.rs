//! `tandem demo`: the whole road on real flights. Not here: its steps (`crate::demo`).

use std::path::{Path, PathBuf};

use clap::Args;

use crate::context::{Context, working_folder};
use crate::demo;
use crate::failure::Failure;

/// The whole road on real flights, in a folder of its own: will this flight land late?
///
/// All 336,776 flights that left New York in 2013, taken apart into the logs that an airline's production would have
/// written. From them: checked definitions, a training set by replay, a notebook run in its locked environment, a
/// released model, a service that hears the last two weeks record by record and predicts an hour before each departure,
/// the proof that what it served equals the replay, and the same task as it is usually handed over, beside it.
///
/// Needs Python 3.11 and a package index (the environment and the data are packages). Takes about two minutes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem demo                     in a fresh temporary folder, which is named at the end and kept
  tandem demo --keep flights      in the folder flights, which must be empty or not there")]
pub struct Demo {
    /// The folder, made if need be; it must be empty [default: a fresh temporary one]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Do not ask before anything is installed; nothing is asked in a pipe either
    #[arg(long)]
    yes: bool,
}

impl Demo {
    /// Walks the road.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let folder = match &self.keep {
            Some(folder) => fresh(folder)?,
            None => temporary()?,
        };
        demo::run(context, &folder, self.yes)
    }
}

fn fresh(folder: &Path) -> Result<PathBuf, Failure> {
    let folder = working_folder()?.join(folder);
    let taken = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken || folder.is_file() {
        return Err(Failure::project(format!("{} is there already and not empty", folder.display()))
            .hint("name a folder that is not there: the demo writes a whole project into it"));
    }
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file("make", &folder, &e))?;
    std::fs::canonicalize(&folder).map_err(|e| Failure::file("use", &folder, &e))
}

fn temporary() -> Result<PathBuf, Failure> {
    let made = tempfile::Builder::new().prefix("tandem-flights-").tempdir();
    made.map(tempfile::TempDir::keep).map_err(|e| Failure::world("no temporary folder can be made").because(e))
}
