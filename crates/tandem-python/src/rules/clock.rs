//! T614: results that depend on the day of the run. Measuring how long something takes is no finding.

use tandem_definitions::Code;

use crate::calls::Call;
use crate::finding::Finding;
use crate::program::Program;

const CLOCKS: &[&str] = &[
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "datetime.now",
    "datetime.today",
    "date.today",
    "pandas.Timestamp.now",
    "pandas.Timestamp.today",
    "pandas.Timestamp.utcnow",
    "pandas.datetime.now",
    "pandas.datetime.today",
    "pandas.to_datetime",
    "pandas.Timestamp",
    "numpy.datetime64",
];

/// What a line says that measures time or names a file after it.
const MEASURES: &[&str] = &[
    "start",
    "end",
    "begin",
    "elapsed",
    "tic",
    "toc",
    "t0",
    "t1",
    "strftime",
    "stamp =",
    "print",
    "isoformat",
    "%y%m",
    "t1_",
    "t2_",
    "log",
];

/// The places.
pub fn findings(program: &Program, calls: &[Call<'_>]) -> Vec<Finding> {
    let reads = |call: &&Call<'_>| {
        let asks_text = ["pandas.to_datetime", "pandas.Timestamp", "numpy.datetime64"].contains(&call.name.as_str());
        let text = call.argument("arg", 0).and_then(|one| one.as_string_literal_expr()).map(|one| one.value.to_str());
        let reads = CLOCKS.contains(&call.name.as_str()) && (!asks_text || matches!(text, Some("now" | "today")));
        let line = program.line(call.cell, call.expr);
        let line = program.read[call.cell].source.lines().nth(line - 1).unwrap_or("").to_lowercase();
        reads && !MEASURES.iter().any(|word| line.contains(word))
    };
    calls
        .iter()
        .filter(reads)
        .map(|call| {
            let message = "This reads the clock: tomorrow the same notebook gives another result.";
            let help = "Write the date as a constant at the top of the notebook.";
            Finding::new(program, Code::ReadsClock, call.cell, call.expr, message, help)
        })
        .collect()
}
