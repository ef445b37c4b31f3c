//! `tandem serve`: records in, features and predictions out, over HTTP. Not here: what is answered (tandem-server), and
//! what a release is (tandem-project); this file brings the two together.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tandem_definitions::Micros;
use tandem_definitions::time::format_instant;
use tandem_project::{Loaded, release, train};
use tandem_server::{BODY_LIMIT, BODY_TIME, Event, LiveModel, OnnxModel, Setup};

use super::data::thousands;
use crate::context::{Context, now, program, wall_clock};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Serve over HTTP: records in (acknowledged when durable), features and predictions out
///
/// Replays the past first, then answers. What it accepts goes into .tandem/log, what it answers into .tandem/served, and a
/// restart resumes exactly where it stood. A release or a rollback is noticed, and switched to without dropping a
/// request. GET /openapi.json describes this project's own service. Ctrl-C or a TERM signal stops it gracefully.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem serve
  curl -s localhost:8137/ready
  curl -s localhost:8137/v1/sources/orders/records -H 'content-type: application/json' -d '{\"order\": …}'
  tandem serve --listen 0.0.0.0:8137 --token-file token      every address but loopback needs a token

The token can also stand in the environment variable TANDEM_TOKEN.")]
pub struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8137")]
    listen: SocketAddr,
    /// A file with the token that clients present as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write the address into this file once it listens, for programs that started it
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Stop when standard input ends, for a program that started it and may die
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

impl Serve {
    /// Serves until it is told to stop.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let terminal = context.terminal;
        let loaded = served(context.checked()?, terminal)?;
        let program = program()?;
        let models = live_models(&loaded, &program)?;
        terminal.say(&format!("{}: replaying the past", loaded.project.name));
        let setup = self.setup(&loaded, models, terminal)?;
        let again = loaded.clone();
        let reload = Box::new(move || live_models(&again, &program).map_err(|failure| in_a_line(&failure)));
        let running = tandem_server::start(setup, reload).map_err(|error| start_failed(&error))?;
        let address = running.local_addr();
        terminal.say(&format!("listening on http://{address}"));
        if let Some(path) = &self.port_file {
            announce(path, address)?;
        }
        if self.until_stdin_ends {
            drop(std::io::stdin().read_to_end(&mut Vec::new()));
            running.stop();
        } else {
            running.wait();
        }
        terminal.say("stopped");
        Ok(())
    }

    fn setup(&self, loaded: &Loaded, models: Vec<LiveModel>, terminal: Terminal) -> Result<Setup, Failure> {
        Ok(Setup {
            project: loaded.project.clone(),
            project_hash: loaded.hash.clone(),
            base: loaded.base.clone(),
            server: loaded.origin.server.clone(),
            state_dir: loaded.state_dir(),
            models,
            watch: release::watched(loaded),
            listen: self.listen,
            token: self.token()?,
            clock: clock()?,
            body_limit: BODY_LIMIT,
            body_time: BODY_TIME,
            notice: Arc::new(move |event| tell(terminal, &event)),
        })
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.token_file else {
            return Ok(std::env::var("TANDEM_TOKEN").ok().filter(|token| !token.is_empty()));
        };
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// The present of this machine, or the one that a test told.
fn clock() -> Result<Arc<dyn Fn() -> Micros + Send + Sync>, Failure> {
    if std::env::var_os("TANDEM_NOW").is_none() {
        return Ok(Arc::new(wall_clock));
    }
    let told = now()?;
    Ok(Arc::new(move || told))
}

/// Written under another name first: whoever waits for the file finds all of it.
fn announce(path: &Path, address: SocketAddr) -> Result<(), Failure> {
    let partial = path.with_extension("partial");
    let written = std::fs::write(&partial, format!("{address}\n")).and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|e| Failure::file("write", path, &e))
}

fn start_failed(error: &tandem_server::StartError) -> Failure {
    use tandem_server::StartError as E;
    match error {
        E::PublicWithoutToken(_) | E::BadToken | E::Model(_) => Failure::project(error.to_string()),
        _ => Failure::world(error.to_string()),
    }
}

fn in_a_line(failure: &Failure) -> String {
    let parts = [&failure.message].into_iter().chain(&failure.causes).chain(&failure.hints);
    parts.map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn tell(terminal: Terminal, event: &Event) {
    let name = |release: &Option<String>| release.clone().unwrap_or_else(|| "nothing".to_owned());
    match event {
        Event::Replayed { .. } => {}
        Event::Ready { records } => terminal.say(&format!("ready: {} records replayed", thousands(*records))),
        Event::Cut { file, line, bytes } => terminal.say(&format!(
            "{}, line {line}: half written by a crash, {bytes} bytes cut off (never acknowledged)",
            file.display()
        )),
        Event::Held { records, last } => terminal.say(&format!(
            "{} records claim to arrive in the future (the last at {}): each is held until then",
            thousands(*records),
            format_instant(*last)
        )),
        Event::Failed { reason } => terminal.say(&format!("not ready: {reason}")),
        Event::Switched { model, from, to } => {
            terminal.say(&format!("{model}: switched from {} to {}", name(from), name(to)));
        }
        Event::ReloadFailed { reason } => terminal.say(&format!("the releases were not switched: {reason}")),
        Event::LogFailed { reason } => terminal.say(&format!("a log cannot be written: {reason}")),
    }
}

/// The releases that are live, each with its model in a process of its own; all by the definitions that are served.
fn live_models(served: &Loaded, program: &Path) -> Result<Vec<LiveModel>, Failure> {
    let request = train::Request { program: program.to_path_buf(), cell_limit: None };
    let mut models = Vec::new();
    for bundle in release::live(served)? {
        if bundle.loaded.hash != served.hash {
            let what = format!("the release {} was made from other definitions than those that are served", bundle.id);
            return Err(Failure::project(what).hint("start `tandem serve` again to serve it with its own"));
        }
        models.push(LiveModel {
            name: bundle.manifest.model.clone(),
            release: bundle.id.clone(),
            question: bundle.manifest.question.clone(),
            features: bundle.manifest.features.clone(),
            predictor: Arc::new(OnnxModel(bundle.start(&request)?)),
        });
    }
    Ok(models)
}

/// What is served: the definitions of the releases that are live, whatever stands in the folder now; without a release,
/// those in the folder.
fn served(loaded: Loaded, terminal: Terminal) -> Result<Loaded, Failure> {
    let Some(bundle) = release::live(&loaded)?.into_iter().next() else { return Ok(loaded) };
    if bundle.loaded.hash != loaded.hash {
        let id = &bundle.id;
        terminal.say(&format!("serving the definitions of the release {id}; those in this folder are not released"));
    }
    Ok(bundle.loaded)
}
