//! Operators and the types that they take and give: widening, times from texts, one type for many values.

use sqlparser::ast::{BinaryOperator, CaseWhen, DataType, Expr as Ast, UnaryOperator};

use super::check::{Checker, SUPPORTED, Typed, not, type_of};
use super::lists::read_one;
use crate::codes::Code;
use crate::expression::{Binary, Expr, Scalar};
use crate::findings::Span;
use crate::time::parse_instant;
use crate::value::{Type, Value};

impl Checker<'_, '_> {
    pub(super) fn unary(&mut self, op: UnaryOperator, inner: &Ast, span: Span) -> Option<Typed> {
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

    pub(super) fn binary(&mut self, left: &Ast, op: &BinaryOperator, right: &Ast, span: Span) -> Option<Typed> {
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
            self.find(
                Code::TypeMismatch,
                nothing,
                "A comparison with null is never true.",
                "Write `x is null` or `x is not null`.",
            );
            return None;
        }
        let (a, b) = (self.single(a)?, self.single(b)?);
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
            self.find(
                Code::DivisionByZero,
                b.span,
                "A division by zero is always null.",
                "Divide by what you mean; a divisor that may be zero needs no care: the result is null then.",
            );
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
            (Some(Type::Time), Some(Type::Text)) if is_literal(&b) => {
                return Some((a, self.as_time(b)?, Some(Type::Time)));
            }
            (Some(Type::Text), Some(Type::Time)) if is_literal(&a) => {
                return Some((self.as_time(a)?, b, Some(Type::Time)));
            }
            (Some(x), Some(y)) => {
                let message = format!("{} and {} cannot be {what}.", capital(&x.with_article()), y.with_article());
                let help = match (x, y) {
                    (Type::Text, y) | (y, Type::Text) if y.is_numeric() => {
                        "Numbers stand without quotes; a text with a number in it becomes one by `cast(x as number)`."
                            .to_owned()
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
    pub(super) fn as_time(&mut self, x: Typed) -> Option<Typed> {
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

    pub(super) fn expect(&mut self, x: Typed, wanted: Type) -> Option<Typed> {
        match x.ty {
            Some(ty) if ty != wanted => {
                let usual = match (ty, wanted) {
                    (_, Type::Bool) => "Compare it with something: `x > 0`, `x = 'JFK'`, `x is not null`.",
                    (Type::Text, Type::Float) => {
                        "Numbers stand without quotes; a text with a number in it becomes one by `cast(x as number)`."
                    }
                    (Type::Bool, Type::Float) => "Write `case when x then 1 else 0 end`.",
                    (Type::Time, Type::Float) => "Subtract two times: the result is in seconds.",
                    (_, Type::Text) => "Write `cast(x as string)`.",
                    _ => "Use a value of the type that is wanted here.",
                };
                let help = read_one(ty, "x").unwrap_or_else(|| usual.to_owned());
                self.find(
                    Code::TypeMismatch,
                    x.span,
                    format!("{} is wanted here, but this is {}.", capital(&wanted.with_article()), ty.with_article()),
                    help,
                );
                None
            }
            _ => Some(Typed { ty: Some(wanted), ..x }),
        }
    }

    /// The condition with null counted as `otherwise`.
    pub(super) fn truth(&mut self, x: &Ast, otherwise: bool) -> Option<Expr> {
        let x = self.expr(x)?;
        let x = self.bool(x)?;
        Some(Expr::Call(Scalar::Coalesce, vec![x.expr, Expr::Literal(Value::Bool(otherwise))]))
    }

    pub(super) fn in_list(&mut self, x: &Ast, list: &[Ast], span: Span) -> Option<Typed> {
        let x = self.expr(x);
        let items: Vec<_> = list.iter().map(|item| self.expr(item)).collect();
        let mut all = vec![x?];
        all.extend(items.into_iter().collect::<Option<Vec<_>>>()?);
        let all = all.into_iter().map(|x| self.single(x)).collect::<Option<Vec<_>>>()?;
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

    pub(super) fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[CaseWhen],
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

    pub(super) fn cast(&mut self, inner: &Ast, to: &DataType, span: Span) -> Option<Typed> {
        let x = self.expr(inner);
        let Some(to) = type_of(to) else {
            return self.unsupported(
                span,
                &format!("`{to}` is not a type."),
                "Take one of: boolean, integer, number, string, timestamp.",
            );
        };
        let x = x?;
        let possible = match (x.ty, to) {
            (Some(Type::List(_) | Type::Map(..)), _) => false,
            (None | Some(Type::Text), _) | (_, Type::Text) => true,
            (Some(from), to) => from == to || (from != Type::Time && to != Type::Time),
        };
        if !possible {
            let from = x.ty.map_or_else(|| "null".to_owned(), |ty| capital(&ty.with_article()));
            self.find(
                Code::TypeMismatch,
                span,
                format!("{from} cannot become {}.", to.with_article()),
                x.ty.and_then(|ty| read_one(ty, "x"))
                    .unwrap_or_else(|| "For times, subtract two of them: the result is in seconds.".to_owned()),
            );
            return None;
        }
        if let (Expr::Literal(Value::Text(_)), Type::Time) = (&x.expr, to) {
            return self.as_time(x);
        }
        let expr = if x.ty == Some(to) { x.expr } else { Expr::Cast(Box::new(x.expr), to) };
        Some(Typed { expr, ty: Some(to), span })
    }
}

fn is_literal(x: &Typed) -> bool {
    matches!(x.expr, Expr::Literal(_))
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
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
