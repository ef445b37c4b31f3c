//! The code cells of a notebook, parsed: top-level statements with their places. Magics and shell lines are understood; a
//! cell with a syntax error keeps the statements that could be read.
//! Not here: what the statements mean.

use std::borrow::Cow;
use std::panic::catch_unwind;

use ruff_python_ast::{Mod, PySourceType, Suite};
use ruff_python_parser::{ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

/// A code cell, as it stands in the notebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which code cell it is, counted from 1 among code cells.
    pub number: usize,
    /// Its text.
    pub source: String,
    /// The count that Jupyter stored when it was last run.
    pub count: Option<u64>,
    /// Whether an exception is stored with it, or nothing is known of that.
    pub failed: bool,
}

/// Cell magics whose body is Python of this kernel.
const PYTHON_MAGICS: &[&str] =
    &["time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "snakeviz", "heat", "wandb"];

/// Line magics that run the Python after them.
const RUNNING_MAGICS: &[&str] = &["%time ", "%timeit ", "%prun ", "%memit ", "%%time ", "%%timeit "];

/// A statement at the top level of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it begins, in bytes of the cell.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
    /// Its first line in the cell, from 1.
    pub line: usize,
}

/// A parsed cell.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its statements; statements that could not be read are left out.
    pub body: Suite,
    /// What could not be read: line in the cell, from 1, and why.
    pub errors: Vec<(usize, String)>,
}

impl Cell {
    /// Parses the cell. Never fails.
    pub fn parse(&self) -> Parsed {
        if self.is_foreign() {
            return Parsed { body: Vec::new().into(), errors: Vec::new() };
        }
        // The parser is another's: should it give up on a text, the cell counts as one that cannot be read.
        let text = answerable(&self.source);
        let parsed = catch_unwind(|| parse_unchecked(&text, ParseOptions::from(PySourceType::Ipynb)));
        let Ok(parsed) = parsed else {
            return Parsed { body: Vec::new().into(), errors: vec![(1, "the parser gave up on this cell".to_owned())] };
        };
        let errors = parsed.errors().iter();
        let errors =
            errors.map(|error| (self.line(error.location.start().to_usize()), error.error.to_string())).collect();
        let body = match parsed.into_syntax() {
            Mod::Module(module) => module.body,
            Mod::Expression(_) => Vec::new().into(), // only what was asked for as an expression is one
        };
        Parsed { body, errors }
    }

    /// The cell magic at its top: `time`, `bash`.
    pub fn magic(&self) -> Option<&str> {
        let first = self.source.lines().map(str::trim_end).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        first.strip_prefix("%%")?.split_whitespace().next()
    }

    /// Whether its text is not Python: a cell magic hands it to something else.
    pub fn is_foreign(&self) -> bool {
        self.magic().is_some_and(|magic| !PYTHON_MAGICS.contains(&magic))
    }

    /// The same cell with the magics that only wrap Python (`%time x = f()`, `%%capture out`) replaced by what they run,
    /// padded so that lines keep their length, and without the prompts and the indentation that Jupyter takes off as well. Only
    /// for reading: [`Cell::place_of`] gives the place in the cell as it stands.
    #[must_use]
    pub fn unwrapped(&self) -> Self {
        let line = |line: &str| {
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            format!("{}{end}", unwrapped_line(text))
        };
        let source = without_prompts(&self.source);
        Self { source: source.split_inclusive('\n').map(line).collect(), ..self.clone() }
    }

    /// The place in this cell of a place in its [unwrapped](Self::unwrapped) form: lines can only have lost their beginning.
    pub fn place_of(&self, read: &Self, place: usize) -> usize {
        if self.source.len() == read.source.len() {
            return place;
        }
        let start = |text: &str, line: usize| text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
        let line = read.line(place) - 1;
        let length = |text: &str| text.split_inclusive('\n').nth(line).map_or(0, str::len);
        let lost = length(&self.source).saturating_sub(length(&read.source));
        (start(&self.source, line) + lost + place.saturating_sub(start(&read.source, line))).min(self.source.len())
    }

    /// The line in the cell, from 1, of a place in bytes.
    pub fn line(&self, place: usize) -> usize {
        self.source.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
    }
}

impl Parsed {
    /// The statements at the top level.
    pub fn statements<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = Statement> + 'a {
        self.body.iter().map(|statement| {
            let (start, end) = (statement.start().to_usize(), statement.end().to_usize());
            Statement { start, end, line: cell.line(start) }
        })
    }
}

/// The parser does not expect a question mark at the end of a magic that is assigned (`x = %who?`), however it is continued over
/// lines: where there may be one, such marks are left out.
fn answerable(source: &str) -> Cow<'_, str> {
    if !source.contains('?') || !source.contains('=') || !source.contains(['%', '!']) {
        return Cow::Borrowed(source);
    }
    let mut text = String::with_capacity(source.len());
    for line in source.split_inclusive(['\n', '\r']) {
        let code = line.trim_end();
        let kept = code.trim_end_matches(|c: char| c == '?' || c.is_ascii_whitespace());
        text.push_str(kept);
        text.extend(std::iter::repeat_n(' ', code.len() - kept.len()));
        text.push_str(&line[code.len()..]);
    }
    Cow::Owned(text)
}

/// What Jupyter takes off before it runs a cell: the indentation of the first line from every line, and prompts of a session
/// (`>>> `, `In [3]: `) that were copied into the cell.
fn without_prompts(source: &str) -> Cow<'_, str> {
    let first = source.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let indent = &first[..first.len() - first.trim_start_matches([' ', '\t']).len()];
    let prompted = first.starts_with(">>> ") || first.starts_with("In [");
    if indent.is_empty() && !prompted {
        return Cow::Borrowed(source);
    }
    let bare = |line: &str| -> String {
        let line = line.strip_prefix(indent).unwrap_or(line);
        let session = [">>> ", "... "].iter().find_map(|prompt| line.strip_prefix(prompt)).filter(|_| prompted);
        let dots =
            || line.trim_start().strip_prefix("...").and_then(|rest| rest.trim_start_matches('.').strip_prefix(": "));
        let counted = || line.strip_prefix("In [").and_then(|rest| rest.split_once("]: ")).map(|(_, rest)| rest);
        session.or_else(|| if prompted { counted().or_else(dots) } else { None }).unwrap_or(line).to_owned()
    };
    Cow::Owned(source.split_inclusive('\n').map(bare).collect())
}

/// Commands that Jupyter takes for magics without their `%`, where nothing else is called so.
const AUTOMAGIC: &[&str] =
    &["pip", "conda", "ls", "cd", "pwd", "cat", "mkdir", "rm", "cp", "mv", "clear", "who", "whos", "history"];

fn is_automagic(line: &str) -> bool {
    let (word, rest) = line.split_once(' ').unwrap_or((line.trim_end(), ""));
    let command = rest.is_empty() || rest.starts_with(|c: char| c.is_alphanumeric() || "-./~*".contains(c));
    AUTOMAGIC.contains(&word) && command && !rest.starts_with("in ") && !rest.starts_with("is ")
}

fn unwrapped_line(line: &str) -> String {
    let text = line.trim_start();
    if is_automagic(line) {
        return format!("#{}", &line[1..]);
    }
    let indent = line.len() - text.len();
    if let Some(rest) = text.strip_prefix("%%capture") {
        // It binds the name that it is given.
        let name = rest.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or("");
        let bound = if name.is_empty() { String::new() } else { format!("{name}=0") };
        return format!("{bound:width$}", width = line.len());
    }
    let Some(magic) = RUNNING_MAGICS.iter().find(|magic| text.starts_with(**magic)) else {
        let bare = ["%%time", "%%timeit"].contains(&text.trim_end());
        return if bare { " ".repeat(line.len()) } else { line.to_owned() };
    };
    let code = text[magic.len()..].trim_start();
    if code.is_empty() || code.starts_with('-') || code.starts_with('!') {
        return if magic.starts_with("%%") { " ".repeat(line.len()) } else { line.to_owned() };
    }
    let pad = line.len() - indent - code.len();
    format!("{}{code}{}", &line[..indent], " ".repeat(pad))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn magics_are_statements_and_errors_leave_the_rest() {
        let cell = |source: &str| Cell { number: 1, source: source.into(), count: None, failed: false };
        let whole = cell("%matplotlib inline\nimport pandas as pd\n!pip install x\ndf = pd.read_csv('a.csv')\n");
        let parsed = whole.parse();
        assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
        assert_eq!(parsed.statements(&whole).map(|s| s.line).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(cell("# of the shell\n%%bash\nls -l\n").parse().body.is_empty());
        assert_eq!(cell("x = %who?\ny = 1").parse().body.len(), 2);
        let indented = cell("  x = 1\n  if x:\n    y = 2\n");
        assert_eq!(indented.unwrapped().source, "x = 1\nif x:\n  y = 2\n");
        assert_eq!(indented.place_of(&indented.unwrapped(), 4), 6);
        let session = cell(">>> for i in [1]:\n...     i\n");
        assert_eq!(session.unwrapped().source, "for i in [1]:\n    i\n");
        assert!(cell("pip install x\nls\n").unwrapped().parse().body.is_empty());
        let timed = cell("%%time\nif x:\n    %time y = f(1)\n").unwrapped();
        assert_eq!(timed.source, "      \nif x:\n    y = f(1)      \n");
        let broken = cell("x = 1\nprint 'two'\ny = (\n");
        let parsed = broken.parse();
        assert_eq!(parsed.errors.first().unwrap().0, 2);
        assert!(!parsed.body.is_empty());
    }
}
