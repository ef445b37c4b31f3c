//! What only IPython understands (`%magic`, `!command`, `name?`), put behind `# ` so that the file is Python, and taken out
//! again. The rules are Jupytext's, to the letter, since its readers read our files. Not here: whole cells.

/// Whether the next line begins inside a text of several lines.
#[derive(Default)]
pub(super) struct Quotes {
    triple: Option<u8>,
}

impl Quotes {
    pub fn open(&self) -> bool {
        self.triple.is_some()
    }

    /// Reads a line. A quote behind a backslash is none; a comment ends the line.
    pub fn read(&mut self, line: &str) {
        if !self.open() && line.trim_start().starts_with('#') {
            return;
        }
        let bytes = line.as_bytes();
        let (mut single, mut triple_at): (Option<u8>, isize) = (None, -1);
        for (at, &byte) in bytes.iter().enumerate() {
            if byte == b'#' && single.is_none() && self.triple.is_none() {
                break;
            }
            if !matches!(byte, b'"' | b'\'') || (at > 0 && bytes[at - 1] == b'\\') {
                continue;
            }
            if single == Some(byte) {
                single = None;
                continue;
            }
            if single.is_some() {
                continue;
            }
            let three = at >= 2 && bytes[at - 1] == byte && bytes[at - 2] == byte;
            if three && at as isize >= triple_at + 3 {
                if self.triple == Some(byte) {
                    self.triple = None;
                    triple_at = at as isize;
                } else if self.triple.is_none() {
                    self.triple = Some(byte);
                    triple_at = at as isize;
                }
                continue;
            }
            if self.triple.is_none() {
                single = Some(byte);
            }
        }
    }
}

/// Puts `# ` before each line that is a magic, and before those that it goes on in.
pub(super) fn comment(lines: &mut [String]) {
    each_magic(lines, |line, goes_on| {
        let (indent, rest) = if goes_on { ("", line) } else { line.split_at(indent(line)) };
        format!("{indent}# {rest}")
    });
}

/// Takes it away again.
pub(super) fn uncomment(lines: &mut [String]) {
    each_magic(lines, |line, _| {
        let (indent, rest) = line.split_at(indent(line));
        let bare = rest.strip_prefix("# ").or_else(|| rest.strip_prefix('#')).unwrap_or(rest);
        format!("{indent}{bare}")
    });
}

fn each_magic(lines: &mut [String], change: impl Fn(&str, bool) -> String) {
    let (mut quotes, mut goes_on) = (Quotes::default(), false);
    for line in lines {
        let read = std::mem::take(line);
        *line = if !quotes.open() && (goes_on || is_magic(&read)) {
            let changed = change(&read, goes_on);
            goes_on = read.trim_end().ends_with('\\');
            changed
        } else {
            read.clone()
        };
        quotes.read(&read);
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Without any `# ` and `#` before it.
fn bare(mut line: &str) -> &str {
    while let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix('#')) {
        line = rest;
    }
    line
}

/// Whether a line, perhaps behind `# `, is for IPython only.
fn is_magic(line: &str) -> bool {
    let letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    let percent = |text: &str| {
        let rest = text.trim_start_matches('%');
        (1..=3).contains(&(text.len() - rest.len())) && letter(rest)
    };
    let inner = bare(line.trim_start());
    if percent(inner) {
        return !not_escaped(inner);
    }
    if let Some(rest) = inner.trim_start().strip_prefix(['?', '!'])
        && rest.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || ".~$\\/{}".contains(c))
    {
        return true;
    }
    let assigned = bare(line).trim_start();
    let name = assigned.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if assigned.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && let Some(value) = name.trim_start().strip_prefix('=')
        && (percent(value.trim_start()) || value.trim_start().strip_prefix('!').is_some_and(letter))
    {
        return true;
    }
    let mut asked = line.trim();
    while let Some(rest) = asked.strip_prefix("# ") {
        asked = rest;
    }
    if asked.ends_with('?') && !asked.contains(char::is_whitespace) {
        return true;
    }
    is_command(bare(line))
}

/// `# noescape` at the end of a magic keeps it as it is.
fn not_escaped(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| line[at + 1..].trim_start().starts_with("noescape"))
}

/// Shell commands that IPython takes without `!`.
fn is_command(line: &str) -> bool {
    const COMMANDS: [&str; 14] =
        ["cat", "cd", "copy", "cp", "ddir", "echo", "ldir", "ls", "mkdir", "mv", "ren", "rm", "rmdir", "rmdir"];
    COMMANDS.iter().filter_map(|command| line.strip_prefix(command)).any(|rest| {
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (None, _) => true,
            (Some(space), None) => space.is_whitespace(),
            (Some(space), Some(next)) => space.is_whitespace() && next != '=' && next != ',',
        }
    })
}

/// The language of a cell that begins with `%%bash` and the like, and what stands behind it.
pub(super) fn language(line: &str) -> Option<(&str, &str)> {
    const LANGUAGES: [&str; 30] = [
        "R",
        "bash",
        "sh",
        "python2",
        "python3",
        "coconut",
        "javascript",
        "js",
        "perl",
        "html",
        "latex",
        "markdown",
        "pypy",
        "ruby",
        "script",
        "svg",
        "matlab",
        "octave",
        "idl",
        "robotframework",
        "sas",
        "spark",
        "sql",
        "cython",
        "haskell",
        "tcl",
        "gnuplot",
        "julia",
        "scala",
        "rust",
    ];
    let magic = line.strip_prefix("%%")?;
    let (language, arguments) = magic.split_once(' ').unwrap_or((magic, ""));
    LANGUAGES.contains(&language).then_some((language, arguments))
}
