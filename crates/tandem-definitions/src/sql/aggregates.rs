//! Aggregations: how an entity's records are folded.

use std::mem;

use super::check::{Checker, Typed};
use super::functions::Inputs;
use super::scope::{Folding, Scope};
use crate::codes::Code;
use crate::expression::Expr;
use crate::findings::Span;
use crate::project::{Aggregate, Function, Input, Window};
use crate::value::Type;

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
        let ahead = match &self.scope {
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
            Scope::Entity { folding: Some(folding), .. } => matches!(folding.window, Window::Ahead(_)),
        };
        if ahead && name == "time_since_last" {
            self.find(
                Code::LooksBack,
                name_span,
                "An outcome looks ahead, so there is nothing since which time has passed.",
                "Fold the field that you want to know: `max(x)`, `count(*)`, …",
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
            window: folding.window,
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
        let (distinct, inputs) = match inputs {
            Inputs::Star if name == "count" => return Some((Function::Count, None, Type::Bool, Type::Int)),
            Inputs::Star => {
                return self.unsupported(
                    span,
                    &format!("`{name}` needs to know of which field."),
                    &format!("Write `{name}(field)`."),
                );
            }
            Inputs::List { distinct, inputs } => (distinct, inputs),
        };
        if name == "time_since_last" && inputs.is_empty() {
            return Some((Function::TimeSinceLast, None, Type::Bool, Type::Float));
        }
        let [input] = inputs.as_slice() else {
            let wanted = match name {
                "count" => "`*` or one value",
                "time_since_last" => "one value, or none",
                _ => "one value",
            };
            return self.wrong_count(name, wanted, inputs.len(), span);
        };
        if distinct && name != "count" {
            return self.unsupported(
                span,
                "`distinct` is for `count`.",
                "Write `count(distinct x)`, or leave `distinct` out.",
            );
        }
        let x = self.expr(input)?;
        let Some(ty) = x.ty else {
            self.find(
                Code::TypeMismatch,
                x.span,
                "This is always null, so there is nothing to fold.",
                "Fold a field of the source.",
            );
            return None;
        };
        let (function, result) = match name {
            "count" if distinct => (Function::CountDistinct, Type::Int),
            "count" => (Function::Count, Type::Int),
            "min" => (Function::Min, ty),
            "max" => (Function::Max, ty),
            "first" => (Function::First, ty),
            "last" => (Function::Last, ty),
            "time_since_last" => (Function::TimeSinceLast, Type::Float),
            "sum" => return self.summed("sum", Function::Sum, x, name_span),
            "var_pop" => return self.summed("variance", Function::VarPop, x, name_span),
            "var_samp" | "variance" => return self.summed("variance", Function::VarSamp, x, name_span),
            "stddev_pop" => return self.summed("standard deviation", Function::StddevPop, x, name_span),
            "stddev_samp" | "stddev" => return self.summed("standard deviation", Function::StddevSamp, x, name_span),
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
                    "Fold a number; of texts and times take `min`, `max`, `first`, `last` or `count`.",
                );
                return None;
            }
        };
        let result = if function == Function::Sum { ty } else { Type::Float };
        Some((function, Some(expr), ty, result))
    }
}
