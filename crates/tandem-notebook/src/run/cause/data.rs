//! Causes that lie in the data, in types, and in what is missing beside Python: columns, packages that a call needs, programs.
//! Not here: removed functions and modules.

use super::{Cause, cause};

/// What a type, a value or an option that does not fit comes from.
pub(super) fn types(message: &str) -> Option<Cause> {
    if message.contains("unexpected keyword argument") || message.contains("positional argument") {
        return cause(
            "removed function",
            format!("This version of the library takes other arguments: {message}."),
            "Look the function up in the library's release notes, or run with the packages of the notebook's date (`--as-of`).",
        );
    }
    let low = message.to_lowercase();
    let known = FITTING.iter().find(|(words, ..)| words.iter().any(|word| low.contains(word)))?;
    cause(known.1, known.2, known.3)
}

/// Words of a message, in small letters; what kind of cause they tell, the cause, and the remedy.
type Telling = (&'static [&'static str], &'static str, &'static str, &'static str);

const FITTING: [Telling; 3] = [
    (
        &["no axis named"],
        "removed function",
        "pandas takes only `index` and `columns`, or 0 and 1, as the name of an axis.",
        "Write `axis=1` or `axis='columns'`; pandas 0.25 is the last with shorter names.",
    ),
    (
        &["pattern matched multiple keys"],
        "removed function",
        "The shortened name of an option fits several options of today's pandas.",
        "Write the whole name, such as `display.max_columns`.",
    ),
    (
        &[
            "could not convert string to float",
            "could not convert",
            "can only use .dt accessor",
            "can only use .str accessor",
            "cannot compare",
            "unsupported operand type",
            "agg function failed",
            "invalid comparison",
            "incompatible dtype",
            "cannot convert float nan",
            "cannot convert non-finite",
            "not supported between instances",
            "invalid literal for int",
        ],
        "dtype change",
        "A column has another type than the notebook expects: the data changed, or the library reads or averages it otherwise today.",
        "Look at `df.dtypes` before this cell; convert the column, choose the numeric ones (`numeric_only=True`), or run with the packages of the notebook's date (`--as-of`).",
    ),
];

/// A key that a frame does not have.
pub(super) fn column(message: &str, traceback: &str) -> Option<Cause> {
    if !traceback.contains("pandas/core") && !traceback.contains("pandas\\core") {
        return None;
    }
    cause(
        "missing column",
        format!("The data has no column or key {message}."),
        "Look at `df.columns` before this cell: the file may be another one than the notebook was written for.",
    )
}

/// `f requires pandas.`
pub(super) fn requires(message: &str) -> Option<Cause> {
    let package = message.trim_end_matches('.').rsplit_once(" requires ")?.1;
    let plain = !package.is_empty() && package.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let needed = format!("A library needs `{package}` for this call, and that shows only at run time.");
    let remedy = format!("Add `{package}` to the requirements.txt beside the notebook.");
    if plain { cause("module not installed", needed, remedy) } else { None }
}

/// A program beside Python that is not there.
pub(super) fn program(message: &str) -> Option<Cause> {
    const PROGRAMS: [(&str, &str); 4] = [
        ("Requested MovieWriter (ffmpeg)", "ffmpeg"),
        ("Failed to process string with tex", "latex"),
        ("failed to execute", "dot"),
        ("Java gateway process exited", "java"),
    ];
    let program = PROGRAMS.iter().find(|(words, _)| message.contains(words)).map(|(_, program)| *program)?;
    cause(
        "program not installed",
        format!("It needs the program `{program}`, which is no Python package."),
        format!("Install `{program}` on this machine, or leave the cell out."),
    )
}

#[cfg(test)]
mod tests {
    use super::super::of;

    #[test]
    fn what_lies_in_data_types_and_programs_is_named() {
        let rows = [
            (
                "AttributeError",
                "'DatetimeProperties' object has no attribute 'weekday_name'",
                "removed function",
                "day_name",
            ),
            ("ValueError", "No axis named col for object type DataFrame", "removed function", "axis=1"),
            ("OptionError", "Pattern matched multiple keys", "removed function", "display.max_columns"),
            ("ImportError", "load_iris with as_frame=True requires pandas.", "module not installed", "`pandas`"),
            ("RuntimeError", "Requested MovieWriter (ffmpeg) not available", "program not installed", "`ffmpeg`"),
        ];
        for (name, message, kind, words) in rows {
            let found = of(name, message, "").map(|cause| (cause.kind, cause.remedy + &cause.what));
            assert!(
                found.as_ref().is_some_and(|(own, text)| *own == kind && text.contains(words)),
                "{message}: {found:?}"
            );
        }
    }

    #[test]
    fn a_key_is_a_column_only_in_a_frame() {
        assert_eq!(
            of("KeyError", "'year'", "File /x/pandas/core/frame.py:1").map(|cause| cause.kind),
            Some("missing column")
        );
        assert_eq!(of("KeyError", "'year'", "Cell In[1], line 1"), None);
    }
}
