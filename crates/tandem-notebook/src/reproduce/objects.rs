//! How objects are written, apart from what they hold: `<Axes: …>`, `LogisticRegression(C=1.0)`, the path of a class.
//! Not here: values.

/// Whether both are how an object is written, and nothing that it holds: `<Axes: …>`, `LogisticRegression(C=1.0)`.
pub(super) fn objects(old: &str, new: &str) -> bool {
    let (old, new) = (old.trim(), new.trim());
    if old == new {
        return false;
    }
    // A class is what it is: only where a library keeps it may change.
    let angled = |text: &str| {
        let each = |line: &str| {
            let inner = line.trim_start_matches(['[', '(', ' ']).trim_end_matches([']', ')', ' ', ',']);
            inner.starts_with('<') && inner.ends_with('>') && !inner.starts_with("<class ")
        };
        text.lines().all(each) || text.starts_with("array([<") || text.starts_with("[Text(")
    };
    // matplotlib wrote its labels as `<matplotlib.text.Text at 0x…>` until 2.1.
    let label = |text: &str| text.starts_with('<') && text.contains(".Text at 0x") && text.ends_with('>');
    if angled(old) && angled(new) || label(old) && new.starts_with("Text(") {
        return true;
    }
    let call = |text: &str| -> Option<(String, Vec<(String, String)>)> {
        let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
        let upper = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let flat = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
        let pairs = flat.split(", ").filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('='));
        let pairs: Option<Vec<_>> =
            pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect();
        Some((name.to_owned(), pairs.filter(|_| upper)?))
    };
    match (call(old), call(new)) {
        // scikit-learn writes all parameters until 0.22, and then only those that were set.
        (Some((old, old_pairs)), Some((new, new_pairs))) => {
            let agree = |pair: &(String, String)| old_pairs.iter().all(|other| other.0 != pair.0 || other.1 == pair.1);
            old == new && new_pairs.iter().all(agree)
        }
        _ => false,
    }
}

/// The library and the name of a class that is shown alone: `sklearn.utils._bunch.Bunch`, `<class 'sklearn.utils.Bunch'>`.
pub(super) fn class(line: &str) -> Option<(&str, &str)> {
    let shown = line.trim();
    let printed = shown.strip_prefix("<class '").and_then(|rest| rest.strip_suffix("'>"));
    let path = printed.unwrap_or(shown);
    let plain = path.chars().all(|c| c.is_alphanumeric() || "._".contains(c)) && path.starts_with(char::is_alphabetic);
    let (library, name) = (path.split('.').next()?, path.rsplit('.').next()?);
    (plain && (printed.is_some() || path.contains('.'))).then_some((library, name))
}
