//! What the caller brings to a service, and what it hears of it. Not here: how a release's bundle is found and loaded
//! (tandem-project's business); the service asks for plain [`LiveModel`]s.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_definitions::{Micros, Project, Value};

/// Answers rows of feature values with one prediction each. Called from several threads at once.
pub trait Predictor: Send + Sync {
    /// One prediction a row, in order; each row holds the model's features in the model's order. `Err`: why not, in plain words.
    fn predict(&self, rows: &[Vec<Value>]) -> Result<Vec<f64>, String>;
}

/// A released model, loaded: all that serving needs of it.
#[derive(Clone)]
pub struct LiveModel {
    /// The model's name.
    pub name: String,
    /// The release's name.
    pub release: String,
    /// The question that it answers.
    pub question: String,
    /// Its inputs: features by name, in the model's order.
    pub features: Vec<String>,
    /// What computes the predictions.
    pub predictor: Arc<dyn Predictor>,
}

/// What a service starts from.
pub struct Setup {
    /// The definitions served.
    pub project: Project,
    /// Their hash, stored with every served row.
    pub project_hash: String,
    /// The project's folder: relative locations of sources start here.
    pub base: PathBuf,
    /// Which server of the contracts is read; `None` for the first of each.
    pub server: Option<String>,
    /// Where the service keeps its logs: the project's `.tandem`.
    pub state_dir: PathBuf,
    /// The released models.
    pub models: Vec<LiveModel>,
    /// What is watched, each 300 ms: when the content of one of these files or folders changes, the models are asked for again.
    pub watch: Vec<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What a client must present as `Authorization: Bearer`; needed for every address but loopback.
    pub token: Option<String>,
    /// The present: microseconds since 1970 in UTC.
    pub clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How long a client may take to send a request's body.
    pub body_time: Duration,
    /// Told what happens.
    pub notice: Arc<dyn Fn(Event) + Send + Sync>,
}

/// The body limit that suits most: 16 MiB.
pub const BODY_LIMIT: usize = 16 << 20;

/// The time for a body that suits most.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// What happens in a service, for whoever started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many records of the past have been replayed.
    Replayed {
        /// How many, over all sources.
        records: u64,
    },
    /// The past is replayed; questions and records are accepted.
    Ready {
        /// How many records were replayed.
        records: u64,
    },
    /// The past could not be replayed; the service stays unready.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
    /// A crash left the last line of a log half written; it was cut off.
    Cut {
        /// The segment.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How many bytes were cut off.
        bytes: u64,
    },
    /// So many records of the past claim to arrive in the future; each is held until its time has come.
    Held {
        /// How many, over all sources.
        records: u64,
        /// The last of these arrivals.
        last: Micros,
    },
    /// Another release answers from now on.
    Switched {
        /// The model.
        model: String,
        /// The release before; `None` for a model that was not served before.
        from: Option<String>,
        /// The release now; `None` for a model that is no longer served.
        to: Option<String>,
    },
    /// The releases could not be loaded again; those before go on answering.
    ReloadFailed {
        /// Why.
        reason: String,
    },
    /// A log could not be written; the records concerned were refused.
    LogFailed {
        /// Why.
        reason: String,
    },
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A public address without a token.
    #[error(
        "{0} can be reached from other machines, and no token is set. Set one (`tandem serve --token-file FILE`, or the \
         environment variable TANDEM_TOKEN), or listen on 127.0.0.1"
    )]
    PublicWithoutToken(SocketAddr),
    /// A token that protects nothing.
    #[error("the token is empty or has spaces around it: use at least 16 letters or digits")]
    BadToken,
    /// The address cannot be had.
    #[error("cannot listen on {address}: {reason}. Is another service there? `--listen 127.0.0.1:0` takes a free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The folder for the logs cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A line of the served log was damaged after it was written.
    #[error(
        "{}, line {line}: not a served row ({reason}). The file was changed or damaged after it was written: restore it from a \
         backup, or move the folder of the served log away to begin a new one", path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The log of a source cannot be opened.
    #[error("{0}")]
    Log(String),
    /// Another service holds the logs.
    #[error("another `tandem serve` is running on {}: stop it first, two services must not write one log", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A released model does not fit the definitions.
    #[error("{0}")]
    Model(String),
    /// The threads could not be started.
    #[error("cannot start the service's threads: {0}")]
    Threads(std::io::Error),
}
