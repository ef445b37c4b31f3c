//! What a file's columns seem to be, where nobody declared it: times that parse, names that say whose event it is.
//! Not here: asking; the guess is shown, and a declaration wins.

use std::path::Path;

use super::{Source, Table, is_id};
use crate::AuditError;
use crate::instant::Style;

/// Names that tell when something was known rather than when it happened.
const ARRIVALS: [&str; 8] = ["receiv", "arriv", "ingest", "loaded", "inserted", "known_at", "recorded", "processed"];
/// Names of those whose events they are, best first.
const ENTITIES: [&str; 14] = [
    "customer", "user", "client", "account", "member", "patient", "driver", "store", "shop", "device", "sensor",
    "machine", "ticker", "symbol",
];

/// Guesses what a file is.
pub fn guess(path: &Path) -> Result<Source, AuditError> {
    let table = Table::read(Source { path: path.to_path_buf(), guessed: true, ..Source::default() })?;
    let is_time = |cells: &Vec<Option<String>>| {
        let style = Style::of(cells.iter().flatten().map(String::as_str));
        let there = cells.iter().flatten().take(1000).count();
        // Eight digits may be any number.
        let is_date = |cell: &&String| cell.parse::<i64>().is_err() && style.date(cell).is_some();
        let read = cells.iter().flatten().take(1000).filter(is_date).count();
        there > 0 && read * 100 >= there * 95
    };
    let named = |name: &str| {
        let name = name.to_lowercase();
        ["time", "date", "_at", "ts", "day"].iter().any(|word| name.contains(word))
    };
    let numbers = |cells: &Vec<Option<String>>| {
        let style = Style::of(cells.iter().flatten().map(String::as_str));
        cells.iter().flatten().take(100).all(|cell| style.read(cell).is_some())
    };
    let times: Vec<&String> = (table.columns.iter().zip(&table.cells))
        .filter(|(name, cells)| is_time(cells) || named(name) && cells.iter().any(Option::is_some) && numbers(cells))
        .map(|(name, _)| name)
        .collect();
    let arrives = |name: &String| ARRIVALS.iter().any(|word| name.to_lowercase().contains(word));
    let event_time = times.iter().find(|name| !arrives(name)).or(times.first()).map(|name| (*name).clone());
    let arrival_time = times.iter().find(|name| arrives(name) && Some(**name) != event_time.as_ref());
    let repeats = |cells: &Vec<Option<String>>| {
        let mut seen: Vec<&String> = cells.iter().flatten().collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len() < cells.len()
    };
    let rank = |name: &String| {
        let lower = name.to_lowercase();
        let known = ENTITIES.iter().position(|word| lower.contains(word));
        known.or(is_id(name).then_some(ENTITIES.len()))
    };
    let candidates = table.columns.iter().zip(&table.cells).filter(|(name, cells)| {
        !times.contains(name) && repeats(cells) && cells.iter().flatten().all(|cell| !cell.contains('.'))
    });
    let entity = candidates.filter_map(|(name, _)| Some((rank(name)?, name))).min_by_key(|(rank, _)| *rank);
    Ok(Source {
        path: path.to_path_buf(),
        entities: entity.map(|(_, name)| name.clone()).into_iter().collect(),
        event_time,
        arrival_time: arrival_time.map(|name| (*name).clone()),
        guessed: true,
    })
}
