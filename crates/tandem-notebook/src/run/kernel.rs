//! One kernel: its process (in a process group of its own), its connection, and its end.
//!
//! It never outlives us: dropped, the whole group is killed; killed ourselves, the kernel notices that its parent is
//! gone (`JPY_PARENT_PID`). Not here: cells and what their messages mean.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{
    ConnectionInfo, ExecuteRequest, JupyterMessage, JupyterMessageContent, KernelInfoReply, KernelInfoRequest,
    ShutdownRequest,
};
use jupyter_zmq_client::{
    ClientControlConnection, ClientIoPubConnection, DealerRecvConnection, DealerSendConnection, RuntimeError,
};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::NotebookRun;
use super::fork::{Fork, Nursery, Place};
use super::memory::Watcher;
use super::process::{Process, Signal};

/// A message and the channel it came on.
pub(super) enum Incoming {
    /// A reply to a request.
    Shell(Box<JupyterMessage>),
    /// A broadcast: outputs, states.
    IoPub(Box<JupyterMessage>),
    /// A channel broke: the process has ended or is about to, or the connection is lost.
    Lost(String),
}

/// Why there is no kernel to talk to; the texts are what the process printed.
pub(super) enum StartTrouble {
    /// The program could not be started, or its folder not be made.
    Spawn(std::io::Error),
    /// It ended before it answered.
    Exited(ExitStatus, String),
    /// It did not answer in time.
    Silent(String),
}

/// A running kernel that has answered on both of its channels.
pub(super) struct Kernel {
    wired: Wired,
    process: Process,
    watcher: Option<Watcher>,
}

impl Kernel {
    /// Starts `python -m ipykernel_launcher` in a folder and waits until it answers.
    pub async fn start(python: &Path, run: &NotebookRun) -> Result<Self, StartTrouble> {
        let (private, connection, file) = private_connection()?;
        let child = command(python, run, &file, private.path()).spawn().map_err(StartTrouble::Spawn)?;
        Self::connected(&connection, Process::new(child, private), run.start_limit).await
    }

    /// Forks a kernel and waits until it answers.
    pub async fn fork(
        nursery: &Nursery,
        folder: &Path,
        env: &[(String, String)],
        fork: &Fork,
        limit: Duration,
    ) -> Result<Self, StartTrouble> {
        let (private, connection, file) = private_connection()?;
        let log = private.path().join("log");
        let own = |name: &str| (name.to_owned(), private.path().to_string_lossy().into_owned());
        let env = [&[own("IPYTHONDIR"), own("JUPYTER_CONFIG_DIR")], env].concat();
        let place = Place { connection: &file, folder, env: &env, log: &log };
        let forked = nursery.fork(&place, fork).map_err(StartTrouble::Spawn)?;
        Self::connected(&connection, Process::forked(forked, private, log), limit).await
    }

    async fn connected(
        connection: &ConnectionInfo,
        mut process: Process,
        limit: Duration,
    ) -> Result<Self, StartTrouble> {
        let wired = connect(connection, &mut process, Instant::now() + limit).await?;
        Ok(Self { wired, process, watcher: None })
    }

    /// From now on its memory is measured, and it is killed when it holds more than the limit.
    pub fn watch_memory(&mut self, limit: Option<u64>) {
        self.watcher = self.process.group().map(|group| Watcher::start(group, limit));
    }

    /// The most memory in bytes since this was last asked; 0 where it is not known.
    pub fn take_peak(&self) -> u64 {
        self.watcher.as_ref().map_or(0, Watcher::take_peak)
    }

    /// What it held when it was killed for its memory.
    pub fn held_too_much(&self) -> Option<u64> {
        self.watcher.as_ref().and_then(Watcher::exceeded)
    }

    /// What the kernel said about itself.
    pub fn info(&self) -> &KernelInfoReply {
        &self.wired.info
    }

    /// Sends code to run; the answer's parent id.
    pub async fn execute(&mut self, code: &str) -> Result<String, RuntimeError> {
        let mut request = ExecuteRequest::new(code.to_owned());
        request.allow_stdin = false;
        request.stop_on_error = true;
        let message = JupyterMessage::from(request);
        let id = message.header.msg_id.clone();
        self.wired.shell.send(message).await?;
        Ok(id)
    }

    /// The next message, or the status with which the process ended. Messages that came before its end come first.
    pub async fn next(&mut self) -> Result<Incoming, ExitStatus> {
        let ended = tokio::select! {
            biased;
            message = self.wired.inbox.recv() => match message {
                Some(message) => return Ok(message),
                None => self.process.ended().await,
            },
            status = self.process.ended() => status,
        };
        // What it sent in its last moments may still be on the way.
        match timeout(Duration::from_millis(200), self.wired.inbox.recv()).await {
            Ok(Some(message)) => Ok(message),
            _ => Err(ended),
        }
    }

    /// Waits a little for the end of the process.
    pub async fn ended_soon(&mut self) -> Option<ExitStatus> {
        timeout(Duration::from_secs(2), self.process.ended()).await.ok()
    }

    /// Kills the process and all that it started.
    pub fn kill(&self) {
        self.process.signal(Signal::KillGroup);
    }

    /// Asks the running cell to stop, as ctrl-C does.
    pub fn interrupt(&self) {
        self.process.signal(Signal::Interrupt);
    }

    /// Ends the kernel: asks it to shut down, so that its exit handlers run, then kills what is left of its group.
    pub async fn shut_down(mut self) {
        let request = JupyterMessage::from(ShutdownRequest { restart: false });
        if timeout(Duration::from_secs(1), self.wired.control.send(request)).await.is_ok() {
            let _ = timeout(Duration::from_secs(5), self.process.ended()).await;
        }
    }

    /// What the process printed past the protocol, its end.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// Sockets in a folder of our own: there is no port to race for, and no other user can connect. And the file that says so.
fn private_connection() -> Result<(tempfile::TempDir, ConnectionInfo, PathBuf), StartTrouble> {
    let private = tempfile::Builder::new().prefix("tandem-").tempdir().map_err(StartTrouble::Spawn)?;
    let connection = ConnectionInfo {
        transport: Transport::IPC,
        ip: private.path().join("k").to_string_lossy().into_owned(),
        shell_port: 1,
        iopub_port: 2,
        stdin_port: 3,
        control_port: 4,
        hb_port: 5,
        key: uuid::Uuid::new_v4().to_string(),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: None,
    };
    let file = private.path().join("connection.json");
    let text = serde_json::to_string(&connection).map_err(|error| StartTrouble::Spawn(error.into()))?;
    std::fs::write(&file, text).map_err(StartTrouble::Spawn)?;
    Ok((private, connection, file))
}

/// Starts a program in a network of its own, which leads nowhere; sockets in files still work.
const ALONE: [&str; 4] = ["unshare", "--map-root-user", "--net", "--"];

/// Whether this system lets us; else why not.
pub(super) fn network_can_be_off() -> Result<(), String> {
    let tried = std::process::Command::new(ALONE[0]).args(&ALONE[1..]).arg("true").stdin(Stdio::null()).output();
    let output = tried.map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// The command line and the environment of a kernel; what the caller sets wins.
fn command(python: &Path, run: &NotebookRun, connection: &Path, private: &Path) -> Command {
    let mut command = Command::new(if run.network { python } else { Path::new(ALONE[0]) });
    if !run.network {
        // The loopback of the new network is up where `ip` is there: some libraries talk to themselves over it.
        command.args(&ALONE[1..]).args(["sh", "-c", "ip link set lo up 2>/dev/null; exec \"$@\"", "sh"]).arg(python);
    }
    command.args([OsStr::new("-m"), OsStr::new("ipykernel_launcher"), OsStr::new("-f"), connection.as_os_str()]);
    command.arg("--HistoryManager.enabled=False").current_dir(&run.folder);
    // Nothing of this user's own set-up takes part, so that a notebook runs for everybody as it runs here.
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env_remove("PYTHONSTARTUP");
    command.env("PYTHONNOUSERSITE", "1").env("IPYTHONDIR", private).env("JUPYTER_CONFIG_DIR", private);
    command.env("JUPYTER_NO_CONFIG", "1").env("JPY_PARENT_PID", std::process::id().to_string());
    command.env("PYDEVD_DISABLE_FILE_VALIDATION", "1");
    // Threads that wait by spinning take the processor from those that work: on a busy machine a fit took three times as long.
    if std::env::var_os("OMP_WAIT_POLICY").is_none() {
        command.env("OMP_WAIT_POLICY", "passive");
    }
    // `!python` is this Python, and no `!pip install` changes another.
    if let Some(programs) = python.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&path));
        command.envs(std::env::join_paths(all).ok().map(|path| ("PATH", path)));
    }
    command.env("PIP_REQUIRE_VIRTUALENV", "1").env("PIP_NO_INPUT", "1").env_remove("VIRTUAL_ENV");
    command.envs(run.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    command.process_group(0);
    command.kill_on_drop(true);
    command
}

/// The sockets of a kernel that has answered, with the tasks that read them.
struct Wired {
    shell: DealerSendConnection,
    control: ClientControlConnection,
    inbox: mpsc::UnboundedReceiver<Incoming>,
    info: KernelInfoReply,
    _readers: JoinSet<()>,
}

/// Waits until the kernel has made its sockets: a connection that is tried before waits for seconds between its tries.
async fn bound(connection: &ConnectionInfo, deadline: Instant) {
    let ports = [connection.shell_port, connection.iopub_port, connection.control_port, connection.hb_port];
    while ports.iter().any(|port| !Path::new(&format!("{}-{port}", connection.ip)).exists())
        && Instant::now() < deadline
    {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Connects until the kernel answers: right after its start sockets may be refused or reset, so each try has fresh ones.
async fn connect(connection: &ConnectionInfo, process: &mut Process, deadline: Instant) -> Result<Wired, StartTrouble> {
    tokio::select! {
        _ = process.ended() => {} // the loop says so
        () = bound(connection, deadline) => {}
    }
    loop {
        let attempt = tokio::select! {
            status = process.ended() => {
                sleep(Duration::from_millis(50)).await; // its last words
                return Err(StartTrouble::Exited(status, process.log()));
            }
            attempt = timeout(Duration::from_secs(10), try_connect(connection)) => attempt,
        };
        if let Ok(Ok(wired)) = attempt {
            return Ok(wired);
        }
        if Instant::now() >= deadline {
            return Err(StartTrouble::Silent(process.log()));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn try_connect(connection: &ConnectionInfo) -> Result<Wired, RuntimeError> {
    let session = uuid::Uuid::new_v4().to_string();
    let iopub = jupyter_zmq_client::create_client_iopub_connection(connection, "", &session).await?;
    let identity = jupyter_zmq_client::peer_identity_for_session(&session)?;
    let shell =
        jupyter_zmq_client::create_client_shell_connection_with_identity(connection, &session, identity).await?;
    let control = jupyter_zmq_client::create_client_control_connection(connection, &session).await?;
    let (mut shell, replies) = shell.split();
    let (sender, mut inbox) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    readers.spawn(read_shell(replies, sender.clone()));
    readers.spawn(read_iopub(iopub, sender));
    let info = nudge(&mut shell, &mut inbox).await?;
    Ok(Wired { shell, control, inbox, info, _readers: readers })
}

/// Asks who the kernel is until it has answered on both channels: a subscription takes effect some time after the
/// connection, and outputs sent before that are lost.
async fn nudge(
    shell: &mut DealerSendConnection,
    inbox: &mut mpsc::UnboundedReceiver<Incoming>,
) -> Result<KernelInfoReply, RuntimeError> {
    let (mut info, mut heard) = (None, false);
    loop {
        shell.send(JupyterMessage::from(KernelInfoRequest {})).await?;
        let until = Instant::now() + Duration::from_millis(500);
        while let Ok(Some(message)) = tokio::time::timeout_at(until, inbox.recv()).await {
            match message {
                Incoming::IoPub(_) => heard = true,
                Incoming::Lost(why) => return Err(RuntimeError::ZmqMessageError(why)),
                Incoming::Shell(message) => {
                    if let JupyterMessageContent::KernelInfoReply(reply) = message.content {
                        info = Some(*reply);
                    }
                }
            }
            if let Some(info) = info.take_if(|_| heard) {
                return Ok(info);
            }
        }
    }
}

async fn read_shell(mut socket: DealerRecvConnection, sender: mpsc::UnboundedSender<Incoming>) {
    while pass_on(socket.read().await, Incoming::Shell, &sender) {}
}

async fn read_iopub(mut socket: ClientIoPubConnection, sender: mpsc::UnboundedSender<Incoming>) {
    while pass_on(socket.read().await, Incoming::IoPub, &sender) {}
}

/// Whether to read on.
fn pass_on(
    read: Result<JupyterMessage, RuntimeError>,
    channel: fn(Box<JupyterMessage>) -> Incoming,
    sender: &mpsc::UnboundedSender<Incoming>,
) -> bool {
    match read {
        Ok(message) => sender.send(channel(Box::new(message))).is_ok(),
        Err(RuntimeError::ZmqError(error)) => {
            let _ = sender.send(Incoming::Lost(error.to_string()));
            false
        }
        Err(_) => true, // a message that cannot be parsed is of a kind that we do not use
    }
}
