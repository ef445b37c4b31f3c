//! What the folder of a notebook says: files that are not there (T607), packages that the requirements do not name (T610), the
//! author's own modules that were not handed over (T611).
//! Not here: whether a package can be installed.

use std::collections::BTreeSet;
use std::path::Path;

use tandem_definitions::Code;
use tandem_python::facts::facts_of;
use tandem_python::{Facts, FileHow, Finding, ImportKind, Program, modules};

/// Words after which files may come from anywhere, or paths mean something else.
const FETCHES: &[&str] = &[
    "wget",
    "curl",
    "unzip",
    "tar ",
    "git clone",
    "gdown",
    "kaggle",
    "urlretrieve",
    "extractall",
    "chdir",
    "%cd",
    "!cd",
    "download",
    "drive.mount",
    "mkdir",
    "%%bash",
    "%%sh",
    "os.system",
    "subprocess",
    "unpack_archive",
    "dvc pull",
    "files.upload",
    "!cp",
    "!mv",
    "getwd",
    "%env",
];

/// Names that authors give to modules of their own.
const OWN: &[&str] = &[
    "utils",
    "util",
    "helper",
    "helpers",
    "functions",
    "funcs",
    "common",
    "config",
    "settings",
    "src",
    "lib",
    "tools",
    "preprocessing",
    "preprocess",
    "plotting",
    "plots",
    "model",
    "models",
    "dataset",
    "dataloader",
    "constants",
    "metrics",
    "evaluation",
    "features",
    "data",
    "secrets_local",
    "credentials",
    "keys",
];

/// The findings.
pub fn findings(program: &Program, folder: &Path) -> Vec<Finding> {
    let facts = facts_of(program);
    let mut found = missing_files(program, &facts, folder);
    found.extend(modules_and_packages(program, &facts, folder));
    found
}

fn missing_files(program: &Program, facts: &Facts, folder: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut said = BTreeSet::new();
    if program.says_any(FETCHES) {
        return found;
    }
    for file in facts.files.iter().filter(|file| file.how == FileHow::Read && !file.guarded && !file.in_function) {
        let Some(path) = file.path.as_deref().filter(|path| is_plain(path)) else { continue };
        let place = (file.cell, file.start);
        let before = facts.files.iter().filter(|one| one.how == FileHow::Write && (one.cell, one.start) < place);
        let made = before.into_iter().any(|one| one.path.as_deref().is_none_or(|made| same_file(made, path)));
        if made || file.call == "sqlite3.connect" || folder.join(path).exists() || !said.insert(path) {
            continue;
        }
        let Some(cell) = program.cells.iter().position(|cell| cell.number == file.cell) else { continue };
        let message = format!("There is no `{path}` beside the notebook.");
        let help = "Put the file there, or say in the notebook where it comes from and load it.";
        found.push(Finding::in_text(program, Code::FileMissing, cell, file.start..file.end, message, help));
    }
    found
}

fn same_file(made: &str, read: &str) -> bool {
    let clean = |path: &str| path.trim_start_matches("./").to_owned();
    clean(made) == clean(read)
        || made.ends_with('/') && clean(read).starts_with(&clean(made))
        || clean(read) == format!("{}.npy", clean(made))
        || clean(read) == format!("{}.npz", clean(made))
}

/// A relative path of a file, not a pattern, an address or a text.
fn is_plain(path: &str) -> bool {
    let odd =
        path.contains(['*', '?', '\n', '\\', '{', '<', '%', '$', '[']) || path.contains("://") || path.contains("::");
    let hosted = path.starts_with("../input");
    !path.is_empty()
        && path.len() < 250
        && !odd
        && !hosted
        && !path.starts_with(['/', '~', '|', '-'])
        && path.as_bytes().get(1) != Some(&b':')
}

fn modules_and_packages(program: &Program, facts: &Facts, folder: &Path) -> Vec<Finding> {
    let required = requirements(folder);
    let moved =
        program.says_any(&["sys.path", "chdir", "%cd", "PYTHONPATH", "git clone", "wget", "curl ", "writefile"]);
    let mut found = Vec::new();
    let mut said = BTreeSet::new();
    for import in &facts.imports {
        let ImportKind::Distribution(distribution) = &import.kind else { continue };
        let module = import.module.as_str();
        if import.guarded || module.is_empty() || is_local(folder, module) || !said.insert(distribution.clone()) {
            continue;
        }
        let Some(cell) = program.cells.iter().position(|cell| cell.number == import.cell) else { continue };
        let start: usize = program.cells[cell].source.split_inclusive('\n').take(import.line - 1).map(str::len).sum();
        let length = program.cells[cell].source.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        let at = |code, message: String, help: String| {
            Finding::in_text(program, code, cell, start..start + length, message, help)
        };
        let own = OWN.contains(&module)
            || ["_utils", "_helpers", "_functions"].iter().any(|end| module.ends_with(end))
            || module.starts_with("my_");
        if own && !modules::known(module) {
            if !moved && !is_of_project(folder, module) {
                let message =
                    format!("`{module}` looks like a module of the author's own, and is not beside the notebook.");
                found.push(at(Code::LocalModuleMissing, message, "Hand it over together with the notebook.".into()));
            }
        } else if let Some((file, names)) = &required
            && modules::known(module)
            && !names.iter().any(|name| covers(name, distribution, module))
        {
            let message = format!("`{module}` is imported, and {file} does not name `{distribution}`.");
            found.push(at(Code::NotRequired, message, format!("Add `{distribution}`, with its version, to {file}.")));
        }
    }
    found
}

fn is_local(folder: &Path, module: &str) -> bool {
    folder.join(format!("{module}.py")).exists()
        || folder.join(module).is_dir()
        || folder.join(format!("{module}.ipynb")).exists()
}

/// Whether a folder above is a project that can be installed and has the module.
fn is_of_project(folder: &Path, module: &str) -> bool {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    full.ancestors().skip(1).take(5).any(|above| {
        let project = ["pyproject.toml", "setup.py", "setup.cfg"].iter().any(|file| above.join(file).is_file());
        project && (is_local(above, module) || is_local(&above.join("src"), module))
    })
}

/// Whether a line of the requirements gives the module: `opencv-python-headless` gives cv2, `jupyter` gives IPython.
fn covers(name: &str, distribution: &str, module: &str) -> bool {
    let whole = ["anaconda", "jupyter", "jupyterlab", "notebook"];
    let kernel = ["ipython", "ipywidgets", "ipykernel", "matplotlib-inline"].contains(&distribution)
        && whole.contains(&name)
        || ["packaging", "setuptools", "pip"].contains(&distribution);
    let brought = match distribution {
        "numpy" => ["pandas", "scikit-learn", "scipy", "matplotlib", "seaborn", "tensorflow", "torch"].contains(&name),
        "matplotlib" => ["seaborn", "plotnine"].contains(&name),
        "keras" => name.starts_with("tensorflow"),
        _ => false,
    };
    kernel
        || brought
        || name == "anaconda"
        || name == module.to_lowercase()
        || name.starts_with(distribution)
        || distribution.starts_with(name) && name.len() > 3
}

/// The names in the requirements beside the notebook; nothing without such a file.
fn requirements(folder: &Path) -> Option<(&'static str, Vec<String>)> {
    let text = std::fs::read_to_string(folder.join("requirements.txt")).ok()?;
    if text.lines().any(|line| line.trim_start().starts_with("-r")) {
        return None;
    }
    let name = |line: &str| {
        let end = line.find(|c: char| !c.is_alphanumeric() && !"._-".contains(c)).unwrap_or(line.len());
        line[..end].to_lowercase().replace(['_', '.'], "-")
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    let names: Vec<String> = lines.map(name).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then_some(("requirements.txt", names))
}
