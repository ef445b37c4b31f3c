//! The data of one run: whole, cut, or with another future.
//! Not here: reading and writing files (`source.rs`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::instant::Style;
use crate::source::{Replaced, Table};

/// What happens to the rows after the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing.
    Full,
    /// What happened later is dropped.
    Truncate,
    /// What happened later has other values.
    Perturb,
    /// What was known later is dropped.
    Late,
}

/// The rows to keep, and the cells to replace.
pub(crate) fn make(table: &Table, kind: Kind, at: i64, only: Option<usize>) -> (Vec<bool>, Replaced) {
    let all = vec![true; table.rows()];
    if table.event.is_empty() {
        return (all, Replaced::default());
    }
    let until = |times: &[Option<i64>]| times.iter().map(|time| time.is_none_or(|time| time <= at)).collect();
    match kind {
        Kind::Full => (all, Replaced::default()),
        Kind::Truncate => (until(&table.event), Replaced::default()),
        Kind::Late => (until(&table.arrival), Replaced::default()),
        Kind::Perturb => (all, perturbed(table, at, only)),
    }
}

/// Which columns a perturbation changes: not keys, times and names.
pub(crate) fn changeable(table: &Table) -> Vec<usize> {
    let identities = table.identities();
    let source = &table.source;
    let is_time = |cells: &[Option<String>]| {
        let style = Style::of(cells.iter().flatten().map(String::as_str));
        let mut there = cells.iter().flatten().take(200).peekable();
        there.peek().is_some() && there.all(|cell| cell.parse::<f64>().is_err() && style.date(cell).is_some())
    };
    let kept = |name: &String| {
        source.entities.contains(name)
            || source.event_time.as_ref() == Some(name)
            || source.arrival_time.as_ref() == Some(name)
            || identities.contains(&name.as_str())
    };
    let places = 0..table.columns.len();
    places.filter(|place| !kept(&table.columns[*place]) && !is_time(&table.cells[*place])).collect()
}

/// Other values in these rows. What is missing stays missing, so that a notebook that drops such rows drops the same ones.
pub(crate) fn with_other_values(table: &Table, rows: &BTreeSet<usize>) -> Replaced {
    let rows: Vec<usize> = rows.iter().copied().collect();
    let column = |column: usize| {
        let mut values = other_values(table, column, &rows);
        values.retain(|row, value| value.is_some() && table.cells[column][*row].is_some());
        (column, values)
    };
    Replaced(changeable(table).into_iter().map(column).collect())
}

fn perturbed(table: &Table, at: i64, only: Option<usize>) -> Replaced {
    let later: Vec<usize> = (0..table.rows()).filter(|row| table.event[*row].is_some_and(|time| time > at)).collect();
    let columns = changeable(table).into_iter().filter(|column| only.is_none_or(|only| only == *column));
    Replaced(columns.map(|column| (column, other_values(table, column, &later))).collect())
}

/// Other values for a column's later rows: numbers permuted, scaled and shifted; words from those that were seen before.
fn other_values(table: &Table, column: usize, later: &[usize]) -> BTreeMap<usize, Option<String>> {
    let cells = &table.cells[column];
    let is_later: BTreeSet<usize> = later.iter().copied().collect();
    let distinct: BTreeSet<&String> = cells.iter().flatten().collect();
    let numeric = distinct.iter().all(|cell| cell.parse::<f64>().is_ok());
    let mut order = later.to_vec();
    order.sort_by_key(|row| mixed(*row as u64, column as u64));
    if numeric && distinct.len() > 12 {
        let sizes = cells.iter().flatten().filter_map(|cell| cell.parse::<f64>().ok());
        let (sum, count) = sizes.fold((0.0, 0), |(sum, count), size: f64| (sum + size.abs(), count + 1));
        let shift = sum / f64::from(count.max(1)) / 2.0;
        let moved = |cell: &String| scaled(cell, shift);
        return later.iter().zip(order).map(|(row, from)| (*row, cells[from].as_ref().map(moved))).collect();
    }
    let earlier = cells.iter().enumerate().filter(|(row, _)| !is_later.contains(row));
    let seen: BTreeSet<&String> = earlier.filter_map(|(_, cell)| cell.as_ref()).collect();
    let seen: Vec<&String> = seen.into_iter().collect();
    if seen.len() < 2 {
        return BTreeMap::new();
    }
    let drawn = |row: usize| {
        // Not evenly: shares have to move, too.
        let draw = (mixed(row as u64, column as u64 + 77) >> 11) as f64 / (1_u64 << 53) as f64;
        seen[((draw * draw) * seen.len() as f64) as usize % seen.len()].clone()
    };
    later.iter().zip(order).map(|(row, from)| (*row, cells[from].as_ref().map(|_| drawn(*row)))).collect()
}

/// A number scaled and shifted, written with as many decimals.
fn scaled(cell: &str, shift: f64) -> String {
    let Ok(number) = cell.parse::<f64>() else { return cell.to_owned() };
    let decimals =
        cell.split_once('.').map_or(0, |(_, decimals)| decimals.bytes().take_while(u8::is_ascii_digit).count());
    format!("{:.decimals$}", number * 1.7 + shift)
}

fn mixed(a: u64, b: u64) -> u64 {
    let mut x =
        a.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(b.wrapping_mul(0xD1B5_4A32_D192_ED03)).wrapping_add(1);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fmt::Write as _;

    use super::*;
    use crate::source::Source;

    #[test]
    fn another_future_keeps_rows_keys_times_types_and_the_past() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut text = "id,who,at,price,kind\n".to_owned();
        for day in 1..=28 {
            let kind = ["x", "y", "z"][usize::from(day > 20) + day % 2];
            writeln!(text, "{day},A,2024-01-{day:02},{}.50,{kind}", day * 3).unwrap();
        }
        std::fs::write(&path, &text).unwrap();
        let source = Source { path, entities: vec!["who".into()], event_time: Some("at".into()), ..Source::default() };
        let table = Table::read(source).unwrap();
        let at = crate::instant::parse("2024-01-15").unwrap();
        let render = |kind| {
            let (keep, replaced) = make(&table, kind, at, None);
            let out = folder.path().join("b.csv");
            table.render(&out, &keep, &replaced).unwrap();
            std::fs::read_to_string(out).unwrap()
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(render(Kind::Truncate).lines().collect::<Vec<_>>(), lines[..16]);
        let other = render(Kind::Perturb);
        let other: Vec<&str> = other.lines().collect();
        assert_eq!((&other[..16], other.len()), (&lines[..16], lines.len()));
        for (old, new) in lines[16..].iter().zip(&other[16..]) {
            let (old, new): (Vec<&str>, Vec<&str>) = (old.split(',').collect(), new.split(',').collect());
            assert_eq!(old[..3], new[..3]);
            assert_ne!(old[3], new[3]);
            assert!(new[3].split_once('.').unwrap().1.len() == 2 && ["x", "y"].contains(&new[4]), "{new:?}");
        }
    }
}
