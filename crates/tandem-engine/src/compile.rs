//! From checked definitions to a plan: each feature a step, each aggregation a place in a slot, each name a number.
//! Not here: what a plan does (`plan.rs`).

use tandem_definitions::{Aggregate, Computation, Expr, Input, Project, Question, Value};

use crate::capped::Capped;
use crate::fold::Lane;
use crate::ledger::Changing;
use crate::plan::{From, Output, Plan, Slot, Step, Touch, Whose};

impl Plan {
    /// The plan for these features (indices into `project.features`) and all that they read.
    pub fn compile(project: &Project, features: &[usize]) -> Self {
        let mut builder = Builder::new(project);
        let chosen = features.iter().map(|&feature| builder.feature(feature, None)).collect();
        let outputs = features.iter().map(|&f| &project.features[f]);
        let outputs = outputs.map(|f| Output { name: f.name.clone(), ty: f.ty }).collect();
        builder.finish(chosen, outputs)
    }

    /// The plan for a question's outcome: one value, from the records in [t, t + horizon).
    pub fn compile_outcome(project: &Project, question: &Question) -> Self {
        let mut builder = Builder::new(project);
        let step = builder.step((None, None), &question.outcome.value, None);
        let output = Output { name: question.outcome.name.clone(), ty: question.outcome.ty };
        builder.finish(vec![step], vec![output])
    }
}

/// A parent that is read: the entity, and the steps that tell its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parent {
    entity: usize,
    told_by: Vec<usize>,
}

/// A slot while aggregates are still being added.
struct DraftSlot {
    entity: usize,
    role: Option<String>,
    /// Which of the builder's parents it is about; `None`: the entity that the asker names.
    parent: Option<usize>,
    lanes: Vec<Lane>,
    aggregates: Vec<Aggregate>,
}

/// A step while aggregates are still numbered by slot.
struct DraftStep {
    /// The feature's index in the project (an outcome has none), and the parent that it is read of.
    what: (Option<usize>, Option<usize>),
    inputs: Vec<Unplaced>,
    expr: Expr,
    default: Option<Value>,
}

#[derive(Clone, Copy)]
enum Unplaced {
    Aggregate(usize, usize),
    Placed(From),
}

/// Collects what the plan is made of while features are added one by one.
struct Builder<'p> {
    project: &'p Project,
    slots: Vec<DraftSlot>,
    parents: Vec<Parent>,
    sources: Vec<usize>,
    fields: Vec<Vec<usize>>,
    request: Vec<usize>,
    steps: Vec<DraftStep>,
}

impl<'p> Builder<'p> {
    fn new(project: &'p Project) -> Self {
        Self {
            project,
            slots: Vec::new(),
            parents: Vec::new(),
            sources: Vec::new(),
            fields: Vec::new(),
            request: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// The step of a feature, as it is of the entities that the asker names, or of a parent. What it reads comes before it.
    fn feature(&mut self, feature: usize, of: Option<usize>) -> usize {
        let what = (Some(feature), of);
        if let Some(step) = self.steps.iter().position(|step| step.what == what) {
            return step;
        }
        let declared = &self.project.features[feature];
        self.step(what, &declared.value, declared.default.clone())
    }

    fn step(
        &mut self,
        what: (Option<usize>, Option<usize>),
        computation: &Computation,
        default: Option<Value>,
    ) -> usize {
        let of = what.1;
        let inputs = computation.inputs.iter().map(|input| match *input {
            Input::Aggregate(a) => {
                let (slot, index) = self.aggregate(&computation.aggregates[a], of);
                Unplaced::Aggregate(slot, index)
            }
            Input::Feature(f) => Unplaced::Placed(From::Step(self.feature(f, of))),
            Input::Request(r) => Unplaced::Placed(From::Request(index_of(&mut self.request, r))),
            Input::Parent { child, parent, feature } => {
                let declared = &self.project.entities[child].parents[parent];
                let told_by = declared.features.iter().map(|&f| self.feature(f, of)).collect();
                let parent = index_of(&mut self.parents, Parent { entity: declared.entity, told_by });
                Unplaced::Placed(From::Step(self.feature(feature, Some(parent))))
            }
        });
        let inputs = inputs.collect();
        self.steps.push(DraftStep { what, inputs, expr: computation.expr.clone(), default });
        self.steps.len() - 1
    }

    /// The slot of an aggregate, and its place there. `of`: the parent that its feature is read of.
    fn aggregate(&mut self, aggregate: &Aggregate, of: Option<usize>) -> (usize, usize) {
        let parent = of.filter(|&parent| self.parents[parent].entity == aggregate.entity);
        let Aggregate { entity, role, .. } = aggregate;
        let same = |slot: &DraftSlot| (slot.entity, &slot.role, slot.parent) == (*entity, role, parent);
        let slot = self.slots.iter().position(same).unwrap_or_else(|| {
            let (lanes, aggregates) = (Vec::new(), Vec::new());
            self.slots.push(DraftSlot { entity: *entity, role: role.clone(), parent, lanes, aggregates });
            self.slots.len() - 1
        });
        if let Some(index) = self.slots[slot].aggregates.iter().position(|a| a == aggregate) {
            return (slot, index);
        }
        let source = index_of(&mut self.sources, aggregate.source);
        if source == self.fields.len() {
            self.fields.push(Vec::new());
        }
        for touch in self.touches_of(aggregate.source, slot) {
            for field in touch {
                index_of(&mut self.fields[source], field);
            }
        }
        let fields = &mut self.fields[source];
        let place = |expr: &Expr| {
            expr.columns(&mut |c| {
                index_of(fields, c);
            });
            expr.map_columns(&|c| fields.iter().position(|&f| f == c).unwrap_or(0))
        };
        let DraftSlot { lanes, aggregates, .. } = &mut self.slots[slot];
        aggregates.push(aggregate.clone());
        let index = aggregates.len() - 1;
        let lane = match lanes.iter_mut().find(|lane| lane.source == aggregate.source) {
            Some(lane) => lane,
            None => lanes.push_mut(Lane::new(aggregate.source)),
        };
        lane.add(aggregate, place, index);
        (slot, index)
    }

    /// The fields that hold the keys of a slot's entities, for each touch.
    fn touches_of(&self, source: usize, slot: usize) -> Vec<Vec<usize>> {
        let DraftSlot { entity, role, .. } = &self.slots[slot];
        let touches = self.project.sources[source].touches.iter();
        let touches = touches.filter(|t| t.entity == *entity && (role.is_none() || t.role == *role));
        touches.map(|t| t.fields.clone()).collect()
    }

    fn finish(mut self, chosen: Vec<usize>, outputs: Vec<Output>) -> Plan {
        let sources = self.sources.iter().map(|s| &self.project.sources[*s]);
        let changing = sources.zip(&mut self.fields).map(|(source, fields)| Changing::new(source, fields)).collect();
        // Those that the asker names come first; parents stay behind what tells them.
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        order.sort_by_key(|&slot| self.slots[slot].parent.is_some());
        let touches = self.touches(&order);
        let mut entities: Vec<usize> = Vec::new();
        let mut slots: Vec<Slot> = Vec::new();
        let mut aggregate_types = Vec::new();
        let mut offsets = vec![0; order.len()];
        for &slot in &order {
            let DraftSlot { entity, parent, lanes, aggregates, .. } = &mut self.slots[slot];
            let whose = match parent {
                None => Whose::Asked(index_of(&mut entities, *entity)),
                Some(parent) => {
                    Whose::Told(self.parents[*parent].told_by.clone(), self.project.entities[*entity].normalise)
                }
            };
            offsets[slot] = aggregate_types.len();
            let (lanes, offset) = (std::mem::take(lanes), aggregate_types.len());
            aggregate_types.extend(aggregates.iter().map(|aggregate| aggregate.ty));
            slots.push(Slot { entity: *entity, whose, lanes, aggregates: aggregates.len(), offset });
        }
        let capped = self.capped(&offsets);
        let steps = self.steps.into_iter().map(|DraftStep { inputs, expr, default, .. }| {
            let inputs = inputs.into_iter().map(|input| match input {
                Unplaced::Aggregate(slot, index) => From::Aggregate(offsets[slot] + index),
                Unplaced::Placed(from) => from,
            });
            Step { inputs: inputs.collect(), expr, default }
        });
        let (steps, sources, fields, request) = (steps.collect(), self.sources, self.fields, self.request);
        Plan {
            entities,
            slots,
            sources,
            fields,
            touches,
            changing,
            aggregate_types,
            request,
            steps,
            capped,
            chosen,
            outputs,
        }
    }

    /// The features by category, each with the place of its map.
    fn capped(&self, offsets: &[usize]) -> Vec<Capped> {
        let mut capped = Vec::new();
        for step in &self.steps {
            for input in &step.inputs {
                if let (Some(feature), Unplaced::Aggregate(slot, index)) = (step.what.0, *input)
                    && let Some(by) = &self.slots[slot].aggregates[index].by
                {
                    capped.push(Capped { feature, most: by.most, aggregate: offsets[slot] + index });
                }
            }
        }
        capped
    }

    /// For each source, which slots (in their order) its records touch.
    fn touches(&self, order: &[usize]) -> Vec<Vec<Touch>> {
        let of_source = |(s, &source): (usize, &usize)| {
            let mut touches = Vec::new();
            for (place, &slot) in order.iter().enumerate() {
                if !self.slots[slot].lanes.iter().any(|lane| lane.source == source) {
                    continue;
                }
                for fields in self.touches_of(source, slot) {
                    let at = |f: &usize| self.fields[s].iter().position(|x| x == f).unwrap_or(0);
                    touches.push(Touch { slot: place, fields: fields.iter().map(at).collect() });
                }
            }
            touches
        };
        self.sources.iter().enumerate().map(of_source).collect()
    }
}

/// Where `item` stands in `list`; appended when it is new.
fn index_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|x| *x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
