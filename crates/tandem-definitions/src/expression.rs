//! A checked SQL expression: names resolved, types known, ready to be evaluated by tandem-engine.
//! Not here: reading SQL (`sql.rs`) and computing values (tandem-engine's `evaluate.rs`).

use serde::{Deserialize, Serialize};

use crate::value::{Type, Value};

/// A typed expression over the columns of its scope. Null in, null out, unless an operator says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A constant.
    Literal(Value),
    /// The scope's column of this index: for a source's expression a field of its contract, for a feature's an input of it.
    Column(usize),
    /// `not x`: three-valued, as SQL has it.
    Not(Box<Expr>),
    /// `-x`: an integer that overflows is null.
    Negate(Box<Expr>),
    /// `x is null`: never null itself.
    IsNull(Box<Expr>),
    /// A binary operator.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `case when … then … else … end`; without a true condition and an `else`, null.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `x in (…)`: three-valued, as SQL has it.
    In(Box<Expr>, Vec<Expr>),
    /// A function.
    Call(Scalar, Vec<Expr>),
    /// `cast(x as type)`, or a widening that the type checker put in: what does not fit is null.
    Cast(Box<Expr>, Type),
}

/// Binary operators. Operands have been brought to one type, except for times (see the variants).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binary {
    /// `and`, three-valued.
    And,
    /// `or`, three-valued.
    Or,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`; an integer that overflows is null.
    Add,
    /// `-`; an integer that overflows is null; of two times, the seconds between them as a number.
    Subtract,
    /// `*`; an integer that overflows is null.
    Multiply,
    /// `/`; always a number; by zero, null.
    Divide,
    /// `%`; by zero, null.
    Remainder,
    /// `||`, of texts.
    Concat,
    /// `like`, with `%` and `_`.
    Like,
}

/// Functions of one record's or one entity's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scalar {
    /// `abs(x)`
    Abs,
    /// `round(x)`: half away from zero, as SQL has it.
    Round,
    /// `floor(x)`
    Floor,
    /// `ceil(x)`
    Ceil,
    /// `sqrt(x)`; of a negative number, null.
    Sqrt,
    /// `ln(x)`; of zero or less, null.
    Ln,
    /// `exp(x)`
    Exp,
    /// `coalesce(a, b, …)`: the first that is not null.
    Coalesce,
    /// `greatest(a, b, …)`: nulls are skipped.
    Greatest,
    /// `least(a, b, …)`: nulls are skipped.
    Least,
    /// `lower(s)`
    Lower,
    /// `upper(s)`
    Upper,
    /// `length(s)`, in characters; of a list or a map, in values.
    Length,
    /// `hour(t, 'Zone/Name')`: 0 to 23 on the wall clock of the zone (UTC without one).
    Hour,
    /// `weekday(t, 'Zone/Name')`: 1 (Monday) to 7 in the zone (UTC without one).
    Weekday,
    /// `month(t, 'Zone/Name')`: 1 to 12 in the zone (UTC without one).
    Month,
    /// `list[1]`: 1 is the first; `map['key']`. What is not there is null.
    Subscript,
}

impl Expr {
    /// Calls `visit` with every column that the expression reads.
    pub fn columns(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Self::Literal(_) => {}
            Self::Column(c) => visit(*c),
            Self::Not(x) | Self::Negate(x) | Self::IsNull(x) | Self::Cast(x, _) => x.columns(visit),
            Self::Binary(_, a, b) => {
                a.columns(visit);
                b.columns(visit);
            }
            Self::Case(arms, otherwise) => {
                for (when, then) in arms {
                    when.columns(visit);
                    then.columns(visit);
                }
                if let Some(x) = otherwise {
                    x.columns(visit);
                }
            }
            Self::In(x, list) => {
                x.columns(visit);
                list.iter().for_each(|y| y.columns(visit));
            }
            Self::Call(_, inputs) => inputs.iter().for_each(|x| x.columns(visit)),
        }
    }

    /// The same expression with every column renumbered.
    #[must_use]
    pub fn map_columns(&self, map: &impl Fn(usize) -> usize) -> Self {
        let boxed = |x: &Self| Box::new(x.map_columns(map));
        let many = |xs: &[Self]| xs.iter().map(|x| x.map_columns(map)).collect::<Vec<_>>();
        match self {
            Self::Literal(v) => Self::Literal(v.clone()),
            Self::Column(c) => Self::Column(map(*c)),
            Self::Not(x) => Self::Not(boxed(x)),
            Self::Negate(x) => Self::Negate(boxed(x)),
            Self::IsNull(x) => Self::IsNull(boxed(x)),
            Self::Cast(x, t) => Self::Cast(boxed(x), *t),
            Self::Binary(op, a, b) => Self::Binary(*op, boxed(a), boxed(b)),
            Self::Case(arms, otherwise) => Self::Case(
                arms.iter().map(|(w, t)| (w.map_columns(map), t.map_columns(map))).collect(),
                otherwise.as_deref().map(boxed),
            ),
            Self::In(x, list) => Self::In(boxed(x), many(list)),
            Self::Call(f, inputs) => Self::Call(*f, many(inputs)),
        }
    }
}
