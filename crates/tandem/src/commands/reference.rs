//! `tandem reference`, hidden: the help of every command as one Markdown page. `docs/reference/commands.md` is its output,
//! and a test holds the two together.

use std::fmt::Write as _;

use clap::Args;

use crate::context::Context;

/// The help of every command, as one Markdown page.
#[derive(Debug, Args)]
pub struct Reference {}

impl Reference {
    /// Writes the page to standard output.
    pub fn show(&self, context: &Context) {
        let Self {} = self;
        context.terminal.data(&page());
    }
}

fn page() -> String {
    let mut root = super::tree().term_width(100);
    root.build();
    let mut text = String::from(
        "# The commands\n\nMade from the binary by `tandem reference`; `UPDATE=1 cargo test -p tandem-workbench` writes it anew.\n",
    );
    section(&mut text, &mut root.clone(), "tandem");
    for command in root.get_subcommands_mut().filter(|c| !c.is_hide_set()) {
        tell(&mut text, command, "tandem");
    }
    text
}

fn tell(text: &mut String, command: &mut clap::Command, above: &str) {
    let name = format!("{above} {}", command.get_name());
    section(text, command, &name);
    let mut inner: Vec<clap::Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    for command in &mut inner {
        tell(text, command, &name);
    }
}

fn section(text: &mut String, command: &mut clap::Command, name: &str) {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
}
