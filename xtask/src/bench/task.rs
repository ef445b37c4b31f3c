//! One log, one set of observations and their exact reference, laid out under `target/bench`; and the contenders that are
//! measured on them, each as a whole process, in turns. Each answer is compared with the reference.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::measure::{self, Cost, Ended};
use crate::{python, shell};

/// The name of ourselves among the contenders.
pub const OURS: &str = "Tandem";

/// The interpreter of the environment with the peers.
pub fn peers() -> Result<PathBuf, String> {
    python::environment("bench-env", &ours().join("requirements.lock"))
}

/// Our own scripts: those that measure and translate, and our copies of the workload and of the peers.
pub fn ours() -> PathBuf {
    shell::root().join("benches/replay")
}

/// Builds the binary that is measured.
pub fn build() -> Result<(), String> {
    println!("building the binary that is measured");
    shell::run(&mut shell::cargo(&["build", "--quiet", "--release"]))
}

/// A task for the contenders.
pub struct Task {
    /// The interpreter that measures and compares.
    pub python: PathBuf,
    /// The generator, the comparison and the peers.
    pub scripts: PathBuf,
    /// The script of the reference.
    pub reference: PathBuf,
    /// The log.
    pub events: PathBuf,
    /// The observations.
    pub spine: PathBuf,
    /// Where answers, the reference, and our project go.
    pub folder: PathBuf,
    /// Whether the arrival time is ignored.
    pub one_clock: bool,
    /// A contender is stopped after so many seconds.
    pub limit: u32,
}

impl Task {
    /// A task of our own workload: the log and observations of this scale, generated when they are not there yet.
    pub fn of_our_own(python: &Path, scale: &str, one_clock: bool, limit: u32) -> Result<Self, String> {
        let kept = shell::root().join("target/bench/replay/own");
        let (scripts, reference) = (ours(), ours().join("reference.py"));
        Self::generated(python, scripts, reference, &kept, scale, one_clock, limit)
    }

    /// A task whose log and observations the generator among the scripts makes.
    pub fn generated(
        python: &Path,
        scripts: PathBuf,
        reference: PathBuf,
        kept: &Path,
        scale: &str,
        one_clock: bool,
        limit: u32,
    ) -> Result<Self, String> {
        let folder = kept.join(scale);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let (events, spine) = (folder.join("events.parquet"), folder.join("spine.parquet"));
        let made = spine.exists();
        let task = Self { python: python.to_path_buf(), scripts, reference, events, spine, folder, one_clock, limit };
        if !made {
            let words: [OsString; 4] = ["--scale".into(), scale.into(), "--out".into(), kept.into()];
            task.script(&task.scripts.join("gen.py"), &words)?;
        }
        Ok(task)
    }

    fn mode(&self) -> &'static str {
        if self.one_clock { "ontime" } else { "bitemporal" }
    }

    fn reference_answer(&self) -> PathBuf {
        self.folder.join(format!("reference-{}.parquet", self.mode()))
    }

    fn project(&self) -> PathBuf {
        self.folder.join(format!("project-{}", self.mode()))
    }

    /// Where a contender's answer goes.
    pub fn answer(&self) -> PathBuf {
        self.folder.join("answer.parquet")
    }

    /// The arguments that the reference and every peer understand.
    fn words(&self, out: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--events".into(), self.events.clone().into()];
        words.extend(["--spine".into(), self.spine.clone().into(), "--out".into(), out.into()]);
        words.extend(["--mode".into(), self.mode().into()]);
        words
    }

    fn script(&self, script: &Path, arguments: &[OsString]) -> Result<(), String> {
        let mut command = shell::command(&self.python, [script]);
        command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", &self.scripts);
        shell::run(&mut command)
    }

    fn translate(&self, arguments: &[OsString]) -> Result<(), String> {
        self.script(&ours().join("tandem_peer.py"), arguments)
    }

    /// Makes what the contenders need and is not there yet: the reference, and our project, a folder with these definitions
    /// (each a file and its place in the project) beside the log, as a team would have them.
    pub fn lay_out(&self, definitions: &[(PathBuf, &str)]) -> Result<(), String> {
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, error))?;
        if !self.reference_answer().exists() {
            self.script(&self.reference, &self.words(&self.reference_answer()))?;
        }
        let project = self.project();
        for (from, to) in definitions {
            copy(from, &project.join(to))?;
        }
        let log = project.join("events.parquet");
        if !log.exists() {
            fs::hard_link(&self.events, &log).map_err(|error| failed(&log, error))?;
        }
        self.translate(&["ask".into(), self.spine.clone().into(), project.join("observations.parquet").into()])
    }

    /// Our own command for these features, with so much memory.
    pub fn our_command(&self, features: &str, memory: Option<&str>) -> Vec<OsString> {
        let project = self.project();
        let mut words: Vec<OsString> = vec![shell::tandem().into(), "--project".into(), project.clone().into()];
        words.extend(["--threads".into(), "2".into()]);
        words.extend(memory.iter().flat_map(|bytes| ["--memory".into(), bytes.into()]));
        words.extend(["features".into(), "--features".into(), features.into()]);
        words.extend(["--observations".into(), project.join("observations.parquet").into()]);
        words.extend(["--out".into(), self.answer().into()]);
        words
    }

    /// A peer's command: a script, and the way in which it answers.
    pub fn peer_command(&self, python: &Path, script: PathBuf, way: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![python.into(), script.into()];
        words.extend(self.words(&self.answer()));
        words.extend(["--formulation".into(), way.into()]);
        words
    }

    /// Measures the contenders in turns, so many rounds. One that failed or was too slow is not waited for again.
    pub fn measure(&self, contenders: &mut [Contender], rounds: usize) -> Result<(), String> {
        for round in 0..rounds {
            for contender in contenders.iter_mut().filter(|contender| round == 0 || contender.best.is_some()) {
                self.measure_once(contender)?;
            }
        }
        Ok(())
    }

    /// Runs a contender once, and compares its answer when it is the first.
    fn measure_once(&self, contender: &mut Contender) -> Result<(), String> {
        let _ = fs::remove_file(self.answer()); // it may not be there
        println!("{} {}", contender.name, contender.way);
        match measure::run(&self.python, &ours(), &self.folder, self.limit, &contender.command)? {
            Ended::Well(cost) => {
                let first = contender.best.is_none();
                if contender.best.is_none_or(|best| cost.wall < best.wall) {
                    contender.best = Some(cost);
                }
                if first && contender.answers {
                    let compared =
                        self.translated(contender).and_then(|answer| self.compare(&self.reference_answer(), &answer));
                    (contender.agrees, contender.verdict) = compared.unwrap_or_else(|message| {
                        println!("{message}");
                        (false, "its answer could not be compared".into())
                    });
                }
            }
            Ended::TooSlow => contender.verdict = format!("stopped after {} s", self.limit),
            Ended::Failed(exit) => contender.verdict = format!("failed with {exit}"),
        }
        Ok(())
    }

    /// The answer of a contender in the layout of all; ours keeps a file of its own.
    fn translated(&self, contender: &Contender) -> Result<PathBuf, String> {
        if contender.name != OURS {
            return Ok(self.answer());
        }
        let translated = self.folder.join(format!("translated-{}.parquet", contender.way.replace(' ', "-")));
        let words = ["answer".into(), self.spine.clone().into(), self.answer().into(), translated.clone().into()];
        self.translate(&words)?;
        Ok(translated)
    }

    /// Whether two of our own answers to this task have the same bits in every row, and in which columns they do not.
    pub fn same_bits(&self, one: &Contender, other: &Contender) -> Result<(bool, String), String> {
        let kept = |c: &Contender| self.folder.join(format!("translated-{}.parquet", c.way.replace(' ', "-")));
        let (right, verdict) = self.compare(&kept(one), &kept(other))?;
        Ok((right && !verdict.contains(';'), verdict))
    }

    /// Whether an answer is right by a reference, and how nearly.
    fn compare(&self, reference: &Path, answer: &Path) -> Result<(bool, String), String> {
        let words = [self.scripts.join("compare.py"), reference.into(), answer.into(), "--json".into()];
        let mut command = shell::command(&self.python, words);
        let output =
            command.env("PYTHONDONTWRITEBYTECODE", "1").output().map_err(|error| format!("compare.py: {error}"))?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("compare.py: {error}\n{}", String::from_utf8_lossy(&output.stderr)))?;
        let columns = report["columns"].as_object().ok_or("compare.py named no columns")?;
        let inexact = columns.iter().filter(|(_, verdict)| *verdict != "exact");
        let inexact: Vec<_> =
            inexact.map(|(name, verdict)| format!("; {name} {}", verdict.as_str().unwrap_or("?"))).collect();
        let (rows, exact) = (&report["rows_compared"], columns.len() - inexact.len());
        let verdict = format!("{rows} rows, {exact} of {} columns exact{}", columns.len(), inexact.concat());
        Ok((report["agrees"] == true, verdict))
    }
}

/// One way to answer, and how it went.
pub struct Contender {
    /// Whose way.
    pub name: &'static str,
    /// Which way.
    pub way: String,
    /// The whole command.
    pub command: Vec<OsString>,
    /// Whether it answers the task, so that there is something to compare.
    pub answers: bool,
    /// The run that took the least time.
    pub best: Option<Cost>,
    /// How its answer agrees with the reference, or why there is none.
    pub verdict: String,
    /// Whether its answer is right.
    pub agrees: bool,
}

impl Contender {
    /// A contender that answers, before its first run.
    pub fn new(name: &'static str, way: &str, command: Vec<OsString>) -> Self {
        let way = way.to_owned();
        Self { name, way, command, answers: true, best: None, verdict: String::new(), agrees: false }
    }
}

/// A table of costs and agreement.
pub fn print_table(title: &str, contenders: &[Contender]) {
    println!("\n{title}");
    println!("{:<9} {:<13} {:>8} {:>8} {:>9}  agreement with the reference", "", "", "wall s", "CPU s", "peak MB");
    for Contender { name, way, best, verdict, agrees, answers, .. } in contenders {
        let right = if best.is_some() && !agrees && *answers { "WRONG: " } else { "" };
        match best {
            Some(Cost { wall, cpu, peak }) => {
                println!("{name:<9} {way:<13} {wall:>8.2} {cpu:>8.2} {peak:>9.0}  {right}{verdict}");
            }
            None => println!("{name:<9} {way:<13} {:>8} {:>8} {:>9}  {verdict}", "-", "-", "-"),
        }
    }
    println!();
}

/// The best right way of somebody, by a measure.
pub fn best<'c>(contenders: &'c [Contender], name: &str, by: fn(&Cost) -> f64) -> Option<(&'c str, Cost)> {
    let right = contenders.iter().filter(|contender| contender.name == name && contender.agrees);
    right
        .filter_map(|contender| contender.best.map(|best| (contender.way.as_str(), best)))
        .min_by(|a, b| by(&a.1).total_cmp(&by(&b.1)))
}

/// Copies a file to a place whose folders may not be there yet.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    let text = fs::read(from).map_err(failed)?;
    fs::create_dir_all(to.parent().unwrap_or(to)).and_then(|()| fs::write(to, text)).map_err(failed)
}
