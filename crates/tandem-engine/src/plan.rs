//! The plan: which records touch whom, what is kept of each, and how values come out.
//!
//! Compiled once from checked definitions; afterwards nothing is looked up by name. Not here: the folding itself
//! (`track.rs`, `fold.rs`), and where states are kept (the drivers).

use tandem_definitions::{
    Aggregate, Computation, Datum, Expr, Input, Micros, Project, Question, Type, Value, canonical_bits,
};

use crate::evaluate::evaluate;
use crate::fold::Lane;
use crate::record::{Key, Moment, Record};
use crate::state::State;
use crate::texts::Texts;

/// A compiled set of features, or a question's outcome.
#[derive(Clone, Debug)]
pub struct Plan {
    entities: Vec<usize>,
    sources: Vec<usize>,
    /// For each source of `sources`: the contract's fields it needs.
    fields: Vec<Vec<usize>>,
    /// For each source of `sources`.
    touches: Vec<Vec<Touch>>,
    /// For each slot, its lanes; a state has one track for each.
    lanes: Vec<Vec<Lane>>,
    /// For each slot, how many aggregates it folds, and where they begin among all.
    aggregates: Vec<usize>,
    offsets: Vec<usize>,
    /// Of all slots, one after the other.
    aggregate_types: Vec<Type>,
    request: Vec<usize>,
    steps: Vec<Step>,
    /// For each output its step.
    chosen: Vec<usize>,
    outputs: Vec<Output>,
}

/// One value that a plan gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The feature's (or the outcome's) name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// An entity that the records of a source touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The plan's slot of the entity.
    pub slot: usize,
    /// Where the parts of its key stand among the record's fields.
    pub fields: Vec<usize>,
}

/// A feature of the plan: an expression over what came before it.
#[derive(Clone, Debug)]
struct Step {
    inputs: Vec<From>,
    expr: Expr,
    default: Option<Value>,
}

impl Step {
    /// The aggregate that it is, but for its default.
    fn lone_aggregate(&self) -> Option<usize> {
        match (&self.expr, self.inputs.as_slice()) {
            (Expr::Column(0), [From::Aggregate(a)]) => Some(*a),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum From {
    Aggregate(usize),
    Step(usize),
    Request(usize),
}

impl Plan {
    /// The plan for these features (indices into `project.features`) and all that they read.
    pub fn compile(project: &Project, features: &[usize]) -> Self {
        let mut needed: Vec<usize> = features.to_vec();
        let mut next = 0;
        while next < needed.len() {
            for input in &project.features[needed[next]].value.inputs {
                if let Input::Feature(f) = input
                    && !needed.contains(f)
                {
                    needed.push(*f);
                }
            }
            next += 1;
        }
        // The project lists every feature after those that it reads.
        needed.sort_unstable();
        needed.dedup();
        let mut builder = Builder::new(project);
        for &f in &needed {
            let feature = &project.features[f];
            builder.add_step(Some(f), &feature.value, feature.default.clone());
        }
        let chosen = features.iter().map(|f| builder.step_of(*f)).collect();
        let outputs = features.iter().map(|&f| &project.features[f]);
        let outputs = outputs.map(|f| Output { name: f.name.clone(), ty: f.ty }).collect();
        builder.finish(chosen, outputs)
    }

    /// The plan for a question's outcome: one value, from the records in [t, t + horizon).
    pub fn compile_outcome(project: &Project, question: &Question) -> Self {
        let mut builder = Builder::new(project);
        builder.add_step(None, &question.outcome.value, None);
        let output = Output { name: question.outcome.name.clone(), ty: question.outcome.ty };
        builder.finish(vec![0], vec![output])
    }

    /// The entities whose states it needs (indices into `project.entities`); their order is that of the slots.
    pub fn entities(&self) -> &[usize] {
        &self.entities
    }

    /// The sources that it reads (indices into `project.sources`).
    pub fn sources(&self) -> &[usize] {
        &self.sources
    }

    /// The fields that it needs of a source, as indices into the contract's fields; empty for a source it does not read.
    pub fn fields(&self, source: usize) -> &[usize] {
        self.source_slot(source).map_or(&[], |s| &self.fields[s])
    }

    /// The entities that the records of a source touch.
    pub fn touches(&self, source: usize) -> &[Touch] {
        self.source_slot(source).map_or(&[], |s| &self.touches[s])
    }

    /// What it gives, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The request's fields that it reads (indices into `project.request`), in the order of [`Moment::request`].
    pub fn request_fields(&self) -> &[usize] {
        &self.request
    }

    /// How many aggregates the states of a slot are folded into.
    pub fn aggregates(&self, slot: usize) -> usize {
        self.aggregates[slot]
    }

    /// The types of the aggregates of a slot, in order.
    pub fn aggregate_types(&self, slot: usize) -> impl Iterator<Item = Type> {
        self.aggregate_types[self.offsets[slot]..][..self.aggregates[slot]].iter().copied()
    }

    /// The aggregate that an output is as it stands, counted through all slots; `None` for one that is computed.
    pub fn lone_aggregate(&self, output: usize) -> Option<usize> {
        self.steps[self.chosen[output]].lone_aggregate().filter(|_| self.steps[self.chosen[output]].default.is_none())
    }

    /// Calls `each` with every slot that the record touches and the key there; `None` for a key with a null part,
    /// which touches nobody. A record that touches one entity twice is routed to it once.
    pub fn route(&self, record: &Record<'_>, mut each: impl FnMut(usize, Option<Key>)) {
        let touches = self.touches(record.source);
        for (i, touch) in touches.iter().enumerate() {
            let parts = || touch.fields.iter().map(|&f| record.fields[f]);
            let same =
                |other: &Touch| other.slot == touch.slot && other.fields.iter().map(|&f| record.fields[f]).eq(parts());
            if touches[..i].iter().any(same) {
                continue;
            }
            let key =
                if parts().any(Datum::is_null) { None } else { Some(Key(parts().map(Datum::to_value).collect())) };
            each(touch.slot, key);
        }
    }

    /// The aggregates of one entity at an instant: `out` has [`Plan::aggregates`] places. An entity of which nothing is
    /// known has no state.
    pub fn fold(&self, slot: usize, state: Option<&State>, texts: &Texts, at: Micros, out: &mut [Value]) {
        for (i, lane) in self.lanes[slot].iter().enumerate() {
            match state.and_then(|s| s.track(i)) {
                Some(track) => track.fold(lane, texts, at, out),
                None => lane.fold_nothing(texts, at, out),
            }
        }
    }

    /// The values from the aggregates of all slots, one after the other, and the request.
    pub fn conclude(&self, aggregates: &[Datum<'_>], request: &[Datum<'_>], out: &mut Vec<Value>) {
        // So many inputs of an expression need no memory of their own.
        const FEW: usize = 8;
        let begin = out.len();
        for step in &self.steps {
            let input = |from: &From| match from {
                From::Aggregate(a) => aggregates[*a],
                From::Step(s) => out[begin + *s].as_datum(),
                From::Request(r) => request[*r],
            };
            let mut few = [Datum::Null; FEW];
            let value = match (step.lone_aggregate(), step.inputs.len()) {
                (Some(a), _) => aggregates[a].to_value(),
                (None, count @ 0..=FEW) => {
                    few.iter_mut().zip(&step.inputs).for_each(|(place, from)| *place = input(from));
                    evaluate(&step.expr, &few[..count])
                }
                _ => evaluate(&step.expr, &step.inputs.iter().map(input).collect::<Vec<_>>()),
            };
            out.push(match value {
                Value::Null => step.default.clone().unwrap_or(Value::Null),
                Value::Float(x) => Value::Float(f64::from_bits(canonical_bits(x))),
                value => value,
            });
        }
        if !self.chosen.iter().copied().eq(0..self.steps.len()) {
            let values = out.split_off(begin);
            out.extend(self.chosen.iter().map(|&step| values[step].clone()));
        }
    }

    /// The values at a moment, from the states of the entities asked about, one for each slot.
    pub fn features(&self, states: &[Option<&State>], texts: &Texts, moment: &Moment<'_>) -> Vec<Value> {
        let mut aggregates = vec![Value::Null; self.aggregates.iter().sum()];
        for (slot, state) in states.iter().enumerate() {
            let range = self.offsets[slot]..self.offsets[slot] + self.aggregates[slot];
            self.fold(slot, *state, texts, moment.at, &mut aggregates[range]);
        }
        let aggregates: Vec<Datum<'_>> = aggregates.iter().map(Value::as_datum).collect();
        let mut out = Vec::with_capacity(self.steps.len());
        self.conclude(&aggregates, moment.request, &mut out);
        out
    }

    pub(crate) fn lanes(&self, slot: usize) -> &[Lane] {
        &self.lanes[slot]
    }

    pub(crate) fn lane(&self, slot: usize, source: usize) -> Option<&Lane> {
        self.lanes[slot].iter().find(|lane| lane.source == source)
    }

    fn source_slot(&self, source: usize) -> Option<usize> {
        self.sources.iter().position(|&s| s == source)
    }
}

/// Collects what the plan is made of while features are added one by one.
struct Builder<'p> {
    project: &'p Project,
    entities: Vec<usize>,
    sources: Vec<usize>,
    fields: Vec<Vec<usize>>,
    lanes: Vec<Vec<Lane>>,
    /// For each slot its distinct aggregates.
    aggregates: Vec<Vec<Aggregate>>,
    request: Vec<usize>,
    steps: Vec<Draft>,
}

/// A step while aggregates are still being added.
struct Draft {
    /// The feature's index in the project; an outcome has none.
    feature: Option<usize>,
    inputs: Vec<Unplaced>,
    expr: Expr,
    default: Option<Value>,
}

/// An input while aggregates are still numbered by slot.
#[derive(Clone, Copy)]
enum Unplaced {
    Aggregate(usize, usize),
    Placed(From),
}

impl<'p> Builder<'p> {
    fn new(project: &'p Project) -> Self {
        Self {
            project,
            entities: Vec::new(),
            sources: Vec::new(),
            fields: Vec::new(),
            lanes: Vec::new(),
            aggregates: Vec::new(),
            request: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn step_of(&self, feature: usize) -> usize {
        self.steps.iter().position(|step| step.feature == Some(feature)).expect("a feature was added before it is read")
    }

    fn add_step(&mut self, feature: Option<usize>, computation: &Computation, default: Option<Value>) {
        let inputs = computation.inputs.iter().map(|input| match *input {
            Input::Aggregate(a) => {
                let (slot, index) = self.add_aggregate(&computation.aggregates[a]);
                Unplaced::Aggregate(slot, index)
            }
            Input::Feature(f) => Unplaced::Placed(From::Step(self.step_of(f))),
            Input::Request(r) => Unplaced::Placed(From::Request(index_of(&mut self.request, r))),
        });
        let inputs = inputs.collect();
        self.steps.push(Draft { feature, inputs, expr: computation.expr.clone(), default });
    }

    fn add_aggregate(&mut self, aggregate: &Aggregate) -> (usize, usize) {
        let slot = index_of(&mut self.entities, aggregate.entity);
        if slot == self.lanes.len() {
            self.lanes.push(Vec::new());
            self.aggregates.push(Vec::new());
        }
        if let Some(index) = self.aggregates[slot].iter().position(|a| a == aggregate) {
            return (slot, index);
        }
        let index = self.aggregates[slot].len();
        self.aggregates[slot].push(aggregate.clone());
        let source = index_of(&mut self.sources, aggregate.source);
        if source == self.fields.len() {
            self.fields.push(Vec::new());
        }
        for touch in self.touches_of(aggregate.source, aggregate.entity) {
            for field in touch {
                index_of(&mut self.fields[source], field);
            }
        }
        let fields = &mut self.fields[source];
        let mut place = |expr: &Expr| {
            expr.columns(&mut |c| {
                index_of(fields, c);
            });
            expr.map_columns(&|c| fields.iter().position(|&f| f == c).unwrap_or(0))
        };
        let (input, filter) = (aggregate.input.as_ref().map(&mut place), aggregate.filter.as_ref().map(&mut place));
        let lanes = &mut self.lanes[slot];
        let lane = match lanes.iter_mut().find(|lane| lane.source == aggregate.source) {
            Some(lane) => lane,
            None => lanes.push_mut(Lane::new(aggregate.source)),
        };
        lane.add(aggregate, input, filter, index);
        (slot, index)
    }

    fn touches_of(&self, source: usize, entity: usize) -> Vec<Vec<usize>> {
        let touches = &self.project.sources[source].touches;
        touches.iter().filter(|t| t.entity == entity).map(|t| t.fields.clone()).collect()
    }

    fn finish(self, chosen: Vec<usize>, outputs: Vec<Output>) -> Plan {
        let mut touches = Vec::new();
        for (s, &source) in self.sources.iter().enumerate() {
            let mut of_source = Vec::new();
            for (slot, &entity) in self.entities.iter().enumerate() {
                if !self.lanes[slot].iter().any(|lane| lane.source == source) {
                    continue;
                }
                for fields in self.touches_of(source, entity) {
                    let place = |f: &usize| self.fields[s].iter().position(|x| x == f).unwrap_or(0);
                    of_source.push(Touch { slot, fields: fields.iter().map(place).collect() });
                }
            }
            touches.push(of_source);
        }
        let aggregate_types = self.aggregates.iter().flatten().map(|aggregate| aggregate.ty).collect();
        let aggregates: Vec<usize> = self.aggregates.iter().map(Vec::len).collect();
        let offsets: Vec<usize> = (0..aggregates.len()).map(|slot| aggregates[..slot].iter().sum()).collect();
        let steps = self.steps.into_iter().map(|Draft { inputs, expr, default, .. }| {
            let inputs = inputs.into_iter().map(|input| match input {
                Unplaced::Aggregate(slot, index) => From::Aggregate(offsets[slot] + index),
                Unplaced::Placed(from) => from,
            });
            Step { inputs: inputs.collect(), expr, default }
        });
        Plan {
            steps: steps.collect(),
            entities: self.entities,
            sources: self.sources,
            fields: self.fields,
            touches,
            lanes: self.lanes,
            aggregates,
            offsets,
            aggregate_types,
            request: self.request,
            chosen,
            outputs,
        }
    }
}

/// Where `item` stands in `list`; appended when it is new.
fn index_of(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&x| x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
