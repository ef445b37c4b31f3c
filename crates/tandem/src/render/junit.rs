//! A report as `JUnit` XML: a test case for every promise, and one for every finding that is an error.

use std::fmt::Write as _;

use tandem_definitions::{Diagnostic, Severity};

use super::Report;

/// The whole report.
pub fn report(report: &Report) -> String {
    let errors: Vec<&Diagnostic> = report.findings.iter().filter(|f| f.severity == Severity::Error).collect();
    let tests = report.promises.len() + errors.len();
    let failures = report.broken() + errors.len();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites tests=\"{tests}\" failures=\"{failures}\">");
    let _ = writeln!(xml, "  <testsuite name=\"tandem {}\" tests=\"{tests}\" failures=\"{failures}\">", report.name);
    for promise in &report.promises {
        let name = escape(&promise.name);
        let detail = escape(&promise.detail);
        let _ = if promise.kept {
            writeln!(xml, "    <testcase classname=\"tandem.{}\" name=\"{name}\"/>", report.name)
        } else {
            writeln!(
                xml,
                "    <testcase classname=\"tandem.{}\" name=\"{name}\"><failure message=\"{detail}\"/></testcase>",
                report.name
            )
        };
    }
    for finding in errors {
        let place = format!("{}:{}:{}", finding.place.file, finding.place.line, finding.place.column);
        let _ = writeln!(
            xml,
            "    <testcase classname=\"tandem.{}\" name=\"{} {}\" file=\"{}\"><failure message=\"{}\" type=\"{}\">{}</failure></testcase>",
            finding.code.id(),
            finding.code.id(),
            escape(&place),
            escape(&finding.place.file),
            escape(&finding.message),
            finding.code.id(),
            escape(&format!("{place}\n{}", finding.help)),
        );
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            // What XML 1.0 cannot hold at all.
            c if c.is_control() && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::render::example;

    #[test]
    fn broken_promises_and_errors_are_failures_and_the_text_is_escaped() {
        let xml = super::report(&example::report());
        assert!(xml.contains("<testsuites tests=\"3\" failures=\"2\">"), "{xml}");
        assert!(xml.contains("`planes` &amp; co.") && xml.contains("&quot;plane&quot;"), "{xml}");
    }
}
