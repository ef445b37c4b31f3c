//! Recorded frames with their rows named by keys, and what differs between two of them.
//! Not here: which frames are audited, and what a difference means.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use tandem_notebook::probe::{Column, Described, Stored, Values};

use crate::instant;
use crate::source::time;

/// Reads columns, each once, and knows which of them name rows.
pub(crate) struct Frames {
    pub store: PathBuf,
    pub entities: Vec<String>,
    pub identities: Vec<String>,
    pub times: Vec<String>,
    cache: RefCell<BTreeMap<String, Rc<Column>>>,
}

/// A frame.
pub(crate) struct Frame {
    pub columns: Vec<(String, Rc<Column>)>,
    /// When each row is asked for; none where the frame has no time.
    pub time: Option<Vec<i64>>,
    /// What each row is called.
    pub ids: Vec<String>,
    /// The columns that name rows: they are not values.
    pub keys: BTreeSet<String>,
    /// Whether an entity or event names the rows.
    pub named: bool,
}

/// What differs between a frame and the same frame of another run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diff {
    pub columns: BTreeMap<String, Changed>,
    /// Rows only of the first, and only of the second.
    pub missing: Vec<String>,
    pub extra: Vec<String>,
    /// Columns only of the first, and only of the second.
    pub gone: Vec<String>,
    pub new: Vec<String>,
    /// How many rows both have.
    pub shared: usize,
}

/// How a column differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    pub rows: usize,
    /// Rows that differ by no more than the last bits.
    pub noise: usize,
    /// Whether the new values are the old ones under other names, one for one.
    pub renamed: bool,
    /// Rows: name, time, the first's value, the second's.
    pub samples: Vec<(String, Option<i64>, String, String)>,
}

impl Frames {
    pub fn new(store: PathBuf, entities: Vec<String>, identities: Vec<String>, times: Vec<String>) -> Self {
        Self { store, entities, identities, times, cache: RefCell::default() }
    }

    fn column(&self, hash: &str) -> Option<Rc<Column>> {
        if let Some(found) = self.cache.borrow().get(hash) {
            return Some(Rc::clone(found));
        }
        let column = Rc::new(Column::read(&self.store, hash).ok()?);
        self.cache.borrow_mut().insert(hash.to_owned(), Rc::clone(&column));
        Some(column)
    }

    /// A frame with its rows named.
    pub fn frame(&self, described: &Described) -> Option<Frame> {
        let Described::Frame { rows, columns, index, keys } = described else { return None };
        // Rows that are named by the frame they came from are not named by themselves.
        let own = columns.iter().filter(|_| keys.is_empty());
        let parts: Vec<&Stored> = own.chain(index).chain(keys).collect();
        let named = |wanted: &[String]| {
            let mut found: Vec<&Stored> = Vec::new();
            for part in parts.iter().filter(|part| wanted.contains(&part.0)) {
                if found.iter().all(|other| other.0 != part.0) {
                    found.push(part);
                }
            }
            found
        };
        let declared = self.times.iter().flat_map(|name| parts.iter().filter(move |part| part.0 == *name));
        let any = parts.iter().filter(|part| part.2 == "time");
        let when =
            declared.chain(any).find_map(|part| Some((part.0.clone(), instants(&self.column(&part.1)?.values)?)));
        let identities = named(&self.identities);
        let entities = named(&self.entities);
        let naming: Vec<Rc<Column>> =
            (identities.iter().chain(&entities)).filter_map(|part| self.column(&part.1)).collect();
        let outside = !keys.is_empty();
        let mut keys: BTreeSet<String> = identities.iter().chain(&entities).map(|part| part.0.clone()).collect();
        keys.extend(when.iter().map(|(name, _)| name.clone()));
        keys.extend(self.times.iter().cloned());
        if outside {
            keys.clear();
        }
        let time = when.map(|(_, times)| times);
        let label = |row: usize| {
            let mut label: Vec<String> = naming.iter().map(|column| shown(&column.values, row)).collect();
            label.extend(time.as_ref().map(|times| instant::shown(times[row])));
            label.join(" · ")
        };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let ids = (0..*rows).map(|row| {
            let label = label(row);
            let count = counts.entry(label.clone()).or_default();
            *count += 1;
            if *count == 1 { label } else { format!("{label} #{count}") }
        });
        let ids = ids.collect();
        let columns =
            columns.iter().map(|part| Some((part.0.clone(), self.column(&part.1)?))).collect::<Option<_>>()?;
        Some(Frame { columns, time, ids, keys, named: !naming.is_empty() })
    }

    /// What differs in rows until an instant (all rows without one).
    pub fn diff(&self, first: &Described, second: &Described, until: Option<i64>) -> Option<Diff> {
        let (first, second) = (self.frame(first)?, self.frame(second)?);
        if until.is_some() && (first.time.is_none() || second.time.is_none()) || until.is_none() && !first.named {
            return None;
        }
        Some(first.diff(&second, until))
    }
}

impl Frame {
    fn within(&self, row: usize, until: Option<i64>) -> bool {
        match (until, &self.time) {
            (Some(until), Some(times)) => times[row] <= until && times[row] != i64::MIN,
            _ => true,
        }
    }

    fn diff(&self, other: &Self, until: Option<i64>) -> Diff {
        let theirs: BTreeMap<&str, usize> = other.ids.iter().enumerate().map(|(row, id)| (id.as_str(), row)).collect();
        let mine: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        let mut diff = Diff::default();
        let mut pairs = Vec::new();
        for row in (0..self.ids.len()).filter(|row| self.within(*row, until)) {
            match theirs.get(self.ids[row].as_str()) {
                Some(other) => pairs.push((row, *other)),
                None => diff.missing.push(self.ids[row].clone()),
            }
        }
        let extra =
            (0..other.ids.len()).filter(|row| other.within(*row, until) && !mine.contains(other.ids[*row].as_str()));
        diff.extra = extra.map(|row| other.ids[row].clone()).collect();
        diff.shared = pairs.len();
        for (name, column) in &self.columns {
            let Some((_, theirs)) = other.columns.iter().find(|(other, _)| other == name) else {
                diff.gone.push(name.clone());
                continue;
            };
            if !self.keys.contains(name) {
                diff.columns.insert(name.clone(), self.changed(&column.values, &theirs.values, &pairs));
            }
        }
        let new = other.columns.iter().filter(|(name, _)| self.columns.iter().all(|(mine, _)| mine != name));
        diff.new = new.map(|(name, _)| name.clone()).collect();
        diff
    }

    fn changed(&self, mine: &Values, theirs: &Values, pairs: &[(usize, usize)]) -> Changed {
        let mut changed = Changed::default();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut back: BTreeMap<String, String> = BTreeMap::new();
        changed.renamed = matches!(mine, Values::Int(_) | Values::Float(_)) && pairs.len() > 1;
        for (a, b) in pairs {
            let same = compare(mine, *a, theirs, *b);
            if changed.renamed {
                let (old, new) = (shown(mine, *a), shown(theirs, *b));
                let known = names.entry(old.clone()).or_insert_with(|| new.clone()) == &new;
                changed.renamed = known
                    && back.entry(new).or_insert_with(|| old.clone()) == &old
                    && !old.contains('.')
                    && names.len() <= 200;
            }
            match same {
                Same::Equal => {}
                Same::Noise => changed.noise += 1,
                Same::Different => {
                    changed.rows += 1;
                    changed.samples.push((
                        self.ids[*a].clone(),
                        self.time.as_ref().map(|times| times[*a]),
                        shown(mine, *a),
                        shown(theirs, *b),
                    ));
                }
            }
        }
        changed.renamed &= changed.rows > 0 && are_codes(&names);
        if changed.samples.len() > 3 {
            // The first, the middle and the last.
            let (middle, last) = (changed.samples.len() / 2, changed.samples.len() - 1);
            changed.samples = [0, middle, last].map(|at| changed.samples[at].clone()).to_vec();
        }
        changed
    }
}

/// Whether the new values are the numbers from 0, without a gap, and not simply the old ones moved by the same amount.
fn are_codes(names: &BTreeMap<String, String>) -> bool {
    let pairs: Vec<(i64, i64)> =
        names.iter().filter_map(|(old, new)| Some((old.parse().ok()?, new.parse().ok()?))).collect();
    let mut new: Vec<i64> = pairs.iter().map(|(_, new)| *new).filter(|new| *new >= 0).collect();
    new.sort_unstable();
    let dense = new.iter().enumerate().all(|(place, code)| place as i64 == *code);
    let shifted = pairs.iter().map(|(old, new)| old - new).collect::<BTreeSet<i64>>().len() == 1;
    pairs.len() == names.len() && dense && (!shifted || pairs.len() <= 12)
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

pub(crate) fn missing(values: &Values, row: usize) -> bool {
    match values {
        Values::Int(_) => false,
        Values::Float(values) => values[row].is_nan(),
        Values::Time(values) => values[row] == i64::MIN,
        Values::Text(values) => values[row].is_none(),
    }
}

/// A value as people read it.
pub(crate) fn shown(values: &Values, row: usize) -> String {
    match values {
        _ if missing(values, row) => "missing".to_owned(),
        Values::Int(values) => values[row].to_string(),
        Values::Float(values) if values[row].abs() < 1e-3 || values[row].abs() >= 1e7 => format!("{}", values[row]),
        Values::Float(values) => {
            let text = format!("{:.4}", values[row]);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Values::Time(values) => instant::shown(values[row]),
        Values::Text(values) => values[row].clone().unwrap_or_default(),
    }
}

/// A column as times, if it holds some.
fn instants(values: &Values) -> Option<Vec<i64>> {
    let times: Vec<i64> = match values {
        Values::Time(times) => return Some(times.clone()),
        Values::Text(texts) => texts.iter().map(|text| text.as_deref().and_then(time).unwrap_or(i64::MIN)).collect(),
        Values::Int(numbers) => {
            numbers.iter().map(|number| instant::from_number(*number).unwrap_or(i64::MIN)).collect()
        }
        Values::Float(_) => return None,
    };
    times.iter().any(|time| *time != i64::MIN).then_some(times)
}
