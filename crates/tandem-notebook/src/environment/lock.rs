//! The lock of an environment: requirements with their versions and hashes, as `uv pip compile` writes them.
//! Not here: resolving or installing, which uv does.

/// A requirement without a hash: its text and its line, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unhashed {
    pub requirement: String,
    pub line: usize,
}

/// The first requirement that has no hash, if there is one.
pub(super) fn first_unhashed(text: &str) -> Option<Unhashed> {
    requirements(text).find(|(_, requirement)| !requirement.contains("--hash=")).map(|(line, requirement)| {
        let name = requirement.split([';', ' ']).next().unwrap_or_default();
        Unhashed { requirement: name.to_owned(), line }
    })
}

/// Whether there is any requirement.
pub(super) fn is_empty(text: &str) -> bool {
    requirements(text).next().is_none()
}

/// The requirements with their first line's number; a line that ends in `\` goes on in the next.
fn requirements(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (index, first) = lines.next()?;
            let mut whole = first.trim().to_owned();
            if whole.is_empty() || whole.starts_with('#') {
                continue;
            }
            while let Some(open) = whole.strip_suffix('\\') {
                let next = lines.next().map_or("", |(_, line)| line.trim());
                whole = format!("{open}{next}");
            }
            if !whole.starts_with('-') {
                return Some((index + 1, whole));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hashes_are_looked_for_over_continued_lines() {
        let text = "# a comment\nsix==1.16.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via x\n";
        assert_eq!(first_unhashed(text), None);
        let text = format!("{text}idna==3.7 ; python_version < '3.13'\n");
        assert_eq!(first_unhashed(&text).unwrap(), Unhashed { requirement: "idna==3.7".to_owned(), line: 6 });
        assert!(is_empty("# nothing\n--no-binary :all:\n") && !is_empty(&text));
    }
}
