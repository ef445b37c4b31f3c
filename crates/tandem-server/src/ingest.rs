//! Records on their way in: one thread owns the log, the identities seen and the order. It takes all requests that wait, writes
//! their lines, makes the disk hold them once for all of them, applies them, and only then acknowledges each.
//!
//! Nothing is acknowledged that a crash could lose; what was written and not acknowledged may be sent again, and a source with
//! an identity counts it once, or, where records correct, as the last of it. Not here: reading and checking a body (`records.rs`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use tandem_data::append::{AppendError, AppendLog};
use tandem_definitions::{Arrival, Micros, Project};
use tandem_engine::{Admission, Record};
use tokio::sync::oneshot;

use crate::problem::Problem;
use crate::records::NewRecord;
use crate::setup::Event;
use crate::states::States;

/// So many requests may wait.
const WAITING_REQUESTS: usize = 1024;
/// So many bytes of records may wait; one request may always.
const WAITING_BYTES: usize = 64 << 20;
/// One group is no larger, so that the first of it is not kept waiting by the last.
const GROUP_RECORDS: usize = 20_000;
/// So many records are applied before questions get their turn.
const APPLY: usize = 256;

/// What a request's records came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many went into the log.
    pub accepted: u64,
    /// How many were known already, by identity, and did not go into it.
    pub duplicates: u64,
    /// How many of the accepted ones have the identity of a record that was known already, and correct it.
    pub corrections: u64,
    /// How many of the accepted ones lack an entity that they could touch.
    pub without_entity: u64,
    /// How many of the accepted ones claim to have arrived before they happened: they count from their event on.
    pub arrived_before_event: u64,
    /// How many of the accepted ones arrived before an instant that has been answered for already: that answer did not know
    /// them, and training by arrival time will.
    pub arrived_before_answered: u64,
    /// The position of the first accepted one.
    pub first_position: u64,
    /// The source's position after the last.
    pub position: u64,
}

type Answer = Result<Receipt, Problem>;
type Reply = oneshot::Sender<Answer>;

struct Job {
    source: usize,
    records: Vec<NewRecord>,
    bytes: usize,
    reply: Reply,
}

/// The way in.
pub struct Ingest {
    /// `None` once it is closed.
    queue: RwLock<Option<SyncSender<Job>>>,
    load: Arc<Load>,
}

/// What waits.
#[derive(Default)]
struct Load {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// What the ingest thread works with.
pub struct Owned {
    /// The definitions.
    pub project: Arc<Project>,
    /// The states that questions are answered from.
    pub states: Arc<RwLock<States>>,
    /// The identities seen, by source.
    pub admissions: Vec<Admission>,
    /// For each source, how many records lie before the service's own log.
    pub begins: Vec<u64>,
    /// The present.
    pub clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// Told when the log fails.
    pub notice: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Ingest {
    /// Starts the thread over the sources' logs; it ends when the way in is closed.
    pub fn start(owned: Owned, logs: Vec<AppendLog>) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (queue, jobs) = sync_channel(WAITING_REQUESTS);
        let load = Arc::new(Load::default());
        let writer = Writer { owned, logs, load: Arc::clone(&load) };
        let thread = std::thread::Builder::new().name("ingest".to_owned()).spawn(move || writer.run(&jobs));
        Ok((Self { queue: RwLock::new(Some(queue)), load }, thread?))
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.load.requests.load(Ordering::Relaxed)
    }

    /// Takes nothing more; the thread ends when what waits is written.
    pub fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Hands records in; the answer comes when they are durable and applied.
    pub async fn send(&self, source: usize, records: Vec<NewRecord>, bytes: usize) -> Result<Receipt, Problem> {
        let before = self.load.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.load.requests.fetch_add(1, Ordering::Relaxed);
        let undo = || {
            self.load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.load.requests.fetch_sub(1, Ordering::Relaxed);
        };
        if before > 0 && before + bytes > WAITING_BYTES {
            undo();
            return Err(busy());
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { source, records, bytes, reply };
        let refused = match &*self.queue.read().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.try_send(job).err().map(|refused| match refused {
                TrySendError::Full(_) => busy(),
                TrySendError::Disconnected(_) => stopping(),
            }),
            None => Some(stopping()),
        };
        if let Some(problem) = refused {
            undo();
            return Err(problem);
        }
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}

fn unavailable(detail: &str, remedy: &str) -> Problem {
    Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "Records cannot be accepted now", detail, remedy)
}

fn busy() -> Problem {
    unavailable("too many records are waiting to be written", "nothing of this request was accepted; send it again")
        .retry(1)
}

fn stopping() -> Problem {
    unavailable("the service is stopping", "send the request again when it is back").retry(5)
}

fn log_failed(reason: &str) -> Problem {
    let remedy = "nothing of this request was accepted; make room on the disk or mend it, then send the request again";
    unavailable(reason, remedy).retry(5)
}

/// The ingest thread.
struct Writer {
    owned: Owned,
    logs: Vec<AppendLog>,
    load: Arc<Load>,
}

/// A job on its way into the log: its answer, and which of its records are new.
struct Admitted {
    job: Job,
    receipt: Receipt,
    /// The new records' indexes; they lie in the log from `receipt.first_position` on.
    new: Vec<usize>,
}

/// When a group of records is taken in.
#[derive(Clone, Copy)]
struct Moment {
    /// The present.
    clock: Micros,
    /// The stamp of records whose arrival the log observes.
    stamp: Micros,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut records = first.records.len();
            let mut group = vec![first];
            while records < GROUP_RECORDS
                && let Ok(next) = jobs.try_recv()
            {
                records += next.records.len();
                group.push(next);
            }
            for job in &group {
                self.load.requests.fetch_sub(1, Ordering::Relaxed);
                self.load.bytes.fetch_sub(job.bytes, Ordering::Relaxed);
            }
            self.commit(group);
        }
    }

    /// Stamps, writes and applies a group, source by source, and then acknowledges it.
    fn commit(&mut self, group: Vec<Job>) {
        let clock = (self.owned.clock)();
        let (stamp, next) = {
            let mut states = self.states_mut();
            (states.stamp(clock), states.positions().to_vec())
        };
        let mut by_source: Vec<Vec<Job>> = self.logs.iter().map(|_| Vec::new()).collect();
        for job in group {
            by_source[job.source].push(job);
        }
        let mut answers = Vec::new();
        for (source, jobs) in by_source.into_iter().enumerate().filter(|(_, jobs)| !jobs.is_empty()) {
            let moment = Moment { clock, stamp };
            answers.extend(self.commit_source(source, jobs, moment, next[source]));
        }
        // Before anybody hears of it: whoever asks then is answered as of the clock's time again.
        self.states_mut().settle();
        for (reply, answer) in answers {
            // Whoever asked may have gone; the records stay.
            drop(reply.send(answer));
        }
    }

    fn commit_source(&mut self, source: usize, jobs: Vec<Job>, moment: Moment, mut next: u64) -> Vec<(Reply, Answer)> {
        let first = next;
        let mut lines = Vec::new();
        // Repeats within the group; the identities count as seen only once the records are in the log.
        let mut within = Admission::default();
        let admitted: Vec<Admitted> =
            jobs.into_iter().map(|job| self.admit(job, moment.stamp, &mut next, &mut within, &mut lines)).collect();
        if !lines.is_empty()
            && let Err(problem) = self.write(source, &lines, first)
        {
            (self.owned.notice)(Event::LogFailed { reason: problem.detail.clone() });
            return admitted.into_iter().map(|a| (a.job.reply, Err(problem.clone()))).collect();
        }
        let contract = &self.owned.project.sources[source];
        let mut answers = Vec::with_capacity(admitted.len());
        for mut a in admitted {
            for index in &a.new {
                self.owned.admissions[source].admit(&a.job.records[*index].identity(contract));
            }
            self.apply(&mut a, moment);
            answers.push((a.job.reply, Ok(a.receipt)));
        }
        answers
    }

    /// Brings the lines to the disk, the first of them at this position of the source. `Err`: why they are not accepted.
    fn write(&self, source: usize, lines: &[String], first: u64) -> Result<(), Problem> {
        let (log, begins) = (&self.logs[source], self.owned.begins[source]);
        let failed = |error: AppendError| log_failed(&error.to_string());
        if log.records() == 0 {
            log.set_begins_at(begins).map_err(failed)?;
        }
        let written = begins + log.append(lines).map_err(failed)?;
        if written == first {
            return Ok(());
        }
        let name = &self.owned.project.sources[source].name;
        let detail = format!("records of `{name}` went to position {written} of their log, and {first} was expected");
        let remedy = "this is a mistake in Tandem: please report it, and start `tandem serve` again, which reads the log as it is";
        Err(Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "Records out of place", detail, remedy))
    }

    fn admit(
        &self,
        job: Job,
        stamp: Micros,
        next: &mut u64,
        within: &mut Admission,
        lines: &mut Vec<String>,
    ) -> Admitted {
        let source = &self.owned.project.sources[job.source];
        let stamped = (source.arrival == Arrival::Observed).then_some(stamp);
        let mut receipt = Receipt { first_position: *next, ..Receipt::default() };
        let mut new = Vec::with_capacity(job.records.len());
        for (i, record) in job.records.iter().enumerate() {
            let identity = record.identity(source);
            let known = !self.owned.admissions[job.source].is_new(&identity) || !within.admit(&identity);
            if known && !source.corrects {
                receipt.duplicates += 1;
                continue;
            }
            receipt.corrections += u64::from(known);
            lines.push(record.line(stamped));
            receipt.accepted += 1;
            receipt.without_entity += u64::from(record.without_entity);
            receipt.arrived_before_event += u64::from(record.arrival.unwrap_or(stamp) < record.event);
            new.push(i);
        }
        *next += receipt.accepted;
        receipt.position = *next;
        Admitted { job, receipt, new }
    }

    fn apply(&self, admitted: &mut Admitted, moment: Moment) {
        let source = admitted.job.source;
        let observed = self.owned.project.sources[source].arrival == Arrival::Observed;
        let now = if observed { moment.stamp } else { moment.clock };
        for (chunk, indexes) in admitted.new.chunks(APPLY).enumerate() {
            let mut states = self.states_mut();
            let wanted = states.fields(source).to_vec();
            let asked = states.asked();
            for (i, index) in indexes.iter().enumerate() {
                let record = &admitted.job.records[*index];
                let fields: Vec<_> = wanted.iter().map(|field| record.values[*field].as_datum()).collect();
                let position = admitted.receipt.first_position + (chunk * APPLY + i) as u64;
                // As the readers have it: what arrived before it happened counts from its event on.
                let arrival = record.arrival.unwrap_or(moment.stamp).max(record.event);
                admitted.receipt.arrived_before_answered += u64::from(arrival < asked);
                states.take(&Record { source, position, event: record.event, arrival, fields: &fields }, now);
            }
        }
    }

    fn states_mut(&self) -> RwLockWriteGuard<'_, States> {
        self.owned.states.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use super::*;
    use crate::records::{self, Shape};

    const CONTRACT: &str = "apiVersion: v3.2.0
kind: DataContract
id: gates
version: 1.0.0
status: active
schema:
  - name: gates
    customProperties: [{property: arrival, value: observed}]
    properties:
      - {name: changed, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
";

    #[test]
    fn records_that_land_elsewhere_than_expected_are_refused_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| tandem_definitions::File { path: path.to_owned(), text: text.to_owned() };
        let (project, _) =
            tandem_definitions::read(&[file("tandem.yaml", "name: a"), file("sources/gates.odcs.yaml", CONTRACT)]);
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let owned = Owned {
            states: Arc::new(RwLock::new(States::new(&project))),
            admissions: vec![Admission::default()],
            // The location has 5 records, and the states know of none.
            begins: vec![5],
            clock: Arc::new(|| 1_000),
            notice: Arc::new(move |event| told.lock().unwrap().push(event)),
            project: Arc::new(project),
        };
        let (log, _) = AppendLog::open(folder.path()).unwrap();
        let records = records::read(&owned.project.sources[0], Shape::Json, b"{\"changed\": 5}", 1_000).unwrap();
        let (reply, mut answer) = oneshot::channel();
        let mut writer = Writer { owned, logs: vec![log], load: Arc::default() };
        writer.commit(vec![Job { source: 0, records, bytes: 0, reply }]);
        let problem = answer.try_recv().unwrap().unwrap_err();
        assert!(problem.status == 500 && problem.detail.contains("position 5") && problem.remedy.contains("report"));
        assert!(matches!(&events.lock().unwrap()[..], [Event::LogFailed { reason }] if reason.contains("position 5")));
        assert_eq!(writer.states_mut().positions(), [0], "nothing was applied");
    }
}
