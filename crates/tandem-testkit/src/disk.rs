//! The real road: the log written to files, and replayed by tandem-data's driver. Each log is divided among two files, so
//! that positions run on from one to the next; or the second half lies in the durable log, written as a service does that is
//! stopped now and then. Not here: HTTP (the server's own tests).

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tandem_data::append::AppendLog;
use tandem_data::json;
use tandem_data::read::Origin;
use tandem_data::replay::{Asks, Known, Options, replay};
use tandem_data::table;
use tandem_definitions::{
    ARRIVED_AT, Arrival, Format, Location, OnCalendar, OnRecord, Project, Question, Rule, Source, Type, Value,
};
use tandem_engine::Plan;
use tandem_project::load::from_files;
use tandem_project::observe::observations;
use tandem_project::scenario::{Case, LogRecord, Observation, Way};

/// The replay driver, from files of a format.
#[derive(Clone, Copy, Debug)]
pub struct OnDisk {
    /// How the log is written. What a format cannot hold (an empty text in CSV, NaN in JSON) is written as Parquet.
    pub format: Format,
    /// How the replay is run.
    pub options: Options,
    /// Whether the log is put into the order of arrival, as a service writes it, and replayed up to the position that
    /// each observation had seen, instead of by arrival times.
    pub by_position: bool,
    /// Whether the second half of a log lies in the durable log of a service (in the order of arrival).
    pub served: bool,
}

/// The ways through files: each format, one thread and several, in one pass and in several, by time and by position.
pub fn on_disk() -> Vec<Box<dyn Way>> {
    let options = |threads, memory| Options { threads, memory, now: None };
    let way =
        |format, options, by_position| Box::new(OnDisk { format, options, by_position, served: false }) as Box<dyn Way>;
    vec![
        way(Format::Parquet, options(1, None), false),
        way(Format::Parquet, options(3, Some(4_096)), false),
        way(Format::Csv, options(2, None), false),
        way(Format::Jsonl, options(2, None), false),
        way(Format::Parquet, options(2, None), true),
    ]
}

/// The ways through files and the durable log of a service. They wait for the disk at each record that is acknowledged.
pub fn served() -> Vec<Box<dyn Way>> {
    let options = Options { threads: 2, memory: None, now: None };
    let way = |by_position| OnDisk { format: Format::Parquet, options, by_position, served: true };
    [false, true].map(|by_position| Box::new(way(by_position)) as Box<dyn Way>).into()
}

/// The folder of the durable logs.
const LOG: &str = ".tandem/log";

impl Way for OnDisk {
    fn name(&self) -> String {
        let known = if self.by_position { "by position" } else { "by arrival" };
        let Options { threads, memory, .. } = self.options;
        let limit = memory.map_or_else(String::new, |bytes| format!(", at most {bytes} bytes"));
        let own = if self.served { " and the log of a service" } else { "" };
        format!("from {:?} files{own}, {threads} threads, {known}{limit}", self.format)
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (project, arrivals) = self.written(case, folder.path(), self.by_position || self.served)?;
        let plan = Plan::compile(&project, &case.features);
        let asks = self.asks(case, &plan, &arrivals);
        let log = self.served.then(|| folder.path().join(LOG));
        let origin = Origin { base: folder.path().to_owned(), server: None, log };
        let replayed = replay(&project, &plan, &origin, &asks, &self.options, &|_| {}).map_err(|e| e.to_string())?;
        let row = |i| replayed.columns.iter().map(|column| table::value(column, i)).collect();
        Ok((0..case.observations.len()).map(row).collect())
    }

    fn observations(&self, case: &Case<'_>, question: &Question) -> Result<Vec<Observation>, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (project, _) = self.written(case, folder.path(), false)?;
        // What a scenario gives no record of is no file of nothing here, as it would be for a team.
        if let Rule::Record(OnRecord { source, .. }) | Rule::Calendar(OnCalendar { source, .. }) =
            &question.observe.rule
            && case.logs.iter().all(|log| log.source != *source || log.records.is_empty())
        {
            return Ok(Vec::new());
        }
        let mut loaded = from_files(folder.path(), case.files.to_vec());
        loaded.project = project;
        let observed = observations(&loaded, question).map_err(|e| e.to_string())?;
        let values = |columns, row: usize| {
            let columns = table::columns(columns).ok_or("a column of none of the five types")?;
            Ok::<_, String>(columns.iter().map(|c| c.get(row).to_value()).collect::<Vec<Value>>())
        };
        let one = |row: usize| {
            let mut keys = vec![None; case.project.entities.len()];
            for (entity, parts) in observed.entities.iter().zip(&observed.keys) {
                keys[*entity] = Some(values(parts.as_slice(), row)?);
            }
            let mut request = vec![Value::Null; case.project.request.len()];
            for (field, value) in observed.told.iter().zip(values(observed.request.as_slice(), row)?) {
                request[*field] = value;
            }
            Ok(Observation { keys, at: observed.at[row], request })
        };
        (0..observed.len()).map(one).collect()
    }
}

impl OnDisk {
    /// The case's logs written into a folder (`sorted`: in the order of arrival): the project whose sources lie there, and the
    /// arrivals of each source.
    fn written(&self, case: &Case<'_>, folder: &Path, sorted: bool) -> Result<(Project, Vec<Vec<i64>>), String> {
        let mut project = case.project.clone();
        let mut arrivals = vec![Vec::new(); project.sources.len()];
        for (index, source) in project.sources.iter_mut().enumerate() {
            let log = case.logs.iter().find(|l| l.source == index);
            let mut records: Vec<&LogRecord> = log.map(|l| l.records.iter().collect()).unwrap_or_default();
            if sorted {
                records.sort_by_key(|r| r.arrival);
            }
            arrivals[index] = records.iter().map(|r| r.arrival).collect();
            let before = if self.served && sorted { records.len() / 2 } else { records.len() };
            let (location, own) = records.split_at(before);
            write(source, location, self.format, folder).map_err(|e| format!("cannot write a log: {e}"))?;
            if self.served && sorted {
                append(source, own, before as u64, &folder.join(LOG).join(&source.name))?;
            }
        }
        Ok((project, arrivals))
    }

    fn asks(&self, case: &Case<'_>, plan: &Plan, arrivals: &[Vec<i64>]) -> Asks {
        let asked = &case.observations;
        let part = |entity: usize, part: usize, ty: Type| {
            let value = |key: &Option<Vec<Value>>| key.as_ref().map_or(Value::Null, |k| k[part].clone());
            table::array_of(ty, &asked.iter().map(|o| value(&o.keys[entity])).collect::<Vec<_>>())
        };
        let keys = plan.entities().iter().map(|&entity| {
            let parts = case.project.entities[entity].keys.iter().enumerate();
            parts.map(|(i, k)| part(entity, i, k.ty)).collect()
        });
        let request = plan.request_fields().iter().map(|&field| {
            let told = asked.iter().map(|o| o.request[field].clone());
            table::array_of(case.project.request[field].ty, &told.collect::<Vec<_>>())
        });
        let seen = |source: &usize| {
            let until = |at| arrivals[*source].partition_point(|arrival| *arrival < at) as u64;
            asked.iter().map(|o| until(o.at)).collect()
        };
        let known = match (case.as_corrected, self.by_position) {
            (true, _) => Known::Everything,
            (false, true) => Known::Positions(plan.sources().iter().map(seen).collect()),
            (false, false) => Known::Arrived,
        };
        Asks { keys: keys.collect(), at: asked.iter().map(|o| o.at).collect(), request: request.collect(), known }
    }
}

/// Writes a source's log as two files, and points its contract at them.
fn write(source: &mut Source, records: &[&LogRecord], format: Format, folder: &Path) -> Result<(), table::TableError> {
    let holds = match format {
        // An empty field of a CSV file is null, and a JSON file without lines is empty.
        Format::Csv => !values(records).any(|v| matches!(v, Value::Text(s) if s.is_empty())),
        Format::Jsonl => records.len() > 1 && !values(records).any(|v| matches!(v, Value::Float(x) if !x.is_finite())),
        Format::Parquet => true,
    };
    let format = if holds { format } else { Format::Parquet };
    let ending = match format {
        Format::Parquet => "parquet",
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
    };
    let (first, second) = records.split_at(records.len() / 2);
    for (name, records) in [("1", first), ("2", second)] {
        let mut columns: Vec<(String, Type)> = source.fields.iter().map(|f| (f.name.clone(), f.ty)).collect();
        let mut arrays: Vec<_> = (0..columns.len())
            .map(|i| table::array(columns[i].1, records.iter().map(|r| r.fields[i].as_datum())))
            .collect();
        if source.arrival == Arrival::Observed {
            columns.push((ARRIVED_AT.to_owned(), Type::Time));
            arrays
                .push(table::array_of(Type::Time, &records.iter().map(|r| Value::Time(r.arrival)).collect::<Vec<_>>()));
        }
        let path = folder.join(&source.name).join(format!("{name}.{ending}"));
        table::write_table(&path, &table::batch(&table::schema(&columns), &arrays)?)?;
    }
    source.locations = vec![Location { server: "scenario".to_owned(), path: source.name.clone(), format }];
    Ok(())
}

/// Appends records to the durable log as a service does. It is stopped on the way, in the middle of a line of which nobody was
/// told that it had come in; whoever sent it sends it again.
fn append(source: &Source, records: &[&LogRecord], begins: u64, folder: &Path) -> Result<(), String> {
    let open = || AppendLog::open(folder).map_err(|e| e.to_string());
    let (mut log, _) = open()?;
    log.set_begins_at(begins).map_err(|e| e.to_string())?;
    for some in records.chunks(records.len().div_ceil(2).max(1)) {
        let lines: Vec<String> = some.iter().map(|record| line(source, record)).collect();
        log.append(&lines).map_err(|e| e.to_string())?;
        let written = log.records();
        drop(log);
        let torn = &lines[0][..lines[0].len() - 1];
        let mut segment = File::options().append(true).open(folder.join("000001.jsonl")).map_err(|e| e.to_string())?;
        segment.write_all(torn.as_bytes()).map_err(|e| e.to_string())?;
        let (again, recovery) = open()?;
        if recovery.records != written {
            return Err(format!("{written} records were acknowledged, {} are there after a stop", recovery.records));
        }
        log = again;
    }
    Ok(())
}

/// A record as a line of the durable log.
fn line(source: &Source, record: &LogRecord) -> String {
    let pair =
        |name: &str, value: &Value| format!("{}:{}", json::to_json(&Value::Text(name.into())), json::to_json(value));
    let fields = source.fields.iter().zip(&record.fields).filter(|(_, value)| !value.is_null());
    let mut pairs: Vec<String> = fields.map(|(field, value)| pair(&field.name, value)).collect();
    if source.arrival == Arrival::Observed {
        pairs.push(pair(ARRIVED_AT, &Value::Time(record.arrival)));
    }
    format!("{{{}}}", pairs.join(","))
}

fn values<'a>(records: &'a [&LogRecord]) -> impl Iterator<Item = &'a Value> {
    records.iter().flat_map(|r| &r.fields)
}
