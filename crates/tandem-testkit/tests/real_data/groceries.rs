//! A year of loyalty cards: one household has four thousand times as many records as another, and the log is sorted by time.

use std::collections::HashMap;

use tandem_data::table::{self, read_table};
use tandem_definitions::{Datum, Format, Type, Value};

use crate::common::{DAY, SECOND, answered, around, folder, sum};

const TANDEM: &str = "name: groceries
people: [{name: sam, role: data scientist}]
entities: [{name: household, meaning: Who has the card}]
";

// What the till knows, the shop knows at once. Times carry no zone, and are nanoseconds.
const PURCHASES: &str = "apiVersion: v3.1.0
kind: DataContract
id: purchases
version: 1.0.0
status: active
servers: [{server: production, type: local, path: transactions.parquet, format: parquet}]
schema:
  - name: purchases
    customProperties: [{property: arrivalDelay, value: 0 seconds}]
    properties:
      - {name: household_id, logicalType: integer, required: true, customProperties: [{property: entity, value: household}]}
      - {name: transaction_timestamp, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: basket_id, logicalType: integer, required: true}
      - {name: quantity, logicalType: integer, required: true}
      - {name: sales_value, logicalType: number, required: true}
";

const FEATURES: &str = "entity: household
features:
  - {name: items, meaning: Items of 30 days, owner: sam, from: purchases, value: sum(quantity), over: 30 days}
  - {name: spent, meaning: Spent in 30 days, owner: sam, from: purchases, value: sum(sales_value), over: 30 days}
  - {name: all_spent, meaning: Spent ever, owner: sam, from: purchases, value: sum(sales_value)}
  - {name: dearest, meaning: The dearest of 30 days, owner: sam, from: purchases, value: max(sales_value), over: 30 days}
  - {name: baskets, meaning: How often in 30 days, owner: sam, from: purchases, value: count(distinct basket_id), over: 30 days}
  - {name: latest, meaning: The latest basket, owner: sam, from: purchases, value: last(basket_id)}
";

struct Purchase {
    at: i64,
    basket: i64,
    quantity: i64,
    value: f64,
}

fn naive(purchases: Option<&Vec<Purchase>>, t: i64) -> Vec<Value> {
    let known: Vec<&Purchase> = purchases.into_iter().flatten().filter(|p| p.at < t).collect();
    let window: Vec<&&Purchase> = known.iter().filter(|p| t - 30 * DAY <= p.at).collect();
    let values: Vec<f64> = window.iter().map(|p| p.value).collect();
    let mut baskets: Vec<i64> = window.iter().map(|p| p.basket).collect();
    baskets.sort_unstable();
    baskets.dedup();
    // The log is in order of time, so the last of the latest instant is the last in the one order.
    let latest = known.iter().max_by_key(|p| p.at);
    vec![
        if window.is_empty() { Value::Null } else { Value::Int(window.iter().map(|p| p.quantity).sum()) },
        sum(&values),
        sum(&known.iter().map(|p| p.value).collect::<Vec<_>>()),
        values.iter().copied().reduce(f64::max).map_or(Value::Null, Value::Float),
        Value::Int(baskets.len() as i64),
        latest.map_or(Value::Null, |p| Value::Int(p.basket)),
    ]
}

#[test]
fn busy_and_quiet_households_are_alike() {
    let Some(data) = folder("completejourney") else { return };
    let columns = [
        ("household_id", Type::Int),
        ("transaction_timestamp", Type::Time),
        ("basket_id", Type::Int),
        ("quantity", Type::Int),
        ("sales_value", Type::Float),
    ];
    let columns = columns.map(|(name, ty)| (name.to_owned(), ty));
    let (arrays, _) = read_table(&data.join("transactions.parquet"), Format::Parquet, &columns, None).unwrap();
    let columns = table::columns(&arrays).unwrap();
    let mut by_household: HashMap<i64, Vec<Purchase>> = HashMap::new();
    let (records, mut before) = (arrays[0].len(), 1_483_271_606 * SECOND);
    assert_eq!(records, 1_469_307);
    for row in 0..records {
        let whole = |i: usize| if let Datum::Int(whole) = columns[i].get(row) { whole } else { panic!("row {row}") };
        let Datum::Time(at) = columns[1].get(row) else { panic!("row {row} without a time") };
        let Datum::Float(value) = columns[4].get(row) else { panic!("row {row} without a value") };
        assert!(before <= at, "row {row}: the log is sorted by time");
        before = at;
        let purchase = Purchase { at, basket: whole(2), quantity: whole(3), value };
        by_household.entry(whole(0)).or_default().push(purchase);
    }
    let mut sizes: Vec<usize> = by_household.values().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!((sizes.len(), sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]), (2_469, 1, 407, 4_193));

    // By household, not by record, so that quiet ones are asked about as well.
    let mut households: Vec<_> = by_household.iter().collect();
    households.sort_by_key(|(id, _)| **id);
    let one_of = |(id, of): &(&i64, &Vec<Purchase>)| (Value::Int(**id), of[of.len() / 2].at, of[of.len() / 2].at);
    let records: Vec<(Value, i64, i64)> = households.iter().map(one_of).collect();
    let asked = around(&records, 400, 30 * DAY);
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/purchases.odcs.yaml", PURCHASES), ("features/household.yaml", FEATURES)];
    let answered = answered(&definitions, &data, Type::Int, &asked);
    assert_eq!(answered.log.records, 1_469_307);
    let of = |key: &Value| if let Value::Int(id) = key { by_household.get(id) } else { None };
    answered.agree(&asked, |key, t| naive(of(key), t));
}
