//! A report for the comment on a pull request.

use std::fmt::Write as _;

use super::{Report, word};

/// The whole report.
pub fn report(report: &Report) -> String {
    let verdict = if report.holds() { "holds" } else { "does not hold" };
    let mut text = format!("### tandem {} {verdict}\n\n{}\n", report.name, report.sentence());
    if !report.findings.is_empty() {
        text += "\n| | where | what | what to do |\n|---|---|---|---|\n";
    }
    for finding in &report.findings {
        let place = match (finding.place.file.as_str(), finding.place.line) {
            ("", _) => String::new(),
            (file, 0) => format!("`{file}`"),
            (file, line) => format!("`{file}:{line}`"),
        };
        let _ = writeln!(
            text,
            "| {} {} | {place} | {} | {} |",
            word(finding.severity),
            finding.code.id(),
            cell(&finding.message),
            cell(&finding.help)
        );
    }
    if !report.promises.is_empty() {
        text += "\n| promise | | |\n|---|---|---|\n";
    }
    for promise in &report.promises {
        let kept = if promise.kept { "kept" } else { "**broken**" };
        let _ = writeln!(text, "| {} | {kept} | {} |", cell(&promise.name), cell(&promise.detail));
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use crate::render::example;

    #[test]
    fn tables_survive_the_text_in_them() {
        let text = super::report(&example::report());
        assert!(text.starts_with("### tandem check does not hold"), "{text}");
        assert!(
            text.contains("| error T124 | `features/a.yaml:1` | There is no entity") && text.contains("4 \\| readable"),
            "{text}"
        );
    }
}
