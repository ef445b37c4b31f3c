//! Which files a source's records lie in, in the order of the log, and how they divide into parts that can be read apart.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use tandem_definitions::{Format, Location, Source};

use super::ReadError;

/// Row groups are put together into parts of at least so many rows.
const PART_ROWS: u64 = 131_072;

/// Where a project's records are looked for.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The project's folder: relative paths start there.
    pub base: PathBuf,
    /// Which server of each contract is read; the first without it.
    pub server: Option<String>,
    /// The folder of the service's own log (`.tandem/log`), when it counts.
    pub log: Option<PathBuf>,
}

/// A stretch of a source's log: a file, or some of a Parquet file's row groups.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The file.
    pub file: Arc<Path>,
    /// How it is written.
    pub format: Format,
    /// How many bytes it takes: for progress.
    pub bytes: u64,
    /// How many records it has, when that is known without reading it.
    pub rows: Option<u64>,
    /// How many records of the file lie before it.
    pub rows_before: u64,
    /// Whether the service wrote it: then a last line without its end was never acknowledged, and does not count.
    pub own_log: bool,
    pub(super) parquet: Option<(ArrowReaderMetadata, Range<usize>)>,
}

/// The parts of a source's log in its order: the location's files by path, then the service's own segments.
pub(crate) fn parts(source: &Source, origin: &Origin) -> Result<Vec<Part>, ReadError> {
    let mut parts = Vec::new();
    if let Some(location) = location(source, origin)? {
        for file in files(source, location, &origin.base)? {
            add(&mut parts, file, location.format, false)?;
        }
    }
    if let Some(log) = &origin.log {
        let folder = log.join(&source.name);
        if folder.is_dir() {
            let mut segments = Vec::new();
            walk(&folder, Format::Jsonl, &mut segments)?;
            segments.sort();
            for file in segments {
                // A segment that was just begun holds nothing yet.
                if fs::metadata(&file).map_err(|e| ReadError::unreadable(&file, e))?.len() > 0 {
                    add(&mut parts, file, Format::Jsonl, true)?;
                }
            }
        }
    }
    Ok(parts)
}

fn location<'a>(source: &'a Source, origin: &Origin) -> Result<Option<&'a Location>, ReadError> {
    let Some(server) = &origin.server else { return Ok(source.locations.first()) };
    match source.locations.iter().find(|l| l.server == *server) {
        Some(location) => Ok(Some(location)),
        None => Err(ReadError::UnknownServer {
            source_name: source.name.clone(),
            server: server.clone(),
            known: source.locations.iter().map(|l| l.server.clone()).collect(),
        }),
    }
}

/// The location's files, sorted by path.
fn files(source: &Source, location: &Location, base: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let path = base.join(&location.path);
    let mut files = Vec::new();
    if path.is_dir() {
        walk(&path, location.format, &mut files)?;
        if files.is_empty() {
            return Err(ReadError::EmptyFolder { source_name: source.name.clone(), path, format: location.format });
        }
    } else if path.exists() {
        files.push(path);
    } else if location.path.contains(['*', '?', '[']) {
        matches(source, location, base, &mut files)?;
    } else {
        return Err(ReadError::Missing { source_name: source.name.clone(), path });
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn matches(source: &Source, location: &Location, base: &Path, files: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let pattern = if Path::new(&location.path).is_absolute() {
        location.path.clone()
    } else {
        format!("{}/{}", glob::Pattern::escape(&base.to_string_lossy()), location.path.trim_start_matches("./"))
    };
    let failed = |reason| ReadError::NoMatch {
        source_name: source.name.clone(),
        pattern: base.join(&location.path).to_string_lossy().into_owned(),
        reason,
    };
    for found in glob::glob(&pattern).map_err(|e| failed(Some(e.to_string())))? {
        let found = found.map_err(|e| ReadError::Unreadable { path: e.path().to_path_buf(), error: e.into() })?;
        if found.is_dir() {
            walk(&found, location.format, files)?;
        } else {
            files.push(found);
        }
    }
    if files.is_empty() { Err(failed(None)) } else { Ok(()) }
}

/// All files of the format below a folder; names that begin with `.` or `_` are other tools' marks.
fn walk(folder: &Path, format: Format, files: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let unreadable = |e| ReadError::unreadable(folder, e);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        // Links to folders are not followed, so a loop of them ends.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, format, files)?;
        } else if path.extension().is_some_and(|e| is_extension(format, &e.to_string_lossy().to_lowercase())) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_extension(format: Format, extension: &str) -> bool {
    match format {
        Format::Parquet => matches!(extension, "parquet" | "pq"),
        Format::Csv => extension == "csv",
        Format::Jsonl => matches!(extension, "jsonl" | "ndjson" | "json"),
    }
}

/// Adds a file's parts.
pub(super) fn add(parts: &mut Vec<Part>, file: PathBuf, format: Format, own_log: bool) -> Result<(), ReadError> {
    let bytes = fs::metadata(&file).map_err(|e| ReadError::unreadable(&file, e))?.len();
    let file: Arc<Path> = Arc::from(file);
    if bytes == 0 {
        return Err(ReadError::EmptyFile { file, format });
    }
    if format == Format::Parquet {
        return add_row_groups(parts, &file, bytes);
    }
    parts.push(Part { file, format, bytes, rows: None, rows_before: 0, own_log, parquet: None });
    Ok(())
}

fn add_row_groups(parts: &mut Vec<Part>, file: &Arc<Path>, bytes: u64) -> Result<(), ReadError> {
    let open = File::open(file).map_err(|e| ReadError::unreadable(file, e))?;
    let metadata = ArrowReaderMetadata::load(&open, ArrowReaderOptions::new()).map_err(|e| ReadError::NotInFormat {
        file: Arc::clone(file),
        format: Format::Parquet,
        reason: e.to_string(),
    })?;
    let groups = metadata.metadata().row_groups();
    let all: u64 = groups.iter().map(|g| g.num_rows() as u64).sum();
    let mut part = |groups: Range<usize>, rows: u64, rows_before: u64| {
        parts.push(Part {
            file: Arc::clone(file),
            format: Format::Parquet,
            bytes: (u128::from(bytes) * u128::from(rows) / u128::from(all.max(1))) as u64,
            rows: Some(rows),
            rows_before,
            own_log: false,
            parquet: Some((metadata.clone(), groups)),
        });
    };
    let (mut first, mut rows, mut before) = (0, 0, 0);
    for (index, group) in groups.iter().enumerate() {
        rows += group.num_rows() as u64;
        if rows >= PART_ROWS {
            part(first..index + 1, rows, before);
            (first, before, rows) = (index + 1, before + rows, 0);
        }
    }
    // The rest; also a file without rows, whose columns are to be checked all the same.
    if first < groups.len() || groups.is_empty() {
        part(first..groups.len(), rows, before);
    }
    Ok(())
}
