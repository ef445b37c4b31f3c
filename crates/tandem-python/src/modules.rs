//! Which distribution a module comes from: `sklearn` from scikit-learn, `cv2` from opencv-python. The table covers the common
//! modules of data science (`modules.txt`) and the standard library of Python 3.8 to 3.13 (`standard.txt`).
//! Not here: the modules that lie beside the notebook.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::facts::ImportKind;

static DISTRIBUTIONS: LazyLock<BTreeMap<&str, &str>> =
    LazyLock::new(|| include_str!("modules.txt").lines().filter_map(|line| line.split_once(' ')).collect());

static STANDARD: LazyLock<BTreeSet<&str>> = LazyLock::new(|| include_str!("standard.txt").lines().collect());

/// Where the module of this dotted path comes from. A module that is in no table gives its own name, as an index writes it.
pub fn kind(path: &str) -> ImportKind {
    let top = path.split('.').next().unwrap_or(path);
    if STANDARD.contains(top) {
        return ImportKind::Standard;
    }
    // Namespaces (`google.cloud.storage`) are shared by many distributions: the longest entry counts.
    let mut prefix = path;
    loop {
        if let Some(distribution) = DISTRIBUTIONS.get(prefix) {
            return ImportKind::Distribution((*distribution).to_owned());
        }
        match prefix.rsplit_once('.') {
            Some((shorter, _)) => prefix = shorter,
            None => return ImportKind::Distribution(top.to_lowercase().replace('_', "-")),
        }
    }
}

/// Whether a distribution is one of the table. What only bears the name of an imported module may be anybody's.
pub fn is_listed(distribution: &str) -> bool {
    DISTRIBUTIONS.values().any(|listed| *listed == distribution)
}

/// Whether the tables know the module.
pub fn known(module: &str) -> bool {
    STANDARD.contains(module) || DISTRIBUTIONS.contains_key(module) || ["azure", "google"].contains(&module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sane() {
        assert!(DISTRIBUTIONS.len() > 400 && STANDARD.len() > 200, "{} {}", DISTRIBUTIONS.len(), STANDARD.len());
        assert!(DISTRIBUTIONS.keys().all(|module| !STANDARD.contains(module)));
        assert!(known("sklearn") && known("google") && known("tomllib") && known("distutils") && !known("utils"));
        assert!(is_listed("scikit-learn") && !is_listed("sklearn") && !is_listed("no-such-thing"));
        assert_eq!(kind("google.cloud.bigquery.x"), ImportKind::Distribution("google-cloud-bigquery".into()));
    }
}
