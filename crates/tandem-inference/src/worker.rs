//! The caller's side: starts the other process, asks it, and starts a new one after a crash or a hang.
//! Not here: ONNX itself, which this process never loads.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::message::{self, Greeting, Question, Reply};
use crate::{Column, Signature};

/// Why a model gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The environment has no library.
    #[error("the Python environment at {environment} has no onnxruntime. Add `onnxruntime` to the model's requirements.in, and lock it again.", environment = environment.display())]
    NoLibrary {
        /// The environment.
        environment: PathBuf,
    },
    /// The library cannot be used.
    #[error("{library}: this onnxruntime cannot be used: {why}. Lock onnxruntime 1.22 or newer in the model's requirements.", library = library.display())]
    Library {
        /// The library.
        library: PathBuf,
        /// Why.
        why: String,
    },
    /// The file is no model that can be used.
    #[error("{model}: this is not a model that Tandem can run: {why}. The model's notebook should export it with skl2onnx or onnxmltools.", model = model.display())]
    Model {
        /// The model.
        model: PathBuf,
        /// Why.
        why: String,
    },
    /// The worker's program could not be started.
    #[error("{program}: the process for the model cannot be started: {source}", program = program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The process ended.
    #[error("{model}: the process that runs the model {how}. The next question starts a new one.{log}", model = model.display())]
    Crashed {
        /// The model.
        model: PathBuf,
        /// How, in words.
        how: String,
        /// Its last words, on lines of their own; may be empty.
        log: String,
    },
    /// The process did not answer in time, and was killed.
    #[error("{model}: the process that runs the model did not answer within {seconds} seconds and was ended. The next question starts a new one.", model = model.display())]
    Hangs {
        /// The model.
        model: PathBuf,
        /// The limit.
        seconds: f64,
    },
    /// The question does not fit the model.
    #[error("{model}: the model cannot answer this: {why}.", model = model.display())]
    Question {
        /// The model.
        model: PathBuf,
        /// Why.
        why: String,
    },
}

/// A model in a process of its own. Questions of several threads are answered one after another.
#[derive(Debug)]
pub struct Worker {
    start: Start,
    signature: Signature,
    limit: Duration,
    live: Mutex<Option<Live>>,
}

impl Worker {
    /// Starts `program inference-worker --library LIBRARY --model MODEL` and waits until the model is loaded.
    pub fn start(program: &Path, library: &Path, model: &Path) -> Result<Self, InferenceError> {
        let start =
            Start { program: program.to_path_buf(), library: library.to_path_buf(), model: model.to_path_buf() };
        let limit = Duration::from_secs(30);
        let (live, signature) = start.start(limit)?;
        Ok(Self { start, signature, limit, live: Mutex::new(Some(live)) })
    }

    /// The same worker with another limit of time for a start and for an answer (30 seconds at first).
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The id of the process, if one is running.
    pub fn process(&self) -> Option<u32> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|live| live.child.id())
    }

    /// One number a row: the probability of the positive class, or the value. One column for each input of the
    /// signature, in its order.
    pub fn predict(&self, columns: &[Column]) -> Result<Vec<f64>, InferenceError> {
        let question = message::encode(&Question { columns: columns.to_vec() });
        let question = question.map_err(|why| InferenceError::Question { model: self.start.model.clone(), why })?;
        let mut slot = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        // What fails drops the process; the next question finds none and starts one.
        let live = match slot.take() {
            Some(live) => live,
            None => self.start.start(self.limit)?.0,
        };
        // An error of sending means that the process has ended, which the other side tells better.
        let _ = live.questions.send(question);
        match live.replies.recv_timeout(self.limit) {
            Ok(Said::Reply(reply)) => {
                *slot = Some(live);
                reply.map_err(|why| InferenceError::Question { model: self.start.model.clone(), why })
            }
            Ok(Said::Nonsense(why)) => Err(self.start.crashed(live, Some(&why))),
            Ok(Said::Greeting(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.start.crashed(live, None)),
            Err(RecvTimeoutError::Timeout) => Err(self.start.hangs(self.limit)),
        }
    }
}

/// How to start the process.
#[derive(Debug)]
struct Start {
    program: PathBuf,
    library: PathBuf,
    model: PathBuf,
}

/// What the process said.
#[derive(Debug)]
enum Said {
    Greeting(Greeting),
    Reply(Reply),
    Nonsense(String),
}

/// A running process; dropped, it is killed.
#[derive(Debug)]
struct Live {
    child: Child,
    questions: Sender<Vec<u8>>,
    replies: Receiver<Said>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Start {
    fn start(&self, limit: Duration) -> Result<(Live, Signature), InferenceError> {
        let live = self.spawn().map_err(|source| InferenceError::Start { program: self.program.clone(), source })?;
        match live.replies.recv_timeout(limit) {
            Ok(Said::Greeting(Greeting::Ready(signature))) => Ok((live, signature)),
            Ok(Said::Greeting(Greeting::NoLibrary(why))) => {
                Err(InferenceError::Library { library: self.library.clone(), why })
            }
            Ok(Said::Greeting(Greeting::NoModel(why))) => Err(InferenceError::Model { model: self.model.clone(), why }),
            Ok(Said::Nonsense(why)) => Err(self.crashed(live, Some(&why))),
            Ok(Said::Reply(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.crashed(live, None)),
            Err(RecvTimeoutError::Timeout) => Err(self.hangs(limit)),
        }
    }

    fn spawn(&self) -> std::io::Result<Live> {
        let mut command = Command::new(&self.program);
        command.arg("inference-worker").arg("--library").arg(&self.library).arg("--model").arg(&self.model);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || std::io::Error::other("it has no pipes");
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let mut stdout = child.stdout.take().ok_or_else(missing)?;
        let mut stderr = child.stderr.take().ok_or_else(missing)?;
        let (sender, replies) = sync_channel(1);
        std::thread::spawn(move || {
            let greeting = said(message::read(&mut stdout), Said::Greeting);
            let mut next = greeting;
            while let Some(said_now) = next {
                let broken = matches!(said_now, Said::Nonsense(_));
                if sender.send(said_now).is_err() || broken {
                    return;
                }
                next = said(message::read(&mut stdout), Said::Reply);
            }
        });
        // Written by a thread, since a process that hangs reads nothing, and the pipe is soon full.
        let (questions, to_ask) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            for question in to_ask {
                if stdin.write_all(&question).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                let excess = kept.len().saturating_sub(4096);
                kept.drain(..excess);
            }
        });
        Ok(Live { child, questions, replies, log })
    }

    fn hangs(&self, limit: Duration) -> InferenceError {
        InferenceError::Hangs { model: self.model.clone(), seconds: limit.as_secs_f64() }
    }

    /// Says how the process ended; one that only talked nonsense is killed.
    fn crashed(&self, mut live: Live, nonsense: Option<&str>) -> InferenceError {
        let how = nonsense.map_or_else(|| ended(&mut live.child), |why| format!("cannot be understood ({why})"));
        let text = live.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8_lossy(&text);
        let log = if text.trim().is_empty() { String::new() } else { format!(" Its last words:\n{}", text.trim()) };
        InferenceError::Crashed { model: self.model.clone(), how, log }
    }
}

/// `None` when the process closed its output.
fn said<T: DeserializeOwned>(read: std::io::Result<Option<T>>, kind: fn(T) -> Said) -> Option<Said> {
    match read {
        Ok(message) => message.map(kind),
        Err(error) => Some(Said::Nonsense(error.to_string())),
    }
}

/// How a process ended whose output is closed, so that its end is near.
fn ended(child: &mut Child) -> String {
    for _ in 0..100 {
        if let Ok(Some(status)) = child.try_wait() {
            return in_words(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    "closed its output".to_owned()
}

/// How a process ended, as the end of "the process …".
fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was killed by signal {signal}");
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("ended with exit code {code}"))
}

/// The onnxruntime library of the Python environment that this Python belongs to.
pub fn library_of(python: &Path) -> Result<PathBuf, InferenceError> {
    let root = python.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    let mut packages = vec![root.join("Lib").join("site-packages")];
    for version in entries(&root.join("lib")) {
        packages.push(version.join("site-packages"));
    }
    let files = packages.iter().flat_map(|folder| entries(&folder.join("onnxruntime").join("capi")));
    let mut found = files.filter(|file| {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let dylib = name.starts_with("libonnxruntime.") && file.extension().is_some_and(|end| end == "dylib");
        name.starts_with("libonnxruntime.so") || dylib || name == "onnxruntime.dll"
    });
    found.next_back().ok_or_else(|| InferenceError::NoLibrary { environment: root.to_path_buf() })
}

/// What is in a folder, sorted; nothing when it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    paths
}
