//! What a name means, in plain words: a feature, question, source, entity, model, or the code of a finding.

use std::borrow::Cow;
use std::fmt::Write as _;

use tandem_definitions::{
    Aggregate, Arrival, Code, Computation, Feature, Function, Period, Project, Question, Source, Window, time,
};

use crate::error::Error;
use crate::history;
use crate::load::Loaded;
use crate::measure::{metric_meaning, metric_name};
use crate::observe;
use crate::training::BOUNDS;

/// An explanation, as Markdown that reads well as plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What kind of thing the name is.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

/// Explains a code of a finding; it needs no project.
pub fn code(name: &str) -> Option<Explanation> {
    let code = Code::all().iter().find(|code| code.id().eq_ignore_ascii_case(name))?;
    Some(Explanation { kind: "finding", text: code.page().to_owned() })
}

/// Explains a name of the project, or a code.
///
/// # Errors
/// [`Error::NoSuch`] with the nearest names.
pub fn explain(loaded: &Loaded, name: &str) -> Result<Explanation, Error> {
    let project = &loaded.project;
    let explanation = |kind, text| Some(Explanation { kind, text });
    let found = code(name)
        .or_else(|| explanation("feature", feature(project, &project.features[project.feature(name)?])))
        .or_else(|| explanation("question", question(project, project.question(name)?)))
        .or_else(|| explanation("source", source(project, &project.sources[project.source(name)?])))
        .or_else(|| explanation("entity", entity(project, project.entity(name)?)))
        .or_else(|| explanation("model", model(project, name)?));
    let names = project.features.iter().map(|f| f.name.as_str());
    let names = names.chain(project.questions.iter().map(|q| q.name.as_str()));
    let names = names.chain(project.sources.iter().map(|s| s.name.as_str()));
    let names = names.chain(project.entities.iter().map(|e| e.name.as_str()));
    let names = names.chain(project.models.iter().map(|m| m.name.as_str()));
    found.ok_or_else(|| Error::no_such("name", name, names))
}

fn feature(project: &Project, feature: &Feature) -> String {
    let mut text = format!("{}: {}.\n\n", feature.name, feature.meaning.trim_end_matches('.'));
    let entity = &project.entities[feature.entity];
    let _ = writeln!(text, "About:     {} ({})", entity.name, entity.meaning.trim_end_matches('.'));
    let _ = writeln!(text, "Owner:     {}", feature.owner);
    let _ = writeln!(text, "Type:      {}", feature.ty);
    let _ = writeln!(text, "Computed:  {}", feature.value.text);
    for aggregate in &feature.value.aggregates {
        let _ = writeln!(text, "           {}", aggregation(project, aggregate));
    }
    let reads: Vec<String> = inputs(project, &feature.value);
    if !reads.is_empty() {
        let _ = writeln!(text, "Reads:     {}", reads.join(", "));
    }
    let readers = project.features.iter().filter(|f| inputs(project, &f.value).contains(&feature.name));
    let index = project.feature(&feature.name);
    let questions = project.questions.iter().filter(|q| index.is_some_and(|i| q.features.contains(&i)));
    let used: Vec<&str> = readers.map(|f| f.name.as_str()).chain(questions.map(|q| q.name.as_str())).collect();
    if !used.is_empty() {
        let _ = writeln!(text, "Used by:   {}", used.join(", "));
    }
    let history = history::of_feature(project, feature);
    if !history.is_empty() {
        let _ = writeln!(text, "History:   {history}");
    }
    let _ = writeln!(text, "Empty:     {}", empty(feature));
    if !feature.value.aggregates.is_empty() {
        let _ = writeln!(text, "Counts:    {BOUNDS}");
    }
    let _ = writeln!(text, "Declared:  {}:{}", feature.place.file, feature.place.line);
    text
}

fn inputs(project: &Project, computation: &Computation) -> Vec<String> {
    let name = |input: &tandem_definitions::Input| match *input {
        tandem_definitions::Input::Feature(f) => Some(project.features[f].name.clone()),
        tandem_definitions::Input::Request(r) => Some(project.request[r].name.clone()),
        tandem_definitions::Input::Aggregate(_) => None,
        tandem_definitions::Input::Parent { feature, .. } => {
            let feature = &project.features[feature];
            Some(format!("{}.{}", project.entities[feature.entity].name, feature.name))
        }
    };
    computation.inputs.iter().filter_map(name).collect()
}

fn empty(feature: &Feature) -> String {
    let counts = |a: &Aggregate| matches!(a.function, Function::Count | Function::CountDistinct | Function::Rate(_));
    match &feature.default {
        Some(value) => format!("{value}, as `default:` says"),
        None if !feature.value.aggregates.is_empty() && feature.value.aggregates.iter().all(counts) => {
            "0 when there are no such records".to_owned()
        }
        None => "null when nothing is known".to_owned(),
    }
}

/// One aggregation in words: how, over which records, looking how far.
pub(crate) fn aggregation(project: &Project, aggregate: &Aggregate) -> String {
    let how: Cow<'_, str> = match aggregate.function {
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
        Function::DecayedSum(half) => {
            format!("the sum, each value weighing half as much for every {} of its age", time::format_duration(half))
                .into()
        }
        Function::DecayedMean(half) => {
            format!("the mean, each value weighing half as much for every {} of its age", time::format_duration(half))
                .into()
        }
    };
    let span = window(&aggregate.window);
    let filter = if aggregate.filter.is_some() { ", where the condition holds" } else { "" };
    format!("{how}, over the records of {} {span}{filter}", project.sources[aggregate.source].name)
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

fn question(project: &Project, question: &Question) -> String {
    let mut text = format!("{}: {}\n\n", question.name, question.question);
    let _ = writeln!(text, "Asked by:  {}", question.asked_by);
    let _ = writeln!(text, "Decides:   {}", question.decides);
    if let Some(by) = &question.by {
        let _ = writeln!(text, "By:        {by}");
    }
    let _ = writeln!(text, "Observed:  {}", observe::in_words(project, question));
    let outcome = &question.outcome;
    let _ = writeln!(
        text,
        "Outcome:   {} = {}, about the {}, within {}; reported at most {} later",
        outcome.name,
        outcome.value.text,
        project.entities[outcome.entity].name,
        time::format_duration(outcome.horizon),
        time::format_duration(outcome.reporting_delay)
    );
    let _ = writeln!(text, "Left out:  observations without an outcome ({})", outcome.when_missing);
    let success = &question.success;
    let _ = writeln!(
        text,
        "Success:   {} of at least {}: {}",
        metric_name(success.metric),
        success.at_least,
        metric_meaning(success.metric)
    );
    let names: Vec<&str> = question.features.iter().map(|&f| project.features[f].name.as_str()).collect();
    let _ = writeln!(text, "Features:  {}", names.join(", "));
    let _ = writeln!(text, "History:   {}", history::of_question(project, question));
    let _ = writeln!(text, "Declared:  {}:{}", question.place.file, question.place.line);
    text
}

fn source(project: &Project, source: &Source) -> String {
    let mut text = format!("{}: {}\n\n", source.name, source.meaning);
    let _ = writeln!(text, "Event:     {}", source.fields[source.event].name);
    let arrival = match &source.arrival {
        Arrival::Observed => "observed: our own log stamps it".to_owned(),
        Arrival::Declared { field } => format!("declared by {}", source.fields[*field].name),
        Arrival::Assumed { delay } => format!("assumed: {} after the event", time::format_duration(*delay)),
    };
    let _ = writeln!(text, "Arrival:   {arrival}");
    let touched: Vec<&str> = source.touches.iter().map(|t| project.entities[t.entity].name.as_str()).collect();
    let _ = writeln!(text, "About:     {}", touched.join(", "));
    let _ = writeln!(text, "History:   {}", history::of_source(project, source));
    for location in &source.locations {
        let _ = writeln!(text, "Lies in:   {} ({})", location.path, location.server);
    }
    let _ = writeln!(text, "Fields:");
    for field in &source.fields {
        let required = if field.required { ", required" } else { "" };
        let _ = writeln!(text, "  {} ({}{required}) {}", field.name, field.ty, field.meaning);
    }
    let _ = writeln!(text, "Declared:  {}:{}", source.place.file, source.place.line);
    text
}

fn entity(project: &Project, entity: usize) -> String {
    let declared = &project.entities[entity];
    let keys: Vec<String> = declared.keys.iter().map(|k| format!("{} ({})", k.name, k.ty)).collect();
    let mut text = format!("{}: {}\n\nKey:       {}\n", declared.name, declared.meaning, keys.join(", "));
    let features: Vec<&str> = project.features.iter().filter(|f| f.entity == entity).map(|f| f.name.as_str()).collect();
    let _ = writeln!(text, "Features:  {}", features.join(", "));
    let touched = |s: &&Source| s.touches.iter().any(|t| t.entity == entity);
    let sources: Vec<&str> = project.sources.iter().filter(touched).map(|s| s.name.as_str()).collect();
    let _ = writeln!(text, "Sources:   {}", sources.join(", "));
    text
}

fn model(project: &Project, name: &str) -> Option<String> {
    let model = project.model(name)?;
    let inputs: Vec<&str> = model.features.iter().map(|&f| project.features[f].name.as_str()).collect();
    let question = &project.questions[model.question].name;
    Some(format!(
        "{}: {}\n\nOwner:     {}\nQuestion:  {question}\nInputs:    {}\nNotebook:  {}\nLock:      {}\n",
        model.name,
        model.meaning,
        model.owner,
        inputs.join(", "),
        model.notebook,
        model.lock
    ))
}

#[cfg(test)]
mod tests {
    use tandem_definitions::{Expr, Fraction, Type};

    use super::*;

    fn words(function: Function, window: Window) -> String {
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
            touches: Vec::new(),
            time_zone: None,
            place: tandem_definitions::Place::default(),
        };
        let project = Project { sources: vec![source], ..Project::default() };
        let aggregate = Aggregate {
            source: 0,
            entity: 0,
            function,
            input: Some(Expr::Column(0)),
            input_type: Type::Float,
            filter: None,
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
            assert_eq!(words(function, window), expected);
        }
    }
}
