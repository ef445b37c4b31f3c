//! What may not stand in a file: unfinished work, output from where nothing may print, this machine's folders, registries.

use super::files::File;

/// Rust files that do not say at their top what they are for.
pub fn without_opening(files: &[File]) -> Vec<String> {
    let silent = |file: &&File| file.is_rust() && !file.text.starts_with("//! ");
    files.iter().filter(silent).map(|file| format!("{} does not open with //!", file.path)).collect()
}

/// `todo!`, `unimplemented!`, `dbg!`, ignored tests.
pub fn unfinished(files: &[File]) -> Vec<String> {
    in_code(files, &["todo!", "unimplemented!", "dbg!", "#[ignore"], |_| true)
}

/// Printing outside the terminal crate and the development tool, and permission to print.
pub fn printing(files: &[File]) -> Vec<String> {
    let may_not = |file: &File| {
        let development = file.is_test() || file.path.contains("/examples/");
        file.path.starts_with("crates/") && !file.path.starts_with("crates/tandem/") && !development
    };
    in_code(files, &["print!", "println!", "eprint!", "eprintln!", "clippy::print_std"], may_not)
}

fn in_code(files: &[File], words: &[&str], applies: impl Fn(&File) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && applies(file)) {
        for (number, line) in file.code.lines().enumerate() {
            findings.extend(
                words.iter().filter(|word| has_word(line, word)).map(|word| format!("{}: {word}", file.place(number))),
            );
        }
    }
    findings
}

/// Whether the word stands there and is not the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Absolute folders of one machine, and the sibling folder of data outside tests and benchmarks.
pub fn machine_paths(files: &[File]) -> Vec<String> {
    // Written in pieces, so that this file does not name them either.
    let (machine, sibling) = (["/wo", "rk/"].concat(), ["../sha", "red"].concat());
    let mut findings = Vec::new();
    for file in files {
        let takes_data = file.is_test() || file.path.starts_with("xtask/src/bench/");
        for (number, line) in file.text.lines().enumerate() {
            let absolute = line.match_indices(&machine).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>' | ')'))
            });
            if absolute || (line.contains(&sibling) && !takes_data) {
                findings.push(format!("{}: {}", file.place(number), line.trim()));
            }
        }
    }
    findings
}

/// Locks of Python that are not hashed or name an index; a Cargo.lock with anything but the one registry in it.
pub fn locks(files: &[File]) -> Vec<String> {
    let hosts = [["py", "pi.org"].concat(), ["python", "hosted.org"].concat(), ["--index", "-url"].concat()];
    let mut findings = Vec::new();
    for file in files {
        let is_cargos = file.path.ends_with("Cargo.lock");
        for (number, line) in file.text.lines().enumerate() {
            let foreign = line.starts_with("source = ")
                && line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
            let names_one = hosts.iter().any(|host| line.contains(host));
            if names_one || (is_cargos && foreign) {
                findings.push(format!("{}: {}", file.place(number), line.trim()));
            }
        }
        let python = file.has_ending("lock") && !is_cargos;
        let pins = file.text.lines().filter(|line| line.contains("==") && !line.starts_with('#')).count();
        if python && (pins == 0 || !file.text.contains("--hash=sha256:")) {
            findings.push(format!("{} has no pins with hashes", file.path));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), code: super::super::lexer::code(text) }
    }

    #[test]
    fn a_word_in_a_comment_or_in_a_longer_word_is_no_finding() {
        let files = [file("crates/a/src/lib.rs", "//! x\n// todo!\nmy_todo!();\nlet s = \"dbg!\";\n")];
        assert!(unfinished(&files).is_empty());
        assert_eq!(unfinished(&[file("crates/a/src/lib.rs", "\ntodo!()")]), ["crates/a/src/lib.rs:2: todo!"]);
    }

    #[test]
    fn only_the_terminal_prints() {
        let text = "fn f() { println!(); }";
        assert_eq!(printing(&[file("crates/tandem-engine/src/lib.rs", text)]).len(), 1);
        assert!(printing(&[file("crates/tandem/src/main.rs", text), file("crates/a/tests/b.rs", text)]).is_empty());
    }
}
