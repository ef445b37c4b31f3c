//! What a folder says that a notebook needs: requirements files, environment.yml, pyproject.toml, and the notebook's own
//! imports and `pip install` lines. Only names and versions are kept: no index, no path, no link.
//! Not here: locks, and resolving.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tandem_python::{Facts, FileHow, ImportKind};

use crate::ipynb::Notebook;

/// Requirements, and what of their source could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// Requirements as pip reads them.
    pub lines: Vec<String>,
    /// What was left out, with the reason.
    pub left_out: Vec<String>,
}

/// The folders to look into: the notebook's, then its repository's root.
pub(super) fn folders(notebook: &Path) -> Vec<PathBuf> {
    let folder = notebook.parent().map(Path::to_path_buf).unwrap_or_default();
    let root = folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf);
    let root = root.filter(|root| *root != folder);
    std::iter::once(folder).chain(root).collect()
}

/// The first file of a folder that states requirements.
pub(super) fn file_in(folder: &Path) -> Option<PathBuf> {
    let names = ["requirements.in", "requirements.txt", "environment.yml", "environment.yaml", "pyproject.toml"];
    let known = names.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
    let mut others: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    others.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let extension = Path::new(&name).extension().is_some_and(|extension| extension == "txt" || extension == "in");
        name.starts_with("requirements") && extension
    });
    others.sort();
    known.chain(others).find(|path| read(path).is_some_and(|stated| !stated.lines.is_empty()))
}

/// Reads a file that states requirements, by its name.
pub(super) fn read(path: &Path) -> Option<Stated> {
    let text = fs::read_to_string(path).ok()?;
    let mut stated = Stated::default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml") => conda(&text, &mut stated),
        Some("toml") => pyproject(&text, &mut stated),
        _ => requirements(&text, path.parent().unwrap_or(Path::new(".")), 0, &mut stated),
    }
    Some(stated)
}

fn requirements(text: &str, folder: &Path, depth: usize, stated: &mut Stated) {
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("--hash") {
            continue;
        }
        let included = line.strip_prefix("-r ").or_else(|| line.strip_prefix("--requirement "));
        match included.map(|name| folder.join(name.trim())) {
            Some(file) if depth < 5 => match fs::read_to_string(&file) {
                Ok(text) => requirements(&text, file.parent().unwrap_or(folder), depth + 1, stated),
                Err(_) => stated.left_out.push(format!("`{line}` (there is no such file)")),
            },
            _ => add(line, stated),
        }
    }
}

/// A requirement as pip or conda write it.
fn add(line: &str, stated: &mut Stated) {
    let line = line.trim_end_matches('\\').trim();
    let line = line.split(" --hash").next().unwrap_or(line).trim();
    let name_end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    if line.starts_with('-') || name.is_empty() || line.contains("://") || line.contains('@') || line.starts_with('.') {
        return stated.left_out.push(format!("`{line}` (no package by name and version)"));
    }
    if name.eq_ignore_ascii_case("python") || name.eq_ignore_ascii_case("pip") {
        return;
    }
    // `pandas=1.2.3=py37_0` is conda's form.
    let one = rest.strip_prefix('=').filter(|rest| !rest.starts_with('='));
    stated.lines.push(match one {
        Some(version) => {
            let version = version.split('=').next().unwrap_or_default().trim().trim_end_matches(".*");
            format!("{name}=={version}{}", if version.matches('.').count() < 2 { ".*" } else { "" })
        }
        None => line.to_owned(),
    });
}

/// conda's environment.yml, of which the list of dependencies is read: plain names are mostly those of `PyPI`, too.
fn conda(text: &str, stated: &mut Stated) {
    /// What conda has and `PyPI` has not, or under another name.
    const OTHER: [(&str, &str); 8] = [
        ("pytorch", "torch"),
        ("matplotlib-base", "matplotlib"),
        ("pytables", "tables"),
        ("py-xgboost", "xgboost"),
        ("tensorflow-gpu", "tensorflow"),
        ("py-opencv", "opencv-python"),
        ("opencv", "opencv-python"),
        ("seaborn-base", "seaborn"),
    ];
    const NONE: [&str; 12] = [
        "nodejs",
        "cudatoolkit",
        "cudnn",
        "gcc",
        "gxx",
        "r-base",
        "jupyter_contrib_nbextensions",
        "mkl",
        "git",
        "make",
        "openssl",
        "conda",
    ];
    let mut inside = false;
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        if line.trim().is_empty() {
            continue;
        }
        let indented = line.starts_with([' ', '-']);
        if !indented {
            inside = line.trim_end() == "dependencies:";
            continue;
        }
        let Some(item) = line.trim().strip_prefix("- ").filter(|_| inside) else { continue };
        let item = item.trim().trim_matches(['"', '\'']).rsplit("::").next().unwrap_or_default();
        let name = item.split(['=', '<', '>', ' ', '[']).next().unwrap_or_default();
        if item.ends_with(':') {
            continue; // `- pip:`, whose items follow
        }
        if NONE.contains(&name) || name.starts_with("lib") || name.starts_with('_') || name.starts_with("r-") {
            stated.left_out.push(format!("`{item}` (conda only)"));
            continue;
        }
        let known = OTHER.iter().find(|(conda, _)| *conda == name);
        add(&known.map_or(item.to_owned(), |(_, pypi)| item.replacen(name, pypi, 1)), stated);
    }
}

/// pyproject.toml: `project.dependencies`, or the names under `tool.poetry.dependencies`.
fn pyproject(text: &str, stated: &mut Stated) {
    let (mut table, mut listed) = (String::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') && !listed {
            line.trim_matches(['[', ']']).clone_into(&mut table);
        } else if table == "project" && (listed || line.replace(' ', "").starts_with("dependencies=[")) {
            quoted(line.split_once('[').filter(|_| !listed).map_or(line, |(_, rest)| rest), stated);
            listed = !line.trim_end_matches(',').ends_with(']') || line.trim_end_matches(',').ends_with("]\"");
        } else if table == "tool.poetry.dependencies" && !line.starts_with('#') {
            let Some((name, version)) = line.split_once('=') else { continue };
            let version = version.trim().trim_matches('"');
            // Poetry's `^1.2` has no form in pip: at least that.
            let version = match version.strip_prefix('^').or_else(|| version.strip_prefix('~')) {
                Some(least) => format!(">={least}"),
                None if version.starts_with(|c: char| c.is_ascii_digit()) => format!("=={version}"),
                None if version.starts_with(['>', '<', '=']) => version.to_owned(),
                None => String::new(),
            };
            add(&format!("{}{version}", name.trim()), stated);
        }
    }
}

/// The quoted texts of a line of TOML.
fn quoted(line: &str, stated: &mut Stated) {
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let mark = &rest[start..=start];
        let Some(length) = rest[start + 1..].find(mark) else { return };
        add(&rest[start + 1..start + 1 + length], stated);
        rest = &rest[start + 2 + length..];
    }
}

/// The packages that a notebook uses and a text of requirements does not name, not even in a comment.
pub fn missing(notebook: &Notebook, requirements: &str) -> Vec<String> {
    let named = |line: &str| name_of(line.trim_start_matches(['#', ' ']));
    let there: BTreeSet<String> = requirements.lines().map(named).collect();
    let cells = notebook.python_cells();
    let wanted = of_text(&tandem_python::facts(&cells), &cells, &folders(notebook.path()));
    wanted.names.into_iter().filter(|name| !there.contains(&name_of(name))).collect()
}

/// What a notebook's own text asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Requirements: the known distributions of its imports, those that a call needs without importing them (`read_excel`),
    /// and the names in its `pip install` and `%load_ext` lines.
    pub names: Vec<String>,
    /// Modules of which nobody knows the package. One that only bears their name could be anybody's, so none is installed.
    pub unknown: Vec<String>,
}

/// What a notebook's own text asks for. Modules that lie beside it are no packages.
pub(super) fn of_text(facts: &Facts, cells: &[tandem_python::Cell], beside: &[PathBuf]) -> Asked {
    const NEEDS: [(&str, &str); 8] = [
        ("read_excel", "openpyxl"),
        ("to_excel", "openpyxl"),
        ("read_parquet", "pyarrow"),
        ("to_parquet", "pyarrow"),
        ("read_feather", "pyarrow"),
        ("read_html", "lxml"),
        ("read_hdf", "tables"),
        ("read_sql", "sqlalchemy"),
    ];
    let local = |module: &str| {
        beside.iter().any(|folder| folder.join(format!("{module}.py")).is_file() || folder.join(module).is_dir())
    };
    let (mut names, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for import in facts.imports.iter().filter(|import| !import.module.is_empty() && !local(&import.module)) {
        match &import.kind {
            ImportKind::Distribution(name) if tandem_python::modules::is_listed(name) => {
                names.insert(name.to_lowercase());
            }
            ImportKind::Distribution(_) if !import.guarded => {
                unknown.insert(import.module.clone());
            }
            _ => {}
        }
    }
    for used in &facts.files {
        let call = used.call.rsplit('.').next().unwrap_or_default();
        names.extend(NEEDS.iter().filter(|(name, _)| *name == call).map(|(_, needed)| (*needed).to_owned()));
        let old_sheet = used
            .path
            .as_deref()
            .is_some_and(|path| Path::new(path).extension().is_some_and(|extension| extension == "xls"));
        if call == "read_excel" && used.how == FileHow::Read && old_sheet {
            names.insert("xlrd".to_owned());
        }
    }
    let sources: String = cells.iter().map(|cell| cell.source.as_str()).collect::<Vec<_>>().join("\n");
    if sources.contains("read_excel") {
        names.insert("openpyxl".to_owned());
    }
    if sources.contains("read_html") || sources.contains("'lxml'") || sources.contains("\"lxml\"") {
        names.insert("lxml".to_owned());
    }
    if sources.contains("as_frame=True") {
        names.insert("pandas".to_owned());
    }
    names.extend(sources.lines().flat_map(installed));
    let extension = |line: &'_ str| line.trim().strip_prefix("%load_ext ").map(|name| name.trim().to_owned());
    names.extend(sources.lines().filter_map(extension).filter(|name| tandem_python::modules::is_listed(name)));
    let installs = |module: &String| names.iter().any(|name| name_of(name) == name_of(module));
    unknown.retain(|module| !installs(module));
    Asked { names: names.into_iter().collect(), unknown: unknown.into_iter().collect() }
}

/// The names in a line such as `!pip install -q a b==1`.
fn installed(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches(['!', '%']);
    let line = line.strip_prefix("python -m ").unwrap_or(line);
    let rest = line.strip_prefix("pip install ").or_else(|| line.strip_prefix("pip3 install "));
    let words =
        rest.unwrap_or_default().split_whitespace().take_while(|word| !"#;&|>".contains(&word[..1.min(word.len())]));
    let plain = |word: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-=<>[],!~".contains(c);
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(allowed) && *word != "pip"
    };
    words.map(|word| word.trim_matches(['"', '\''])).filter(plain).map(str::to_owned).collect()
}

/// The name of a requirement, as an index compares it.
pub(super) fn name_of(requirement: &str) -> String {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(requirement.len());
    requirement[..end].to_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stated(name: &str, text: &str) -> Stated {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("more.txt"), "scipy\n").unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        read(&file_in(folder.path()).unwrap()).unwrap()
    }

    #[test]
    fn requirements_keep_names_and_versions_only() {
        let found = stated(
            "requirements.txt",
            "# x\nnumpy==1.2 # why\n-r more.txt\n--extra-index https://a.example\n-e .\ngit+https://a.example/b\npandas=1.2.3=py37_0\npip\n",
        );
        assert_eq!(found.lines, ["numpy==1.2", "scipy", "pandas==1.2.3"]);
        assert_eq!(found.left_out.len(), 3, "{found:?}");
    }

    #[test]
    fn conda_and_pyproject_are_read() {
        let found = stated(
            "environment.yml",
            "name: x\nchannels:\n  - defaults\ndependencies:\n  - python=3.7\n  - conda-forge::pandas=1.2\n  - cudatoolkit\n  - pytorch>=1\n  - pip:\n    - xgboost==1.0\n",
        );
        assert_eq!(found.lines, ["pandas==1.2.*", "torch>=1", "xgboost==1.0"]);
        let found = stated(
            "pyproject.toml",
            "[project]\nname = \"a\"\ndependencies = [\n  \"numpy>=1\",\n  'rich[x]',\n]\n[tool.x]\ny = [\"z\"]\n",
        );
        assert_eq!(found.lines, ["numpy>=1", "rich[x]"]);
        let found = stated(
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = \"^3.8\"\npandas = \"^1.2\"\nx = {git = \"y\"}\n",
        );
        assert_eq!(found.lines, ["pandas>=1.2", "x"]);
    }

    #[test]
    fn a_notebook_asks_for_what_it_imports_calls_and_installs() {
        let source = "!pip install -q lightgbm==3.1 > /dev/null\nimport sklearn.svm, os\nimport helper\nimport pandas as pd, nobodys_4711, my_own\npd.read_parquet('a')\n%pip install my-own\n%load_ext watermark\n%load_ext autoreload";
        let cells = [tandem_python::Cell { number: 1, source: source.into(), count: None, failed: false }];
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("helper.py"), "").unwrap();
        let found = of_text(&tandem_python::facts(&cells), &cells, &[folder.path().to_path_buf()]);
        assert_eq!(found.names, ["lightgbm==3.1", "my-own", "pandas", "pyarrow", "scikit-learn", "watermark"]);
        assert_eq!(found.unknown, ["nobodys_4711"]);
    }
}
