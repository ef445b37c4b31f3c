//! `by` and `categories` of a feature: its one aggregation, folded for each category of its records.

use super::Reader;
use super::features::{Draft, record};
use crate::codes::Code;
use crate::expression::Expr;
use crate::project::{Category, Computation};
use crate::sql::{Checker, Scope, Sql};
use crate::value::{Element, Type};
use crate::yaml::Scalar;

/// The fewest and the most that `categories` may say.
pub(crate) const CATEGORIES: (u32, u32) = (1, 10_000);
/// The cap without `categories`.
const USUAL: u32 = 100;

impl Reader {
    /// The feature's computation, grouped as `by` says; as it is without `by`.
    pub(super) fn grouped(
        &mut self,
        draft: &Draft<'_>,
        mut value: Computation,
        ty: Type,
    ) -> Option<(Computation, Type)> {
        let Some(node) = draft.node.get("by") else {
            if let Some(categories) = draft.node.get("categories") {
                let message = "`categories` caps what `by` groups, but nothing is grouped.";
                let help = "Add `by:` with a field of the source, or remove `categories`.";
                self.findings.at(Code::NotGrouped, &draft.origin, categories.span, message, help);
            }
            return Some((value, ty));
        };
        if value.aggregates.is_empty() {
            // That `by` folds nothing is said with `from` and `over`.
            return Some((value, ty));
        }
        let source = value.aggregates[0].source;
        let category = self.category(draft, source);
        let lone = value.expr == Expr::Column(0) && value.inputs.len() == 1;
        if !lone {
            let message = "`by` groups one aggregation, but `value` computes with it.";
            let help = "Let `value` be the aggregation alone, such as `sum(x)`; compute with its categories in another feature.";
            self.findings.at(Code::NotGrouped, &draft.origin, node.span, message, help);
            return None;
        }
        let Some(of) = ty.element() else {
            let message = format!("`{}` gives a list, and a map holds one value for each category.", value.text);
            let help =
                "Take an aggregation of one value, such as `last(x)`, `mode(x)` or `count(*)`; or leave `by` out.";
            self.findings.at(Code::ListByCategory, &draft.origin, node.span, message, help);
            return None;
        };
        let category = category?;
        let ty = Type::Map(category.ty, of);
        value.aggregates[0].ty = ty;
        value.aggregates[0].by = Some(category);
        Some((value, ty))
    }

    fn category(&mut self, draft: &Draft<'_>, source: usize) -> Option<Category> {
        let node = draft.node.get("by")?;
        let sql = Sql::parse(node, draft.origin, &mut self.findings)?;
        let source = &self.project.sources[source];
        let (expr, ty) = Checker::new(&sql, Scope::Record(record(source)), &mut self.findings).whole()?;
        let most = match draft.node.get("categories").and_then(super::super::yaml::Node::scalar) {
            Some(Scalar::Int(n)) => u32::try_from(n).ok()?,
            _ => USUAL,
        };
        match ty.element() {
            Some(ty @ (Element::Text | Element::Int | Element::Bool)) => {
                Some(Category { text: sql.text.clone(), expr, ty, most })
            }
            _ => {
                let message =
                    format!("A category is a string, an integer or a boolean, but this is {}.", ty.with_article());
                let help = match ty {
                    Type::Time => "Take a part of the time, such as `hour(t)` or `weekday(t)`.",
                    _ => {
                        "Round it, as in `cast(round(x) as integer)`, or name ranges: `case when x > 100 then 'large' else 'small' end`."
                    }
                };
                self.findings.at(Code::CategoryType, &draft.origin, node.span, message, help);
                None
            }
        }
    }
}
