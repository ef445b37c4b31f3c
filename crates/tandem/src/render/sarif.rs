//! A report as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), for code scanning. Each code is a rule with its
//! page; promises have no place in it.

use serde_json::{Value, json};
use tandem_definitions::{Code, Diagnostic, Severity};

use super::{InCell, Report};

/// The whole report.
pub fn report(report: &Report) -> String {
    let mut codes: Vec<Code> = report.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results = report.findings.iter().enumerate().map(|(index, finding)| {
        let rule = codes.binary_search(&finding.code).unwrap_or_default();
        result(finding, rule, report.cells.get(index).copied().flatten())
    });
    let json = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tandem",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    });
    format!("{json:#}\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": {"text": code.title()},
        "help": {"text": code.page(), "markdown": code.page()},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn result(finding: &Diagnostic, rule: usize, cell: Option<InCell>) -> Value {
    let place = &finding.place;
    let mut text = format!("{} {}", finding.message, finding.help);
    if let Some(cell) = cell {
        text = format!("Cell {}, line {}: {text}", cell.number, cell.line);
    }
    let mut result = json!({
        "ruleId": finding.code.id(),
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": {"text": text.trim_end()},
    });
    if !place.file.is_empty() {
        let mut location = json!({"artifactLocation": {"uri": uri(&place.file)}});
        if place.line > 0 {
            location["region"] = json!({"startLine": place.line, "startColumn": place.column.max(1)});
        }
        result["locations"] = json!([{"physicalLocation": location}]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a relative reference: what a URI may not hold is written as `%20`.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::example;

    #[test]
    fn a_result_names_its_rule_its_file_and_its_cell() {
        let mut report = example::report();
        report.cells = vec![Some(InCell { number: 3, line: 2, column: 1 })];
        report.findings[0].place.file = "my models/a#1.ipynb".into();
        let sarif: Value = serde_json::from_str(&super::report(&report)).unwrap();
        let run = &sarif["runs"][0];
        let result = &run["results"][0];
        assert_eq!((sarif["version"].as_str(), result["ruleId"].as_str()), (Some("2.1.0"), Some("T124")));
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "T124");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my%20models/a%231.ipynb");
        assert_eq!(place["region"]["startLine"], 1);
        assert!(result["message"]["text"].as_str().unwrap().starts_with("Cell 3, line 2: There is no entity"));
    }
}
