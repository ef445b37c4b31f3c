//! The last two weeks, as production would have seen them: every record posted in the order of its arrival, and a prediction
//! asked for at each observation's instant, once everything that had arrived before it is in.
//!
//! Which observations there are is the question's own rule, read by the product's own reader over logs and stream together.
//! Not here: whether the answers are right (`tandem parity`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value as Json, json};
use tandem_data::json::to_json;
use tandem_data::read;
use tandem_data::table::{Column, columns};
use tandem_definitions::{Micros, Project, Question, time};
use tandem_project::observe::{Observations, observations};
use tandem_project::{Loaded, Origin};

use super::service::Client;
use crate::failure::Failure;

/// What was streamed.
#[derive(Clone, Debug)]
pub struct Streamed {
    /// Records that were accepted.
    pub records: u64,
    /// Observations at which a prediction was asked for.
    pub asked: u64,
    /// Predictions that came back.
    pub predictions: u64,
    /// HTTP requests.
    pub requests: u64,
    /// The first and the last instant asked about.
    pub span: Option<(Micros, Micros)>,
    /// How long it took.
    pub seconds: f64,
}

/// Records that have not arrived yet, of one source, in the order of their arrival.
struct Incoming {
    source: String,
    text: String,
    /// For each record: when it arrives, and where its line ends in the text.
    records: Vec<(Micros, usize)>,
    next: usize,
}

/// What is streamed in, and when what is asked.
pub struct Stream {
    incoming: Vec<Incoming>,
    observed: Observations,
}

impl Stream {
    /// Reads `stream/SOURCE.jsonl` of a project, and the observations of a question that fall into it.
    pub fn read(loaded: &Loaded, question: &Question) -> Result<Self, Failure> {
        let ahead = ahead(loaded)?;
        let (mut incoming, mut logged_until) = (Vec::new(), Micros::MIN);
        for (index, source) in loaded.project.sources.iter().enumerate() {
            let path = loaded.base.join("stream").join(format!("{}.jsonl", source.name));
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let arrivals = arrivals(&ahead, index, &mut logged_until)?;
            let mut end = 0;
            let ends = text.split_inclusive('\n').map(|line| {
                end += line.len();
                end
            });
            let records: Vec<(Micros, usize)> = arrivals.into_iter().zip(ends).collect();
            incoming.push(Incoming { source: source.name.clone(), text, records, next: 0 });
        }
        let all = observations(&ahead, question)?;
        // What was asked before the logs end is the training set's business, and would look into the past here.
        let rows: Vec<u32> = (0..all.len() as u32).filter(|row| all.at[*row as usize] > logged_until).collect();
        drop(ahead.origin.log.map(fs::remove_dir_all)); // in memory now, and of no use to anybody else
        Ok(Self { incoming, observed: all.take(&rows) })
    }

    /// How many records and how many observations there are.
    pub fn sizes(&self) -> (usize, usize) {
        (self.incoming.iter().map(|i| i.records.len()).sum(), self.observed.len())
    }

    /// Streams it all; `progress` hears the share that is done and so many records and predictions.
    pub fn run(
        self,
        project: &Project,
        model: &str,
        client: &Client,
        progress: &dyn Fn(f64, u64, u64),
    ) -> Result<Streamed, Failure> {
        let begun = Instant::now();
        let path = format!("/v1/models/{model}/predictions");
        let Self { mut incoming, observed } = self;
        let keys = Keys::new(project, &observed)?;
        let at = &observed.at;
        let span = at.first().zip(at.last()).map(|(first, last)| (*first, *last));
        let mut done = Streamed { records: 0, asked: 0, predictions: 0, requests: 0, span, seconds: 0.0 };
        let mut row = 0;
        for group in at.chunk_by(|a, b| a == b) {
            post_until(&mut incoming, group[0], client, &mut done)?;
            let rows: Vec<Json> = (row..row + group.len()).map(|row| keys.row(row, group[0])).collect();
            row += group.len();
            let answer = client.post(&path, "application/json", json!({"rows": rows}).to_string().as_bytes())?;
            let answered = answer["rows"]
                .as_array()
                .map_or(0, |rows| rows.iter().filter(|row| row["prediction"].is_number()).count());
            done.predictions += answered as u64;
            done.asked += group.len() as u64;
            done.requests += 1;
            progress(row as f64 / at.len() as f64, done.records, done.predictions);
        }
        post_until(&mut incoming, Micros::MAX, client, &mut done)?;
        done.seconds = begun.elapsed().as_secs_f64();
        Ok(done)
    }
}

/// Posts what arrives before the instant, the sources beside each other: their order among each other does not matter.
fn post_until(all: &mut [Incoming], at: Micros, client: &Client, done: &mut Streamed) -> Result<(), Failure> {
    let is_due =
        |incoming: &&mut Incoming| incoming.records.get(incoming.next).is_some_and(|(arrival, _)| *arrival < at);
    let mut due: Vec<&mut Incoming> = all.iter_mut().filter(is_due).collect();
    done.requests += due.len() as u64;
    done.records += match due.as_mut_slice() {
        [] => 0,
        [only] => only.post_until(at, client)?,
        several => std::thread::scope(|scope| {
            let posts: Vec<_> = several.iter_mut().map(|i| scope.spawn(|| i.post_until(at, client))).collect();
            let broke = |_| Err(Failure::world("a request broke off"));
            posts.into_iter().map(|post| post.join().unwrap_or_else(broke)).sum::<Result<u64, Failure>>()
        })?,
    };
    Ok(())
}

impl Incoming {
    /// At most so many records go in one request, so that no body is too large.
    const AT_ONCE: usize = 2_000;

    fn post_until(&mut self, at: Micros, client: &Client) -> Result<u64, Failure> {
        let path = format!("/v1/sources/{}/records", self.source);
        let mut accepted = 0;
        loop {
            let due = self.records[self.next..].iter().take_while(|(arrival, _)| *arrival < at).count();
            if due == 0 {
                return Ok(accepted);
            }
            let count = due.min(Self::AT_ONCE);
            let begin = if self.next == 0 { 0 } else { self.records[self.next - 1].1 };
            let end = self.records[self.next + count - 1].1;
            client.post(&path, "application/x-ndjson", &self.text.as_bytes()[begin..end])?;
            self.next += count;
            accepted += count as u64;
        }
    }
}

/// The project as it will be when everything has been streamed: the stream in the place of the service's own log.
fn ahead(loaded: &Loaded) -> Result<Loaded, Failure> {
    let folder = loaded.state_dir().join("demo/ahead");
    drop(fs::remove_dir_all(&folder)); // of an earlier run, or none
    for source in &loaded.project.sources {
        let (from, to) = (loaded.base.join("stream").join(format!("{}.jsonl", source.name)), folder.join(&source.name));
        if from.is_file() {
            fs::create_dir_all(&to).map_err(|e| Failure::file("make", &to, &e))?;
            fs::copy(&from, to.join("000001.jsonl")).map_err(|e| Failure::file("copy", &from, &e))?;
        }
    }
    let origin = Origin { log: Some(folder), ..loaded.origin.clone() };
    Ok(Loaded { origin, ..loaded.clone() })
}

/// When the streamed records of a source arrive; `logged_until` becomes the latest arrival of those before.
fn arrivals(ahead: &Loaded, source: usize, logged_until: &mut Micros) -> Result<Vec<Micros>, Failure> {
    let folder: PathBuf = ahead.origin.log.clone().unwrap_or_default();
    let streamed = |file: &Path| file.starts_with(&folder);
    let mut arrivals = Vec::new();
    let reader = read::open(&ahead.project.sources[source], &ahead.origin, &[]).map_err(tandem_project::Error::from)?;
    for batch in reader {
        let batch = batch.map_err(tandem_project::Error::from)?;
        if streamed(&batch.file) {
            arrivals.extend_from_slice(&batch.arrival);
        } else {
            *logged_until = batch.arrival.iter().copied().fold(*logged_until, Micros::max);
        }
    }
    Ok(arrivals)
}

/// The keys of the observations, to be written as JSON.
struct Keys<'a> {
    entities: Vec<(&'a tandem_definitions::Entity, Vec<Column<'a>>)>,
}

impl<'a> Keys<'a> {
    fn new(project: &'a Project, observed: &'a Observations) -> Result<Self, Failure> {
        let entity =
            |(entity, parts): (&usize, &'a Vec<_>)| columns(parts).map(|columns| (&project.entities[*entity], columns));
        let entities: Option<Vec<_>> = observed.entities.iter().zip(&observed.keys).map(entity).collect();
        entities.map(|entities| Self { entities }).ok_or_else(|| Failure::project("a key has a type that is no key"))
    }

    fn row(&self, row: usize, at: Micros) -> Json {
        let mut entities = Map::new();
        for (entity, parts) in &self.entities {
            let key = match (entity.keys.as_slice(), parts.as_slice()) {
                ([_], [only]) => to_json(&only.get(row).to_value()),
                (keys, parts) => keys
                    .iter()
                    .zip(parts)
                    .map(|(key, part)| (key.name.clone(), to_json(&part.get(row).to_value())))
                    .collect(),
            };
            entities.insert(entity.name.clone(), key);
        }
        json!({"entities": entities, "at": time::format_instant(at)})
    }
}
