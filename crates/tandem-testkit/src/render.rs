//! A draft written as a Markdown scenario. Not here: drawing it (`draft.rs`).

use std::fmt::Write as _;

use tandem_data::json::to_json;
use tandem_definitions::{Micros, Value, time};
use tandem_project::scenario::Observation;

use crate::draft::{Changing, Draft};

const TANDEM: &str = "name: random
people: [{name: sam, role: data scientist}]
entities:
  - {name: aircraft, meaning: One airframe}
  - {name: route, meaning: An origin and a destination, keys: [origin, dest]}
";

const LANDINGS: &str = "apiVersion: v3.2.0
kind: DataContract
id: landings
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/landings.csv, format: csv}]
schema:
  - name: landings
    customProperties: [{property: corrects, value: CORRECTS}]
    properties:
      - {name: id, logicalType: string, customProperties: [{property: identity, value: true}]}
      - {name: tail, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: origin, logicalType: string, customProperties: [{property: entity, value: route.origin}]}
      - {name: dest, logicalType: string, customProperties: [{property: entity, value: route.dest}]}
      - {name: happened, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: known, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: arrival}]}
      - {name: x, logicalType: numberLATE}
      - {name: n, logicalType: integer}
      - {name: s, logicalType: string}
      - {name: b, logicalType: boolean}
      - {name: gone, logicalType: booleanTOMBSTONE}
      - {name: x_known, logicalType: timestamp}
";

const FUEL: &str = "apiVersion: v3.2.0
kind: DataContract
id: fuel
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/fuel.csv, format: csv}]
schema:
  - name: fuel
    customProperties: [{property: arrivalDelay, value: 45 minutes}]
    properties:
      - {name: tail, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: fuelled_at, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: litres, logicalType: number}
";

/// Features that are always there: expressions need something to read.
const BASES: &[(bool, &str, &str, &str)] = &[
    (false, "a_last", "landings", "last_n(n, 3)"),
    (false, "a_count", "landings", "count(*)"),
    (false, "a_sum", "landings", "sum(x)"),
    (false, "a_last_s", "landings", "last(s)"),
    (false, "litres", "fuel", "mean(litres)"),
    (true, "r_count", "landings", "count(*)"),
    (true, "r_max", "landings", "max(n)"),
];
const EXPRESSIONS: &[(bool, &str, &str)] = &[
    (false, "share", "a_count / r_count"),
    (false, "product", "a_count * r_max"),
    (false, "spread", "coalesce(a_sum, litres, 0) - r_max"),
    (false, "second", "a_last[2] + length(a_last)"),
    (false, "of_a", "coalesce(f_by['a'], 0) + length(f_by)"),
    (false, "known_text", "a_last_s in ('a', 'ab') or litres > 1"),
    (true, "told", "request.seats * r_count"),
    (true, "deep", "case when told > 2 then share else spread end"),
];

impl Draft {
    /// The names of its features, in the order in which they are asked for.
    pub fn features(&self) -> Vec<String> {
        let bases = BASES.iter().map(|b| b.1).chain(["f_by"]).map(str::to_owned);
        let drawn = (0..self.aggregations.len()).map(|i| format!("f{i}"));
        bases.chain(drawn).chain(EXPRESSIONS.iter().map(|e| e.1.to_owned())).collect()
    }

    /// It as a scenario; without values, every one is expected to be null, and without observations none are.
    pub fn markdown(&self, values: Option<&[Vec<Value>]>, observed: Option<&[Observation]>) -> String {
        let mut out = "# A random draft\n\nGive what it shows a name before it enters the suite.\n\n".to_owned();
        let mut block = |info: &str, text: &str| {
            let _ = write!(out, "```{info}\n{text}```\n\n");
        };
        block("yaml tandem.yaml", TANDEM);
        block("yaml sources/landings.odcs.yaml", &self.landings_contract());
        block("yaml sources/fuel.odcs.yaml", FUEL);
        block("yaml features/aircraft.yaml", &self.definitions(false));
        block("yaml features/route.yaml", &self.definitions(true));
        block("csv landings", &self.landings_text());
        block("csv fuel", &self.fuel_text());
        block("yaml questions/drawn.yaml", &self.question());
        block(
            if self.changing.as_corrected { "csv expect as corrected" } else { "csv expect" },
            &self.expect_text(values),
        );
        if let Some(observed) = observed {
            block("csv observations drawn", &self.observed_text(observed));
        }
        out
    }

    fn definitions(&self, route: bool) -> String {
        let mut out = if route { "entity: route\n" } else { "entity: aircraft\n" }.to_owned();
        if !route {
            out.push_str("request:\n  - {name: seats, type: integer, meaning: Seats on sale}\n");
        }
        out.push_str("features:\n");
        for (_, name, from, value) in BASES.iter().filter(|b| b.0 == route) {
            out.push_str(&feature(name, value, &[("from", from)]));
        }
        if !route {
            out.push_str(&feature("f_by", "count(n)", &[("from", "landings"), ("by", "s"), ("categories", "4")]));
        }
        for (i, drawn) in self.aggregations.iter().enumerate().filter(|(_, a)| a.about_route == route) {
            let mut more = vec![("from", "landings"), ("over", drawn.over)];
            more.extend(drawn.filter.map(|f| ("where", f)));
            let cap = drawn.by.and_then(|(_, cap)| cap).map(|cap| cap.to_string());
            more.extend(drawn.by.map(|(by, _)| ("by", by)));
            more.extend(cap.as_deref().map(|cap| ("categories", cap)));
            out.push_str(&feature(&format!("f{i}"), &drawn.value, &more));
        }
        for (_, name, value) in EXPRESSIONS.iter().filter(|e| e.0 == route) {
            out.push_str(&feature(name, value, &[]));
        }
        out
    }

    fn landings_contract(&self) -> String {
        let Changing { corrects, late, .. } = self.changing;
        let property = |said: bool, words: &str| {
            if said { format!(", customProperties: [{{{words}}}]") } else { String::new() }
        };
        LANDINGS
            .replace("CORRECTS", &corrects.to_string())
            .replace("LATE", &property(late, "property: arrives, value: x_known"))
            .replace("TOMBSTONE", &property(corrects, "property: tombstone, value: true"))
    }

    fn question(&self) -> String {
        let (entity, feature) = if self.rule.about_route { ("route", "r_count") } else { ("aircraft", "a_count") };
        format!(
            "name: drawn\nquestion: Drawn at random?\nasked_by: sam\ndecides: Nothing\nobserve: {}\n\
             outcome: {{name: next, entity: {entity}, from: landings, value: count(*) > 0, within: 1 hour}}\n\
             features: [{feature}]\nsuccess: {{metric: roc_auc, at_least: 0.5}}\nsplit: {{test_from: 2024-03-01}}\n",
            self.rule.observe
        )
    }

    fn observed_text(&self, observed: &[Observation]) -> String {
        let (mut out, entity) = if self.rule.about_route {
            ("route.origin,route.dest,at\n".to_owned(), 1)
        } else {
            ("aircraft,at\n".to_owned(), 0)
        };
        for o in observed {
            let mut cells: Vec<String> = o.keys[entity].iter().flatten().map(cell).collect();
            cells.push(instant(o.at));
            let _ = writeln!(out, "{}", cells.join(","));
        }
        out
    }

    fn landings_text(&self) -> String {
        let mut out = "id,tail,origin,dest,happened,known,x,n,s,b,gone,x_known\n".to_owned();
        for r in &self.landings {
            let cells = [
                r.id.map_or_else(null, |id| format!("L{id}")),
                text(r.tail),
                text(r.route.0),
                text(r.route.1),
                instant(r.event),
                instant(r.arrival),
                number(r.x),
                plain(r.n),
                text(r.s),
                plain(r.b),
                plain(r.gone),
                r.x_known.map_or_else(null, instant),
            ];
            let _ = writeln!(out, "{}", cells.join(","));
        }
        out
    }

    fn fuel_text(&self) -> String {
        let mut out = "tail,fuelled_at,litres\n".to_owned();
        for (tail, at, litres) in &self.fuel {
            let _ = writeln!(out, "{},{},{}", text(*tail), instant(*at), number(*litres));
        }
        out
    }

    fn expect_text(&self, values: Option<&[Vec<Value>]>) -> String {
        let features = self.features();
        let mut out = format!("aircraft,route.origin,route.dest,at,request.seats,{}\n", features.join(","));
        for (i, o) in self.observations.iter().enumerate() {
            let mut cells = vec![text(o.tail), text(o.route.0), text(o.route.1), instant(o.at), plain(o.seats)];
            match values.and_then(|v| v.get(i)) {
                Some(row) => cells.extend(row.iter().map(cell)),
                None => cells.extend(features.iter().map(|_| null())),
            }
            let _ = writeln!(out, "{}", cells.join(","));
        }
        out
    }
}

fn feature(name: &str, value: &str, more: &[(&str, &str)]) -> String {
    let mut out = format!("  - name: {name}\n    meaning: Drawn at random\n    owner: sam\n");
    for (key, words) in [("value", value)].iter().chain(more) {
        let _ = match *key {
            "categories" => writeln!(out, "    {key}: {words}"),
            _ => writeln!(out, "    {key}: '{}'", words.replace('\'', "''")),
        };
    }
    out
}

/// A value as the cell of an expect table.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Float(x) => number(Some(*x)),
        Value::Text(s) => text(Some(s)),
        Value::Time(t) => instant(*t),
        Value::List(_) | Value::Map(_) => text(Some(&to_json(value).to_string())),
        other => other.to_string(),
    }
}

fn null() -> String {
    "null".to_owned()
}

fn text(text: Option<&str>) -> String {
    text.map_or_else(null, |t| format!("\"{}\"", t.replace('"', "\"\"")))
}

fn number(x: Option<f64>) -> String {
    x.map_or_else(null, |x| format!("{x:?}"))
}

fn plain(x: Option<impl ToString>) -> String {
    x.map_or_else(null, |x| x.to_string())
}

fn instant(at: Micros) -> String {
    time::format_instant(at)
}
