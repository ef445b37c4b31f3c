//! What is kept of each record: a word for each measure, or null. One function for a driver that applies records one by
//! one and for one that lays them out in columns. Not here: what the words are folded into (`fold.rs`).

use tandem_definitions::{Datum, Expr, Type, canonical_bits};

use crate::evaluate::{compute, truth};
use crate::fold::Measure;
use crate::plan::Plan;
use crate::texts::Texts;

/// How a measure of a source's records comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measuring {
    /// It is 1 for every record.
    Always,
    /// It is the field as it stands, by its place in [`Plan::fields`]. Its word: 0 or 1 for a truth, the integer or the
    /// microseconds, [`canonical_bits`] of a float, [`Texts::intern`] of a text.
    Field(usize),
    /// It is 1 wherever a condition holds, and null elsewhere: [`Plan::measure`] says where.
    Where,
    /// It is computed by an expression, or only where a condition holds: [`Plan::measure`] does it.
    Computed,
}

impl Plan {
    /// What is kept of each of a source's records for the entities of a slot, in the order of [`crate::Rows::words`].
    pub fn measures(&self, slot: usize, source: usize) -> impl Iterator<Item = Measuring> {
        self.lane(slot, source).into_iter().flat_map(|lane| &lane.measures).map(Measure::measuring)
    }

    /// Which fields (by their place in [`Plan::fields`]) the measure `m` reads.
    pub fn measure_reads(&self, slot: usize, source: usize, m: usize) -> Vec<usize> {
        let mut reads = Vec::new();
        if let Some(lane) = self.lane(slot, source) {
            let Measure { input, filter, .. } = &lane.measures[m];
            for expr in input.iter().chain(filter) {
                expr.columns(&mut |field| reads.push(field));
            }
        }
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    /// Whether the words of the measure `m` stand for texts.
    pub fn measures_texts(&self, slot: usize, source: usize, m: usize) -> bool {
        self.lane(slot, source).is_some_and(|lane| {
            lane.folds.iter().any(|fold| {
                let of_category = fold.by.is_some_and(|by| by.measure == m && by.ty == Type::Text);
                of_category || (fold.measure == m && fold.ty == Type::Text)
            })
        })
    }

    /// The word of the measure `m` of a record with these fields (in the order of [`Plan::fields`]); `None` is null.
    ///
    /// # Panics
    /// For a measure that [`Plan::measures`] does not name.
    pub fn measure(
        &self,
        slot: usize,
        source: usize,
        m: usize,
        fields: &[Datum<'_>],
        texts: &mut Texts,
    ) -> Option<u64> {
        let lane = self.lane(slot, source).expect("a slot that the source's records touch");
        lane.measures[m].word(fields, texts)
    }
}

impl Measure {
    fn measuring(&self) -> Measuring {
        match (&self.input, &self.filter) {
            (None, None) => Measuring::Always,
            (None, Some(_)) => Measuring::Where,
            (Some(Expr::Column(field)), None) => Measuring::Field(*field),
            _ => Measuring::Computed,
        }
    }

    /// Its word for a record with these fields; `None` is null. Equal values have equal words.
    pub fn word(&self, fields: &[Datum<'_>], texts: &mut Texts) -> Option<u64> {
        if let Some(filter) = &self.filter
            && truth(filter, fields) != Some(true)
        {
            return None;
        }
        let Some(input) = &self.input else { return Some(1) };
        match compute(input, fields).as_datum() {
            // No expression over a record gives a list or a map.
            Datum::Null | Datum::List(_) | Datum::Map(_) => None,
            Datum::Bool(b) => Some(u64::from(b)),
            Datum::Int(i) | Datum::Time(i) => Some(i as u64),
            Datum::Float(x) => Some(canonical_bits(x)),
            Datum::Text(s) => Some(texts.intern(s)),
        }
    }
}
