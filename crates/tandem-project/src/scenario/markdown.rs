//! Reads a scenario's Markdown: the title, the prose, and the fenced blocks by their info strings.
//! Not here: what the blocks mean (`case.rs`, `run.rs`) and where included files lie (`load.rs`).

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};
use tandem_definitions::{Code, Diagnostic, File, Place};

use super::table::{self, Table};
use super::{Cell, Expect, Scenario};

/// Reads the text of a scenario.
///
/// # Errors
/// Every place where the file is no scenario.
pub fn parse(path: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let mut reading = Reading {
        text,
        scenario: Scenario {
            path: path.to_owned(),
            title: String::new(),
            prose: Vec::new(),
            files: Vec::new(),
            includes: Vec::new(),
            given: Vec::new(),
            expect: Vec::new(),
            observed: Vec::new(),
            findings: None,
        },
        problems: Vec::new(),
    };
    reading.read();
    if reading.problems.is_empty() { Ok(reading.scenario) } else { Err(reading.problems) }
}

/// A finding about a scenario's line.
pub(super) fn finding(path: &str, line: usize, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    let place = Place { file: path.to_owned(), line, column: 1, start: 0, end: 0 };
    Diagnostic::new(Code::BlockUnreadable, place, message, help)
}

struct Reading<'a> {
    text: &'a str,
    scenario: Scenario,
    problems: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn read(&mut self) {
        // The block being read: its info string, its text, and the line on which the text begins.
        let mut block: Option<(String, String, usize)> = None;
        let (mut title, mut paragraph) = (false, None::<String>);
        for (event, range) in Parser::new(self.text).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    block = Some((info.to_string(), String::new(), self.line(range.start) + 1));
                }
                Event::End(TagEnd::CodeBlock) => {
                    if let Some((info, text, line)) = block.take() {
                        self.block(&info, &text, line);
                    }
                }
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => title = self.scenario.title.is_empty(),
                Event::End(TagEnd::Heading(HeadingLevel::H1)) => title = false,
                Event::Start(Tag::Paragraph) => paragraph = Some(String::new()),
                Event::End(TagEnd::Paragraph) => self.scenario.prose.extend(paragraph.take()),
                Event::Text(words) | Event::Code(words) => match (&mut block, &mut paragraph) {
                    (None, _) if title => self.scenario.title.push_str(&words),
                    (Some((_, text, _)), _) | (None, Some(text)) => text.push_str(&words),
                    (None, None) => {}
                },
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(text) = &mut paragraph {
                        text.push(' ');
                    }
                }
                _ => {}
            }
        }
        self.whole();
    }

    /// What only the whole file can tell.
    fn whole(&mut self) {
        if self.scenario.title.is_empty() {
            self.problem(1, "The scenario has no title.", "Begin it with `# ` and what it shows, in a few words.");
        }
        let observed = !self.scenario.observed.is_empty();
        if self.scenario.expect.is_empty() && !observed && self.scenario.findings.is_none() {
            let message = "The scenario expects nothing, so it can never fail.";
            let help = "Add a block ```csv expect with the entities, `at` and the features' values, ```csv observations QUESTION, or ```text findings.";
            let found = finding(&self.scenario.path, 1, message, help);
            self.problems.push(Diagnostic {
                code: Code::NoExpectations,
                severity: Code::NoExpectations.severity(),
                ..found
            });
        }
    }

    fn block(&mut self, info: &str, text: &str, line: usize) {
        let mut words = info.split_whitespace();
        let (kind, name) = (words.next().unwrap_or_default(), words.next());
        match (kind, name) {
            ("yaml", Some("include")) => self.include(text, line),
            ("yaml", Some(path)) if path.contains('/') || has_yaml_ending(path) => {
                self.scenario.files.push(File { path: path.to_owned(), text: text.to_owned() });
            }
            ("yaml", Some(source)) => self.given(source, table::yaml(text, line)),
            ("csv", Some("expect")) => {
                let how: Vec<&str> = words.collect();
                let as_corrected = how == ["as", "corrected"];
                if !as_corrected && !how.is_empty() {
                    let message = format!("`expect {}` is no way to expect values.", how.join(" "));
                    self.problem(line - 1, message, "Write ```csv expect, or ```csv expect as corrected.");
                }
                match table::csv(text, line) {
                    Ok(table) => self.scenario.expect.push(Expect { table, as_corrected }),
                    Err((line, message)) => self.problem(line, message, EXPECT_HELP),
                }
            }
            ("csv", Some("observations")) => match (words.next(), table::csv(text, line)) {
                (Some(question), Ok(table)) => self.scenario.observed.push((question.to_owned(), table)),
                (None, _) => self.problem(line - 1, "Nothing says whose observations these are.", OBSERVED_HELP),
                (_, Err((line, message))) => self.problem(line, message, OBSERVED_HELP),
            },
            ("csv", Some(source)) => self.given(source, table::csv(text, line)),
            ("csv", None) => self.problem(
                line - 1,
                "A table says neither whose records it holds nor that it holds what is expected.",
                "Write ```csv SOURCE for given records, or ```csv expect.",
            ),
            ("text", Some("findings")) => {
                let lines = text.lines().zip(line..).filter(|(t, _)| !t.trim().is_empty());
                let lines = lines.map(|(t, line)| (line, t.split_whitespace().collect::<Vec<_>>().join(" ")));
                self.scenario.findings.get_or_insert_default().extend(lines);
            }
            _ => {}
        }
    }

    fn include(&mut self, text: &str, line: usize) {
        for (text, line) in text.lines().zip(line..).filter(|(t, _)| !t.trim().is_empty()) {
            match text.trim().strip_prefix("- ") {
                Some(path) => self.scenario.includes.push((line, path.trim().to_owned())),
                None => self.problem(
                    line,
                    format!("`{}` is no entry of an include block.", text.trim()),
                    "Write one file a line, as `- sources/landings.odcs.yaml`.",
                ),
            }
        }
    }

    fn given(&mut self, source: &str, table: Result<Table, table::Malformed>) {
        match table {
            Ok(table) => self.scenario.given.push((source.to_owned(), table)),
            Err((line, message)) => self.problem(line, message, GIVEN_HELP),
        }
    }

    fn problem(&mut self, line: usize, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(finding(&self.scenario.path, line, message, help));
    }

    fn line(&self, byte: usize) -> usize {
        1 + self.text[..byte].matches('\n').count()
    }
}

const GIVEN_HELP: &str = "Given records are a header line of the contract's fields and one line for each record.";
const EXPECT_HELP: &str =
    "An expect table has a header line (entities, `at`, features) and one line for each observation.";

const OBSERVED_HELP: &str =
    "Write ```csv observations QUESTION, a header line (entities, `at`), and one line for each observation, in order.";

fn has_yaml_ending(path: &str) -> bool {
    [".yaml", ".yml"].iter().any(|ending| path.ends_with(ending))
}

/// How a cell is shown to people.
pub(super) fn show(cell: &Cell) -> &str {
    cell.0.as_deref().unwrap_or("null")
}
