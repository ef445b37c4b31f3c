//! T643 to T650: idioms of code that takes a row's value from later rows. Each is a suspicion: as a label it may be right.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Number, Operator, Stmt, UnaryOp};
use ruff_text_size::Ranged;
use tandem_definitions::Code;

use crate::calls::Call;
use crate::finding::Finding;
use crate::program::Program;

const PROOF: &str = "`tandem audit` can prove it.";
const STATISTICS: &[&str] =
    &["mean", "median", "std", "var", "min", "max", "sum", "count", "size", "nunique", "rank", "first", "last"];

/// What a notebook says that has rows in time.
const TIMED: &[&str] = &[
    "parse_dates",
    "to_datetime",
    "DatetimeIndex",
    ".resample(",
    "date_range",
    "Timestamp",
    "str.to_date",
    "TimeSeriesSplit",
    ".dt.",
];

/// Whether the notebook's rows have a time, as far as its words say.
pub fn is_timed(program: &Program) -> bool {
    program.says_any(TIMED)
}

/// The places.
pub fn findings(program: &Program, calls: &[Call<'_>]) -> Vec<Finding> {
    let mut found: Vec<Finding> = calls.iter().filter_map(|call| of_call(program, call)).collect();
    let timed = is_timed(program);
    for (cell, parsed) in program.parsed.iter().enumerate() {
        let mut reader = Reader { program, cell, timed, storing: false, positions: Vec::new(), found: Vec::new() };
        reader.visit_body(&parsed.body);
        found.append(&mut reader.found);
    }
    found
}

/// The number of a literal, negative ones included.
fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => int.as_i64().map(|int| int as f64),
            Number::Float(float) => Some(*float),
            Number::Complex { .. } => None,
        },
        Expr::UnaryOp(minus) if minus.op == UnaryOp::USub => number(&minus.operand).map(|number| -number),
        _ => None,
    }
}

/// `-k`, whatever `k` is.
fn is_negative(expr: &Expr) -> bool {
    number(expr).map_or_else(|| matches!(expr, Expr::UnaryOp(one) if one.op == UnaryOp::USub), |number| number < 0.0)
}

fn text(expr: Option<&Expr>) -> Option<&str> {
    expr?.as_string_literal_expr().map(|literal| literal.value.to_str())
}

fn of_call(program: &Program, call: &Call<'_>) -> Option<Finding> {
    let backward = |one: Option<&str>| matches!(one, Some("bfill" | "backfill"));
    let is_method = call.receiver().is_some() && !call.name.starts_with("numpy.") && !call.name.starts_with("scipy.");
    let (code, message, help) = match call.method {
        "shift" | "diff" | "pct_change" if is_method && call.argument("periods", 0).is_some_and(is_negative) => {
            let message =
                format!("Suspicion: `{}` with a negative step takes its value from a later row.", call.method);
            (Code::LooksAhead, message, "Right for a label; as a feature use a positive step.")
        }
        "roll" if call.name == "numpy.roll" && call.argument("shift", 1).is_some_and(is_negative) => {
            let message = "Suspicion: `np.roll` with a negative step takes its value from a later row.".to_owned();
            (Code::LooksAhead, message, "Right for a label; as a feature use a positive step.")
        }
        "rolling"
            if call.keyword("center").is_some_and(|one| one.as_boolean_literal_expr().is_some_and(|one| one.value)) =>
        {
            (
                Code::CentredWindow,
                "Suspicion: half of a centred window lies in the future.".to_owned(),
                "Leave `center` out.",
            )
        }
        "bfill" | "backfill" if is_method => {
            let message = "Suspicion: gaps are filled from later rows.".to_owned();
            (Code::FilledFromLater, message, "Use `ffill`, or leave the gap.")
        }
        "fillna" | "reindex" if is_method && backward(text(call.keyword("method"))) => {
            let message = "Suspicion: gaps are filled from later rows.".to_owned();
            (Code::FilledFromLater, message, "Use `ffill`, or leave the gap.")
        }
        "interpolate"
            if is_method
                && call.argument("method", 0).is_none_or(Expr::is_string_literal_expr)
                && is_timed(program) =>
        {
            let message = "Suspicion: `interpolate` draws a line to the next known value.".to_owned();
            (Code::FilledFromLater, message, "Use `ffill`, or leave the gap.")
        }
        "merge_asof" if matches!(text(call.keyword("direction")), Some("forward" | "nearest")) => {
            let message = "Suspicion: the join takes records from after the row's time.".to_owned();
            (Code::JoinsForward, message, "Leave `direction` out: backward is the default.")
        }
        "transform" if groups(call) && is_timed(program) => {
            let message = "Suspicion: each row gets a statistic over its whole group, later rows included.".to_owned();
            (Code::GroupStatistic, message, "Use an expanding or rolling statistic, shifted by one.")
        }
        _ => return None,
    };
    Some(Finding::new(program, code, call.cell, call.expr, message, format!("{help} {PROOF}")))
}

/// `….groupby(…)….transform(statistic)`.
fn groups(call: &Call<'_>) -> bool {
    let statistic = match call.argument("func", 0) {
        Some(Expr::StringLiteral(name)) => STATISTICS.contains(&name.value.to_str()),
        Some(Expr::Attribute(function)) => STATISTICS.contains(&function.attr.as_str()),
        _ => false,
    };
    let mut on = call.receiver();
    while let Some(one) = on {
        on = match one {
            Expr::Subscript(item) => Some(&item.value),
            Expr::Attribute(attribute) if attribute.attr.as_str() == "groupby" => return statistic,
            Expr::Attribute(attribute) => Some(&attribute.value),
            Expr::Call(inner) => Some(&inner.func),
            _ => None,
        };
    }
    false
}

struct Reader<'a> {
    program: &'a Program,
    cell: usize,
    timed: bool,
    /// In the statement that writes a row.
    storing: bool,
    /// The loop variables over `range(…)` around.
    positions: Vec<&'a str>,
    found: Vec<Finding>,
}

impl Reader<'_> {
    fn add(&mut self, code: Code, at: &impl Ranged, message: &str, help: &str) {
        self.found.push(Finding::new(self.program, code, self.cell, at, message, format!("{help} {PROOF}")));
    }

    /// `x[i + 1]`, where `i` counts rows.
    fn is_ahead(&self, expr: &Expr) -> bool {
        let Expr::BinOp(sum) = expr else { return false };
        let (Expr::Name(name), Operator::Add, Some(step)) = (sum.left.as_ref(), sum.op, number(&sum.right)) else {
            return false;
        };
        step >= 1.0 && self.positions.contains(&name.id.as_str())
    }

    /// `df.day.max()`: the last date of the data.
    fn is_last_date(&self, expr: &Expr) -> bool {
        let Expr::Call(call) = expr else { return false };
        let Expr::Attribute(method) = call.func.as_ref() else { return false };
        let on = self.program.text(self.cell, method.value.as_ref()).to_lowercase();
        let last = on.rsplit(['.', '[']).next().unwrap_or("");
        let dated = ["date", "timestamp", "datetime"].iter().any(|word| last.contains(word))
            || ["day\"]", "day']", "day", "time", "time']", "time\"]", "index"]
                .iter()
                .any(|word| last.ends_with(word) && last.len() <= word.len() + 2);
        method.attr.as_str() == "max" && call.arguments.is_empty() && dated
    }
}

impl<'a> Visitor<'a> for Reader<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        // Only where a row is written from it: `x[i] = x[i + 1]`, not a list of layers or the points of a picture.
        if let Stmt::Assign(assign) = stmt {
            self.storing = self.timed && assign.targets.iter().any(Expr::is_subscript_expr);
            walk_stmt(self, stmt);
            self.storing = false;
            return;
        }
        let Stmt::For(each) = stmt else { return walk_stmt(self, stmt) };
        let range = matches!(each.iter.as_ref(), Expr::Call(call) if matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "range"));
        match each.target.as_ref() {
            Expr::Name(name) if range => {
                self.positions.push(name.id.as_str());
                walk_stmt(self, stmt);
                self.positions.pop();
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Subscript(item) if self.storing && item.ctx.is_load() && self.is_ahead(&item.slice) => {
                self.add(
                    Code::IndexAhead,
                    item,
                    "Suspicion: inside a loop over rows this takes a later row.",
                    "Right for a label; as a feature take an earlier row.",
                );
            }
            Expr::BinOp(difference)
                if self.timed && difference.op == Operator::Sub && self.is_last_date(&difference.left) =>
            {
                // From the first date to the last is the span of the data.
                if self.program.text(self.cell, difference.right.as_ref()).contains(".min()") {
                    return walk_expr(self, expr);
                }
                self.add(
                    Code::FromLastDate,
                    difference,
                    "Suspicion: time is counted from the last date of the data, which moves with every delivery.",
                    "Count from the row's decision time, or from a date written at the top.",
                );
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}
