//! What the differences between runs say about each audited column.
//! Not here: making the runs, and where in the notebook a difference begins (`trace.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diff::{Alignment, Changed, Diff};
use crate::frame::Frames;
use crate::report::Verdict;
use crate::runs::Replay;
use crate::target::{Place, Target, Targets};
use crate::variant::Kind;

/// The runs at one cut.
pub(crate) struct AtCut {
    pub at: i64,
    /// Rows until then are compared; none: all rows (as-of mode).
    pub until: Option<i64>,
    /// Whether it lies before the end of the training rows.
    pub in_training: bool,
    /// The run on the full data; the audit's own where there is none for this cut.
    pub base: Option<Replay>,
    pub probes: Vec<(Kind, Replay)>,
}

/// What is known of one column of one audited frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// Which probe changed it: index of the cut, the probe, how.
    pub hits: Vec<(usize, Kind, Changed)>,
    /// Cuts at which it was compared.
    pub judged: BTreeSet<usize>,
    pub shared: usize,
    /// Cuts at which it was not there.
    pub gone: Vec<(usize, Kind)>,
    pub noise: bool,
}

/// Rows that come and go with the future.
#[derive(Clone)]
pub(crate) struct RowsMoved {
    pub cut: usize,
    pub kind: Kind,
    pub rows: Rc<Alignment>,
}

/// The evidence of one audited frame.
#[derive(Clone, Default)]
pub(crate) struct FrameEvidence {
    pub columns: BTreeMap<String, Evidence>,
    pub rows: Vec<RowsMoved>,
}

/// Gathers the evidence of a frame.
pub(crate) fn gather(
    frames: &Frames,
    target: &Target,
    targets: &Targets,
    full: &Replay,
    cuts: &[AtCut],
) -> FrameEvidence {
    let mut evidence = FrameEvidence::default();
    for (number, cut) in cuts.iter().enumerate() {
        let Some(first) = target.place.find(cut.base.as_ref().unwrap_or(full)) else { continue };
        let mut diffs: Vec<(Kind, Diff)> = Vec::new();
        for (kind, replay) in cut.probes.iter().filter(|(_, replay)| replay.failure.is_none()) {
            let second = target.place.find(replay);
            diffs.extend(second.and_then(|second| frames.diff(first, second, cut.until)).map(|diff| (*kind, diff)));
        }
        // Where the training ends may depend on how many rows there are: then only runs that keep them can be compared.
        let kept = diffs.iter().any(|(kind, diff)| *kind == Kind::Perturb && diff.rows.is_whole());
        let has_parent = targets.all.len() > 1 && matches!(target.place, Place::Fitted | Place::Asked);
        // Where one of its runs broke, a cut may find something, but it cannot pass anything.
        let whole = cut.probes.iter().all(|(_, replay)| replay.failure.is_none());
        for (kind, diff) in &diffs {
            let moved =
                *kind == Kind::Truncate && kept && !diff.rows.is_whole() && (has_parent || diff.rows.is_boundary());
            if !moved {
                add(&mut evidence, number, *kind, diff, whole);
            }
        }
    }
    evidence
}

fn add(evidence: &mut FrameEvidence, cut: usize, kind: Kind, diff: &Diff, whole: bool) {
    let shared = diff.rows.pairs.len();
    if !diff.rows.is_whole() && kind != Kind::Late {
        evidence.rows.push(RowsMoved { cut, kind, rows: Rc::clone(&diff.rows) });
    }
    for name in &diff.gone {
        evidence.columns.entry(name.clone()).or_default().gone.push((cut, kind));
    }
    for (name, changed) in &diff.columns {
        let column = evidence.columns.entry(name.clone()).or_default();
        if shared > 0 && whole {
            column.judged.insert(cut);
            column.shared = column.shared.max(shared);
        }
        column.noise |= changed.noise > 0;
        if changed.rows > 0 {
            column.hits.push((cut, kind, changed.clone()));
        }
    }
}

impl Evidence {
    /// The verdict, as far as the column's own evidence goes.
    pub fn verdict(&self, cuts: &[AtCut]) -> Verdict {
        let sees = |kind: Kind| self.hits.iter().any(|(_, other, _)| *other == kind);
        let future: Vec<&(usize, Kind, Changed)> =
            self.hits.iter().filter(|(_, kind, _)| *kind != Kind::Late).collect();
        if future.is_empty() {
            return match () {
                () if !self.gone.is_empty() => Verdict::Vocabulary,
                () if sees(Kind::Late) => Verdict::LateData,
                () if self.judged.is_empty() => Verdict::NotJudged,
                () if self.noise => Verdict::NumericNoise,
                () => Verdict::NoChange,
            };
        }
        if future.iter().all(|(_, _, changed)| changed.renamed) {
            return Verdict::Vocabulary;
        }
        let outside = self.judged.iter().any(|cut| !cuts[*cut].in_training);
        if outside && future.iter().all(|(cut, _, _)| cuts[*cut].in_training) {
            return Verdict::InSampleFit;
        }
        Verdict::Lookahead
    }

    /// The cuts at which it changed.
    pub fn changed_cuts(&self) -> BTreeSet<usize> {
        self.hits.iter().map(|(cut, _, _)| *cut).chain(self.gone.iter().map(|(cut, _)| *cut)).collect()
    }

    /// The run that shows it best: dropped rows before changed ones, since that is what production would have seen, and among
    /// these one that others are shown by, too.
    pub fn best(&self, chosen: &BTreeSet<(usize, Kind)>) -> Option<&(usize, Kind, Changed)> {
        let rank = |(cut, kind, changed): &&(usize, Kind, Changed)| {
            (*kind, !chosen.contains(&(*cut, *kind)), usize::MAX - changed.rows)
        };
        self.hits.iter().min_by_key(rank)
    }
}
