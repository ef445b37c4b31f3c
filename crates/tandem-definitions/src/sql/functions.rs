//! Functions of single values: which there are, what they take, what they give.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Ast, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned,
};

use super::check::{Checker, Typed};
use super::operators::widen;
use crate::codes::Code;
use crate::expression::{Expr, Scalar};
use crate::findings::{Span, instead, nearest};
use crate::time::Zone;
use crate::value::{Type, Value};

const SCALARS: &[(&str, Scalar)] = &[
    ("abs", Scalar::Abs),
    ("round", Scalar::Round),
    ("floor", Scalar::Floor),
    ("ceil", Scalar::Ceil),
    ("ceiling", Scalar::Ceil),
    ("sqrt", Scalar::Sqrt),
    ("ln", Scalar::Ln),
    ("exp", Scalar::Exp),
    ("coalesce", Scalar::Coalesce),
    ("greatest", Scalar::Greatest),
    ("least", Scalar::Least),
    ("lower", Scalar::Lower),
    ("upper", Scalar::Upper),
    ("length", Scalar::Length),
    ("hour", Scalar::Hour),
    ("weekday", Scalar::Weekday),
    ("month", Scalar::Month),
];

const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "mean",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "time_since_last",
    "var_pop",
    "var_samp",
    "variance",
    "stddev_pop",
    "stddev_samp",
    "stddev",
    "time_since_first",
    "nth_last",
    "rate_per_hour",
    "rate_per_day",
    "percentile_cont",
    "percentile_disc",
    "quantile",
    "median",
    "mode",
    "decayed_sum",
    "decayed_mean",
    "last_n",
    "top_k",
    "approx_count_distinct",
    "approx_percentile",
];

/// Whether a function folds records.
pub(crate) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name.to_lowercase().as_str())
}

/// What stands between the parentheses of a call.
pub(super) enum Inputs<'e> {
    Star,
    List { distinct: bool, inputs: Vec<&'e Ast> },
}

impl Checker<'_, '_> {
    pub(super) fn function(&mut self, call: &Call, span: Span) -> Option<Typed> {
        let name = call.name.to_string().to_lowercase();
        let name_span = self.sql.words(call.name.span());
        if call.over.is_some() {
            return self.unsupported(
                span,
                "A window is not written in the expression.",
                "Write `over: 7 days` beside `value`.",
            );
        }
        if !call.within_group.is_empty() && name.starts_with("percentile_") {
            let help = format!("Write `{name}(x, 0.9)`: the value first, then the fraction.");
            return self.unsupported(span, "Percentiles are written with both values in the parentheses.", &help);
        }
        if call.filter.is_some() || !call.within_group.is_empty() || call.null_treatment.is_some() {
            return self.unsupported(
                span,
                "Aggregations take no clauses.",
                "Write the condition under `where:` beside `value`; nulls are always skipped.",
            );
        }
        let inputs = self.inputs(call, span)?;
        if is_aggregate(&name) {
            return self.aggregate(&name, inputs, span, name_span);
        }
        let Some((_, function)) = SCALARS.iter().find(|(known, _)| *known == name) else {
            let known = || SCALARS.iter().map(|(n, _)| *n).chain(AGGREGATES.iter().copied());
            let help = match nearest(&name, known()) {
                Some(right) => format!("Did you mean `{right}`?"),
                None => format!("Take one of: {}.", known().collect::<Vec<_>>().join(", ")),
            };
            self.find(Code::UnknownFunction, name_span, format!("There is no function `{name}`."), help);
            return None;
        };
        match inputs {
            Inputs::List { distinct: false, inputs } => self.call(*function, &name, &inputs, span),
            _ => {
                self.unsupported(span, &format!("`{name}` takes plain values."), "`*` and `distinct` are for `count`.")
            }
        }
    }

    fn inputs<'e>(&mut self, call: &'e Call, span: Span) -> Option<Inputs<'e>> {
        let list = match &call.args {
            FunctionArguments::List(list) if list.clauses.is_empty() => list,
            _ => return self.unsupported(span, "A function needs its values in parentheses.", "Write `name(value)`."),
        };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let mut inputs = Vec::new();
        for arg in &list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(x)) => inputs.push(x),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 && !distinct => {
                    return Some(Inputs::Star);
                }
                _ => return self.unsupported(span, "A function takes plain values.", "Write `name(value, value)`."),
            }
        }
        Some(Inputs::List { distinct, inputs })
    }

    pub(super) fn wrong_count<T>(&mut self, name: &str, wanted: &str, got: usize, span: Span) -> Option<T> {
        let message = format!("`{name}` takes {wanted}, but {got} stand here.");
        self.find(Code::WrongArguments, span, message, format!("Give `{name}` {wanted}."));
        None
    }

    pub(super) fn call(&mut self, function: Scalar, name: &str, inputs: &[&Ast], span: Span) -> Option<Typed> {
        use Scalar::{
            Abs, Ceil, Coalesce, Exp, Floor, Greatest, Hour, Least, Length, Ln, Lower, Month, Round, Sqrt, Subscript,
            Upper, Weekday,
        };
        let (wanted, fits) = match function {
            Coalesce | Greatest | Least => ("at least one value", !inputs.is_empty()),
            Hour | Weekday | Month => ("a timestamp and, if you like, a time zone", matches!(inputs.len(), 1 | 2)),
            _ => ("one value", inputs.len() == 1),
        };
        if !fits {
            return self.wrong_count(name, wanted, inputs.len(), span);
        }
        let values: Vec<_> = inputs.iter().map(|x| self.expr(x)).collect();
        let mut values = values.into_iter().collect::<Option<Vec<_>>>()?;
        let (values, ty) = match function {
            Subscript => return None,
            Coalesce | Greatest | Least => {
                if function != Coalesce {
                    values = values.into_iter().map(|x| self.single(x)).collect::<Option<_>>()?;
                }
                let (values, ty) = self.unify_all(values, span, &format!("values of one `{name}`"))?;
                (values, ty)
            }
            Hour | Weekday | Month => {
                let zone = if values.len() == 2 { values.pop() } else { None };
                let mut values = vec![self.time(values.remove(0))?];
                if let Some(zone) = zone {
                    values.push(self.zone(zone)?);
                }
                (values, Some(Type::Int))
            }
            Length if values[0].ty.is_some_and(|ty| ty.element().is_none()) => (values, Some(Type::Int)),
            Lower | Upper | Length => {
                let ty = if function == Length { Type::Int } else { Type::Text };
                (vec![self.text(values.remove(0))?], Some(ty))
            }
            Abs | Round | Floor | Ceil => {
                let x = self.numeric(values.remove(0))?;
                let ty = x.ty;
                (vec![x], ty)
            }
            Sqrt | Ln | Exp => (vec![widen(self.numeric(values.remove(0))?)], Some(Type::Float)),
        };
        Some(Typed { expr: Expr::Call(function, values.into_iter().map(|t| t.expr).collect()), ty, span })
    }

    /// A zone must be a constant, so that a wrong one is found here and not in the middle of a replay.
    fn zone(&mut self, zone: Typed) -> Option<Typed> {
        match &zone.expr {
            Expr::Literal(Value::Text(name)) if Zone::find(name).is_some() => Some(zone),
            Expr::Literal(Value::Text(name)) => {
                let message = format!("There is no time zone '{name}'.");
                self.find(Code::UnknownZone, zone.span, message, "Write an IANA name, such as 'America/New_York'.");
                None
            }
            _ => {
                self.find(
                    Code::TypeMismatch,
                    zone.span,
                    "A time zone is a text constant.",
                    "Write an IANA name, such as 'America/New_York'.",
                );
                None
            }
        }
    }

    pub(super) fn extract(&mut self, field: &str, from: &Ast, span: Span) -> Option<Typed> {
        match field.to_lowercase().as_str() {
            "hour" => self.call(Scalar::Hour, "hour", &[from], span),
            "month" => self.call(Scalar::Month, "month", &[from], span),
            "isodow" => self.call(Scalar::Weekday, "weekday", &[from], span),
            other => {
                let help = instead(other, "part", ["hour", "month", "isodow"]);
                self.unsupported(span, &format!("`{other}` cannot be extracted from a time."), &help)
            }
        }
    }
}
