//! What is known about one entity: for each source a track of its records. A plain value: it can be kept in memory,
//! written to disk and read back, or sent to another machine, without a difference in any answer; together with the
//! texts that it refers to (`texts.rs`).

use serde::{Deserialize, Serialize};

use crate::fold::Lane;
use crate::plan::Plan;
use crate::record::{Record, Rows};
use crate::texts::Texts;
use crate::track::Track;

/// The state of one entity. An empty one knows nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    tracks: Vec<Track>,
}

impl State {
    /// Makes a record part of what is known. The caller has routed it here, and applies each record once.
    pub fn apply(&mut self, plan: &Plan, texts: &mut Texts, slot: usize, record: &Record<'_>) {
        if let Some((lane, track)) = self.lane(plan, slot, record.source) {
            track.apply(lane, texts, record);
        }
    }

    /// Makes many records of one source part of what is known, as [`State::apply`] does each: their order does not matter,
    /// but what is sorted by event time, arrival time and position goes in faster. `texts` are those that the words of the
    /// rows refer to.
    pub fn extend(&mut self, plan: &Plan, texts: &Texts, slot: usize, source: usize, rows: &Rows<'_>) {
        if let Some((lane, track)) = self.lane(plan, slot, source) {
            track.extend(lane, texts, rows);
        }
    }

    /// Takes a record back that was applied before: by its source, event time, arrival time and position. One that is not
    /// there changes nothing.
    pub fn retract(&mut self, plan: &Plan, texts: &Texts, slot: usize, record: &Record<'_>) {
        if let Some((lane, track)) = self.lane(plan, slot, record.source) {
            track.retract(lane, texts, (record.event, record.arrival, record.position));
        }
    }

    /// What is asked of a source's records, and the track of them.
    fn lane<'p>(&mut self, plan: &'p Plan, slot: usize, source: usize) -> Option<(&'p Lane, &mut Track)> {
        let lanes = plan.lanes(slot);
        if self.tracks.len() < lanes.len() {
            self.tracks.resize_with(lanes.len(), Track::default);
        }
        let i = lanes.iter().position(|lane| lane.source == source)?;
        Some((&lanes[i], &mut self.tracks[i]))
    }

    /// Forgets everything, and keeps the memory for the next entity.
    pub fn clear(&mut self) {
        self.tracks.iter_mut().for_each(Track::clear);
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.tracks.iter().map(Track::bytes).sum::<usize>()
    }

    pub(crate) fn track(&self, lane: usize) -> Option<&Track> {
        self.tracks.get(lane)
    }
}
