//! The lock of an environment: requirements with their versions and hashes, as `uv pip compile` writes them.
//! Not here: resolving or installing, which uv does.

/// A requirement without a hash: its text and its line, from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Unhashed {
    /// The requirement.
    pub requirement: String,
    /// Its line in the lock, from 1.
    pub line: usize,
}

/// The requirements that have no hash.
pub fn unhashed(text: &str) -> impl Iterator<Item = Unhashed> {
    requirements(text).filter(|(_, requirement)| !requirement.contains("--hash=")).map(|(line, requirement)| {
        let name = requirement.split([';', ' ']).next().unwrap_or_default();
        Unhashed { requirement: name.to_owned(), line }
    })
}

/// Whether there is any requirement.
pub(super) fn is_empty(text: &str) -> bool {
    requirements(text).next().is_none()
}

/// The requirements with their first line's number; a line that ends in `\` goes on in the next.
pub(super) fn requirements(text: &str) -> impl Iterator<Item = (usize, String)> {
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
                let next = if next.starts_with('#') { "" } else { next };
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
        assert_eq!(unhashed(text).count(), 0);
        let text = format!("{text}idna==3.7 ; python_version < '3.13'\n");
        let found: Vec<Unhashed> = unhashed(&text).collect();
        assert_eq!(found, [Unhashed { requirement: "idna==3.7".to_owned(), line: 6 }]);
        assert_eq!(unhashed("six==1.17.0 \\\n    # --hash=sha256:00\n").count(), 1);
        assert!(is_empty("# nothing\n--no-binary :all:\n") && !is_empty(&text));
    }
}
