//! A report as annotations of GitHub Actions: workflow commands on standard output, beside the lines they are about.

use std::fmt::Write as _;

use tandem_definitions::Severity;

use super::Report;

/// The whole report.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = format!("title={}", property(&format!("{} {}", finding.code.id(), finding.code.title())));
        if !finding.place.file.is_empty() {
            let _ = write!(properties, ",file={}", property(&finding.place.file));
        }
        if finding.place.line > 0 {
            let _ = write!(properties, ",line={},col={}", finding.place.line, finding.place.column);
        }
        let _ = writeln!(text, "::{command} {properties}::{}", data(&format!("{} {}", finding.message, finding.help)));
    }
    // A broken promise is told by its findings; without any it has to speak for itself.
    let silent = report.count(Severity::Error) == 0;
    for promise in report.promises.iter().filter(|p| !p.kept && silent) {
        let _ = writeln!(text, "::error title={}::{}", property(&promise.name), data(&promise.detail));
    }
    let _ = writeln!(text, "{}", report.sentence());
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::render::example;

    #[test]
    fn an_annotation_names_file_line_and_code() {
        let text = super::report(&example::report());
        let expected =
            "::error title=T124 An entity that is not declared,file=features/a.yaml,line=1,col=9::There is no entity";
        assert!(text.contains(expected), "{text}");
    }
}
