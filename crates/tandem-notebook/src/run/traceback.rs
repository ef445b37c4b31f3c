//! A kernel's tracebacks in plain text, and the line of the failing cell that they name.
//! Not here: what a failure means for a run.

/// The text without ANSI escape sequences (colours, cursor movements, titles).
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => drop(chars.find(|c| ('\u{40}'..='\u{7e}').contains(c))),
            Some(']') => drop(chars.find(|c| matches!(c, '\u{7}' | '\u{9c}'))),
            _ => {}
        }
    }
    out
}

/// The line (from 1) of the cell with this execution count at which the traceback points: the deepest frame in it.
/// Its writer puts `Cell In[3], line 2` (since 8.7), `Input In [3], in <cell line: 2>()` (8.0) or `<ipython-input-3-…>`
/// with an arrow `----> 2 text` below (7).
pub(super) fn line_in_cell(traceback: &str, count: u64) -> Option<usize> {
    let heads = [format!("Cell In[{count}]"), format!("Input In [{count}]"), format!("<ipython-input-{count}-")];
    let mut found = None;
    let mut inside = false;
    for line in traceback.lines() {
        if heads.iter().any(|head| line.contains(head.as_str())) {
            inside = true;
            let number = ["line: ", "line "].iter().find_map(|word| number_after(line, word));
            found = number.or(found);
        } else if is_frame_head(line) {
            inside = false;
        } else if let (true, Some(number)) = (inside, arrow(line)) {
            found = Some(number);
        }
    }
    found
}

/// Whether a line opens a frame of another file (`File /…:12, in f(x)`) or of another cell.
fn is_frame_head(line: &str) -> bool {
    line.starts_with("File ") || line.starts_with("Cell In[") || line.starts_with("Input In [") || line.starts_with('/')
}

/// `----> 2 text` gives 2.
fn arrow(line: &str) -> Option<usize> {
    let rest = line.trim_start().trim_start_matches('-').strip_prefix("> ")?;
    if !line.trim_start().starts_with("--") {
        return None;
    }
    rest.split_whitespace().next()?.parse().ok()
}

fn number_after(line: &str, word: &str) -> Option<usize> {
    let rest = &line[line.find(word)? + word.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_and_text_stays() {
        assert_eq!(plain("\u{1b}[0;31mZeroDivisionError\u{1b}[0m: é \u{1b}]0;title\u{7}x"), "ZeroDivisionError: é x");
        assert_eq!(plain("ends in an escape \u{1b}"), "ends in an escape ");
    }

    #[test]
    fn the_deepest_frame_in_the_cell_wins() {
        let text = "ZeroDivisionError   Traceback\nCell In[3], line 4\n      2     return 1 / x\n----> 4 f(0)\n\n\
                    Cell In[3], line 2, in f(x)\n----> 2     return 1 / x\n\nFile /lib/a.py:9, in g()\n----> 9 boom\n";
        assert_eq!(line_in_cell(text, 3), Some(2));
        assert_eq!(line_in_cell(text, 4), None);
    }

    #[test]
    fn older_forms_are_read_too() {
        assert_eq!(line_in_cell("Input In [12], in <cell line: 7>()\n      6 x\n----> 7 y\n", 12), Some(7));
        assert_eq!(line_in_cell("<ipython-input-1-9e1622b385b6> in <module>\n----> 1 1/0\n", 1), Some(1));
    }
}
