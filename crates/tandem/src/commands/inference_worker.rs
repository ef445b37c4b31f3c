//! `tandem inference-worker`, hidden: the process in which a model runs, started by other Tandem processes and spoken to
//! over its pipes. Not here: the messages (tandem-inference).

use std::io::{BufReader, stdin, stdout};
use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// Runs a model for another Tandem process, over standard input and output
#[derive(Debug, Args)]
pub struct InferenceWorker {
    /// The onnxruntime library
    #[arg(long)]
    library: PathBuf,
    /// The ONNX file
    #[arg(long)]
    model: PathBuf,
}

impl InferenceWorker {
    /// Answers until its input closes.
    pub fn run(self) -> Result<(), Failure> {
        let (mut input, mut output) = (BufReader::new(stdin().lock()), stdout().lock());
        tandem_inference::worker_main(&mut input, &mut output, &self.library, &self.model)
            .map_err(|e| Failure::world("the connection to the process that asked broke").because(e))
    }
}
