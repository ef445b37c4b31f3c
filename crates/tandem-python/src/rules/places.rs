//! T606 and T625: paths of one machine, and what exists on Colab or Kaggle only.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprStringLiteral};
use tandem_definitions::Code;

use crate::facts::Facts;
use crate::finding::Finding;
use crate::program::Program;

/// The places; one finding a cell and kind of path.
pub fn findings(program: &Program, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        let mut literals = Literals::default();
        literals.visit_body(&parsed.body);
        let mut said = BTreeSet::new();
        for literal in literals.found {
            let path = literal.value.to_str();
            if of_service(path) && said.insert("service") {
                let message = format!("`{}` exists on a hosted service only.", shortened(path));
                let help = "Name the folder once, at the top, and take one beside the notebook elsewhere.";
                found.push(Finding::new(program, Code::HostedOnly, cell, literal, message, help));
            } else if of_machine(path) && said.insert("machine") {
                let message = format!("`{}` is a path of one machine.", shortened(path));
                let help = "Put the file beside the notebook and name it relative to the notebook.";
                found.push(Finding::new(program, Code::OneMachinePath, cell, literal, message, help));
            }
        }
    }
    for import in facts.imports.iter().filter(|one| one.path.starts_with("google.colab") && !one.guarded) {
        let Some(cell) = program.cells.iter().position(|cell| cell.number == import.cell) else { continue };
        let lines = program.read[cell].source.split_inclusive('\n');
        let start: usize = lines.take(import.line - 1).map(str::len).sum();
        let length = program.read[cell].source[start..].lines().next().map_or(0, str::len);
        let message = "`google.colab` exists on Google Colab only; elsewhere this cell fails.";
        let help = "Put it in `try: … except ImportError:`, and take the files from a folder beside the notebook.";
        found.push(Finding::in_text(program, Code::HostedOnly, cell, start..start + length, message, help));
    }
    found
}

fn of_service(path: &str) -> bool {
    ["/content/", "/kaggle/input", "/kaggle/working", "/dbfs/", "../input/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// `C:\Users\eva`, `/home/eva/x`, `\\server\share`.
fn of_machine(path: &str) -> bool {
    if path.contains('\n') || path.len() > 300 {
        return false;
    }
    let bytes = path.as_bytes();
    let drive =
        bytes.len() > 3 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/');
    let share =
        path.starts_with("\\\\") && path[2..].contains('\\') && path.len() > 6 && !path.contains(['{', '$', '(']);
    let home = ["/home/", "/Users/", "/Volumes/", "/mnt/", "/media/", "/scratch/", "/root/"];
    let unix = home.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.len() > 1));
    drive && bytes.get(3).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'\\') || share || unix
}

fn shortened(path: &str) -> String {
    let short: String = path.chars().take(60).collect();
    if short.len() < path.len() { format!("{short}…") } else { short }
}

#[derive(Default)]
struct Literals<'a> {
    found: Vec<&'a ExprStringLiteral>,
}

impl<'a> Visitor<'a> for Literals<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::StringLiteral(literal) = expr {
            self.found.push(literal);
        }
        walk_expr(self, expr);
    }
}
