//! What an audit found, as plain data.
//! Not here: how it is found; drawing it is `text.rs` and `html.rs` below.

pub mod html;
pub mod text;

use serde::Serialize;
use tandem_definitions::Code;

use crate::cuts::Cut;
use crate::diff::Changed;
use crate::source::Source;

/// The name under which a finding about rows stands.
pub const ROWS: &str = "(rows)";

/// What an audit found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The notebook.
    pub notebook: String,
    /// How: `rows` (by their own time), `as of` (by the notebook's parameter), or empty when nothing could be judged.
    pub mode: String,
    /// Why nothing could be judged.
    pub not_judged: Option<String>,
    /// The files of events.
    pub sources: Vec<SourceReport>,
    /// What was audited, in words.
    pub audited: Vec<String>,
    /// Where the data was cut.
    pub cuts: Vec<CutReport>,
    /// How many runs of the notebook this took.
    pub runs: usize,
    /// How long, in seconds.
    pub seconds: f64,
    /// The end of the training rows, where it was declared or detected.
    pub training_end: Option<String>,
    /// The verdicts: findings first.
    pub verdicts: Vec<Judgement>,
    /// What the notebook's text made suspect before it ran, and what came of it.
    pub suspicions: Vec<Suspected>,
    /// Files that were read and not declared.
    pub undeclared: Vec<String>,
    /// What else a reader has to know.
    pub notes: Vec<String>,
    /// With which probability a leak is missed.
    pub miss: String,
    /// The code cells.
    pub cells: Vec<CellText>,
}

/// A file of events.
#[derive(Clone, Debug, Serialize)]
pub struct SourceReport {
    /// What it is.
    #[serde(flatten)]
    pub source: Source,
    /// How many rows.
    pub rows: usize,
    /// Whether it could be cut.
    pub cut: bool,
}

/// A cut.
#[derive(Clone, Debug, Serialize)]
pub struct CutReport {
    /// When, and why there.
    #[serde(flatten)]
    pub cut: Cut,
    /// In words.
    pub instant: String,
    /// Why it could not be judged.
    pub failed: Option<String>,
}

/// A code cell.
#[derive(Clone, Debug, Serialize)]
pub struct CellText {
    /// Which code cell, from 1.
    pub number: usize,
    /// Its text.
    pub source: String,
}

/// What was found about a column, or about which rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Verdict {
    /// It changed when later records were dropped or changed.
    #[serde(rename = "LOOKAHEAD")]
    Lookahead,
    /// Which rows exist depends on later records.
    #[serde(rename = "MEMBERSHIP")]
    Membership,
    /// Columns or codes come from later records.
    #[serde(rename = "VOCABULARY")]
    Vocabulary,
    /// It changed only when records were dropped that became known late.
    #[serde(rename = "LATE DATA")]
    LateData,
    /// It is what the model learns, and sees further ahead than was declared.
    #[serde(rename = "LABEL BEYOND HORIZON")]
    LabelBeyondHorizon,
    /// It changed only for cuts within the training rows.
    #[serde(rename = "IN-SAMPLE FIT")]
    InSampleFit,
    /// It is what the model learns: it may know the future.
    #[serde(rename = "LABEL")]
    Label,
    /// Only the last bits changed.
    #[serde(rename = "NUMERIC NOISE")]
    NumericNoise,
    /// It could not be judged.
    #[serde(rename = "NOT JUDGED")]
    NotJudged,
    /// It did not change at any cut.
    #[serde(rename = "NO CHANGE")]
    NoChange,
}

impl Verdict {
    /// In capitals, as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lookahead => "LOOKAHEAD",
            Self::Membership => "MEMBERSHIP",
            Self::Vocabulary => "VOCABULARY",
            Self::LateData => "LATE DATA",
            Self::LabelBeyondHorizon => "LABEL BEYOND HORIZON",
            Self::InSampleFit => "IN-SAMPLE FIT",
            Self::Label => "LABEL",
            Self::NumericNoise => "NUMERIC NOISE",
            Self::NotJudged => "NOT JUDGED",
            Self::NoChange => "NO CHANGE",
        }
    }

    /// Whether it is a finding.
    pub fn is_finding(self) -> bool {
        matches!(
            self,
            Self::Lookahead | Self::Membership | Self::Vocabulary | Self::LateData | Self::LabelBeyondHorizon
        )
    }

    /// The code of its page; none where there is nothing to explain.
    pub fn code(self) -> Option<Code> {
        Some(match self {
            Self::Lookahead => Code::Lookahead,
            Self::Membership => Code::Membership,
            Self::Vocabulary => Code::Vocabulary,
            Self::LateData => Code::LateData,
            Self::LabelBeyondHorizon => Code::LabelBeyondHorizon,
            Self::InSampleFit => Code::InSampleFit,
            Self::NotJudged => Code::NotJudged,
            Self::Label | Self::NumericNoise | Self::NoChange => return None,
        })
    }
}

/// A verdict, with what proves it.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The column, or `(rows)`.
    pub column: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The code under which `tandem explain` tells what it means, and what to do.
    pub code: Option<Code>,
    /// In which audited frame, in words.
    pub frame: String,
    /// In one sentence, for everybody.
    pub words: String,
    /// At how many cuts it changed, of those that could be judged.
    pub changed: usize,
    /// How many cuts could be judged.
    pub cuts: usize,
    /// At most how many rows changed at one cut, of how many.
    pub rows: (usize, usize),
    /// Where it begins.
    pub origin: Option<Origin>,
    /// Where it is passed on.
    pub consequences: Vec<String>,
    /// The columns of the sources that it is made of, as far as later values of them show in it.
    pub inputs: Vec<String>,
    /// How far ahead it sees.
    pub reach: Option<String>,
    /// Rows.
    pub samples: Vec<Sample>,
    /// What to do instead.
    pub remedy: String,
    /// The declared feature that would take its place, as YAML; empty where none would.
    pub feature: String,
}

impl Judgement {
    /// A verdict of which nothing more is said yet.
    pub(crate) fn new(column: String, verdict: Verdict) -> Self {
        Self {
            column,
            verdict,
            code: None,
            frame: String::new(),
            words: String::new(),
            changed: 0,
            cuts: 0,
            rows: (0, 0),
            origin: None,
            consequences: Vec::new(),
            inputs: Vec::new(),
            reach: None,
            samples: Vec::new(),
            remedy: String::new(),
            feature: String::new(),
        }
    }
}

/// A suspicion, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Suspected {
    /// Which kind: T640 to T650.
    pub code: Code,
    /// Which code cell, from 1.
    pub cell: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// What was suspected.
    pub text: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in words.
    pub words: String,
}

/// What came of a suspicion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A run shows it.
    Proven,
    /// The runs do not show it.
    #[serde(rename = "not confirmed")]
    NotConfirmed,
    /// No run could tell.
    #[serde(rename = "not judged")]
    NotJudged,
}

impl Outcome {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::NotConfirmed => "not confirmed",
            Self::NotJudged => "not judged",
        }
    }
}

/// A place in the notebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// Which code cell, from 1.
    pub cell: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// The text of that line.
    pub code: String,
    /// The variable in which it shows first.
    pub variable: String,
    /// And the column.
    pub column: String,
}

/// A row: what the notebook says, and what production would have said.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Which row.
    pub row: String,
    /// What the notebook says.
    pub says: String,
    /// What a run that sees only the past says.
    pub would: String,
}

impl Sample {
    /// Rows that show a difference.
    pub(crate) fn of(changed: &Changed) -> Vec<Self> {
        let sample = |(row, says, would): &(String, String, String)| Self {
            row: row.clone(),
            says: says.clone(),
            would: would.clone(),
        };
        changed.samples.iter().map(sample).collect()
    }
}

impl Report {
    /// The findings.
    pub fn findings(&self) -> impl Iterator<Item = &Judgement> {
        self.verdicts.iter().filter(|judgement| judgement.verdict.is_finding())
    }

    /// Whether something could not be judged.
    pub fn has_unjudged(&self) -> bool {
        self.not_judged.is_some()
            || self.verdicts.iter().any(|judgement| judgement.verdict == Verdict::NotJudged)
            || self.cuts.iter().any(|cut| cut.failed.is_some())
    }

    /// In one sentence.
    pub fn summary(&self) -> String {
        if let Some(reason) = &self.not_judged {
            return format!("not judged: {reason}");
        }
        let is_column = |judgement: &&Judgement| judgement.column != ROWS;
        let found = self.findings().filter(is_column).count();
        let rows = self.findings().any(|judgement| judgement.column == ROWS);
        let columns = || self.verdicts.iter().filter(is_column);
        let judged = columns().filter(|judgement| judgement.verdict != Verdict::NotJudged).count();
        let unjudged = columns().count() - judged;
        let cuts = self.cuts.iter().filter(|cut| cut.failed.is_none()).count();
        let tail = if unjudged == 0 { String::new() } else { format!("; {unjudged} not judged") };
        match (found, rows) {
            (0, false) => format!("nothing changed with the future in {judged} columns at {cuts} cuts{tail}"),
            (0, true) => format!("which rows there are depends on the future; none of {judged} columns does{tail}"),
            (_, false) => format!("{found} of {judged} columns saw the future{tail}"),
            (_, true) => format!("{found} of {judged} columns saw the future, and so did the choice of rows{tail}"),
        }
    }
}
