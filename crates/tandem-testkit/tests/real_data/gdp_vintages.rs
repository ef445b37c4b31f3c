//! Gross domestic products as they were published, 89 times: nearly every quarter was corrected after it was first told. What is
//! asked as of a publication has the values of the one before, and none that came later.

use std::collections::{BTreeMap, HashMap, HashSet};

use tandem_definitions::{Type, Value, time};

use crate::common::{DAY, answered, around, folder, rows, sum, text, unpacked, write};

const TANDEM: &str = "name: gdp
people: [{name: sam, role: data scientist}]
entities: [{name: economy, meaning: A country or a union of countries}]
";

const QUARTERS: &str = "apiVersion: v3.1.0
kind: DataContract
id: quarters
version: 1.0.0
status: active
servers: [{server: production, type: local, path: quarters.csv, format: csv}]
schema:
  - name: quarters
    customProperties: [{property: corrects, value: true}]
    properties:
      - {name: time, logicalType: date, required: true, customProperties: [{property: timeRole, value: event}, {property: identity, value: true}]}
      - {name: pub_date, logicalType: date, required: true, customProperties: [{property: timeRole, value: arrival}]}
      - {name: value, logicalType: number, required: true}
      - {name: id, logicalType: string, required: true, customProperties: [{property: entity, value: economy}, {property: identity, value: true}]}
";

const FEATURES: &str = "entity: economy
features:
  - {name: latest, meaning: The product of the latest quarter, owner: sam, from: quarters, value: last(value)}
  - {name: before, meaning: That of the quarter before, owner: sam, from: quarters, value: 'nth_last(value, 2)'}
  - {name: year, meaning: The sum of about five quarters, owner: sam, from: quarters, value: sum(value), over: 460 days}
  - {name: quarters, meaning: How many quarters are known, owner: sam, from: quarters, value: count(*)}
  - {name: best, meaning: The best of three years, owner: sam, from: quarters, value: max(value), over: 1095 days}
";

struct Published {
    economy: String,
    quarter: i64,
    told: i64,
    value: f64,
}

fn naive(all: &[Published], economy: &Value, t: i64) -> Vec<Value> {
    // Of each quarter what was published last before t.
    let mut known: BTreeMap<i64, (i64, f64)> = BTreeMap::new();
    for p in all.iter().filter(|p| text(economy) == p.economy && p.told < t && p.quarter < t) {
        let version = known.entry(p.quarter).or_insert((p.told, p.value));
        if p.told >= version.0 {
            *version = (p.told, p.value);
        }
    }
    let values = |from: i64| known.range(from..).map(|(_, (_, value))| *value).collect::<Vec<f64>>();
    let all = values(i64::MIN);
    let float = |x: Option<f64>| x.map_or(Value::Null, Value::Float);
    vec![
        float(all.last().copied()),
        float(all.iter().rev().nth(1).copied()),
        sum(&values(t - 460 * DAY)),
        Value::Int(all.len() as i64),
        float(values(t - 1_095 * DAY).into_iter().reduce(f64::max)),
    ]
}

#[test]
fn every_quarter_is_as_it_was_known_at_each_publication() {
    let Some(data) = folder("gdp_vintages") else { return };
    let packed = unpacked(&[data.join("gdp_vintages.csv.gz")]).remove(0);
    let day = |text: &str| time::parse_instant(text, None).unwrap();
    let published = |row: Vec<String>| Published {
        economy: row[3].clone(),
        quarter: day(&row[0]),
        told: day(&row[1]),
        value: row[2].parse().unwrap(),
    };
    let all: Vec<Published> = rows(&packed).into_iter().map(published).collect();
    assert_eq!(all.len(), 47_980);
    let publications: HashSet<i64> = all.iter().map(|p| p.told).collect();
    assert_eq!(publications.len(), 89);
    let mut versions: HashMap<i64, HashSet<u64>> = HashMap::new();
    for p in all.iter().filter(|p| p.economy == "US") {
        versions.entry(p.quarter).or_default().insert(p.value.to_bits());
    }
    let changed = versions.values().filter(|values| values.len() > 1).count();
    assert_eq!((changed, versions.len()), (178, 179), "99 % of the quarters were corrected");

    let records: Vec<(Value, i64, i64)> =
        all.iter().map(|p| (Value::Text(p.economy.as_str().into()), p.quarter, p.told)).collect();
    let mut asked = around(&records, 300, 460 * DAY);
    // At each publication itself, when it is not known yet, and a microsecond later.
    asked.extend(
        publications.iter().flat_map(|at| [(Value::Text("US".into()), *at), (Value::Text("US".into()), at + 1)]),
    );
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "quarters.csv", &packed);
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/quarters.odcs.yaml", QUARTERS), ("features/economy.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Text, &asked);
    assert_eq!(answered.log.records, 47_980);
    answered.agree(&asked, |economy, t| naive(&all, economy, t));
}
