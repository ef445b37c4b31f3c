//! The arithmetic of one aggregation in plain words: `mean of 3 values = (3 + 4.5 + 6) / 3 = 4.5`. The result is the engine's;
//! nothing is computed here.

use tandem_definitions::{Aggregate, Function, Micros, Type, Value, time};

use crate::account::Records;

/// How many values are written out: the latest.
const WRITTEN: usize = 10;

/// How an aggregation of these records at an instant came to its result. `window` is the event times it spans.
pub(crate) fn arithmetic(
    aggregate: &Aggregate,
    counted: &Records,
    result: &Value,
    at: Micros,
    (from, to): (Option<Micros>, Micros),
) -> String {
    if counted.count == 0 {
        return format!("nothing counts = {result}");
    }
    let values = Values { counted, are: if aggregate.input.is_some() { "value" } else { "record" } };
    let listed = |what: &str| format!("{what} of {} ({}) = {result}", values.number(), values.joined(", "));
    if let Some(by) = &aggregate.by {
        return listed(&format!("for each {}, that", by.text));
    }
    let one_or_none = if aggregate.input_type == Type::Bool { " (1 where it holds, 0 where it does not)" } else { "" };
    match aggregate.function {
        Function::Count => format!("{} = {result}", values.number()),
        Function::Sum => format!("sum of {}{one_or_none} = {} = {result}", values.number(), values.joined(" + ")),
        Function::Mean => {
            let (sum, count) = (values.joined(" + "), counted.count);
            format!("mean of {}{one_or_none} = ({sum}) / {count} = {result}", values.number())
        }
        Function::Min => listed("the least"),
        Function::Max => listed("the greatest"),
        Function::First => listed("the earliest"),
        Function::Last => listed("the latest"),
        Function::Rate(unit) => {
            let span = from.map_or_else(String::new, |from| format!(" in {}", time::format_duration(to - from)));
            let unit = time::format_duration(unit);
            format!("{}{span}, for each {} = {result}", values.number(), unit.trim_start_matches("1 "))
        }
        Function::TimeSinceFirst => {
            format!("seconds from the first of {} to {} = {result}", values.number(), instant(at))
        }
        Function::TimeSinceLast => {
            let last = counted.latest.last().map_or("", |line| line.event.as_str());
            format!("seconds from {last}, the last of {}, to {} = {result}", values.number(), instant(at))
        }
        // What takes more than a line to reckon is said in words above; here stand what goes in, and what comes out.
        _ if aggregate.input.is_some() => listed("that"),
        _ => format!("that of {} = {result}", values.number()),
    }
}

fn instant(at: Micros) -> String {
    time::format_instant(at)
}

struct Values<'r> {
    counted: &'r Records,
    /// What they are, in the singular.
    are: &'static str,
}

impl Values<'_> {
    /// `1 value`, `5 records`.
    fn number(&self) -> String {
        let plural = if self.counted.count == 1 { "" } else { "s" };
        format!("{} {}{plural}", self.counted.count, self.are)
    }

    /// The latest values, in order; with dots before them when there are more.
    fn joined(&self, between: &str) -> String {
        let latest = &self.counted.latest;
        let written = &latest[latest.len().saturating_sub(WRITTEN)..];
        let more = (written.len() as u64) < self.counted.count;
        let value = |text: &str| if text.starts_with('-') { format!("({text})") } else { text.to_owned() };
        let values = written.iter().map(|line| value(&line.value));
        more.then(|| "…".to_owned()).into_iter().chain(values).collect::<Vec<_>>().join(between)
    }
}
