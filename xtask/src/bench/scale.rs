//! `cargo xtask bench scale` and `bench hot`: what a record costs Tandem as the log grows, as the memory shrinks, and as one
//! entity has a tenth of all records. On our own workload, whose generator needs little memory itself; each answer is compared
//! with the exact reference.

use std::path::Path;

use super::measure::Cost;
use super::options::{Options, Scale};
use super::replay::{FEATURES, definitions};
use super::task::{self, Contender, OURS, Task, print_table};

/// The limit of the largest scale; the others are asked once more under as many bytes a record.
const MEMORY: (&str, u32) = ("4GB", 80);

/// A scale as it was measured.
struct Measured {
    scale: Scale,
    cost: Cost,
}

/// Runs the scales one after the other. Whether every answer was right, and a limit of memory changed no bit.
pub fn run(words: &[&str]) -> Result<bool, String> {
    let mut options = Options::new("scale", words);
    let scales = options.value("--scales")?.unwrap_or("S,M,L");
    let scales = scales.split(',').map(Scale::named).collect::<Result<Vec<_>, _>>()?;
    let (rounds, limit) = (options.number("--rounds", 0)?, options.number("--limit", 0)?);
    options.end()?;
    let python = task::peers()?;
    task::build()?;
    let (mut measured, mut right) = (Vec::new(), true);
    for scale in scales {
        let rounds = if rounds == 0 { scale.rounds } else { rounds };
        let limit = if limit == 0 { scale.limit } else { limit };
        let (cost, held) = one_scale(&python, scale, rounds, limit)?;
        right &= held;
        measured.extend(cost.map(|cost| Measured { scale, cost }));
    }
    print_growth(&measured);
    Ok(right)
}

/// Measures a scale; the largest under its limit alone, each other without one and, for its bits, under one in proportion.
fn one_scale(python: &Path, scale: Scale, rounds: usize, limit: u32) -> Result<(Option<Cost>, bool), String> {
    let task = Task::of_our_own(python, scale.name, false, limit)?;
    task.lay_out(&definitions(false))?;
    let largest = scale.name == "L";
    let memory = if largest { MEMORY.0.to_owned() } else { format!("{}MB", scale.records / 1_000_000 * MEMORY.1 + 8) };
    let tight = Contender::new(OURS, &format!("in {memory}"), task.our_command(FEATURES, Some(&memory)));
    let mut contenders = vec![tight];
    if !largest {
        contenders.insert(0, Contender::new(OURS, "replay", task.our_command(FEATURES, None)));
    }
    task.measure(&mut contenders, rounds)?;
    print_table(&format!("scale {}: {} records, the best of {rounds} rounds", scale.name, scale.records), &contenders);
    let mut right = contenders.iter().all(|contender| contender.agrees);
    if let ([whole, tight], true) = (contenders.as_slice(), right) {
        let (same, verdict) = task.same_bits(whole, tight)?;
        println!(
            "{} in {memory}: {}",
            scale.name,
            if same { format!("the same bits in all {verdict}") } else { verdict }
        );
        right &= same;
    }
    Ok((contenders[0].best.filter(|_| contenders[0].agrees), right))
}

fn print_growth(measured: &[Measured]) {
    println!(
        "\n{:<6} {:>11} {:>14} {:>14} {:>9}  growth of CPU a record",
        "scale", "records", "wall ns/record", "CPU ns/record", "peak MB"
    );
    let each = |seconds: f64, scale: Scale| seconds * 1e9 / f64::from(scale.records);
    let mut before = None;
    for Measured { scale, cost } in measured {
        let (wall, cpu) = (each(cost.wall, *scale), each(cost.cpu, *scale));
        let growth =
            before.map_or_else(String::new, |before: f64| format!("{:.2} (wanted: less than 1.3)", cpu / before));
        println!("{:<6} {:>11} {wall:>14.0} {cpu:>14.0} {:>9.0}  {growth}", scale.name, scale.records, cost.peak);
        before = Some(cpu);
    }
}

/// `bench hot`: an entity with a tenth of all records against ordinary entities that have as many together, asked as often.
/// What reading the log costs when nobody in it is asked about is taken off both. Whether the answers were right.
pub fn hot(words: &[&str]) -> Result<bool, String> {
    let mut options = Options::new("hot", words);
    let (rounds, limit) = (options.number("--rounds", 3)?, options.number("--limit", 120)?);
    options.end()?;
    let python = task::peers()?;
    task::build()?;
    let mut contenders = Vec::new();
    for name in ["nobody", "ordinary", "hot"] {
        let base = Task::of_our_own(&python, "hot", false, limit)?;
        let folder = if name == "hot" { base.folder.clone() } else { base.folder.join(name) };
        let task = Task { spine: folder.join("spine.parquet"), folder, ..base };
        task.lay_out(&definitions(false))?;
        let mut contender = [Contender::new(OURS, name, task.our_command(FEATURES, None))];
        task.measure(&mut contender, rounds)?;
        contenders.extend(contender);
    }
    print_table("a tenth of all records, and 100,000 observations, of one entity or of many", &contenders);
    let right = contenders.iter().all(|contender| contender.agrees);
    if let ([Some(nobody), Some(ordinary), Some(hot)], true) =
        (contenders.iter().map(|c| c.best).collect::<Vec<_>>().as_slice(), right)
    {
        let wall = (hot.wall - nobody.wall) / (ordinary.wall - nobody.wall);
        let cpu = (hot.cpu - nobody.cpu) / (ordinary.cpu - nobody.cpu);
        println!("hot / ordinary, without the reading: {wall:.2} wall, {cpu:.2} CPU (wanted: at most 3)");
    }
    Ok(right)
}
