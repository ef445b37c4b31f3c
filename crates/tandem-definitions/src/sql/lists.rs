//! Lists and maps in expressions: an element or a category of one is read, or how many there are; nothing else is computed
//! with them.

use sqlparser::ast::{AccessExpr, Expr as Ast, Subscript};

use super::check::{Checker, Typed};
use super::operators::capital;
use crate::codes::Code;
use crate::expression::{Expr, Scalar};
use crate::findings::Span;
use crate::value::{Element, Type, Value};

/// How one value is read of a list or a map of this name; `None` for a type of single values.
pub(crate) fn read_one(ty: Type, name: &str) -> Option<String> {
    let (what, key) = match ty {
        Type::List(_) => ("element", "1"),
        Type::Map(Element::Text, _) => ("category", "'checkout'"),
        Type::Map(Element::Bool, _) => ("category", "true"),
        Type::Map(..) => ("category", "7"),
        _ => return None,
    };
    Some(format!("Read one {what} of it, such as `{name}[{key}]`, or how many there are: `length({name})`."))
}

impl Checker<'_, '_> {
    /// `list[1]` or `map['key']`.
    pub(super) fn subscript(&mut self, root: &Ast, chain: &[AccessExpr], span: Span) -> Option<Typed> {
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return self.unsupported(
                span,
                "One element of a list or one category of a map is read, and nothing within it.",
                "Write `x[1]` for a list, `x['key']` for a map.",
            );
        };
        let (x, at) = (self.expr(root), self.expr(index));
        let (x, at) = (x?, at?);
        let (at, ty) = match x.ty {
            Some(Type::List(of)) => (self.place(at)?, of),
            Some(Type::Map(key, value)) => (self.expect(at, key.into())?, value),
            ty => {
                let word = ty.map_or_else(|| "null".to_owned(), Type::with_article);
                let message = format!("Square brackets read a list or a map, but this is {word}.");
                let help =
                    "Make it a list (`last_n(x, 3)`), or a map with `by:` on the feature; or leave the brackets out.";
                self.find(Code::TypeMismatch, x.span, message, help);
                return None;
            }
        };
        Some(Typed { expr: Expr::Call(Scalar::Subscript, vec![x.expr, at.expr]), ty: Some(ty.into()), span })
    }

    /// The place of an element in a list; the first is 1.
    fn place(&mut self, at: Typed) -> Option<Typed> {
        let at = self.expect(at, Type::Int)?;
        if matches!(at.expr, Expr::Literal(Value::Int(i)) if i < 1) {
            let message = "There is no such element: the first of a list is 1.";
            self.find(Code::WrongArguments, at.span, message, "Write `x[1]` for the first, `x[2]` for the second.");
            return None;
        }
        Some(at)
    }

    /// A value that can be compared: no list, no map.
    pub(super) fn single(&mut self, x: Typed) -> Option<Typed> {
        let Some((ty, help)) = x.ty.and_then(|ty| Some((ty, read_one(ty, "x")?))) else { return Some(x) };
        let message = format!("{} cannot be compared.", capital(&ty.with_article()));
        self.find(Code::TypeMismatch, x.span, message, help);
        None
    }
}
