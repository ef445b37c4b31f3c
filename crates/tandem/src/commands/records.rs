//! `tandem records`: the records of a source, as known at an instant.

use std::path::PathBuf;

use clap::Args;
use tandem_definitions::time;
use tandem_project::records;

use super::data::thousands;
use crate::context::{Context, shown};
use crate::failure::Failure;

/// The records of a source that had arrived before an instant, written to Parquet in the order of the log
///
/// In a notebook: `tandem.records("landings", as_of="2013-07-01T12:00Z")`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem records landings --out landings.parquet
  tandem records landings --as-of 2013-07-01T12:00:00Z --out known-at-noon.parquet")]
pub struct Records {
    /// The source
    source: String,
    /// Only what had arrived before this instant (RFC 3339, with a zone) [default: everything]
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
    /// The Parquet file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Records {
    /// Writes them.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let instant = |text: String| {
            time::parse_instant(&text, None).ok_or_else(|| {
                Failure::project(format!("`{text}` is no instant with a time zone")).hint("write 2013-07-01T12:00:00Z")
            })
        };
        let as_of = self.as_of.map(instant).transpose()?;
        let count = records::records(&loaded, &self.source, as_of, &self.out)?;
        context.terminal.say(&format!("{}: {} records", shown(&self.out), thousands(count)));
        Ok(())
    }
}
