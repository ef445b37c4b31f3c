//! `tandem notebook run`: notebooks from top to bottom, whoever handed them over, and whether they reproduce.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tandem_definitions::time;
use tandem_notebook::environment::{Wanted, prepare};
use tandem_notebook::reproduce::reproduction;
use tandem_notebook::{AsOf, Event, Notebook, NotebookRun, Prepared, RunError, Workspace, run};

use super::report::{CellLine, Outcome};
use super::tell;
use crate::context::{Context, bytes, now, shown};
use crate::failure::Failure;
use crate::render::{Format, Report};
use crate::terminal::Bar;

/// Run notebooks from a clean start: do they run, and do they give what is stored in them?
///
/// Each runs in an environment of its own, made from the lock beside it, else from the requirements of its folder or
/// repository, else from what it imports, as of the notebook's own date, then with today's packages. It runs in a copy of its
/// folder, so that nothing of yours is changed (files under absolute paths are not copied: those it can reach). The first
/// cell that fails ends it, with its number, the line, the likely cause and the remedy. What it put out is compared with what
/// is stored: same, noise, or substance.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem notebook run analysis.ipynb
  tandem notebook run analysis.ipynb --twice --network=off --memory 4GB
  tandem notebook run notebooks/ --as-of 2023-06-01 --limit 600 --keep-going
  tandem notebook run analysis.ipynb --lock requirements.lock --format json")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Run {
    /// Notebooks, or folders of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
    /// The pinned and hashed requirements [default: requirements.lock beside the notebook or in its repository]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// As of when packages are chosen: a date, `today`, or `notebook` for its own date and then today
    #[arg(long, value_name = "DATE", default_value = "notebook")]
    as_of: AsOf,
    /// The Python that environments are made with
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Where the executed copy goes; a folder, when there are several [default: NAME.executed.ipynb beside the notebook]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Also write the report as JSON into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Run it twice, and compare both runs
    #[arg(long)]
    twice: bool,
    /// Go on after a cell that failed
    #[arg(long)]
    keep_going: bool,
    /// A notebook that runs, but gives something else than what is stored, fails too
    #[arg(long)]
    strict: bool,
    /// Keep the copy of the folder that it ran in
    #[arg(long)]
    keep_copy: bool,
    /// The most that is copied of a folder
    #[arg(long, value_name = "BYTES", default_value = "4GB", value_parser = bytes)]
    copy_limit: u64,
    /// How many seconds one cell may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
    /// How many seconds a whole notebook may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How much output is kept of one cell
    #[arg(long, value_name = "BYTES", default_value = "4MB", value_parser = bytes)]
    output_limit: u64,
    /// Whether it may use the network while it runs (Linux)
    #[arg(long, default_value = "on")]
    network: Network,
    /// How the report is drawn
    #[arg(long, default_value = "text")]
    format: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Network {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Json,
    Junit,
}

impl Run {
    /// Runs them.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let files = self.notebooks()?;
        let state = context.state_dir()?;
        let today: String = time::format_instant(now()?).chars().take(10).collect();
        let width = files.iter().map(|file| shown(file).chars().count()).max().unwrap_or(0).min(70);
        let mut outcomes = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let bar =
                if files.len() == 1 { context.terminal.spinner("notebook") } else { context.terminal.bar("notebooks") };
            bar.share(index as f64 / files.len() as f64);
            let mut outcome = Outcome::new(file.clone());
            let job = Job { options: &self, context, state: &state, today: &today, bar: &bar, many: files.len() > 1 };
            if let Err(trouble) = job.run(&mut outcome) {
                outcome.trouble = Some(trouble);
            }
            drop(bar);
            if self.format == Shape::Text {
                let text = match files.len() {
                    1 => outcome.text(),
                    _ => format!("{:<width$}  {}\n", shown(file), outcome.words()),
                };
                context.terminal.data(&text);
            }
            outcomes.push(outcome);
        }
        self.show(&outcomes, context)
    }

    fn notebooks(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for named in &self.files {
            if named.is_dir() {
                gather(named, &mut files);
            } else if named.is_file() {
                files.push(named.clone());
            } else {
                return Err(Failure::project(format!("there is no notebook {}", named.display()))
                    .hint("name the .ipynb file or its folder, from the folder that you are in"));
            }
        }
        if files.is_empty() {
            return Err(
                Failure::project("there is no notebook in this folder").hint("name a folder with .ipynb files in it")
            );
        }
        Ok(files)
    }

    fn show(&self, outcomes: &[Outcome], context: &Context) -> Result<(), Failure> {
        let ran = outcomes.iter().filter(|outcome| outcome.ran()).count();
        let reproduce = outcomes.iter().filter(|outcome| outcome.reproduces()).count();
        let all: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
        let json = json!({"notebooks": outcomes.len(), "run": ran, "reproduce": reproduce, "results": all});
        if let Some(path) = &self.report {
            std::fs::write(path, format!("{json:#}\n")).map_err(|error| Failure::file("write", path, &error))?;
        }
        match self.format {
            Shape::Json => context.terminal.data(&format!("{json:#}\n")),
            Shape::Junit => {
                let promises = outcomes.iter().flat_map(Outcome::promises).collect();
                let report = Report { name: "notebook run", promises, ..Report::default() };
                // Whether it fails is decided below.
                let _ = report.show(Format::Junit, context.terminal);
            }
            Shape::Text if outcomes.len() > 1 => {
                context.terminal.data(&format!("\n{ran} of {} notebooks run, {reproduce} reproduce\n", outcomes.len()));
            }
            Shape::Text => {}
        }
        let enough = ran == outcomes.len() && (!self.strict || reproduce == outcomes.len());
        if enough { Ok(()) } else { Err(Failure::shown()) }
    }
}

/// The notebooks below a folder, without hidden folders and what we wrote ourselves.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || path.join("pyvenv.cfg").exists() || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "ipynb") && !name.ends_with(".executed.ipynb") {
            files.push(path);
        }
    }
}

/// One notebook of a command.
struct Job<'a> {
    options: &'a Run,
    context: &'a Context,
    state: &'a Path,
    today: &'a str,
    bar: &'a Bar,
    many: bool,
}

impl Job<'_> {
    /// The error is why it could not be run at all.
    fn run(&self, outcome: &mut Outcome) -> Result<(), String> {
        let notebook = Notebook::read(&outcome.file).map_err(|error| error.to_string())?;
        let prepared = self.prepare(&notebook)?;
        let python = prepared.environment.python.clone();
        outcome.prepared = Some(prepared);
        let executed = self.executed(&outcome.file);
        let truth = |path: &Path| path.canonicalize().ok();
        if truth(&executed).is_some_and(|copy| Some(copy) == truth(&outcome.file)) {
            return Err(
                "--out names the notebook itself, which is never rewritten. Name another file or a folder.".to_owned()
            );
        }
        // One of an earlier run is not to be taken for this one's.
        match std::fs::remove_file(&executed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!(
                    "{}: {error}. Check its permissions, or name another with --out.",
                    executed.display()
                ));
            }
            _ => {}
        }
        let ended = self.once(&notebook, &python, &executed, outcome);
        if executed.is_file() {
            outcome.executed = Some(executed.clone());
        }
        ended?;
        let result = read(&executed)?;
        let failed: Vec<usize> =
            outcome.cells.iter().filter(|cell| cell.failure.is_some()).map(|cell| cell.number).collect();
        outcome.as_stored = notebook
            .code_cells()
            .iter()
            .filter(|cell| !failed.contains(&cell.number) && raises(&result, cell.index))
            .filter_map(|cell| Some((cell.number, cell.raised.clone()?)))
            .collect();
        if !outcome.ran() {
            return Ok(());
        }
        outcome.stored = Some(reproduction(notebook.json(), &result, self.today));
        if self.options.twice {
            let second = tempfile::tempdir().map_err(|error| error.to_string())?;
            let second = second.path().join("second.ipynb");
            let mut again = Outcome::new(outcome.file.clone());
            self.once(&notebook, &python, &second, &mut again)?;
            if !again.ran() {
                outcome.cells = again.cells;
                return Err(String::from("it ran once, and failed when it was run again"));
            }
            outcome.again = Some(reproduction(&result, &read(&second)?, self.today));
        }
        Ok(())
    }

    fn prepare(&self, notebook: &Notebook) -> Result<Prepared, String> {
        let wanted = Wanted {
            notebook,
            lock: self.options.lock.as_deref(),
            requirements: None,
            as_of: self.options.as_of.clone(),
            python: self.options.python.as_deref(),
            folder: &self.state.join("environments"),
            tools: &self.state.join("tools"),
            today: self.today,
        };
        prepare(&wanted, &mut |line| self.bar.message(line)).map_err(|error| error.to_string())
    }

    fn executed(&self, file: &Path) -> PathBuf {
        let beside = file.with_extension("executed.ipynb");
        match &self.options.out {
            Some(folder) if self.many || folder.is_dir() => {
                // Notebooks of several folders may have the same name.
                let name: Vec<String> =
                    beside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
                let name: Vec<String> =
                    name.into_iter().filter(|part| !["/", ".", ".."].contains(&part.as_str())).collect();
                folder.join(name.join("__"))
            }
            Some(path) => path.clone(),
            None => beside,
        }
    }

    /// One run in a fresh copy.
    fn once(&self, notebook: &Notebook, python: &Path, executed: &Path, outcome: &mut Outcome) -> Result<(), String> {
        let options = self.options;
        let copied = Workspace::copy(notebook, options.copy_limit, &mut |done, all| {
            self.bar.message(&format!("copying its folder: {} of {} MB", done / 1_000_000, all / 1_000_000));
        });
        let mut workspace = copied.map_err(|error| error.to_string())?;
        outcome.pointers = workspace.pointers().to_vec();
        if options.keep_copy {
            outcome.kept = Some(workspace.keep().to_path_buf());
        }
        let mut request = NotebookRun::new(&outcome.file, python, workspace.folder(), executed);
        request.cell_limit = options.cell_limit.map(Duration::from_secs);
        request.limit = options.limit.map(Duration::from_secs);
        request.memory = self.context.memory;
        request.keep_going = options.keep_going;
        request.as_stored = true;
        request.output_limit = usize::try_from(options.output_limit).unwrap_or(usize::MAX);
        request.network = options.network == Network::On;
        let started = std::time::Instant::now();
        let ended = run::run(&request, &mut |event| {
            match &event {
                Event::CellFinished { number, seconds, memory } => {
                    outcome.cells.push(CellLine { number: *number, seconds: *seconds, memory: *memory, failure: None });
                }
                Event::CellFailed { failure, seconds, memory } => {
                    let failed = Some(failure.clone());
                    outcome.cells.push(CellLine {
                        number: failure.number,
                        seconds: *seconds,
                        memory: *memory,
                        failure: failed,
                    });
                }
                _ => {}
            }
            if !self.many || matches!(event, Event::CellStarted { .. }) {
                tell(self.context.terminal, self.bar, &event);
            }
        });
        outcome.seconds = started.elapsed().as_secs_f64();
        match ended {
            Ok(_) | Err(RunError::Cell(_)) => Ok(()), // its cells tell
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether a cell of an executed copy ended in an exception.
fn raises(executed: &Value, index: usize) -> bool {
    let outputs = executed.pointer(&format!("/cells/{index}/outputs")).and_then(Value::as_array);
    outputs.into_iter().flatten().any(|output| output.get("ename").is_some())
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}
