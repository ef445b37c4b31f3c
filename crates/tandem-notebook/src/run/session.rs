//! The cells of one run, in order, each until the kernel has replied and is idle again, and what their ends mean.
//! Not here: starting and ending the kernel.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use jupyter_protocol::{ExecutionState, Header, JupyterMessageContent};
use serde_json::Value;
use tokio::time::Instant;

use super::failure::end_in_words;
use super::kernel::{Incoming, Kernel};
use super::outputs::{Added, Outputs, Raised};
use super::{CellFailure, CellRun, CellTrouble, Event, NotebookRun, RunError, traceback};
use crate::ipynb::{CodeCell, Notebook};

/// How a cell ended, as the kernel told it.
struct CellEnd {
    raised: Option<Raised>,
    count: Option<u64>,
    too_long: bool,
}

/// How the wait for a cell was cut short.
enum Broken {
    Died(ExitStatus),
    KilledForTime,
    Connection(String),
}

/// One run on one kernel.
pub(super) struct Session<'a> {
    run: &'a NotebookRun,
    notebook: &'a Notebook,
    /// The kernel, for its end.
    pub kernel: Kernel,
    on_event: &'a mut dyn FnMut(Event),
    outputs: Outputs,
    counts: Vec<Option<u64>>,
    /// The cell (from 0) of each request sent: a thread of an earlier cell may still print.
    requests: BTreeMap<String, usize>,
    /// When all cells have to be done.
    ends: Option<Instant>,
    /// Whether the limit of the cell that runs is the one for all cells.
    of_all: bool,
}

impl<'a> Session<'a> {
    pub fn new(
        run: &'a NotebookRun,
        notebook: &'a Notebook,
        kernel: Kernel,
        on_event: &'a mut dyn FnMut(Event),
    ) -> Self {
        let cells = notebook.code_cells().len();
        let outputs = Outputs::new(cells, run.output_limit);
        let (counts, requests) = (vec![None; cells], BTreeMap::new());
        Self { run, notebook, kernel, on_event, outputs, counts, requests, ends: None, of_all: false }
    }

    /// Runs the cells up to the first that fails, or, when it goes on, up to the end of the cells or of the kernel.
    pub async fn run_all(&mut self) -> Result<(Vec<CellRun>, Vec<CellFailure>), RunError> {
        let notebook = self.notebook;
        let of = notebook.code_cells().len();
        let (mut done, mut failures) = (Vec::new(), Vec::new());
        self.kernel.watch_memory(self.run.memory);
        self.ends = self.run.limit.map(|limit| Instant::now() + limit);
        for cell in notebook.code_cells().iter().filter(|cell| !cell.is_empty()) {
            let number = cell.number;
            (self.on_event)(Event::CellStarted { number, of, first_line: cell.first_line().to_owned() });
            let start = Instant::now();
            let end = self.run_cell(cell).await;
            let judged = self.judge(cell, end);
            let (seconds, memory) = (start.elapsed().as_secs_f64(), self.kernel.take_peak());
            match judged {
                Ok(()) => {
                    (self.on_event)(Event::CellFinished { number, seconds, memory });
                    done.push(CellRun { number, seconds, memory, cut: self.outputs.is_cut(number - 1) });
                }
                Err(RunError::Cell(failure)) => {
                    (self.on_event)(Event::CellFailed { failure: failure.clone(), seconds, memory });
                    if !(self.run.keep_going && failure.kernel_lives()) {
                        return Err(RunError::Cell(failure));
                    }
                    failures.push(*failure);
                }
                Err(other) => return Err(other),
            }
        }
        Ok((done, failures))
    }

    /// Runs a cell until the kernel has both replied and become idle again.
    async fn run_cell(&mut self, cell: &CodeCell) -> Result<CellEnd, Broken> {
        const INTERRUPT_PATIENCE: Duration = Duration::from_secs(5);
        // A broadcast can be lost; a reply is not. After the reply the rest is waited for so long.
        const IDLE_PATIENCE: Duration = Duration::from_secs(10);
        let sent = self.kernel.execute(&cell.source).await;
        let id = sent.map_err(|error| Broken::Connection(error.to_string()))?;
        self.requests.insert(id.clone(), cell.number - 1);
        let by_cell = self.run.cell_limit.map(|limit| Instant::now() + limit);
        let mut deadline = by_cell.into_iter().chain(self.ends).min();
        self.of_all = deadline.is_some() && deadline == self.ends;
        let mut end = CellEnd { raised: None, count: None, too_long: false };
        let (mut replied, mut idle) = (false, false);
        while !(replied && idle) {
            let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_hours(24));
            let Ok(next) = tokio::time::timeout_at(until, self.kernel.next()).await else {
                if replied {
                    break;
                }
                if end.too_long {
                    self.kernel.kill();
                    return Err(Broken::KilledForTime);
                }
                if deadline.is_some() {
                    end.too_long = true;
                    self.kernel.interrupt();
                    deadline = Some(Instant::now() + INTERRUPT_PATIENCE);
                }
                continue;
            };
            match next.map_err(Broken::Died)? {
                Incoming::Shell(message) if is_answer(message.parent_header.as_ref(), &id) => {
                    if let JupyterMessageContent::ExecuteReply(reply) = &message.content {
                        end.count = u64::try_from(reply.execution_count.0).ok().or(end.count);
                        self.counts[cell.number - 1] = end.count;
                        replied = true;
                        deadline = Some(Instant::now() + IDLE_PATIENCE);
                    }
                }
                Incoming::Shell(_) => {}
                Incoming::Lost(why) => {
                    let status = self.kernel.ended_soon().await;
                    return Err(status.map_or(Broken::Connection(why), Broken::Died));
                }
                Incoming::IoPub(message) => {
                    let ours = is_answer(message.parent_header.as_ref(), &id);
                    if let JupyterMessageContent::Status(status) = &message.content {
                        idle |= ours && status.execution_state == ExecutionState::Idle;
                        continue;
                    }
                    let parent = message.parent_header.as_ref().map(|header| header.msg_id.as_str());
                    let target = parent.and_then(|parent| self.requests.get(parent)).copied();
                    if let Some(raised) = target.and_then(|target| self.take(target, &message.content)) {
                        end.raised = Some(raised).filter(|_| ours).or(end.raised);
                    }
                }
            }
        }
        Ok(end)
    }

    /// Keeps what a message puts out, and passes it on.
    fn take(&mut self, cell: usize, content: &JupyterMessageContent) -> Option<Raised> {
        match self.outputs.add(cell, content) {
            Added::Nothing => None,
            Added::Text(stream, text) => {
                let text = traceback::plain(&text);
                (self.on_event)(Event::Output { number: cell + 1, stream, text });
                None
            }
            Added::Error(raised) => Some(raised),
        }
    }

    /// Whether the run goes on after this cell.
    fn judge(&mut self, cell: &CodeCell, end: Result<CellEnd, Broken>) -> Result<(), RunError> {
        match end {
            Ok(CellEnd { too_long: true, raised, count }) => {
                let trouble = self.too_long(false);
                Err(self.failure(cell, trouble, raised.as_ref(), count))
            }
            Ok(CellEnd { raised: None, .. }) => Ok(()),
            Ok(CellEnd { raised: Some(_), .. }) if cell.may_fail => Ok(()),
            Ok(CellEnd { raised: Some(raised), count, .. }) => {
                let trouble = match raised.name.as_str() {
                    "StdinNotImplementedError" => CellTrouble::AskedForInput,
                    _ => CellTrouble::Raised { name: raised.name.clone(), message: raised.message.clone() },
                };
                Err(self.failure(cell, trouble, Some(&raised), count))
            }
            Err(Broken::Connection(why)) => Err(RunError::Connection(why)),
            Err(Broken::KilledForTime) => {
                let trouble = self.too_long(true);
                Err(self.ended_by(cell, trouble, "CellTooLong"))
            }
            Err(Broken::Died(status)) => {
                let trouble = match (self.kernel.held_too_much(), self.run.memory) {
                    (Some(held), Some(limit)) => CellTrouble::TooMuchMemory { limit, held },
                    _ => CellTrouble::KernelDied { how: end_in_words(status), log: self.kernel.log() },
                };
                Err(self.ended_by(cell, trouble, "KernelDied"))
            }
        }
    }

    /// Which of the limits of time it was.
    fn too_long(&self, killed: bool) -> CellTrouble {
        let seconds = |limit: Option<Duration>| limit.unwrap_or_default().as_secs_f64();
        if self.of_all {
            return CellTrouble::RunTooLong { limit: seconds(self.run.limit) };
        }
        CellTrouble::TooLong { limit: seconds(self.run.cell_limit), killed }
    }

    /// A failure of which the kernel could tell nothing: the copy says it, too.
    fn ended_by(&mut self, cell: &CodeCell, trouble: CellTrouble, name: &str) -> RunError {
        let error = self.failure(cell, trouble, None, None);
        let raised = Raised { name: name.to_owned(), message: error.to_string(), traceback: String::new() };
        self.outputs.error(cell.number - 1, &raised, std::slice::from_ref(&raised.message));
        error
    }

    fn failure(&self, cell: &CodeCell, trouble: CellTrouble, raised: Option<&Raised>, count: Option<u64>) -> RunError {
        let text = raised.map_or("", |raised| raised.traceback.as_str());
        let line = count.and_then(|count| traceback::line_in_cell(text, count));
        let source_line = line.and_then(|line| cell.source.lines().nth(line - 1)).unwrap_or(cell.first_line());
        RunError::Cell(Box::new(CellFailure {
            notebook: self.run.notebook.clone(),
            number: cell.number,
            of: self.notebook.code_cells().len(),
            index: cell.index,
            line,
            source_line: source_line.to_owned(),
            trouble,
            traceback: text.to_owned(),
        }))
    }

    /// The notebook with what has been put out so far.
    pub fn executed_copy(&self, language_info: Option<Value>) -> String {
        let reached = self.requests.values().copied().max();
        let outcome = |number: usize| {
            let cell = number - 1;
            (Some(cell) <= reached).then(|| (self.outputs.of(cell), self.counts[cell]))
        };
        self.notebook.executed(outcome, language_info.filter(|info| !info.is_null()))
    }
}

fn is_answer(parent: Option<&Header>, id: &str) -> bool {
    parent.is_some_and(|header| header.msg_id == id)
}
