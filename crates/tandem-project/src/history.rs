//! How much of each log must be kept, in words: what each feature looks back on, what that means for each source, and
//! whether as much is kept. Not here: the reckoning (tandem-definitions).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use tandem_definitions::{Feature, History, Project, Question, Source, time};

/// What all features and questions of a project need, and what its sources keep.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// What each feature needs to be served.
    pub features: Vec<Needs>,
    /// What each question needs, so that a row of its training set can be made as soon as its outcome is complete.
    pub questions: Vec<Needs>,
    /// What each source must keep for all of them.
    pub sources: Vec<Kept>,
}

/// What a feature or a question needs.
#[derive(Clone, Debug, Serialize)]
pub struct Needs {
    /// Its name.
    pub name: String,
    /// For each source: how far back in event time.
    pub of: Vec<Need>,
}

/// How far back in event time records of a source are needed.
#[derive(Clone, Debug, Serialize)]
pub struct Need {
    /// The source.
    pub source: String,
    /// In words: `90 days`, or `everything`.
    pub history: String,
    /// In microseconds; `None`: every record ever.
    pub micros: Option<i64>,
}

/// What a source must keep, and keeps.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// The source.
    pub source: String,
    /// What is needed at most; `None` when nothing reads it.
    pub needed: Option<String>,
    /// Who needs so much.
    pub because_of: Vec<String>,
    /// What the contract says is kept; `None` when it says nothing.
    pub retention: Option<String>,
    /// Whether that is enough; `None` when the contract says nothing.
    pub enough: Option<bool>,
}

/// What all features and questions need, and what the sources keep.
pub fn overview(project: &Project) -> Overview {
    let feature = |index: usize| needs(project, &project.features[index].name, project.history(index));
    let question = |question: &Question| needs(project, &question.name, project.history_of(question));
    Overview {
        features: (0..project.features.len()).map(feature).collect(),
        questions: project.questions.iter().map(question).collect(),
        sources: (0..project.sources.len()).map(|source| kept(project, source)).collect(),
    }
}

fn needs(project: &Project, name: &str, history: BTreeMap<usize, History>) -> Needs {
    let need = |(source, history): (usize, History)| Need {
        source: project.sources[source].name.clone(),
        history: words(history),
        micros: if let History::Span(span) = history { Some(span) } else { None },
    };
    Needs { name: name.to_owned(), of: history.into_iter().map(need).collect() }
}

fn kept(project: &Project, source: usize) -> Kept {
    let features = (0..project.features.len()).map(|f| (project.features[f].name.as_str(), project.history(f)));
    let questions = project.questions.iter().map(|q| (q.name.as_str(), project.history_of(q)));
    let all: Vec<(&str, History)> =
        features.chain(questions).filter_map(|(name, needed)| Some((name, *needed.get(&source)?))).collect();
    let needed = all.iter().map(|(_, history)| *history).max();
    let declared = &project.sources[source];
    Kept {
        source: declared.name.clone(),
        needed: needed.map(words),
        because_of: all.iter().filter(|(_, h)| Some(*h) == needed).map(|(name, _)| (*name).to_owned()).collect(),
        retention: declared.retention.map(time::format_duration),
        enough: declared.retention.map(|kept| needed.is_none_or(|needed| needed.is_within(Some(kept)))),
    }
}

fn words(history: History) -> String {
    match history {
        History::Span(span) => time::format_duration(span),
        History::Everything => "everything".to_owned(),
    }
}

/// What a feature needs of its sources, in a line; empty when it reads none.
pub(crate) fn of_feature(project: &Project, feature: &Feature) -> String {
    project.feature(&feature.name).map_or_else(String::new, |index| list(&needs(project, "", project.history(index))))
}

/// What a row of a question's training set needs of the sources, in a line.
pub(crate) fn of_question(project: &Project, question: &Question) -> String {
    list(&needs(project, "", project.history_of(question)))
}

/// What a source must keep and why, and what it keeps, in a line.
pub(crate) fn of_source(project: &Project, source: &Source) -> String {
    in_a_line(&kept(project, project.source(&source.name).unwrap_or(0)))
}

fn in_a_line(kept: &Kept) -> String {
    let needed = match &kept.needed {
        None => "nothing".to_owned(),
        Some(needed) => format!("{needed}, because of {}", kept.because_of.join(", ")),
    };
    format!("{needed}; {}", retention(kept))
}

fn retention(kept: &Kept) -> String {
    match (&kept.retention, kept.enough) {
        (Some(retention), Some(true)) => format!("{retention} are kept, which is enough"),
        (Some(retention), _) => format!("only {retention} are kept"),
        (None, _) => "the contract does not say how long it is kept".to_owned(),
    }
}

fn list(needs: &Needs) -> String {
    needs.of.iter().map(|need| format!("{} of {}", need.history, need.source)).collect::<Vec<_>>().join(", ")
}

impl Overview {
    /// As plain text.
    pub fn in_words(&self) -> String {
        let names = self.features.iter().chain(&self.questions).map(|n| n.name.as_str());
        let names = names.chain(self.sources.iter().map(|s| s.source.as_str()));
        let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let row = |name: &str, line: &str| format!("  {name:<width$}  {line}\n");
        let needs = |all: &[Needs]| -> String {
            let line = |needs: &Needs| if needs.of.is_empty() { "nothing".to_owned() } else { list(needs) };
            all.iter().map(|needs| row(&needs.name, &line(needs))).collect()
        };
        let mut text = format!("To be served, a feature needs\n{}", needs(&self.features));
        if !self.questions.is_empty() {
            let title = "For a row of its training set, a question needs (horizon and reporting delay included)";
            let _ = write!(text, "\n{title}\n{}", needs(&self.questions));
        }
        let sources: String = self.sources.iter().map(|kept| row(&kept.source, &in_a_line(kept))).collect();
        text + &format!("\nSo a source must keep\n{sources}")
    }
}
