//! A report as one HTML page that needs nothing else: the verdicts, then the notebook's cells with the findings beside them.
//! Not here: scripts; there are none.

use std::fmt::Write as _;

use super::{CellText, Judgement, Report};

/// Draws the page.
pub fn draw(report: &Report) -> String {
    let mut out = String::new();
    let name = escaped(&report.notebook);
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Audit of {name}</title><style>{}</style></head><body><main>",
        include_str!("report.css")
    );
    let _ = write!(
        out,
        "<p class=\"kind\">What this notebook saw of the future</p><h1>{name}</h1><p class=\"summary\">{}</p>",
        escaped(&sentence(&report.summary()))
    );
    verdicts(&mut out, report);
    if !report.cells.is_empty() {
        out.push_str("<h2>The notebook</h2>");
        for cell in &report.cells {
            draw_cell(&mut out, report, cell);
        }
    }
    for judgement in report.findings().filter(|judgement| judgement.origin.is_none()) {
        out.push_str("<section class=\"cell\"><div></div>");
        card(&mut out, judgement);
        out.push_str("</section>");
    }
    suspicions(&mut out, report);
    how(&mut out, report);
    out.push_str("</main></body></html>\n");
    out
}

fn verdicts(out: &mut String, report: &Report) {
    if report.verdicts.is_empty() {
        return;
    }
    out.push_str("<div class=\"scroll\"><table><thead><tr><th>Verdict</th><th>Column</th><th>Where</th><th>What</th></tr></thead><tbody>");
    for judgement in &report.verdicts {
        let place = judgement.origin.as_ref().map_or_else(String::new, |origin| {
            format!("<a href=\"#cell-{}\">cell {}, line {}</a>", origin.cell, origin.cell, origin.line)
        });
        let _ = write!(
            out,
            "<tr><td>{}</td><td><code>{}</code></td><td class=\"where\">{place}</td><td>{}</td></tr>",
            badge(judgement),
            escaped(&judgement.column),
            escaped(&judgement.words)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn badge(judgement: &Judgement) -> String {
    let class = match judgement.verdict {
        verdict if verdict.is_finding() => "found",
        super::Verdict::NotJudged => "open",
        _ => "quiet",
    };
    let title = judgement.code.map_or_else(String::new, |code| format!(" title=\"tandem explain {code}\""));
    format!("<span class=\"badge {class}\"{title}>{}</span>", judgement.verdict.word())
}

fn draw_cell(out: &mut String, report: &Report, cell: &CellText) {
    let here = |judgement: &&Judgement| judgement.origin.as_ref().is_some_and(|origin| origin.cell == cell.number);
    let found: Vec<&Judgement> = report.findings().filter(here).collect();
    let class = if found.is_empty() { "cell" } else { "cell marked" };
    let _ = write!(
        out,
        "<section class=\"{class}\" id=\"cell-{}\"><div class=\"code\"><p class=\"number\">Cell {}</p><pre>",
        cell.number, cell.number
    );
    for (line, text) in cell.source.lines().enumerate() {
        let marked =
            found.iter().any(|judgement| judgement.origin.as_ref().is_some_and(|origin| origin.line == line + 1));
        let _ = write!(
            out,
            "<span class=\"line{}\"><i>{}</i>{}</span>",
            if marked { " hit" } else { "" },
            line + 1,
            escaped(text)
        );
    }
    out.push_str("</pre></div><div class=\"margin\">");
    found.into_iter().for_each(|judgement| card(out, judgement));
    out.push_str("</div></section>");
}

fn card(out: &mut String, judgement: &Judgement) {
    let _ = write!(
        out,
        "<article>{} <code>{}</code><p>{}</p>",
        badge(judgement),
        escaped(&judgement.column),
        escaped(&judgement.words)
    );
    if !judgement.samples.is_empty() {
        out.push_str("<table class=\"samples\"><thead><tr><th>Row</th><th>Your notebook says</th><th>Production would have said</th></tr></thead><tbody>");
        for sample in &judgement.samples {
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(&sample.row),
                escaped(&sample.says),
                escaped(&sample.would)
            );
        }
        out.push_str("</tbody></table>");
    }
    if !judgement.consequences.is_empty() {
        let _ = write!(out, "<p class=\"small\">Passed on in {}.</p>", escaped(&judgement.consequences.join("; ")));
    }
    let _ = write!(out, "<p><b>Instead:</b> {}</p>", escaped(&judgement.remedy));
    if !judgement.feature.is_empty() {
        let _ = write!(
            out,
            "<p class=\"small\">As a declared feature:</p><pre class=\"feature\">{}</pre>",
            escaped(&judgement.feature)
        );
    }
    out.push_str("</article>");
}

fn suspicions(out: &mut String, report: &Report) {
    if report.suspicions.is_empty() {
        return;
    }
    out.push_str("<h2>What the code made suspect, and what the runs say</h2><div class=\"scroll\"><table><tbody>");
    for suspected in &report.suspicions {
        let class = match suspected.outcome {
            super::Outcome::Proven => "found",
            super::Outcome::NotConfirmed => "quiet",
            super::Outcome::NotJudged => "open",
        };
        let _ = write!(
            out,
            "<tr><td><span class=\"badge {class}\" title=\"tandem explain {}\">{}</span></td><td class=\"where\"><a href=\"#cell-{}\">cell {}, line {}</a></td><td>{}</td><td>{}</td></tr>",
            suspected.code,
            suspected.outcome.word(),
            suspected.cell,
            suspected.cell,
            suspected.line,
            escaped(&suspected.text),
            escaped(&suspected.words)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn how(out: &mut String, report: &Report) {
    out.push_str("<h2>How this was found</h2><p>The notebook was run on all of its data, then again for each cut: with what came later left out, and with other values in what came later. A value that changes in a row before the cut has seen the future.</p><ul>");
    for source in &report.sources {
        let file = source.source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let time = source
            .source
            .event_time
            .as_ref()
            .map_or_else(|| "without a time, kept whole".to_owned(), |time| format!("cut by {time}"));
        let known = source.source.arrival_time.as_ref().map_or_else(String::new, |time| format!(" and by {time}"));
        let guess = if source.source.guessed { ", which is a guess" } else { "" };
        let _ = write!(
            out,
            "<li><code>{}</code>: {} rows, {}{}{guess}</li>",
            escaped(&file),
            source.rows,
            escaped(&time),
            escaped(&known)
        );
    }
    for cut in &report.cuts {
        let failed = cut.failed.as_ref().map_or_else(String::new, |failed| format!(" Not judged: {failed}"));
        let _ =
            write!(out, "<li>Cut at {}: {}.{}</li>", escaped(&cut.instant), escaped(&cut.cut.why), escaped(&failed));
    }
    for label in &report.audited {
        let _ = write!(out, "<li>Audited: {}</li>", escaped(label));
    }
    for file in &report.undeclared {
        let _ = write!(
            out,
            "<li><code>{}</code> was read and is no source that can be cut: what it knows of the future is not seen here.</li>",
            escaped(file)
        );
    }
    for note in &report.notes {
        let _ = write!(out, "<li>{}</li>", escaped(note));
    }
    let _ = write!(
        out,
        "</ul><p class=\"small\">{} runs in {:.1} s. {}</p>",
        report.runs,
        report.seconds,
        escaped(&report.miss)
    );
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
