//! The course of an audit: the full run, the cuts, the runs at each, the verdicts.
//! Not here: how each of these is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tandem_notebook::probe::{Only, What};
use tandem_notebook::{Notebook, Nursery, workspace};
use tandem_python::suspicions;

use crate::cuts::{self, Cut};
use crate::frame::Frames;
use crate::instant::{self, SECOND};
use crate::report::{CellText, CutReport, Report, SourceReport};
use crate::runs::{Job, Replay, Stage};
use crate::source::{Source, Table, guess};
use crate::target::{self, Target, Targets};
use crate::variant::Kind;
use crate::verdict::AtCut;
use crate::{AuditError, AuditRequest, Progress, confirm, localise, modules, needed};

/// The audit while it goes on.
pub(crate) struct Course<'a> {
    pub request: &'a AuditRequest,
    pub stage: Stage,
    pub frames: Frames,
    pub full: Replay,
    pub targets: Targets,
    pub cuts: Vec<AtCut>,
    /// Runs that were made once more, to be told in full: by cut and what was done to the data.
    pub told: BTreeMap<(usize, Kind), Replay>,
    pub runs: usize,
    /// The code cells that are run: number and text.
    pub cells: Vec<(usize, String)>,
    on: &'a (dyn Fn(Progress) + Sync),
}

/// Audits a notebook. Blocks.
pub fn audit(request: &AuditRequest, on: &(dyn Fn(Progress) + Sync)) -> Result<Report, AuditError> {
    let notebook = Notebook::read(&request.notebook)?;
    on(Progress::Step("importing what the notebook imports".to_owned()));
    let nursery = Nursery::start(&request.python, &modules(&notebook))?;
    audit_in(request, Arc::new(nursery), on)
}

/// Audits a notebook on kernels of a process that has its imports: audits of notebooks that import the same share one.
pub fn audit_in(
    request: &AuditRequest,
    nursery: Arc<Nursery>,
    on: &(dyn Fn(Progress) + Sync),
) -> Result<Report, AuditError> {
    let start = Instant::now();
    let notebook = Notebook::read(&request.notebook)?;
    let mut report = Report { notebook: request.notebook.display().to_string(), ..Report::default() };
    report.cells = notebook
        .code_cells()
        .iter()
        .filter(|cell| !cell.is_empty())
        .map(|cell| CellText { number: cell.number, source: cell.source.clone() })
        .collect();
    let mut stage = stage(request, &notebook, nursery)?;
    on(Progress::Step("running the notebook on all of its data".to_owned()));
    let mut runs = 0;
    if request.sources.is_empty() {
        let first = whole(&stage)?;
        runs += 1;
        guess_sources(&mut stage, &first)?;
        stage.made = first.opened("w");
    }
    learn_names(&mut stage);
    let full = whole(&stage)?;
    stage.made.extend(full.opened("w"));
    report.sources = stage
        .tables
        .iter()
        .map(|table| SourceReport { source: table.source.clone(), rows: table.rows(), cut: !table.event.is_empty() })
        .collect();
    report.undeclared = undeclared(&stage, &full);
    let identities: Vec<String> = stage.tables.iter().flat_map(Table::identities).map(str::to_owned).collect();
    let entities = stage.tables.iter().flat_map(|table| table.source.entities.clone()).collect();
    let frames = Frames::new(stage.store.path().to_path_buf(), entities, identities, stage.times.clone());
    let targets = target::choose(&full, &frames, request);
    stage.only = needed::needed(&full, &targets);
    report.audited = targets.all.iter().map(|target| target.label.clone()).collect();
    let cells = report.cells.iter().map(|cell| (cell.number, cell.source.clone())).collect();
    let mut course = Course {
        request,
        stage,
        frames,
        full,
        targets,
        cuts: Vec::new(),
        told: BTreeMap::new(),
        runs: runs + 1,
        cells,
        on,
    };
    match course.mode() {
        Ok(mode) => {
            report.mode = mode.to_owned();
            course.cut(&mut report)?;
            course.judge(&mut report)?;
        }
        Err(reason) => report.not_judged = Some(reason),
    }
    confirm::confirm(&mut course, &mut report, suspicions(&notebook.python_cells()))?;
    report.runs = course.runs;
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

/// The notebook on all of its data.
fn whole(stage: &Stage) -> Result<Replay, AuditError> {
    let job = Job { detail: true, ..Job::new(Kind::Full, 0) };
    let replay = stage.replay_all(&[job], &|| {})?.remove(0);
    match replay.failure {
        Some(failure) => Err(AuditError::Fails(failure)),
        None => Ok(replay),
    }
}

/// The folder that holds the notebook and its sources, and a process with its imports.
fn stage(request: &AuditRequest, notebook: &Notebook, nursery: Arc<Nursery>) -> Result<Stage, AuditError> {
    let (path, mut root) = workspace::placed(notebook)?;
    let mut tables = Vec::new();
    for source in &request.sources {
        let trouble =
            |error: std::io::Error| AuditError::Source { path: source.path.clone(), reason: error.to_string() };
        let file = source.path.canonicalize().map_err(trouble)?;
        while !file.starts_with(&root) && root.pop() {}
        tables.push(Table::read(Source { path: file, ..source.clone() })?);
    }
    let store = tempfile::Builder::new().prefix("tandem-audit-").tempdir().map_err(AuditError::Folder)?;
    Ok(Stage {
        nursery,
        notebook: path.strip_prefix(&root).map(Path::to_path_buf).unwrap_or_default(),
        root,
        tables,
        store,
        instant: 1_700_000_000.0,
        entities: Vec::new(),
        times: Vec::new(),
        cell_limit: request.cell_limit,
        made: BTreeSet::new(),
        copy_limit: request.copy_limit,
        only: Only::default(),
        peak: AtomicU64::new(0),
    })
}

/// What the notebook read, as far as it looks like events.
fn guess_sources(stage: &mut Stage, first: &Replay) -> Result<(), AuditError> {
    let written = first.opened("w");
    for path in first.opened("r").into_iter().filter(|path| !written.contains(path)) {
        let known = ["csv", "tsv", "txt", "jsonl", "ndjson", "parquet", "pq"];
        if path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| known.contains(&extension))
        {
            // What cannot be read as a table stays undeclared, and is named.
            if let Ok(source) = guess(&stage.root.join(&path)) {
                stage.tables.push(Table::read(source)?);
            }
        }
    }
    Ok(())
}

fn learn_names(stage: &mut Stage) {
    let newest = stage.tables.iter().flat_map(|table| table.event.iter().chain(&table.arrival).flatten()).max();
    if let Some(newest) = newest {
        stage.instant = (newest / SECOND + 3600) as f64;
    }
    for table in &stage.tables {
        stage.times.extend(table.source.event_time.clone());
        stage.entities.extend(table.identities().into_iter().map(str::to_owned));
        stage.entities.extend(table.source.entities.clone());
    }
}

/// Files that were read, were not made by the notebook itself, and are no source that can be cut.
fn undeclared(stage: &Stage, full: &Replay) -> Vec<String> {
    let written = full.opened("w");
    let declared: Vec<PathBuf> = stage
        .tables
        .iter()
        .filter(|table| !table.event.is_empty())
        .filter_map(|table| Some(table.source.path.strip_prefix(&stage.root).ok()?.to_path_buf()))
        .collect();
    let read = full.opened("r");
    let mut found: Vec<String> = read
        .iter()
        .filter(|path| !declared.contains(path) && !written.contains(*path))
        .map(|path| path.display().to_string())
        .collect();
    // Files beyond the workspace are the same in every run.
    found.extend(full.records.iter().filter_map(|record| match &record.what {
        What::Opened { path, mode }
            if mode == "r" && full.relative(path).is_none() && !path.starts_with(std::env::temp_dir()) =>
        {
            Some(path.display().to_string())
        }
        _ => None,
    }));
    found.dedup();
    found
}

impl Course<'_> {
    /// How the audited frames can be compared, or why they cannot.
    fn mode(&self) -> Result<&'static str, String> {
        if self.stage.tables.iter().all(|table| table.event.is_empty()) {
            let files: Vec<String> =
                self.stage.tables.iter().map(|table| table.source.path.display().to_string()).collect();
            return Err(if files.is_empty() {
                "no file of events is known. Name it with --source FILE --entity COLUMN --event-time COLUMN".to_owned()
            } else {
                format!(
                    "no source has a time ({}), so none can be cut. Name the column with --event-time",
                    files.join(", ")
                )
            });
        }
        let Some(first) = self.targets.all.first() else {
            return Err("the notebook makes no frame that could be audited: none has a time or an entity. Name one with --output".to_owned());
        };
        let time = self.targets.all.iter().any(|target| self.frame_has_time(target));
        if time {
            return Ok("rows");
        }
        let takes = |record: &tandem_notebook::probe::Record| matches!(&record.what, What::Statement { writes, .. } if writes.iter().any(|name| name == "as_of"));
        if self.full.records.iter().any(takes) {
            return Ok("as of");
        }
        Err(format!(
            "{} has one row for each entity and no time, and the notebook has no parameter `as_of`: nobody can say when each row is asked for. Give the notebook a cell `as_of = \"2024-03-01\"` that its code obeys, or keep the time in the frame",
            first.label
        ))
    }

    fn frame_has_time(&self, target: &Target) -> bool {
        let data = target.place.find(&self.full);
        data.and_then(|data| self.frames.frame(data)).is_some_and(|frame| frame.rows.time.is_some())
    }

    /// The end of the training rows: as declared, or where the model's rows end well before the data does.
    fn training_end(&self) -> Option<i64> {
        if self.request.train_end.is_some() {
            return self.request.train_end;
        }
        let fitted = target::Place::Fitted.find(&self.full)?;
        let last = *self.frames.frame(fitted)?.rows.time.as_ref()?.iter().max()?;
        let events: Vec<i64> =
            self.stage.tables.iter().flat_map(|table| table.event.iter().flatten().copied()).collect();
        let later = events.iter().filter(|time| **time > last).count();
        (later * 100 >= events.len() * 4 && self.targets.random_split.is_none() && later > 3).then_some(last)
    }

    fn jobs_at(&self, at: i64, as_of: bool) -> Vec<Job> {
        let late = self.stage.tables.iter().any(Table::has_late) && !self.request.quick;
        let mut kinds = vec![Kind::Truncate];
        kinds.extend((!self.request.quick).then_some(Kind::Perturb));
        kinds.extend(late.then_some(Kind::Late));
        kinds.extend(as_of.then_some(Kind::Full));
        kinds.into_iter().map(|kind| Job { as_of: as_of.then_some(at), ..Job::new(kind, at) }).collect()
    }

    /// Chooses the cuts and makes their runs.
    fn cut(&mut self, report: &mut Report) -> Result<(), AuditError> {
        let as_of = report.mode == "as of";
        let end = self.training_end().filter(|_| !as_of);
        report.training_end = end.map(instant::shown);
        let count = if self.request.quick { 1 } else { self.request.cuts };
        let mut chosen = cuts::choose(&self.stage.tables, count, end);
        if let Some(before) = end.and_then(|end| cuts::before(&self.stage.tables, end)).filter(|_| count > 1) {
            chosen.insert(0, before);
            chosen.truncate(count.max(2));
        }
        let mut jobs = Vec::new();
        for cut in &chosen {
            jobs.extend(self.jobs_at(cut.at, as_of));
        }
        let twice = jobs.len();
        jobs.push(Job::new(Kind::Full, 0));
        let mut replays = self.run(&jobs)?;
        let again = replays.split_off(twice).remove(0);
        let mut pairs: Vec<(Job, Replay)> = jobs.into_iter().zip(replays).collect();
        for cut in chosen {
            let (own, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(job, _)| job.at == cut.at);
            pairs = rest;
            self.take(report, &cut, own, end, as_of);
        }
        self.retry(report, end, as_of)?;
        self.cuts.push(AtCut {
            at: i64::MAX,
            until: (!as_of).then_some(i64::MAX),
            in_training: false,
            base: None,
            probes: vec![(Kind::Full, again)],
        });
        Ok(())
    }

    fn take(&mut self, report: &mut Report, cut: &Cut, runs: Vec<(Job, Replay)>, end: Option<i64>, as_of: bool) {
        let failed = runs.iter().find_map(|(_, replay)| replay.failure.clone());
        report.cuts.push(CutReport { instant: instant::shown(cut.at), cut: cut.clone(), failed });
        let (base, probes): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(job, _)| job.kind == Kind::Full);
        let base = base.into_iter().next().map(|(_, replay)| replay);
        let probes = probes.into_iter().map(|(job, replay)| (job.kind, replay)).collect();
        let until = (!as_of).then_some(cut.at);
        self.cuts.push(AtCut { at: cut.at, until, in_training: end.is_some_and(|end| cut.at < end), base, probes });
    }

    /// Where the notebook broke on cut data a later cut is tried, once.
    fn retry(&mut self, report: &mut Report, end: Option<i64>, as_of: bool) -> Result<(), AuditError> {
        let failed: Vec<i64> = report.cuts.iter().filter(|cut| cut.failed.is_some()).map(|cut| cut.cut.at).collect();
        for at in failed {
            let later = cuts::choose(&self.stage.tables, 2, Some(at)).pop();
            if let Some(mut cut) = later.filter(|cut| self.cuts.iter().all(|other| other.at != cut.at)) {
                cut.why = format!("instead of {}", instant::shown(at));
                let jobs = self.jobs_at(cut.at, as_of);
                let replays = self.run(&jobs)?;
                self.take(report, &cut, jobs.into_iter().zip(replays).collect(), end, as_of);
            }
        }
        Ok(())
    }

    /// Makes runs and tells how far it is.
    pub fn run(&mut self, jobs: &[Job]) -> Result<Vec<Replay>, AuditError> {
        let (done, begun) = (AtomicUsize::new(0), Instant::now());
        let of = jobs.len();
        let on = self.on;
        let replays = self.stage.replay_all(jobs, &|| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let left = begun.elapsed().as_secs_f64() / done as f64 * (of - done) as f64;
            on(Progress::Run { done, of, left });
        })?;
        self.runs += of;
        Ok(replays)
    }

    /// Makes these runs of the cuts once more, told in full.
    pub fn tell(&mut self, chosen: &BTreeSet<(usize, Kind)>) -> Result<(), AuditError> {
        let mut wanted = chosen.clone();
        wanted
            .extend(chosen.iter().filter(|(cut, _)| self.cuts[*cut].base.is_some()).map(|(cut, _)| (*cut, Kind::Full)));
        let job = |(cut, kind): &(usize, Kind)| {
            let cut = &self.cuts[*cut];
            Job { detail: true, as_of: cut.base.is_some().then_some(cut.at), ..Job::new(*kind, cut.at) }
        };
        let jobs: Vec<Job> = wanted.iter().map(job).collect();
        if !jobs.is_empty() {
            self.step("finding where it begins");
            let replays = self.run(&jobs)?;
            self.told = wanted.into_iter().zip(replays).collect();
        }
        Ok(())
    }

    /// Tells what begins.
    pub fn step(&self, text: &str) {
        (self.on)(Progress::Step(text.to_owned()));
    }

    fn judge(&mut self, report: &mut Report) -> Result<(), AuditError> {
        self.step("comparing the runs");
        localise::judge(self, report)
    }
}
