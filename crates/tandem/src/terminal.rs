//! Where text goes: data to standard output, everything else to standard error; colours and progress on a terminal only.
//! Not here: what is said.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What the two streams are connected to.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    out_colour: bool,
    err_colour: bool,
    progress: bool,
}

#[allow(clippy::unused_self, reason = "whoever prints has been handed a terminal")]
impl Terminal {
    /// As the environment has it. `NO_COLOR` (<https://no-color.org>) and `TERM=dumb` are honoured.
    pub fn new() -> Self {
        let told = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = !told("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self { out_colour: out && wanted, err_colour: err && wanted, progress: err }
    }

    /// Whether standard error takes colours.
    pub fn colour(self) -> bool {
        self.err_colour
    }

    /// Whether standard output takes colours.
    pub fn out_colour(self) -> bool {
        self.out_colour
    }

    /// Writes data to standard output.
    pub fn data(self, text: &str) {
        write(&mut io::stdout().lock(), text);
    }

    /// Says something on standard error.
    pub fn say(self, text: &str) {
        write(&mut io::stderr().lock(), text);
    }

    /// Red, where colours show.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// Cyan, where colours show.
    pub fn cyan(self, text: &str) -> String {
        self.paint("1;36", text)
    }

    /// Grey, where colours show.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.err_colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A bar for work whose share is known, from 0 to 1; nothing in a pipe.
    pub fn bar(self, what: &str) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(1000), self.target());
        if let Ok(style) = ProgressStyle::with_template("{prefix:.cyan} {bar:30} {percent:>3} % {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Bar(bar)
    }

    /// A spinner for work whose share is not known; nothing in a pipe.
    pub fn spinner(self, what: &str) -> Bar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:.cyan} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar(bar)
    }

    fn target(self) -> ProgressDrawTarget {
        if self.progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }
}

/// Progress that is shown while it lives.
pub struct Bar(ProgressBar);

impl Bar {
    /// The share that is done, from 0 to 1.
    pub fn share(&self, share: f64) {
        self.0.set_position((share.clamp(0.0, 1.0) * 1000.0) as u64);
    }

    /// What is going on.
    pub fn message(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }

    /// Says something above it.
    pub fn say(&self, terminal: Terminal, text: &str) {
        self.0.suspend(|| terminal.say(text));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Whoever reads may stop reading (`tandem check | head`): then there is nobody left to write for, and no failure.
fn write(stream: &mut impl Write, text: &str) {
    let ended = if text.ends_with('\n') { Ok(()) } else { Err(()) };
    let _ = stream.write_all(text.as_bytes());
    if ended.is_err() {
        let _ = stream.write_all(b"\n");
    }
    let _ = stream.flush();
}
