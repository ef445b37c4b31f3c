//! `cargo xtask bench small`: 18 features (six aggregations over an hour, a day and a week) with one clock, by Tandem, DuckDB
//! and Temporian; CPU seconds count. Temporian is installed in an environment of its own, where there is a wheel of it.

use super::options::Options;
use super::task::{self, Contender, OURS, Task, best, print_table};
use crate::{python, shell};

/// Runs the benchmark. Whether Tandem answered, and rightly.
pub fn run(words: &[&str]) -> Result<bool, String> {
    let mut options = Options::new("small", words);
    let (rounds, limit) = (options.number("--rounds", 3)?, options.number("--limit", 60)?);
    options.end()?;
    let peers = task::peers()?;
    let ours = shell::root().join("benches/small");
    let temporian = python::environment("temporian-env", &ours.join("temporian.lock"));
    let kept = shell::root().join("target/bench/replay/own");
    let reference = ours.join("small_reference.py");
    let task = Task::generated(&peers, task::ours(), reference, &kept, "small", true, limit)?;
    let files = ["tandem.yaml", "features/customer.yaml", "sources/events.odcs.yaml"];
    task.lay_out(&files.map(|file| (ours.join("project").join(file), file)))?;
    task::build()?;
    let mut contenders = vec![Contender::new(OURS, "replay", task.our_command(&features(), None))];
    for way in ["union_window", "range_join"] {
        contenders.push(Contender::new("DuckDB", way, task.peer_command(&peers, ours.join("duckdb_peer.py"), way)));
    }
    match &temporian {
        Ok(python) => {
            let command = task.peer_command(python, ours.join("temporian_peer.py"), "sampling");
            contenders.push(Contender::new("Temporian", "sampling", command));
        }
        Err(message) => println!("Temporian is left out, since it could not be installed here:\n{message}"),
    }
    task.measure(&mut contenders, rounds)?;
    print_table(
        &format!("1,000,000 records, 100,000 observations, 18 features, the best of {rounds} rounds"),
        &contenders,
    );
    let Some((_, mine)) = best(&contenders, OURS, |cost| cost.cpu) else {
        println!("no ratio: Tandem gave no right answer");
        return Ok(false);
    };
    for peer in ["DuckDB", "Temporian"] {
        let ways = contenders.iter().filter(|contender| contender.name == peer);
        let ran = ways.filter_map(|way| way.best.map(|cost| (way, cost)));
        match ran.min_by(|(_, a), (_, b)| a.cpu.total_cmp(&b.cpu)) {
            Some((way, cost)) => println!(
                "{peer} / Tandem: {:.2} CPU, {:.2} wall, {:.2} memory ({}{})",
                cost.cpu / mine.cpu,
                cost.wall / mine.wall,
                cost.peak / mine.peak,
                way.way,
                if way.agrees { "" } else { ", whose answer is not right" }
            ),
            None => println!("{peer}: no answer within the limit"),
        }
    }
    println!("Tandem: {:.2} CPU seconds (wanted: under 1.5)", mine.cpu);
    Ok(true)
}

/// The names of benches/small/project.
fn features() -> String {
    let windows = ["1h", "1d", "7d"].iter();
    let names = windows.flat_map(|w| ["count", "sum", "mean", "min", "max", "sd"].map(|a| format!("{a}_{w}")));
    names.collect::<Vec<_>>().join(",")
}
