//! Questions: who asked, what is decided, what would be known, and what success looks like.

use std::collections::BTreeSet;

use super::features::{Plan, computed};
use super::{Found, Reader, Unit};
use crate::codes::Code;
use crate::findings::{Origin, instead};
use crate::project::{Computation, Input, Window};
use crate::question::{Metric, Outcome, Question, Split, Success};
use crate::sql::{Scope, Sql, read_one};
use crate::time::{format_duration, parse_duration, parse_instant};
use crate::value::{Micros, Type};
use crate::yaml::{Node, Scalar};

impl Reader {
    pub(super) fn questions(&mut self, units: &[&Unit<'_>]) {
        for unit in units {
            let root = &unit.root;
            let Some(name_node) = root.get("name") else { continue };
            let Some(name) = name_node.text() else { continue };
            if let Some(first) = self.project.question(name) {
                let place = first.place.clone();
                self.repeated("question", name_node, &unit.origin, &place);
                continue;
            }
            let before = self.project.questions.len();
            self.question(unit, name, name_node);
            if self.project.questions.len() == before {
                self.broken.questions.insert(name.to_owned());
            }
        }
    }

    fn question(&mut self, unit: &Unit<'_>, name: &str, name_node: &Node) {
        let (root, origin) = (&unit.root, &unit.origin);
        let asked_by = self.person(root.get("asked_by"), origin);
        let outcome = root.get("outcome").and_then(|node| self.outcome(node, unit));
        let features = self.asked_features(root, origin, name_node);
        let success = self.success(root, origin, outcome.as_ref());
        let split = self.split(root, origin, outcome.as_ref());
        let observe = root.get("observe").and_then(|node| self.observe(node, unit, &features, outcome.as_ref()));
        let text = |key: &str| root.text_of(key).unwrap_or_default().to_owned();
        let (Some(observe), Some(outcome), Some(success), Some(split)) = (observe, outcome, success, split) else {
            return;
        };
        self.project.questions.push(Question {
            name: name.to_owned(),
            question: text("question"),
            asked_by: asked_by.unwrap_or_default(),
            decides: text("decides"),
            by: root.text_of("by").map(str::to_owned),
            observe,
            outcome,
            features,
            success,
            split,
            place: origin.place(name_node.span),
        });
    }

    /// The features that a list names; all of `otherwise` without a list.
    pub(super) fn named_features(
        &mut self,
        list: Option<&Node>,
        origin: &Origin<'_>,
        otherwise: Vec<usize>,
    ) -> Vec<usize> {
        let Some(list) = list else { return otherwise };
        let mut features = Vec::new();
        for node in list.items() {
            let Some(name) = node.text() else { continue };
            match self.project.feature(name) {
                Some(index) if features.contains(&index) => {
                    let message = format!("`{name}` stands twice in this list.");
                    self.findings.at(Code::DuplicateName, origin, node.span, message, "Keep one of the two.");
                }
                Some(index) => features.push(index),
                None if self.broken.features.contains(name) => {}
                None => {
                    let known = self.project.features.iter().map(|f| f.name.as_str());
                    let known = known.chain(self.broken.features.iter().map(String::as_str));
                    let help = instead(name, "feature", known);
                    self.findings.at(
                        Code::UnknownFeature,
                        origin,
                        node.span,
                        format!("There is no feature `{name}`."),
                        help,
                    );
                }
            }
        }
        features
    }

    fn asked_features(&mut self, root: &Node, origin: &Origin<'_>, name_node: &Node) -> Vec<usize> {
        let all = (0..self.project.features.len()).collect();
        let list = root.get("features");
        let features = self.named_features(list, origin, all);
        let named = list.is_some_and(|l| !l.items().is_empty());
        if features.is_empty() && !named && self.broken.features.is_empty() {
            let span = list.map_or(name_node.span, |l| l.span);
            let message = "Nothing may answer this question: it has no features.";
            let help = "List some under `features:`, or leave the key out to take all of the project.";
            self.findings.missing(Code::NoFeatures, origin, span, message, help);
        }
        features
    }

    fn outcome(&mut self, node: &Node, unit: &Unit<'_>) -> Option<Outcome> {
        let origin = &unit.origin;
        let entity = node.get("entity").and_then(|n| self.entity(n, origin));
        let from = node.get("from");
        let source = from.map(|n| self.source(n, origin));
        let horizon = positive(node.text_of("within"));
        let sql = node.get("value").and_then(|n| Sql::parse(n, unit.origin, &mut self.findings));
        let Some(Found::Index(source)) = source else { return None };
        let filter = match node.get("where") {
            Some(n) => Some(self.filter(n, unit.origin, source)?),
            None => None,
        };
        let (entity, horizon, sql) = (entity?, horizon?, sql?);
        if !self.project.sources[source].touches.iter().any(|t| t.entity == entity) {
            self.not_touched(from?, origin, source, entity);
            return None;
        }
        let plan = Plan { source, entity, filter, window: Window::Ahead(horizon), role: None };
        let folding = Some(plan.folding(&self.project));
        let scope = Scope::Entity { folding, names: None, aggregates: Vec::new(), inputs: Vec::new() };
        let (value, ty) = computed(&sql, scope, &mut self.findings)?;
        self.folds_something(&sql, &value)?;
        let name = node.get("name")?;
        if let Some(feature) = self.project.feature(name.text()?) {
            let place = self.project.features[feature].place.clone();
            self.repeated("column", name, origin, &place);
        }
        Some(Outcome {
            name: name.text()?.to_owned(),
            entity,
            value,
            ty,
            horizon,
            reporting_delay: node
                .text_of("reporting_delay")
                .map_or(Some(0), |t| parse_duration(t).filter(|d| *d >= 0))?,
            when_missing: node.text_of("when_missing").unwrap_or("no outcome was recorded").to_owned(),
            place: origin.place(name.span),
        })
    }

    fn folds_something(&mut self, sql: &Sql<'_>, value: &Computation) -> Option<()> {
        if !value.aggregates.is_empty() {
            return Some(());
        }
        let message = "This outcome folds nothing of its source: it would be the same for everybody.";
        let help = "Fold a field of the source: `max(arr_delay) > 30`.";
        self.findings.at(Code::NothingAggregated, &sql.origin, sql.whole(), message, help);
        None
    }

    fn success(&mut self, root: &Node, origin: &Origin<'_>, outcome: Option<&Outcome>) -> Option<Success> {
        let node = root.get("success")?;
        let metric_node = node.get("metric")?;
        let metric = match metric_node.text()? {
            "roc_auc" => Metric::RocAuc,
            "average_precision" => Metric::AveragePrecision,
            "brier_skill" => Metric::BrierSkill,
            _ => return None,
        };
        if let Some(outcome) = outcome.filter(|o| o.ty != Type::Bool) {
            let message = format!(
                "`{}` measures answers to a yes-or-no question, but the outcome `{}` is {}.",
                metric_node.text().unwrap_or(""),
                outcome.name,
                outcome.ty.with_article()
            );
            let condition = "Make the outcome a condition, such as `max(arr_delay) > 30`.";
            let help = read_one(outcome.ty, "x").map_or_else(String::new, |help| format!("{help} ")) + condition;
            self.findings.at(Code::OutcomeNotBoolean, origin, metric_node.span, message, help);
        }
        let at_least = match node.get("at_least")?.scalar()? {
            Scalar::Int(i) => i as f64,
            Scalar::Float(x) => x,
            _ => return None,
        };
        Some(Success { metric, at_least })
    }

    fn split(&mut self, root: &Node, origin: &Origin<'_>, outcome: Option<&Outcome>) -> Option<Split> {
        let node = root.get("split")?;
        let test_from = parse_instant(node.text_of("test_from")?, None)?;
        let (folds, each) = self.folds(node, origin)?;
        let Some(gap_node) = node.get("gap") else {
            return Some(Split { test_from, gap: outcome?.horizon, folds, each });
        };
        let gap = parse_duration(gap_node.text()?).filter(|gap| *gap >= 0)?;
        if let Some(outcome) = outcome.filter(|o| gap < o.horizon) {
            let horizon = format_duration(outcome.horizon);
            let message = format!(
                "The gap is shorter than the horizon ({horizon}): outcomes of the training part reach into the test part."
            );
            self.findings.at(
                Code::ShortGap,
                origin,
                gap_node.span,
                message,
                format!("Write `gap: {horizon}` or more, or leave it out."),
            );
        }
        Some(Split { test_from, gap, folds, each })
    }

    /// How many folds, and how long each test window is.
    fn folds(&mut self, node: &Node, origin: &Origin<'_>) -> Option<(u32, Option<Micros>)> {
        const FORM: &str = "Write `folds: 4, each: 30 days`; or neither, for one test window without an end.";
        let each = node.get("each");
        let Some(folds) = node.get("folds") else {
            let Some(each) = each else { return Some((1, None)) };
            let message = "`each` says how long a test window is, but not how many there are.";
            self.findings.at(Code::BadFolds, origin, each.span, message, FORM);
            return None;
        };
        let count = match folds.scalar() {
            Some(Scalar::Int(count)) => u32::try_from(count).ok().filter(|count| (1..=1000).contains(count)),
            _ => None,
        };
        let Some(count) = count else {
            let message = format!("`{}` is no number of folds.", folds.raw().unwrap_or(""));
            self.findings.at(Code::BadFolds, origin, folds.span, message, "Write a whole number from 1 to 1000.");
            return None;
        };
        let Some(each) = each else {
            let message = "Nothing says how long the test window of each fold is.";
            self.findings.at(Code::BadFolds, origin, folds.span, message, FORM);
            return None;
        };
        positive(each.text()).map(|each| (count, Some(each)))
    }

    /// The entities that must be told and the fields of the request that features read, through all the features they are
    /// made of. Which parent an entity belongs to need not be told: its own features tell it.
    pub(super) fn needs(&self, features: &[usize]) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut entities, mut requests) = (BTreeSet::new(), BTreeSet::new());
        let mut seen = BTreeSet::new();
        // Each feature, and the parent that it is read of.
        let mut open: Vec<(usize, Option<usize>)> = features.iter().map(|f| (*f, None)).collect();
        while let Some((index, of)) = open.pop() {
            if !seen.insert((index, of)) {
                continue;
            }
            let value = &self.project.features[index].value;
            entities.extend(value.aggregates.iter().map(|a| a.entity).filter(|entity| Some(*entity) != of));
            for input in &value.inputs {
                match input {
                    Input::Feature(feature) => open.push((*feature, of)),
                    Input::Request(request) => {
                        requests.insert(*request);
                    }
                    Input::Aggregate(_) => {}
                    Input::Parent { child, parent, feature } => {
                        let Some(parent) = self.project.entities[*child].parents.get(*parent) else { continue };
                        open.extend(parent.features.iter().map(|f| (*f, of)));
                        open.push((*feature, Some(parent.entity)));
                    }
                }
            }
        }
        (entities, requests)
    }
}

fn positive(text: Option<&str>) -> Option<Micros> {
    parse_duration(text?).filter(|span| *span > 0)
}
