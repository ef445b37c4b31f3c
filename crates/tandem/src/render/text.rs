//! A report for people: each finding with its line, a marker below the offending text, and what to do.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use tandem_definitions::{Diagnostic, File, Severity};

use super::Report;

/// The whole report.
pub fn report(report: &Report, colour: bool) -> String {
    let mut text = String::new();
    for one in &report.findings {
        let _ = writeln!(text, "{}\n", finding(one, &report.files, colour).trim_end());
    }
    let width = report.promises.iter().map(|p| p.name.chars().count()).max().unwrap_or(0);
    for promise in &report.promises {
        let mark = match (promise.kept, colour) {
            (true, false) => "kept   ".to_owned(),
            (false, false) => "BROKEN ".to_owned(),
            (true, true) => "\u{1b}[32mkept   \u{1b}[0m".to_owned(),
            (false, true) => "\u{1b}[1;31mBROKEN \u{1b}[0m".to_owned(),
        };
        let line = format!("{mark} {:width$}  {}", promise.name, promise.detail);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "\n{}", report.sentence());
    text
}

/// One finding.
pub fn finding(finding: &Diagnostic, files: &[File], colour: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(&finding.message).id(finding.code.id());
    let place = &finding.place;
    let source = files.iter().find(|file| file.path == place.file).filter(|_| place.line > 0);
    let mut group = match source {
        Some(file) => {
            let (start, end) = span(finding, &file.text);
            let annotation = AnnotationKind::Primary.span(start..end);
            title.element(Snippet::source(&file.text).path(&place.file).annotation(annotation))
        }
        None if place.file.is_empty() => Group::with_title(title),
        None if place.line == 0 => title.element(Origin::path(&place.file)),
        None => title.element(Origin::path(&place.file).line(place.line).char_column(place.column)),
    };
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(&finding.help));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    format!("{}\n", renderer.render(&[group]))
}

/// The marked bytes, at character boundaries of the text and not over the end of the first line.
fn span(finding: &Diagnostic, text: &str) -> (usize, usize) {
    let place = &finding.place;
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    // A place that says only its line means all of it.
    let whole_line = place.end == 0;
    let line_start = || text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
    let start = if whole_line { line_start() } else { boundary(place.start) };
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let end = if whole_line { line_end } else { boundary(place.end).clamp(start, line_end.max(start)) };
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example;

    #[test]
    fn a_finding_shows_its_line_and_marks_the_text() {
        let text = report(&example::report(), false);
        for expected in
            ["error[T124]: There is no entity", "features/a.yaml:1:9", "entity: planes", "^^^^^^", "help: Did you"]
        {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(
            text.contains("BROKEN  definitions") && text.ends_with("check: 1 of 2 promises kept, 1 error\n"),
            "{text}"
        );
    }

    #[test]
    fn a_place_that_says_only_its_line_marks_all_of_it() {
        let mut report = example::report();
        let place = &mut report.findings[0].place;
        (place.line, place.start, place.end) = (2, 0, 0);
        let text = super::report(&report, false);
        assert!(text.contains("features/a.yaml:2:1") && text.contains("^^^^^^^^^^^^"), "{text}");
    }
}
