//! Collecting findings: a file's origin turns spans into places, and the nearest right name goes into the help.
//! Not here: which findings there are (`codes/`).

use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Place};

/// Bytes of a file, half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// From the same start to another end.
    pub fn to(self, end: usize) -> Self {
        Self { start: self.start, end: end.max(self.start) }
    }

    /// From a byte to the end of its line.
    pub fn to_line_end(text: &str, start: usize) -> Self {
        let mut start = start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let end = text[start..].find(['\n', '\r']).map_or(text.len(), |n| start + n);
        Self { start, end }
    }
}

/// What is wrong with a text that says a window or a calendar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub code: Code,
    pub message: String,
    pub help: String,
}

/// One of the project's files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

impl Origin<'_> {
    /// The place of a span, cut to its first line.
    pub fn place(&self, span: Span) -> Place {
        let line = Span::to_line_end(self.text, span.start);
        let before = &self.text[..line.start];
        let bol = before.rfind('\n').map_or(0, |n| n + 1);
        Place {
            file: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[bol..].chars().count() + 1,
            start: line.start,
            end: span.end.clamp(line.start, line.end),
        }
    }

    /// The first line of a span's text, without the blanks at its end.
    pub fn excerpt(&self, span: Span) -> &str {
        let place = self.place(span);
        self.text.get(place.start..place.end).unwrap_or("").trim_end()
    }

    /// The file as a whole.
    pub fn whole(&self) -> Place {
        Place { file: self.path.to_owned(), ..Place::default() }
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Diagnostic>);

impl Findings {
    /// A finding about a text in a file.
    pub fn at(
        &mut self,
        code: Code,
        origin: &Origin<'_>,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mut place = origin.place(span);
        let text = origin.text.get(place.start..place.end).unwrap_or("").trim_end();
        place.end = place.start + text.len();
        self.0.push(Diagnostic::new(code, place, message, help).with_text(text));
    }

    /// A finding about something that is missing at a place.
    pub fn missing(
        &mut self,
        code: Code,
        origin: &Origin<'_>,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic::new(code, origin.place(span), message, help));
    }

    /// A finding about a whole file.
    pub fn whole(&mut self, code: Code, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let place = Origin { path, text: "" }.whole();
        self.0.push(Diagnostic::new(code, place, message, help));
    }

    /// A finding at a place that was kept.
    pub fn placed(
        &mut self,
        code: Code,
        place: Place,
        text: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic::new(code, place, message, help).with_text(text));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, by place, each once.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.place.line, d.place.column, d.code.id());
            a.place.file.cmp(&b.place.file).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
        });
        self.0.dedup();
        self.0
    }
}

/// The known name nearest to a word, if one is near enough to be meant.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let low = word.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            let other = name.to_lowercase();
            let typed = strsim::damerau_levenshtein(&low, &other);
            let near = typed <= 1 + word.chars().count() / 4 || strsim::jaro_winkler(&low, &other) > 0.9;
            (near, typed, name)
        })
        .filter(|(near, ..)| *near)
        .min_by_key(|(_, typed, _)| *typed)
        .map(|(.., name)| name)
}

/// What to do about an unknown name: the nearest right one, or all there are.
pub(crate) fn instead<'n>(word: &str, what: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = nearest(word, names.iter().copied()) {
        return format!("Did you mean `{name}`?");
    }
    match names.len() {
        0 => format!("There is no {what} yet: declare one first."),
        n => {
            let shown = names.iter().take(12).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
            let more = if n > 12 { format!(", and {} more", n - 12) } else { String::new() };
            format!("Take one of: {shown}{more}.")
        }
    }
}
