//! The zoo: small notebooks that see the future, each in its own way, and innocent ones that look like them. All of the
//! guilty are found with six cuts, at the cell and line where it begins; none of the innocent is flagged.
//! Not here: broken notebooks and odd files (`audit.rs`).
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::needless_pass_by_value)]

#[path = "zoo/animals.rs"]
mod animals;
#[path = "zoo/guilty.rs"]
mod guilty;
#[path = "zoo/innocent.rs"]
mod innocent;
#[path = "zoo/keeper.rs"]
mod keeper;

use std::time::Instant;

use animals::Animal;
use guilty::GUILTY;
use innocent::INNOCENT;
use keeper::audited;
use tandem_audit::report::text;
use tandem_audit::{Judgement, Outcome, Report, Verdict};

/// What `tandem explain` is asked for.
const CODES: [(&str, &str); 4] =
    [("LOOKAHEAD", "T680"), ("MEMBERSHIP", "T681"), ("VOCABULARY", "T682"), ("LATE DATA", "T683")];

/// Audits one animal and says what is wrong with the result.
fn look(animal: &Animal) -> Option<String> {
    let start = Instant::now();
    let report = audited(animal.cells, |request| {
        if animal.late {
            request.sources[0].arrival_time = Some("received_at".to_owned());
        }
    });
    let wrong = match animal.expected {
        Some(expected) => not_found(&report, expected),
        None => flagged(&report),
    };
    let word = if wrong.is_some() { "WRONG" } else { "ok   " };
    eprintln!("{:.1} s {word} {}", start.elapsed().as_secs_f64(), animal.name);
    wrong.map(|wrong| format!("{}: {wrong}\n{}", animal.name, text::draw(&report)))
}

fn not_found(report: &Report, (column, verdict, cell, line): (&str, &str, usize, usize)) -> Option<String> {
    let found = report.verdicts.iter().find(|judgement| judgement.column == column);
    let place = found.and_then(|found| found.origin.as_ref()).map(|origin| (origin.cell, origin.line));
    let same = found.is_some_and(|found| found.verdict.word() == verdict) && place == Some((cell, line));
    let code = CODES.iter().find(|(word, _)| *word == verdict).map(|(_, code)| *code);
    let same = same && found.and_then(|found| found.code).map(tandem_definitions::Code::id) == code;
    let others = report.findings().filter(|judgement| judgement.column != column).count();
    (!same || others > 0).then(|| format!("expected {verdict} {column} in cell {cell}, line {line}, and nothing else"))
}

fn flagged(report: &Report) -> Option<String> {
    let passed = |judgement: &Judgement| matches!(judgement.verdict, Verdict::NoChange | Verdict::InSampleFit);
    let judged = report.not_judged.is_none() && report.verdicts.iter().any(passed);
    (report.findings().count() > 0 || !judged).then(|| "expected no finding, and something judged".to_owned())
}

/// Looks at some animals; `TANDEM_ZOO` with a part of a name picks one of them.
fn walk<'a>(animals: impl Iterator<Item = &'a Animal>) {
    let wanted = std::env::var("TANDEM_ZOO").unwrap_or_default();
    let chosen: Vec<&Animal> = animals.filter(|animal| animal.name.contains(&wanted)).collect();
    let wrong: Vec<String> = chosen.iter().filter_map(|animal| look(animal)).collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), chosen.len(), wrong.join("\n\n"));
}

fn is_lookahead(animal: &Animal) -> bool {
    animal.expected.is_some_and(|(_, verdict, _, _)| verdict == "LOOKAHEAD")
}

// Four walks, so that the harness makes them side by side.

#[test]
fn lookahead_is_found_where_it_begins() {
    walk(GUILTY.iter().filter(|animal| is_lookahead(animal)).step_by(2));
}

#[test]
fn more_lookahead_is_found_where_it_begins() {
    walk(GUILTY.iter().filter(|animal| is_lookahead(animal)).skip(1).step_by(2));
}

#[test]
fn vocabulary_membership_and_late_data_are_found_where_they_begin() {
    walk(GUILTY.iter().filter(|animal| !is_lookahead(animal)));
}

#[test]
fn none_of_the_innocent_is_flagged() {
    walk(INNOCENT.iter().step_by(2));
}

#[test]
fn none_of_the_other_innocent_is_flagged() {
    walk(INNOCENT.iter().skip(1).step_by(2));
}

#[test]
fn what_cannot_be_judged_is_said_and_never_passed() {
    let read = "import pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])";
    let chance = audited(
        &[
            read,
            "import os\ndf['f'] = [int.from_bytes(os.urandom(4), 'big') for _ in range(len(df))]\ndf.to_csv('out.csv')",
        ],
        |_| {},
    );
    let found = chance.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert_eq!(found.verdict.word(), "NOT JUDGED", "{}", text::draw(&chance));
    assert_eq!(found.code.unwrap().id(), "T685");
    assert!(found.words.contains("give its randomness a seed") && chance.has_unjudged());
    let empty = audited(&[read, "df['f'] = df['amount'].where(df['amount'] < 0)\ndf.to_csv('out.csv')"], |_| {});
    let found = empty.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert!(found.words.contains("missing in every row") && found.verdict.word() == "NOT JUDGED", "{found:?}");
    let short =
        "if len(df) < 400:\n    raise ValueError('too short')\ndf['f'] = df['amount'] * 2\ndf.to_csv('out.csv')";
    let breaks = audited(&[read, short], |request| request.cuts = 2);
    let found = breaks.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert_eq!(found.verdict.word(), "NOT JUDGED", "{}", text::draw(&breaks));
    assert!(breaks.cuts.iter().all(|cut| cut.failed.as_ref().unwrap().contains("code cell 2")), "{breaks:?}");
    let entity = audited(&[read, "x = df.groupby('customer')['amount'].mean()\ndel df"], |request| {
        request.outputs = vec!["x".to_owned()];
    });
    assert!(entity.not_judged.as_ref().unwrap().contains("no parameter `as_of`"), "{}", text::draw(&entity));
    let timeless = audited(&[read], |request| request.sources[0].event_time = None);
    assert!(timeless.not_judged.as_ref().unwrap().contains("no source has a time"), "{}", text::draw(&timeless));
}

#[test]
fn what_is_not_declared_is_guessed_and_how_far_ahead_is_measured() {
    let cells = [
        "import pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])",
        "df = df.sort_values(['customer', 'ordered_at'])\ndf['f'] = df.groupby('customer')['amount'].shift(-1)",
        "df.to_csv('out.csv')",
    ];
    let report = audited(&cells, |request| {
        request.sources.clear();
        request.reach = true;
    });
    let source = &report.sources[0].source;
    assert!(source.guessed, "{source:?}");
    assert_eq!(
        (source.entities.as_slice(), source.event_time.as_deref(), source.arrival_time.as_deref()),
        (&["customer".to_owned()][..], Some("ordered_at"), Some("received_at"))
    );
    let found = report.verdicts.iter().find(|judgement| judgement.column == "f").unwrap();
    assert_eq!(found.verdict.word(), "LOOKAHEAD");
    assert!(
        found.inputs == ["amount"] && found.reach.is_some() && !found.samples.is_empty(),
        "{}",
        text::draw(&report)
    );
    let page = tandem_audit::report::html::draw(&report);
    assert!(page.contains("id=\"cell-2\"") && page.contains("Production would have said") && !page.contains("http"));
    if let Some(folder) = std::env::var_os("TANDEM_AUDIT_PAGE") {
        std::fs::write(folder, page).unwrap();
    }
}

/// Column, verdict, and the cells.
const QUIET: [(&str, &str, &[&str]); 6] = [
    (
        "f",
        "NUMERIC NOISE",
        &[
            animals::HEAD,
            "df['f'] = df['amount'].sum() - df['amount'][::-1].cumsum()[::-1] + df['amount']",
            animals::FIT,
        ],
    ),
    ("f", "NUMERIC NOISE", &[animals::HEAD, "m = df['amount'].mean()\ndf['f'] = (df['amount'] - m) + m", animals::FIT]),
    (
        "f",
        "IN-SAMPLE FIT",
        &[
            animals::HEAD,
            "df['f'] = 0.0\ntrain = df['ordered_at'] < '2024-03-15'\ndf['f'] = df['amount'] - df.loc[train, 'amount'].mean()",
            TRAINED,
        ],
    ),
    (
        "f",
        "IN-SAMPLE FIT",
        &[
            animals::HEAD,
            "train = df['ordered_at'] < '2024-03-15'\ndf['f'] = df['kind'].map(df[train].groupby('kind')['amount'].mean())",
            TRAINED,
        ],
    ),
    (
        "next",
        "LABEL",
        &[animals::HEAD, "df['f'] = df['amount']\ndf['next'] = df['amount'].shift(-1).fillna(0)", LABELLED],
    ),
    (
        "next",
        "LABEL",
        &[
            animals::HEAD,
            "df['f'] = df['amount']\ndf['next'] = df.groupby('customer')['amount'].transform('sum')",
            LABELLED,
        ],
    ),
];
const TRAINED: &str = "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(df.loc[train, ['f']].fillna(0), df.loc[train, 'weight'].fillna(0))";
const LABELLED: &str =
    "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(df[['f']], df['next'])";

#[test]
fn what_is_no_finding_has_its_name_too() {
    for (column, verdict, cells) in QUIET {
        let report = audited(cells, |_| {});
        let found = report.verdicts.iter().find(|judgement| judgement.column == column);
        assert_eq!(found.map(|found| found.verdict.word()), Some(verdict), "{cells:#?}\n{}", text::draw(&report));
        assert_eq!(report.findings().count(), 0, "{}", text::draw(&report));
    }
}

const SPLIT: &str = "n = int(len(df) * 0.7)\nfrom sklearn.linear_model import LinearRegression\nX, y = df[['scaled', 'weight']].fillna(0), df['amount']\nmodel = LinearRegression().fit(X[:n], y[:n])\nprint(model.score(X[n:], y[n:]))";

#[test]
fn a_suspicion_is_proven_or_it_is_said_that_the_runs_do_not_show_it() {
    let read = "import pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])";
    let all = "from sklearn.preprocessing import StandardScaler\ndf['scaled'] = StandardScaler().fit_transform(df[['amount']])\ndf['next'] = df['amount'].shift(-1)";
    let report = audited(&[read, all, SPLIT], |_| {});
    let outcome = |code: &str| {
        let found = report.suspicions.iter().find(|suspected| suspected.code.id() == code);
        found.map_or_else(|| panic!("{report:#?}"), |suspected| (suspected.outcome, suspected.words.clone()))
    };
    let (proven, words) = outcome("T641");
    assert_eq!(proven, Outcome::Proven, "{words}");
    assert!(words.starts_with("only 120 test rows") && words.ends_with("changed: scaled"), "{words}");
    let (unused, words) = outcome("T643");
    assert_eq!((unused, words.as_str()), (Outcome::NotConfirmed, "no audited column changes because of it"));
    // Without a time nothing can be cut, and the suspicion can still be proven.
    let timeless = audited(&[read, all, SPLIT], |request| request.sources[0].event_time = None);
    assert!(timeless.not_judged.is_some());
    let found = timeless.suspicions.iter().find(|suspected| suspected.code.id() == "T641").unwrap();
    assert_eq!(found.outcome, Outcome::Proven, "{found:?}");
}
