//! What a name means, in plain words: a feature, question, source, entity, model, or the code of a finding.

use std::fmt::Write as _;

use tandem_definitions::{
    Aggregate, Arrival, Code, Computation, Feature, Function, Project, Question, Source, Type, time,
};

use crate::error::Error;
use crate::history;
use crate::load::Loaded;
use crate::measure::{metric_meaning, metric_name};
use crate::observe;
use crate::training::BOUNDS;
use crate::words::aggregation;

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
    let counts = |a: &Aggregate| {
        matches!(
            a.function,
            Function::Count | Function::CountDistinct | Function::ApproxCountDistinct | Function::Rate(_)
        )
    };
    match (&feature.default, feature.ty) {
        (Some(value), _) => format!("{value}, as `default:` says"),
        (None, Type::List(_)) => "an empty list when nothing is known".to_owned(),
        (None, Type::Map(..)) => {
            "an empty map when nothing is known; null with more categories than the cap".to_owned()
        }
        (None, _) if !feature.value.aggregates.is_empty() && feature.value.aggregates.iter().all(counts) => {
            "0 when there are no such records".to_owned()
        }
        (None, _) => "null when nothing is known".to_owned(),
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
    let name = |field: usize| source.fields[field].name.as_str();
    if !source.identity.is_empty() {
        let identity: Vec<&str> = source.identity.iter().map(|&f| name(f)).collect();
        let which = if source.corrects { "the last to arrive counts" } else { "the first to arrive counts" };
        let _ = writeln!(text, "Identity:  {}: of several records, {which}", identity.join(", "));
    }
    if let Some(tombstone) = source.tombstone {
        let _ = writeln!(text, "Tombstone: {}: where it is true, what has the identity is removed", name(tombstone));
    }
    let touched: Vec<&str> = source.touches.iter().map(|t| project.entities[t.entity].name.as_str()).collect();
    let _ = writeln!(text, "About:     {}", touched.join(", "));
    let _ = writeln!(text, "History:   {}", history::of_source(project, source));
    for location in &source.locations {
        let _ = writeln!(text, "Lies in:   {} ({})", location.path, location.server);
    }
    let _ = writeln!(text, "Fields:");
    for field in &source.fields {
        let required = if field.required { ", required" } else { "" };
        let later = field.arrives.map_or_else(String::new, |time| format!(", known from {}", name(time)));
        let _ = writeln!(text, "  {} ({}{required}{later}) {}", field.name, field.ty, field.meaning);
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
