//! Aggregations: how an entity's records are folded.

use std::mem;

use super::check::{Checker, Typed};
use super::functions::Inputs;
use super::parameters::{parameter, what};
use super::scope::{Folding, Scope};
use crate::codes::Code;
use crate::expression::Expr;
use crate::findings::Span;
use crate::project::{Aggregate, Fraction, Function, Input, Window};
use crate::time::{DAY, HOUR};
use crate::value::Type;

/// What an outcome cannot ask: it looks ahead.
const LOOKING_BACK: &[&str] = &["time_since_last", "time_since_first", "decayed_sum", "decayed_mean"];

impl<'p> Checker<'_, 'p> {
    pub(super) fn aggregate(&mut self, name: &str, inputs: Inputs<'_>, span: Span, name_span: Span) -> Option<Typed> {
        if let Some(outer) = &self.inside {
            let message = format!("`{name}` stands inside `{outer}`: an aggregation cannot fold another one.");
            self.find(
                Code::NestedAggregate,
                span,
                message,
                "Make a feature of the inner one, or write one aggregation beside the other.",
            );
            return None;
        }
        let window = match &self.scope {
            Scope::Record(record) => {
                let message =
                    format!("`{name}` folds many records, but here one record of `{}` is looked at.", record.source);
                self.find(Code::AggregateInRecord, span, message, "Move it to `value`, or make a feature of it.");
                return None;
            }
            Scope::Entity { folding: None, .. } => {
                let message = format!("`{name}` folds records, but no source is named.");
                self.find(Code::AggregateWithoutFrom, span, message, "Add `from:` with the source's name.");
                return None;
            }
            Scope::Entity { folding: Some(folding), .. } => &folding.window,
        };
        if matches!(window, Window::Ahead(_)) && LOOKING_BACK.contains(&name) {
            self.find(
                Code::LooksBack,
                name_span,
                "An outcome looks ahead, so there is nothing since which time has passed.",
                "Fold the field that you want to know: `max(x)`, `count(*)`, …",
            );
            return None;
        }
        if *window == Window::AllTime && name.starts_with("rate_") {
            self.find(
                Code::RateOfAllTime,
                name_span,
                format!("`{name}` counts over the length of the window, and all time has none."),
                "Add a window, such as `over: 30 days`.",
            );
            return None;
        }
        let folding = self.enter(name)?;
        let folded = self.folded(name, inputs, span, name_span);
        let aggregate = folded.map(|(function, input, input_type, ty)| Aggregate {
            source: folding.source,
            entity: folding.entity,
            function,
            input,
            input_type,
            filter: folding.filter.clone(),
            window: folding.window.clone(),
            ty,
        });
        self.leave(folding);
        self.keep(aggregate?, span)
    }

    /// From the entity's scope into that of one record.
    fn enter(&mut self, name: &str) -> Option<Folding<'p>> {
        let Scope::Entity { folding, names, aggregates, inputs } = &mut self.scope else { return None };
        let folding = folding.take()?;
        self.outer = Some((*names, mem::take(aggregates), mem::take(inputs)));
        self.scope = Scope::Record(folding.record);
        self.inside = Some(name.to_owned());
        Some(folding)
    }

    fn leave(&mut self, folding: Folding<'p>) {
        let (names, aggregates, inputs) = self.outer.take().unwrap_or_default();
        self.scope = Scope::Entity { folding: Some(folding), names, aggregates, inputs };
        self.inside = None;
    }

    /// The same aggregation twice in one expression is folded once.
    fn keep(&mut self, aggregate: Aggregate, span: Span) -> Option<Typed> {
        let ty = aggregate.ty;
        let Scope::Entity { aggregates, .. } = &mut self.scope else { return None };
        let index = aggregates.iter().position(|a| *a == aggregate).unwrap_or_else(|| {
            aggregates.push(aggregate);
            aggregates.len() - 1
        });
        Some(Typed { expr: self.input(Input::Aggregate(index)), ty: Some(ty), span })
    }

    fn folded(
        &mut self,
        name: &str,
        inputs: Inputs<'_>,
        span: Span,
        name_span: Span,
    ) -> Option<(Function, Option<Expr>, Type, Type)> {
        // What may be asked of records as such, and not only of a value.
        let plain = match name {
            "count" => Some(Function::Count),
            "rate_per_hour" => Some(Function::Rate(HOUR)),
            "rate_per_day" => Some(Function::Rate(DAY)),
            "time_since_last" => Some(Function::TimeSinceLast),
            "time_since_first" => Some(Function::TimeSinceFirst),
            _ => None,
        };
        let result = if name == "count" { Type::Int } else { Type::Float };
        let since = name.starts_with("time_since");
        let (distinct, inputs) = match (inputs, plain) {
            (Inputs::Star, Some(function)) if !since => return Some((function, None, Type::Bool, result)),
            (Inputs::Star, _) => {
                return self.unsupported(
                    span,
                    &format!("`{name}` needs to know of which field."),
                    &format!("Write `{name}(field)`."),
                );
            }
            (Inputs::List { inputs, .. }, Some(function)) if inputs.is_empty() && name != "count" => {
                return Some((function, None, Type::Bool, result));
            }
            (Inputs::List { distinct, inputs }, _) => (distinct, inputs),
        };
        let parameter = parameter(name);
        let (input, given) = match (inputs.as_slice(), parameter) {
            ([input], None) => (*input, None),
            ([input, given], Some(_)) => (*input, Some(*given)),
            (inputs, _) => {
                let wanted = match name {
                    "count" => "`*` or one value",
                    _ if since => "one value, or none",
                    _ if plain.is_some() => "`*` or one value",
                    _ => parameter.map_or("one value", |p| p.inputs()),
                };
                return self.wrong_count(name, wanted, inputs.len(), span);
            }
        };
        if distinct && name != "count" {
            return self.unsupported(
                span,
                "`distinct` is for `count`.",
                "Write `count(distinct x)`, or leave `distinct` out.",
            );
        }
        let x = self.expr(input);
        let with = match (parameter, given) {
            (Some(parameter), Some(given)) => Some(self.parameter(name, parameter, given)?),
            _ => None,
        };
        let x = x?;
        let Some(ty) = x.ty else {
            self.find(
                Code::TypeMismatch,
                x.span,
                "This is always null, so there is nothing to fold.",
                "Fold a field of the source.",
            );
            return None;
        };
        let (function, result) = match (name, plain, with) {
            ("count", ..) if distinct => (Function::CountDistinct, Type::Int),
            (_, Some(function), _) => (function, result),
            (_, _, Some(function @ (Function::NthLast(_) | Function::PercentileDisc(_)))) => (function, ty),
            (_, _, Some(function)) => return self.summed(what(name), function, x, name_span),
            ("min", ..) => (Function::Min, ty),
            ("max", ..) => (Function::Max, ty),
            ("first", ..) => (Function::First, ty),
            ("last", ..) => (Function::Last, ty),
            ("mode", ..) => (Function::Mode, ty),
            ("sum", ..) => return self.summed("sum", Function::Sum, x, name_span),
            ("var_pop", ..) => return self.summed("variance", Function::VarPop, x, name_span),
            ("var_samp" | "variance", ..) => return self.summed("variance", Function::VarSamp, x, name_span),
            ("stddev_pop", ..) => return self.summed("standard deviation", Function::StddevPop, x, name_span),
            ("stddev_samp" | "stddev", ..) => {
                return self.summed("standard deviation", Function::StddevSamp, x, name_span);
            }
            ("median", ..) => {
                return self.summed("median", Function::PercentileCont(Fraction(500_000_000)), x, name_span);
            }
            _ => return self.summed("mean", Function::Mean, x, name_span),
        };
        Some((function, Some(x.expr), ty, result))
    }

    /// Sums, means and the like are of numbers; a condition counts as 1 where it holds, else as 0.
    fn summed(
        &mut self,
        what: &str,
        function: Function,
        x: Typed,
        name_span: Span,
    ) -> Option<(Function, Option<Expr>, Type, Type)> {
        let (expr, ty) = match x.ty {
            Some(Type::Bool) => (Expr::Cast(Box::new(x.expr), Type::Int), Type::Int),
            Some(ty) if ty.is_numeric() => (x.expr, ty),
            ty => {
                let word = ty.map_or_else(|| "null".to_owned(), Type::with_article);
                let message = format!("There is no {what} of {word}.");
                self.find(
                    Code::TypeMismatch,
                    x.span.to(x.span.end.max(name_span.start)),
                    message,
                    "Fold a number; of texts and times take `min`, `max`, `first`, `last`, `mode` or `count`.",
                );
                return None;
            }
        };
        let result = if function == Function::Sum { ty } else { Type::Float };
        Some((function, Some(expr), ty, result))
    }
}
