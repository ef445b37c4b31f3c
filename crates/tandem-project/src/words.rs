//! Aggregations in words. Not here: the rest of an explanation (`explain.rs`), and how they are computed (tandem-engine).

use std::borrow::Cow;

use tandem_definitions::{Aggregate, Function, Period, Project, Window, time};

/// One aggregation in words: how, over which records, looking how far.
pub(crate) fn aggregation(project: &Project, aggregate: &Aggregate) -> String {
    let span = window(&aggregate.window);
    let filter = if aggregate.filter.is_some() { ", where the condition holds" } else { "" };
    let how = how(aggregate.function);
    let records = format!("the records of {} {span}{filter}", project.sources[aggregate.source].name);
    match &aggregate.by {
        None => format!("{how}, over {records}"),
        Some(by) => {
            format!("for each {} with a record: {how}; over {records}; at most {} categories", by.text, by.most)
        }
    }
}

/// A window in words: `of the last 7 days`.
pub(crate) fn window(window: &Window) -> String {
    match window {
        Window::Sliding(w) => format!("of the last {}", time::format_duration(*w)),
        Window::AllTime => "of all time".to_owned(),
        Window::Ahead(w) => format!("of the next {}", time::format_duration(*w)),
        Window::Lagged { length, lag } => {
            format!("of the {} that ended {} ago", time::format_duration(*length), time::format_duration(*lag))
        }
        Window::Calendar { period, zone } => {
            let since = match period {
                Period::Day => "today, since its first instant",
                Period::Week => "this week, since the first instant of Monday",
                Period::Month => "this month, since its first instant",
            };
            format!("of {since} on the clocks of {zone}")
        }
    }
}

fn how(function: Function) -> Cow<'static, str> {
    match function {
        Function::Count => "how many records".into(),
        Function::CountDistinct => "how many different values, exactly".into(),
        Function::Sum => "the exact sum, rounded once".into(),
        Function::Mean => "the exact sum divided by the count, rounded once".into(),
        Function::Min => "the least value".into(),
        Function::Max => "the greatest value".into(),
        Function::First => "the earliest value, by event time, then arrival".into(),
        Function::Last => "the latest value, by event time, then arrival".into(),
        Function::TimeSinceLast => "seconds since the last such record happened".into(),
        Function::VarPop => "the variance, from exact sums, rounded once".into(),
        Function::VarSamp => {
            "the variance of a sample (divided by the count less one), from exact sums, rounded once".into()
        }
        Function::StddevPop => "the standard deviation, from exact sums, rounded once".into(),
        Function::StddevSamp => {
            "the standard deviation of a sample (divided by the count less one), from exact sums, rounded once".into()
        }
        Function::TimeSinceFirst => "seconds since the first such record happened".into(),
        Function::NthLast(n) => format!("the latest value but {}, by event time, then arrival", n - 1).into(),
        Function::Rate(unit) => {
            let unit = time::format_duration(unit);
            format!("how many records there are for each {}", unit.trim_start_matches("1 ")).into()
        }
        Function::PercentileCont(at) => {
            format!("the percentile {at}, on the line between two values, computed exactly and rounded once").into()
        }
        Function::PercentileDisc(at) => {
            format!("the least value that at least {at} of the values do not exceed").into()
        }
        Function::Mode => "the most frequent value; of several, the least".into(),
        Function::LastN(1) => "a list of the latest value, by event time, then arrival".into(),
        Function::LastN(n) => {
            format!("a list of the {n} latest values, the latest first, by event time, then arrival").into()
        }
        Function::TopK(1) => "a list of the most frequent value; of several, the least".into(),
        Function::TopK(n) => format!(
            "a list of the {n} most frequent values, the most frequent first; of equally frequent ones, the least first"
        )
        .into(),
        Function::ApproxCountDistinct => {
            "about how many different values, by a sketch with a standard error of 1.6 %".into()
        }
        Function::ApproxPercentile(at) => {
            format!("about the percentile {at}, by a sketch: within 1 % of the lower of the two values around it")
                .into()
        }
        Function::DecayedSum(half) => {
            format!("the sum, each value weighing half as much for every {} of its age", time::format_duration(half))
                .into()
        }
        Function::DecayedMean(half) => {
            format!("the mean, each value weighing half as much for every {} of its age", time::format_duration(half))
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_definitions::{Arrival, Category, Element, Expr, Fraction, Source, Treatment, Type};

    use super::*;

    fn words(function: Function, window: Window, by: Option<&str>) -> String {
        let source = Source {
            name: "landings".to_owned(),
            version: String::new(),
            meaning: String::new(),
            locations: Vec::new(),
            fields: Vec::new(),
            event: 0,
            arrival: Arrival::Observed,
            identity: Vec::new(),
            corrects: false,
            tombstone: None,
            retention: None,
            treatment: Treatment::default(),
            touches: Vec::new(),
            time_zone: None,
            place: tandem_definitions::Place::default(),
        };
        let project = Project { sources: vec![source], ..Project::default() };
        let aggregate = Aggregate {
            role: None,
            source: 0,
            entity: 0,
            function,
            input: Some(Expr::Column(0)),
            input_type: Type::Float,
            filter: None,
            by: by.map(|text| Category { text: text.to_owned(), expr: Expr::Column(1), ty: Element::Text, most: 50 }),
            window,
            ty: Type::Float,
        };
        aggregation(&project, &aggregate)
    }

    #[test]
    fn aggregations_and_windows_in_words() {
        let (day, week) = (time::DAY, 7 * time::DAY);
        for (function, window, expected) in [
            (
                Function::Rate(time::HOUR),
                Window::Sliding(day),
                "how many records there are for each hour, over the records of landings of the last 1 day",
            ),
            (
                Function::NthLast(2),
                Window::Lagged { length: week, lag: day },
                "the latest value but 1, by event time, then arrival, over the records of landings of the 7 days that ended \
                 1 day ago",
            ),
            (
                Function::PercentileDisc(Fraction(900_000_000)),
                Window::AllTime,
                "the least value that at least 0.9 of the values do not exceed, over the records of landings of all time",
            ),
            (
                Function::DecayedMean(week),
                Window::Calendar { period: Period::Week, zone: "Europe/London".into() },
                "the mean, each value weighing half as much for every 7 days of its age, over the records of landings of \
                 this week, since the first instant of Monday on the clocks of Europe/London",
            ),
        ] {
            assert_eq!(words(function, window, None), expected);
        }
        assert_eq!(
            words(Function::Sum, Window::Sliding(week), Some("kind")),
            "for each kind with a record: the exact sum, rounded once; over the records of landings of the last 7 days; at \
             most 50 categories"
        );
    }
}
