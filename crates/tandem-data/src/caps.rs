//! Maps that are null because a window held more categories than their cap: told wherever values are made, so that none is
//! lost in silence. Not here: the cap itself (tandem-engine).

use std::collections::BTreeSet;

use tandem_definitions::{Code, Diagnostic, Input, Project, Value};

/// A finding for each feature that found more categories than its cap; of so many asks its value is null for that.
pub fn findings(project: &Project, over_the_cap: &[(usize, u64)]) -> Vec<Diagnostic> {
    over_the_cap.iter().map(|&(feature, count)| finding(project, feature, count)).collect()
}

fn finding(project: &Project, feature: usize, count: u64) -> Diagnostic {
    let feature = &project.features[feature];
    let by = feature.value.aggregates.iter().find_map(|aggregate| aggregate.by.as_ref());
    let (most, what) = by.map_or((0, ""), |by| (by.most, by.text.as_str()));
    let times = if count == 1 { "1 time".to_owned() } else { format!("{count} times") };
    let message =
        format!("`{}` is null {times}: its window held more than {most} categories of `{what}`.", feature.name);
    let help = format!(
        "Raise its `categories:` (10,000 is the most), group by something coarser, or fold the most frequent ones: `top_k({what}, 10)`."
    );
    Diagnostic::new(Code::TooManyCategories, feature.place.clone(), message, help)
}

/// The findings of rows that hold the values of all features of the project, of which these were asked for.
pub fn findings_of_rows<'v>(
    project: &Project,
    features: &[usize],
    rows: &(impl Iterator<Item = &'v [Value]> + Clone),
) -> Vec<Diagnostic> {
    let mut by_category = BTreeSet::new();
    let (mut seen, mut open) = (BTreeSet::new(), features.to_vec());
    while let Some(f) = open.pop() {
        if seen.insert(f) {
            let value = &project.features[f].value;
            open.extend(value.inputs.iter().filter_map(|input| match input {
                Input::Feature(feature) | Input::Parent { feature, .. } => Some(*feature),
                Input::Aggregate(_) | Input::Request(_) => None,
            }));
            by_category.extend(value.aggregates.iter().filter(|a| a.by.is_some()).map(|_| f));
        }
    }
    let nulls = |&f: &usize| rows.clone().filter(|values| values[f].is_null()).count() as u64;
    let over = by_category.iter().map(|f| (*f, nulls(f))).filter(|(_, count)| *count > 0);
    findings(project, &over.collect::<Vec<_>>())
}
