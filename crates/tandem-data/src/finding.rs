//! What was odd about the records that were read, counted, with the first examples: nothing here stops a read.
//! What does stop it is a [`crate::read::ReadError`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tandem_definitions::{Code, Diagnostic, Severity, Source, time};

/// How many examples of each kind are kept.
pub const EXAMPLES: usize = 3;

/// Where a record lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub file: Arc<Path>,
    /// The record's row in it (JSON lines: the line), from 1; a CSV's header is not counted.
    pub row: u64,
}

/// How often something was seen, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many records.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES`].
    pub examples: Vec<Example>,
}

impl Count {
    /// Counts one record.
    pub fn add(&mut self, file: &Arc<Path>, row: u64) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(Example { file: Arc::clone(file), row });
        }
    }

    /// Where the first of them lie, in words.
    pub fn first(&self) -> String {
        let places: Vec<String> = self.examples.iter().map(|e| format!("{} row {}", e.file.display(), e.row)).collect();
        places.join(", ")
    }

    /// Adds the count of a later stretch of the log.
    pub fn merge(&mut self, later: &Self) {
        self.count += later.count;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(later.examples.iter().take(room).cloned());
    }
}

/// What was odd about the records of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records read, usable or not.
    pub records: u64,
    /// No event time: not used.
    pub without_event_time: Count,
    /// No arrival time: not used.
    pub without_arrival_time: Count,
    /// No arrival time: used, with the one that the contract says to assume.
    pub assumed_arrival: Count,
    /// An event or arrival time outside the years 1 to 9999: not used.
    pub outside_the_calendar: Count,
    /// Arrived before they happened: used, with the arrival time moved to the event time.
    pub arrived_before_event: Count,
    /// Arrived before they happened: not used, as the contract says.
    pub early_left_out: Count,
    /// A local time that a clock set forward skips: read with the offset from before the change.
    pub nonexistent_local_time: Count,
    /// A local time that a clock set back shows twice: the first of the two is taken.
    pub ambiguous_local_time: Count,
    /// A time finer than a microsecond: rounded down.
    pub finer_than_microsecond: Count,
    /// A field that the contract requires is null in a record that is used all the same; by the field's index in the contract.
    pub required_but_null: BTreeMap<usize, Count>,
}

impl Findings {
    /// Adds the findings of a later stretch of the same source.
    pub fn merge(&mut self, later: &Self) {
        self.records += later.records;
        self.without_event_time.merge(&later.without_event_time);
        self.without_arrival_time.merge(&later.without_arrival_time);
        self.assumed_arrival.merge(&later.assumed_arrival);
        self.outside_the_calendar.merge(&later.outside_the_calendar);
        self.arrived_before_event.merge(&later.arrived_before_event);
        self.early_left_out.merge(&later.early_left_out);
        self.nonexistent_local_time.merge(&later.nonexistent_local_time);
        self.ambiguous_local_time.merge(&later.ambiguous_local_time);
        self.finer_than_microsecond.merge(&later.finer_than_microsecond);
        for (field, count) in &later.required_but_null {
            self.required_but_null.entry(*field).or_default().merge(count);
        }
    }

    /// How many records were left out.
    pub fn left_out(&self) -> u64 {
        let [event, arrival] = [self.without_event_time.count, self.without_arrival_time.count];
        event + arrival + self.outside_the_calendar.count + self.early_left_out.count
    }
}

/// The findings of a source as diagnostics at its declaration, each with its first examples.
impl Findings {
    /// One diagnostic for each kind that was seen. Records that are left out or changed are warnings here, whatever the
    /// code's own severity: the reading went on, and says what it did.
    pub fn diagnostics(&self, source: &Source) -> Vec<Diagnostic> {
        let mut kinds = self.times(source);
        kinds.extend(self.arrivals(source));
        for (field, count) in &self.required_but_null {
            let name = &source.fields[*field].name;
            kinds.push(Kind {
                count,
                code: Code::RequiredFieldEmpty,
                what: format!("without `{name}`, which the contract requires; used all the same"),
                help: format!("Write `{name}` in every record, or take `required` off it in the contract"),
            });
        }
        kinds.into_iter().filter(|kind| kind.count.count > 0).map(|kind| kind.diagnostic(source)).collect()
    }

    /// Times that are missing, or that no clock showed just once.
    fn times(&self, source: &Source) -> Vec<Kind<'_>> {
        let event = &source.fields[source.event].name;
        let kind = |count, code, what: &str, help: String| Kind { count, code, what: what.to_owned(), help };
        vec![
            kind(
                &self.without_event_time,
                Code::RecordWithoutEventTime,
                &format!("without an event time (`{event}`), left out"),
                format!("Write `{event}` in every record, or say in the contract which field holds the event time"),
            ),
            kind(
                &self.outside_the_calendar,
                Code::RecordWithoutEventTime,
                "with a time outside the years 1 to 9999, left out",
                format!("Correct `{event}` and the arrival time; a time that is not known is written as null"),
            ),
            kind(
                &self.nonexistent_local_time,
                Code::NonexistentLocalTime,
                "with a local time that the clock skipped; moved forward by the length of the jump",
                "Write times with their offset, or check `timeZone` in the contract".to_owned(),
            ),
            kind(
                &self.ambiguous_local_time,
                Code::AmbiguousLocalTime,
                "with a local time that the clock showed twice; the earlier was taken",
                "Write times with their offset".to_owned(),
            ),
        ]
    }

    /// Arrival times that cannot be taken as they stand, and what is done with them.
    fn arrivals(&self, source: &Source) -> Vec<Kind<'_>> {
        let event = &source.fields[source.event].name;
        let stated = |is: bool| if is { ", as the contract says" } else { "" };
        let kind = |count, code, what, help: &str| Kind { count, code, what, help: help.to_owned() };
        let delay = time::format_duration(source.treatment.assumed_delay().unwrap_or(0));
        let clocks = format!("Check the clocks and time zones of `{event}` and of the arrival time");
        vec![
            kind(
                &self.without_arrival_time,
                Code::RecordWithoutArrival,
                format!("without an arrival time, left out{}", stated(source.treatment.missing.is_some())),
                "Write when each arrived, or say in the contract what is done: `whenArrivalMissing: leave out`, or \
                 `assume 5 minutes`",
            ),
            kind(
                &self.assumed_arrival,
                Code::RecordWithoutArrival,
                format!("without an arrival time, taken as arrived {delay} after they happened, as the contract says"),
                "Write when each arrived, if that is known",
            ),
            kind(
                &self.arrived_before_event,
                Code::ArrivedBefore,
                format!(
                    "arrived before they happened; taken as arrived when they happened{}",
                    stated(source.treatment.early.is_some())
                ),
                &format!(
                    "{clocks}; if they are right, say in the contract what is done: `whenArrivalBeforeEvent: event`, or \
                     `leave out`"
                ),
            ),
            kind(
                &self.early_left_out,
                Code::ArrivedBefore,
                "arrived before they happened, left out, as the contract says".to_owned(),
                &clocks,
            ),
        ]
    }
}

/// Something odd that was seen.
struct Kind<'f> {
    count: &'f Count,
    code: Code,
    what: String,
    help: String,
}

impl Kind<'_> {
    fn diagnostic(self, source: &Source) -> Diagnostic {
        let Self { count, code, what, help } = self;
        let message = format!("{}: {} {what}", source.name, records(count.count));
        let mut found = Diagnostic::new(code, source.place.clone(), message, help).with_text(count.first());
        // What the contract has foreseen is only told.
        let foreseen = match code {
            Code::RecordWithoutArrival => source.treatment.missing.is_some(),
            Code::ArrivedBefore => source.treatment.early.is_some(),
            _ => false,
        };
        found.severity = found.severity.min(if foreseen { Severity::Note } else { Severity::Warning });
        found
    }
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
