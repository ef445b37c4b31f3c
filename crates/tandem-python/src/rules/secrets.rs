//! T615, and the patterns for T616 and T618: what looks like a key, a token, a password or an e-mail address.
//! A secret is never repeated in a message: only its first four characters are.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_keyword, walk_stmt};
use ruff_python_ast::{Expr, Keyword, Stmt};
use tandem_definitions::Code;

use crate::finding::Finding;
use crate::program::Program;

/// Prefix, how many characters of a key follow at least, and what it is.
const KEYS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS session key"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("github_pat_", 22, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("xoxa-", 20, "a Slack token"),
    ("AIza", 35, "a Google API key"),
    ("sk-proj-", 20, "an OpenAI key"),
    ("sk-ant-", 20, "an Anthropic key"),
    ("sk-", 40, "an OpenAI key"),
    ("sk_live_", 20, "a Stripe key"),
    ("hf_", 30, "a Hugging Face token"),
];

/// A secret in a text: where it begins and ends, and what it is.
pub fn key_in(text: &str) -> Option<(usize, usize, &'static str)> {
    if let Some(start) = text.find("-----BEGIN ") {
        let line = text[start..].lines().next().unwrap_or("");
        if line.contains("PRIVATE KEY-----") {
            return Some((start, start + line.len(), "a private key"));
        }
    }
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    for (prefix, length, what) in KEYS {
        for (start, _) in text.match_indices(prefix) {
            let inside = start > 0 && is_key(text.as_bytes()[start - 1]);
            let rest = &text.as_bytes()[start + prefix.len()..];
            let tail = rest.iter().take_while(|byte| is_key(**byte)).count();
            // AWS keys are capitals and digits of a fixed length.
            let capitals = !what.contains("AWS")
                || tail == *length && rest[..tail].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let varied = rest[..tail].iter().any(u8::is_ascii_digit)
                && !is_placeholder(&text[start..start + prefix.len() + tail]);
            if !inside && tail >= *length && tail < 250 && capitals && varied {
                return Some((start, start + prefix.len() + tail, what));
            }
        }
    }
    None
}

/// How a secret may be shown.
pub fn veiled(secret: &str) -> String {
    secret.chars().take(4).chain(['…']).collect()
}

/// The people's e-mail addresses in a text. Those of documentation are left out: of examples, of offices, in a line that names
/// an author or a licence, and what only looks like one (the number of a message, the address of a repository).
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(move |(at, _)| {
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-".contains(byte);
        let bytes = text.as_bytes();
        let before = bytes[..at].iter().rev().take_while(|byte| name(byte)).count();
        let after = bytes[at + 1..].iter().take_while(|byte| name(byte) && **byte != b'+').count();
        let (local, host) = (&text[at - before..at], text[at + 1..at + 1 + after].trim_end_matches(['.', '-', '_']));
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let personal = local.len() > 1 && is_host(host) && !is_office(local) && !is_credit(&text[line..at - before]);
        personal.then(|| &text[at - before..at + 1 + host.len()])
    })
}

/// Of a real place, as far as its words say.
fn is_host(host: &str) -> bool {
    let Some((domain, top)) = host.rsplit_once('.') else { return false };
    let real = (2..=6).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && domain.len() > 1;
    let shown = ["example", "test", "domain", "email", "localhost"];
    real && !shown.iter().any(|word| domain.starts_with(word)) && !domain.contains("example")
}

/// Not a person: an office, a version control user, the number of a message or of a bounce.
fn is_office(local: &str) -> bool {
    const OFFICES: &[&str] = &[
        "info",
        "support",
        "contact",
        "help",
        "admin",
        "webmaster",
        "postmaster",
        "office",
        "sales",
        "press",
        "team",
        "noreply",
        "no-reply",
        "donotreply",
        "hello",
        "mail",
        "list",
        "git",
        "user",
        "username",
        "someone",
        "you",
        "your",
        "name",
        "foo",
        "bar",
        "john.doe",
        "jane.doe",
        "root",
        "abuse",
        "feedback",
        "bugs",
        "security",
    ];
    let local = local.to_lowercase();
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    OFFICES.contains(&local.as_str())
        || digits * 2 > local.len()
        || ["-request", "-unsubscribe", "-subscribe", "-owner", "-help", "-list"].iter().any(|end| local.ends_with(end))
}

/// The words before the address in its line say that it is a credit of authors, as documentation has them.
fn is_credit(before: &str) -> bool {
    const CREDITS: &[&str] = &[
        "author",
        "copyright",
        "(c)",
        "©",
        "licen",
        "maintain",
        "donor",
        "creator",
        "contact",
        "written by",
        "credit",
    ];
    let before = before.to_lowercase();
    CREDITS.iter().any(|word| before.contains(word))
}

/// The secrets in the code.
pub fn findings(program: &Program) -> Vec<Finding> {
    let mut found = Vec::new();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        let source = &program.cells[cell].source;
        let mut from = 0;
        while let Some((start, end, what)) = key_in(&source[from..]) {
            let (start, end) = (from + start, from + end);
            found.push(finding(program, cell, start..end, what, &source[start..end]));
            from = end;
        }
        let mut named = Named { found: Vec::new() };
        named.visit_body(&parsed.body);
        for (literal, text) in named.found {
            let span = ruff_text_size::Ranged::range(literal);
            if key_in(text).is_none() {
                found.push(finding(program, cell, span.start().into()..span.end().into(), "a password or token", text));
            }
        }
    }
    found
}

fn finding(program: &Program, cell: usize, span: std::ops::Range<usize>, what: &str, secret: &str) -> Finding {
    let message = format!("This looks like {what} (`{}`).", veiled(secret));
    let help = "Make it invalid, get a new one, and read it with `os.environ[\"…\"]`.";
    Finding::in_text(program, Code::SecretInSource, cell, span, message, help)
}

/// Texts that are given to a name which says that it is secret.
struct Named<'a> {
    found: Vec<(&'a Expr, &'a str)>,
}

impl<'a> Named<'a> {
    fn add(&mut self, name: &str, value: &'a Expr) {
        if let Expr::StringLiteral(literal) = value
            && is_secret(name, literal.value.to_str())
        {
            self.found.push((value, literal.value.to_str()));
        }
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let plain = !value.contains(char::is_whitespace)
        && !is_placeholder(value)
        && !value.contains("://")
        && !value.contains('/');
    let password =
        ["password", "passwd", "pwd"].iter().any(|word| name == *word || name.ends_with(&format!("_{word}")));
    if password {
        return plain && value.len() >= 4;
    }
    let token =
        says(&["api_key", "apikey", "secret", "access_token", "auth_token", "access_key", "bearer"]) || name == "token";
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    token && plain && value.len() >= 16 && digits >= 2
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let words = [
        "your",
        "xxx",
        "***",
        "<",
        "enter",
        "change",
        "example",
        "password",
        "...",
        "…",
        "insert",
        "dummy",
        "none",
        "{",
        "$",
        "123456789",
    ];
    let first = value.chars().next();
    let same = value.chars().all(|c| Some(c) == first);
    same || words.iter().any(|word| lower.contains(word))
}

impl<'a> Visitor<'a> for Named<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt {
            for target in &assign.targets {
                let name = match target {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.as_str(),
                    Expr::Subscript(item) => item.slice.as_string_literal_expr().map_or("", |key| key.value.to_str()),
                    _ => "",
                };
                self.add(name, &assign.value);
            }
        }
        walk_stmt(self, stmt);
    }

    fn visit_keyword(&mut self, keyword: &'a Keyword) {
        self.add(keyword.arg.as_ref().map_or("", |name| name.as_str()), &keyword.value);
        walk_keyword(self, keyword);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Dict(dict) = expr {
            for item in &dict.items {
                let key = item.key.as_ref().and_then(|key| key.as_string_literal_expr());
                self.add(key.map_or("", |key| key.value.to_str()), &item.value);
            }
        }
        walk_expr(self, expr);
    }
}
