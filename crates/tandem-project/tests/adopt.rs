//! A notebook with pandas, from somebody's folder into a project: adopted, tested, broken, adopted again.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{shop, write};
use serde_json::{Value, json};
use tandem_definitions::{Code, Diagnostic};
use tandem_notebook::AsOf;
use tandem_project::adopt::{Adoption, Fate, Request, adopt, recorded};
use tandem_project::check::{Depth, check};
use tandem_project::load::load;

const LOCK: &str = include_str!("../../../examples/flights/models/late_landing/requirements.lock");
const DELAYS: &str = "id,carrier,minutes\n1,AA,10\n2,UA,\n3,AA,35\n4,B6,-5\n";

/// The cells of the notebook.
const CELLS: [&str; 4] = [
    "%precision 6\nimport random\nimport pandas as pd\ndf = pd.read_csv('data/delays.csv')",
    "def late(minutes, after=15):\n    return minutes > after\n\ndef tidy(frame):\n    return frame.dropna().assign(late=frame.minutes.map(late))\n\nclean = tidy(df)\nshare = clean['late'].mean()",
    "luck = random.random()\nprint('share', share, 'of', len(clean))\nclean.minutes.dtype",
    "clean.groupby('carrier').minutes.mean().reset_index()",
];

/// A project, and a notebook in a folder outside of it.
struct Team {
    project: tempfile::TempDir,
    handed_over: tempfile::TempDir,
}

impl Team {
    fn new() -> Self {
        let team = Self { project: shop(), handed_over: tempfile::tempdir().unwrap() };
        fs::remove_dir_all(team.project.path().join("models/spend")).unwrap();
        // One environment for all tests.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adopt-state");
        for name in ["environments", "tools"] {
            fs::create_dir_all(cache.join(name)).unwrap();
            fs::create_dir_all(team.project.path().join(".tandem")).unwrap();
            std::os::unix::fs::symlink(cache.join(name), team.project.path().join(".tandem").join(name)).unwrap();
        }
        write(team.handed_over.path(), "data/delays.csv", DELAYS);
        write(team.handed_over.path(), "requirements.lock", LOCK);
        team.notebook(&CELLS);
        team
    }

    fn notebook(&self, cells: &[&str]) {
        let cells: Vec<Value> = cells
            .iter()
            .enumerate()
            .map(|(at, source)| json!({"cell_type": "code", "id": format!("c{at}"), "metadata": {}, "source": source, "outputs": [], "execution_count": 7}))
            .collect();
        let text = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).to_string();
        write(self.handed_over.path(), "Delays.ipynb", &text);
    }

    fn adopt(&self, file: &Path) -> Adoption {
        let loaded = load(self.project.path()).unwrap();
        let request = Request {
            file: file.to_path_buf(),
            name: None,
            cell_limit: None,
            as_of: AsOf::Notebook,
            copy_limit: 1_000_000,
            today: "2026-11-25".to_owned(),
        };
        adopt(&loaded, &request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
    }

    fn adopt_handed_over(&self) -> Adoption {
        self.adopt(&self.handed_over.path().join("Delays.ipynb"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.project.path().join("models/delays").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{text}");
        fs::write(self.file(name), text.replace(from, to)).unwrap();
    }

    /// What the tests find, and whether the notebook ran.
    fn test(&self) -> (Vec<Diagnostic>, bool) {
        let loaded = load(self.project.path()).unwrap();
        let outcome = recorded::run(&loaded, &loaded.project.adopted[0], None, &mut |_| {}).unwrap();
        (outcome.findings, outcome.ran)
    }

    fn check(&self) -> Vec<Code> {
        let findings = check(&load(self.project.path()).unwrap(), Depth::Everything).findings;
        findings.iter().map(|finding| finding.code).collect()
    }
}

fn told(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}", finding.code.id(), finding.message)).collect()
}

fn fate(adoption: &Adoption, name: &str) -> Fate {
    adoption.files.iter().find(|written| written.path.ends_with(name)).unwrap().fate
}

/// What stands in the recorded tests of the notebook as it was handed over.
fn assert_recorded(tests: &str) {
    for line in [
        "          minutes: {type: float64, nulls: 1, range: [-5.0, 35.0], mean: 13.3333333}\n",
        "          carrier: {type: str, nulls: 0, values: [AA, B6, UA]}\n",
        "        unique: [id]\n",
        "      share: 0.333333333\n",
        "      - share 0.3333333333333333 of 3\n",
        "      \"(shown)\":\n",
        "  - function: late\n",
        "      - {with: {minutes: 10.0}, gives: false}\n",
    ] {
        assert!(tests.contains(line), "{line}\n{tests}");
    }
}

#[test]
fn a_notebook_is_adopted_tested_broken_and_adopted_again() {
    let team = Team::new();
    let notebook = team.handed_over.path().join("Delays.ipynb");
    let before = fs::read(&notebook).unwrap();
    let adoption = team.adopt_handed_over();
    assert_eq!(fs::read(&notebook).unwrap(), before, "the user's file was changed");
    assert_recorded(&team.read("tests/recorded.yaml"));
    assert!(adoption.not_asserted.iter().any(|line| line.starts_with("cell 3, `luck`")), "{:?}", adoption.not_asserted);
    assert!(team.read("notebook.py").contains("# %% nbformat_id=\"c0\"\n# %precision 6\nimport random\n"));
    assert!(
        team.read("README.md").contains("| `data/delays.csv` | `inputs/data/delays.csv` | 49 bytes |"),
        "{}",
        team.read("README.md")
    );
    assert_eq!(team.check(), [Code::AdoptedToDo]);

    // As it is; the second time without a run.
    assert_eq!(told(&team.test().0), Vec::<String>::new());
    assert!(!team.test().1, "it ran again, and nothing had changed");

    // A function that does something else.
    team.replace("notebook.py", "return minutes > after", "return minutes >= 10");
    let (findings, ran) = team.test();
    let all = told(&findings);
    assert!(ran);
    assert!(all.iter().any(|text| text == "T404 cell 2, `share` was 0.333333, now 0.666667"), "{all:#?}");
    assert!(
        all.iter().any(|text| text == "T408 cell 2, function `late`: late(minutes=10.0) gave false, now true"),
        "{all:#?}"
    );
    assert!(
        all.iter().any(|text| text.starts_with("T404 cell 2, frame `clean`, column `late`: true was 1, now 2")),
        "{all:#?}"
    );
    assert!(findings.iter().all(|finding| finding.place.line > 0 && finding.place.file.ends_with("recorded.yaml")));

    // It is meant: recorded anew, and what people wrote stays.
    fs::write(team.file("README.md"), "# Our own words\n").unwrap();
    let tests = team.read("tests/recorded.yaml").replacen("        unique: [id]\n", "", 1);
    fs::write(team.file("tests/recorded.yaml"), &tests).unwrap();
    let uniques = tests.matches("unique: ").count();
    team.replace("model.yaml", "\"To do: say in one sentence what this notebook is for\"", "Which flights come late");
    let again = team.adopt(&team.file("notebook.py"));
    assert_eq!(
        (fate(&again, "README.md"), fate(&again, "recorded.yaml"), fate(&again, "requirements.lock")),
        (Fate::Conflict, Fate::Merged, Fate::Same)
    );
    let tests = team.read("tests/recorded.yaml");
    assert!(tests.contains("share: 0.666666667") && tests.matches("unique: ").count() == uniques, "{tests}");
    assert_eq!(team.read("README.md"), "# Our own words\n");
    assert!(team.read("model.yaml").contains("meaning: Which flights come late\n"));
    assert_eq!(told(&team.test().0), Vec::<String>::new());
    assert_eq!(team.check(), []);

    // A frame that is gone, and a cell that fails.
    team.replace("notebook.py", "clean = tidy(df)", "clean = 1/0");
    let (findings, _) = team.test();
    assert_eq!(findings[0].code, Code::RecordedFails);
    assert!(
        findings[0].message.starts_with(
            "models/delays/notebook.py: code cell 2 of 4, line 7 (`clean = 1/0`) failed: ZeroDivisionError"
        ),
        "{}",
        findings[0].message
    );
}

#[test]
fn inputs_tests_and_names_that_are_not_as_they_were_are_named() {
    let team = Team::new();
    team.adopt_handed_over();
    team.replace(
        "notebook.py",
        "clean = tidy(df)",
        "clean = tidy(df).drop(columns='carrier').assign(carrier='AA')\ndel df",
    );
    let all = told(&team.test().0);
    assert!(all.iter().any(|text| text.contains("column `carrier`: values was AA, B6, now AA")), "{all:#?}");
    fs::write(team.file("tests/recorded.yaml"), "cells:\n  - frames: {}\n").unwrap();
    assert_eq!(team.test().0[0].code, Code::RecordedUnreadable);
    fs::write(team.file("tests/recorded.yaml"), "cells:\n  - {cell: 1, numbers: {gone: 1}}\n").unwrap();
    assert_eq!(told(&team.test().0), ["T407 cell 1, `gone` is not there any more"]);
    assert_eq!(team.test().0[0].code, Code::RecordedGone);
    fs::remove_file(team.file("tests/recorded.yaml")).unwrap();
    fs::write(team.file("inputs/data/delays.csv"), "id\n").unwrap();
    assert_eq!(team.check(), [Code::InputChanged, Code::NothingRecorded, Code::AdoptedToDo]);
    let (findings, ran) = team.test();
    assert!(!ran && findings[0].message.contains("49 bytes then, 3 now"), "{findings:#?}");
    let error = load(team.project.path()).unwrap().model("delays").unwrap_err().to_string();
    assert!(error.contains("answers no question yet"), "{error}");
}
