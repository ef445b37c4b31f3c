//! The commands, in the order in which one uses them; each in a file of its own, with its help beside it.

pub mod audit;
mod check;
mod data;
mod demo;
mod explain;
mod features;
mod inference_worker;
mod init;
pub mod notebook;
mod parity;
mod records;
mod reference;
mod release;
mod releases;
mod rollback;
mod schema;
mod serve;
mod test;
pub mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use data::thousands;

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The shared workbench of a product team's data scientists, developers and product people.
///
/// The team declares its production logs, what must be true about them, and its features, once. Training sets are a replay
/// of production, and serving asks the same engine: what a model learned from is what production will have.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, max_term_width = 100, disable_help_subcommand = true, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The project's folder, the one with tandem.yaml [default: this folder or the nearest above it]
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// How many threads a replay uses (the start of `serve` uses one) [default: one for each core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// About how much memory the records of a replay may take, such as 4GB; beyond it they wait on the disk
    /// [default: no limit]
    #[arg(long, global = true, value_name = "SIZE", value_parser = crate::context::bytes)]
    memory: Option<u64>,
}

const AFTER: &str = "Exit codes: 0 done; 1 findings, or a promise that is not kept; 2 the command or the project is
wrong; 3 the world failed (a disk, a network, a process); 101 a mistake in Tandem itself.
`tandem COMMAND --help` says more about each, with examples.";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Check(check::Check),
    Test(test::Test),
    Explain(explain::Explain),
    Data(data::Data),
    Train(train::Train),
    Notebook(notebook::Notebook),
    Audit(audit::Audit),
    Release(release::Release),
    Releases(releases::Releases),
    Rollback(rollback::Rollback),
    Serve(serve::Serve),
    Parity(parity::Parity),
    Features(features::Features),
    Records(records::Records),
    Schema(schema::Schema),
    #[command(hide = true)]
    Reference(reference::Reference),
    #[command(hide = true)]
    InferenceWorker(inference_worker::InferenceWorker),
}

/// Runs the command that was typed; the exit code.
pub fn run() -> ExitCode {
    let Cli { command, project, threads, memory } = Cli::parse();
    let threads = threads.map(usize::from);
    let context = Context { project, terminal: Terminal::new(), threads, memory };
    let Some(command) = command else {
        context.terminal.data(ROAD);
        return ExitCode::SUCCESS;
    };
    match command.run(&context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(context.terminal),
    }
}

impl Command {
    fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Demo(command) => command.run(context),
            Self::Init(command) => command.run(context),
            Self::Check(command) => command.run(context),
            Self::Test(command) => command.run(context),
            Self::Explain(command) => command.run(context),
            Self::Data(command) => command.run(context),
            Self::Train(command) => command.run(context),
            Self::Notebook(command) => command.run(context),
            Self::Audit(command) => command.run(context),
            Self::Release(command) => command.run(context),
            Self::Releases(command) => command.run(context),
            Self::Rollback(command) => command.run(context),
            Self::Serve(command) => command.run(context),
            Self::Parity(command) => command.run(context),
            Self::Features(command) => command.run(context),
            Self::Records(command) => command.run(context),
            Self::Schema(command) => command.run(context),
            Self::Reference(command) => {
                command.show(context);
                Ok(())
            }
            Self::InferenceWorker(command) => command.run(),
        }
    }
}

/// The whole tree of commands, as the reference is made from.
fn tree() -> clap::Command {
    Cli::command()
}

/// What `tandem` alone says: the commands in the order in which one uses them.
const ROAD: &str = "\
Tandem: what a model learned from is what production will have.

The road, in the order in which one walks it:

  see it      tandem demo                 the whole road on real flights, in a folder of its own
  begin       tandem init                 a small working project in this folder
  trust       tandem check                every promise of the definitions and the data, one report
              tandem test                 the scenarios: examples in prose, run as tests
              tandem explain NAME         a feature, a source, a question or a code, in plain words
  learn       tandem data QUESTION        the training set, as production would have known it
              tandem train MODEL          notebook, locked environment, ONNX, measured
  take over   tandem notebook check FILE  one that was handed over: can somebody else run it?
              tandem notebook run FILE    does it run, as of its own date, and does it reproduce?
              tandem notebook adopt FILE  checked in, with a lock and recorded tests
              tandem audit FILE           what it saw of the future, by running it
  serve       tandem release MODEL        an immutable bundle, live from now on
              tandem serve                records in, features and predictions out, over HTTP
              tandem parity               what was served equals the replay, bit for bit
  go back     tandem releases             what was live, and what is
              tandem rollback MODEL       the release before

For programs and editors: tandem features, tandem records, tandem schema.
`tandem COMMAND --help` says more about each. No project yet? Begin with `tandem demo`.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        tree().debug_assert();
    }

    #[test]
    fn the_road_names_every_command_that_is_not_hidden() {
        for command in tree().get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = format!("tandem {}", command.get_name());
            assert!(ROAD.contains(&name), "{name} is not on the road");
        }
    }
}
