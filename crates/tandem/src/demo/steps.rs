//! The steps of the demo: each one line with its time, and when one fails, where it stopped and how to go on by hand.
//! Not here: what a step does.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::{Bar, Terminal};

/// A step that is done.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// What came of it.
    pub outcome: String,
    /// How long it took.
    pub seconds: f64,
}

/// The steps so far.
pub struct Steps<'a> {
    terminal: Terminal,
    folder: &'a Path,
    begun: Instant,
    /// Those that are done.
    pub done: Vec<Step>,
}

/// What a step gives: something for the steps after it, and what came of it in words.
pub type Outcome<T> = Result<(T, String), Failure>;

impl<'a> Steps<'a> {
    /// None yet.
    pub fn new(terminal: Terminal, folder: &'a Path) -> Self {
        Self { terminal, folder, begun: Instant::now(), done: Vec::new() }
    }

    /// Since the first step began.
    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Does a step. `by_hand` is the command that does the same in the folder.
    pub fn step<T>(
        &mut self,
        name: &'static str,
        by_hand: &str,
        work: impl FnOnce(&Bar) -> Outcome<T>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let bar = self.terminal.spinner(&format!("{:>2} {name}", self.done.len() + 1));
        let ended = work(&bar);
        drop(bar);
        let seconds = begun.elapsed().as_secs_f64();
        match ended {
            Ok((value, outcome)) => {
                let number = self.terminal.cyan(&format!("{:>2} {name:<12}", self.done.len() + 1));
                let mut lines = outcome.lines();
                let first = lines.next().unwrap_or_default();
                self.terminal.say(&format!("{number} {first:<84} {seconds:>5.1} s"));
                lines.for_each(|line| self.terminal.say(&format!("{:15} {line}", "")));
                self.done.push(Step { name, outcome, seconds });
                Ok(value)
            }
            Err(failure) => {
                let number = format!("{:>2} {name:<12}", self.done.len() + 1);
                self.terminal.say(&format!("{} FAILED after {seconds:.1} s", self.terminal.red(&number)));
                Err(failure.hint(format!(
                    "the demo stopped at the step `{name}`; everything so far is in {}, where you can go on by hand: {by_hand}",
                    self.folder.display()
                )))
            }
        }
    }
}
