//! Lists and maps on their way out: into files, and what is said where a cap on categories was reached.

#![allow(clippy::unwrap_used)]

mod common;

use common::{shop, write};
use tandem_definitions::{Code, time::parse_instant};
use tandem_project::account::account;
use tandem_project::ask::{Wanted, features};
use tandem_project::load::load;
use tandem_project::training::{Knowledge, training_set};

const FEATURES: &str = "entity: customer
features:
  - {name: spent, meaning: What was spent, owner: sam, from: orders, value: sum(amount)}
  - {name: by_size, meaning: Large orders and others, owner: sam, from: orders, value: count(*), by: amount > 10}
  - {name: by_order, meaning: What each order cost, owner: sam, from: orders, value: sum(amount), by: id, categories: 2}
  - {name: first_order, meaning: What the first order cost, owner: sam, value: 'by_order[1]', default: -1.0}
  - {name: last_two, meaning: The last amounts, owner: sam, from: orders, value: 'last_n(amount, 2)'}
";

#[test]
fn they_are_written_as_json_and_the_cap_is_said() {
    let folder = shop();
    write(folder.path(), "features/customer.yaml", FEATURES);
    write(
        folder.path(),
        "asked.csv",
        "customer,at\nann,2024-01-02T00:00:00Z\nann,2024-01-05T00:00:00Z\neve,2024-01-05\n",
    );
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let asked = folder.path().join("asked.csv");
    let ask = |names: &[&str], out: &str| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let out = folder.path().join(out);
        let answered = features(&loaded, Wanted::Features(&names), &asked, &out, &|_| {}).unwrap();
        (answered.findings, std::fs::read_to_string(out).unwrap())
    };
    let (findings, csv) = ask(&["by_size", "by_order", "first_order", "last_two"], "out.csv");
    assert_eq!(
        csv.lines().collect::<Vec<_>>(),
        [
            "customer,at,by_size,by_order,first_order,last_two",
            r#"ann,2024-01-02T00:00:00Z,"{""true"":1}","{""1"":10.5}",10.5,[10.5]"#,
            r#"ann,2024-01-05T00:00:00Z,"{""false"":1,""true"":2}",,-1.0,"[1.0,30.0]""#,
            "eve,2024-01-05T00:00:00Z,{},{},-1.0,[]",
        ]
    );
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::TooManyCategories]);
    assert!(findings[0].message.contains("`by_order` is null 1 time: its window held more than 2 categories of `id`"));
    // Also where only another feature reads it, and says something else instead of null.
    let (findings, jsonl) = ask(&["first_order", "last_two"], "out.jsonl");
    assert_eq!(
        jsonl.lines().nth(1),
        Some(r#"{"customer":"ann","at":"2024-01-05T00:00:00Z","first_order":-1.0,"last_two":[1.0,30.0]}"#)
    );
    assert_eq!(findings.len(), 1);
    assert_eq!(ask(&["last_two"], "out.jsonl").0, []);
}

#[test]
fn a_training_set_holds_them_and_a_model_does_not_see_them() {
    let folder = shop();
    write(folder.path(), "features/customer.yaml", &FEATURES.replace("categories: 2", "categories: 1"));
    write(
        folder.path(),
        "orders.csv",
        &(common::RECORDS.to_owned() + "6,ann,2,2024-01-01T07:00:00Z,2024-01-01T07:01:00Z\n"),
    );
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let question = loaded.question("comes_back").unwrap();
    let set = training_set(&loaded, question, &question.features, Knowledge::AsKnown, &|_| {}).unwrap();
    let path = folder.path().join("set.parquet");
    set.write(&set.split.last(), None, &path).unwrap();
    let (about, rows) = tandem_data::training_set::metadata(&path).unwrap();
    assert_eq!(rows, set.facts.rows);
    let findings = about.unwrap()["findings"].clone();
    assert_eq!(findings.as_array().map(Vec::len), Some(1), "{findings}");
    assert_eq!(findings[0]["code"], "T225");
    let inputs = loaded.project.models[0].features.iter().map(|&f| loaded.project.features[f].name.as_str());
    assert_eq!(inputs.collect::<Vec<_>>(), ["spent", "first_order"]);
}

#[test]
fn an_account_names_the_category_of_each_record() {
    let folder = shop();
    write(folder.path(), "features/customer.yaml", FEATURES);
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let key = [("customer".to_owned(), "ann".to_owned())];
    let at = parse_instant("2024-01-02", None).unwrap();
    let account = account(&loaded, "by_size", &key, at).unwrap();
    assert_eq!(account.value, r"{true: 1}");
    assert_eq!(account.aggregations[0].counted.latest[0].value, "true");
    assert_eq!(account.aggregations[0].arithmetic, "for each amount > 10, that of 1 record (true) = {true: 1}");
    assert!(account.aggregations[0].how.starts_with("for each amount > 10 with a record: how many records"));
}
