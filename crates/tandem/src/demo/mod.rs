//! The demo: the whole road on real flights, each step by the very functions that its command calls, and a summary at
//! its end. Not here: any figure. What the summary says was measured in the run that says it.

mod audit;
mod example;
mod handed_over;
mod service;
mod steps;
mod stream;
mod summary;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tandem_definitions::{Question, Severity, time};
use tandem_notebook::EnvironmentRequest;
use tandem_project::measure::metric_name;
use tandem_project::training::{self, Knowledge};
use tandem_project::{Loaded, check, load, parity, release, train};

use crate::commands::thousands;
use crate::commands::train::tell;
use crate::context::{Context, now, program};
use crate::failure::{Failure, counted};
use crate::terminal::{Bar, Terminal};
use service::Service;
use steps::{Outcome, Steps};
use stream::{Stream, Streamed};
use summary::{Live, Parity, Summary};

/// The example's question and model.
const NAME: &str = "late_landing";
/// How far a served prediction may be from the notebook's own.
const TOLERANCE: f64 = 1e-6;

/// Walks the road in an empty folder.
pub fn run(context: &Context, folder: &Path, yes: bool) -> Result<(), Failure> {
    let terminal = context.terminal;
    terminal.say("Will this flight land late? The whole road, on every flight that left New York in 2013.");
    terminal.say(&format!("Everything stays in {}\n", folder.display()));
    ask(terminal, yes)?;
    let road = Road { terminal, folder, program: program()? };
    let mut steps = Steps::new(terminal, folder);
    let summary = road.walk(&mut steps)?;
    summary.write(folder)?;
    terminal.say("");
    terminal.data(&summary.text());
    Ok(())
}

/// On a terminal: says what will be installed, and waits for a nod.
fn ask(terminal: Terminal, yes: bool) -> Result<(), Failure> {
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(());
    }
    terminal.say(
        "It makes a Python environment there, from a hashed lock and your package index, and takes the data from it.",
    );
    terminal.say("Press Enter to go on, or Ctrl-C.");
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Failure::world("the terminal cannot be read").because(e))?;
    Ok(())
}

/// What all steps need.
struct Road<'a> {
    terminal: Terminal,
    folder: &'a Path,
    program: PathBuf,
}

impl Road<'_> {
    fn walk(&self, steps: &mut Steps<'_>) -> Result<Summary, Failure> {
        steps.step("project", "tandem demo --keep OTHER-FOLDER", |_| {
            let files = example::write(self.folder)?;
            Ok((
                (),
                format!("{} written: contracts, features, a question, a notebook, scenarios", counted(files, "file")),
            ))
        })?;
        let python = steps.step("environment", "tandem train late_landing", |bar| self.environment(bar))?;
        steps.step("logs", "PYTHON prepare_logs.py .", |bar| self.logs(&python, bar))?;
        let loaded = load::load(self.folder)?;
        let loaded = steps.step("check", "tandem check", |bar| Self::check(loaded, bar))?;
        let question = loaded.question(NAME)?;
        let records = steps.step("data", "tandem data late_landing", |bar| data(&loaded, question, bar))?;
        let trained = steps.step("train", "tandem train late_landing", |bar| self.train(&loaded, bar))?;
        let released = steps.step("release", "tandem release late_landing", |_| self.release(&loaded))?;
        let service = steps.step("serve", "tandem serve", |bar| self.serve(bar))?;
        let streamed = steps.step("stream", "tandem serve", |bar| stream(&loaded, question, &service, bar))?;
        steps.step("stop", "tandem serve", |_| {
            service.stop().map(|()| ((), "the service stopped; every acknowledged record is on the disk".to_owned()))
        })?;
        let parity = steps.step("parity", "tandem parity", |bar| Self::parity(&loaded, bar))?;
        let live = steps.step("measure", "tandem parity", |_| measure(&loaded, question, &streamed))?;
        let handed_over = steps.step(
            "handed over",
            "tandem notebook run handed_over/handed_over.ipynb --lock models/late_landing/requirements.lock",
            |bar| {
                let handed = handed_over::run(&loaded, question, &python, bar)?;
                let said = format!("the usual notebook, run as it came: claims {} {:.3}", handed.metric, handed.value);
                Ok((handed, said))
            },
        )?;
        let audited = steps.step(
            "audit",
            "tandem audit handed_over/handed_over.ipynb --source handed_over/flights.csv --entity tailnum --event-time time_hour --quick",
            |bar| {
                let audited = audit::run(self.folder, &python, bar)?;
                let said = format!("{}: see {}", audited.summary, audited.page);
                Ok((audited, said))
            },
        )?;
        Ok(Summary {
            question: question.question.clone(),
            asked_by: question.asked_by.clone(),
            decides: question.decides.clone(),
            records,
            sources: loaded.project.sources.len(),
            features: loaded.project.features.len(),
            model: NAME.to_owned(),
            release: released,
            trained_on: trained.trained_on,
            metric: metric_in_words(question),
            at_least: trained.at_least,
            tested: trained.value,
            test: trained.measures,
            live,
            parity,
            handed_over,
            audited,
            seconds: steps.seconds(),
            steps: std::mem::take(&mut steps.done),
            folder: self.folder.to_path_buf(),
        })
    }

    fn environment(&self, bar: &Bar) -> Outcome<PathBuf> {
        let state = self.folder.join(".tandem");
        let lock = self.folder.join("models").join(NAME).join("requirements.lock");
        let request =
            EnvironmentRequest { lock: &lock, folder: &state.join("environments"), tools: &state.join("tools") };
        let made = request.ensure(&mut |line| bar.message(line)).map_err(tandem_project::Error::from)?;
        Ok((made.python, format!("Python {}, from the model's hashed lock", made.version)))
    }

    /// The example's own script takes the flat table apart into logs, in the order of arrival.
    fn logs(&self, python: &Path, bar: &Bar) -> Outcome<()> {
        bar.message("taking the flat table apart into logs");
        let mut command = Command::new(python);
        command.args(["prepare_logs.py", "."]).current_dir(self.folder).stdin(Stdio::null());
        let output = command.output().map_err(|e| Failure::file("run", python, &e))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::world(format!("prepare_logs.py ended with {}", output.status)).because(said.trim()));
        }
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(((), format!("as the airline would have had them, in the order of arrival\n{said}")))
    }

    fn check(loaded: Loaded, bar: &Bar) -> Outcome<Loaded> {
        bar.message("verifying every promise");
        let report = check::check(&loaded, check::Depth::Everything);
        let errors: Vec<_> = report.findings.iter().filter(|f| f.is_error()).cloned().collect();
        if !errors.is_empty() {
            return Err(Failure::from(tandem_project::Error::Findings(errors)).in_files(&loaded.files));
        }
        let warnings = report.findings.iter().filter(|f| f.severity == Severity::Warning).count();
        let kept = report.promises.iter().filter(|p| p.kept).count();
        let said =
            format!("{kept} of {} kept, {}", counted(report.promises.len(), "promise"), counted(warnings, "warning"));
        Ok((loaded.checked()?, said))
    }

    fn train(&self, loaded: &Loaded, bar: &Bar) -> Outcome<train::Report> {
        let request = train::Request { program: self.program.clone(), cell_limit: None };
        let report =
            train::train(loaded, loaded.model(NAME)?, &request, &mut |event| tell(self.terminal, bar, &event, false));
        let report = report.map_err(crate::commands::notebook::with_traceback)?;
        let said = format!(
            "the notebook ran in {:.0} s; measured on {} later flights: {} {:.3} (success: {} or more)",
            report.notebook_seconds,
            thousands(report.measures.rows),
            metric_name(report.metric),
            report.value.unwrap_or(f64::NAN),
            report.at_least
        );
        Ok((report, said))
    }

    fn release(&self, loaded: &Loaded) -> Outcome<String> {
        let request = train::Request { program: self.program.clone(), cell_limit: None };
        let released = release::release(loaded, loaded.model(NAME)?, &request, false, now()?)?;
        let said = format!("{}: definitions, model, lock and measures, named by their content", released.id);
        Ok((released.id, said))
    }

    fn serve(&self, bar: &Bar) -> Outcome<Service> {
        bar.message("replaying the past");
        let service = Service::start(&self.program, self.folder)?;
        let said = format!("listening on {}, and ready", service.client().base());
        Ok((service, said))
    }

    fn parity(loaded: &Loaded, bar: &Bar) -> Outcome<Parity> {
        let report = parity::parity(loaded, Some(NAME), TOLERANCE, &|p| {
            bar.message(&format!("replaying, {:.0} %", p.share * 100.0));
        })?;
        let parity = Parity {
            rows: report.rows,
            values: report.values_compared,
            values_differing: report.values_differing,
            predictions: report.predictions_compared,
            predictions_differing: report.predictions_differing,
            largest_difference: report.largest_difference,
        };
        let differing = parity.values_differing + parity.predictions_differing;
        let said = format!(
            "{} served values and {} predictions against replay and notebook: {}",
            thousands(parity.values),
            thousands(parity.predictions),
            if differing == 0 { "all equal".to_owned() } else { format!("{} DIFFER", thousands(differing)) }
        );
        if !report.holds() {
            return Err(Failure::broken(said).hint("`tandem parity` shows each"));
        }
        Ok((parity, said))
    }
}

fn data(loaded: &Loaded, question: &Question, bar: &Bar) -> Outcome<u64> {
    let set = training::training_set(loaded, question, &question.features, Knowledge::AsKnown, &|p| {
        bar.message(&format!("replaying, {:.0} % ({} records)", p.share * 100.0, thousands(p.records)));
    })?;
    let out = loaded.base.join(format!("{}.parquet", question.name));
    set.write(&set.split.last(), None, &out)?;
    let records = set.facts.logs.iter().map(|log| log.records).sum();
    let left_out: Vec<String> =
        set.facts.left_out.iter().map(|(why, count)| format!("{} left out: {why}", thousands(*count))).collect();
    let mut said = format!(
        "{} observations x {} features, as known an hour before departure",
        thousands(set.facts.rows),
        question.features.len()
    );
    for line in left_out {
        said.push('\n');
        said.push_str(&line);
    }
    Ok((records, said))
}

fn stream(loaded: &Loaded, question: &Question, service: &Service, bar: &Bar) -> Outcome<Streamed> {
    bar.message("reading the stream");
    let stream = Stream::read(loaded, question)?;
    let (records, observations) = stream.sizes();
    let done = stream.run(&loaded.project, NAME, service.client(), &|share, records_in, predictions| {
        bar.message(&format!(
            "{:.0} %: {} records in, {} predictions out",
            share * 100.0,
            thousands(records_in),
            thousands(predictions)
        ));
    })?;
    if done.predictions != observations as u64 || done.records != records as u64 {
        return Err(Failure::world(format!(
            "{} of {records} records were accepted, and {} of {observations} observations got a prediction",
            done.records, done.predictions
        )));
    }
    let said = format!(
        "two weeks in order of arrival: {} records in, {} predictions out, {:.0} a second",
        thousands(done.records),
        thousands(done.predictions),
        (done.records + done.predictions) as f64 / done.seconds
    );
    Ok((done, said))
}

fn measure(loaded: &Loaded, question: &Question, streamed: &Streamed) -> Outcome<Live> {
    let live = release::live(loaded)?;
    let Some(bundle) = live.first() else { return Err(Failure::world("no release is live")) };
    let served = parity::measure_served(bundle, &|_| {})?;
    let day = |at| time::format_instant(at).get(..10).unwrap_or_default().to_owned();
    let live = Live {
        days: streamed.span.map(|(first, last)| (day(first), day(last))),
        records: streamed.records,
        predictions: streamed.predictions,
        seconds: streamed.seconds,
        known: served.measures.rows,
        value: served.measures.metric(question.success.metric),
        measures: served.measures,
    };
    let said = format!(
        "{} of {} outcomes are known by now: {} {:.3} on flights it had never seen",
        thousands(live.known),
        thousands(live.predictions),
        metric_name(question.success.metric),
        live.value.unwrap_or(f64::NAN)
    );
    Ok((live, said))
}

fn metric_in_words(question: &Question) -> String {
    match metric_name(question.success.metric) {
        "roc_auc" => "ROC AUC".to_owned(),
        other => other.replace('_', " "),
    }
}
