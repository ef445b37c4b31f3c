//! The leaks in a graph.

use std::collections::{BTreeMap, BTreeSet};

use tandem_definitions::Code;

use super::graph::{At, Edge, Graph, Id, Reduction, Test};
use crate::finding::Finding;
use crate::program::Program;

/// The suspicions.
pub fn findings(program: &Program, graph: &Graph) -> Vec<Finding> {
    let shared: Vec<bool> =
        graph.tests.iter().map(|test| graph.overlap(graph.fits[test.fit].train, test.data)).collect();
    let overlapping = overlapping(graph, &shared);
    let mut found = overlaps(program, graph, &overlapping);
    found.extend(preprocessing(program, graph, &shared, &overlapping));
    found.extend(tested_often(program, graph, &shared));
    found.extend(random_splits(program, graph));
    found
}

fn finding(program: &Program, code: Code, at: At, message: String, help: &str) -> Finding {
    Finding::new(program, code, at.0, &at.1, message, help)
}

/// The fits of which every use stands on rows of the training, one use at least a score.
///
/// `shared` says for each use whether it does.
fn overlapping(graph: &Graph, shared: &[bool]) -> BTreeMap<usize, At> {
    let mut uses: BTreeMap<usize, Vec<&Test>> = BTreeMap::new();
    for test in &graph.tests {
        uses.entry(test.fit).or_default().push(test);
    }
    let kept: BTreeSet<usize> =
        graph.tests.iter().zip(shared).filter(|(_, shared)| !**shared).map(|(test, _)| test.fit).collect();
    let mut found = BTreeMap::new();
    for (index, uses) in uses.into_iter().filter(|(index, _)| !kept.contains(index)) {
        let fit = &graph.fits[index];
        let folded = graph.folds.iter().any(|(model, ..)| *model == Some(fit.model));
        // A prediction of rows that a split kept apart is meant as a test, scored or not.
        let tests = |test: &&Test| test.scored || graph.put_apart(fit.train, test.data);
        let scored = uses.into_iter().find(tests).filter(|_| fit.supervised && !folded);
        found.extend(scored.map(|scored| (index, scored.at)));
    }
    found
}

fn overlaps(program: &Program, graph: &Graph, overlapping: &BTreeMap<usize, At>) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let mut found = Vec::new();
    for at in overlapping.values().copied() {
        if said.insert((at.0, at.1.start())) {
            let message = "Suspicion: this scores a model on rows that it was fitted on.".to_owned();
            let help = "Split first and score on the rows that were kept apart. `tandem audit` can prove it.";
            found.push(finding(program, Code::OverlapLeak, at, message, help));
        }
    }
    let repeated = |id: Id| {
        graph.content(id).all.iter().any(|id| graph.nodes[*id].from.iter().any(|(edge, _)| *edge == Edge::Dup))
    };
    for (_, data, at) in &graph.folds {
        if repeated(*data) && said.insert((at.0, at.1.start())) {
            let message =
                "Suspicion: rows were repeated before the folds were made, so that copies stand in training and test."
                    .to_owned();
            let help = "Put the sampler into a pipeline of imbalanced-learn. `tandem audit` can prove it.";
            found.push(finding(program, Code::OverlapLeak, *at, message, help));
        }
    }
    found
}

/// Reductions over rows of the test whose result flows into the training, or into the test.
fn preprocessing(program: &Program, graph: &Graph, shared: &[bool], overlapping: &BTreeMap<usize, At>) -> Vec<Finding> {
    // Training, test, and whether the test's own statistics count: not for rows of which the answers are not known.
    let mut pairs: BTreeSet<(Id, Id, bool)> = BTreeSet::new();
    for (test, shared) in graph.tests.iter().zip(shared).filter(|(test, _)| !overlapping.contains_key(&test.fit)) {
        let fit = &graph.fits[test.fit];
        if fit.supervised && !shared {
            pairs.insert((fit.train, test.data, test.scored || graph.put_apart(fit.train, test.data)));
        }
    }
    // Folds of data that were split off before are judged by the test that was kept apart.
    let split = |id: Id| {
        graph.content(id).all.iter().any(|id| graph.nodes[*id].from.iter().any(|(edge, _)| *edge == Edge::Subset))
    };
    let judged = |data: Id| split(data) || serves_others(graph, data);
    pairs.extend(graph.folds.iter().filter(|(_, data, _)| !judged(*data)).map(|(_, data, _)| (*data, *data, false)));
    let place = |reduction: &Reduction| (reduction.at.0, program.line(reduction.at.0, &reduction.at.1));
    let reductions: Vec<_> = graph.reductions.iter().map(|reduction| (reduction, place(reduction))).collect();
    let mut said = BTreeSet::new();
    let mut found = Vec::new();
    for (train, test, answered) in pairs {
        let into = [("training", Some(train)), ("test itself", answered.then_some(test))];
        for (part, content) in into.map(|(part, id)| (part, id.map(|id| graph.content(id)).unwrap_or_default())) {
            for (reduction, place) in reductions.iter().filter(|(reduction, _)| content.contains(reduction.out)) {
                if !said.contains(place) && graph.overlap(test, reduction.source) {
                    said.insert(*place);
                    let message = format!(
                        "Suspicion: `{}` has seen the test rows, and its result flows into the {part}.",
                        reduction.by
                    );
                    let help = "Split first and fit it on the training part, or put it into a `Pipeline`. `tandem audit` can prove it.";
                    found.push(finding(program, Code::PreprocessingLeak, reduction.at, message, help));
                }
            }
        }
    }
    found
}

/// Whether what was learned for these data is applied to others too: then those are the test.
fn serves_others(graph: &Graph, data: Id) -> bool {
    let content = graph.content(data);
    let statistics = graph.reductions.iter().map(|reduction| &reduction.out);
    let states = graph.states.values().chain(statistics).filter(|state| content.contains(**state));
    states.into_iter().any(|state| {
        graph
            .nodes
            .iter()
            .enumerate()
            .any(|(id, node)| !content.contains(id) && node.from.contains(&(Edge::Data, *state)))
    })
}

/// Several models that are scored on the same rows; said once.
fn tested_often(program: &Program, graph: &Graph, shared: &[bool]) -> Option<Finding> {
    let scored: Vec<_> = graph
        .tests
        .iter()
        .zip(shared)
        .filter(|(test, shared)| test.scored && !test.chooses && graph.fits[test.fit].supervised && !**shared)
        .map(|(test, _)| test)
        .collect();
    for (index, second) in scored.iter().enumerate() {
        let second_model = graph.fits[second.fit].model;
        let first = scored[..index].iter().find(|first| {
            graph.fits[first.fit].model != second_model
                && first.at != second.at
                && graph.overlap(first.data, second.data)
        });
        if first.is_some() {
            let models: BTreeSet<Id> = scored
                .iter()
                .filter(|test| graph.overlap(test.data, second.data))
                .map(|test| graph.fits[test.fit].model)
                .collect();
            let message = format!(
                "Suspicion: {} models are scored on the same test rows; the best of them looks better than it is.",
                models.len()
            );
            let help = "Choose by cross-validation on the training part, and use the test part once.";
            return Some(finding(program, Code::TestedOften, second.at, message, help));
        }
    }
    None
}

/// Random splits of rows that have a time.
fn random_splits(program: &Program, graph: &Graph) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let timed = |id: Id| graph.content(id).all.iter().any(|id| graph.nodes[*id].timed);
    let splits = graph.splits.iter().filter(|(data, at)| timed(*data) && said.insert((at.0, at.1.start())));
    splits.map(|(_, at)| {
        let message = "Suspicion: rows that have a time are split at random, so that the training knows days after the test's.".to_owned();
        let help = "Split at an instant, or use `TimeSeriesSplit`. `tandem audit` can prove it.";
        finding(program, Code::RandomSplitOfTime, *at, message, help)
    }).collect()
}
