//! What the project promises in words: every code of a finding is one promise only and has a test; every command that the
//! documents name exists.

use std::collections::{BTreeMap, BTreeSet};

use super::files::File;

/// Codes that stand for two things, or that no test and no scenario mentions.
pub fn codes(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut meaning: BTreeMap<String, String> = BTreeMap::new();
    let codes = files.iter().filter(|f| f.is_rust() && f.path.starts_with("crates/tandem-definitions/src/codes"));
    for file in codes {
        for (number, line) in file.text.lines().enumerate() {
            let Some((id, variant)) = declared(line) else { continue };
            if let Some(other) = meaning.insert(id.clone(), variant.clone()).filter(|other| *other != variant) {
                findings.push(format!("{}: {id} stands for {other} and for {variant}", file.place(number)));
            }
        }
    }
    let tested: Vec<&str> = files.iter().filter_map(tests).collect();
    for (id, variant) in meaning {
        // A table of cases names the variant alone.
        if !tested.iter().any(|text| mentions(text, &id) || mentions(text, &variant)) {
            findings.push(format!("{id} (Code::{variant}) has no scenario and no test"));
        }
    }
    findings
}

/// The code that a line of the code table declares: its id and its name, as in `NotYaml => "T101"` or `T101 NotYaml`.
fn declared(line: &str) -> Option<(String, String)> {
    let at = line.match_indices("\"T").find(|(at, _)| {
        let rest = &line.as_bytes()[at + 2..];
        rest.len() > 3 && rest[..3].iter().all(u8::is_ascii_digit) && rest[3] == b'"'
    })?;
    let id = line[at.0 + 1..at.0 + 5].to_owned();
    let words = line[..at.0].split(|c: char| !c.is_alphanumeric());
    let mut names = words
        .filter(|word| word.len() > 1 && word.starts_with(char::is_uppercase) && *word != "Code" && *word != "Self");
    names.next_back().map(|name| (id, name.to_owned()))
}

/// Of a file, what is test: all of a scenario or a test file, the test module of a Rust file.
fn tests(file: &File) -> Option<&str> {
    if file.is_test() {
        return Some(&file.text);
    }
    let at = file.is_rust().then(|| file.text.find("#[cfg(test)]"))??;
    Some(&file.text[at..])
}

/// Whether the text has the word, and not as a part of a longer one.
fn mentions(text: &str, word: &str) -> bool {
    let whole = |at: usize| {
        !text[at + word.len()..].starts_with(char::is_alphanumeric) && !text[..at].ends_with(char::is_alphanumeric)
    };
    text.match_indices(word).any(|(at, _)| whole(at))
}

/// Commands in the documents that the binary or this tool does not have.
pub fn commands(files: &[File]) -> Vec<String> {
    let of_tandem: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("crates/tandem/src/")?.strip_suffix(".rs"))
        .filter_map(|path| path.strip_suffix("/mod").unwrap_or(path).rsplit('/').next())
        .collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_ending("md") && !file.path.starts_with("CHANGELOG")) {
        for (number, line) in code_lines(&file.text) {
            let of_ours = |word: &String| crate::HELP.lines().any(|help| help.trim_start().starts_with(word.as_str()));
            if let Some(word) = after(&line, "cargo xtask ").filter(|word| !of_ours(word)) {
                findings.push(format!("{}: there is no `cargo xtask {word}`", file.place(number)));
            }
            let typed = after(&line, "tandem ").into_iter().chain(after(&line, "cargo run --release -- "));
            for word in typed.filter(|word| !of_tandem.contains(word.replace('-', "_").as_str())) {
                findings.push(format!("{}: there is no `tandem {word}`", file.place(number)));
            }
        }
    }
    findings
}

/// Links in the documents to files and folders that are not there.
pub fn links(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_ending("md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in file.text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
                let target = target.split('#').next().unwrap_or_default();
                let elsewhere = target.is_empty() || target.contains("://") || target.contains(' ');
                let path = resolve(folder, target);
                if !elsewhere && !files.iter().any(|f| f.path == path || f.path.starts_with(&format!("{path}/"))) {
                    findings.push(format!("{}: {target} is not there", file.place(number)));
                }
            }
        }
    }
    findings
}

/// A relative path from a folder, without `.` and `..`.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// What a document sets as code: the spans between backticks, and the lines of fences that begin with a prompt or a command.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut fenced) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            lines.push((number, line.trim_start().trim_start_matches("$ ").to_owned()));
        } else {
            lines.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span.to_owned())));
        }
    }
    lines
}

/// The word after a command at the beginning of a line of code; none when it is an option, a placeholder or nothing.
fn after(line: &str, command: &str) -> Option<String> {
    let rest = line.strip_prefix(command)?;
    let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
    let whole = rest[word.len()..].chars().next().is_none_or(|c| c.is_whitespace() || c == '|');
    (whole && word.starts_with(|c: char| c.is_ascii_lowercase())).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_code_has_an_id_and_a_name() {
        let expected = Some(("T101".to_owned(), "NotYaml".to_owned()));
        assert_eq!(declared("            Code::NotYaml => \"T101\","), expected);
        assert_eq!(declared("    (NotYaml, \"T101\", Error, \"A title\"),"), expected);
        assert_eq!(declared("let x = \"Tuesday\";"), None);
    }

    #[test]
    fn a_link_leads_somewhere() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), code: String::new() };
        let text = "[a](../README.md#top) [b](semantics.md) [c](https://example.org/x) [d](decisions/)";
        let files = [file("README.md", ""), file("docs/words.md", text), file("docs/decisions/1.md", "")];
        assert_eq!(links(&files), ["docs/words.md:1: semantics.md is not there"]);
    }

    #[test]
    fn a_document_may_not_name_a_command_that_is_not_there() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), code: String::new() };
        let files = [
            file("crates/tandem/src/commands/check.rs", ""),
            file(
                "README.md",
                "Run `tandem check`, then `tandem fly`.\n```\n$ tandem check --json\ntandem, a bicycle\n```\n",
            ),
        ];
        assert_eq!(commands(&files), ["README.md:1: there is no `tandem fly`"]);
    }
}
