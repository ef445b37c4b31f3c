//! `tandem explain`: a name or a code, in plain words; and, for an entity at an instant, the very records behind a value.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use tandem_definitions::time;
use tandem_project::account::{self, Account, Part, Records};
use tandem_project::{explain, history};

use super::data::thousands;
use crate::context::Context;
use crate::failure::Failure;
use crate::render::Shape;

/// A feature, source, entity, question, model or a finding's code, in plain words
///
/// What it means, who looks after it, what it is made of, and who uses it: for whoever did not write it. With `--entity` and
/// `--at`: the very records that made up a feature's value at that instant (the latest 20 of many), those that had happened but
/// were not known yet, those that had left the window, and the arithmetic. With `--history`: how much of each log must be kept for
/// all features and questions, and whether it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem explain mean_arrival_delay_7d
  tandem explain late_landing
  tandem explain T126
  tandem explain --history
  tandem explain mean_arrival_delay_7d --entity aircraft=N14228 --at 2013-06-10T15:00:00Z
  tandem explain flights_30d --entity route.origin=JFK --entity route.dest=LAX --at 2013-06-10T15:00:00Z")]
pub struct Explain {
    /// The name, or the code of a finding
    #[arg(required_unless_present = "history")]
    name: Option<String>,
    /// How much of each log the features and questions need, and how much is kept
    #[arg(long, conflicts_with_all = ["name", "entity", "at"])]
    history: bool,
    /// Which entity, as KEY=VALUE; once for each part of a key
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "at")]
    entity: Vec<(String, String)>,
    /// At which instant
    #[arg(long, value_name = "INSTANT", requires = "entity")]
    at: Option<String>,
    /// How the account of a value, or the history, is shown
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is no KEY=VALUE: write aircraft=N14228"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Explain {
    /// Prints the explanation.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let Some(name) = &self.name else { return self.needed(context) };
        // A code needs no project, and often there is none that can be read.
        if let Some(found) = explain::code(name) {
            context.terminal.data(&found.text);
            return Ok(());
        }
        let loaded = context.checked()?;
        let Some(at) = &self.at else {
            context.terminal.data(&explain::explain(&loaded, name)?.text);
            return Ok(());
        };
        let at = time::parse_instant(at, None).ok_or_else(|| {
            Failure::project(format!("`{at}` is no instant")).hint("write 2013-06-10T15:00:00Z, or a date")
        })?;
        let account = account::account(&loaded, name, &self.entity, at)?;
        self.show(context, &account, &in_words(&account))
    }

    /// How much of the logs is needed.
    fn needed(&self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let overview = history::overview(&loaded.project);
        self.show(context, &overview, &overview.in_words())
    }

    fn show(&self, context: &Context, plain: &impl Serialize, text: &str) -> Result<(), Failure> {
        if matches!(self.format, Shape::Json) {
            let json = serde_json::to_string_pretty(plain);
            context.terminal.data(&json.map_err(|e| Failure::world("the explanation cannot be written").because(e))?);
        } else {
            context.terminal.data(text);
        }
        Ok(())
    }
}

fn in_words(account: &Account) -> String {
    let Account { feature, expression, at, value, read, aggregations } = account;
    let mut text = format!("{feature} at {at} is {value}\n{expression}\n");
    for (name, value) in read {
        let _ = writeln!(text, "  where {name} is {value}");
    }
    for part in aggregations {
        let Part { source, entity, window, how, arithmetic, .. } = part;
        let _ = writeln!(text, "\n{source} of {entity}, happened in {window}\n{how}:\n  {arithmetic}");
        // Of what counts, all that is kept; of the rest, enough to see what it is.
        let kinds = [
            (&part.counted, usize::MAX, "counted"),
            (&part.not_yet_known, usize::MAX, "had happened, but were not known yet: they count from their arrival on"),
            (&part.value_not_yet_known, usize::MAX, "are known, but what would make them count was not known yet"),
            (&part.replaced, usize::MAX, "had been replaced or removed by a later record of the same identity"),
            (&part.without_a_value, 3, "in the window, but without a value, or the condition does not hold"),
            (&part.before_the_window, 3, "known, but happened before the window"),
        ];
        for (records, most, what) in kinds {
            lines(&mut text, records, most, what);
        }
    }
    text
}

fn lines(text: &mut String, records: &Records, most: usize, what: &str) {
    if records.count == 0 {
        return;
    }
    let latest = &records.latest[records.latest.len().saturating_sub(most)..];
    let shown = latest.len();
    let only = if (shown as u64) < records.count { format!(" (the latest {shown})") } else { String::new() };
    let _ = writeln!(text, "  {} {what}{only}", thousands(records.count));
    for line in latest {
        let value = if line.value.is_empty() { String::new() } else { format!("  {}", line.value) };
        let _ = writeln!(text, "    happened {}  known {}{value}", line.event, line.arrival);
    }
}
