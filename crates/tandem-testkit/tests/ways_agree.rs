//! Every way gives the oracle's bits: on random definitions and logs. A failure prints the seed and a scenario that can
//! be pasted into `scenarios/`. `TANDEM_SEED` draws other logs, `TANDEM_CASES` more of them.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tandem_definitions::Value;
use tandem_project::scenario::{Way, cases, parse};
use tandem_testkit::draft::{Draft, draft};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::{disk, production, ways};

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs a draft in every way; what differs, in words.
fn differences(draft: &Draft, ways: &[Box<dyn Way>]) -> Result<(), String> {
    let text = draft.markdown(None, None);
    let scenario = parse("random.md", &text).map_err(|found| format!("{found:#?}"))?;
    let (project, found) = tandem_definitions::read(&scenario.files);
    if let Some(error) = found.iter().find(|d| d.is_error()) {
        return Err(format!("the draft's definitions cannot be used: {error:#?}"));
    }
    let cases = cases(&scenario, &project).map_err(|found| format!("{found:?}"))?;
    let case = &cases[0];
    let expected = Oracle.values(case)?;
    let question = &project.questions[0];
    let observed = Oracle.observations(case, question)?;
    for way in ways {
        let got = way.observations(case, question).map_err(|e| format!("{}: {e}", way.name()))?;
        let differs = observed.iter().zip(&got).position(|(a, b)| (&a.keys, a.at) != (&b.keys, b.at));
        if differs.is_some() || observed.len() != got.len() {
            let row = differs.unwrap_or(observed.len().min(got.len()));
            return Err(format!(
                "{}: {} observations, the oracle has {}; they differ in {row}: the oracle says {:?}, got {:?}",
                way.name(),
                got.len(),
                observed.len(),
                observed.get(row),
                got.get(row)
            ));
        }
        let got = way.values(case).map_err(|e| format!("{}: {e}", way.name()))?;
        if got.len() != expected.len() {
            return Err(format!("{}: {} rows instead of {}", way.name(), got.len(), expected.len()));
        }
        for (row, (got, expected)) in got.iter().zip(&expected).enumerate() {
            for ((&feature, got), expected) in case.features.iter().zip(got).zip(expected) {
                if !got.same_bits(expected) {
                    let feature = &project.features[feature];
                    return Err(format!(
                        "{}: {} ({}) of observation {row}: the oracle says {expected:?}, got {got:?}",
                        way.name(),
                        feature.name,
                        feature.value.text
                    ));
                }
            }
        }
    }
    Ok(())
}

fn with_oracle_values(draft: &Draft) -> String {
    let text = draft.markdown(None, None);
    let Ok(scenario) = parse("random.md", &text) else { return text };
    let (project, _) = tandem_definitions::read(&scenario.files);
    let Ok(cases) = cases(&scenario, &project) else { return text };
    let observed = project.questions.first().and_then(|q| Oracle.observations(&cases[0], q).ok());
    draft.markdown(Oracle.values(&cases[0]).ok().as_deref(), observed.as_deref())
}

fn hold(ways: &[Box<dyn Way>], landings: std::ops::Range<usize>, count: u64) {
    let seed = setting("TANDEM_SEED", 1);
    let count = setting("TANDEM_CASES", count);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases: count as u32, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(&draft(landings), |draft| differences(&draft, ways).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, draft)) => {
            panic!("TANDEM_SEED={seed}: {why}\n\nAs a scenario:\n\n{}", with_oracle_values(&draft))
        }
        Err(TestError::Abort(why)) => panic!("TANDEM_SEED={seed}: {why}"),
    }
}

/// Random drafts are worth something only if most of their values are.
#[test]
fn drafts_have_values() {
    let (mut known, mut all, mut observed) = (0, 0, 0);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for _ in 0..100 {
        let draft = draft(0..40).new_tree(&mut runner).unwrap().current();
        let scenario = parse("random.md", &draft.markdown(None, None)).unwrap();
        let (project, _) = tandem_definitions::read(&scenario.files);
        let cases = cases(&scenario, &project).unwrap();
        observed += Oracle.observations(&cases[0], &project.questions[0]).unwrap().len();
        let values = Oracle.values(&cases[0]).unwrap();
        let something = |v: &&Value| !v.is_null() && **v != Value::Int(0);
        known += values.iter().flatten().filter(something).count();
        all += values.iter().flatten().count();
    }
    assert!(observed > 100, "only {observed} observations in 100 drafts");
    assert!(known * 4 > all, "only {known} of {all} values say something");
}

#[test]
fn in_memory() {
    hold(&ways::in_memory(), 0..40, 1_000);
}

#[test]
fn in_memory_with_long_logs() {
    hold(&ways::in_memory(), 150..700, 40);
}

#[test]
fn in_production() {
    hold(&production::ways(), 0..40, 1_000);
}

#[test]
fn in_production_with_long_logs() {
    hold(&production::ways(), 150..700, 60);
}

#[test]
fn on_disk() {
    hold(&disk::on_disk(), 0..40, 200);
}

#[test]
fn on_disk_with_long_logs() {
    hold(&disk::on_disk(), 150..700, 20);
}

#[test]
fn in_the_log_of_a_service() {
    hold(&disk::served(), 0..40, 40);
}
