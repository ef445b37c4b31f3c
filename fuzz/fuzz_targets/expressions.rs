//! Any text as the expression of a feature: the first byte says whether over records, as their condition, or over features. What
//! is no expression is refused with findings that lie in it; what is one is computed, over a few odd records.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use tandem_definitions::{Datum, Input, Project, Type};
use tandem_engine::evaluate;

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

/// Computes every expression over rows of values at the edges of their types.
fn compute(project: &Project) {
    for round in 0..4 {
        for computation in project.features.iter().map(|feature| &feature.value) {
            for aggregate in &computation.aggregates {
                let fields = project.sources[aggregate.source].fields.iter();
                let row: Vec<Datum<'_>> = fields.enumerate().map(|(i, field)| edge(field.ty, round + i)).collect();
                for expression in [&aggregate.input, &aggregate.filter].into_iter().flatten() {
                    evaluate(expression, &row);
                }
            }
            let of = |input: &Input| match input {
                Input::Aggregate(aggregate) => computation.aggregates[*aggregate].ty,
                Input::Feature(feature) | Input::Parent { feature, .. } => project.features[*feature].ty,
                Input::Request(field) => project.request[*field].ty,
            };
            let inputs = computation.inputs.iter().map(of).enumerate();
            let row: Vec<Datum<'_>> = inputs.map(|(i, ty)| edge(ty, round + i)).collect();
            evaluate(&computation.expr, &row);
        }
    }
}

/// Values at the edges of a type.
fn edge(ty: Type, round: usize) -> Datum<'static> {
    let round = round % 4;
    match ty {
        Type::Bool => [Datum::Bool(true), Datum::Bool(false), Datum::Null, Datum::Bool(true)][round],
        Type::Int => [Datum::Int(i64::MAX), Datum::Int(i64::MIN), Datum::Null, Datum::Int(0)][round],
        Type::Float => [Datum::Float(f64::NAN), Datum::Float(-0.0), Datum::Null, Datum::Float(1e308)][round],
        Type::Time => [Datum::Time(0), Datum::Time(-62_135_596_800_000_000), Datum::Null, Datum::Time(1)][round],
        _ => [Datum::Text(""), Datum::Text("ß\u{301}"), Datum::Null, Datum::Text("N1")][round],
    }
}
