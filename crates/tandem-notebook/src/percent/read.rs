//! Cells out of lines. Not here: the header, and what a cell's first line says.

use serde_json::Value;

use super::{Cell, Kind, OURS, Quotes, magic, options};

/// The cells of these lines; lines before the first marker are a cell of code.
pub(super) fn cells<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = Cell> + 'a {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (own, next) = rest.split_at(end_of_first(rest));
        rest = next;
        Some(cell(own))
    })
}

/// Where the first cell of these lines ends: at the next marker that does not stand inside a text.
fn end_of_first(lines: &[&str]) -> usize {
    let mut quotes = Quotes::default();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 && !quotes.open() && options::marked(line).is_some() {
            return at;
        }
        quotes.read(line);
    }
    lines.len()
}

fn cell(lines: &[&str]) -> Cell {
    let (options, lines) = match options::marked(lines[0]) {
        Some(text) => (options::read(text), &lines[1..]),
        None => (options::read(""), lines),
    };
    let lines = without_gap(lines);
    let mut metadata = options.metadata;
    let mut kind = options.kind.unwrap_or(Kind::Code);
    let id = metadata.shift_remove("nbformat_id").and_then(|id| id.as_str().map(str::to_owned));
    let exact = metadata.shift_remove("exact") == Some(Value::Bool(true));
    let end = metadata.shift_remove("end_of_cell");
    if !exact && options.kind.is_none() && !options::is_active("ipynb", &metadata, true) {
        kind = Kind::Raw;
        if metadata.get("active").is_some_and(|active| active == "") {
            metadata.shift_remove("active");
        }
    }
    let mut source = if exact { unescaped(lines) } else { source(kind, lines, &mut metadata) };
    source.push_str(end.as_ref().and_then(Value::as_str).unwrap_or_default());
    let metadata = metadata.into_iter().map(|(key, value)| match key.strip_prefix('_') {
        Some(bare) if OURS.contains(&bare.trim_start_matches('_')) => (bare.to_owned(), value),
        _ => (key, value),
    });
    Cell { kind, source, metadata: metadata.collect(), id }
}

/// Without the blank lines that stand between cells: one, or two where the line before them is not blank.
fn without_gap<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let blank = |back: usize| lines.len().checked_sub(back).is_some_and(|at| lines[at].trim().is_empty());
    let gap = match lines {
        [.., _, _, _] if blank(1) && blank(2) && !blank(3) => 2,
        [.., ""] => 1,
        _ => 0,
    };
    &lines[..lines.len() - gap]
}

fn source(kind: Kind, lines: &[&str], metadata: &mut serde_json::Map<String, Value>) -> String {
    let uncommented =
        |line: &&str| line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line).to_owned();
    if kind != Kind::Code {
        return match as_text(lines) {
            Some(text) => text,
            None => lines.iter().map(uncommented).collect::<Vec<_>>().join("\n"),
        };
    }
    let language = metadata.shift_remove("language");
    let arguments = metadata.shift_remove("magic_args");
    if let Some(language) = language.as_ref().and_then(Value::as_str) {
        let arguments = arguments.as_ref().and_then(Value::as_str).map(|text| format!(" {text}")).unwrap_or_default();
        let body: Vec<String> = lines.iter().map(uncommented).collect();
        let first = format!("%%{language}{arguments}");
        return std::iter::once(first).chain(body).collect::<Vec<_>>().join("\n");
    }
    let mut code: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    if options::is_active("py", metadata, true) {
        magic::uncomment(&mut code);
    } else {
        code = lines.iter().map(uncommented).collect();
    }
    code.join("\n")
}

/// A text cell may also be written as one string between three quotes.
fn as_text(lines: &[&str]) -> Option<String> {
    let whole = lines.join("\n");
    let inner = whole.trim().trim_start_matches(['r', 'R']);
    ["\"\"\"", "'''"].iter().find_map(|quote| {
        let text = inner.strip_prefix(quote)?.strip_suffix(quote)?;
        let text = text.strip_prefix('\n').unwrap_or(text);
        Some(text.strip_suffix('\n').unwrap_or(text).to_owned())
    })
}

/// The lines behind `#|`.
fn unescaped(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| line.strip_prefix("#|").unwrap_or(line));
    let lines = lines.map(|line| {
        let mut text = String::new();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => text.push(chars.next().map_or('\\', |next| if next == 'r' { '\r' } else { next })),
                (c, false) => text.push(c),
            }
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}
