//! Observations by each rule, worked out by hand; what is wrong with a file of them; folds; as known beside as corrected.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use common::{shop, write};
use tandem_definitions::time::{format_instant, parse_instant};
use tandem_project::check::{Depth, check};
use tandem_project::compare::compare;
use tandem_project::load::load;
use tandem_project::observe::{Observations, observations};
use tandem_project::training::{Knowledge, Part, TrainingSet, training_set};
use tandem_project::{Error, Loaded};

const QUESTION: &str = "questions/comes_back.yaml";

/// The shop with another rule, and another split.
fn asked(folder: &Path, observe: &str, split: &str) -> Loaded {
    let path = folder.join(QUESTION);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("observe: {on: orders, at: 1 hour after at}", &format!("observe: {observe}"));
    let text = text.replace("split: {test_from: 2024-01-02, gap: 2 days}", &format!("split: {split}"));
    std::fs::write(&path, text).unwrap();
    load(folder).unwrap().checked().unwrap()
}

const SPLIT: &str = "{test_from: 2024-01-02, gap: 2 days}";

/// `ann 2024-01-01T06:00:00Z`, a line each.
fn lines(observed: &Observations) -> Vec<String> {
    let customers = observed.keys[0][0].as_string::<i32>();
    let who = |row: usize| if customers.is_null(row) { "nobody" } else { customers.value(row) };
    (0..observed.len()).map(|row| format!("{} {}", who(row), format_instant(observed.at[row]))).collect()
}

fn set(loaded: &Loaded, knowledge: Knowledge) -> TrainingSet {
    let question = loaded.question("comes_back").unwrap();
    training_set(loaded, question, &question.features, knowledge, &|_| {}).unwrap()
}

#[test]
fn on_a_calendar_everybody_who_was_active_as_known_then() {
    let folder = shop();
    let rule = "{every: day 12:00, for: customer, active_in: orders, over: 1 day}";
    let loaded = asked(folder.path(), rule, SPLIT);
    let observed = observations(&loaded, loaded.question("comes_back").unwrap()).unwrap();
    // Ann ordered at 8 and at 10 on the first, but the second order was known only on the third, when it was older than a day.
    // The log ends on the fourth at 10:01, before noon.
    assert_eq!(lines(&observed), ["ann 2024-01-01T12:00:00Z", "bob 2024-01-01T12:00:00Z", "cid 2024-01-02T12:00:00Z"]);
    assert_eq!(observed.records, 5);
    let rule = "{every: day 09:30, for: customer, active_in: orders, over: 3 days, where: amount > 10}";
    let folder = shop();
    let loaded = asked(folder.path(), rule, SPLIT);
    let observed = observations(&loaded, loaded.question("comes_back").unwrap()).unwrap();
    let expected = [
        "ann 2024-01-01T09:30:00Z",
        "bob 2024-01-01T09:30:00Z",
        "ann 2024-01-02T09:30:00Z",
        "bob 2024-01-02T09:30:00Z",
    ];
    let later = ["ann 2024-01-03T09:30:00Z", "bob 2024-01-03T09:30:00Z", "ann 2024-01-04T09:30:00Z"];
    assert_eq!(lines(&observed), [&expected[..], &later[..]].concat());
}

#[test]
fn a_file_gives_its_rows_in_its_order_and_none_twice() {
    let folder = shop();
    let rows = "at,customer,why\n2024-01-02T00:00:00Z,bob,x\n2024-01-01T12:00:00Z,zoe,x\n2024-01-02T00:00:00Z,bob,x\n";
    write(folder.path(), "asked/rows.csv", rows);
    let loaded = asked(folder.path(), "{from: asked/rows.csv}", SPLIT);
    let observed = observations(&loaded, loaded.question("comes_back").unwrap()).unwrap();
    assert_eq!(lines(&observed), ["bob 2024-01-02T00:00:00Z", "zoe 2024-01-01T12:00:00Z", "bob 2024-01-02T00:00:00Z"]);
    let set = set(&loaded, Knowledge::AsKnown);
    // Nobody knows Zoe: she has the values of an empty log.
    let spent = set.table.column("spent").unwrap().as_primitive::<Float64Type>();
    assert_eq!(spent.iter().collect::<Vec<_>>(), [Some(20.0), None, Some(20.0)]);
    let orders = set.table.column("orders_so_far").unwrap().as_primitive::<Int64Type>();
    assert_eq!(orders.values().to_vec(), [1, 0, 1]);
    assert_eq!(set.parts(&set.split.last()), [Part::Test, Part::Gap, Part::Test]);
    assert!(set.facts.observed.starts_with("from the rows of asked/rows.csv (SHA-256 "), "{}", set.facts.observed);
    assert_eq!(set.facts.left_out, []);
    let report = check(&loaded, Depth::Everything);
    assert!(report.holds(), "{:?}", report.findings);
    assert!(report.promises.iter().any(|p| p.name == "observations of comes_back" && p.detail == "3 observations"));
}

#[test]
fn other_formats_give_the_same_rows() {
    let folder = shop();
    write(
        folder.path(),
        "rows.jsonl",
        "{\"at\": \"2024-01-02T00:00:00Z\", \"customer\": \"bob\"}\n{\"at\": \"2024-01-01\", \"customer\": null}\n",
    );
    let loaded = asked(folder.path(), "{from: rows.jsonl}", SPLIT);
    let question = loaded.question("comes_back").unwrap();
    assert_eq!(
        lines(&observations(&loaded, question).unwrap()),
        ["bob 2024-01-02T00:00:00Z", "nobody 2024-01-01T00:00:00Z"]
    );
    // A training set is such a file: it has the keys and `at`, and its other columns are not looked at.
    let path = folder.path().join("rows.parquet");
    let made = set(&loaded, Knowledge::AsKnown);
    made.write(&made.split.last(), None, &path).unwrap();
    let text = std::fs::read_to_string(folder.path().join(QUESTION)).unwrap();
    write(folder.path(), QUESTION, &text.replace("rows.jsonl", "rows.parquet"));
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    assert_eq!(
        lines(&observations(&loaded, loaded.question("comes_back").unwrap()).unwrap()),
        ["bob 2024-01-02T00:00:00Z"]
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_row() {
    for (rows, says, helps) in [
        ("customer,when\nann,2024-01-01\n", "rows.csv has no column `at`", "customer, at"),
        ("at,customer\n2024-01-01,ann\n,bob\n", "rows.csv, row 2: nothing stands in the column `at`", "fill it in"),
        (
            "at,customer\n2024-01-01,ann\nyesterday,bob\n",
            "rows.csv, row 2: `yesterday` in the column `at` is not a timestamp",
            "2013-11-01T17:30:00Z",
        ),
        ("", "rows.csv is empty", "`customer` (string), `at` (timestamp)"),
    ] {
        let folder = shop();
        write(folder.path(), "rows.csv", rows);
        let loaded = asked(folder.path(), "{from: rows.csv}", SPLIT);
        let error = observations(&loaded, loaded.question("comes_back").unwrap()).unwrap_err();
        let Error::Findings(found) = error else { panic!("{error}") };
        assert_eq!((found[0].code.id(), found[0].place.line), ("T230", 5));
        assert!(found[0].message.contains(says), "{}", found[0].message);
        assert!(found[0].help.contains(helps), "{}", found[0].help);
        assert!(!check(&loaded, Depth::Everything).holds());
    }
    let folder = shop();
    let loaded = asked(folder.path(), "{from: rows.csv}", SPLIT);
    let report = check(&loaded, Depth::Everything);
    assert!(report.findings.iter().any(|f| f.message.contains("there is no file ")), "{:?}", report.findings);
}

#[test]
fn folds_divide_the_time() {
    let folder = shop();
    let rule = "{every: day 00:00, for: customer, active_in: orders, over: all time}";
    let record = |day: u32| format!("{day},ann,1,2024-01-0{day}T08:00:00Z,2024-01-0{day}T08:00:00Z");
    let records = (1..=9).map(record).collect::<Vec<_>>().join("\n");
    write(folder.path(), "orders.csv", &format!("id,customer,amount,at,seen\n{records}"));
    let loaded = asked(folder.path(), rule, "{test_from: 2024-01-04, gap: 1 day, folds: 2, each: 1 day}");
    let set = set(&loaded, Knowledge::AsKnown);
    let days: Vec<String> = set.at.iter().map(|&at| format_instant(at)[8..10].to_owned()).collect();
    assert_eq!(days, ["02", "03", "04", "05", "06", "07"]);
    let words = |number| set.parts(&set.fold(number).unwrap()).into_iter().map(Part::word).collect::<Vec<_>>();
    assert_eq!(words(Some(1)), ["train", "gap", "test", "later", "later", "later"]);
    assert_eq!(words(Some(2)), ["train", "train", "gap", "test", "later", "later"]);
    assert_eq!(words(None), words(Some(2)));
    let error = set.fold(Some(3)).unwrap_err().to_string();
    assert!(error.contains("no fold 3") && error.contains("1 to 2"), "{error}");
    let all = set.with_parts(&set.split.last());
    let folds = all.column("fold").unwrap().as_primitive::<Int64Type>();
    assert_eq!(folds.iter().collect::<Vec<_>>(), [None, None, Some(1), Some(2), None, None]);
    let first = &set.facts.folds[0];
    assert_eq!(
        (first.train_before.as_str(), first.test_until.as_deref()),
        ("2024-01-03T00:00:00Z", Some("2024-01-05T00:00:00Z"))
    );
    assert_eq!(first.parts, [(Part::Train, 1), (Part::Gap, 1), (Part::Test, 1), (Part::Later, 3)]);
}

#[test]
fn what_later_records_change_is_shown() {
    let folder = shop();
    let rule = "{every: day 12:00, for: customer, active_in: orders, over: all time}";
    let loaded = asked(folder.path(), rule, SPLIT);
    let comparison = compare(&loaded, loaded.question("comes_back").unwrap(), &|_| {}).unwrap();
    // Ann's order of 30 on the first came to be known only on the third. The outcomes are known up to ten on the second, so
    // those of noon on the first are compared, Bob's and hers.
    assert_eq!((comparison.observations, comparison.changed), (2, 1), "{comparison:?}");
    assert_eq!(comparison.in_words(), "50.0 % of the observations had a value that later records changed");
    let [spent, orders] = &comparison.features[..] else { panic!("{comparison:?}") };
    assert_eq!((spent.differ, spent.mean, spent.greatest), (1, Some(30.0), Some(30.0)));
    assert_eq!((orders.differ, orders.greatest, orders.only_corrected, orders.only_known), (1, Some(1.0), 0, 0));
    let example = &spent.examples[0];
    assert_eq!((example.as_known.as_str(), example.as_corrected.as_str()), ("10.5", "40.5"));
    assert_eq!(example.entity["customer"], "ann");
    assert_eq!(spent.examples.len(), 1);
    let corrected = set(&loaded, Knowledge::AsCorrected);
    assert_eq!(corrected.facts.json()["known"], "as corrected");
    let spent = corrected.table.column("spent").unwrap().as_primitive::<Float64Type>();
    assert_eq!(spent.value(0), 40.5);
}

#[test]
fn the_present_ends_the_calendar() {
    let folder = shop();
    let rule = "{every: day 12:00, for: customer, active_in: orders, over: all time}";
    let mut loaded = asked(folder.path(), rule, SPLIT);
    loaded.options.now = parse_instant("2024-01-02", None);
    let observed = observations(&loaded, loaded.question("comes_back").unwrap()).unwrap();
    assert!(observed.is_empty(), "{:?}", lines(&observed));
}
