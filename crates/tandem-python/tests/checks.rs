//! The rules about names and about what stands in the way of a clean run, each with what it must not say.
#![allow(clippy::unwrap_used)]

mod common;

use common::{cells, found, said};
use tandem_python::{Known, check};

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(said(text, &[]), expected, "{text}");
}

#[test]
fn t601_names_that_nothing_defines() {
    says("x = 1\nprint(x, totl)", &["T601 1:2"]);
    says("def f():\n    return totl\nclass A:\n    b = 1\n    c = b", &["T601 1:2"]);
    says("x = 1\ndel x\nprint(x)", &["T601 1:3"]);
    // A body runs later; comprehensions, classes, handlers and patterns bind; IPython gives names.
    says("def f(a, *b, c=1, **d):\n    global g\n    g = a\n    return later, b, c, d\nlater = g = 1\nf(1)", &[]);
    says(
        "[i for i in range(3) if i]\n{k: v for k, v in {}.items()}\n(lambda q: q)(1)\ndisplay(_, In, get_ipython(), _12)",
        &[],
    );
    says(
        "try:\n    unknown\nexcept NameError:\n    pass\ntry:\n    import a\nexcept ImportError as e:\n    print(e)",
        &[],
    );
    says(
        "match [1]:\n    case [a, *b]:\n        print(a, b)\nif (n := 1):\n    print(n)\nwith open('f', 'w') as h:\n    h",
        &[],
    );
    says(
        "class A:\n    def f(self):\n        return A, __class__\n    x = [1 for _ in range(2)]\nfor i in []:\n    pass\nprint(i)",
        &[],
    );
    says("from numpy import *\nprint(anything)", &[]);
    says("%pylab inline\nplot([1])", &[]);
    says("%%bash\necho $x", &[]);
    says("%time x = 1\nprint(x)", &[]);
    says("files = !ls\nprint(files)", &[]);
}

#[test]
fn t602_and_t603_names_of_later_and_deleted_cells() {
    says("print(x)\n---\nx = 1", &["T602 1:1"]);
    says("def f():\n    return x\nf()\n---\nx = 1", &["T602 1:3"]);
    // The cell ran and stored no error: its kernel knew the name, whatever the counts leave out.
    says("[1]\nimport os\n---\n[4]\nprint(df)", &["T603 2:1"]);
    says("[1]\nimport os\n---\n[2]\nprint(df)", &["T603 2:1"]);
    // It failed, was never run or was the first to run, or may not have come to the name: then it may be a slip.
    says("[1]\nimport os\n---\n[4!]\nprint(df)", &["T601 2:1"]);
    says("import os\n---\nprint(df)", &["T601 2:1"]);
    says("[1]\nprint(df)", &["T601 1:1"]);
    says("[1]\nimport os\n---\n[4]\nif os.sep == ':':\n    print(df)", &["T601 2:2"]);
}

#[test]
fn t604_another_value_than_from_the_top() {
    // Cell 3 below had run when cell 2 ran again: it shows the other frame, or its new column.
    says("[1]\nt = 1\n---\n[5]\nprint(t)\n---\n[3]\nt = 2", &["T604 2:1"]);
    says("[1]\ndf = {}\n---\n[5]\ndf.head()\n---\n[3]\ndf['a'] = 1", &["T604 2:1"]);
    says("[1]\ndf = {}\n---\n[5]\nprint(df['a'])\n---\n[3]\ndf['a'] = 1", &["T604 2:1"]);
    says("[1]\ndf = {}\n---\n[5]\nprint(df)\n---\n[3]\ndf.dropna(inplace=True)", &["T604 2:1"]);
    // No count is missing: cell 2 cannot have run before cell 3 did.
    says("[1]\ndf = {}\n---\n[3]\ndf['a'] = 1\n---\n[2]\ndf.head()", &["T604 3:1"]);
    says("[1]\nt = 1\n---\n[3]\nt = 2\n---\n[2]\nprint(t)", &["T604 3:1"]);
}

#[test]
fn t604_order_alone_is_nothing() {
    // The loading cell was run once more.
    says("[7]\nt = 1\n---\n[3]\nprint(t)", &[]);
    says("[7]\nimport os\ndef f(): pass\n---\n[3]\nprint(os, f)", &[]);
    // It may have run as [4], before cell 2 did.
    says("[1]\nt = 1\n---\n[7]\nt = 2\n---\n[5]\nprint(t)\n---\n[3]\nx = 1", &[]);
    // The same words twice, another column, counts of two sessions, a cell that cannot be read.
    says("[1]\nt = 1\n---\n[5]\nprint(t)\n---\n[3]\nt = 1", &[]);
    says("[1]\ndf = {}\n---\n[5]\nprint(df['b'])\n---\n[3]\ndf['a'] = 1", &[]);
    says("[1]\nt = 1\n---\n[5]\nprint(t)\n---\n[3]\nt = 2\n---\n[3]\nx = 1", &[]);
    says("[1]\nt = 1\n---\n[2]\nt = (:\n---\n[3]\nprint(t)", &["T623 2:1"]);
}

#[test]
fn t605_a_second_run_silently_changes_the_result() {
    says("df = x = 1\n---\ndf = df.shift(1)\n---\nx += 1", &["T605 2:1", "T605 3:1"]);
    says("df = x = 1\n---\ndf['a'] = df['a'] / 1000\n---\nx = x * 2", &["T605 2:1", "T605 3:1"]);
    says("import pandas as pd\ndf = x = 1\n---\ndf = pd.concat([df, x])\n---\ndf += 1", &["T605 2:1"]);
    // What fails the second time is seen, and what is the same then is no change.
    says(
        "df = x = 1\n---\ndf = df.drop(columns='a')\n---\ndf.set_index('a', inplace=True)\n---\ndf = df.merge(x)",
        &[],
    );
    says("df = x = 1\n---\ndf = df.fillna(0)\nx = 1\nx += 1\n---\ndf = df / df.max()\ny = x + 1\nprint(y)", &[]);
    // What the cell makes itself, and a place in an array.
    says("df = x = 1\n---\ndf['a'] = 1\ndf['a'] = df['a'] / 2\n---\nx[0] += 1", &[]);
}

#[test]
fn t606_and_t625_paths_of_one_place() {
    says(
        "a = r'C:\\Users\\eva\\a.csv'\n---\nb = '/home/eva/a.csv'\n---\nc = '/kaggle/input/a.csv'",
        &["T606 1:1", "T606 2:1", "T625 3:1"],
    );
    says("from google.colab import drive", &["T625 1:1"]);
    says(
        "a = 'data/a.csv'\nb = 'https://a.org/home/x'\nc = 'a: b'\nd = '/dev/null'\ntry:\n    import google.colab\nexcept ImportError:\n    pass",
        &[],
    );
    says("print(spark.range(1))", &["T625 1:1"]);
}

#[test]
fn t608_and_t609_data_from_elsewhere() {
    says("import pandas as pd\npd.read_csv('https://a.org/b.csv')\n!wget https://a.org/c", &["T608 1:2", "T608 1:3"]);
    says("import pandas as pd\ndf = pd.read_pickle('c.pkl')\n---\ndf.to_pickle('c.pkl')", &["T609 1:2"]);
    says("import pandas as pd\ndf = pd.read_csv('a.csv')\ndf.to_pickle('c.pkl')\npd.read_pickle('c.pkl')", &[]);
}

#[test]
fn t612_t624_installing_and_asking() {
    says("!pip install x\n%pip install y\n# !pip install z", &["T612 1:1", "T612 1:2"]);
    says("name = input('?')\ndef f():\n    return input()", &["T624 1:1"]);
}

#[test]
fn t613_randomness_without_a_seed() {
    let start = "import numpy as np\nimport random\nfrom sklearn.model_selection import train_test_split, KFold\n";
    says(
        &format!(
            "{start}np.random.rand(3)\nrandom.choice([1])\nnp.random.default_rng()\ntrain_test_split([1])\nKFold(3, shuffle=True)"
        ),
        &["T613 1:4", "T613 1:5", "T613 1:6", "T613 1:7", "T613 1:8"],
    );
    says(
        &format!(
            "{start}np.random.seed(0)\nrandom.seed(0)\nnp.random.rand(3)\nrandom.choice([1])\nnp.random.default_rng(1)\ntrain_test_split([1])\nKFold(3)"
        ),
        &[],
    );
    says(&format!("{start}train_test_split([1], random_state=1)\ntrain_test_split([1], shuffle=False)"), &[]);
}

#[test]
fn t614_the_clock() {
    says("from datetime import datetime\nage = datetime.now() - 1", &["T614 1:2"]);
    says("import time\nfrom datetime import datetime\nstart = datetime.now()\nt = time.time()", &[]);
}

#[test]
fn t615_secrets_are_found_and_never_repeated() {
    let secret = format!("AKIA{}", "Z7QRSTUVWXYZ2345");
    let all = found(&format!("key = '{secret}'\npassword = 'h0rse-battery'"));
    assert_eq!(all.iter().map(|one| (one.code.id(), one.line)).collect::<Vec<_>>(), [("T615", 1), ("T615", 2)]);
    assert!(all.iter().all(|one| !one.message.contains(&secret) && !one.message.contains("battery")), "{all:?}");
    says(
        "import os\npassword = os.environ['P']\npwd = ''\npassword = 'your-password'\ntoken = 'word'\npad_token = '<pad>'",
        &[],
    );
}

#[test]
fn t621_and_t623_code_that_python_cannot_read() {
    says("print 'a'\n---\nprint 'b'\nxrange(3)", &["T621 1:1"]);
    says("for i in xrange(3): pass", &["T621 1:1"]);
    says("x = (1,\n---\nprint(1)", &["T623 1:1"]);
    let old = check(&cells("print(1)"), Known { python_2: true });
    assert_eq!(old.first().unwrap().code.id(), "T621");
    assert_eq!(old.first().unwrap().severity, tandem_definitions::Severity::Note);
    says("  x = 1\n  if x:\n      x = 2", &[]);
    says("pip install x", &["T612 1:1"]);
}

/// Deterministic damage to real text: nothing panics, and every finding stands in its cell.
#[test]
fn no_text_breaks_the_parser() {
    let text = include_str!("leaks.rs");
    let lines: Vec<&str> = text.lines().collect();
    let mut state: u64 = 7;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let odd = [
        "(", "\"\"\"", "%%", "!", "é", "\u{0}", "\t", "lambda", "[i for", "f'{", "\\", "def f(:", "match x:", "@",
        ":=", "%time ", "\r",
    ];
    for _ in 0..400 {
        let mut source: String = (0..12).map(|_| lines[next(lines.len())].replace("\\n", "\n") + "\n").collect();
        for _ in 0..next(6) {
            let at = (0..=next(source.len() + 1)).rev().find(|at| source.is_char_boundary(*at)).unwrap();
            source.insert_str(at, odd[next(odd.len())]);
        }
        let all = cells(&source);
        for finding in check(&all, Known::default()) {
            let cell = all.iter().find(|cell| cell.number == finding.cell).unwrap();
            assert!(finding.start <= finding.end && finding.end <= cell.source.len(), "{finding:?}\n{source}");
        }
    }
}
