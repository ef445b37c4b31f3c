//! What differs between a frame and the same frame of another run, by the names of their rows and never by their position.
//! Not here: how rows are named (`frame.rs`), and what a difference means (`verdict.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use tandem_notebook::probe::Values;

use crate::frame::{Frame, Frames, Rows, missing, shown};

/// Which rows of two frames are the same.
pub(crate) struct Alignment {
    pub first: Rc<Rows>,
    pub second: Rc<Rows>,
    /// Places in the first and in the second.
    pub pairs: Vec<(u32, u32)>,
    /// Rows only of the first, and only of the second.
    pub missing: Vec<u32>,
    pub extra: Vec<u32>,
    /// Whether all rows stand at the same places.
    is_same: bool,
}

/// What differs between a frame and the same frame of another run.
#[derive(Clone)]
pub(crate) struct Diff {
    pub rows: Rc<Alignment>,
    pub columns: BTreeMap<String, Changed>,
    /// Columns only of the first, and only of the second.
    pub gone: Vec<String>,
    pub new: Vec<String>,
}

/// How a column differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    pub rows: usize,
    /// Rows that differ by no more than the last bits.
    pub noise: usize,
    /// Whether the new values are the old ones under other names, one for one.
    pub renamed: bool,
    /// Rows: name, the first's value, the second's.
    pub samples: Vec<(String, String, String)>,
}

impl Alignment {
    pub fn new(first: &Rc<Rows>, second: &Rc<Rows>, until: Option<i64>) -> Self {
        let (mut pairs, mut missing, mut extra) = (Vec::new(), Vec::new(), Vec::new());
        let is_same = first.key == second.key;
        if is_same {
            pairs = (0..first.ids.len())
                .filter(|row| first.within(*row, until))
                .map(|row| (row as u32, row as u32))
                .collect();
        } else {
            let theirs: HashMap<u64, u32> = second.ids.iter().enumerate().map(|(row, id)| (*id, row as u32)).collect();
            let mut met = vec![false; second.ids.len()];
            for (row, id) in first.ids.iter().enumerate() {
                let other = theirs.get(id);
                other.iter().for_each(|other| met[**other as usize] = true);
                match other {
                    _ if !first.within(row, until) => {}
                    Some(other) => pairs.push((row as u32, *other)),
                    None => missing.push(row as u32),
                }
            }
            let extras = (0..second.ids.len()).filter(|row| !met[*row] && second.within(*row, until));
            extra = extras.map(|row| row as u32).collect();
        }
        Self { first: Rc::clone(first), second: Rc::clone(second), pairs, missing, extra, is_same }
    }

    /// How many rows come and go, of how many.
    pub fn moved(&self) -> (usize, usize) {
        (self.missing.len() + self.extra.len(), self.pairs.len() + self.missing.len())
    }

    /// Whether the rows that come and go lie where only one of the two frames reaches: then a limit between two parts has moved,
    /// as the one between training and test does that stands at a share of the rows.
    pub fn is_boundary(&self) -> bool {
        let span = |rows: &Rows| Some((*rows.time.as_ref()?.iter().min()?, *rows.time.as_ref()?.iter().max()?));
        let (Some(first), Some(second)) = (span(&self.first), span(&self.second)) else { return false };
        let both = first.0.max(second.0)..=first.1.min(second.1);
        let time = |rows: &Rows, row: u32| rows.time.as_ref().map(|times| times[row as usize]);
        let mut moved = (self.missing.iter().map(|row| time(&self.first, *row)))
            .chain(self.extra.iter().map(|row| time(&self.second, *row)));
        moved.all(|time| time.is_some_and(|time| !both.contains(&time)))
    }

    /// Whether both have the same rows.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

impl Diff {
    pub fn new(frames: &Frames, first: &Frame, second: &Frame, rows: Rc<Alignment>) -> Self {
        let mut diff = Self { rows, columns: BTreeMap::new(), gone: Vec::new(), new: Vec::new() };
        let theirs: HashMap<&str, &String> = second.columns.iter().map(|(name, hash)| (name.as_str(), hash)).collect();
        for (name, hash) in &first.columns {
            let Some(other) = theirs.get(name.as_str()) else {
                diff.gone.push(name.clone());
                continue;
            };
            if first.keys.contains(name) {
                continue;
            }
            let changed = if diff.rows.is_same && hash == *other {
                Changed::default()
            } else {
                let (Some(mine), Some(theirs)) = (frames.column(hash), frames.column(other)) else { continue };
                diff.rows.changed(&mine.values, &theirs.values)
            };
            diff.columns.insert(name.clone(), changed);
        }
        let mine: BTreeSet<&String> = first.columns.iter().map(|(name, _)| name).collect();
        diff.new =
            second.columns.iter().filter(|(name, _)| !mine.contains(name)).map(|(name, _)| name.clone()).collect();
        diff
    }
}

impl Alignment {
    fn changed(&self, mine: &Values, theirs: &Values) -> Changed {
        let mut changed = Changed::default();
        let mut different = Vec::new();
        for (a, b) in &self.pairs {
            match compare(mine, *a as usize, theirs, *b as usize) {
                Same::Equal => {}
                Same::Noise => changed.noise += 1,
                Same::Different => different.push((*a as usize, *b as usize)),
            }
        }
        changed.rows = different.len();
        changed.renamed = changed.rows > 0 && self.renamed(mine, theirs);
        // The first, the middle and the last.
        let places = BTreeSet::from([0, different.len() / 2, different.len().saturating_sub(1)]);
        let samples = places.into_iter().filter_map(|at| different.get(at));
        changed.samples = samples.map(|(a, b)| (self.first.label(*a), shown(mine, *a), shown(theirs, *b))).collect();
        changed
    }

    /// Whether each number stands for another one throughout, and the new ones are the numbers from 0, without a gap, and not
    /// simply the old ones moved by the same amount: then categories have been numbered anew.
    fn renamed(&self, mine: &Values, theirs: &Values) -> bool {
        let whole = |values: &Values, row: u32| match values {
            Values::Int(values) => Some(values[row as usize]),
            Values::Float(values) => Some(values[row as usize]).filter(|x| x.fract() == 0.0).map(|x| x as i64),
            _ => None,
        };
        let (mut names, mut back) = (BTreeMap::new(), BTreeMap::new());
        for (a, b) in &self.pairs {
            let (Some(old), Some(new)) = (whole(mine, *a), whole(theirs, *b)) else { return false };
            if *names.entry(old).or_insert(new) != new || *back.entry(new).or_insert(old) != old || names.len() > 200 {
                return false;
            }
        }
        let dense = back.keys().filter(|new| **new >= 0).enumerate().all(|(place, code)| place as i64 == *code);
        let shifts: BTreeSet<i64> = names.iter().map(|(old, new)| old - new).collect();
        self.pairs.len() > 1 && dense && (shifts.len() > 1 || names.len() <= 12)
    }
}

enum Same {
    Equal,
    Noise,
    Different,
}

/// Exact, after a common upcast; missing equals missing.
fn compare(mine: &Values, a: usize, theirs: &Values, b: usize) -> Same {
    let (x, y) = match (mine, theirs) {
        (Values::Int(x), Values::Int(y)) | (Values::Time(x), Values::Time(y)) => {
            return if x[a] == y[b] { Same::Equal } else { Same::Different };
        }
        (Values::Text(x), Values::Text(y)) => return if x[a] == y[b] { Same::Equal } else { Same::Different },
        _ => match (number(mine, a), number(theirs, b)) {
            (Some(x), Some(y)) => (x, y),
            _ if missing(mine, a) && missing(theirs, b) => return Same::Equal,
            _ => return if shown(mine, a) == shown(theirs, b) { Same::Equal } else { Same::Different },
        },
    };
    if x == y || x.is_nan() && y.is_nan() {
        Same::Equal
    } else if (x - y).abs() <= 1e-9 * x.abs().max(y.abs()) {
        Same::Noise
    } else {
        Same::Different
    }
}

fn number(values: &Values, row: usize) -> Option<f64> {
    match values {
        Values::Int(values) => Some(values[row] as f64),
        Values::Float(values) => Some(values[row]),
        _ => None,
    }
}
