//! Recorded frames with their rows named by keys. What names the rows is found out once for all frames that have it in common:
//! a notebook's variables share their keys, and frames may have hundreds of thousands of rows.
//! Not here: what differs between two frames (`diff.rs`), and which frames are audited.

use std::cell::RefCell;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hasher as _;
use std::path::PathBuf;
use std::rc::Rc;

use tandem_notebook::probe::{Column, Described, Stored, Values};

use crate::diff::{Alignment, Diff};
use crate::instant::{self, Style};

/// Columns are kept in memory up to about so many bytes.
const MEMORY: usize = 1 << 30;

/// Reads columns, each once, and knows which of them name rows.
pub(crate) struct Frames {
    pub store: PathBuf,
    pub entities: Vec<String>,
    pub identities: Vec<String>,
    pub times: Vec<String>,
    columns: RefCell<(usize, HashMap<String, Rc<Column>>)>,
    rows: RefCell<HashMap<String, Rc<Rows>>>,
    alignments: RefCell<HashMap<Pair, Rc<Alignment>>>,
}

/// The keys of two frames' rows, and until when they are compared.
type Pair = (String, String, Option<i64>);

/// A frame.
pub(crate) struct Frame {
    /// Name, and the name of the content.
    pub columns: Vec<(String, String)>,
    pub rows: Rc<Rows>,
    /// The columns that name rows: they are not values.
    pub keys: BTreeSet<String>,
}

/// The rows of frames that have the same keys.
pub(crate) struct Rows {
    /// What they are known by: the contents of their keys.
    pub key: String,
    /// For each row a number that stands for its keys, and for how many rows before it have the same.
    pub ids: Vec<u64>,
    /// When each row is asked for; none where the frame has no time.
    pub time: Option<Vec<i64>>,
    /// Whether an entity or event names the rows.
    pub named: bool,
    naming: Vec<Rc<Column>>,
}

impl Frames {
    pub fn new(store: PathBuf, entities: Vec<String>, identities: Vec<String>, times: Vec<String>) -> Self {
        let (columns, rows, alignments) = Default::default();
        Self { store, entities, identities, times, columns, rows, alignments }
    }

    /// The content of a column.
    pub fn column(&self, hash: &str) -> Option<Rc<Column>> {
        if let Some(found) = self.columns.borrow().1.get(hash) {
            return Some(Rc::clone(found));
        }
        let column = Rc::new(Column::read(&self.store, hash).ok()?);
        let mut known = self.columns.borrow_mut();
        if known.0 > MEMORY {
            *known = Default::default();
        }
        known.0 += column.values.bytes();
        known.1.insert(hash.to_owned(), Rc::clone(&column));
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
        let time = declared.chain(any).find(|part| self.column(&part.1).is_some_and(|column| is_time(&column.values)));
        let naming: Vec<&Stored> = named(&self.identities).into_iter().chain(named(&self.entities)).collect();
        let outside = !keys.is_empty();
        let mut keys: BTreeSet<String> = naming.iter().map(|part| part.0.clone()).collect();
        keys.extend(time.iter().map(|part| part.0.clone()));
        keys.extend(self.times.iter().cloned());
        if outside {
            keys.clear();
        }
        let rows = self.named_rows(*rows, &naming, time.copied())?;
        let columns = columns.iter().map(|part| (part.0.clone(), part.1.clone())).collect();
        Some(Frame { columns, rows, keys })
    }

    fn named_rows(&self, rows: usize, naming: &[&Stored], time: Option<&Stored>) -> Option<Rc<Rows>> {
        let hashes = |parts: &[&Stored]| parts.iter().map(|part| part.1.as_str()).collect::<Vec<_>>().join(" ");
        let key = format!("{rows} {} at {}", hashes(naming), time.map_or("", |part| part.1.as_str()));
        if let Some(found) = self.rows.borrow().get(&key) {
            return Some(Rc::clone(found));
        }
        let naming: Vec<Rc<Column>> = naming.iter().map(|part| self.column(&part.1)).collect::<Option<_>>()?;
        let time = match time {
            Some(part) => instants(&self.column(&part.1)?.values),
            None => None,
        };
        let found = Rc::new(Rows::new(key.clone(), rows, naming, time));
        self.rows.borrow_mut().insert(key, Rc::clone(&found));
        Some(found)
    }

    /// What differs in rows until an instant (all rows without one).
    pub fn diff(&self, first: &Described, second: &Described, until: Option<i64>) -> Option<Diff> {
        let (first, second) = (self.frame(first)?, self.frame(second)?);
        if until.is_some() && (first.rows.time.is_none() || second.rows.time.is_none())
            || until.is_none() && !first.rows.named
        {
            return None;
        }
        Some(Diff::new(self, &first, &second, self.aligned(&first.rows, &second.rows, until)))
    }

    fn aligned(&self, first: &Rc<Rows>, second: &Rc<Rows>, until: Option<i64>) -> Rc<Alignment> {
        let key = (first.key.clone(), second.key.clone(), until);
        let mut known = self.alignments.borrow_mut();
        if known.len() > 200 {
            known.clear();
        }
        match known.entry(key) {
            Entry::Occupied(found) => Rc::clone(found.get()),
            Entry::Vacant(free) => Rc::clone(free.insert(Rc::new(Alignment::new(first, second, until)))),
        }
    }
}

impl Rows {
    fn new(key: String, rows: usize, naming: Vec<Rc<Column>>, time: Option<Vec<i64>>) -> Self {
        let mut counts: HashMap<u64, u64> = HashMap::with_capacity(rows);
        let ids = (0..rows).map(|row| {
            let mut hasher = DefaultHasher::new();
            naming.iter().for_each(|column| hash(&column.values, row, &mut hasher));
            time.iter().for_each(|times| hasher.write_i64(times[row]));
            let count = counts.entry(hasher.finish()).or_default();
            *count += 1;
            hasher.write_u64(*count);
            hasher.finish()
        });
        let ids = ids.collect();
        Self { key, ids, time, named: !naming.is_empty(), naming }
    }

    /// What a row is called.
    pub fn label(&self, row: usize) -> String {
        let mut label: Vec<String> = self.naming.iter().map(|column| shown(&column.values, row)).collect();
        label.extend(self.time.as_ref().map(|times| instant::shown(times[row])));
        if label.is_empty() { format!("row {}", row + 1) } else { label.join(" · ") }
    }

    /// Whether a row lies before an instant, or there is none.
    pub fn within(&self, row: usize, until: Option<i64>) -> bool {
        match (until, &self.time) {
            (Some(until), Some(times)) => times[row] <= until && times[row] != i64::MIN,
            _ => true,
        }
    }
}

/// A key's part in what a row is known by. A whole number is the same one as a float: a missing key makes floats of them all.
fn hash(values: &Values, row: usize, hasher: &mut DefaultHasher) {
    match values {
        Values::Int(values) | Values::Time(values) => hasher.write_i64(values[row]),
        Values::Float(values) if values[row].fract() == 0.0 && values[row].abs() < 9e15 => {
            hasher.write_i64(values[row] as i64);
        }
        Values::Float(values) => hasher.write_u64(values[row].to_bits()),
        Values::Text(values) => hasher.write(values[row].as_deref().unwrap_or("\u{0}missing").as_bytes()),
    }
    hasher.write_u8(0xff);
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

fn is_time(values: &Values) -> bool {
    match values {
        Values::Time(_) => true,
        Values::Text(texts) => {
            let style = style(texts);
            texts.iter().flatten().any(|text| style.read(text).is_some())
        }
        Values::Int(numbers) => numbers.iter().any(|number| instant::from_number(*number).is_some()),
        Values::Float(_) => false,
    }
}

fn style(texts: &[Option<String>]) -> Style {
    Style::of(texts.iter().flatten().map(String::as_str))
}

/// A column as times, if it holds some.
fn instants<'a>(values: &'a Values) -> Option<Vec<i64>> {
    Some(match values {
        Values::Time(times) => times.clone(),
        Values::Text(texts) => {
            // The same times stand in many rows.
            let mut known: BTreeMap<&'a str, i64> = BTreeMap::new();
            let style = style(texts);
            let mut read = |text: &'a str| *known.entry(text).or_insert_with(|| style.read(text).unwrap_or(i64::MIN));
            texts.iter().map(|text| text.as_deref().map_or(i64::MIN, &mut read)).collect()
        }
        Values::Int(numbers) => {
            numbers.iter().map(|number| instant::from_number(*number).unwrap_or(i64::MIN)).collect()
        }
        Values::Float(_) => return None,
    })
}
