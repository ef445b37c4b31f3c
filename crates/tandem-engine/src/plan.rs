//! The plan: which records touch whom, what is kept of each, and how values come out.
//!
//! Compiled once from checked definitions (`compile.rs`); afterwards nothing is looked up by name. Not here: the folding itself
//! (`track.rs`, `fold.rs`), and where states are kept (the drivers).

use std::borrow::Cow;

use tandem_definitions::{Datum, Expr, Micros, Normalise, Type, Value, canonical_bits};

use crate::capped::Capped;
use crate::evaluate::evaluate;
use crate::fold::Lane;
use crate::ledger::Changing;
use crate::record::{Key, Moment, Record};
use crate::state::State;
use crate::texts::Texts;

/// A compiled set of features, or a question's outcome.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Those that the asker names.
    pub(crate) entities: Vec<usize>,
    /// Those of the entities that the asker names come first.
    pub(crate) slots: Vec<Slot>,
    pub(crate) sources: Vec<usize>,
    /// For each source of `sources`: the contract's fields it needs.
    pub(crate) fields: Vec<Vec<usize>>,
    /// For each source of `sources`.
    pub(crate) touches: Vec<Vec<Touch>>,
    /// For each source of `sources`.
    pub(crate) changing: Vec<Changing>,
    /// Of all slots, one after the other.
    pub(crate) aggregate_types: Vec<Type>,
    pub(crate) request: Vec<usize>,
    pub(crate) steps: Vec<Step>,
    pub(crate) capped: Vec<Capped>,
    /// For each output its step.
    pub(crate) chosen: Vec<usize>,
    pub(crate) outputs: Vec<Output>,
}

/// One kind of entity whose states are kept: those that the asker names (in one role or in all), or the parents that
/// another feature tells.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Its index in the project.
    pub entity: usize,
    pub whose: Whose,
    /// A state has one track for each.
    pub lanes: Vec<Lane>,
    /// How many aggregates it folds, and where they begin among all.
    pub aggregates: usize,
    pub offset: usize,
}

/// Whose states a slot's are.
#[derive(Clone, Debug)]
pub(crate) enum Whose {
    /// The entity that the asker names, by its place among [`Plan::entities`].
    Asked(usize),
    /// The parent whose key these steps tell, and what is done to its texts.
    Told(Vec<usize>, Normalise),
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
pub(crate) struct Step {
    pub inputs: Vec<From>,
    pub expr: Expr,
    pub default: Option<Value>,
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
pub(crate) enum From {
    Aggregate(usize),
    Step(usize),
    Request(usize),
}

impl Plan {
    /// The entities that the asker names (indices into `project.entities`).
    pub fn entities(&self) -> &[usize] {
        &self.entities
    }

    /// How many kinds of entities it keeps states of: of those that the asker names, in each role that a feature asks for,
    /// and behind them of their parents.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The entity of a slot, by its index in the project.
    pub fn entity(&self, slot: usize) -> usize {
        self.slots[slot].entity
    }

    /// Which of [`Plan::entities`] a slot is about; `None` for parents, whose key [`Plan::parent`] tells.
    pub fn asked(&self, slot: usize) -> Option<usize> {
        match self.slots[slot].whose {
            Whose::Asked(entity) => Some(entity),
            Whose::Told(..) => None,
        }
    }

    /// The key of the parent that a slot is about, from the aggregates of the slots before it (others are not looked at);
    /// `None` when a part of it is null, and for a slot that the asker names.
    pub fn parent(&self, slot: usize, aggregates: &[Datum<'_>], request: &[Datum<'_>]) -> Option<Key> {
        let Whose::Told(steps, normalise) = &self.slots[slot].whose else { return None };
        let last = steps.iter().max()?;
        let mut values = Vec::new();
        compute(&self.steps[..=*last], aggregates, request, &mut values);
        let parts: Box<[Value]> = steps.iter().map(|&step| normalise.value(values[step].clone())).collect();
        (!parts.iter().any(Value::is_null)).then_some(Key(parts))
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

    /// The features by category that it computes: a driver counts where their caps are reached.
    pub fn capped(&self) -> &[Capped] {
        &self.capped
    }

    /// How many aggregates the states of a slot are folded into.
    pub fn aggregates(&self, slot: usize) -> usize {
        self.slots[slot].aggregates
    }

    /// How many aggregates all slots have.
    pub fn aggregate_count(&self) -> usize {
        self.aggregate_types.len()
    }

    /// The types of the aggregates of a slot, in order.
    pub fn aggregate_types(&self, slot: usize) -> impl Iterator<Item = Type> {
        let Slot { offset, aggregates, .. } = self.slots[slot];
        self.aggregate_types[offset..offset + aggregates].iter().copied()
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
        for (i, lane) in self.slots[slot].lanes.iter().enumerate() {
            match state.and_then(|s| s.track(i)) {
                Some(track) => track.fold(lane, texts, at, out),
                None => lane.fold_nothing(texts, at, out),
            }
        }
    }

    /// The values from the aggregates of all slots, one after the other, and the request.
    pub fn conclude(&self, aggregates: &[Datum<'_>], request: &[Datum<'_>], out: &mut Vec<Value>) {
        let begin = out.len();
        compute(&self.steps, aggregates, request, out);
        if !self.chosen.iter().copied().eq(0..self.steps.len()) {
            let values = out.split_off(begin);
            out.extend(self.chosen.iter().map(|&step| values[step].clone()));
        }
    }

    /// The values at a moment: `keys` are those of [`Plan::entities`] (`None`: not named, or null), and `state` gives a
    /// slot's state of a key, if anything is known of it.
    pub fn features<'s>(
        &self,
        keys: &[Option<Key>],
        state: impl Fn(usize, &Key) -> Option<Cow<'s, State>>,
        texts: &Texts,
        moment: &Moment<'_>,
    ) -> Vec<Value> {
        let mut aggregates = vec![Value::Null; self.aggregate_types.len()];
        for (slot, Slot { whose, aggregates: width, offset, .. }) in self.slots.iter().enumerate() {
            let parent;
            let key = match whose {
                Whose::Asked(entity) => keys[*entity].as_ref(),
                Whose::Told(..) => {
                    let known: Vec<Datum<'_>> = aggregates.iter().map(Value::as_datum).collect();
                    parent = self.parent(slot, &known, moment.request);
                    parent.as_ref()
                }
            };
            let known = key.and_then(|key| state(slot, key));
            self.fold(slot, known.as_deref(), texts, moment.at, &mut aggregates[*offset..offset + width]);
        }
        let aggregates: Vec<Datum<'_>> = aggregates.iter().map(Value::as_datum).collect();
        let mut out = Vec::with_capacity(self.steps.len());
        self.conclude(&aggregates, moment.request, &mut out);
        out
    }

    pub(crate) fn lanes(&self, slot: usize) -> &[Lane] {
        &self.slots[slot].lanes
    }

    pub(crate) fn lane(&self, slot: usize, source: usize) -> Option<&Lane> {
        self.slots[slot].lanes.iter().find(|lane| lane.source == source)
    }

    pub(crate) fn source_slot(&self, source: usize) -> Option<usize> {
        self.sources.iter().position(|&s| s == source)
    }
}

/// Appends the value of every step.
fn compute(steps: &[Step], aggregates: &[Datum<'_>], request: &[Datum<'_>], out: &mut Vec<Value>) {
    // So many inputs of an expression need no memory of their own.
    const FEW: usize = 8;
    let begin = out.len();
    for step in steps {
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
}
