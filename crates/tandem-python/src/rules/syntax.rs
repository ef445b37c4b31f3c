//! T621 and T623: code that Python cannot read, and Python 2, which is said once.

use tandem_definitions::Code;

use crate::cell::Cell;
use crate::finding::Finding;
use crate::program::Program;

/// The first error of each cell; one finding in all when the notebook is Python 2.
pub fn findings(program: &Program, python_2: bool) -> Vec<Finding> {
    let old = (0..program.read.len()).find_map(|cell| {
        let broken = !program.parsed[cell].errors.is_empty();
        program.read[cell].source.lines().position(|line| broken && is_python_2(line)).map(|line| (cell, line + 1))
    });
    if let Some((cell, line)) = old {
        let message = "This is Python 2, which Python 3 cannot read.";
        let help = "Convert the notebook to Python 3: `print(...)`, `range`, `except E as e`.";
        return vec![Finding::in_text(program, Code::PythonTwo, cell, span(&program.read[cell], line), message, help)];
    }
    let mut found = Vec::new();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        if let Some((line, why)) = parsed.errors.first() {
            let message = format!("Python cannot read this line: {}.", why.trim_end_matches('.'));
            let help = "Correct the line; if the cell is a note, make it a Markdown cell.";
            found.push(Finding::in_text(
                program,
                Code::NotPython,
                cell,
                span(&program.read[cell], *line),
                message,
                help,
            ));
        }
    }
    if let (true, Some(cell)) = (python_2, program.read.iter().position(|cell| !cell.source.trim().is_empty())) {
        let message = "The notebook was last run with Python 2. Python 3 can read it, and may give other results: `1 / 2` is 0.5.";
        let help = "Run it with Python 3, compare the results, and save it.";
        let line = program.read[cell].source.lines().position(|line| !line.trim().is_empty()).unwrap_or(0) + 1;
        let finding = Finding::in_text(program, Code::PythonTwo, cell, span(&program.read[cell], line), message, help);
        found.push(finding.with_severity(tandem_definitions::Severity::Note));
    }
    found
}

/// The bytes of a line.
fn span(cell: &Cell, line: usize) -> std::ops::Range<usize> {
    let start: usize = cell.source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let start = start.min(cell.source.len());
    let length = cell.source[start..].lines().next().map_or(0, |text| text.trim_end().len());
    start..start + length
}

fn is_python_2(line: &str) -> bool {
    let line = line.trim();
    let after = |word: &str| line.find(word).map(|at| line[at + word.len()..].trim_start());
    let starts = line.starts_with("print ")
        || line.starts_with("print\"")
        || line.starts_with("print'")
        || line.contains(": print ")
        || line.contains("; print ");
    let printed = starts
        && after("print").is_some_and(|rest| {
            !rest.starts_with(['(', '=', '.', ',', ')']) || rest.starts_with('(') && rest.contains(") %")
        });
    let caught = line.starts_with("except ") && line.contains(',') && !line.contains('(') && !line.contains(" as ");
    let raised = line.starts_with("raise ") && line.split_once(',').is_some_and(|(kind, _)| !kind.contains('('));
    printed
        || caught
        || raised
        || line.contains("<>") && !line.contains(['"', '\''])
        || line.starts_with("exec \"")
        || line.starts_with("exec '")
}
