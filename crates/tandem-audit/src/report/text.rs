//! A report as plain text for the terminal.
//! Not here: colours.

use std::fmt::Write as _;

use super::{Judgement, Report};

/// Draws it: the sources, the verdicts, the findings in full, and what a reader has to know.
pub fn draw(report: &Report) -> String {
    let mut out = format!("{}: {}\n", report.notebook, report.summary());
    let _ = writeln!(out);
    for source in &report.sources {
        let guess = if source.source.guessed { " (guessed)" } else { "" };
        let keys = source.source.entities.join(", ");
        let path = source.source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let whose = if keys.is_empty() { "no entity".to_owned() } else { format!("entity {keys}") };
        let named = |column: &String| if column.is_empty() { "(unnamed)".to_owned() } else { column.clone() };
        let what = match (&source.source.event_time, &source.source.arrival_time) {
            (Some(event), Some(arrival)) => format!("{whose}, happened {}, known {}", named(event), named(arrival)),
            (Some(event), None) => format!("{whose}, happened {}", named(event)),
            _ => "no time: kept whole, unsupported".to_owned(),
        };
        let _ = writeln!(out, "source   {path}: {what}; {} rows{guess}", source.rows);
    }
    for label in &report.audited {
        let _ = writeln!(out, "audited  {label}");
    }
    for cut in &report.cuts {
        let failed = cut.failed.as_ref().map_or_else(String::new, |failed| format!("; not judged: {failed}"));
        let _ = writeln!(out, "cut      {} ({}){failed}", cut.instant, cut.cut.why);
    }
    if let Some(end) = &report.training_end {
        let _ = writeln!(out, "training ends {end}");
    }
    let _ = writeln!(out);
    let width = report.verdicts.iter().map(|judgement| judgement.column.chars().count()).max().unwrap_or(0);
    for judgement in &report.verdicts {
        let place = judgement
            .origin
            .as_ref()
            .map_or_else(String::new, |origin| format!("  cell {}, line {}", origin.cell, origin.line));
        let _ = writeln!(out, "{:<14} {:<width$}{place}", judgement.verdict.word(), judgement.column);
    }
    for judgement in report.verdicts.iter().filter(|judgement| judgement.verdict.is_finding()) {
        finding(&mut out, judgement);
    }
    for judgement in report.verdicts.iter().filter(|judgement| judgement.verdict == super::Verdict::NotJudged) {
        let _ = writeln!(out, "\n{} {}: {}", judgement.verdict.word(), judgement.column, judgement.words);
    }
    let _ = writeln!(out);
    for suspected in &report.suspicions {
        let place = format!("{} cell {}, line {}", suspected.code, suspected.cell, suspected.line);
        let _ = writeln!(out, "suspected {place}: {}", suspected.text);
        let _ = writeln!(out, "          {}: {}", suspected.outcome.word(), suspected.words);
    }
    for file in &report.undeclared {
        let _ = writeln!(
            out,
            "note     {file} was read and is no source that can be cut: what it knows of the future is not seen here"
        );
    }
    for note in &report.notes {
        let _ = writeln!(out, "note     {note}");
    }
    if let Some(code) = report.verdicts.iter().find_map(|judgement| judgement.code) {
        let _ = writeln!(out, "What a verdict means: tandem explain {code}");
    }
    let _ = writeln!(out, "{} runs in {:.1} s. {}", report.runs, report.seconds, report.miss);
    out
}

fn finding(out: &mut String, judgement: &Judgement) {
    let code = judgement.code.map_or_else(String::new, |code| format!("[{code}]"));
    let _ = writeln!(out, "\n{}{code} {}", judgement.verdict.word(), judgement.column);
    let _ = writeln!(out, "  {}", judgement.words);
    if let Some(origin) = &judgement.origin {
        let _ = writeln!(out, "    cell {}, line {}:  {}", origin.cell, origin.line, origin.code);
    }
    if !judgement.consequences.is_empty() {
        let _ = writeln!(out, "    passed on in {}", judgement.consequences.join("; "));
    }
    for sample in &judgement.samples {
        let _ = writeln!(
            out,
            "    {}: your notebook says {}; production would have said {}",
            sample.row, sample.says, sample.would
        );
    }
    let _ = writeln!(out, "  Instead: {}", judgement.remedy);
    for line in judgement.feature.lines() {
        let _ = writeln!(out, "    {line}");
    }
}
