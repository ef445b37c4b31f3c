//! Just enough of Rust's grammar to tell code from comments and literals, and to find where functions begin and end.
//! Not a parser: that would cost more to build than all the rest of this tool.

/// The text with every comment and the inside of every literal replaced by spaces; lines stay where they are.
pub fn code(text: &str) -> String {
    let from: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < from.len() {
        let end = skip(&from, at);
        if end > at {
            // A literal leaves its quotes behind as spaces, too: nobody asks for them.
            out.extend(from[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(from[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn skip(from: &[char], at: usize) -> usize {
    let next = |offset: usize| from.get(at + offset).copied();
    let in_word = at > 0 && (from[at - 1].is_alphanumeric() || from[at - 1] == '_');
    match from[at] {
        '/' if next(1) == Some('/') => find(from, at, |i| from[i] == '\n'),
        '/' if next(1) == Some('*') => block_comment(from, at),
        '"' => quoted(from, at + 1, '"'),
        'r' if !in_word && matches!(next(1), Some('"' | '#')) => raw(from, at + 1).unwrap_or(at),
        'b' | 'c' if !in_word && next(1) == Some('r') => raw(from, at + 2).unwrap_or(at),
        '\'' if next(1) == Some('\\') || (next(1) != Some('\'') && next(2) == Some('\'')) => quoted(from, at + 1, '\''),
        _ => at,
    }
}

fn find(from: &[char], at: usize, stop: impl Fn(usize) -> bool) -> usize {
    (at..from.len()).find(|i| stop(*i)).unwrap_or(from.len())
}

fn block_comment(from: &[char], begin: usize) -> usize {
    let (mut at, mut depth) = (begin, 0);
    while at < from.len() {
        match (from[at], from.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(from.len())
}

fn quoted(from: &[char], mut at: usize, quote: char) -> usize {
    while at < from.len() && from[at] != quote {
        at += if from[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(from.len())
}

/// A raw string whose `#` or `"` stands at `at`; none when it is a raw identifier.
fn raw(from: &[char], at: usize) -> Option<usize> {
    let hashes = from[at..].iter().take_while(|c| **c == '#').count();
    if from.get(at + hashes) != Some(&'"') {
        return None;
    }
    let closes =
        |i: usize| from[i] == '"' && from[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    Some((find(from, at + hashes + 1, closes) + 1 + hashes).min(from.len()))
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from 0.
    pub line: usize,
    /// From `fn` to the closing brace.
    pub lines: usize,
}

/// Every function with a body in blanked code, nested ones too.
pub fn functions(code: &str) -> Vec<Function> {
    let bytes = code.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && word(bytes[at - 1]) {
            continue;
        }
        let rest = code[at + 3..].trim_start();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if let Some(end) = body_end(bytes, at).filter(|_| !name.is_empty()) {
            let line = code[..at].matches('\n').count();
            found.push(Function { name, line, lines: code[at..end].matches('\n').count() + 1 });
        }
    }
    found
}

/// Just after the closing brace of the body of the function at `at`; none when it has no body.
fn body_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut parentheses, mut braces) = (0, 0);
    for (offset, byte) in bytes[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => parentheses += 1,
            b')' | b']' => parentheses -= 1,
            b';' if parentheses == 0 && braces == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at + offset + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let text = "a // todo!\n/* x /* y */ z */ b \"}\\\"{\" c r#\"\n\"{\"# d '{' '\\'' 'life e";
        let code = code(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "d", "'life", "e"]);
        assert_eq!(code.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn functions_are_measured_from_their_first_word_to_their_last_brace() {
        let code = "trait A { fn none(x: [u8; 4]); }\nfn two<'a>(f: fn(u8)) -> u8\n{ fn one() {} }\n";
        let found: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("two".to_owned(), 1, 2), ("one".to_owned(), 2, 1)]);
    }
}
