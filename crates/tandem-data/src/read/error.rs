//! Why a source could not be read: each names the source, the file and the place in it, and says what to do.
//! Not here: odd records that do not stop the read ([`crate::finding`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tandem_definitions::{Code, Diagnostic, Format, Place, Type};

/// Why a source could not be read. The display names the place and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{}. {}", self.message(), self.remedy())]
#[non_exhaustive]
pub enum ReadError {
    /// The contract has no server of this name.
    UnknownServer {
        /// The source.
        source_name: String,
        /// The server asked for.
        server: String,
        /// The contract's servers.
        known: Vec<String>,
    },
    /// There is nothing at the path.
    Missing {
        /// The source.
        source_name: String,
        /// The path, resolved.
        path: PathBuf,
    },
    /// What does not fit in memory could not wait on the disk.
    NoRoom {
        /// The folder of temporary files.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The glob matches no file, or is none.
    NoMatch {
        /// The source.
        source_name: String,
        /// The pattern, resolved.
        pattern: String,
        /// Why, when the pattern itself is wrong.
        reason: Option<String>,
    },
    /// A folder without a file of the format.
    EmptyFolder {
        /// The source.
        source_name: String,
        /// The folder.
        path: PathBuf,
        /// The format looked for.
        format: Format,
    },
    /// A file of no bytes.
    EmptyFile {
        /// The file.
        file: Arc<Path>,
        /// The format expected.
        format: Format,
    },
    /// The file is not of its format, or is cut off.
    NotInFormat {
        /// The file.
        file: Arc<Path>,
        /// The format expected.
        format: Format,
        /// What the reader stumbled over.
        reason: String,
    },
    /// One line or row is not of its format.
    BadRow {
        /// The file.
        file: Arc<Path>,
        /// The format expected.
        format: Format,
        /// The line of the file, from 1, when it is known.
        line: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A field of the contract has no column.
    MissingColumn {
        /// The source.
        source_name: String,
        /// The file.
        file: Arc<Path>,
        /// The field.
        column: String,
        /// The column of the nearest name.
        nearest: Option<String>,
    },
    /// A table (an observations file) lacks a column.
    MissingTableColumn {
        /// The file.
        file: Arc<Path>,
        /// The column.
        column: String,
        /// The column of the nearest name.
        nearest: Option<String>,
        /// All columns that are read of it.
        wanted: Vec<String>,
    },
    /// The location has other records than when the service began to write its own log behind them.
    LocationChanged {
        /// The source.
        source_name: String,
        /// The folder of the service's own log of it.
        log: PathBuf,
        /// How many records the location had then.
        began: u64,
        /// How many it has now.
        now: u64,
    },
    /// A column's type cannot be read as the contract's.
    WrongColumnType {
        /// The file.
        file: Arc<Path>,
        /// The column.
        column: String,
        /// The type found.
        found: String,
        /// The type of the contract.
        expected: Type,
    },
    /// A value does not fit its type.
    BadValue {
        /// The file.
        file: Arc<Path>,
        /// The row (JSON lines: the line), from 1.
        row: u64,
        /// The column.
        column: String,
        /// The value as it stands there.
        value: String,
        /// The type of the contract.
        expected: Type,
    },
    /// The source's time zone is not known.
    UnknownTimeZone {
        /// The source.
        source_name: String,
        /// The name given.
        zone: String,
    },
    /// The operating system refused.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl ReadError {
    /// What is wrong and where, without a full stop.
    pub fn message(&self) -> String {
        match self {
            Self::UnknownServer { source_name, server, .. } => {
                format!("the contract of source `{source_name}` has no server `{server}`")
            }
            Self::Missing { source_name, path } => {
                format!("source `{source_name}`: there is nothing at {}", path.display())
            }
            Self::NoMatch { source_name, pattern, reason: None } => {
                format!("source `{source_name}`: no file matches {pattern}")
            }
            Self::NoMatch { source_name, pattern, reason: Some(reason) } => {
                format!("source `{source_name}`: {pattern} is not a pattern of files ({reason})")
            }
            Self::EmptyFolder { source_name, path, format } => {
                format!("source `{source_name}`: the folder {} holds no {} file", path.display(), word(*format))
            }
            Self::EmptyFile { file, .. } => format!("{} is empty", file.display()),
            Self::NotInFormat { file, format, reason } => {
                format!("{} is not a whole {} file: {reason}", file.display(), word(*format))
            }
            Self::BadRow { file, format, line: Some(line), reason } => {
                format!("{}, line {line}: not {}: {reason}", file.display(), word(*format))
            }
            Self::BadRow { file, format, line: None, reason } => {
                format!("{}: not {}: {reason}", file.display(), word(*format))
            }
            Self::MissingColumn { source_name, file, column, .. } => {
                format!("{} has no column `{column}`, which the contract of `{source_name}` promises", file.display())
            }
            Self::MissingTableColumn { file, column, .. } => format!("{} has no column `{column}`", file.display()),
            Self::LocationChanged { source_name, log, began, now } => format!(
                "source `{source_name}`: its location had {began} records when the service began to write {}, and has {now} now, \
                 so that the positions of the service's own records would move",
                log.display()
            ),
            Self::WrongColumnType { file, column, found, expected } => {
                format!("{}: column `{column}` is {found}, and the contract says {expected}", file.display())
            }
            Self::BadValue { file, row, column, value, expected } => {
                format!(
                    "{}, row {row}, column `{column}`: `{value}` is not {}",
                    file.display(),
                    with_article(*expected)
                )
            }
            Self::UnknownTimeZone { source_name, zone } => {
                format!("source `{source_name}`: `{zone}` is not a time zone")
            }
            Self::Unreadable { path, error } => format!("{} cannot be read: {error}", path.display()),
            Self::NoRoom { folder, error } => {
                format!("records that do not fit in memory could not be put into {}: {error}", folder.display())
            }
        }
    }

    /// What to do about it, without a full stop.
    pub fn remedy(&self) -> String {
        match self {
            Self::UnknownServer { known, .. } if known.is_empty() => {
                "Add a server with `path` and `format` to the contract".to_owned()
            }
            Self::UnknownServer { known, .. } => format!("It has: {}", known.join(", ")),
            Self::NoRoom { .. } => {
                "Make room there, name another folder of temporary files by TMPDIR, or allow more by `--memory`".to_owned()
            }
            Self::Missing { .. } | Self::NoMatch { .. } => {
                "Put the records there, or correct `path` under `servers` in the contract (relative to the project's folder)"
                    .to_owned()
            }
            Self::EmptyFolder { format, .. } => {
                format!("Put {} files there, or correct `path` or `format` under `servers` in the contract", word(*format))
            }
            Self::EmptyFile { format, .. } => {
                format!("Write its records again, or take the file away; an empty file is no {} file", word(*format))
            }
            Self::NotInFormat { format, .. } => format!(
                "Write the file again (it may have been cut off), or, if it is no {} file, correct `format` under `servers` in the contract",
                word(*format)
            ),
            Self::BadRow { format: Format::Jsonl, .. } => {
                "Each line must be one whole JSON object; mend or remove this line".to_owned()
            }
            Self::BadRow { .. } => "Each row needs as many fields as the header has; mend or remove this row".to_owned(),
            Self::MissingColumn { nearest: Some(nearest), .. } => {
                format!("Did you mean `{nearest}`? Rename the field in the contract, or write the column")
            }
            Self::MissingColumn { .. } => "Write the column, or remove the field from the contract".to_owned(),
            Self::MissingTableColumn { nearest, wanted, .. } => {
                let slip = nearest.as_ref().map_or(String::new(), |n| format!("Did you mean `{n}`? "));
                format!("{slip}The file must have these columns: {}", wanted.join(", "))
            }
            Self::LocationChanged { source_name, .. } => format!(
                "Take the files that were added out of the location (or put back those taken away), and post their records to \
                 /v1/sources/{source_name}/records; or move `.tandem/log` and `.tandem/served` away, to serve with a fresh state"
            ),
            Self::WrongColumnType { expected: Type::Time, .. } => {
                "Write the column as timestamps, dates or RFC 3339 text, or correct `logicalType` in the contract".to_owned()
            }
            Self::WrongColumnType { expected, .. } => {
                format!("Write the column as {expected}, or correct `logicalType` in the contract")
            }
            Self::BadValue { expected: Type::Time, .. } => {
                "Write times like 2013-11-01T17:30:00Z (without an offset they are read in the source's time zone), or correct `logicalType` in the contract"
                    .to_owned()
            }
            Self::BadValue { .. } => "Correct the value, or `logicalType` in the contract".to_owned(),
            Self::UnknownTimeZone { .. } => {
                "Set `timeZone` to an IANA name such as America/New_York in the contract".to_owned()
            }
            Self::Unreadable { .. } => "Check that the file is there and that you may read it".to_owned(),
        }
    }

    /// The promise that is broken.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownServer { .. } | Self::Missing { .. } | Self::NoMatch { .. } => Code::SourceFileMissing,
            Self::EmptyFolder { .. } | Self::EmptyFile { .. } => Code::SourceEmpty,
            Self::NotInFormat { .. }
            | Self::BadRow { .. }
            | Self::Unreadable { .. }
            | Self::LocationChanged { .. }
            | Self::NoRoom { .. } => Code::SourceUnreadable,
            Self::MissingColumn { .. } | Self::MissingTableColumn { .. } => Code::ColumnMissing,
            Self::WrongColumnType { .. } | Self::UnknownTimeZone { .. } => Code::ColumnType,
            Self::BadValue { .. } => Code::ValueBreaksContract,
        }
    }

    /// The error as a finding at the source's declaration.
    pub fn diagnostic(&self, place: &Place) -> Diagnostic {
        Diagnostic::new(self.code(), place.clone(), self.message(), self.remedy())
    }

    /// The file or path that it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::UnknownServer { .. } | Self::NoMatch { .. } | Self::UnknownTimeZone { .. } => None,
            Self::Missing { path, .. } | Self::EmptyFolder { path, .. } | Self::Unreadable { path, .. } => Some(path),
            Self::LocationChanged { log, .. } => Some(log),
            Self::NoRoom { folder, .. } => Some(folder),
            Self::EmptyFile { file, .. }
            | Self::NotInFormat { file, .. }
            | Self::BadRow { file, .. }
            | Self::MissingColumn { file, .. }
            | Self::MissingTableColumn { file, .. }
            | Self::WrongColumnType { file, .. }
            | Self::BadValue { file, .. } => Some(file),
        }
    }

    pub(crate) fn no_room(error: io::Error) -> Self {
        Self::NoRoom { folder: std::env::temp_dir(), error }
    }

    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self::Unreadable { path: path.to_path_buf(), error }
    }
}

/// The name of a format in sentences.
pub(crate) fn word(format: Format) -> &'static str {
    match format {
        Format::Parquet => "Parquet",
        Format::Csv => "CSV",
        Format::Jsonl => "JSON lines",
    }
}

fn with_article(ty: Type) -> String {
    match ty {
        Type::Int => "an integer of 64 bits".to_owned(),
        other => format!("a {other}"),
    }
}

/// The name nearest to `name`, when it is near enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|k| (strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + name.len().max(k.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k.to_owned())
}
