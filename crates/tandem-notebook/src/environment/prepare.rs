//! The environment of any notebook, from the best source there is: a lock, the requirements of its folder or repository, or
//! what it imports, as of its own date. It says what was used and what was tried before.
//! Not here: reading those sources, resolving, and making the environment.

use std::fs;
use std::path::{Path, PathBuf};

use super::date::{AsOf, Dated, date_of, first_day, pythons_of};
use super::resolve::{Lock, Question, Reach, Unresolved, culprit};
use super::sources::{self, name_of};
use super::{Environment, EnvironmentError, EnvironmentRequest, Progress, uv};
use crate::ipynb::Notebook;

/// For which notebook, and what the caller insists on.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The notebook.
    pub notebook: &'a Notebook,
    /// The lock to use, and nothing else.
    pub lock: Option<&'a Path>,
    /// The file of requirements to use, and no lock; what the notebook uses and it lacks is added.
    pub requirements: Option<&'a Path>,
    /// As of when packages are resolved.
    pub as_of: AsOf,
    /// The Python to use; else the usual one, or the nearest to the date that uv finds.
    pub python: Option<&'a Path>,
    /// The folder of all environments.
    pub folder: &'a Path,
    /// The folder for our own tools.
    pub tools: &'a Path,
    /// Today: `2024-05-01`.
    pub today: &'a str,
}

/// An environment, and how it came about.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The environment.
    pub environment: Environment,
    /// Its lock.
    pub lock: PathBuf,
    /// The requirements that were locked, a line each.
    pub requirements: Vec<String>,
    /// The day as of which they were locked; `None` for today, and for a lock that was there.
    pub day: Option<String>,
    /// What it was made from, in a sentence's end: `requirements.txt, as of 2021-03-01`.
    pub source: String,
    /// What was tried before and why it was not used; what was left out or added.
    pub notes: Vec<String>,
    /// The notebook's date, where it was asked for.
    pub date: Option<Dated>,
}

/// One set of requirements.
struct Candidate {
    what: String,
    lines: Vec<String>,
    /// Names that may be dropped when the index does not know them: they are only guessed.
    guessed: Vec<String>,
}

/// Makes the environment of a notebook, or finds it.
///
/// # Errors
/// When no source gives one: with all that was tried.
pub fn prepare(wanted: &Wanted<'_>, progress: &mut dyn FnMut(&str)) -> Result<Prepared, EnvironmentError> {
    prepare_for(Reach::Here, wanted, progress)
}

/// The same, and its lock is to serve every platform and later Python, wherever there are packages for all: a note says so
/// where there are not.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_for_all(wanted: &Wanted<'_>, progress: &mut dyn FnMut(&str)) -> Result<Prepared, EnvironmentError> {
    prepare_for(Reach::Everywhere, wanted, progress)
}

fn prepare_for(
    reach: Reach,
    wanted: &Wanted<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<Prepared, EnvironmentError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(super::at(path));
    let (folder, tools) = (absolute(wanted.folder)?, absolute(wanted.tools)?);
    let maker = Maker { wanted, reach, folder, tools, notes: Vec::new(), date: None };
    maker.prepare(progress)
}

struct Maker<'a> {
    wanted: &'a Wanted<'a>,
    reach: Reach,
    folder: PathBuf,
    tools: PathBuf,
    notes: Vec<String>,
    date: Option<Dated>,
}

impl Maker<'_> {
    fn prepare(mut self, progress: Progress<'_>) -> Result<Prepared, EnvironmentError> {
        let path = std::path::absolute(self.wanted.notebook.path()).map_err(super::at(self.wanted.notebook.path()))?;
        let folders = sources::folders(&path);
        let found = || folders.iter().map(|folder| folder.join("requirements.lock")).find(|lock| lock.is_file());
        let mut python = uv::base_python(self.wanted.python)?;
        let lock = self.wanted.lock.map(Path::to_path_buf);
        if let Some(lock) = lock.or_else(|| self.wanted.requirements.is_none().then(found).flatten()) {
            return self.with_own_lock(&lock, &python, progress);
        }
        for name in ["uv.lock", "poetry.lock", "pixi.lock", "Pipfile.lock", "conda-lock.yml"] {
            if folders.iter().any(|folder| folder.join(name).is_file()) {
                self.notes.push(format!(
                    "{name} is not read by Tandem; export it as requirements.lock, with hashes, to use it"
                ));
            }
        }
        let candidates = self.candidates(&folders);
        let days = self.days(&mut python, progress)?;
        for candidate in candidates {
            for day in &days {
                if let Some(prepared) = self.attempt(&candidate, day.as_deref(), &python, progress)? {
                    return Ok(prepared);
                }
            }
        }
        Err(EnvironmentError::NothingFits { version: python.version, tried: self.notes.join("\n  ") })
    }

    /// A lock is used as it stands; one without a kernel gets one, with everything else pinned.
    fn with_own_lock(
        mut self,
        lock: &Path,
        python: &uv::BasePython,
        progress: Progress<'_>,
    ) -> Result<Prepared, EnvironmentError> {
        let request = EnvironmentRequest { lock, folder: &self.folder, tools: &self.tools };
        let text = request.checked_lock()?;
        let what = format!("the lock {}", lock.display());
        let pinned = |line: &str| line.split(" --hash").next().unwrap_or(line).trim().to_owned();
        let mut lines: Vec<String> = super::lock::requirements(&text).map(|(_, line)| pinned(&line)).collect();
        if lines.iter().any(|line| name_of(line) == "ipykernel") {
            let environment = request.ensure_with(Some(&python.path), progress)?;
            let stated = sources::read(&lock.with_extension("in")).map(|stated| stated.lines);
            let (lock, notes) = (lock.to_path_buf(), self.notes);
            let requirements = stated.unwrap_or(lines);
            return Ok(Prepared { environment, lock, requirements, day: None, source: what, notes, date: None });
        }
        lines.push("ipykernel".to_owned());
        self.notes.push(format!("{} has no ipykernel; it was added", lock.display()));
        let candidate = Candidate { what, lines, guessed: Vec::new() };
        match self.attempt(&candidate, None, python, progress)? {
            Some(prepared) => Ok(prepared),
            None => {
                let tried = self.notes.join("\n  ");
                Err(EnvironmentError::NothingFits { version: python.version.clone(), tried })
            }
        }
    }

    /// The sets of requirements, the best first.
    fn candidates(&mut self, folders: &[PathBuf]) -> Vec<Candidate> {
        let cells = self.wanted.notebook.python_cells();
        let sources::Asked { names: text, mut unknown } =
            sources::of_text(&tandem_python::facts(&cells), &cells, folders);
        let kernel = || ["ipykernel".to_owned(), "setuptools<81".to_owned()];
        let mut candidates = Vec::new();
        if let Some((file, stated)) =
            self.stated_in(folders).and_then(|file| Some((file.clone(), sources::read(&file)?)))
        {
            self.notes.extend(stated.left_out.iter().map(|left| format!("{}: left out {left}", file.display())));
            let listed = |name: &str| stated.lines.iter().any(|line| name_of(line) == name_of(name));
            unknown.retain(|module| !listed(module));
            let missing: Vec<String> = text.iter().filter(|name| !listed(name)).cloned().collect();
            if !missing.is_empty() {
                self.notes.push(format!(
                    "{} does not list {}, which the notebook uses: added",
                    file.display(),
                    missing.join(", ")
                ));
            }
            let own = kernel().into_iter().filter(|name| !listed(name));
            let lines = stated.lines.iter().cloned().chain(own).chain(missing.iter().cloned()).collect();
            candidates.push(Candidate { what: file.display().to_string(), lines, guessed: missing });
        }
        self.notes.extend(unknown.iter().map(|module| {
            format!("`{module}` is no module that Tandem knows a package for: none was installed; if it has one, add that to the requirements.txt beside the notebook")
        }));
        let lines = kernel().into_iter().chain(text.iter().cloned()).collect();
        candidates.push(Candidate { what: "what the notebook imports".to_owned(), lines, guessed: text });
        candidates
    }

    fn stated_in(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let named = self.wanted.requirements.map(Path::to_path_buf);
        named.or_else(|| folders.iter().find_map(|folder| sources::file_in(folder)))
    }

    /// The days to try, `None` for today; takes the Python that fits the day best.
    fn days(
        &mut self,
        python: &mut uv::BasePython,
        progress: Progress<'_>,
    ) -> Result<Vec<Option<String>>, EnvironmentError> {
        let dated = match &self.wanted.as_of {
            AsOf::Today => return Ok(vec![None]),
            AsOf::Date(day) => {
                if let Some(first) = first_day(&python.version).filter(|first| *first > day.as_str()) {
                    let number = python.version.split(' ').next().unwrap_or_default();
                    self.notes.push(format!(
                        "on {day} there were no packages yet for Python {number}: the first day to ask for is {first}"
                    ));
                }
                return Ok(vec![Some(day.chars().take(10).collect())]);
            }
            AsOf::Notebook => date_of(self.wanted.notebook),
        };
        self.date.clone_from(&dated);
        let Some(Dated { day, from }) = dated.filter(|dated| dated.day.as_str() < self.wanted.today) else {
            return Ok(vec![None]);
        };
        let too_new = |python: &uv::BasePython| first_day(&python.version).filter(|first| *first > day.as_str());
        if too_new(python).is_some() && self.wanted.python.is_none() {
            fs::create_dir_all(&self.tools).map_err(super::at(&self.tools))?;
            let program = uv::find_or_install(python, &self.tools, progress)?;
            if let Some(older) = pythons_of(&day).iter().find_map(|minor| uv::find_python(&program, minor)) {
                *python = older;
            }
        }
        let number = python.version.split(' ').next().unwrap_or_default().to_owned();
        match too_new(python) {
            Some(first) => {
                self.notes.push(format!(
                    "the notebook is of {day} ({from}); Python {number} had no packages then: the nearest to it is {first}"
                ));
                Ok(vec![Some(first.to_owned()), None])
            }
            None => Ok(vec![Some(day), None]),
        }
    }

    /// Resolves and installs; `None`, with a note, when that fails for a reason of its own. Guessed names that are at fault
    /// are dropped.
    fn attempt(
        &mut self,
        candidate: &Candidate,
        day: Option<&str>,
        python: &uv::BasePython,
        progress: Progress<'_>,
    ) -> Result<Option<Prepared>, EnvironmentError> {
        let when = day.map_or_else(|| "today's versions".to_owned(), |day| format!("as of {day}"));
        let source = format!("{}, {when}", candidate.what);
        let mut lines = candidate.lines.clone();
        let mut dropped = Vec::new();
        let failure = loop {
            progress(&format!("Choosing versions: {source}"));
            let (today, folder, tools) = (self.wanted.today, &self.folder, &self.tools);
            let question = Question { lines: &lines, day, today, python, folder, tools, reach: self.reach };
            let text = match question.lock(progress) {
                Err(Unresolved::World(error)) => return Err(error),
                Err(Unresolved::NoSolution(text)) => text,
                Ok(Lock { path: lock, reach }) => {
                    let request = EnvironmentRequest { lock: &lock, folder, tools };
                    match request.ensure_with(Some(&python.path), progress) {
                        Ok(environment) => {
                            let mut notes = [std::mem::take(&mut self.notes), dropped].concat();
                            if reach != self.reach {
                                notes.push("the lock is for this system and this Python alone: there are no versions that fit all".to_owned());
                            }
                            let (day, date) = (day.map(str::to_owned), self.date.clone());
                            let requirements = lines;
                            return Ok(Some(Prepared { environment, lock, requirements, day, source, notes, date }));
                        }
                        Err(EnvironmentError::Install { text, .. }) => text,
                        Err(error) => return Err(error),
                    }
                }
            };
            let at_fault =
                culprit(&text).filter(|(name, _)| candidate.guessed.iter().any(|g| name_of(g) == name_of(name)));
            let Some((name, why)) = at_fault else { break text };
            let before = lines.len();
            lines.retain(|line| name_of(line) != name_of(&name));
            if lines.len() == before {
                break text;
            }
            dropped.push(format!("left out `{name}`: {why}"));
        };
        self.notes.push(format!("tried {source}: {}", shortened(&failure)));
        Ok(None)
    }
}

/// The sentence of uv that says why, in one line.
fn shortened(text: &str) -> String {
    let flat = text.split_whitespace().filter(|word| !["×", "╰─▶", "│"].contains(word)).collect::<Vec<_>>().join(" ");
    let from = flat.find("Because ").or_else(|| flat.find("Failed to ")).unwrap_or(0);
    let text: String = flat[from..].chars().take(240).collect();
    if flat.len() > from + 240 { format!("{text}…") } else { text }
}
