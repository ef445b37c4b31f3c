//! Any text as the expression of a feature: the first byte says whether over records, as their condition, or over features. What
//! is no expression is refused with findings that lie in it; what is one is computed, over a few odd records.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use tandem_definitions::{Datum, Project, Type};
use tandem_engine::{Key, Moment, Plan, Record, State};

const AIRCRAFT: usize = 3;

fuzz_target!(|input: &[u8]| {
    let Some((which, sql)) = input.split_first() else { return };
    let Ok(sql) = std::str::from_utf8(sql) else { return };
    if sql.chars().any(|letter| letter.is_control()) {
        return; // YAML has none of them in a text; the other target has them all
    }
    let quoted = format!("\"{}\"", sql.replace('\\', "\\\\").replace('"', "\\\""));
    let rest = match which % 3 {
        0 => format!("from: landings, value: {quoted}"),
        1 => format!("from: landings, value: count(*), where: {quoted}"),
        _ => format!("value: {quoted}"),
    };
    let feature = format!("  - {{name: drawn, meaning: Drawn, owner: sam, {rest}}}\n");
    let files = common::with(AIRCRAFT, &format!("{}{feature}", common::FILES[AIRCRAFT].1));
    let (project, found) = tandem_definitions::read(&files);
    common::stand_where_they_say(&files, &found);
    if found.iter().all(|finding| !finding.is_error()) {
        compute(&project);
    }
});

/// Computes every feature over a few records of every source, with values at the edges of their types.
fn compute(project: &Project) {
    let plan = Plan::compile(project, &(0..project.features.len()).collect::<Vec<_>>());
    let mut states: Vec<(usize, Key, State)> = Vec::new();
    for &source in plan.sources() {
        for round in 0..4 {
            let value = |field: &usize| edge(project.sources[source].fields[*field].ty, round);
            let fields: Vec<Datum<'_>> = plan.fields(source).iter().map(value).collect();
            let at = 1_000_000 * round as i64;
            let record = Record { source, position: round as u64, event: at, arrival: at, fields: &fields };
            plan.route(&record, |slot, key| {
                let Some(key) = key else { return };
                let known = states.iter().position(|(s, k, _)| *s == slot && *k == key);
                let at = known.unwrap_or_else(|| {
                    states.push((slot, key, State::default()));
                    states.len() - 1
                });
                states[at].2.apply(&plan, slot, &record);
            });
        }
    }
    let request: Vec<Datum<'_>> = plan.request_fields().iter().map(|_| Datum::Null).collect();
    let of = |slot| states.iter().find(|(s, _, _)| *s == slot).map(|(_, _, state)| state);
    let known: Vec<Option<&State>> = (0..plan.entities().len()).map(of).collect();
    let values = plan.features(&known, &Moment { at: 5_000_000, request: &request });
    assert_eq!(values.len(), project.features.len());
}

/// Values at the edges of a type.
fn edge(ty: Type, round: usize) -> Datum<'static> {
    match ty {
        Type::Bool => [Datum::Bool(true), Datum::Bool(false), Datum::Null, Datum::Bool(true)][round],
        Type::Int => [Datum::Int(i64::MAX), Datum::Int(i64::MIN), Datum::Null, Datum::Int(0)][round],
        Type::Float => [Datum::Float(f64::NAN), Datum::Float(-0.0), Datum::Null, Datum::Float(1e308)][round],
        Type::Time => [Datum::Time(0), Datum::Time(-62_135_596_800_000_000), Datum::Null, Datum::Time(1)][round],
        _ => [Datum::Text(""), Datum::Text("ß\u{301}"), Datum::Null, Datum::Text("N1")][round],
    }
}
