//! Every commit of two projects: done at the author date, known at the committer date, up to three years later.

use std::collections::{HashMap, HashSet};

use tandem_definitions::{Type, Value};

use crate::common::{DAY, HOUR, SECOND, answered, around, folder, rows, text, unpacked, write};

const TANDEM: &str = "name: git
people: [{name: sam, role: data scientist}]
entities: [{name: author, meaning: Who wrote commits}]
";

// Both times are RFC 3339 with the offset of whoever committed.
const COMMITS: &str = "apiVersion: v3.1.0
kind: DataContract
id: commits
version: 1.0.0
status: active
servers: [{server: production, type: local, path: commits.csv, format: csv}]
schema:
  - name: commits
    properties:
      - {name: commit, logicalType: string, required: true, customProperties: [{property: identity, value: true}]}
      - {name: author, logicalType: string, required: true, customProperties: [{property: entity, value: author}]}
      - {name: event_time, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: known_time, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: arrival}]}
      - {name: is_merge, logicalType: boolean, required: true}
      - {name: n_files, logicalType: integer, required: true}
";

const FEATURES: &str = "entity: author
features:
  - {name: commits, meaning: Commits of 90 days, owner: sam, from: commits, value: count(*), over: 90 days}
  - {name: files, meaning: Files touched in 90 days, owner: sam, from: commits, value: sum(n_files), over: 90 days}
  - {name: most, meaning: The largest of 90 days, owner: sam, from: commits, value: max(n_files), over: 90 days}
  - {name: merges, meaning: Merges ever, owner: sam, from: commits, value: count(*), where: is_merge}
  - {name: latest, meaning: The latest commit, owner: sam, from: commits, value: last(commit)}
  - {name: earliest, meaning: The first commit, owner: sam, from: commits, value: first(commit)}
  - {name: idle, meaning: Seconds since the latest, owner: sam, from: commits, value: time_since_last()}
";

/// A commit, of the fields that features read.
struct Commit {
    hash: String,
    author: String,
    event: i64,
    arrival: i64,
    is_merge: bool,
    files: i64,
}

/// What is known of a project's history.
struct Facts {
    commits: usize,
    authors: usize,
    over_an_hour_late: usize,
    latest_by_days: i64,
    out_of_order: usize,
    ties: usize,
}

/// The last two columns of times are the same instants as whole seconds: what the replay reads of the texts is held to them.
fn commits(text: &str) -> Vec<Commit> {
    let commit = |row: Vec<String>| Commit {
        hash: row[0].clone(),
        author: row[1].clone(),
        event: row[5].parse::<i64>().unwrap() * SECOND,
        arrival: row[6].parse::<i64>().unwrap() * SECOND,
        is_merge: row[7] == "1",
        files: row[8].parse().unwrap(),
    };
    rows(text).into_iter().map(commit).collect()
}

fn naive(commits: &[Commit], author: &Value, t: i64) -> Vec<Value> {
    let mine = |c: &&Commit| text(author) == c.author;
    let mut known: Vec<(usize, &Commit)> =
        commits.iter().enumerate().filter(|(_, c)| mine(c) && c.arrival < t && c.event < t).collect();
    known.sort_by_key(|(position, c)| (c.event, c.arrival, *position));
    let window = || known.iter().filter(|(_, c)| t - 90 * DAY <= c.event).map(|(_, c)| c);
    let name = |c: Option<&(usize, &Commit)>| c.map_or(Value::Null, |(_, c)| Value::Text(c.hash.as_str().into()));
    let files: i64 = window().map(|c| c.files).sum();
    vec![
        Value::Int(window().count() as i64),
        window().next().map_or(Value::Null, |_| Value::Int(files)),
        window().map(|c| c.files).max().map_or(Value::Null, Value::Int),
        Value::Int(known.iter().filter(|(_, c)| c.is_merge).count() as i64),
        name(known.last()),
        name(known.first()),
        known.last().map_or(Value::Null, |(_, c)| Value::Float((t - c.event) as f64 / 1e6)),
    ]
}

fn check(name: &str, facts: &Facts) {
    let Some(data) = folder("git_history") else { return };
    let text = unpacked(&[data.join(format!("{name}.csv.gz"))]).remove(0);
    let commits = commits(&text);
    assert_eq!(commits.len(), facts.commits);
    assert_eq!(commits.iter().map(|c| &c.author).collect::<HashSet<_>>().len(), facts.authors);
    assert_eq!(commits.iter().filter(|c| c.arrival - c.event > HOUR).count(), facts.over_an_hour_late);
    assert_eq!(commits.iter().map(|c| c.arrival - c.event).max().unwrap() / DAY, facts.latest_by_days);
    let mut newest = i64::MIN;
    let mut behind = |c: &&Commit| {
        let is = c.event < newest;
        newest = newest.max(c.event);
        is
    };
    assert_eq!(commits.iter().filter(|c| behind(c)).count(), facts.out_of_order);
    let mut at_once: HashMap<i64, usize> = HashMap::new();
    commits.iter().for_each(|c| *at_once.entry(c.event).or_default() += 1);
    assert_eq!(commits.len() - at_once.len(), facts.ties);

    let records: Vec<(Value, i64, i64)> =
        commits.iter().map(|c| (Value::Text(c.author.as_str().into()), c.event, c.arrival)).collect();
    let asked = around(&records, 400, 90 * DAY);
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "commits.csv", &text);
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/commits.odcs.yaml", COMMITS), ("features/author.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Text, &asked);
    assert_eq!(answered.log.records as usize, facts.commits);
    assert_eq!(answered.log.duplicates, 0);
    assert_eq!(answered.log.findings.left_out() + answered.log.findings.arrived_before_event.count, 0);
    answered.agree(&asked, |author, t| naive(&commits, author, t));
}

#[test]
fn jj_was_known_late_and_out_of_order() {
    check(
        "jj",
        &Facts {
            commits: 11_606,
            authors: 404,
            over_an_hour_late: 10_163, // 87.6 %
            latest_by_days: 1_173,
            out_of_order: 7_548, // 65 %
            ties: 603,
        },
    );
}

#[test]
fn duckdb_is_long_and_has_ties() {
    check(
        "duckdb",
        &Facts {
            commits: 82_410,
            authors: 878,
            over_an_hour_late: 5_650, // 6.9 %
            latest_by_days: 393,
            out_of_order: 6_363, // 7.7 %
            ties: 453,
        },
    );
}
