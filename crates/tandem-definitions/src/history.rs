//! How much of a log must be kept, so that a value is what it would be with all of it. Not here: what is kept (a contract
//! says it), and what is there today (tandem-data reads it).

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{Aggregate, Input, Period, Project, Window};
use crate::question::{Question, Rule};
use crate::time::{DAY, HOUR};
use crate::value::Micros;

/// How far back in event time records are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum History {
    /// Those of so long ago, and later ones.
    Span(Micros),
    /// Every record ever.
    Everything,
}

impl History {
    /// As much, and so long more.
    #[must_use]
    pub fn and(self, more: Micros) -> Self {
        match self {
            Self::Span(span) => Self::Span(span.saturating_add(more)),
            Self::Everything => Self::Everything,
        }
    }

    /// Whether records that are kept so long are enough; `None`: for ever.
    pub fn is_within(self, kept: Option<Micros>) -> bool {
        kept.is_none_or(|kept| self <= Self::Span(kept))
    }
}

impl Window {
    /// How far back from the instant it looks.
    pub fn history(&self) -> History {
        match self {
            Self::Sliding(length) => History::Span(*length),
            Self::Lagged { length, lag } => History::Span(length.saturating_add(*lag)),
            Self::AllTime => History::Everything,
            Self::Ahead(_) => History::Span(0),
            // The longest there is: one of its days may have an hour more.
            Self::Calendar { period, .. } => History::Span(match period {
                Period::Day => DAY + HOUR,
                Period::Week => 7 * DAY + HOUR,
                Period::Month => 31 * DAY + HOUR,
            }),
        }
    }
}

impl Project {
    /// What a feature needs of each source to be served: the furthest of its own look back and of the features' that it reads.
    pub fn history(&self, feature: usize) -> BTreeMap<usize, History> {
        let (mut needed, mut seen, mut open) = (BTreeMap::new(), BTreeSet::new(), vec![feature]);
        while let Some(feature) = open.pop() {
            let value = &self.features[feature].value;
            for aggregate in &value.aggregates {
                longest(&mut needed, aggregate.source, aggregate.window.history());
            }
            for input in &value.inputs {
                let read: &[usize] = match input {
                    Input::Feature(read) => &[*read],
                    // Which parent it is, its own features tell.
                    Input::Parent { child, parent, feature } => {
                        let told = self.entities[*child].parents.get(*parent);
                        open.extend(told.into_iter().flat_map(|parent| &parent.features).filter(|f| seen.insert(**f)));
                        &[*feature]
                    }
                    Input::Aggregate(_) | Input::Request(_) => &[],
                };
                open.extend(read.iter().filter(|f| seen.insert(**f)));
            }
        }
        needed
    }

    /// What a question needs of each source, so that a row of its training set can be made as soon as its outcome is
    /// complete: what its features and its calendar look back on, and the horizon and the reporting delay on top.
    pub fn history_of(&self, question: &Question) -> BTreeMap<usize, History> {
        let outcome = &question.outcome;
        let later = outcome.horizon.saturating_add(outcome.reporting_delay);
        let mut needed = BTreeMap::new();
        for feature in &question.features {
            for (source, history) in self.history(*feature) {
                longest(&mut needed, source, history.and(later));
            }
        }
        if let Rule::Calendar(rule) = &question.observe.rule {
            longest(&mut needed, rule.source, rule.window.history().and(later));
        }
        for Aggregate { source, .. } in &outcome.value.aggregates {
            longest(&mut needed, *source, History::Span(later));
        }
        needed
    }
}

fn longest(needed: &mut BTreeMap<usize, History>, source: usize, history: History) {
    let known = needed.entry(source).or_insert(history);
    *known = history.max(*known);
}
