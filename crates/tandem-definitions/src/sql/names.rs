//! Which features an expression reads, before its types are known: what the order of features is made from.

use std::collections::BTreeSet;

use sqlparser::ast::{AccessExpr, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Subscript};

use super::functions::is_aggregate;

/// The bare names outside of aggregations; a name inside of one is a field of the source.
pub(crate) fn reads(ast: &Ast) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![ast];
    while let Some(ast) = open.pop() {
        if let Ast::Identifier(name) = ast {
            names.insert(name.value.clone());
        }
        parts(ast, &mut open);
    }
    names
}

/// The names with a dot outside of aggregations: `carrier.delay_7d` as (`carrier`, `delay_7d`).
pub(crate) fn reads_of_others(ast: &Ast) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    let mut open = vec![ast];
    while let Some(ast) = open.pop() {
        if let Ast::CompoundIdentifier(parts) = ast
            && let [head, tail] = parts.as_slice()
        {
            names.insert((head.value.clone(), tail.value.clone()));
        }
        parts(ast, &mut open);
    }
    names
}

/// The parts of every kind of expression that the checker reads.
fn parts<'e>(ast: &'e Ast, into: &mut Vec<&'e Ast>) {
    match ast {
        Ast::Nested(x)
        | Ast::IsNull(x)
        | Ast::IsNotNull(x)
        | Ast::IsUnknown(x)
        | Ast::IsNotUnknown(x)
        | Ast::IsTrue(x)
        | Ast::IsNotTrue(x)
        | Ast::IsFalse(x)
        | Ast::IsNotFalse(x)
        | Ast::UnaryOp { expr: x, .. }
        | Ast::Cast { expr: x, .. }
        | Ast::Ceil { expr: x, .. }
        | Ast::Floor { expr: x, .. }
        | Ast::Extract { expr: x, .. } => into.push(x),
        Ast::CompoundFieldAccess { root, access_chain } => {
            into.push(root);
            into.extend(access_chain.iter().filter_map(|access| match access {
                AccessExpr::Subscript(Subscript::Index { index }) => Some(index),
                _ => None,
            }));
        }
        Ast::BinaryOp { left, right, .. } => into.extend([left.as_ref(), right.as_ref()]),
        Ast::Between { expr, low, high, .. } => into.extend([expr.as_ref(), low.as_ref(), high.as_ref()]),
        Ast::InList { expr, list, .. } => {
            into.push(expr);
            into.extend(list);
        }
        Ast::Like { expr, pattern, .. } | Ast::ILike { expr, pattern, .. } => {
            into.extend([expr.as_ref(), pattern.as_ref()]);
        }
        Ast::Case { operand, conditions, else_result, .. } => {
            into.extend(operand.as_deref());
            into.extend(conditions.iter().flat_map(|arm| [&arm.condition, &arm.result]));
            into.extend(else_result.as_deref());
        }
        Ast::Function(call) if !is_aggregate(&call.name.to_string()) => {
            let FunctionArguments::List(list) = &call.args else { return };
            into.extend(list.args.iter().filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(x)) => Some(x),
                _ => None,
            }));
        }
        _ => {}
    }
}
