//! What is known about one entity: for each source a track of its records. A plain value: it can be kept in memory,
//! written to disk and read back, or sent to another machine, without a difference in any answer.

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::record::Record;
use crate::track::Track;

/// The state of one entity. An empty one knows nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    tracks: Vec<Track>,
}

impl State {
    /// Makes a record part of what is known. The caller has routed it here, and applies each record once.
    pub fn apply(&mut self, plan: &Plan, slot: usize, record: &Record<'_>) {
        let lanes = plan.lanes(slot);
        if self.tracks.len() < lanes.len() {
            self.tracks.resize_with(lanes.len(), Track::default);
        }
        for (lane, track) in lanes.iter().zip(&mut self.tracks) {
            if lane.source == record.source {
                track.apply(lane, record);
            }
        }
    }

    /// Takes a record back that was applied before: by its source, event time, arrival time and position. One that is not
    /// there changes nothing.
    pub fn retract(&mut self, plan: &Plan, slot: usize, record: &Record<'_>) {
        for (lane, track) in plan.lanes(slot).iter().zip(&mut self.tracks) {
            if lane.source == record.source {
                track.retract(lane, (record.event, record.arrival, record.position));
            }
        }
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
