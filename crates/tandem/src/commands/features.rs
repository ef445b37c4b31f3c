//! `tandem features`: the values of features for given entities at given instants.

use std::path::PathBuf;

use clap::Args;
use tandem_project::ask::{self, Wanted};

use super::data::thousands;
use crate::context::{Context, shown};
use crate::failure::Failure;

/// Features of given entities at given instants, as production would have answered then
///
/// The observations are a table (Parquet, CSV or JSON lines) with a column for each part of an entity's key (`aircraft`,
/// `route.origin`), `at` (instants with a time zone), and `request.NAME` where a feature reads it. The result has the same
/// rows in the same order, with the features behind them. In a notebook: `tandem.features(…)`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem features --question late_landing --observations asked.csv --out answered.parquet
  tandem features --features last_arrival_delay,landings_7d --observations asked.parquet --out answered.csv")]
#[command(group = clap::ArgGroup::new("wanted").required(true))]
pub struct Features {
    /// The features of this question
    #[arg(long, value_name = "QUESTION", group = "wanted")]
    question: Option<String>,
    /// These features
    #[arg(long = "features", value_name = "NAMES", group = "wanted", value_delimiter = ',')]
    names: Vec<String>,
    /// The observations: a Parquet, CSV or JSON lines file
    #[arg(long, value_name = "FILE")]
    observations: PathBuf,
    /// The result, in the format that its ending names
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Features {
    /// Answers them, into a file.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let wanted = self.question.as_deref().map_or(Wanted::Features(&self.names), Wanted::Question);
        let bar = context.terminal.bar("replaying");
        let answered = ask::features(&loaded, wanted, &self.observations, &self.out, &|p| bar.share(p.share))?;
        drop(bar);
        let (rows, features) = (thousands(answered.rows as u64), answered.features);
        context.terminal.say(&format!("{}: {rows} rows with {features} features", shown(&self.out)));
        for finding in &answered.findings {
            context.terminal.say(&format!("  {} {} {}", finding.code, finding.message, finding.help));
        }
        Ok(())
    }
}
