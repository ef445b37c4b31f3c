//! SQL expressions inside YAML scalars: syntax, and where each word of it stands in the file.
//! Names and types are checked in `sql/`. Not here: statements. Tandem reads expressions only.

mod aggregates;
mod check;
mod functions;
mod lists;
mod names;
mod operators;
mod parameters;
mod scope;

use sqlparser::ast::{Expr as Ast, Spanned};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span as Marks, Token, TokenWithSpan, Tokenizer};

use crate::codes::Code;
use crate::findings::{Findings, Origin, Span};
use crate::yaml::{Node, scalar_bytes};

pub(crate) use check::Checker;
pub(crate) use lists::read_one;
pub(crate) use names::{reads, reads_of_others};
pub(crate) use scope::{Folding, Inherited, Named, Names, Record, Scope};

/// More than any readable expression; it bounds the depth of what every later step walks through.
const MOST_TOKENS: usize = 1000;
/// The deepest nesting of parentheses.
const DEEPEST: i32 = 20;

/// SQL as the standard has it, without the extensions of any one database.
#[derive(Debug)]
struct Standard;

impl Dialect for Standard {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }
}

/// An expression with the places of its words.
#[derive(Debug)]
pub(crate) struct Sql<'a> {
    pub origin: Origin<'a>,
    pub text: String,
    pub ast: Ast,
    words: Words,
}

/// Lines and columns of the expression to bytes of the file.
#[derive(Debug)]
struct Words {
    whole: Span,
    /// For each line of the expression, the index of its first character.
    lines: Vec<usize>,
    bytes: Vec<usize>,
}

impl Words {
    fn new(text: &str, node: &Node, origin: &Origin<'_>) -> Self {
        let mut lines = vec![0];
        lines.extend(text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(n, _)| n + 1));
        Self { whole: node.span, lines, bytes: scalar_bytes(origin.text, node) }
    }

    fn byte(&self, at: Location) -> Option<usize> {
        let line = usize::try_from(at.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let index = self.lines.get(line)? + column;
        self.bytes.get(index).or(self.bytes.last()).copied()
    }

    fn span(&self, marks: Marks) -> Span {
        match (self.byte(marks.start), self.byte(marks.end)) {
            (Some(start), Some(end)) if end > start => Span { start, end },
            (Some(start), _) if start < self.whole.end => Span { start, end: start + 1 },
            _ => self.whole,
        }
    }
}

impl<'a> Sql<'a> {
    /// Reads an expression, or says what keeps it from being one.
    pub fn parse(node: &Node, origin: Origin<'a>, findings: &mut Findings) -> Option<Self> {
        let text = node.raw()?.to_owned();
        if text.trim().is_empty() {
            return None;
        }
        let words = Words::new(&text, node, &origin);
        let mut refuse = |span: Span, message: String, help: &str| {
            findings.at(Code::SqlSyntax, &origin, span, message, help);
        };
        let tokens = match Tokenizer::new(&Standard, &text).tokenize_with_location() {
            Ok(tokens) => tokens,
            Err(error) => {
                let span = words.span(Marks { start: error.location, end: error.location });
                let message = format!("This is not a SQL expression: {}.", plain(&error.message));
                refuse(span, message, "Texts stand in single quotes, and every quote that opens must close.");
                return None;
            }
        };
        if let Some(message) = too_large(&tokens) {
            refuse(node.span, message, "Give its parts names: write features of their own, and combine these.");
            return None;
        }
        let last = tokens.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
        let last = last.map_or(Marks::empty(), |t| t.span);
        let mut parser = Parser::new(&Standard).with_recursion_limit(60).with_tokens_with_locations(tokens);
        let parsed = parser.parse_expr().map_err(Some).and_then(|ast| {
            let rest = parser.peek_token();
            if rest.token == Token::EOF { Ok(ast) } else { Err(None) }
        });
        match parsed {
            Ok(ast) => Some(Self { origin, text: text.trim().to_owned(), ast, words }),
            Err(error) => {
                let next = parser.peek_token();
                let (message, at) = explain(error, &next);
                let span = at.or_else(|| (next.token != Token::EOF).then_some(next.span)).unwrap_or(last);
                refuse(
                    words.span(span),
                    message,
                    "Write one SQL expression, such as `mean(arr_delay)` or `a > 15 and b is not null`.",
                );
                None
            }
        }
    }

    /// Where a part of the expression stands in the file.
    pub fn span(&self, part: &impl Spanned) -> Span {
        let mut span = self.words.span(part.span());
        // The parser's span of a call ends before its last parenthesis, so every one that opens is closed here.
        let rest = self.origin.text.get(span.start..self.words.whole.end).unwrap_or("");
        let (mut open, mut quoted) = (0, false);
        for (at, c) in rest.char_indices() {
            let at = span.start + at;
            if at >= span.end && open == 0 && c != '(' {
                break;
            }
            match c {
                '\'' => quoted = !quoted,
                '(' if !quoted && at <= span.end => open += 1,
                ')' if !quoted && open == 0 => break,
                ')' if !quoted => {
                    open -= 1;
                    span.end = span.end.max(at + 1);
                }
                _ => {}
            }
        }
        span
    }

    /// Where a word of the expression stands in the file.
    pub fn words(&self, marks: Marks) -> Span {
        self.words.span(marks)
    }

    /// The whole expression in the file.
    pub fn whole(&self) -> Span {
        self.words.whole
    }
}

fn too_large(tokens: &[TokenWithSpan]) -> Option<String> {
    let mut depth = 0;
    let mut deepest = 0;
    let mut count = 0;
    for token in tokens {
        match token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
            _ => {}
        }
        count += 1;
        deepest = deepest.max(depth);
    }
    if count > MOST_TOKENS {
        return Some(format!("This expression has {count} words; {MOST_TOKENS} is the most."));
    }
    (deepest > DEEPEST).then(|| format!("This expression nests {deepest} parentheses; {DEEPEST} is the most."))
}

/// The parser's complaint without its own counting of lines, and the place that it names.
fn explain(error: Option<ParserError>, next: &TokenWithSpan) -> (String, Option<Marks>) {
    let Some(error) = error else {
        return (format!("The expression ends before `{}`.", next.token), None);
    };
    let text = match error {
        ParserError::RecursionLimitExceeded => return ("This expression nests too deeply.".to_owned(), None),
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    let (text, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let at = place.split_once(", Column: ").and_then(|(line, column)| {
        let start = Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? };
        // The complaint names where the unexpected word begins; the parser stands just behind it.
        let end = if next.span.start == start { next.span.end } else { start };
        Some(Marks { start, end })
    });
    (format!("This is not a SQL expression: {}.", plain(text)), at.filter(|_| !text.ends_with("EOF")))
}

fn plain(message: &str) -> String {
    message.trim().trim_end_matches('.').replace("found: EOF", "it ends").replace("Expected:", "expected")
}
