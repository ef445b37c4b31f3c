//! A cell's first line, `# %% title [markdown] key="value"`: written and read as Jupytext does.
//! Not here: the lines below it.

use serde_json::{Map, Value};

use super::Kind;

/// What a cell's first line says.
pub(super) struct Options {
    pub kind: Option<Kind>,
    pub metadata: Map<String, Value>,
}

/// Writes it.
pub(super) fn line(kind: Kind, mut metadata: Map<String, Value>) -> String {
    let mut parts = vec!["# %%".to_owned()];
    let plain = |text: &str| !text.contains(['{', '=']);
    if let Some(title) = metadata.get("title").and_then(Value::as_str).filter(|title| plain(title)) {
        parts.push(title.to_owned());
        metadata.shift_remove("title");
    }
    match kind {
        Kind::Code => {}
        Kind::Markdown => parts.push("[markdown]".to_owned()),
        Kind::Raw => parts.push("[raw]".to_owned()),
    }
    if metadata.keys().all(|key| is_key(key)) {
        parts.extend(metadata.iter().map(|(key, value)| match value {
            Value::Null => key.clone(),
            value => format!("{key}={value}"),
        }));
    } else {
        parts.push(Value::Object(metadata).to_string());
    }
    parts.join(" ")
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_.@/-".contains(c))
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || "_.".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
}

/// The text behind `# %%`, if the line is a cell's first.
pub(super) fn marked(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    if let Some(options) = rest.strip_prefix("%%") {
        // `%%` and more of them, which say how deep, and then a space: `%%time` is a magic.
        let deep = options.trim_start_matches('%');
        return (options.is_empty() || deep.starts_with(char::is_whitespace)).then_some(deep);
    }
    let old = rest.trim_end();
    let numbered = old.strip_prefix("In[").map(|rest| rest.trim_end_matches(':').trim_end_matches(']'));
    let numbered = numbered.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit() || c == ' '));
    (old == "<codecell>" || (numbered && old.contains(']'))).then_some("")
}

/// Reads what stands behind `# %%`.
pub(super) fn read(text: &str) -> Options {
    let text = text.trim();
    let (brace, equal) = (text.find('{'), text.find('='));
    let (title, mut metadata) = match (brace, equal) {
        (Some(brace), equal) if equal.is_none_or(|equal| brace < equal) => {
            let read: Option<Map<String, Value>> = serde_json::from_str(&text[brace..]).ok();
            (text[..brace].trim(), read.unwrap_or_else(|| unreadable(&text[brace..])))
        }
        (_, Some(equal)) => {
            let key = text[..equal].trim_end().rfind(' ').map_or(0, |at| at + 1);
            (text[..key].trim(), pairs(&text[key..]))
        }
        (_, None) => (text, Map::new()),
    };
    let kinds = [("[markdown]", Kind::Markdown), ("[md]", Kind::Markdown), ("[raw]", Kind::Raw)];
    let found = kinds.iter().find(|(word, _)| title.contains(word));
    let title = found.map_or_else(|| title.to_owned(), |(word, _)| title.replace(word, ""));
    let mut title = title.trim();
    // A bare word behind the kind is a key without a value.
    if let Some((word, _)) = found
        && let Some((_, keys)) = text.split_once(word)
        && let Some(keys) = keys.trim().strip_suffix(rest_of(keys)).map(str::trim).filter(|keys| !keys.is_empty())
        && keys.split(' ').all(is_identifier)
    {
        title = title.strip_suffix(keys).unwrap_or(title).trim();
        let bare = keys.split(' ').map(|key| (key.to_owned(), Value::Null));
        metadata = bare.chain(metadata).collect();
    }
    if !title.is_empty() {
        metadata.insert("title".to_owned(), Value::from(title));
    }
    Options { kind: found.map(|(_, kind)| *kind), metadata }
}

/// From the first `key=` or `{` on.
fn rest_of(text: &str) -> &str {
    let text = text.trim();
    match (text.find('{'), text.find('=')) {
        (Some(brace), equal) if equal.is_none_or(|equal| brace < equal) => &text[brace..],
        (_, Some(equal)) => &text[text[..equal].trim_end().rfind(' ').map_or(0, |at| at + 1)..],
        (_, None) => "",
    }
}

/// `key=value key2=value2`, from the right, since a value may hold spaces and signs.
fn pairs(text: &str) -> Map<String, Value> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    'pair: while !rest.is_empty() {
        let last = rest.rfind(' ').map_or(0, |at| at + 1);
        if is_identifier(&rest[last..]) {
            found.push((rest[last..].to_owned(), Value::Null));
            rest = rest[..last].trim_end();
            continue;
        }
        let mut end = rest.len();
        while let Some(equal) = rest[..end].rfind('=') {
            let start = rest[..equal].trim_end().rfind(' ').map_or(0, |at| at + 1);
            let key = rest[start..equal].trim();
            if let Some(value) = Some(key).filter(|key| is_key(key)).and_then(|_| value(rest[equal + 1..].trim())) {
                found.push((key.to_owned(), value));
                rest = rest[..start].trim_end();
                continue 'pair;
            }
            end = equal;
        }
        found.extend(unreadable(rest));
        break;
    }
    found.reverse();
    found.into_iter().collect()
}

/// JSON, or a text between single quotes, as people write it.
fn value(text: &str) -> Option<Value> {
    let quoted = || text.strip_prefix('\'')?.strip_suffix('\'').filter(|inner| !inner.contains(['\'', '\\']));
    let words = || match text {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        "None" => Some(Value::Null),
        _ => quoted().map(Value::from),
    };
    serde_json::from_str(text).ok().or_else(words)
}

fn unreadable(text: &str) -> Map<String, Value> {
    [("incorrectly_encoded_metadata".to_owned(), Value::from(text))].into_iter().collect()
}

/// Whether a cell runs in files of this kind (`py`, `ipynb`), by its tags and its key `active`.
pub(super) fn is_active(extension: &str, metadata: &Map<String, Value>, otherwise: bool) -> bool {
    if metadata.get("run_control").and_then(|control| control.get("frozen")) == Some(&Value::Bool(true)) {
        return extension == "ipynb";
    }
    let mut tags = metadata.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if let Some(tag) = tags.find(|tag| tag.starts_with("active-")) {
        return tag.split('-').any(|word| word == extension);
    }
    match metadata.get("active").and_then(Value::as_str) {
        Some(active) => active.split(['.', ',']).any(|word| word == extension),
        None => otherwise,
    }
}
