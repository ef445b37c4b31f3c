//! What an aggregation is told besides the value that it folds: a constant, so that a wrong one is found here and not in
//! the middle of a replay.

use sqlparser::ast::{Expr as Ast, Value as Constant};

use super::check::Checker;
use crate::codes::Code;
use crate::project::{Fraction, Function};
use crate::time::parse_duration;

/// More than anybody asks for; so many of the last values are kept for each block of records.
const MOST: u32 = 100;

/// A kind of constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// `nth_last(x, 2)`
    Number,
    /// `quantile(x, 0.9)`
    Fraction,
    /// `decayed_sum(x, '7 days')`
    HalfLife,
}

/// What an aggregation is told, if anything.
pub(super) fn parameter(name: &str) -> Option<Parameter> {
    match name {
        "nth_last" | "last_n" | "top_k" => Some(Parameter::Number),
        "percentile_cont" | "percentile_disc" | "quantile" | "approx_percentile" => Some(Parameter::Fraction),
        "decayed_sum" | "decayed_mean" => Some(Parameter::HalfLife),
        _ => None,
    }
}

impl Parameter {
    /// What stands in the parentheses, in words.
    pub fn inputs(self) -> &'static str {
        match self {
            Self::Number => "a value and a number, such as `(x, 2)`",
            Self::Fraction => "a value and a fraction, such as `(x, 0.9)`",
            Self::HalfLife => "a value and a half-life, such as `(x, '7 days')`",
        }
    }
}

impl Checker<'_, '_> {
    /// The function with its constant.
    pub(super) fn parameter(&mut self, name: &str, parameter: Parameter, given: &Ast) -> Option<Function> {
        let constant = match given {
            Ast::Value(value) => match &value.value {
                Constant::Number(text, _) if parameter != Parameter::HalfLife => Some(text.as_str()),
                Constant::SingleQuotedString(text) if parameter == Parameter::HalfLife => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        let function = match parameter {
            Parameter::Number => {
                constant.and_then(|text| text.parse().ok()).filter(|n| (1..=MOST).contains(n)).map(|n| match name {
                    "last_n" => Function::LastN(n),
                    "top_k" => Function::TopK(n),
                    _ => Function::NthLast(n),
                })
            }
            Parameter::Fraction => constant.and_then(Fraction::parse).map(|fraction| match name {
                "percentile_disc" => Function::PercentileDisc(fraction),
                "approx_percentile" => Function::ApproxPercentile(fraction),
                _ => Function::PercentileCont(fraction),
            }),
            Parameter::HalfLife => {
                constant.and_then(parse_duration).filter(|span| *span > 0).map(|half_life| match name {
                    "decayed_sum" => Function::DecayedSum(half_life),
                    _ => Function::DecayedMean(half_life),
                })
            }
        };
        if function.is_none() {
            let (wanted, help) = match parameter {
                Parameter::Number => ("a whole number from 1 to 100", format!("Write `{name}(x, 2)`.")),
                Parameter::Fraction => {
                    ("a fraction from 0 to 1 with at most nine decimals", format!("Write `{name}(x, 0.9)`."))
                }
                Parameter::HalfLife => ("a half-life in quotes", format!("Write `{name}(x, '7 days')`.")),
            };
            let message = format!("The second value of `{name}` is {wanted}.");
            self.find(Code::WrongArguments, self.span(given), message, help);
        }
        function
    }
}
