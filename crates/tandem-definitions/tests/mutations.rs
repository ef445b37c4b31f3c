//! Reading never panics, whatever is written, and every place that it names lies in the file.
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use tandem_definitions::read;

const BITS: &[&str] = &[
    "",
    " ",
    "\n",
    "\n  - ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
    "# ",
    "\\x41",
    "é",
    "(",
    ")",
    " > ",
    " and ",
    "not ",
    "case when ",
    " then 1 end",
    "count(*)",
    "last_n(",
    "[1]",
    "['a'][",
    "by: ",
    "categories: ",
    "max(",
    "request.",
    "null",
    "-1 days",
    "0",
    "1e999",
    "9223372036854775808",
    "value: ",
    "keys: [a, b]",
    "::int",
    "\u{2028}",
    "\t",
    "\r\n",
    "%",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: std::option_env!("TANDEM_CASES").map_or(1500, |n| n.parse().unwrap()), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_projects_are_read(cuts in prop::collection::vec((0_usize..7, any::<prop::sample::Index>(), 0_usize..12, 0..BITS.len()), 1..5)) {
        let mut files = common::flights();
        for (file, at, length, bit) in cuts {
            let text = &mut files[file].text;
            let mut start = at.index(text.len() + 1);
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, BITS[bit]);
        }
        let (_, found) = read(&files);
        for d in &found {
            if let Some(file) = files.iter().find(|f| f.path == d.place.file) {
                prop_assert!(file.text.get(d.place.start..d.place.end).is_some_and(|text| text.contains(&d.text)), "{d:?}");
            }
        }
    }

    #[test]
    fn mutated_expressions_are_read(words in prop::collection::vec(0..BITS.len(), 0..30), quoted in any::<bool>()) {
        let sql: String = words.iter().map(|w| BITS[*w]).collect();
        let sql = if quoted { format!("value: {sql:?}") } else { format!("value: >\n      {}", sql.replace('\n', "\n      ")) };
        let files = common::broken("features/aircraft.yaml", "value: last_arrival_delay > 15", &sql);
        let _ = read(&files);
    }
}

#[test]
fn deep_and_long_expressions_are_refused() {
    for sql in [
        "(".repeat(5000),
        "not ".repeat(5000),
        "- ".repeat(900),
        "1 + ".repeat(5000) + "1",
        "abs(".repeat(20) + "1" + &")".repeat(20),
        "((".repeat(10) + "1" + &"))".repeat(10),
        "case when true then ".repeat(200),
        "1 + ".repeat(499) + "1",
    ] {
        let files =
            common::broken("features/aircraft.yaml", "value: last_arrival_delay > 15", &format!("value: \"{sql}\""));
        let _ = read(&files);
    }
}

#[test]
fn deep_and_multiplied_yaml_is_refused() {
    let mut bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for (last, next) in ["a", "b", "c", "d", "e", "f", "g", "h"].iter().zip(["b", "c", "d", "e", "f", "g", "h", "i"]) {
        let aliases = vec![format!("*{last}"); 10].join(", ");
        bomb.extend([next, ": &", next, " [", &aliases, "]\n"]);
    }
    for text in [bomb, "[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(10_000)] {
        let mut files = common::flights();
        files[0].text = text;
        let _ = read(&files);
    }
}
