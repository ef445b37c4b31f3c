//! On which line of the .ipynb file each line of a cell stands, so that annotations can point there. Reads the JSON's text
//! once, without building values. Not here: any judgement; text that is not JSON gives no lines.

/// For each cell of the notebook, of any kind and in order: the line in the file of each of its lines.
pub fn of_cells(text: &str) -> Vec<Vec<usize>> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, line: 1, cells: Vec::new() };
    reader.value(&mut Vec::new());
    reader.cells
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    cells: Vec<Vec<usize>>,
}

/// Deeper than any notebook; serde's own limit is the same.
const DEEPEST: usize = 128;

impl<'a> Reader<'a> {
    fn space(&mut self) {
        while let Some(byte) = self
            .bytes
            .get(self.at)
            .filter(|byte| byte.is_ascii_whitespace() || **byte == 0xef || **byte == 0xbb || **byte == 0xbf)
        {
            self.line += usize::from(*byte == b'\n');
            self.at += 1;
        }
    }

    fn eats(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    /// A text in quotes: its raw bytes. `None` when there is none.
    fn text(&mut self) -> Option<&'a [u8]> {
        if !self.eats(b'"') {
            return None;
        }
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Some(&self.bytes[start..self.at - 1]);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        None
    }

    /// Any value at this path of keys; those of list elements are empty.
    fn value(&mut self, path: &mut Vec<&'a [u8]>) {
        self.space();
        if path.len() > DEEPEST {
            self.at = self.bytes.len();
            return;
        }
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(path),
            Some(b'[') => self.list(path),
            Some(b'"') => {
                let line = self.line;
                if let Some(raw) = self.text()
                    && is_source(path)
                {
                    self.source(raw, line);
                }
            }
            _ => {
                while self.bytes.get(self.at).is_some_and(|byte| !b",]}".contains(byte) && !byte.is_ascii_whitespace())
                {
                    self.at += 1;
                }
            }
        }
    }

    fn object(&mut self, path: &mut Vec<&'a [u8]>) {
        self.at += 1;
        if is_cell(path) {
            self.cells.push(Vec::new());
        }
        while let Some(key) = self.text() {
            if !self.eats(b':') {
                break;
            }
            path.push(key);
            self.value(path);
            path.pop();
            if !self.eats(b',') {
                break;
            }
        }
        self.eats(b'}');
    }

    fn list(&mut self, path: &mut Vec<&'a [u8]>) {
        self.at += 1;
        loop {
            if self.eats(b']') {
                return;
            }
            let before = self.at;
            path.push(b"");
            self.value(path);
            path.pop();
            if !self.eats(b',') {
                self.eats(b']');
                return;
            }
            if self.at == before {
                return;
            }
        }
    }

    /// One text of a cell: it may hold several lines, and continue the last one.
    fn source(&mut self, raw: &[u8], line: usize) {
        let Some(cell) = self.cells.last_mut() else { return };
        let mut ends = 0;
        let mut escaped = false;
        for byte in raw {
            ends += usize::from(escaped && *byte == b'n');
            escaped = *byte == b'\\' && !escaped;
        }
        let ended = raw.ends_with(b"\\n") && !raw.ends_with(b"\\\\n");
        cell.extend(std::iter::repeat_n(line, ends + usize::from(!ended)));
    }
}

/// `cells[]`, or `worksheets[].cells[]` in format 3.
fn is_cell(path: &[&[u8]]) -> bool {
    matches!(path, [b"cells", b""] | [b"worksheets", b"", b"cells", b""])
}

fn is_source(path: &[&[u8]]) -> bool {
    let path = if path.last().is_some_and(|key| key.is_empty()) { &path[..path.len() - 1] } else { path };
    path.split_last().is_some_and(|(key, cell)| (*key == b"source" || *key == b"input") && is_cell(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_lists_and_of_one_text() {
        let text = "{\n \"cells\": [\n  {\"metadata\": {\"source\": \"no\"},\n   \"source\": [\n    \"a\\n\",\n    \"b \\\\n c\\n\",\n    \"d\"]},\n  {\"source\": \"x\\ny\",\n  \"outputs\": [{\"source\": [\"no\"]}]}\n ]}";
        assert_eq!(of_cells(text), [vec![5, 6, 7], vec![8, 8]]);
        assert!(of_cells("{\"cells\": [{").len() <= 1);
        assert!(of_cells(&"[".repeat(5000)).is_empty());
    }
}
