//! The zoo: small notebooks that see the future, each in its own way, and innocent ones that look like them. All of the
//! guilty are found with six cuts, at the cell and line where it begins; none of the innocent is flagged.
//! Not here: broken notebooks and odd files (`audit.rs`).
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::needless_pass_by_value)]

#[path = "zoo/animals.rs"]
mod animals;
#[path = "zoo/keeper.rs"]
mod keeper;

use std::time::Instant;

use animals::{Animal, GUILTY, INNOCENT};
use keeper::audited;
use tandem_audit::report::text;

fn audit_of(animal: &Animal) -> tandem_audit::Report {
    let cells: Vec<&str> = animal.cells.to_vec();
    audited(&cells, |request| {
        if animal.late {
            request.sources[0].arrival_time = Some("received_at".to_owned());
        }
    })
}

#[test]
fn all_of_the_guilty_are_found_where_they_begin() {
    let mut wrong = Vec::new();
    for animal in GUILTY {
        let start = Instant::now();
        let report = audit_of(animal);
        let (column, verdict, cell, line) = animal.expected.unwrap();
        let found = report.verdicts.iter().find(|judgement| judgement.column == column);
        let ok = found.is_some_and(|found| {
            let place = found.origin.as_ref().map_or((0, 0), |origin| (origin.cell, origin.line));
            found.verdict.word() == verdict && (place == (cell, line) || cell == 0)
        });
        let others = report.findings().filter(|judgement| judgement.column != column).count();
        eprintln!("{:.1} s {} {}", start.elapsed().as_secs_f64(), if ok && others == 0 { "ok   " } else { "WRONG" }, animal.name);
        if !ok || others > 0 {
            wrong.push(format!("{}: expected {verdict} {column} in cell {cell}, line {line}\n{}", animal.name, text::draw(&report)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), GUILTY.len(), wrong.join("\n\n"));
}

#[test]
fn none_of_the_innocent_is_flagged() {
    let mut wrong = Vec::new();
    for animal in INNOCENT {
        let start = Instant::now();
        let report = audit_of(animal);
        let flagged = report.findings().count() > 0;
        let judged = report.not_judged.is_none() && report.verdicts.iter().any(|judgement| matches!(judgement.verdict.word(), "NO CHANGE" | "IN-SAMPLE FIT"));
        eprintln!("{:.1} s {} {}", start.elapsed().as_secs_f64(), if judged && !flagged { "ok   " } else { "WRONG" }, animal.name);
        if flagged || !judged {
            wrong.push(format!("{}\n{}", animal.name, text::draw(&report)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), INNOCENT.len(), wrong.join("\n\n"));
}
