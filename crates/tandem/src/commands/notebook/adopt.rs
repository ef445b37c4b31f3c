//! `tandem notebook adopt`: a notebook that was handed over becomes a part of the team's repository, with tests.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tandem_definitions::time;
use tandem_notebook::AsOf;
use tandem_project::Loaded;
use tandem_project::adopt::{self, Adoption, Event, Fate, Request, Written};

use super::{tell, with_traceback};
use crate::context::{Context, bytes, now, shown, working_folder};
use crate::failure::{Failure, counted};

/// Check a notebook in: as Python that diffs well, with its lock, its inputs, recorded tests and a page about it
///
/// Runs the notebook twice in a copy of its folder, and writes models/NAME/: notebook.py (paired as Jupytext does, outputs
/// left out), requirements.in and requirements.lock, model.yaml with the files that it reads, tests/recorded.yaml with what
/// it computes, and README.md. `tandem test` runs the tests from then on. The notebook itself is never changed; adopting
/// again brings up to date what it made, and merges what you edited.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem notebook adopt ~/Downloads/churn.ipynb
  tandem notebook adopt analysis/delays.ipynb --name delays --as-of 2023-06-01
  tandem notebook adopt models/delays/notebook.py      take over what it computes now

Without a project it begins one: a tandem.yaml at the top of the git repository.")]
pub struct Adopt {
    /// The notebook: .ipynb, or .py in the percent format
    file: PathBuf,
    /// Its name in the project [default: that of the file]
    #[arg(long)]
    name: Option<String>,
    /// How many seconds one cell may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
    /// As of when packages are chosen the first time: a date, `today`, or `notebook` for its own date and then today
    #[arg(long, value_name = "DATE", default_value = "notebook")]
    as_of: AsOf,
    /// The most that is copied of its folder for a run
    #[arg(long, value_name = "BYTES", default_value = "4GB", value_parser = bytes)]
    copy_limit: u64,
}

impl Adopt {
    /// Adopts it, and says what came of it.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.file.is_file() {
            return Err(Failure::project(format!("there is no notebook {}", self.file.display()))
                .hint("name the .ipynb file, from the folder that you are in"));
        }
        let loaded = project(context)?;
        let limit = self.cell_limit.map(Duration::from_secs);
        let today = time::format_instant(now()?).chars().take(10).collect();
        let request = Request {
            file: self.file,
            name: self.name,
            cell_limit: limit,
            as_of: self.as_of,
            copy_limit: self.copy_limit,
            today,
        };
        let mut spinner = context.terminal.spinner("adopt");
        let adoption = adopt::adopt(&loaded, &request, &mut |event| match event {
            Event::Environment(line) => spinner.message(&line),
            Event::Run(number) => {
                spinner = context.terminal.spinner(if number == 1 { "first run" } else { "second run" });
            }
            Event::Notebook(event) => watch(context, &spinner, &event),
        });
        drop(spinner);
        summary(context, &adoption.map_err(with_traceback)?);
        Ok(())
    }
}

/// Progress without what the notebook prints, which is recorded.
pub fn watch(context: &Context, bar: &crate::terminal::Bar, event: &tandem_notebook::Event) {
    if !matches!(event, tandem_notebook::Event::Output { .. }) {
        tell(context.terminal, bar, event);
    }
}

/// The project around this folder; where there is none, one at the top of the repository.
fn project(context: &Context) -> Result<Loaded, Failure> {
    let here = working_folder()?;
    if context.project.is_some() || tandem_project::load::find(&here).is_ok() {
        return context.checked();
    }
    let made = adopt::begin(&here)?;
    context.terminal.say(&format!("began a project: {}", shown(&made)));
    Ok(adopt::begun(&made)?.checked()?)
}

fn summary(context: &Context, adoption: &Adoption) {
    const MOST: usize = 12;
    let terminal = context.terminal;
    for Written { path, fate } in &adoption.files {
        let word = match fate {
            Fate::New => "wrote",
            Fate::Updated => "brought up to date",
            Fate::Same => continue,
            Fate::Kept | Fate::Beside | Fate::Conflict => "kept your",
            Fate::Merged => "merged your edits and what is new in",
        };
        let new = format!("{}.new", shown(path));
        let beside = match fate {
            Fate::Beside => format!("; the new one is {new}"),
            Fate::Conflict => format!(
                "; the new one changes the same lines: {new} has both, yours between <<<<<<< and =======. Bring what you want into yours, and delete it"
            ),
            _ => String::new(),
        };
        terminal.say(&format!("{word} {}{beside}", shown(path)));
    }
    if adoption.files.iter().all(|written| written.fate == Fate::Same) {
        terminal.say(&format!("{} is as it was", shown(&adoption.folder)));
    }
    terminal.say(&format!("\n{} asserted", counted(adoption.asserted, "value")));
    if !adoption.not_asserted.is_empty() {
        terminal.say("not asserted:");
        adoption.not_asserted.iter().take(MOST).for_each(|line| terminal.say(&format!("  {line}")));
        let more = adoption.not_asserted.len().saturating_sub(MOST);
        if more > 0 {
            terminal.say(&format!("  and {more} more, at the end of {}", shown(&adoption.folder.join(adopt::TESTS))));
        }
    }
    adoption.notes.iter().for_each(|note| terminal.say(&format!("note: {note}")));
    terminal.say(&format!("\nnext: say what it is for in {}, then", shown(&adoption.folder.join("model.yaml"))));
    terminal.say(&format!("  tandem test {}", adoption.name));
    terminal.say(&format!("  git add {}", shown(&adoption.folder)));
}
