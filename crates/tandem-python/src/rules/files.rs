//! T608 and T609: data from the network, and files that an earlier run wrote.

use std::collections::BTreeSet;

use tandem_definitions::Code;

use crate::calls::Call;
use crate::facts::{Facts, FileHow};
use crate::finding::Finding;
use crate::program::Program;

const LOADERS: &[&str] = &[
    "requests.get",
    "requests.post",
    "urllib.request.urlopen",
    "urllib.request.urlretrieve",
    "urllib.urlopen",
    "urllib.urlretrieve",
    "urllib2.urlopen",
    "yfinance.download",
    "nltk.download",
    "seaborn.load_dataset",
    "datasets.load_dataset",
    "gdown.download",
    "wget.download",
    "kagglehub.dataset_download",
    "openml.datasets.get_dataset",
];

/// Whether a path is an address.
pub fn is_address(path: &str) -> bool {
    let scheme = path.split_once("://").map_or("", |(scheme, _)| scheme);
    ["http", "https", "ftp", "s3", "gs", "gcs", "az", "abfs", "hdfs"].contains(&scheme)
}

/// The places.
pub fn findings(program: &Program, facts: &Facts, calls: &[Call<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    let index = |number: usize| program.cells.iter().position(|cell| cell.number == number).unwrap_or(0);
    let help = "Keep a copy beside the notebook, or write down the version and a checksum.";
    let mut said = BTreeSet::new();
    for file in &facts.files {
        let Some(path) = file.path.as_deref().filter(|_| file.how == FileHow::Read) else { continue };
        let cell = index(file.cell);
        if is_address(path) && said.insert((cell, file.line)) {
            let message = format!("Data from the network: {}.", shortened(path));
            found.push(Finding::in_text(program, Code::FromNetwork, cell, file.start..file.end, message, help));
        }
        let written = |how| facts.files.iter().filter(move |one| one.how == how && one.path.as_deref() == Some(path));
        let place = (file.cell, file.start);
        let before = written(FileHow::Write).any(|one| (one.cell, one.start) < place);
        let after = written(FileHow::Write).find(|one| (one.cell, one.start) > place);
        if let (false, Some(after), true) = (before, after, file.call != "sqlite3.connect") {
            let message = format!(
                "`{path}` is read here and written only further down, in cell {}: an earlier run made it.",
                after.cell
            );
            let help = "Make the file before it is read, or delete it at the start of a run.";
            found.push(Finding::in_text(program, Code::CacheReadBack, cell, file.start..file.end, message, help));
        }
    }
    for call in calls {
        let fetches = call.name.starts_with("sklearn.datasets.fetch_") || LOADERS.contains(&call.name.as_str());
        if fetches && said.insert((call.cell, program.line(call.cell, call.expr))) {
            let message = format!("`{}` loads data from the network.", call.method);
            found.push(Finding::new(program, Code::FromNetwork, call.cell, call.expr, message, help));
        }
    }
    for (cell, text) in program.cells.iter().enumerate() {
        let mut start = 0;
        for line in text.source.split_inclusive('\n') {
            let command = line.trim_start().trim_start_matches(['!', '%']).trim_start();
            let shell = line.trim_start().starts_with('!') || text.is_foreign();
            if shell
                && ["wget ", "curl ", "git clone", "gdown ", "kaggle datasets", "aws s3"]
                    .iter()
                    .any(|one| command.starts_with(one))
            {
                let message = "This loads data from the network.";
                let span = start..start + line.trim_end().len();
                found.push(Finding::in_text(program, Code::FromNetwork, cell, span, message, help));
            }
            start += line.len();
        }
    }
    found
}

fn shortened(path: &str) -> String {
    let short: String = path.chars().take(60).collect();
    if short.len() < path.len() { format!("{short}…") } else { short }
}
