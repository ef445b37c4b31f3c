//! Tables inside a scenario: CSV with remarks and aligned columns, and lists of YAML records, each cell with its line.
//! Not here: types; a cell is text until a contract or a feature says what it is (`case.rs`).

use saphyr_parser::{Event, Parser, ScalarStyle};

/// A table as written.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The line of its header in the scenario.
    pub line: usize,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows; each as long as `columns`.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line in the scenario.
    pub line: usize,
    /// Its cells.
    pub cells: Vec<Cell>,
}

/// A cell: its text, or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell(pub Option<String>);

impl Cell {
    fn plain(text: &str) -> Self {
        Self((!matches!(text, "" | "null")).then(|| text.to_owned()))
    }
}

/// What is wrong with a table: the line in the scenario, and a sentence.
pub(super) type Malformed = (usize, String);

/// Reads CSV. `first` is the line of the text's first line in the scenario.
pub(super) fn csv(text: &str, first: usize) -> Result<Table, Malformed> {
    let mut rows = rows(text, first)?.into_iter();
    let header = rows.next().ok_or_else(|| (first, "The table is empty: it has no header line.".to_owned()))?;
    let mut columns = Vec::new();
    for cell in header.cells {
        columns.push(cell.0.ok_or_else(|| (header.line, "A column of the table has no name.".to_owned()))?);
    }
    if let Some(twice) = columns.iter().enumerate().find(|(i, c)| columns[..*i].contains(c)) {
        return Err((header.line, format!("The column `{}` stands twice in the table.", twice.1)));
    }
    let rows: Vec<Row> = rows.collect();
    match rows.iter().find(|r| r.cells.len() != columns.len()) {
        Some(r) => {
            Err((r.line, format!("This row has {} cells, but the table has {} columns.", r.cells.len(), columns.len())))
        }
        None => Ok(Table { line: header.line, columns, rows }),
    }
}

fn rows(text: &str, first: usize) -> Result<Vec<Row>, Malformed> {
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = first;
    while chars.peek().is_some() {
        let (start, mut cells, mut bare) = (line, Vec::new(), String::new());
        let mut quoted: Option<String> = None;
        loop {
            match chars.next() {
                Some('"') if quoted.is_none() && bare.trim().is_empty() => {
                    let mut text = String::new();
                    loop {
                        match chars.next() {
                            Some('"') if chars.peek() == Some(&'"') => text.extend(chars.next()),
                            Some('"') => break,
                            Some(c) => {
                                line += usize::from(c == '\n');
                                text.push(c);
                            }
                            None => return Err((start, "A quoted cell has no closing quote.".to_owned())),
                        }
                    }
                    quoted = Some(text);
                }
                end @ (Some(',' | '\n') | None) => {
                    cells.push(quoted.take().map_or_else(|| Cell::plain(bare.trim()), |t| Cell(Some(t))));
                    bare.clear();
                    if end != Some(',') {
                        line += 1;
                        break;
                    }
                }
                Some(c) if quoted.is_some() && !c.is_whitespace() => {
                    return Err((line, format!("After a quoted cell comes `,`, not `{c}`.")));
                }
                Some(c) => {
                    bare.push(c);
                    if cells.is_empty() && bare.trim() == "#" {
                        // A remark: the rest of the line is for people.
                        while chars.next_if(|c| *c != '\n').is_some() {}
                        bare.clear();
                    }
                }
            }
        }
        if cells != [Cell(None)] {
            rows.push(Row { line: start, cells });
        }
    }
    Ok(rows)
}

/// Reads a list of YAML records, each a mapping of names to scalars.
pub(super) fn yaml(text: &str, first: usize) -> Result<Table, Malformed> {
    let mut reading = Reading { table: Table { line: first, ..Table::default() }, depth: 0, name: None };
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|e| (first + e.marker().line().saturating_sub(1), format!("Not YAML: {e}.")))?;
        reading.take(&event, first + span.start.line().saturating_sub(1))?;
    }
    let Table { line, columns, mut rows } = reading.table;
    for row in &mut rows {
        row.cells.resize(columns.len(), Cell(None));
    }
    Ok(Table { line, columns, rows })
}

struct Reading {
    table: Table,
    depth: usize,
    name: Option<String>,
}

impl Reading {
    fn take(&mut self, event: &Event<'_>, line: usize) -> Result<(), Malformed> {
        let wrong = || (line, "Given records in YAML are a list of mappings: `- {field: value, …}`.".to_owned());
        match (event, self.depth) {
            (Event::SequenceStart(..), 0) | (Event::MappingEnd, 2) => self.depth = 1,
            (Event::MappingStart(..), 1) => {
                self.depth = 2;
                self.table.rows.push(Row { line, cells: vec![Cell(None); self.table.columns.len()] });
            }
            (Event::Scalar(text, style, ..), 2) => self.scalar(text, *style),
            (Event::SequenceEnd, 1) => self.depth = 0,
            (Event::SequenceStart(..) | Event::MappingStart(..) | Event::Scalar(..) | Event::Alias(_), _) => {
                return Err(wrong());
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle) {
        let Some(name) = self.name.take() else {
            self.name = Some(text.to_owned());
            return;
        };
        let cell = match style {
            ScalarStyle::Plain if text == "~" => Cell(None),
            ScalarStyle::Plain => Cell::plain(text),
            _ => Cell(Some(text.to_owned())),
        };
        let columns = &mut self.table.columns;
        let column = columns.iter().position(|c| *c == name).unwrap_or_else(|| {
            columns.push(name);
            columns.len() - 1
        });
        if let Some(row) = self.table.rows.last_mut() {
            if row.cells.len() <= column {
                row.cells.resize(column + 1, Cell(None));
            }
            row.cells[column] = cell;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn csv_keeps_lines_quotes_and_remarks() {
        let t = csv("a , b\n# a remark, with a comma\n 1, \"x, \"\"y\"\"\nz\"\n\n\"\", null\n", 10).unwrap();
        assert_eq!(t.columns, ["a", "b"]);
        assert_eq!(t.rows.iter().map(|r| r.line).collect::<Vec<_>>(), [12, 15]);
        assert_eq!(t.rows[0].cells[1], Cell(Some("x, \"y\"\nz".into())));
        assert_eq!(t.rows[1].cells, [Cell(Some(String::new())), Cell(None)]);
    }

    #[test]
    fn csv_names_the_line_of_a_short_row() {
        assert_eq!(csv("a,b\n1,2\n1\n", 5).unwrap_err().0, 7);
        assert_eq!(csv("a,a\n", 5).unwrap_err().0, 5);
        assert_eq!(csv("a\n\"1\n", 5).unwrap_err().0, 6);
    }

    #[test]
    fn yaml_records_may_leave_fields_out() {
        let t = yaml("- {a: 1, b: 'null'}\n- {b: null, c: x}\n", 3).unwrap();
        assert_eq!(t.columns, ["a", "b", "c"]);
        assert_eq!(t.rows[0].cells, [Cell(Some("1".into())), Cell(Some("null".into())), Cell(None)]);
        assert_eq!((t.rows[1].line, &t.rows[1].cells[2]), (4, &Cell(Some("x".into()))));
        assert!(yaml("a: 1", 1).is_err());
    }
}
