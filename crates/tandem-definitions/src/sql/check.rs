//! From syntax to a checked expression: names resolved, types known, integers widened where they meet numbers.
//! Not here: functions (`functions.rs`) and aggregations (`aggregates.rs`).

use sqlparser::ast::{BinaryOperator, DataType, Expr as Ast, Ident, Spanned, UnaryOperator, Value as Constant};

use super::Sql;
use super::scope::{Named, Names, Record, Scope};
use crate::codes::Code;
use crate::expression::{Binary, Expr, Scalar};
use crate::findings::{Findings, Span, instead, nearest};
use crate::project::{Aggregate, Input};
use crate::time::parse_instant;
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
                self.find(Code::TypeMismatch, typed.span, "This is always null, so it has no type.", "Write `cast(null as number)`, or what you want to know.");
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
            _ => return self.unsupported(span, "Tandem does not read this kind of constant.", "Texts stand in single quotes: 'JFK'."),
        };
        Some(Typed { ty: value.type_of(), expr: Expr::Literal(value), span })
    }

    fn typed_string(&mut self, text: &sqlparser::ast::TypedString, span: Span) -> Option<Typed> {
        let content = text.value.value.clone().into_string().unwrap_or_default();
        let text_of = Typed { expr: Expr::Literal(Value::Text(content.into())), ty: Some(Type::Text), span };
        match type_of(&text.data_type) {
            Some(Type::Time) => self.as_time(text_of),
            _ => self.unsupported(span, "Only times are written with their type in front.", "Write `timestamp '2013-11-01'`."),
        }
    }

    fn record(&self) -> Option<Record<'p>> {
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
                    Named::Known(index, ty) => Some(Typed { expr: self.input(Input::Feature(index)), ty: Some(ty), span }),
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
        let message = format!("`{word}` is a field of `{}`, and an entity may have many of its records.", record.source);
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
            return self.unsupported(span, "A name has at most one dot.", "Write a feature's name, a field's name, or `request.NAME`.");
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
                    Named::Known(index, ty) => Some(Typed { expr: self.input(Input::Request(index)), ty: Some(ty), span }),
                    Named::Broken => None,
                    Named::Unknown => {
                        let message = format!("The request has no field `{word}`.");
                        let help = instead(word, "field of the request (under `request:` of a features file)", names.requests());
                        self.find(Code::UnknownRequestField, self.sql.words(tail.span), message, help);
                        None
                    }
                }
            }
            Scope::Entity { names: None, .. } if head == "request" => {
                self.find(Code::OutcomeReadsMore, span, "An outcome cannot depend on what the asker tells.", "Fold a field of the source: `max(arr_delay) > 30`.");
                None
            }
            Scope::Record(_) if head == "request" => {
                self.find(Code::UnknownField, span, "A record knows nothing of the request.", "Use `request.NAME` outside of aggregations and conditions on records.");
                None
            }
            _ => self.unsupported(span, "A dot is only for fields of the request.", "Write a feature's name, a field's name, or `request.NAME`."),
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

    fn unary(&mut self, op: UnaryOperator, inner: &Ast, span: Span) -> Option<Typed> {
        let x = self.expr(inner)?;
        match op {
            UnaryOperator::Not => {
                let x = self.bool(x)?;
                Some(Typed { expr: not(x.expr), ty: Some(Type::Bool), span })
            }
            UnaryOperator::Plus => self.numeric(x),
            UnaryOperator::Minus => {
                let x = self.numeric(x)?;
                let expr = match x.expr {
                    Expr::Literal(Value::Int(i)) => Expr::Literal(i.checked_neg().map_or(Value::Null, Value::Int)),
                    Expr::Literal(Value::Float(f)) => Expr::Literal(Value::Float(-f)),
                    other => Expr::Negate(Box::new(other)),
                };
                Some(Typed { expr, ty: x.ty, span })
            }
            _ => self.unsupported(span, "Tandem does not have this operator.", SUPPORTED),
        }
    }

    fn binary(&mut self, left: &Ast, op: &BinaryOperator, right: &Ast, span: Span) -> Option<Typed> {
        let (a, b) = (self.expr(left), self.expr(right));
        let (a, b) = (a?, b?);
        let op = match op {
            BinaryOperator::And => Binary::And,
            BinaryOperator::Or => Binary::Or,
            BinaryOperator::Eq => Binary::Equal,
            BinaryOperator::NotEq => Binary::NotEqual,
            BinaryOperator::Lt => Binary::Less,
            BinaryOperator::LtEq => Binary::LessOrEqual,
            BinaryOperator::Gt => Binary::Greater,
            BinaryOperator::GtEq => Binary::GreaterOrEqual,
            BinaryOperator::Plus => Binary::Add,
            BinaryOperator::Minus => Binary::Subtract,
            BinaryOperator::Multiply => Binary::Multiply,
            BinaryOperator::Divide => Binary::Divide,
            BinaryOperator::Modulo => Binary::Remainder,
            BinaryOperator::StringConcat => Binary::Concat,
            _ => return self.unsupported(span, "Tandem does not have this operator.", SUPPORTED),
        };
        let (a, b, ty) = match op {
            Binary::And | Binary::Or => {
                let (a, b) = (self.bool(a), self.bool(b));
                (a?, b?, Type::Bool)
            }
            Binary::Concat => {
                let (a, b) = (self.text(a), self.text(b));
                (a?, b?, Type::Text)
            }
            Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
                return self.arithmetic(op, a, b, span);
            }
            _ => return self.compare(op, a, b, span),
        };
        Some(Typed { expr: Expr::Binary(op, Box::new(a.expr), Box::new(b.expr)), ty: Some(ty), span })
    }

    pub(super) fn compare(&mut self, op: Binary, a: Typed, b: Typed, span: Span) -> Option<Typed> {
        if a.ty.is_none() || b.ty.is_none() {
            let nothing = if a.ty.is_none() { a.span } else { b.span };
            self.find(Code::TypeMismatch, nothing, "A comparison with null is never true.", "Write `x is null` or `x is not null`.");
            return None;
        }
        let (a, b, _) = self.unify(a, b, span, "compared")?;
        Some(Typed { expr: Expr::Binary(op, Box::new(a.expr), Box::new(b.expr)), ty: Some(Type::Bool), span })
    }

    fn arithmetic(&mut self, op: Binary, a: Typed, b: Typed, span: Span) -> Option<Typed> {
        let seconds = op == Binary::Subtract && (a.ty == Some(Type::Time) || b.ty == Some(Type::Time));
        if seconds && [a.ty, b.ty].iter().all(|t| matches!(t, Some(Type::Time | Type::Text))) {
            let (a, b) = (self.as_time(a), self.as_time(b));
            let expr = Expr::Binary(op, Box::new(a?.expr), Box::new(b?.expr));
            return Some(Typed { expr, ty: Some(Type::Float), span });
        }
        let (a, b) = (self.numeric(a), self.numeric(b));
        let (mut a, mut b) = (a?, b?);
        if matches!(op, Binary::Divide | Binary::Remainder)
            && matches!(&b.expr, Expr::Literal(v) if v.as_datum().as_f64() == Some(0.0))
        {
            self.find(Code::DivisionByZero, b.span, "A division by zero is always null.", "Divide by what you mean; a divisor that may be zero needs no care: the result is null then.");
        }
        let float = op == Binary::Divide || a.ty == Some(Type::Float) || b.ty == Some(Type::Float);
        if float {
            (a, b) = (widen(a), widen(b));
        }
        let ty = if float { Type::Float } else { Type::Int };
        Some(Typed { expr: Expr::Binary(op, Box::new(a.expr), Box::new(b.expr)), ty: Some(ty), span })
    }

    /// Brings two values to one type.
    pub(super) fn unify(&mut self, a: Typed, b: Typed, span: Span, what: &str) -> Option<(Typed, Typed, Option<Type>)> {
        let ty = match (a.ty, b.ty) {
            (Some(x), Some(y)) if x == y => Some(x),
            (None, ty) | (ty, None) => ty,
            (Some(Type::Int), Some(Type::Float)) => return Some((widen(a), b, Some(Type::Float))),
            (Some(Type::Float), Some(Type::Int)) => return Some((a, widen(b), Some(Type::Float))),
            (Some(Type::Time), Some(Type::Text)) if is_literal(&b) => return Some((a, self.as_time(b)?, Some(Type::Time))),
            (Some(Type::Text), Some(Type::Time)) if is_literal(&a) => return Some((self.as_time(a)?, b, Some(Type::Time))),
            (Some(x), Some(y)) => {
                let message = format!("A {x} and a {y} cannot be {what}.");
                let help = match (x, y) {
                    (Type::Text, y) | (y, Type::Text) if y.is_numeric() => {
                        "Numbers stand without quotes; a text with a number in it becomes one by `cast(x as number)`.".to_owned()
                    }
                    _ => format!("Bring both to one type, for example `cast(x as {x})`."),
                };
                self.find(Code::TypeMismatch, span, message, help);
                return None;
            }
        };
        Some((a, b, ty))
    }

    /// A text constant as an instant, in the zone of the source; a time stays what it is.
    fn as_time(&mut self, x: Typed) -> Option<Typed> {
        let Expr::Literal(Value::Text(text)) = &x.expr else { return self.expect(x, Type::Time) };
        let zone = self.record().and_then(|r| r.zone);
        match parse_instant(text, zone) {
            Some(at) => Some(Typed { expr: Expr::Literal(Value::Time(at)), ty: Some(Type::Time), span: x.span }),
            None => {
                let message = format!("'{text}' is compared with a time, but it is no date or instant.");
                self.find(Code::BadInstant, x.span, message, "Write '2013-11-01' or '2013-11-01 06:00'.");
                None
            }
        }
    }

    pub(super) fn bool(&mut self, x: Typed) -> Option<Typed> {
        self.expect(x, Type::Bool)
    }

    pub(super) fn text(&mut self, x: Typed) -> Option<Typed> {
        self.expect(x, Type::Text)
    }

    pub(super) fn time(&mut self, x: Typed) -> Option<Typed> {
        self.as_time(x)
    }

    pub(super) fn numeric(&mut self, x: Typed) -> Option<Typed> {
        if x.ty.is_none_or(Type::is_numeric) {
            return Some(Typed { ty: x.ty.or(Some(Type::Float)), ..x });
        }
        self.expect(x, Type::Float)
    }

    fn expect(&mut self, x: Typed, wanted: Type) -> Option<Typed> {
        match x.ty {
            Some(ty) if ty != wanted => {
                let help = match (ty, wanted) {
                    (_, Type::Bool) => "Compare it with something: `x > 0`, `x = 'JFK'`, `x is not null`.",
                    (Type::Text, Type::Float) => "Numbers stand without quotes; a text with a number in it becomes one by `cast(x as number)`.",
                    (Type::Bool, Type::Float) => "Write `case when x then 1 else 0 end`.",
                    (Type::Time, Type::Float) => "Subtract two times: the result is in seconds.",
                    (_, Type::Text) => "Write `cast(x as string)`.",
                    _ => "Use a value of the type that is wanted here.",
                };
                self.find(Code::TypeMismatch, x.span, format!("A {wanted} is wanted here, but this is a {ty}."), help);
                None
            }
            _ => Some(Typed { ty: Some(wanted), ..x }),
        }
    }

    /// The condition with null counted as `otherwise`.
    fn truth(&mut self, x: &Ast, otherwise: bool) -> Option<Expr> {
        let x = self.expr(x)?;
        let x = self.bool(x)?;
        Some(Expr::Call(Scalar::Coalesce, vec![x.expr, Expr::Literal(Value::Bool(otherwise))]))
    }

    fn in_list(&mut self, x: &Ast, list: &[Ast], span: Span) -> Option<Typed> {
        let x = self.expr(x);
        let items: Vec<_> = list.iter().map(|item| self.expr(item)).collect();
        let mut all = vec![x?];
        all.extend(items.into_iter().collect::<Option<Vec<_>>>()?);
        let (mut all, _) = self.unify_all(all, span, "compared")?;
        let x = all.remove(0);
        let list = all.into_iter().map(|t| t.expr).collect();
        Some(Typed { expr: Expr::In(Box::new(x.expr), list), ty: Some(Type::Bool), span })
    }

    /// Brings many values to one type.
    pub(super) fn unify_all(&mut self, all: Vec<Typed>, span: Span, what: &str) -> Option<(Vec<Typed>, Option<Type>)> {
        // A time among texts decides for all, so it is looked for first; then the others in order.
        let mut target = all.iter().find(|t| t.ty == Some(Type::Time)).or(all.iter().find(|t| t.ty.is_some())).cloned();
        let Some(mut first) = target.take() else { return Some((all, None)) };
        for other in &all {
            first = self.unify(first, other.clone(), span, what)?.0;
        }
        let ty = first.ty;
        let all = all.into_iter().map(|t| Some(self.unify(t, first.clone(), span, what)?.0)).collect::<Option<_>>()?;
        Some((all, ty))
    }

    fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[sqlparser::ast::CaseWhen],
        otherwise: Option<&Ast>,
        span: Span,
    ) -> Option<Typed> {
        let operand = match operand {
            Some(x) => Some(self.expr(x)?),
            None => None,
        };
        let mut whens = Vec::new();
        let mut results = Vec::new();
        for arm in conditions {
            let condition = self.expr(&arm.condition);
            let result = self.expr(&arm.result);
            let at = self.span(&arm.condition);
            let condition = match &operand {
                Some(x) => self.compare(Binary::Equal, x.clone(), condition?, at)?,
                None => {
                    let condition = condition?;
                    self.bool(condition)?
                }
            };
            whens.push(condition.expr);
            results.push(result?);
        }
        if let Some(x) = otherwise {
            results.push(self.expr(x)?);
        }
        let (mut results, ty) = self.unify_all(results, span, "results of one `case`")?;
        let last = otherwise.and_then(|_| results.pop()).map(|t| Box::new(t.expr));
        let arms = whens.into_iter().zip(results.into_iter().map(|t| t.expr)).collect();
        Some(Typed { expr: Expr::Case(arms, last), ty, span })
    }

    fn cast(&mut self, inner: &Ast, to: &DataType, span: Span) -> Option<Typed> {
        let x = self.expr(inner);
        let Some(to) = type_of(to) else {
            return self.unsupported(span, &format!("`{to}` is not a type."), "Take one of: boolean, integer, number, string, timestamp.");
        };
        let x = x?;
        let possible = match (x.ty, to) {
            (None, _) | (_, Type::Text) | (Some(Type::Text), _) => true,
            (Some(from), to) => from == to || (from != Type::Time && to != Type::Time),
        };
        if !possible {
            let from = x.ty.map_or("null", Type::word);
            self.find(Code::TypeMismatch, span, format!("A {from} cannot become a {to}."), "For times, subtract two of them: the result is in seconds.");
            return None;
        }
        if let (Expr::Literal(Value::Text(_)), Type::Time) = (&x.expr, to) {
            return self.as_time(x);
        }
        let expr = if x.ty == Some(to) { x.expr } else { Expr::Cast(Box::new(x.expr), to) };
        Some(Typed { expr, ty: Some(to), span })
    }
}

pub(super) const SUPPORTED: &str = "There are: comparisons, `and`, `or`, `not`, `+ - * / %`, `||`, `like`, `in (…)`, `between`, `is null`, `case`, `cast`, and functions; see `tandem explain T161`.";

fn not(x: Expr) -> Expr {
    Expr::Not(Box::new(x))
}

fn negate_if(x: Expr, negated: bool) -> Expr {
    if negated { not(x) } else { x }
}

fn is_literal(x: &Typed) -> bool {
    matches!(x.expr, Expr::Literal(_))
}

/// An integer as a number; a constant at once.
pub(super) fn widen(x: Typed) -> Typed {
    let expr = match x.expr {
        Expr::Literal(Value::Int(i)) => Expr::Literal(Value::Float(i as f64)),
        other if x.ty == Some(Type::Int) => Expr::Cast(Box::new(other), Type::Float),
        other => other,
    };
    Typed { expr, ty: Some(Type::Float), span: x.span }
}

fn type_of(data_type: &DataType) -> Option<Type> {
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
