//! The likely cause of an exception and its remedy, from its class, its message and where it was raised: a table, with the most
//! particular first. Not here: anything that is certain without a table (a limit, a kernel that ended).

mod data;
mod plain;

use data::{program, requires, types};
use plain::plain;

use super::{CellFailure, CellTrouble};

/// Why a cell failed, most likely, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind, in a word: `missing file`, `removed function`.
    pub kind: &'static str,
    /// The cause, a sentence.
    pub what: String,
    /// What to do, a sentence.
    pub remedy: String,
}

#[expect(clippy::unnecessary_wraps, reason = "the end of each branch that knows a cause")]
fn cause(kind: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Option<Cause> {
    Some(Cause { kind, what: what.into(), remedy: remedy.into() })
}

impl CellFailure {
    /// Its likely cause, where the table knows one.
    pub fn cause(&self) -> Option<Cause> {
        match &self.trouble {
            CellTrouble::Raised { name, message } => of(name, message, &self.traceback),
            CellTrouble::KernelDied { how, .. } if how.contains("SIGKILL") => cause(
                "out of memory",
                "The system killed the kernel, most often because the memory ran out.",
                "Read fewer rows or columns, or run it on a machine with more memory; `--memory` stops it before that.",
            ),
            CellTrouble::AskedForInput => cause(
                "input asked",
                "The cell waits for a person to type something.",
                "Put the value into the cell, or read it from a file or an environment variable.",
            ),
            _ => None,
        }
    }
}

/// The likely cause of an exception.
pub fn of(name: &str, message: &str, traceback: &str) -> Option<Cause> {
    let name = name.rsplit('.').next().unwrap_or(name);
    match name {
        "ModuleNotFoundError" => module(message, traceback),
        "ImportError" if message.starts_with("cannot import name") => removed(message),
        "ImportError" => requires(message).or_else(|| module(message, traceback)),
        "AttributeError" => attribute(message),
        "FileNotFoundError" | "NotADirectoryError" => file(message),
        _ if offline(name, message) => cause(
            "network off",
            "It reads from the network, which was not reached.",
            "Check the network, or keep the data in a file beside the notebook and read that.",
        ),
        "TypeError" | "ValueError" | "UFuncTypeError" | "IntCastingNaNError" | "OptionError" => types(message),
        "KeyError" => types(message).or_else(|| data::column(message, traceback)),
        "RuntimeError" | "OSError" | "ExecutableNotFound" => program(message).or_else(|| plain(name, message)),
        _ => plain(name, message),
    }
}

/// The first text in single quotes.
fn quoted(message: &str) -> &str {
    message.split('\'').nth(1).unwrap_or_default()
}

fn module(message: &str, traceback: &str) -> Option<Cause> {
    let dependency = message
        .split(['\'', '`'])
        .nth(1)
        .filter(|_| message.contains("optional dependency") || message.contains("Install"));
    if let Some(package) = dependency.filter(|name| !name.contains(' ')) {
        return cause(
            "module not installed",
            format!("A library needs `{package}` for this call, and that shows only at run time."),
            format!("Add `{package}` to the requirements.txt beside the notebook."),
        );
    }
    let module = quoted(message);
    let top = module.split('.').next().unwrap_or(module);
    if module.is_empty() {
        return None;
    }
    if ["google.colab", "kaggle_secrets", "pyspark.dbutils", "dbruntime"].contains(&module)
        || message.contains("google.colab")
    {
        return cause(
            "another platform",
            format!("`{module}` exists only on the platform that the notebook was written on."),
            "Remove the cell, or do it only where the import works (`try: … except ImportError:`).",
        );
    }
    if let Some(now) = moved(module) {
        return cause("removed function", format!("`{module}` was removed from its library."), now.to_owned());
    }
    if ["distutils", "imp", "asyncore", "cgi"].contains(&top) {
        return cause(
            "removed function",
            format!("`{top}` was removed from Python."),
            "Run it with an older Python (`--python`).",
        );
    }
    let within = if traceback.contains("site-packages") {
        " A library imports it, not the notebook itself."
    } else {
        Default::default()
    };
    cause(
        "module not installed",
        format!("There is no module `{module}` in the environment.{within}"),
        format!(
            "If it is the notebook's own, put {top}.py beside it; else add the package that has it to the requirements.txt beside the notebook."
        ),
    )
}

/// Modules that known libraries gave up.
fn moved(module: &str) -> Option<&'static str> {
    const MOVED: [(&str, &str); 9] = [
        (
            "sklearn.cross_validation",
            "Import from `sklearn.model_selection`; scikit-learn 0.19 is the last with the old name.",
        ),
        (
            "sklearn.grid_search",
            "Import from `sklearn.model_selection`; scikit-learn 0.19 is the last with the old name.",
        ),
        ("sklearn.externals", "Import joblib or six directly; scikit-learn 0.22 is the last with the old name."),
        ("sklearn.datasets.samples_generator", "Import from `sklearn.datasets`."),
        ("pandas.io.data", "Use the package pandas-datareader."),
        ("pandas.util.testing", "Import from `pandas.testing`."),
        ("scipy.misc", "Use imageio, or `scipy.datasets`."),
        ("matplotlib.finance", "Use the package mplfinance."),
        ("keras.layers.core", "Import from `keras.layers`."),
    ];
    MOVED.iter().find(|(old, _)| module.starts_with(old)).map(|(_, now)| *now)
}

/// `cannot import name 'x' from 'y'`.
fn removed(message: &str) -> Option<Cause> {
    const NOW: [(&str, &str); 8] = [
        ("load_boston", "Use another data set (`fetch_california_housing`); scikit-learn 1.1 is the last that has it."),
        ("plot_confusion_matrix", "Use `ConfusionMatrixDisplay.from_estimator`."),
        ("plot_roc_curve", "Use `RocCurveDisplay.from_estimator`."),
        ("Imputer", "Use `sklearn.impute.SimpleImputer`."),
        ("joblib", "Import joblib directly."),
        ("imread", "Use imageio."),
        ("factorial", "Import it from `math`."),
        ("Iterable", "Import it from `collections.abc`."),
    ];
    let (name, library) = (quoted(message), message.split('\'').nth(3).unwrap_or("its library"));
    let now = NOW.iter().find(|(old, _)| *old == name).map(|(_, now)| (*now).to_owned());
    let now = now.unwrap_or_else(|| {
        let top = library.split('.').next().unwrap_or(library);
        format!(
            "Look it up in the release notes of {top}, or run with the packages of the notebook's date (`--as-of`)."
        )
    });
    cause("removed function", format!("This version of `{library}` has no `{name}` any more, or not yet."), now)
}

fn attribute(message: &str) -> Option<Cause> {
    const NOW: [(&str, &str, &str); 17] = [
        ("", "weekday_name", "Use `.dt.day_name()`; pandas 0.25 is the last with `weekday_name`."),
        ("'DataFrame'", "append", "Use `pd.concat([a, b])`; pandas 1.5 is the last with `append`."),
        ("'Series'", "append", "Use `pd.concat([a, b])`; pandas 1.5 is the last with `append`."),
        ("'DataFrame'", "ix", "Use `.loc` or `.iloc`; pandas 0.25 is the last with `.ix`."),
        ("'Series'", "ix", "Use `.loc` or `.iloc`; pandas 0.25 is the last with `.ix`."),
        ("'DataFrame'", "as_matrix", "Use `.to_numpy()`."),
        ("'DataFrame'", "iteritems", "Use `.items()`; pandas 1.5 is the last with `iteritems`."),
        ("'Series'", "iteritems", "Use `.items()`; pandas 1.5 is the last with `iteritems`."),
        ("'DataFrame'", "sort", "Use `.sort_values()`."),
        ("'DataFrame'", "applymap", "Use `.map()`."),
        ("pandas", "rolling_mean", "Use `.rolling(n).mean()`."),
        ("pandas", "scatter_matrix", "Use `pd.plotting.scatter_matrix`."),
        ("", "get_feature_names", "Use `.get_feature_names_out()`; scikit-learn 1.1 is the last with the old name."),
        ("tensorflow", "placeholder", "The notebook is for TensorFlow 1: use `tensorflow.compat.v1`."),
        ("tensorflow", "Session", "The notebook is for TensorFlow 1: use `tensorflow.compat.v1`."),
        ("", "distplot", "Use `sns.histplot`."),
        ("", "factorplot", "Use `sns.catplot`."),
    ];
    let names: Vec<&str> = message.split(['\'', '`']).skip(1).step_by(2).collect();
    let missing = names.iter().rev().find(|name| !name.is_empty()).copied().unwrap_or_default();
    let old_types = ["float", "int", "bool", "object", "str", "complex", "long", "unicode"];
    if message.contains("numpy") && old_types.iter().any(|ty| names.contains(ty)) {
        let ty = names.iter().find(|name| old_types.contains(name)).copied().unwrap_or_default();
        return cause(
            "removed function",
            format!("numpy 1.24 removed `np.{ty}`."),
            format!("Use `{ty}` or `np.{ty}_`, or run with `numpy<1.24`."),
        );
    }
    // NumPy says itself what to use: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.
    if let Some((what, now)) = message.split_once(" was removed in the NumPy 2.0 release") {
        let remedy = format!("{} Or run with `numpy<2`.", now.trim_start_matches(['.', ' ']));
        return cause("removed function", format!("NumPy 2.0 removed {what}."), remedy.trim_start());
    }
    let known = NOW.iter().find(|(owner, name, _)| *name == missing && message.contains(owner));
    if let Some((_, name, now)) = known {
        return cause("removed function", format!("`{name}` was removed from its library."), *now);
    }
    if message.starts_with("'NoneType'") {
        return None;
    }
    let library = message.starts_with("module")
        || ["DataFrame", "Series", "Index", "Axes", "ndarray", "Properties", "GroupBy", "Styler"]
            .iter()
            .any(|of| message.contains(of));
    if !library || missing.is_empty() {
        return None;
    }
    cause(
        "removed function",
        format!("This version of the library has no `{missing}` any more, or not yet."),
        "Look it up in the library's release notes, or run with the packages of the notebook's date (`--as-of`).",
    )
}

fn file(message: &str) -> Option<Cause> {
    let path = message
        .split(['\'', '"'])
        .nth(1)
        .or_else(|| message.split_whitespace().find(|word| word.contains('.') || word.contains('/')));
    let path = path.unwrap_or("the file").trim_end_matches(" not found.");
    let foreign = path.starts_with('/') || path.starts_with('~') || path.get(1..2) == Some(":");
    let remedy = if foreign {
        "It is a path of another machine: put the file beside the notebook and read it by a relative path."
    } else {
        "Ask whoever wrote the notebook for the file, and put it there; `tandem notebook check` lists all the files that it reads."
    };
    cause("missing file", format!("The notebook reads `{path}`, which is not here."), remedy)
}

fn offline(name: &str, message: &str) -> bool {
    let words = [
        "Name or service not known",
        "Temporary failure in name resolution",
        "Network is unreachable",
        "Connection refused",
        "Max retries exceeded",
        "Failed to establish a new connection",
        "getaddrinfo failed",
        "timed out",
        "Tunnel connection failed",
    ];
    ["URLError", "ConnectionError", "gaierror", "ConnectTimeout", "ProxyError", "SSLError", "ConnectionRefusedError"]
        .contains(&name)
        || words.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numpy_and_matplotlib_say_themselves_what_they_removed() {
        let numpy = "`np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.";
        let told = of("AttributeError", numpy, "").unwrap();
        assert_eq!(told.what, "NumPy 2.0 removed `np.float_`.");
        assert_eq!(told.remedy, "Use `np.float64` instead. Or run with `numpy<2`.");
        let style = of("OSError", "'seaborn-whitegrid' is not a valid package style", "").unwrap();
        assert!(style.remedy.contains("seaborn-v0_8-whitegrid"));
    }

    #[test]
    fn the_table_names_causes() {
        let rows = [
            ("FileNotFoundError", "[Errno 2] No such file or directory: 'data/a.csv'", "missing file", "`data/a.csv`"),
            (
                "FileNotFoundError",
                "[Errno 2] No such file or directory: 'C:\\\\x\\\\a.csv'",
                "missing file",
                "relative path",
            ),
            ("OSError", "x", "", ""),
            (
                "AttributeError",
                "module 'numpy' has no attribute 'float'.\n`np.float` was a deprecated alias",
                "removed function",
                "np.float_",
            ),
            ("AttributeError", "'DataFrame' object has no attribute 'append'", "removed function", "pd.concat"),
            ("AttributeError", "'DataFrame' object has no attribute 'ix'", "removed function", ".loc"),
            (
                "AttributeError",
                "'CountVectorizer' object has no attribute 'get_feature_names'",
                "removed function",
                "get_feature_names_out",
            ),
            ("AttributeError", "'NoneType' object has no attribute 'group'", "", ""),
            (
                "ImportError",
                "cannot import name 'load_boston' from 'sklearn.datasets' (/x)",
                "removed function",
                "1.1 is the last",
            ),
            (
                "ImportError",
                "cannot import name 'zap' from 'pandas.core' (/x)",
                "removed function",
                "release notes of pandas",
            ),
            (
                "ModuleNotFoundError",
                "No module named 'sklearn.cross_validation'",
                "removed function",
                "model_selection",
            ),
            ("ModuleNotFoundError", "No module named 'helper'", "module not installed", "helper.py"),
            ("ModuleNotFoundError", "No module named 'google.colab'", "another platform", "platform"),
            (
                "ImportError",
                "Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.",
                "module not installed",
                "`openpyxl`",
            ),
            ("ImportError", "`Import lxml` failed. Use pip or conda to Install the lxml package", "", ""),
            ("TypeError", "f() got an unexpected keyword argument 'sparse'", "removed function", "release notes"),
            ("TypeError", "agg function failed [how->mean,dtype->object]", "dtype change", "numeric_only"),
            ("ValueError", "could not convert string to float: 'a'", "dtype change", "df.dtypes"),
            ("URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>", "network off", "network"),
            ("MemoryError", "Unable to allocate 9 GiB", "out of memory", "memory"),
            ("SyntaxError", "Missing parentheses in call to 'print'. Did you mean print(...)?", "Python 2", "2to3"),
            ("NameError", "name 'df' is not defined", "undefined name", "above"),
            ("ZeroDivisionError", "division by zero", "", ""),
        ];
        for (name, message, kind, words) in rows {
            let found = of(name, message, "");
            assert_eq!(found.as_ref().map_or("", |cause| cause.kind), kind, "{name}: {message}: {found:?}");
            let text = found.map(|cause| format!("{} {}", cause.what, cause.remedy)).unwrap_or_default();
            assert!(text.contains(words), "{name}: {message}: {text}");
        }
    }
}
