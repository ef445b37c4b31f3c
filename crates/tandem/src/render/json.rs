//! A report for programs.

use serde_json::{Value, json};
use tandem_definitions::{Diagnostic, Severity};

use super::{Report, word};

/// The whole report.
pub fn report(report: &Report) -> String {
    let promises = report.promises.iter().map(|p| json!({"name": p.name, "kept": p.kept, "detail": p.detail}));
    let json = json!({
        "report": report.name,
        "holds": report.holds(),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "promises": promises.collect::<Vec<_>>(),
        "findings": findings(report),
    });
    format!("{json:#}\n")
}

fn findings(report: &Report) -> Vec<Value> {
    let one = |(index, one): (usize, &Diagnostic)| {
        let mut value = finding(one);
        if let Some(Some(cell)) = report.cells.get(index) {
            value["cell"] = json!({"number": cell.number, "line": cell.line, "column": cell.column});
        }
        value
    };
    report.findings.iter().enumerate().map(one).collect()
}

fn finding(finding: &Diagnostic) -> Value {
    let place = &finding.place;
    json!({
        "code": finding.code.id(),
        "title": finding.code.title(),
        "severity": word(finding.severity),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "text": finding.text,
        "message": finding.message,
        "help": finding.help,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::render::example;

    #[test]
    fn it_is_json_with_every_part_of_a_finding() {
        let json: serde_json::Value = serde_json::from_str(&super::report(&example::report())).unwrap();
        assert_eq!((json["holds"].as_bool(), json["errors"].as_u64()), (Some(false), Some(1)));
        assert_eq!(json["findings"][0]["code"], "T124");
        assert_eq!(json["findings"][0]["line"], 1);
    }
}
