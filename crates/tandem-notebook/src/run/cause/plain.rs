//! The causes that an exception's class tells alone, or with a word of its message: a table, the most particular first.
//! Not here: causes that take something out of the message.

use super::{Cause, cause};

/// Classes of exceptions that have one cause, whatever more the message says; where words are named, it holds one of them.
struct Plain {
    names: &'static [&'static str],
    words: &'static [&'static str],
    kind: &'static str,
    what: &'static str,
    remedy: &'static str,
}

const PLAIN: [Plain; 7] = [
    Plain {
        names: &["OSError"],
        words: &["'seaborn"],
        kind: "removed function",
        what: "matplotlib 3.8 removed its styles that were named `seaborn`.",
        remedy: "Write `seaborn-v0_8`, such as `seaborn-v0_8-whitegrid`, or run with `matplotlib<3.8`.",
    },
    Plain {
        names: &["MemoryError", "ArrayMemoryError", "_ArrayMemoryError", "OutOfMemoryError"],
        words: &[],
        kind: "out of memory",
        what: "The cell asked for more memory than there is.",
        remedy: "Read fewer rows or columns, use smaller types, or run it on a machine with more memory.",
    },
    Plain {
        names: &["PermissionError"],
        words: &[],
        kind: "no permission",
        what: "It uses a file or folder that this user may not.",
        remedy: "Use a path beside the notebook.",
    },
    Plain {
        names: &["SyntaxError"],
        words: &["Missing parentheses in call to 'print'"],
        kind: "Python 2",
        what: "The notebook is written for Python 2.",
        remedy: "Convert it with `2to3`, or ask for its Python 3 version.",
    },
    Plain {
        names: &["NameError"],
        words: &["'unicode'", "'xrange'", "'raw_input'", "'unichr'", "'reduce'"],
        kind: "Python 2",
        what: "This name exists in Python 2 only.",
        remedy: "Convert the notebook with `2to3`.",
    },
    Plain {
        names: &["NameError"],
        words: &[],
        kind: "undefined name",
        what: "The name is defined in no cell above: that cell comes later, failed, or was deleted.",
        remedy: "`tandem notebook check` says where each name is defined; move the definition above its first use.",
    },
    Plain {
        names: &["HTTPError"],
        words: &[],
        kind: "address gone",
        what: "The server does not give this address any more.",
        remedy: "Find the data's new address, or keep the data in a file beside the notebook.",
    },
];

pub(super) fn plain(name: &str, message: &str) -> Option<Cause> {
    let says = |words: &[&str]| words.is_empty() || words.iter().any(|word| message.contains(word));
    let known = PLAIN.iter().find(|one| one.names.contains(&name) && says(one.words))?;
    cause(known.kind, known.what, known.remedy)
}
