//! The leaks in a graph.

use std::collections::BTreeSet;

use tandem_definitions::Code;

use super::graph::{At, Edge, Graph, Id, Reduction, Test};
use crate::finding::Finding;
use crate::program::Program;

/// The suspicions.
pub fn findings(program: &Program, graph: &Graph) -> Vec<Finding> {
    let mut found = overlaps(program, graph);
    found.extend(preprocessing(program, graph));
    found.extend(tested_often(program, graph));
    found.extend(random_splits(program, graph));
    found
}

fn finding(program: &Program, code: Code, at: At, message: String, help: &str) -> Finding {
    Finding::new(program, code, at.0, &at.1, message, help)
}

/// The fits of which every use stands on rows of the training, one use at least a score.
fn overlapping(graph: &Graph) -> Vec<(usize, At)> {
    let mut found = Vec::new();
    for (index, fit) in graph.fits.iter().enumerate() {
        // A later fit of the same model on the same data says the same.
        let uses: Vec<_> = graph.tests.iter().filter(|test| test.fit == index).collect();
        let folded = graph.folds.iter().any(|(model, ..)| *model == Some(fit.model));
        // A prediction of rows that a split kept apart is meant as a test, scored or not.
        let tests = |test: &&&Test| test.scored || graph.put_apart(fit.train, test.data);
        let Some(scored) = uses.iter().find(tests) else { continue };
        if fit.supervised && !folded && uses.iter().all(|test| graph.overlap(fit.train, test.data)) {
            found.push((index, scored.at));
        }
    }
    found
}

fn overlaps(program: &Program, graph: &Graph) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let mut found = Vec::new();
    for (_, at) in overlapping(graph) {
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

/// Reductions over rows of the test whose result flows into the training.
fn preprocessing(program: &Program, graph: &Graph) -> Vec<Finding> {
    let overlapping: BTreeSet<usize> = overlapping(graph).into_iter().map(|(fit, _)| fit).collect();
    // Training, test, and whether the test's own statistics count: not for rows of which the answers are not known.
    let mut pairs: BTreeSet<(Id, Id, bool)> = BTreeSet::new();
    for test in graph.tests.iter().filter(|test| !overlapping.contains(&test.fit)) {
        let fit = &graph.fits[test.fit];
        if fit.supervised && !graph.overlap(fit.train, test.data) {
            pairs.insert((fit.train, test.data, test.scored || graph.put_apart(fit.train, test.data)));
        }
    }
    // Folds of data that were split off before are judged by the test that was kept apart.
    let split = |id: Id| {
        graph.content(id).all.iter().any(|id| graph.nodes[*id].from.iter().any(|(edge, _)| *edge == Edge::Subset))
    };
    let judged = |data: Id| split(data) || serves_others(graph, data);
    pairs.extend(graph.folds.iter().filter(|(_, data, _)| !judged(*data)).map(|(_, data, _)| (*data, *data, false)));
    let mut said = BTreeSet::new();
    let mut found = Vec::new();
    for (train, test, answered) in pairs {
        let into = [("training", Some(train)), ("test itself", answered.then_some(test))];
        for (part, content) in into.map(|(part, id)| (part, id.map(|id| graph.content(id)).unwrap_or_default())) {
            for reduction in graph.reductions.iter().filter(|reduction| content.contains(reduction.out)) {
                if saw_test(graph, reduction, test)
                    && said.insert((reduction.at.0, program.line(reduction.at.0, &reduction.at.1)))
                {
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

fn saw_test(graph: &Graph, reduction: &Reduction, test: Id) -> bool {
    graph.overlap(test, reduction.source)
}

/// Several models that are scored on the same rows; said once.
fn tested_often(program: &Program, graph: &Graph) -> Option<Finding> {
    let scored: Vec<_> = graph
        .tests
        .iter()
        .filter(|test| {
            let fit = &graph.fits[test.fit];
            test.scored && !test.chooses && fit.supervised && !graph.overlap(fit.train, test.data)
        })
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
