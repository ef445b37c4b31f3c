//! The header of a percent file: YAML in comments, of which the kernel is read; any other line of it is kept as it is.
//! Not here: cells.

use serde_json::{Map, Value, json};

use super::{Cell, Kind};

/// Where the lines of a header that another tool wrote are kept in the notebook's metadata.
const KEPT: &str = "percent_header";
const KERNEL: [&str; 3] = ["display_name", "language", "name"];

/// The header of a notebook.
pub(super) fn write(notebook: &Value) -> String {
    let metadata = notebook.get("metadata");
    let kept = metadata.and_then(|metadata| metadata.get(KEPT)).and_then(Value::as_array);
    if let Some(kept) = kept {
        return kept.iter().filter_map(Value::as_str).map(|line| format!("{line}\n")).collect();
    }
    let spec = metadata.and_then(|metadata| metadata.get("kernelspec"));
    let default = ["Python 3", "python", "python3"];
    let mut lines = ["---", "jupyter:", "  jupytext:", "    text_representation:", "      extension: .py"]
        .map(str::to_owned)
        .to_vec();
    lines.extend(["      format_name: percent", "      format_version: '1.3'", "  kernelspec:"].map(str::to_owned));
    for (key, default) in KERNEL.into_iter().zip(default) {
        let value = spec.and_then(|spec| spec.get(key)).and_then(Value::as_str).unwrap_or(default);
        lines.push(format!("    {key}: {}", scalar(value)));
    }
    lines.push("---".to_owned());
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

/// The notebook's metadata, the cell that a header of other keys stands for, and the lines below the header.
pub(super) fn read<'a>(lines: &'a [&'a str]) -> (Value, Option<Cell>, &'a [&'a str]) {
    let is_rule = |line: &&str| bare(line).trim_end() == "---" && line.starts_with('#');
    // A line for the shell or an encoding may come first.
    let start = lines.iter().take(3).position(is_rule);
    let end = start.and_then(|start| lines[start + 1..].iter().position(is_rule).map(|end| start + 1 + end));
    let (Some(start), Some(end)) = (start, end) else { return (json!({}), None, skip_blank(lines)) };
    let inside = &lines[start + 1..end];
    if lines[..end].iter().any(|line| !line.starts_with('#')) {
        return (json!({}), None, skip_blank(lines));
    }
    let metadata = metadata(inside);
    let (mut jupyter, mut others) = (false, Vec::new());
    for line in inside.iter().map(|line| bare(line)) {
        if !line.starts_with([' ', '\t']) && !line.is_empty() {
            jupyter = line.trim_end() == "jupyter:";
        }
        if !jupyter {
            others.push(line);
        }
    }
    let first = (!others.is_empty()).then(|| Cell {
        kind: Kind::Raw,
        source: format!("---\n{}\n---", others.join("\n")),
        metadata: Map::new(),
        id: None,
    });
    let mut metadata = json!({"kernelspec": metadata});
    let ours = write(&json!({"metadata": metadata}));
    let theirs = lines[..=end].iter().filter(|_| others.is_empty());
    if others.is_empty() && !theirs.clone().map(|line| format!("{line}\n")).collect::<String>().eq(&ours) {
        metadata[KEPT] = theirs.map(|line| json!(line)).collect();
    }
    (metadata, first, skip_blank(&lines[end + 1..]))
}

fn skip_blank<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let blank = lines.iter().take_while(|line| line.is_empty()).count();
    &lines[blank..]
}

fn metadata(lines: &[&str]) -> Value {
    let mut spec = Map::new();
    let mut inside = false;
    for line in lines.iter().map(|line| bare(line)) {
        let text = line.trim();
        if line.starts_with("    ") && inside {
            if let Some((key, value)) = text.split_once(": ").filter(|(key, _)| KERNEL.contains(key)) {
                spec.insert(key.to_owned(), json!(unquoted(value.trim())));
            }
        } else {
            inside = text == "kernelspec:";
        }
    }
    Value::Object(spec)
}

fn bare(line: &str) -> &str {
    line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line)
}

/// A text as YAML writes it: bare where nothing in it means something else.
fn scalar(text: &str) -> String {
    let words = text.chars().all(|c| c.is_alphanumeric() || " ._-()+/[]".contains(c));
    let plain = words && text.starts_with(|c: char| c.is_alphabetic()) && !text.ends_with(' ');
    let meant = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain && !meant { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn unquoted(text: &str) -> String {
    if let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return inner.replace("''", "'");
    }
    let parsed = text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten();
    parsed.unwrap_or_else(|| text.to_owned())
}
