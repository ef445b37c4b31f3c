//! `cargo xtask bench replay` and `bench limit`: the same log and the same 13 columns by Tandem, DuckDB, Polars and a program
//! written by hand with numba; and Tandem beside a program that only reads, partitions and writes. Each is a whole process, in
//! turns, in one run; each answer is compared with an exact reference; the last lines are the ratios.

use std::path::{Path, PathBuf};

use super::options::{Options, Scale};
use super::task::{self, Contender, OURS, Task, best, copy, print_table};
use crate::shell;

/// The features of benches/replay/project, named as the columns are.
pub const FEATURES: &str = "cnt_1h,cnt_1d,cnt_7d,cnt_30d,sum_7d,sum_30d,mean_30d,min_7d,max_7d,checkout_30d,distinct_7d,\
     last_kind,secs_since";
const PEERS: [&str; 3] = ["DuckDB", "Polars", "numba"];

/// What was asked for.
struct Wanted {
    scale: Scale,
    one_clock: bool,
    rounds: usize,
    task: Task,
}

/// Runs the benchmark. Whether Tandem answered, and rightly.
pub fn run(words: &[&str]) -> Result<bool, String> {
    let wanted = Wanted::prepare(Options::new("replay", words))?;
    let mut contenders = wanted.contenders();
    wanted.task.measure(&mut contenders, wanted.rounds)?;
    print_table(&wanted.title(), &contenders);
    print_ratios(&contenders);
    Ok(contenders.iter().any(|contender| contender.name == OURS && contender.agrees))
}

/// `bench limit`: how near Tandem is to reading, partitioning and writing alone. Whether it answered, and rightly.
pub fn limit(words: &[&str]) -> Result<bool, String> {
    let wanted = Wanted::prepare(Options::new("limit", words))?;
    let example = ["build", "--quiet", "--release", "--workspace", "--example", "limit"];
    shell::run(&mut shell::cargo(&example))?;
    let program = shell::root().join("target/release/examples/limit");
    let task = &wanted.task;
    let command = vec![program.into(), task.events.clone().into(), task.answer().into(), "2".into()];
    let mut floor = Contender::new("limit", "no features", command);
    floor.answers = false;
    "reads, partitions by entity, writes".clone_into(&mut floor.verdict);
    let ours = Contender::new(OURS, "replay", task.our_command(FEATURES, None));
    let mut contenders = vec![ours, floor];
    task.measure(&mut contenders, wanted.rounds)?;
    print_table(&wanted.title(), &contenders);
    if let (Some(ours), Some(floor), true) = (contenders[0].best, contenders[1].best, contenders[0].agrees) {
        println!(
            "Tandem / limit: {:.2} wall, {:.2} CPU (wanted: at most 3)",
            ours.wall / floor.wall,
            ours.cpu / floor.cpu
        );
    }
    Ok(contenders[0].agrees)
}

/// Our definitions of the workload, and where they stand in a project.
pub fn definitions(one_clock: bool) -> Vec<(PathBuf, &'static str)> {
    let ours = task::ours();
    let contract = if one_clock { ours.join("one_clock") } else { ours.join("project") };
    let files = ["tandem.yaml", "features/customer.yaml"].map(|file| (ours.join("project").join(file), file));
    let mut files = files.to_vec();
    files.push((contract.join("sources/events.odcs.yaml"), "sources/events.odcs.yaml"));
    files
}

impl Wanted {
    /// Makes the environment, the data, the reference and the binary: whatever is not there yet.
    fn prepare(mut options: Options<'_>) -> Result<Self, String> {
        let scale = options.scale()?;
        let (one_clock, own) = (options.flag("--one-clock"), options.flag("--own"));
        let (rounds, limit) = (options.number("--rounds", scale.rounds)?, options.number("--limit", scale.limit)?);
        options.end()?;
        let python = task::peers()?;
        let sibling = shell::root().join("../shared/bench");
        let task = if !own && sibling.join("gen.py").exists() {
            println!("workload, reference and peers: ../shared/bench");
            let kept = shell::root().join("target/bench/replay");
            let scripts = taken_over(&sibling, &kept.join("scripts"))?;
            let reference = scripts.join("reference.py");
            Task::generated(&python, scripts, reference, &kept.join("shared"), scale.name, one_clock, limit)?
        } else {
            println!("workload, reference and peers: benches/replay");
            Task::of_our_own(&python, scale.name, one_clock, limit)?
        };
        task.lay_out(&definitions(one_clock))?;
        task::build()?;
        Ok(Self { scale, one_clock, rounds, task })
    }

    fn title(&self) -> String {
        let clocks = if self.one_clock { "one clock" } else { "two clocks" };
        format!("scale {}, {clocks}, the best of {} rounds (whole processes)", self.scale.name, self.rounds)
    }

    /// The ways in which users of each write this; the fastest of each counts.
    fn contenders(&self) -> Vec<Contender> {
        let mut ways = vec![
            ("DuckDB", "range_join"),
            ("DuckDB", "bucket_join"),
            ("Polars", "join"),
            ("Polars", "join_where"),
            ("numba", "scan"),
        ];
        if self.one_clock {
            ways.extend([("DuckDB", "union_window"), ("Polars", "rolling")]);
        }
        let peer = |(name, way): (&'static str, &str)| {
            let script = self.task.scripts.join("peers").join(format!("{}_peer.py", name.to_lowercase()));
            Contender::new(name, way, self.task.peer_command(&self.task.python, script, way))
        };
        let ours = Contender::new(OURS, "replay", self.task.our_command(FEATURES, None));
        std::iter::once(ours).chain(ways.into_iter().map(peer)).collect()
    }
}

/// Copies the sibling folder's scripts, each peer beside what it imports (a link there does not outlive every way to copy).
fn taken_over(from: &Path, to: &Path) -> Result<PathBuf, String> {
    for file in ["common.py", "gen.py", "reference.py", "compare.py"] {
        copy(&from.join(file), &to.join(file))?;
    }
    for peer in PEERS.map(str::to_lowercase) {
        let file = format!("peers/{peer}_peer.py");
        copy(&from.join(&file), &to.join(&file))?;
    }
    copy(&from.join("common.py"), &to.join("peers/common.py"))?;
    Ok(to.to_path_buf())
}

/// How many times as long, and as much, the best way of each peer took.
fn print_ratios(contenders: &[Contender]) {
    let Some((_, ours)) = best(contenders, OURS, |cost| cost.wall) else {
        println!("no ratio: Tandem gave no right answer");
        return;
    };
    for peer in PEERS {
        match best(contenders, peer, |cost| cost.wall) {
            Some((way, cost)) => println!(
                "{peer} / Tandem: {:.2} wall, {:.2} CPU, {:.2} memory ({peer}'s fastest right way: {way})",
                cost.wall / ours.wall,
                cost.cpu / ours.cpu,
                cost.peak / ours.peak
            ),
            None => println!("{peer}: no right answer within the limit"),
        }
    }
}
