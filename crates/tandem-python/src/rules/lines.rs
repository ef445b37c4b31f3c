//! T612 and T624: cells that install packages, and cells that wait for somebody to type.

use tandem_definitions::Code;

use crate::calls::Call;
use crate::finding::Finding;
use crate::program::Program;

const INSTALLERS: &[&str] = &[
    "pip install",
    "pip3 install",
    "conda install",
    "mamba install",
    "apt-get install",
    "apt install",
    "uv add",
    "uv pip install",
    "poetry add",
];

/// The places.
pub fn findings(program: &Program, calls: &[Call<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    let install = |cell, span| {
        let message = "This installs packages while the notebook runs.";
        let help = "List the packages with their versions in requirements.txt beside the notebook.";
        Finding::in_text(program, Code::Installs, cell, span, message, help)
    };
    for (cell, text) in program.cells.iter().enumerate() {
        let mut start = 0;
        for line in text.source.split_inclusive('\n') {
            let command = line.trim_start();
            let shell = command.starts_with(['!', '%']) || command.starts_with("pip install") || text.is_foreign();
            if shell && !command.starts_with("%%") && INSTALLERS.iter().any(|one| command.contains(one))
                || command.starts_with('!') && command.contains("-m pip install")
            {
                found.push(install(cell, start..start + line.trim_end().len()));
            }
            start += line.len();
        }
    }
    for call in calls {
        let runs =
            ["os.system", "subprocess.run", "subprocess.call", "subprocess.check_call"].contains(&call.name.as_str());
        let text = program.text(call.cell, call.expr);
        if runs && text.contains("pip") && text.contains("install") || call.name == "pip.main" {
            let start = usize::from(ruff_text_size::Ranged::start(call.expr));
            found.push(install(call.cell, start..start + text.len()));
        }
        if ["input", "getpass.getpass", "raw_input"].contains(&call.name.as_str()) && !call.in_function && !call.guarded
        {
            let message = "This waits for somebody to type; a run without a person at the keyboard stops here.";
            let help = "Put the value into a variable at the top.";
            found.push(Finding::new(program, Code::WaitsForInput, call.cell, call.expr, message, help));
        }
    }
    found
}
