//! What can stop a use case: the user's definitions, the world, or a name that nobody has.

use std::path::PathBuf;

use tandem_definitions::{Diagnostic, nearest};

/// Why a use case stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The definitions have errors.
    #[error("the definitions have {} error{}; `tandem check` lists them", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Definitions(Vec<Diagnostic>),
    /// No project here.
    #[error("there is no tandem.yaml in {} or above it; `tandem init` makes a project", .0.display())]
    NoProject(PathBuf),
    /// A name that nobody has.
    #[error("there is no {kind} named `{name}`; {}", remedy(.nearest, .kind))]
    NoSuch {
        /// What was looked for: question, model, feature, source, entity, release.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names that are most alike, or all when they are few.
        nearest: Vec<String>,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried: read, write, make, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A source cannot be read.
    #[error(transparent)]
    Read(#[from] tandem_data::read::ReadError),
    /// A table or training set cannot be read or written.
    #[error(transparent)]
    Table(#[from] tandem_data::table::TableError),
    /// The Python environment could not be made.
    #[error(transparent)]
    Environment(#[from] tandem_notebook::EnvironmentError),
    /// The notebook's folder could not be copied.
    #[error(transparent)]
    Workspace(#[from] tandem_notebook::WorkspaceError),
    /// The notebook could not be run.
    #[error(transparent)]
    Notebook(#[from] tandem_notebook::RunError),
    /// The model could not be run.
    #[error(transparent)]
    Inference(#[from] tandem_inference::InferenceError),
    /// Findings about a model or a release.
    #[error("{}", .0.iter().map(|d| format!("{} ({})", d.message, d.help)).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Diagnostic>),
    /// Anything else that the user can mend: what is wrong, and what to do.
    #[error("{what}; {remedy}")]
    Unusable {
        /// What is wrong, and where.
        what: String,
        /// What to do next.
        remedy: String,
    },
}

fn remedy(nearest: &[String], kind: &str) -> String {
    match nearest {
        [] => format!("the project has no {kind} at all"),
        [one] => format!("did you mean `{one}`?"),
        many => format!("there are: {}", many.join(", ")),
    }
}

impl Error {
    /// For an I/O error of a file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// For a name that nobody has, among these.
    pub(crate) fn no_such<'n>(kind: &'static str, name: &str, names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<&str> = names.collect();
        let nearest = match nearest(name, names.iter().copied()) {
            Some(one) => vec![one.to_owned()],
            None => names.iter().take(12).map(|n| (*n).to_owned()).collect(),
        };
        Self::NoSuch { kind, name: name.to_owned(), nearest }
    }

    /// For what the user can mend.
    pub(crate) fn unusable(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Unusable { what: what.into(), remedy: remedy.into() }
    }
}
