//! The demo's service: `tandem serve` as another process on a free loopback port, and a client that keeps its connection.
//! Not here: what is sent and asked (`stream.rs`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use ureq::Agent;

use crate::failure::Failure;

/// How long replaying the past may take.
const READY: Duration = Duration::from_mins(2);
/// How long a service may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// A service of our own. Dropped, it ends: its standard input closes, and it is told to watch that.
pub struct Service {
    child: Child,
    client: Client,
    log: PathBuf,
}

impl Service {
    /// Starts it on a project, and waits until it is ready.
    pub fn start(program: &Path, project: &Path) -> Result<Self, Failure> {
        let folder = project.join(".tandem/demo");
        fs::create_dir_all(&folder).map_err(|e| Failure::file("make", &folder, &e))?;
        let (log, port_file) = (folder.join("serve.log"), folder.join("port"));
        drop(fs::remove_file(&port_file)); // of an earlier run, or none
        let output = File::create(&log).map_err(|e| Failure::file("write", &log, &e))?;
        let errors = output.try_clone().map_err(|e| Failure::file("write", &log, &e))?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--project").arg(project).args(["--listen", "127.0.0.1:0", "--until-stdin-ends"]);
        command.arg("--port-file").arg(&port_file).stdin(Stdio::piped()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|e| Failure::world("`tandem serve` cannot be started").because(e))?;
        let mut service = Self { child, client: Client::new(String::new()), log };
        service.wait_ready(&port_file)?;
        Ok(service)
    }

    fn wait_ready(&mut self, port_file: &Path) -> Result<(), Failure> {
        let begun = Instant::now();
        while begun.elapsed() < READY {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::world(format!("`tandem serve` ended with {status}")).because(self.last_words()));
            }
            if let Ok(address) = fs::read_to_string(port_file) {
                self.client.base = format!("http://{}", address.trim());
                if self.client.is_ready() {
                    return Ok(());
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::world("`tandem serve` was not ready in time").because(self.last_words()))
    }

    /// What it printed.
    fn last_words(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default().trim().to_owned()
    }

    /// To speak with it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Stops it gracefully.
    pub fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < STOP {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    let failure = Failure::world(format!("`tandem serve` ended with {status}"));
                    return Err(failure.because(self.last_words()));
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(Failure::world("`tandem serve` did not stop").because(self.last_words()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.stdin.take());
            // It was not asked to stop, so something failed before: no time is spent on grace.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Speaks HTTP with a service, on connections that are kept.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    /// For a service at `http://ADDRESS`.
    pub fn new(base: String) -> Self {
        // A proxy of the environment is for the world outside, not for this machine.
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).no_delay(true);
        let agent = config.timeout_global(Some(Duration::from_mins(1))).build().new_agent();
        Self { agent, base }
    }

    fn is_ready(&self) -> bool {
        self.agent.get(format!("{}/ready", self.base)).call().is_ok_and(|answer| answer.status() == 200)
    }

    /// Where it speaks to.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Posts a body, and gives the answer's JSON; anything but success is a failure in the service's own words.
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Json, Failure> {
        let failed = |cause: String| Failure::world(format!("the service did not take POST {path}")).because(cause);
        let sent = self.agent.post(format!("{}{path}", self.base)).content_type(kind).send(body);
        let mut answer = sent.map_err(|e| failed(e.to_string()))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(1 << 28).read_to_string();
        let text = text.map_err(|e| failed(e.to_string()))?;
        if !status.is_success() {
            return Err(failed(format!("{status}: {text}")));
        }
        serde_json::from_str(&text).map_err(|e| failed(format!("the answer is no JSON: {e}")))
    }
}
