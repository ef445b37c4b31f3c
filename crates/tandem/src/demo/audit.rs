//! What the handed-over notebook saw of the future, proven by running it on data that is cut; with the page that shows it.
//! Not here: how (tandem-audit).

use std::path::Path;

use tandem_audit::report::html;
use tandem_audit::{AuditRequest, Progress, Source};

use super::summary::Audited;
use crate::commands::audit::{failure, in_words};
use crate::failure::Failure;
use crate::terminal::Bar;

/// The page, in the demo's folder.
const PAGE: &str = "audit.html";

/// Audits it at one cut.
pub fn run(folder: &Path, python: &Path, bar: &Bar) -> Result<Audited, Failure> {
    let handed_over = folder.join("handed_over");
    let flights = Source {
        path: handed_over.join("flights.csv"),
        entities: vec!["tailnum".to_owned()],
        event_time: Some("time_hour".to_owned()),
        arrival_time: None,
        guessed: false,
    };
    let request = AuditRequest {
        notebook: handed_over.join("handed_over.ipynb"),
        python: python.to_path_buf(),
        sources: vec![flights],
        outputs: Vec::new(),
        labels: Vec::new(),
        train_end: None,
        cuts: 1,
        quick: true,
        reach: false,
        cell_limit: None,
        copy_limit: u64::MAX,
    };
    let tell = |progress: Progress| bar.message(&in_words(&progress));
    let mut report = tandem_audit::audit(&request, &tell).map_err(failure)?;
    "handed_over/handed_over.ipynb".clone_into(&mut report.notebook);
    let page = folder.join(PAGE);
    std::fs::write(&page, html::draw(&report)).map_err(|error| Failure::file("write", &page, &error))?;
    let found = |is_rows: bool| {
        let found = report.findings().filter(move |judgement| (judgement.column == tandem_audit::ROWS) == is_rows);
        found.map(|judgement| judgement.column.clone()).collect::<Vec<_>>()
    };
    Ok(Audited {
        summary: report.summary(),
        cut: report.cuts.first().map(|cut| cut.instant.clone()).unwrap_or_default(),
        columns: found(false),
        rows: !found(true).is_empty(),
        runs: report.runs,
        page: PAGE.to_owned(),
    })
}
