//! How good predictions are, against outcomes that have become known.

use serde::{Deserialize, Serialize};
use tandem_definitions::Metric;

/// The measures of some predictions of a yes-or-no outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// How many predictions.
    pub rows: u64,
    /// The share of outcomes that are true.
    pub base_rate: f64,
    /// How often a true case is ranked above a false one; ties count half. `None` when all outcomes are alike.
    pub roc_auc: Option<f64>,
    /// The area under the precision-recall curve, by steps. `None` without a true outcome.
    pub average_precision: Option<f64>,
    /// One minus the Brier score over that of the base rate. `None` when all outcomes are alike.
    pub brier_skill: Option<f64>,
    /// Among the tenth with the highest predictions, the share of true outcomes. `None` below ten rows.
    pub precision_in_top_tenth: Option<f64>,
    /// How many of the true outcomes are among that tenth. `None` below ten rows, or without a true outcome.
    pub recall_in_top_tenth: Option<f64>,
}

impl Measures {
    /// The measures of predictions (probabilities, or any score that ranks) against outcomes of the same length.
    pub fn new(predictions: &[f64], outcomes: &[bool]) -> Self {
        let rows = predictions.len().min(outcomes.len());
        let positives = outcomes.iter().filter(|o| **o).count();
        let base_rate = positives as f64 / rows.max(1) as f64;
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| predictions[b].total_cmp(&predictions[a]));
        let tenth = rows / 10;
        let hits = order[..tenth].iter().filter(|&&row| outcomes[row]).count();
        Self {
            rows: rows as u64,
            base_rate,
            roc_auc: roc_auc(predictions, outcomes, &order, positives),
            average_precision: average_precision(predictions, outcomes, &order, positives),
            brier_skill: brier_skill(predictions, outcomes, base_rate),
            precision_in_top_tenth: (tenth > 0).then(|| hits as f64 / tenth as f64),
            recall_in_top_tenth: (tenth > 0 && positives > 0).then(|| hits as f64 / positives as f64),
        }
    }

    /// The measure that a question's success names.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::RocAuc => self.roc_auc,
            Metric::AveragePrecision => self.average_precision,
            Metric::BrierSkill => self.brier_skill,
        }
    }
}

/// A metric's name, as definitions write it.
pub fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::RocAuc => "roc_auc",
        Metric::AveragePrecision => "average_precision",
        Metric::BrierSkill => "brier_skill",
    }
}

/// A metric in words.
pub fn metric_meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::RocAuc => "how often it ranks a true case above a false one (0.5 is guessing, 1 is perfect)",
        Metric::AveragePrecision => "the precision averaged over all true cases, best first",
        Metric::BrierSkill => "how much closer to the truth than the base rate (0 is no closer, 1 is perfect)",
    }
}

/// Calls `each` with the true and false outcomes of every group of equal predictions, best first.
fn groups(predictions: &[f64], outcomes: &[bool], order: &[usize], mut each: impl FnMut(u64, u64)) {
    for group in order.chunk_by(|&a, &b| predictions[a] == predictions[b]) {
        let yes = group.iter().filter(|&&row| outcomes[row]).count() as u64;
        each(yes, group.len() as u64 - yes);
    }
}

/// The Mann-Whitney statistic: pairs of a true and a false case in the right order, ties half, over all pairs.
fn roc_auc(predictions: &[f64], outcomes: &[bool], order: &[usize], positives: usize) -> Option<f64> {
    let negatives = order.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    // In half pairs, so that it stays an integer.
    let (mut half_pairs, mut above) = (0u64, 0u64);
    groups(predictions, outcomes, order, |yes, no| {
        half_pairs += no * (2 * above + yes);
        above += yes;
    });
    Some(half_pairs as f64 / 2.0 / (positives as f64 * negatives as f64))
}

fn average_precision(predictions: &[f64], outcomes: &[bool], order: &[usize], positives: usize) -> Option<f64> {
    if positives == 0 {
        return None;
    }
    let (mut found, mut seen, mut area) = (0, 0, 0.0);
    groups(predictions, outcomes, order, |yes, no| {
        found += yes;
        seen += yes + no;
        area += yes as f64 / positives as f64 * (found as f64 / seen as f64);
    });
    Some(area)
}

fn brier_skill(predictions: &[f64], outcomes: &[bool], base_rate: f64) -> Option<f64> {
    let reference = base_rate * (1.0 - base_rate);
    let squares = predictions.iter().zip(outcomes).map(|(p, &o)| (p - f64::from(u8::from(o))).powi(2));
    let score = squares.sum::<f64>() / predictions.len().max(1) as f64;
    (reference > 0.0).then(|| 1.0 - score / reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // scikit-learn 1.6: roc_auc_score 0.75, average_precision_score 0.8333…
        let measures = Measures::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
        assert_eq!(measures.roc_auc, Some(0.75));
        assert!((measures.average_precision.unwrap_or(0.0) - 0.833_333_333_333_333_3).abs() < 1e-15);
        assert_eq!(measures.base_rate, 0.5);
    }

    #[test]
    fn ties_count_half_and_a_constant_guesses() {
        let measures = Measures::new(&[0.5; 4], &[true, false, true, false]);
        assert_eq!(measures.roc_auc, Some(0.5));
        assert_eq!(measures.average_precision, Some(0.5));
        assert_eq!(measures.brier_skill, Some(0.0));
    }

    #[test]
    fn outcomes_all_alike_have_no_rank() {
        let measures = Measures::new(&[0.5, 0.6], &[false, false]);
        assert_eq!((measures.roc_auc, measures.average_precision, measures.brier_skill), (None, None, None));
    }
}
