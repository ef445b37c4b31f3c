//! `tandem check`: every promise, one report.

use clap::Args;
use tandem_definitions::File;
use tandem_project::Loaded;
use tandem_project::check::{self, Depth};

use crate::context::Context;
use crate::failure::Failure;
use crate::render::{Format, Promise, Report};

/// Every promise of the project, in one report: definitions, data, models
///
/// Definitions: names, types, meanings, owners, SQL. Data: every record of every source against its contract, arrival
/// times included. Models: notebooks that can be read, locks that are pinned and hashed. A finding says where, what is
/// wrong and what to do; `tandem explain CODE` says why it matters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem check
  tandem check --definitions                     without reading data: fast enough for every save
  tandem check --format github                   in a workflow: findings stand beside their lines
  tandem check --format markdown > comment.md    for the comment on a pull request

Exit code 1 when a promise is broken.")]
pub struct Check {
    /// Only the definitions, not the data
    #[arg(long)]
    definitions: bool,
    /// How the report is drawn
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    /// Checks, and shows the report.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.load()?;
        let spinner = context.terminal.spinner("checking");
        let depth = if self.definitions { Depth::Definitions } else { Depth::Everything };
        let found = check::check(&loaded, depth);
        drop(spinner);
        report(&loaded, found).show(self.format, context.terminal)
    }
}

fn report(loaded: &Loaded, found: check::Report) -> Report {
    let promises = found.promises.into_iter().map(|p| Promise { name: p.name, kept: p.kept, detail: p.detail });
    let files: Vec<File> = loaded.files.clone();
    Report { name: "check", promises: promises.collect(), findings: found.findings, files, ..Report::default() }
}
