//! `cargo xtask bench replay`: the same log and the same 13 columns by Tandem, DuckDB and Polars, each as a whole process, in
//! turns, in one run; each answer is compared with an exact reference; the last lines are the ratios.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::measure::{self, Cost, Ended};
use crate::{python, shell};

const OURS: &str = "Tandem";
/// The features of benches/replay/project, named as the columns are.
const COLUMNS: [&str; 13] = [
    "cnt_1h",
    "cnt_1d",
    "cnt_7d",
    "cnt_30d",
    "sum_7d",
    "sum_30d",
    "mean_30d",
    "min_7d",
    "max_7d",
    "checkout_30d",
    "distinct_7d",
    "last_kind",
    "secs_since",
];

/// What was asked for.
struct Options {
    scale: String,
    one_clock: bool,
    rounds: usize,
    limit: u32,
    own: bool,
}

impl Options {
    fn read(words: &[&str]) -> Result<Self, String> {
        let (mut scale, mut one_clock, mut own, mut rounds, mut limit) = ("S".to_owned(), false, false, None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match *word {
                "--scale" => scale = value()?.to_string(),
                "--one-clock" => one_clock = true,
                "--own" => own = true,
                "--rounds" => rounds = Some(value()?.parse().map_err(|_| "--rounds wants a number")?),
                "--limit" => limit = Some(value()?.parse().map_err(|_| "--limit wants seconds")?),
                other => return Err(format!("bench replay has no option {other}")),
            }
        }
        let (usual_rounds, usual_limit) = match scale.as_str() {
            "XS" | "S" => (3, 60),
            "M" => (1, 600),
            "L" => (1, 1800),
            other => return Err(format!("there is no scale {other}: XS, S, M or L")),
        };
        Ok(Self { scale, one_clock, own, rounds: rounds.unwrap_or(usual_rounds), limit: limit.unwrap_or(usual_limit) })
    }

    fn mode(&self) -> &'static str {
        if self.one_clock { "ontime" } else { "bitemporal" }
    }
}

/// Where everything lies.
struct Bench {
    options: Options,
    python: PathBuf,
    /// The generator, the reference, the comparison and the peers.
    scripts: PathBuf,
    /// Our own scripts, which measure and translate.
    ours: PathBuf,
    /// The data of this scale.
    data: PathBuf,
}

/// One way to answer, and how it went.
struct Contender {
    name: &'static str,
    way: &'static str,
    best: Option<Cost>,
    verdict: String,
    agrees: bool,
}

/// Runs the benchmark. Whether Tandem answered, and rightly.
pub fn run(words: &[&str]) -> Result<bool, String> {
    let bench = Bench::prepare(Options::read(words)?)?;
    let mut contenders = contenders(bench.options.one_clock);
    for round in 0..bench.options.rounds {
        for contender in &mut contenders {
            // A way that failed or was too slow is not waited for again.
            if round == 0 || contender.best.is_some() {
                bench.measure(contender)?;
            }
        }
    }
    print_table(&bench.options, &contenders);
    print_ratios(&contenders);
    Ok(contenders.iter().any(|contender| contender.name == OURS && contender.agrees))
}

/// The ways in which users of each write this; the fastest of each counts.
fn contenders(one_clock: bool) -> Vec<Contender> {
    let mut ways = vec![
        (OURS, "replay"),
        ("DuckDB", "range_join"),
        ("DuckDB", "bucket_join"),
        ("Polars", "join"),
        ("Polars", "join_where"),
    ];
    if one_clock {
        ways.extend([("DuckDB", "union_window"), ("Polars", "rolling")]);
    }
    let contender = |(name, way)| Contender { name, way, best: None, verdict: String::new(), agrees: false };
    ways.into_iter().map(contender).collect()
}

impl Bench {
    /// Makes the environment, the data, the reference and the binary: whatever is not there yet.
    fn prepare(options: Options) -> Result<Self, String> {
        let root = shell::root();
        let ours = root.join("benches/replay");
        let python = python::environment("bench-env", &ours.join("requirements.lock"))?;
        let sibling = root.join("../shared/bench");
        let taken = !options.own && sibling.join("gen.py").exists();
        let scripts =
            if taken { taken_over(&sibling, &root.join("target/bench/replay/scripts"))? } else { ours.clone() };
        let whose = if taken { "../shared/bench" } else { "benches/replay" };
        println!("workload, reference and peers: {whose}");
        let kept = root.join("target/bench/replay").join(if taken { "shared" } else { "own" });
        let data = kept.join(&options.scale);
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let bench = Self { options, python, scripts, ours, data };
        if !bench.data.join("spine.parquet").exists() {
            bench.script(
                "gen.py",
                &["--scale".into(), bench.options.scale.clone().into(), "--out".into(), kept.into()],
            )?;
        }
        if !bench.reference().exists() {
            bench.script("reference.py", &bench.task(&bench.reference()))?;
        }
        bench.lay_out_project()?;
        println!("building the binary that is measured");
        shell::run(&mut shell::cargo(&["build", "--quiet", "--release"]))?;
        Ok(bench)
    }

    fn reference(&self) -> PathBuf {
        self.data.join(format!("reference-{}.parquet", self.options.mode()))
    }

    fn project(&self) -> PathBuf {
        self.data.join(format!("project-{}", self.options.mode()))
    }

    /// The arguments that the reference and every peer understand.
    fn task(&self, out: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--events".into(), self.data.join("events.parquet").into()];
        words.extend(["--spine".into(), self.data.join("spine.parquet").into(), "--out".into(), out.into()]);
        words.extend(["--mode".into(), self.options.mode().into()]);
        words
    }

    fn script(&self, name: &str, arguments: &[OsString]) -> Result<(), String> {
        let mut command = shell::command(&self.python, [self.scripts.join(name)]);
        shell::run(command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1"))
    }

    fn translate(&self, arguments: &[OsString]) -> Result<(), String> {
        let mut command = shell::command(&self.python, [self.ours.join("tandem_peer.py")]);
        shell::run(command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1"))
    }

    /// The definitions beside the data, as a team would have them.
    fn lay_out_project(&self) -> Result<(), String> {
        let project = self.project();
        let from = self.ours.join("project");
        for file in ["tandem.yaml", "features/customer.yaml", "sources/events.odcs.yaml"] {
            copy(&from.join(file), &project.join(file))?;
        }
        if self.options.one_clock {
            let contract = "sources/events.odcs.yaml";
            copy(&self.ours.join("one_clock").join(contract), &project.join(contract))?;
        }
        let log = project.join("events.parquet");
        if !log.exists() {
            fs::hard_link(self.data.join("events.parquet"), &log)
                .map_err(|error| format!("{}: {error}", log.display()))?;
        }
        self.translate(&[
            "ask".into(),
            self.data.join("spine.parquet").into(),
            project.join("observations.parquet").into(),
        ])
    }

    /// Runs a contender once, and compares its answer when it is the first.
    fn measure(&self, contender: &mut Contender) -> Result<(), String> {
        let out = self.data.join("answer.parquet");
        let _ = fs::remove_file(&out); // it may not be there
        println!("{} {}", contender.name, contender.way);
        let words = if contender.name == OURS { self.our_command(&out) } else { self.peer_command(contender, &out) };
        match measure::run(&self.python, &self.ours, &self.data, self.options.limit, &words)? {
            Ended::Well(cost) => {
                let first = contender.best.is_none();
                if contender.best.is_none_or(|best| cost.wall < best.wall) {
                    contender.best = Some(cost);
                }
                if first && let Err(message) = self.compare(contender, out) {
                    contender.verdict = "its answer could not be compared".into();
                    println!("{message}");
                }
                Ok(())
            }
            Ended::TooSlow => {
                contender.verdict = format!("stopped after {} s", self.options.limit);
                Ok(())
            }
            Ended::Failed(exit) => {
                contender.verdict = format!("failed with {exit}");
                Ok(())
            }
        }
    }

    fn our_command(&self, out: &Path) -> Vec<OsString> {
        let project = self.project();
        let mut words: Vec<OsString> = vec![shell::tandem().into(), "--project".into(), project.clone().into()];
        words.extend(["features".into(), "--features".into(), COLUMNS.join(",").into()]);
        words.extend(["--observations".into(), project.join("observations.parquet").into()]);
        words.extend(["--out".into(), out.into()]);
        words
    }

    fn peer_command(&self, contender: &Contender, out: &Path) -> Vec<OsString> {
        let script = self.scripts.join("peers").join(format!("{}_peer.py", contender.name.to_lowercase()));
        let mut words: Vec<OsString> = vec![self.python.clone().into(), script.into()];
        words.extend(self.task(out));
        words.extend(["--formulation".into(), contender.way.into()]);
        words
    }

    fn compare(&self, contender: &mut Contender, mut out: PathBuf) -> Result<(), String> {
        let spine = self.data.join("spine.parquet");
        if contender.name == OURS {
            let translated = self.data.join("translated.parquet");
            self.translate(&["answer".into(), spine.into(), out.into(), translated.clone().into()])?;
            out = translated;
        }
        let mut command =
            shell::command(&self.python, [self.scripts.join("compare.py"), self.reference(), out, "--json".into()]);
        let output =
            command.env("PYTHONDONTWRITEBYTECODE", "1").output().map_err(|error| format!("compare.py: {error}"))?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("compare.py: {error}\n{}", String::from_utf8_lossy(&output.stderr)))?;
        contender.agrees = report["agrees"] == true;
        let columns = report["columns"].as_object().ok_or("compare.py named no columns")?;
        let inexact = columns.iter().filter(|(_, verdict)| *verdict != "exact");
        let inexact: Vec<_> =
            inexact.map(|(name, verdict)| format!("{name} {}", verdict.as_str().unwrap_or("?"))).collect();
        let (rows, exact) = (&report["rows_compared"], columns.len() - inexact.len());
        contender.verdict = format!("{rows} rows, {exact} of {} columns exact", columns.len());
        for column in inexact {
            contender.verdict.push_str("; ");
            contender.verdict.push_str(&column);
        }
        Ok(())
    }
}

/// Copies the sibling folder's scripts, each peer beside what it imports (a link there does not outlive every way to copy).
fn taken_over(from: &Path, to: &Path) -> Result<PathBuf, String> {
    let files = ["common.py", "gen.py", "reference.py", "compare.py", "peers/duckdb_peer.py", "peers/polars_peer.py"];
    for file in files {
        copy(&from.join(file), &to.join(file))?;
    }
    copy(&from.join("common.py"), &to.join("peers/common.py"))?;
    Ok(to.to_path_buf())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    let text = fs::read(from).map_err(failed)?;
    fs::create_dir_all(to.parent().unwrap_or(to)).and_then(|()| fs::write(to, text)).map_err(failed)
}

fn print_table(options: &Options, contenders: &[Contender]) {
    let clocks = if options.one_clock { "one clock" } else { "two clocks" };
    println!("\nscale {}, {clocks}, the best of {} rounds (whole processes)", options.scale, options.rounds);
    println!("{:<8} {:<13} {:>8} {:>8} {:>9}  agreement with the reference", "", "", "wall s", "CPU s", "peak MB");
    for Contender { name, way, best, verdict, agrees } in contenders {
        let right = if best.is_some() && !agrees { "WRONG: " } else { "" };
        match best {
            Some(Cost { wall, cpu, peak }) => {
                println!("{name:<8} {way:<13} {wall:>8.2} {cpu:>8.2} {peak:>9.0}  {right}{verdict}");
            }
            None => println!("{name:<8} {way:<13} {:>8} {:>8} {:>9}  {verdict}", "-", "-", "-"),
        }
    }
}

/// How many times as long, and as much, the best way of each peer took.
fn print_ratios(contenders: &[Contender]) {
    let best = |name: &str| {
        let mine = contenders.iter().filter(move |contender| contender.name == name && contender.agrees);
        mine.filter_map(|contender| contender.best.map(|best| (contender.way, best)))
            .min_by(|a, b| a.1.wall.total_cmp(&b.1.wall))
    };
    println!();
    let Some((_, ours)) = best(OURS) else {
        println!("no ratio: Tandem gave no right answer");
        return;
    };
    for peer in ["DuckDB", "Polars"] {
        match best(peer) {
            Some((way, cost)) => println!(
                "{peer} / Tandem: {:.2} wall, {:.2} CPU, {:.2} memory ({peer}'s fastest right way: {way})",
                cost.wall / ours.wall,
                cost.cpu / ours.cpu,
                cost.peak / ours.peak
            ),
            None => println!("{peer}: no right answer within {OURS}'s limit"),
        }
    }
}
