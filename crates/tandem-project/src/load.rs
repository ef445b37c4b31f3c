//! Reads a project from its folder: the definitions' files, the findings, and the hash that names them.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tandem_definitions::{Diagnostic, File, Model, Project, Question};

use crate::error::Error;
use crate::{Options, Origin};

/// A project as it stands in its folder.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The folder that holds `tandem.yaml`.
    pub base: PathBuf,
    /// The definitions' files, by path.
    pub files: Vec<File>,
    /// What they say.
    pub project: Project,
    /// What is wrong in them.
    pub findings: Vec<Diagnostic>,
    /// The hash of the definitions: SHA-256 in hexadecimal.
    pub hash: String,
    /// Where the sources lie.
    pub origin: Origin,
    /// How replays are run.
    pub options: Options,
}

/// The folder at `start` or above it that holds `tandem.yaml`.
///
/// # Errors
/// [`Error::NoProject`].
pub fn find(start: &Path) -> Result<PathBuf, Error> {
    let mut folders = start.ancestors();
    let found = folders.find(|folder| folder.join("tandem.yaml").is_file());
    found.map(Path::to_path_buf).ok_or_else(|| Error::NoProject(start.to_path_buf()))
}

/// Reads the project in this folder.
///
/// # Errors
/// [`Error::NoProject`], and [`Error::File`] for a file that cannot be read. Findings are part of the result.
pub fn load(base: &Path) -> Result<Loaded, Error> {
    if !base.join("tandem.yaml").is_file() {
        return Err(Error::NoProject(base.to_path_buf()));
    }
    let mut files = vec![file(base, Path::new("tandem.yaml"))?];
    for (folder, ends) in [("sources", ".odcs.yaml"), ("features", ".yaml"), ("questions", ".yaml")] {
        for name in names(&base.join(folder))?.into_iter().filter(|name| name.ends_with(ends)) {
            files.push(file(base, &Path::new(folder).join(name))?);
        }
    }
    for name in names(&base.join("models"))? {
        let path = Path::new("models").join(name).join("model.yaml");
        if base.join(&path).is_file() {
            files.push(file(base, &path)?);
        }
    }
    Ok(from_files(base, files))
}

/// The project that these files declare, as if they lay in `base`.
pub fn from_files(base: &Path, files: Vec<File>) -> Loaded {
    let (project, findings) = tandem_definitions::read(&files);
    let origin = Origin { base: base.to_path_buf(), server: None, log: Some(base.join(".tandem/log")) };
    let hash = hash(&files);
    Loaded { base: base.to_path_buf(), files, project, findings, hash, origin, options: Options::default() }
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let entry = entry.map_err(Error::file("read", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn file(base: &Path, path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(base.join(path)).map_err(Error::file("read", base.join(path)))?;
    Ok(File { path: path.to_string_lossy().replace('\\', "/"), text })
}

/// SHA-256 over the files' paths and texts, in order of path.
fn hash(files: &[File]) -> String {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hasher = Sha256::new();
    for file in sorted {
        hasher.update((file.path.len() as u64).to_le_bytes());
        hasher.update(&file.path);
        hasher.update((file.text.len() as u64).to_le_bytes());
        hasher.update(&file.text);
    }
    hexadecimal(&hasher.finalize())
}

/// Bytes as hexadecimal text.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Loaded {
    /// The same project, if its definitions have no error.
    ///
    /// # Errors
    /// [`Error::Definitions`] with the findings that are errors.
    pub fn checked(self) -> Result<Self, Error> {
        let errors: Vec<Diagnostic> = self.findings.iter().filter(|f| f.is_error()).cloned().collect();
        if errors.is_empty() { Ok(self) } else { Err(Error::Definitions(errors)) }
    }

    /// The question of this name.
    ///
    /// # Errors
    /// [`Error::NoSuch`] with the nearest names.
    pub fn question(&self, name: &str) -> Result<&Question, Error> {
        let names = self.project.questions.iter().map(|q| q.name.as_str());
        self.project.question(name).ok_or_else(|| Error::no_such("question", name, names))
    }

    /// The model of this name.
    ///
    /// # Errors
    /// [`Error::NoSuch`] with the nearest names.
    pub fn model(&self, name: &str) -> Result<&Model, Error> {
        if self.project.adopted.iter().any(|adopted| adopted.name == name) {
            return Err(Error::unusable(
                format!(
                    "`{name}` is an adopted notebook: it answers no question yet, so it cannot be trained, measured or released"
                ),
                format!(
                    "`tandem test {name}` runs its recorded tests; models/{name}/README.md says what makes it a model"
                ),
            ));
        }
        let names = self.project.models.iter().map(|m| m.name.as_str());
        self.project.model(name).ok_or_else(|| Error::no_such("model", name, names))
    }

    /// The feature of this name, by index.
    ///
    /// # Errors
    /// [`Error::NoSuch`] with the nearest names.
    pub fn feature(&self, name: &str) -> Result<usize, Error> {
        let names = self.project.features.iter().map(|f| f.name.as_str());
        self.project.feature(name).ok_or_else(|| Error::no_such("feature", name, names))
    }

    /// The source of this name, by index.
    ///
    /// # Errors
    /// [`Error::NoSuch`] with the nearest names.
    pub fn source(&self, name: &str) -> Result<usize, Error> {
        let names = self.project.sources.iter().map(|s| s.name.as_str());
        self.project.source(name).ok_or_else(|| Error::no_such("source", name, names))
    }

    /// Tandem's own folder in the project.
    pub fn state_dir(&self) -> PathBuf {
        self.base.join(".tandem")
    }
}
