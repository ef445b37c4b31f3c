//! CSV: lines kept verbatim, with their fields' places; a quoted line break ends no line.
//! Not here: types.

use std::ops::Range;

use super::{Content, Form};

type Read = (Vec<String>, Vec<Vec<Option<String>>>, Content);

/// Reads a file whose first line names its columns.
pub fn read(bytes: Vec<u8>) -> Result<Read, String> {
    let mut rows = lines(&bytes);
    rows.retain(|row| bytes[row.clone()].iter().any(|byte| !byte.is_ascii_whitespace()));
    if rows.is_empty() {
        return Err("it is empty".to_owned());
    }
    let header = rows.remove(0);
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let head = &bytes[header.start.max(start)..header.end];
    let separators = [b',', b';', b'\t', b'|'];
    let fields_by = |one: u8| head.split(|byte| *byte == one).count();
    let separator = separators.into_iter().max_by_key(|one| (fields_by(*one), *one == b','));
    let separator = separator.unwrap_or(b',');
    let columns: Vec<String> = fields(head, separator).into_iter().map(|field| text(&head[field])).collect();
    let mut cells = vec![Vec::with_capacity(rows.len()); columns.len()];
    for row in &rows {
        let line = &bytes[row.clone()];
        let mut found = fields(line, separator).into_iter();
        for column in &mut cells {
            let cell = found.next().map(|field| text(&line[field])).filter(|text| !is_gap(text));
            column.push(cell);
        }
    }
    Ok((columns, cells, Content::Lines { bytes, form: Form::Csv(separator), rows }))
}

/// The line with some fields replaced.
pub fn replace(out: &mut Vec<u8>, line: &[u8], separator: u8, cells: &[(usize, Option<&str>)]) {
    let mut done = 0;
    for (place, field) in fields(line, separator).into_iter().enumerate() {
        let Some((_, cell)) = cells.iter().find(|(column, _)| *column == place) else { continue };
        out.extend_from_slice(&line[done..field.start]);
        let cell = cell.unwrap_or_default();
        if cell.bytes().any(|byte| byte == separator || matches!(byte, b'"' | b'\n' | b'\r')) {
            out.extend_from_slice(format!("\"{}\"", cell.replace('"', "\"\"")).as_bytes());
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
        done = field.end;
    }
    out.extend_from_slice(&line[done..]);
}

/// Lines with their ends; quotes hold line breaks.
fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut rows, mut start, mut quoted) = (Vec::new(), 0, false);
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                rows.push(start..place + 1);
                start = place + 1;
            }
            _ => {}
        }
    }
    if start < bytes.len() {
        rows.push(start..bytes.len());
    }
    rows
}

fn fields(line: &[u8], separator: u8) -> Vec<Range<usize>> {
    let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    let (mut fields, mut start, mut quoted) = (Vec::new(), 0, false);
    for (place, byte) in line[..end].iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => {
                fields.push(start..place);
                start = place + 1;
            }
            _ => {}
        }
    }
    fields.push(start..end);
    fields
}

/// What pandas and polars read as a missing value.
fn is_gap(text: &str) -> bool {
    const WORDS: [&str; 14] =
        ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "#N/A", "#NA", "-NaN"];
    WORDS.contains(&text)
}

fn text(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let trimmed = text.trim();
    match trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_notebook_reads_as_missing_is_missing() {
        let (_, cells, _) = read(b"a,b\n1,NA\n,x\nnan,None of these\n".to_vec()).unwrap();
        assert_eq!(cells[0], [Some("1".to_owned()), None, None]);
        assert_eq!(cells[1], [None, Some("x".to_owned()), Some("None of these".to_owned())]);
    }

    #[test]
    fn a_quoted_line_break_ends_no_line_and_what_is_not_replaced_stays_verbatim() {
        let file = b"id;note\r\n1;\"a;b\nc \"\"d\"\"\"\r\n\r\n2; x\r\n".to_vec();
        let (columns, cells, content) = read(file).unwrap();
        assert_eq!(columns, ["id", "note"]);
        assert_eq!(cells[1], [Some("a;b\nc \"d\"".to_owned()), Some("x".to_owned())]);
        let Content::Lines { bytes, rows, form } = content else { panic!("lines") };
        assert_eq!((rows.len(), form), (2, Form::Csv(b';')));
        let mut out = Vec::new();
        replace(&mut out, &bytes[rows[0].clone()], b';', &[(0, Some("7")), (1, Some("p;q"))]);
        replace(&mut out, &bytes[rows[1].clone()], b';', &[(0, None)]);
        assert_eq!(out, b"7;\"p;q\"\r\n; x\r\n");
    }
}
