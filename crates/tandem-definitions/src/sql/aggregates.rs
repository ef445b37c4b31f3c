//! Aggregations: how an entity's records are folded.

use std::mem;

use super::check::{Checker, Typed};
use super::functions::Inputs;
use super::parameters::parameter;
use super::scope::{Folding, Scope};
use crate::codes::Code;
use crate::expression::Expr;
use crate::findings::Span;
use crate::project::{Aggregate, Fraction, Function, Input, Window};
use crate::time::{DAY, HOUR};
use crate::value::Type;

/// What an outcome cannot ask: it looks ahead.
const LOOKING_BACK: &[&str] = &["time_since_last", "time_since_first", "decayed_sum", "decayed_mean"];

/// A function, what it folds, the type of that, and of the result.
type Folded = (Function, Option<Expr>, Type, Type);

/// What may be asked of records as such, and not only of a value; and its type.
fn of_records(name: &str) -> Option<(Function, Type)> {
    Some(match name {
        "count" => (Function::Count, Type::Int),
        "rate_per_hour" => (Function::Rate(HOUR), Type::Float),
        "rate_per_day" => (Function::Rate(DAY), Type::Float),
        "time_since_last" => (Function::TimeSinceLast, Type::Float),
        "time_since_first" => (Function::TimeSinceFirst, Type::Float),
        _ => return None,
    })
}

/// What is asked of a value, where it is told nothing more.
fn of_values(name: &str) -> Function {
    match name {
        "min" => Function::Min,
        "max" => Function::Max,
        "first" => Function::First,
        "last" => Function::Last,
        "mode" => Function::Mode,
        "sum" => Function::Sum,
        "var_pop" => Function::VarPop,
        "var_samp" | "variance" => Function::VarSamp,
        "stddev_pop" => Function::StddevPop,
        "stddev_samp" | "stddev" => Function::StddevSamp,
        "median" => Function::PercentileCont(Fraction::HALF),
        "approx_count_distinct" => Function::ApproxCountDistinct,
        _ => Function::Mean,
    }
}

/// What a function computes of numbers, in words; `None` for one that gives one of the values, of whatever type.
fn computed(function: Function) -> Option<&'static str> {
    Some(match function {
        Function::Sum => "sum",
        Function::Mean => "mean",
        Function::VarPop | Function::VarSamp => "variance",
        Function::StddevPop | Function::StddevSamp => "standard deviation",
        Function::PercentileCont(_) => "percentile on a line",
        Function::ApproxPercentile(_) => "approximate percentile",
        Function::DecayedSum(_) => "decayed sum",
        Function::DecayedMean(_) => "decayed mean",
        _ => return None,
    })
}

/// What stands in the parentheses, in words.
fn wanted(name: &str) -> &'static str {
    match (name, parameter(name)) {
        (_, Some(parameter)) => parameter.inputs(),
        ("time_since_last" | "time_since_first", _) => "one value, or none",
        ("count" | "rate_per_hour" | "rate_per_day", _) => "`*` or one value",
        _ => "one value",
    }
}

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
            role: folding.role.clone(),
            function,
            input,
            input_type,
            filter: folding.filter.clone(),
            by: None,
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

    fn folded(&mut self, name: &str, inputs: Inputs<'_>, span: Span, name_span: Span) -> Option<Folded> {
        let plain = of_records(name);
        let (distinct, inputs) = match (inputs, plain) {
            (Inputs::Star, Some((function, ty))) if !name.starts_with("time_since") => {
                return Some((function, None, Type::Bool, ty));
            }
            (Inputs::Star, _) => {
                return self.unsupported(
                    span,
                    &format!("`{name}` needs to know of which field."),
                    &format!("Write `{name}(field)`."),
                );
            }
            (Inputs::List { inputs, .. }, Some((function, ty))) if inputs.is_empty() && name != "count" => {
                return Some((function, None, Type::Bool, ty));
            }
            (Inputs::List { distinct, inputs }, _) => (distinct, inputs),
        };
        let parameter = parameter(name);
        let (input, given) = match (inputs.as_slice(), parameter) {
            ([input], None) => (*input, None),
            ([input, given], Some(parameter)) => (*input, Some((parameter, *given))),
            (inputs, _) => return self.wrong_count(name, wanted(name), inputs.len(), span),
        };
        if distinct && name != "count" {
            return self.unsupported(
                span,
                "`distinct` is for `count`.",
                "Write `count(distinct x)`, or leave `distinct` out.",
            );
        }
        let x = self.expr(input);
        let told = match given {
            Some((parameter, given)) => Some(self.parameter(name, parameter, given)?),
            None => None,
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
        if let Some((function, result)) = plain {
            let function = if distinct { Function::CountDistinct } else { function };
            return Some((function, Some(x.expr), ty, result));
        }
        let function = told.unwrap_or_else(|| of_values(name));
        if let Some(what) = computed(function) {
            return self.summed(what, function, x, name_span);
        }
        let result = match function {
            Function::ApproxCountDistinct => Type::Int,
            // A field of a source is a single value.
            Function::LastN(_) | Function::TopK(_) => Type::List(ty.element()?),
            _ => ty,
        };
        Some((function, Some(x.expr), ty, result))
    }

    /// Sums, means and the like are of numbers; a condition counts as 1 where it holds, else as 0.
    fn summed(&mut self, what: &str, function: Function, x: Typed, name_span: Span) -> Option<Folded> {
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
