//! The example project, which the binary carries: written out into the demo's folder. Not here: what is in it.

use std::path::Path;

use crate::failure::Failure;

/// The files of `examples/flights`: path and text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// Writes the project; how many files.
pub fn write(folder: &Path) -> Result<usize, Failure> {
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Failure::file("make", parent, &e))?;
        }
        std::fs::write(&path, text).map_err(|e| Failure::file("write", &path, &e))?;
    }
    Ok(FILES.len())
}

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn the_example_is_whole_and_nothing_else() {
        let has = |name: &str| FILES.iter().any(|(path, _)| *path == name);
        assert!(has("tandem.yaml") && has("prepare_logs.py") && has("handed_over/handed_over.ipynb"));
        let strays = FILES.iter().filter(|(path, _)| path.contains(".tandem/") || path.contains(".csv"));
        assert_eq!(strays.count(), 0);
    }
}
