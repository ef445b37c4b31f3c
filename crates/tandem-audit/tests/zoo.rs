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
        eprintln!(
            "{:.1} s {} {}",
            start.elapsed().as_secs_f64(),
            if ok && others == 0 { "ok   " } else { "WRONG" },
            animal.name
        );
        if !ok || others > 0 {
            wrong.push(format!(
                "{}: expected {verdict} {column} in cell {cell}, line {line}\n{}",
                animal.name,
                text::draw(&report)
            ));
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
        let judged = report.not_judged.is_none()
            && report
                .verdicts
                .iter()
                .any(|judgement| matches!(judgement.verdict.word(), "NO CHANGE" | "IN-SAMPLE FIT"));
        eprintln!(
            "{:.1} s {} {}",
            start.elapsed().as_secs_f64(),
            if judged && !flagged { "ok   " } else { "WRONG" },
            animal.name
        );
        if flagged || !judged {
            wrong.push(format!("{}\n{}", animal.name, text::draw(&report)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), INNOCENT.len(), wrong.join("\n\n"));
}

#[test]
fn what_cannot_be_judged_is_said_and_never_passed() {
    let read = "import pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])";
    let chance = audited(
        &[
            read,
            "import os\ndf['f'] = [int.from_bytes(os.urandom(4), 'big') for _ in range(len(df))]\ndf.to_csv('out.csv')",
        ],
        |_| {},
    );
    let found = chance.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert_eq!(found.verdict.word(), "NOT JUDGED", "{}", text::draw(&chance));
    assert!(found.words.contains("give its randomness a seed") && chance.has_unjudged());
    let entity = audited(&[read, "x = df.groupby('customer')['amount'].mean()\ndel df"], |request| {
        request.outputs = vec!["x".to_owned()]
    });
    assert!(entity.not_judged.as_ref().unwrap().contains("no parameter `as_of`"), "{}", text::draw(&entity));
    let timeless = audited(&[read], |request| request.sources[0].event_time = None);
    assert!(timeless.not_judged.as_ref().unwrap().contains("no source has a time"), "{}", text::draw(&timeless));
}

#[test]
fn what_is_not_declared_is_guessed_and_how_far_ahead_is_measured() {
    let cells = [
        "import pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])",
        "df = df.sort_values(['customer', 'ordered_at'])\ndf['f'] = df.groupby('customer')['amount'].shift(-1)",
        "df.to_csv('out.csv')",
    ];
    let report = audited(&cells, |request| {
        request.sources.clear();
        request.reach = true;
    });
    let source = &report.sources[0].source;
    assert!(source.guessed, "{source:?}");
    assert_eq!(
        (source.entities.as_slice(), source.event_time.as_deref(), source.arrival_time.as_deref()),
        (&["customer".to_owned()][..], Some("ordered_at"), Some("received_at"))
    );
    let found = report.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert_eq!(found.verdict.word(), "LOOKAHEAD");
    assert!(
        found.inputs == ["amount"] && found.reach.is_some() && !found.samples.is_empty(),
        "{}",
        text::draw(&report)
    );
    let page = tandem_audit::report::html::draw(&report);
    assert!(page.contains("id=\"cell-2\"") && page.contains("Production would have said") && !page.contains("http"));
    if let Some(folder) = std::env::var_os("TANDEM_AUDIT_PAGE") {
        std::fs::write(folder, page).unwrap();
    }
}
