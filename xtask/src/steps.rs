//! The steps of a long command: each has a name, is announced, timed and counted, and none is left out without a word.

use std::time::{Duration, Instant};

/// How many checks a step made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that held.
    pub passed: usize,
    /// Those that did not.
    pub failed: usize,
}

impl Count {
    /// A step that is one check, and held.
    pub const ONE: Self = Self { passed: 1, failed: 0 };
}

/// What ran so far.
pub struct Steps<'a> {
    only: &'a [&'a str],
    done: Vec<(&'static str, Duration, Count)>,
}

impl<'a> Steps<'a> {
    /// Steps of which only the named ones run (none named: all).
    pub fn new(only: &'a [&'a str]) -> Self {
        Self { only, done: Vec::new() }
    }

    /// Runs a step. An error is one failed check, told at once; the steps after it still run, so that one run tells everything.
    pub fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<Count, String>) {
        if !self.only.is_empty() && !self.only.contains(&name) {
            println!("--- {name}: left out, since only {} was asked for", self.only.join(", "));
            return;
        }
        println!("--- {name}");
        let begin = Instant::now();
        let count = work().unwrap_or_else(|message| {
            println!("{message}");
            Count { passed: 0, failed: 1 }
        });
        let time = begin.elapsed();
        let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
        println!(
            "--- {name}: {verdict}, {} passed, {} failed, {:.1} s",
            count.passed,
            count.failed,
            time.as_secs_f64()
        );
        self.done.push((name, time, count));
    }

    /// Prints the table and, alone on the last line, the sum. Whether all held.
    pub fn finish(self) -> bool {
        println!("\n{:<12} {:>8} {:>7} {:>9}", "step", "passed", "failed", "seconds");
        let mut sum = Count::default();
        for (name, time, count) in &self.done {
            println!("{name:<12} {:>8} {:>7} {:>9.1}", count.passed, count.failed, time.as_secs_f64());
            sum.passed += count.passed;
            sum.failed += count.failed;
        }
        println!("\n{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0 && sum.passed > 0
    }
}
