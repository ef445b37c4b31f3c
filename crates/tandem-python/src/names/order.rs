//! T604: a cell whose stored outputs rest on a value that a run from the top does not give it.
//!
//! A cell that was run again keeps only its last count, so order alone says little: whoever runs the loading cell once more
//! leaves a notebook that looks out of order and is not. Only what the counts prove is said, and nothing where they come from
//! several sessions.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;
use tandem_definitions::Code;

use super::{Walked, bound};
use crate::finding::Finding;
use crate::program::Program;

/// What a statement at the top level does to a variable that other cells read.
struct Event<'a> {
    cell: usize,
    stmt: &'a Stmt,
    what: What<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What<'a> {
    /// It gets another value.
    Bound,
    /// One of its columns does.
    Column(&'a str),
    /// All of it does: `inplace=True`.
    Changed,
}

/// The counts, when they are of one session.
struct Counts {
    of: Vec<Option<u64>>,
    carried: BTreeSet<u64>,
}

impl Counts {
    /// None where two cells carry the same count: then they are of several sessions, and compare to nothing.
    fn of(program: &Program) -> Option<Self> {
        let of: Vec<Option<u64>> = program.cells.iter().map(|cell| cell.count.filter(|count| *count > 0)).collect();
        let carried: BTreeSet<u64> = of.iter().copied().flatten().collect();
        (carried.len() == of.iter().flatten().count()).then_some(Self { of, carried })
    }

    /// Whether every run between the two is still in the notebook, so that no other cell can have run there.
    fn known_between(&self, after: u64, before: u64) -> bool {
        (after + 1..before).all(|count| self.carried.contains(&count))
    }
}

/// The findings; each cell once, and each cause once.
pub fn findings(program: &Program, walked: &Walked) -> Vec<Finding> {
    let Some(counts) = Counts::of(program) else { return Vec::new() };
    let events = events(program);
    let (mut cells, mut causes) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    for (name, top, cell, range) in &walked.passed {
        let Some(of_name) = events.get(name.as_str()).filter(|_| program.import_of(name).is_none()) else { continue };
        let taken = Taken { program, counts: &counts, events: of_name, name, top: *top, cell: *cell };
        if let Some((cause, message)) = taken.other()
            && !cells.contains(cell)
            && causes.insert(cause)
        {
            let help = "Restart the kernel, run all cells, and see whether the results still hold.";
            found.push(Finding::new(program, Code::OrderMatters, *cell, range, message, help));
            cells.insert(*cell);
        }
    }
    found
}

/// A use of a name that the cell `top` binds in a run from the top.
struct Taken<'a> {
    program: &'a Program,
    counts: &'a Counts,
    events: &'a [Event<'a>],
    name: &'a str,
    top: usize,
    cell: usize,
}

impl Taken<'_> {
    /// The cell because of which another value was taken, and the words for it.
    fn other(&self) -> Option<(usize, String)> {
        // A cell that could not be read is no event, and may be the one that binds.
        self.events.iter().find(|one| one.cell == self.top && one.what == What::Bound)?;
        let (top_ran, took) = (self.counts.of[self.top]?, self.counts.of[self.cell]?);
        let before = self.events.iter().filter(|one| one.what == What::Bound && one.cell != self.cell);
        let ran = before.filter_map(|one| Some((self.counts.of[one.cell]?, one.cell))).filter(|(ran, _)| *ran < took);
        let (last_ran, last) = ran.max()?;
        if last != self.top {
            let proven = top_ran < took || self.counts.known_between(last_ran, took);
            let same = self.texts(last) == self.texts(self.top);
            return (proven && !same).then(|| (last, self.another_source(took, last, last_ran)));
        }
        self.events.iter().filter(|one| one.what != What::Bound && one.cell != self.cell).find_map(|one| {
            let ran = self.counts.of[one.cell]?;
            let early = one.cell > self.cell && (top_ran..took).contains(&ran);
            let late =
                (self.top + 1..self.cell).contains(&one.cell) && ran > took && self.counts.known_between(top_ran, took);
            let matters = (early || late) && self.shows(one.what);
            matters.then(|| (one.cell, self.out_of_turn(took, one.cell, ran, early)))
        })
    }

    fn number(&self, cell: usize) -> usize {
        self.program.cells[cell].number
    }

    fn another_source(&self, took: u64, last: usize, ran: u64) -> String {
        let (here, other, top) = (self.number(self.cell), self.number(last), self.number(self.top));
        format!(
            "Cell {here} ran as [{took}] with the `{}` of cell {other}, which ran as [{ran}]; in a run from the top it gets that of cell {top}.",
            self.name
        )
    }

    fn out_of_turn(&self, took: u64, other: usize, ran: u64, early: bool) -> String {
        let (here, other, name) = (self.number(self.cell), self.number(other), self.name);
        if early {
            format!(
                "Cell {here} ran as [{took}], when cell {other} below it had already changed `{name}` as [{ran}]; in a run from the top it has not."
            )
        } else {
            format!(
                "Cell {here} ran as [{took}], before cell {other} above it changed `{name}` as [{ran}]; in a run from the top it has."
            )
        }
    }

    /// The statements of a cell that bind the name: the same words twice give the same value.
    fn texts(&self, cell: usize) -> Vec<&str> {
        let binding = self.events.iter().filter(|one| one.cell == cell && one.what == What::Bound);
        binding.map(|one| self.program.text(cell, &one.stmt.range())).collect()
    }

    /// Whether the cell would give something else: it says the column that changed, or shows the whole.
    fn shows(&self, what: What<'_>) -> bool {
        let What::Column(column) = what else { return true };
        let own = self.events.iter().any(|one| one.cell == self.cell && one.what == what);
        let source = &self.program.read[self.cell].source;
        let says = [format!("'{column}'"), format!("\"{column}\""), format!(".{column}")];
        let whole = self.program.parsed[self.cell].body.last().is_some_and(|last| is_whole(last, self.name));
        !own && (whole || says.iter().any(|words| source.contains(words)))
    }
}

/// `df`, `df.head()`, `df.shape` as the last line of a cell.
fn is_whole(last: &Stmt, name: &str) -> bool {
    const SHOWING: &[&str] = &["head", "tail", "sample", "info", "describe", "shape", "columns", "dtypes", "corr"];
    let Stmt::Expr(shown) = last else { return false };
    let shown = match shown.value.as_ref() {
        Expr::Call(call) => call.func.as_ref(),
        one => one,
    };
    match shown {
        Expr::Attribute(one) if SHOWING.contains(&one.attr.as_str()) => one.value.as_name_expr(),
        one => one.as_name_expr(),
    }
    .is_some_and(|shown| shown.id.as_str() == name)
}

/// What the top level does to each name, in order. A cell that could not be read does nothing.
fn events(program: &Program) -> BTreeMap<String, Vec<Event<'_>>> {
    let mut events: BTreeMap<String, Vec<Event<'_>>> = BTreeMap::new();
    let readable = program.parsed.iter().enumerate().filter(|(_, parsed)| parsed.errors.is_empty());
    for (cell, stmt) in readable.flat_map(|(cell, parsed)| parsed.body.iter().map(move |stmt| (cell, stmt))) {
        for name in bound::of(std::slice::from_ref(stmt)).names {
            events.entry(name).or_default().push(Event { cell, stmt, what: What::Bound });
        }
        if let Some((name, what)) = changed(stmt) {
            events.entry(name.to_owned()).or_default().push(Event { cell, stmt, what });
        }
    }
    events
}

/// `df["x"] = …`, `df.x = …`, `df.drop(…, inplace=True)`.
fn changed(stmt: &Stmt) -> Option<(&str, What<'_>)> {
    let target = match stmt {
        Stmt::Assign(assign) => assign.targets.first()?,
        Stmt::AugAssign(assign) => assign.target.as_ref(),
        Stmt::Expr(expr) => {
            let call = expr.value.as_call_expr()?;
            let in_place = call.arguments.find_keyword("inplace")?.value.as_boolean_literal_expr()?.value;
            let on = call.func.as_attribute_expr()?.value.as_name_expr()?;
            return in_place.then_some((on.id.as_str(), What::Changed));
        }
        _ => return None,
    };
    match target {
        Expr::Subscript(item) => {
            let column = item.slice.as_string_literal_expr()?.value.to_str();
            Some((item.value.as_name_expr()?.id.as_str(), What::Column(column)))
        }
        Expr::Attribute(one) => {
            let whole = ["columns", "index"].contains(&one.attr.as_str());
            let what = if whole { What::Changed } else { What::Column(one.attr.as_str()) };
            Some((one.value.as_name_expr()?.id.as_str(), what))
        }
        _ => None,
    }
}
