//! From syntax to a checked expression: names resolved, types known, integers widened where they meet numbers.
//! Not here: functions (`functions.rs`) and aggregations (`aggregates.rs`).

use sqlparser::ast::{DataType, Expr as Ast, Ident, Spanned, TypedString, Value as Constant};

use super::Sql;
use super::scope::{Inherited, Named, Names, Record, Scope};
use crate::codes::Code;
use crate::expression::{Binary, Expr, Scalar};
use crate::findings::{Findings, Span, instead, nearest};
use crate::project::{Aggregate, Input};
use crate::value::{Type, Value};

/// An expression with its type; `None` is the type of `null`.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub expr: Expr,
    pub ty: Option<Type>,
    pub span: Span,
}

/// Checks one expression. Every method gives `None` when it has said why (or when what it read is broken elsewhere).
pub(crate) struct Checker<'a, 'p> {
    pub sql: &'a Sql<'a>,
    pub scope: Scope<'p>,
    pub findings: &'a mut Findings,
    /// Inside `count(…)` and the like; its name.
    pub(super) inside: Option<String>,
    /// The entity's scope, while an aggregation's record is looked at.
    pub(super) outer: Option<Outer<'p>>,
}

/// What a dot is for.
const DOTTED: &str = "Write a feature's name, a field's name, `request.NAME`, or `PARENT.FEATURE`.";

type Outer<'p> = (Option<&'p dyn Names>, Vec<Aggregate>, Vec<Input>);

impl<'a, 'p> Checker<'a, 'p> {
    pub fn new(sql: &'a Sql<'a>, scope: Scope<'p>, findings: &'a mut Findings) -> Self {
        Self { sql, scope, findings, inside: None, outer: None }
    }

    /// The whole expression, which must have a type.
    pub fn whole(&mut self) -> Option<(Expr, Type)> {
        let typed = self.expr(&self.sql.ast)?;
        match typed.ty {
            Some(ty) => Some((typed.expr, ty)),
            None => {
                self.find(
                    Code::TypeMismatch,
                    typed.span,
                    "This is always null, so it has no type.",
                    "Write `cast(null as number)`, or what you want to know.",
                );
                None
            }
        }
    }

    /// The whole expression as a condition.
    pub fn condition(&mut self) -> Option<Expr> {
        let typed = self.expr(&self.sql.ast)?;
        self.bool(typed).map(|t| t.expr)
    }

    pub(super) fn find(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.findings.at(code, &self.sql.origin, span, message, help);
    }

    pub(super) fn span(&self, part: &impl Spanned) -> Span {
        self.sql.span(part)
    }

    pub(super) fn expr(&mut self, ast: &Ast) -> Option<Typed> {
        let span = self.span(ast);
        let typed = |expr, ty| Some(Typed { expr, ty: Some(ty), span });
        match ast {
            Ast::Nested(inner) => self.expr(inner),
            Ast::Value(value) => self.constant(&value.value, span),
            Ast::TypedString(text) => self.typed_string(text, span),
            Ast::Identifier(name) => self.name(name),
            Ast::CompoundIdentifier(parts) => self.dotted(parts, span),
            Ast::CompoundFieldAccess { root, access_chain } => self.subscript(root, access_chain, span),
            Ast::IsNull(x) | Ast::IsUnknown(x) => typed(Expr::IsNull(Box::new(self.expr(x)?.expr)), Type::Bool),
            Ast::IsNotNull(x) | Ast::IsNotUnknown(x) => {
                typed(not(Expr::IsNull(Box::new(self.expr(x)?.expr))), Type::Bool)
            }
            Ast::IsTrue(x) => typed(self.truth(x, false)?, Type::Bool),
            Ast::IsNotTrue(x) => typed(not(self.truth(x, false)?), Type::Bool),
            Ast::IsFalse(x) => typed(not(self.truth(x, true)?), Type::Bool),
            Ast::IsNotFalse(x) => typed(self.truth(x, true)?, Type::Bool),
            Ast::UnaryOp { op, expr } => self.unary(*op, expr, span),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right, span),
            Ast::Between { expr, negated, low, high } => {
                let (x, low, high) = (self.expr(expr), self.expr(low), self.expr(high));
                let (x, low, high) = (x?, low?, high?);
                let from = self.compare(Binary::GreaterOrEqual, x.clone(), low, span);
                let to = self.compare(Binary::LessOrEqual, x, high, span);
                let both = Expr::Binary(Binary::And, Box::new(from?.expr), Box::new(to?.expr));
                typed(negate_if(both, *negated), Type::Bool)
            }
            Ast::InList { expr, list, negated } => {
                let typed = self.in_list(expr, list, span)?;
                Some(Typed { expr: negate_if(typed.expr, *negated), ..typed })
            }
            Ast::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let (x, pattern) = (self.expr(expr), self.expr(pattern));
                let (x, pattern) = (self.text(x?), self.text(pattern?));
                let like = Expr::Binary(Binary::Like, Box::new(x?.expr), Box::new(pattern?.expr));
                typed(negate_if(like, *negated), Type::Bool)
            }
            Ast::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                let (x, pattern) = (self.expr(expr), self.expr(pattern));
                let (x, pattern) = (self.text(x?), self.text(pattern?));
                let low = |t: Typed| Box::new(Expr::Call(Scalar::Lower, vec![t.expr]));
                typed(negate_if(Expr::Binary(Binary::Like, low(x?), low(pattern?)), *negated), Type::Bool)
            }
            Ast::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            Ast::Cast { expr, data_type, .. } => self.cast(expr, data_type, span),
            Ast::Ceil { expr, .. } => self.call(Scalar::Ceil, "ceil", &[expr.as_ref()], span),
            Ast::Floor { expr, .. } => self.call(Scalar::Floor, "floor", &[expr.as_ref()], span),
            Ast::Extract { field, expr, .. } => self.extract(&field.to_string(), expr, span),
            Ast::Function(function) => self.function(function, span),
            Ast::Interval(_) => self.unsupported(
                span,
                "Intervals cannot be added to times.",
                "Subtract two times: the result is in seconds, so that `a - b > 3600` asks for more than an hour.",
            ),
            Ast::InSubquery { .. } | Ast::Subquery(_) | Ast::Exists { .. } => self.unsupported(
                span,
                "An expression cannot ask another query.",
                "Make a feature of what you want to know, and use its name here.",
            ),
            _ => self.unsupported(span, "Tandem does not compute this kind of SQL.", SUPPORTED),
        }
    }

    pub(super) fn unsupported<T>(&mut self, span: Span, message: &str, help: &str) -> Option<T> {
        self.find(Code::SqlNotSupported, span, message, help);
        None
    }

    fn constant(&mut self, value: &Constant, span: Span) -> Option<Typed> {
        let value = match value {
            Constant::Number(text, _) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => Value::Int(whole),
                (_, Ok(number)) => Value::Float(number),
                _ => return self.unsupported(span, "This number cannot be read.", SUPPORTED),
            },
            Constant::SingleQuotedString(text) => Value::Text(text.as_str().into()),
            Constant::Boolean(truth) => Value::Bool(*truth),
            Constant::Null => Value::Null,
            _ => {
                return self.unsupported(
                    span,
                    "Tandem does not read this kind of constant.",
                    "Texts stand in single quotes: 'JFK'.",
                );
            }
        };
        Some(Typed { ty: value.type_of(), expr: Expr::Literal(value), span })
    }

    fn typed_string(&mut self, text: &TypedString, span: Span) -> Option<Typed> {
        let content = text.value.value.clone().into_string().unwrap_or_default();
        let text_of = Typed { expr: Expr::Literal(Value::Text(content.into())), ty: Some(Type::Text), span };
        match type_of(&text.data_type) {
            Some(Type::Time) => self.as_time(text_of),
            _ => self.unsupported(
                span,
                "Only times are written with their type in front.",
                "Write `timestamp '2013-11-01'`.",
            ),
        }
    }

    pub(super) fn record(&self) -> Option<Record<'p>> {
        match &self.scope {
            Scope::Record(record) => Some(*record),
            Scope::Entity { folding, .. } => folding.as_ref().map(|f| f.record),
        }
    }

    fn name(&mut self, name: &Ident) -> Option<Typed> {
        let span = self.sql.words(name.span);
        let word = name.value.as_str();
        match &self.scope {
            Scope::Record(record) => {
                let record = *record;
                self.field(record, word, name.quote_style.is_some(), span)
            }
            Scope::Entity { names: Some(names), .. } => {
                let names = *names;
                match names.feature(word) {
                    Named::Known(index, ty) => {
                        Some(Typed { expr: self.input(Input::Feature(index)), ty: Some(ty), span })
                    }
                    Named::Broken => None,
                    Named::Unknown => self.no_feature(word, span, &names.features(), &names.requests()),
                }
            }
            Scope::Entity { names: None, .. } => {
                if let Some(record) = self.record().filter(|r| r.fields.iter().any(|f| f.name == word)) {
                    return self.bare_field(word, record, span);
                }
                let message = format!("An outcome reads only aggregations of its source, not `{word}`.");
                self.find(Code::OutcomeReadsMore, span, message, "Fold a field of the source: `max(arr_delay) > 30`.");
                None
            }
        }
    }

    fn bare_field<T>(&mut self, word: &str, record: Record<'_>, span: Span) -> Option<T> {
        let message =
            format!("`{word}` is a field of `{}`, and an entity may have many of its records.", record.source);
        let help = format!("Say how they are folded: `last({word})`, `mean({word})`, `count({word})`, …");
        self.find(Code::FieldNotAggregated, span, message, help);
        None
    }

    fn no_feature(&mut self, word: &str, span: Span, features: &[&str], requests: &[&str]) -> Option<Typed> {
        if let Some(record) = self.record().filter(|r| r.fields.iter().any(|f| f.name == word)) {
            return self.bare_field(word, record, span);
        }
        let help = if requests.contains(&word) {
            format!("It is a field of the request: write `request.{word}`.")
        } else {
            instead(word, "feature", features.iter().copied())
        };
        self.find(Code::UnknownFeature, span, format!("There is no feature `{word}`."), help);
        None
    }

    fn field(&mut self, record: Record<'_>, word: &str, quoted: bool, span: Span) -> Option<Typed> {
        if let Some(index) = record.fields.iter().position(|f| f.name == word) {
            return Some(Typed { expr: Expr::Column(index), ty: Some(record.fields[index].ty), span });
        }
        let fields = record.fields.iter().map(|f| f.name.as_str());
        let help = match nearest(word, fields.clone()) {
            None if quoted => format!("Double quotes are for names. A text takes single quotes: '{word}'."),
            _ => instead(word, "field", fields),
        };
        let message = format!("The source `{}` has no field `{word}`.", record.source);
        self.find(Code::UnknownField, span, message, help);
        None
    }

    fn dotted(&mut self, parts: &[Ident], span: Span) -> Option<Typed> {
        let [head, tail] = parts else {
            return self.unsupported(
                span,
                "A name has at most one dot.",
                "Write a feature's name, a field's name, or `request.NAME`.",
            );
        };
        let (head, word) = (head.value.as_str(), tail.value.as_str());
        match &self.scope {
            Scope::Record(record) if record.source == head => {
                let record = *record;
                self.field(record, word, false, self.sql.words(tail.span))
            }
            Scope::Entity { names: Some(names), .. } if head == "request" => {
                let names = *names;
                match names.request(word) {
                    Named::Known(index, ty) => {
                        Some(Typed { expr: self.input(Input::Request(index)), ty: Some(ty), span })
                    }
                    Named::Broken => None,
                    Named::Unknown => {
                        let message = format!("The request has no field `{word}`.");
                        let help = instead(
                            word,
                            "field of the request (under `request:` of a features file)",
                            names.requests(),
                        );
                        self.find(Code::UnknownRequestField, self.sql.words(tail.span), message, help);
                        None
                    }
                }
            }
            Scope::Entity { names: None, .. } if head == "request" => {
                self.find(
                    Code::OutcomeReadsMore,
                    span,
                    "An outcome cannot depend on what the asker tells.",
                    "Fold a field of the source: `max(arr_delay) > 30`.",
                );
                None
            }
            Scope::Record(_) if head == "request" => {
                self.find(
                    Code::UnknownField,
                    span,
                    "A record knows nothing of the request.",
                    "Use `request.NAME` outside of aggregations and conditions on records.",
                );
                None
            }
            Scope::Entity { names: Some(names), .. } => {
                let names = *names;
                let inherited = names.parent(head, word);
                self.inherited(inherited, [head, word], [span, self.sql.words(tail.span)])
            }
            _ => self.unsupported(span, "A dot is only for fields of the request.", DOTTED),
        }
    }

    /// A feature of an entity that the feature's own belongs to.
    fn inherited(&mut self, meaning: Inherited, [head, word]: [&str; 2], [all, tail]: [Span; 2]) -> Option<Typed> {
        match meaning {
            Inherited::Known(input, ty) => Some(Typed { expr: self.input(input), ty: Some(ty), span: all }),
            Inherited::Broken => None,
            Inherited::NoEntity => self.unsupported(
                all,
                "A dot is only for the request, and for the entities that this one belongs to.",
                DOTTED,
            ),
            Inherited::NoParent(own) => {
                let message = format!("The definitions do not say which {head} the {own} belongs to.");
                let help = format!(
                    "Say it in tandem.yaml, at the entity `{own}`: `belongs_to: [{{entity: {head}, by: [FEATURE]}}]`, where the feature tells the key of the {head}."
                );
                self.find(Code::NoParent, all, message, help);
                None
            }
            Inherited::NoFeature(features) => {
                let message = format!("There is no feature `{word}` about the {head}.");
                let help = instead(word, "feature", features.iter().map(String::as_str));
                self.find(Code::UnknownFeature, tail, message, help);
                None
            }
        }
    }

    /// The column of an input of the computation; the same input is one column.
    pub(super) fn input(&mut self, input: Input) -> Expr {
        let Scope::Entity { inputs, .. } = &mut self.scope else { return Expr::Literal(Value::Null) };
        let index = inputs.iter().position(|i| *i == input).unwrap_or_else(|| {
            inputs.push(input);
            inputs.len() - 1
        });
        Expr::Column(index)
    }
}

pub(super) const SUPPORTED: &str = "There are: comparisons, `and`, `or`, `not`, `+ - * / %`, `||`, `like`, `in (…)`, `between`, `is null`, `case`, `cast`, and functions; see `tandem explain T161`.";

pub(super) fn not(x: Expr) -> Expr {
    Expr::Not(Box::new(x))
}

fn negate_if(x: Expr, negated: bool) -> Expr {
    if negated { not(x) } else { x }
}

pub(super) fn type_of(data_type: &DataType) -> Option<Type> {
    let word = data_type.to_string().to_lowercase();
    let word = word.split(['(', ' ']).next().unwrap_or("");
    Some(match word {
        "bool" | "boolean" => Type::Bool,
        "int" | "integer" | "bigint" | "smallint" | "int8" | "int4" | "int64" => Type::Int,
        "float" | "float8" | "float64" | "double" | "real" | "numeric" | "decimal" | "number" => Type::Float,
        "text" | "string" | "varchar" | "char" | "character" => Type::Text,
        "timestamp" | "datetime" | "date" => Type::Time,
        _ => return None,
    })
}
