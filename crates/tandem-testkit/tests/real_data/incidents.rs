//! Every update of every ticket of a help desk. When a ticket was closed, how and when were written back onto all of its earlier
//! rows: read as they lie, most rows know how their ticket will end.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use tandem_definitions::{Type, Value, time};

use crate::common::{DAY, answered, around, folder, rows, text, unpacked, write};

const TANDEM: &str = "name: incidents
people: [{name: sam, role: data scientist}]
entities: [{name: caller, meaning: Who asks the help desk}]
";

const UPDATES: &str = "apiVersion: v3.1.0
kind: DataContract
id: updates
version: 1.0.0
status: active
servers: [{server: production, type: local, path: updates.csv, format: csv}]
schema:
  - name: updates
    customProperties: [{property: arrivalDelay, value: 0 seconds}]
    properties:
      - {name: ticket, logicalType: string, required: true}
      - {name: caller, logicalType: string, customProperties: [{property: entity, value: caller}]}
      - {name: state, logicalType: string, required: true}
      - {name: updated, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: resolved, logicalType: timestamp, customProperties: [{property: arrives, value: resolved}]}
      - {name: code, logicalType: string, customProperties: [{property: arrives, value: closed}]}
      - {name: closed, logicalType: timestamp, customProperties: [{property: arrives, value: closed}]}
";

const FEATURES: &str = "entity: caller
features:
  - {name: updates, meaning: Updates of 30 days, owner: sam, from: updates, value: count(*), over: 30 days}
  - {name: tickets, meaning: Tickets ever, owner: sam, from: updates, value: count(distinct ticket)}
  - {name: resolved, meaning: Updates of tickets known to be resolved, owner: sam, from: updates, value: count(resolved), over: 30 days}
  - {name: latest, meaning: When the latest of them was resolved, owner: sam, from: updates, value: max(resolved)}
  - {name: codes, meaning: How many ways in which tickets were closed, owner: sam, from: updates, value: count(distinct code)}
  - {name: open, meaning: Updates of 30 days that are not known to be closed, owner: sam, from: updates, value: count(*), where: closed is null, over: 30 days}
";

struct Update {
    ticket: String,
    caller: String,
    state: String,
    updated: i64,
    resolved: Option<i64>,
    code: String,
    closed: Option<i64>,
}

/// The file writes `29/2/2016 01:16`, and `?` for nothing; Tandem reads neither.
fn instant(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once(' ')?;
    let parts: Vec<u32> = date.split('/').map(|part| part.parse().unwrap()).collect();
    Some(time::parse_instant(&format!("{}-{:02}-{:02} {clock}", parts[2], parts[1], parts[0]), None).unwrap())
}

fn update(row: &[String]) -> Update {
    let known = |text: &String| if text == "?" { String::new() } else { text.clone() };
    Update {
        ticket: row[0].clone(),
        caller: known(&row[7]),
        state: row[1].clone(),
        updated: instant(&row[13]).unwrap(),
        resolved: instant(&row[34]),
        code: known(&row[32]),
        closed: instant(&row[35]),
    }
}

fn as_csv(updates: &[Update]) -> String {
    let mut csv = "ticket,caller,state,updated,resolved,code,closed\n".to_owned();
    let at = |at: Option<i64>| at.map_or_else(String::new, time::format_instant);
    for u in updates {
        let (updated, resolved, closed) = (at(Some(u.updated)), at(u.resolved), at(u.closed));
        writeln!(csv, "{},{},{},{updated},{resolved},{},{closed}", u.ticket, u.caller, u.state, u.code).unwrap();
    }
    csv
}

fn naive(updates: &[Update], caller: &Value, t: i64) -> Vec<Value> {
    let known: Vec<&Update> =
        updates.iter().filter(|u| !u.caller.is_empty() && u.caller == text(caller) && u.updated < t).collect();
    let month: Vec<&&Update> = known.iter().filter(|u| t - 30 * DAY <= u.updated).collect();
    let resolved = |u: &Update| u.resolved.filter(|at| *at < t);
    let closed = |u: &Update| u.closed.is_some_and(|at| at < t);
    let tickets: HashSet<&str> = known.iter().map(|u| u.ticket.as_str()).collect();
    let codes: HashSet<&str> =
        known.iter().filter(|u| closed(u) && !u.code.is_empty()).map(|u| u.code.as_str()).collect();
    vec![
        Value::Int(month.len() as i64),
        Value::Int(tickets.len() as i64),
        Value::Int(month.iter().filter(|u| resolved(u).is_some()).count() as i64),
        known.iter().filter_map(|u| resolved(u)).max().map_or(Value::Null, Value::Time),
        Value::Int(codes.len() as i64),
        Value::Int(month.iter().filter(|u| !closed(u)).count() as i64),
    ]
}

#[test]
fn no_update_knows_how_its_ticket_will_end() {
    let Some(data) = folder("incident_event_log") else { return };
    let packed = unpacked(&[data.join("incident_event_log.zip")]).remove(0);
    let updates: Vec<Update> = rows(&packed).iter().map(|row| update(row)).collect();
    assert_eq!(updates.len(), 141_712);
    let tickets: HashMap<&str, usize> = updates.iter().fold(HashMap::new(), |mut all, u| {
        *all.entry(u.ticket.as_str()).or_default() += 1;
        all
    });
    assert_eq!(tickets.len(), 24_918);
    let ahead = |at: Option<i64>, u: &Update| at.is_some_and(|at| at > u.updated);
    assert_eq!(
        updates.iter().filter(|u| ahead(u.resolved, u)).count(),
        87_471,
        "61.7 % know when they will be resolved"
    );
    assert_eq!(updates.iter().filter(|u| ahead(u.closed, u)).count(), 116_726, "82.4 % know when they will be closed");

    let name = |u: &Update| Value::Text(u.caller.as_str().into());
    let records: Vec<(Value, i64, i64)> = updates.iter().map(|u| (name(u), u.updated, u.updated)).collect();
    let mut asked = around(&records, 200, 30 * DAY);
    // As a ticket is resolved, and as it is closed: that is not known yet.
    let ends = updates.iter().step_by(1_400).flat_map(|u| [u.resolved, u.closed].map(|at| Some((name(u), at?))));
    asked.extend(ends.flatten().flat_map(|(key, at)| [(key.clone(), at), (key, at + 1)]));
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "updates.csv", &as_csv(&updates));
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/updates.odcs.yaml", UPDATES), ("features/caller.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Text, &asked);
    assert_eq!(answered.log.records, 141_712);
    answered.agree(&asked, |caller, t| naive(&updates, caller, t));
}
