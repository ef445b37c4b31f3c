//! A service from its start to its end: locks, logs, threads, the listener. Not here: what it answers (`app.rs`).

use std::fs::{File, OpenOptions, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tandem_data::append::{self, AppendLog, Torn};
use tandem_data::read::Origin;
use tandem_definitions::{Project, Source};
use tandem_engine::Plan;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use crate::app::App;
use crate::ingest::{Ingest, Owned};
use crate::live::{Live, Reload, fingerprint};
use crate::openapi;
use crate::questions::Needs;
use crate::replay::replay;
use crate::routes;
use crate::served::ServedLog;
use crate::setup::{Event, Setup, StartError};
use crate::states::States;

/// How often the releases are looked at, and the served log is synced.
const TICK: Duration = Duration::from_millis(300);
/// How long requests in flight have when the service stops.
const GRACE: Duration = Duration::from_secs(10);

/// A service that listens. Dropping it stops it.
pub struct Running {
    address: SocketAddr,
    app: Arc<App>,
    runtime: Option<Runtime>,
    stop_http: Option<oneshot::Sender<()>>,
    http_ended: Option<oneshot::Receiver<()>>,
    stop: Arc<AtomicBool>,
    tick: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    ingest_thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Held as long as the service runs; the system lets go of it when the process dies.
    _lock: File,
}

/// Starts a service: it listens when this returns, and is ready once the past is replayed (`Setup::notice` and GET /ready say when).
pub fn start(setup: Setup, reload: Reload) -> Result<Running, StartError> {
    check(&setup)?;
    // Here, and not in its thread: a release made while the service starts is noticed.
    let seen = fingerprint(&setup.watch);
    let unusable = |reason| StartError::State { path: setup.state_dir.clone(), reason };
    std::fs::create_dir_all(&setup.state_dir).map_err(unusable)?;
    let lock = lock(&setup.state_dir.join("serve.lock"))?;
    let (served, cut) = ServedLog::open(&setup.state_dir.join("served"))?;
    cut.into_iter().for_each(&*setup.notice);
    let logs_folder = setup.state_dir.join("log");
    let logs = open_logs(&setup.project, &logs_folder, &*setup.notice)?;
    let origin = Origin { base: setup.base, server: setup.server, log: Some(logs_folder) };

    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().thread_name("http").build().map_err(StartError::Threads)?;
    let listen = |reason| StartError::Listen { address: setup.listen, reason };
    let (listener, address) = bind(setup.listen).map_err(listen)?;

    let project = Arc::new(setup.project);
    let all: Vec<usize> = (0..project.features.len()).collect();
    let live = Live::new(Arc::clone(&project), setup.models, reload, Arc::clone(&setup.notice));
    let live = live.map_err(StartError::Model)?;
    let app = Arc::new(App {
        plan: Plan::compile(&project, &all),
        states: Arc::new(RwLock::new(States::new(&project))),
        needs: project.questions.iter().map(|q| Needs::of(&project, &q.features)).collect(),
        openapi: openapi::document(&project, setup.token.is_some()).to_string(),
        live,
        project,
        project_hash: setup.project_hash,
        ingest: OnceLock::new(),
        failed: OnceLock::new(),
        replayed: AtomicU64::new(0),
        served,
        clock: setup.clock,
        token: setup.token,
        body_limit: setup.body_limit,
        body_time: setup.body_time,
        stopping: watch::Sender::new(false),
    });

    let stop = Arc::new(AtomicBool::new(false));
    let (stop_http, http_ended) = listen_on(&runtime, listener, &app).map_err(listen)?;
    let (tick, ticks) = channel();
    let past = Past { app: Arc::clone(&app), origin, logs, stop: Arc::clone(&stop), notice: Arc::clone(&setup.notice) };
    let ingest_thread = Arc::new(Mutex::new(None));
    let begun = Arc::clone(&ingest_thread);
    let threads = vec![
        spawn("replay", move || {
            *begun.lock().unwrap_or_else(PoisonError::into_inner) = past.replay();
        })?,
        spawn("watch", {
            let (app, watched, notice) = (Arc::clone(&app), setup.watch, setup.notice);
            move || watch(&app, &watched, seen, &ticks, &*notice)
        })?,
    ];
    Ok(Running {
        address,
        app,
        runtime: Some(runtime),
        stop_http: Some(stop_http),
        http_ended: Some(http_ended),
        stop,
        tick: Some(tick),
        threads,
        ingest_thread,
        _lock: lock,
    })
}

/// A listener that does not block, and the address it got (a port of 0 is any free one).
fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The log of each source, open for appending; torn last lines are cut off, and that is told.
fn open_logs(project: &Project, folder: &Path, notice: &dyn Fn(Event)) -> Result<Vec<AppendLog>, StartError> {
    let open = |source: &Source| {
        let (log, recovery) =
            AppendLog::open(&folder.join(&source.name)).map_err(|e| StartError::Log(e.to_string()))?;
        if let Some(Torn { file, line, bytes }) = recovery.torn {
            notice(Event::Cut { file, line, bytes });
        }
        Ok(log)
    };
    project.sources.iter().map(open).collect()
}

/// Until the service stops: brings the served log to the disk, and notices when another release is live.
fn watch(app: &App, watched: &[PathBuf], mut seen: u64, ticks: &Receiver<()>, notice: &dyn Fn(Event)) {
    while let Err(RecvTimeoutError::Timeout) = ticks.recv_timeout(TICK) {
        if let Err(error) = app.served.sync() {
            notice(Event::LogFailed { reason: format!("the served log could not be synced: {error}") });
        }
        let now = fingerprint(watched);
        if now != seen {
            seen = now;
            // A refusal has been told by the notice; it is tried again at the next change.
            drop(app.live.reload());
        }
    }
}

fn check(setup: &Setup) -> Result<(), StartError> {
    match &setup.token {
        None if !setup.listen.ip().is_loopback() => Err(StartError::PublicWithoutToken(setup.listen)),
        Some(token) if token.trim() != token || token.len() < 16 => Err(StartError::BadToken),
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, StartError> {
    let failed = |reason| StartError::State { path: path.to_path_buf(), reason };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(reason)) => Err(failed(reason)),
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Threads)
}

type Ends = (oneshot::Sender<()>, oneshot::Receiver<()>);

fn listen_on(runtime: &Runtime, listener: TcpListener, app: &Arc<App>) -> std::io::Result<Ends> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel();
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let router = routes::router(Arc::clone(app));
    runtime.spawn(async move {
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Small answers must not wait for the next packet.
            drop(stream.set_nodelay(true));
        });
        let graceful = axum::serve(listener, router).with_graceful_shutdown(async move { drop(stopped.await) });
        // Accepting never fails for good; nobody listens to the end when the service was dropped.
        let _ = graceful.await;
        let _ = end.send(());
    });
    Ok((stop, ended))
}

/// What the replay at start needs.
struct Past {
    app: Arc<App>,
    origin: Origin,
    logs: Vec<AppendLog>,
    stop: Arc<AtomicBool>,
    notice: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Past {
    /// Replays the past and opens the way in; the thread behind it.
    fn replay(self) -> Option<JoinHandle<()>> {
        let Self { app, origin, logs, stop, notice } = self;
        let progress = |records| {
            app.replayed.store(records, Ordering::Relaxed);
            notice(Event::Replayed { records });
        };
        let fail = |reason: String| {
            drop(app.failed.set(reason.clone()));
            notice(Event::Failed { reason });
            None
        };
        let mut replayed = match replay(&app.project, &origin, (app.clock)(), &stop, progress) {
            Ok(Some(replayed)) => replayed,
            Ok(None) => return None,
            Err(error) => return fail(error.to_string()),
        };
        if let Err(reason) = note_begins(&app.project, &origin, &logs, &replayed.begins) {
            return fail(reason);
        }
        replayed.states.resume(None, app.served.last_answered());
        if let Some(last) = replayed.states.last_held() {
            notice(Event::Held { records: replayed.states.held() as u64, last });
        }
        *app.states.write().unwrap_or_else(PoisonError::into_inner) = replayed.states;
        let owned = Owned {
            project: Arc::clone(&app.project),
            states: Arc::clone(&app.states),
            admissions: replayed.admissions,
            begins: replayed.begins,
            clock: Arc::clone(&app.clock),
            notice: Arc::clone(&notice),
        };
        match Ingest::start(owned, logs) {
            Ok((ingest, thread)) => {
                drop(app.ingest.set(ingest));
                notice(Event::Ready { records: replayed.records });
                Some(thread)
            }
            Err(error) => fail(format!("cannot start the thread that takes records in: {error}")),
        }
    }
}

/// Logs from before it was noted where they begin: noted now.
fn note_begins(project: &Project, origin: &Origin, logs: &[AppendLog], begins: &[u64]) -> Result<(), String> {
    for ((source, log), begins) in project.sources.iter().zip(logs).zip(begins) {
        let Some(folder) = origin.log.as_ref().map(|folder| folder.join(&source.name)) else { continue };
        let noted = append::begins_at(&folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
        if log.records() > 0 && noted.is_none() {
            log.set_begins_at(*begins).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

impl Running {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the past is replayed. `Err`: why it cannot be.
    pub fn wait_ready(&self) -> Result<(), String> {
        loop {
            if self.app.ready().is_ok() {
                return Ok(());
            }
            if let Some(reason) = self.app.failed.get() {
                return Err(reason.clone());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until Ctrl-C or, where there is such a thing, a request to terminate; then stops gracefully.
    pub fn wait(self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(asked_to_stop());
        }
        self.stop();
    }

    /// Stops: no new connection, requests in flight are answered, logs are synced.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        self.stop.store(true, Ordering::Relaxed);
        self.app.stopping.send_replace(true);
        drop(self.stop_http.take());
        if let Some(ended) = self.http_ended.take() {
            drop(runtime.block_on(async { tokio::time::timeout(GRACE, ended).await }));
        }
        runtime.shutdown_timeout(GRACE);
        drop(self.tick.take());
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
        if let Some(ingest) = self.app.ingest.get() {
            ingest.close();
        }
        if let Some(thread) = self.ingest_thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(thread.join());
        }
        // The last rows; a failure has nobody left to be told but the next start, which recovers.
        drop(self.app.served.sync());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
