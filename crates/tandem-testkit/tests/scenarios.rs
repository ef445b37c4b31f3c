//! Our own scenarios, in every way: whole, record by record, from checkpoints, shuffled, from files, and by the oracle.
//! Over HTTP they run in the server's own tests.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use tandem_definitions::{Aggregate, Days, Function, OnCalendar, Project, Question, Rule, Type, Value, Window};
use tandem_project::scenario::{Case, InMemory, LogRecord, Observation, Scenario, Way, run};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::{disk, production, suite, ways};

fn hold(way: &dyn Way) {
    let mut failures = String::new();
    for scenario in suite::scenarios() {
        for failure in run(&scenario, way).failures {
            let _ = writeln!(failures, "{failure}");
        }
    }
    assert!(failures.is_empty(), "{}:\n{failures}", way.name());
}

#[test]
fn there_are_scenarios() {
    assert!(suite::scenarios().len() >= 20);
}

#[test]
fn the_oracle_agrees() {
    hold(&Oracle);
}

#[test]
fn in_memory() {
    for way in ways::in_memory() {
        hold(way.as_ref());
    }
}

#[test]
fn in_production() {
    for way in production::ways() {
        hold(way.as_ref());
    }
}

#[test]
fn on_disk() {
    for way in disk::on_disk().into_iter().chain(disk::served()) {
        hold(way.as_ref());
    }
}

/// A way that gets one rule of DESIGN §5 wrong, by changing the case that the right way is given.
#[derive(Clone)]
struct Wrong(&'static str, fn(&mut Case<'_>), fn(&mut Project));

impl Way for Wrong {
    fn name(&self) -> String {
        self.0.to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let mut project = case.project.clone();
        (self.2)(&mut project);
        let mut case = Case { project: &project, ..case.clone() };
        (self.1)(&mut case);
        InMemory.values(&case)
    }

    fn observations(&self, case: &Case<'_>, question: &Question) -> Result<Vec<Observation>, String> {
        let mut project = case.project.clone();
        (self.2)(&mut project);
        let mut case = Case { project: &project, ..case.clone() };
        (self.1)(&mut case);
        InMemory.observations(&case, project.question(&question.name).unwrap())
    }
}

fn records(case: &mut Case<'_>, change: impl Fn(&mut LogRecord)) {
    case.logs.iter_mut().flat_map(|log| &mut log.records).for_each(change);
}

fn aggregates(project: &mut Project, change: impl Fn(&mut Aggregate)) {
    project.features.iter_mut().flat_map(|f| &mut f.value.aggregates).for_each(change);
}

fn wrong_windows() -> Vec<Wrong> {
    vec![
        Wrong(
            "open lower bound",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if let Window::Sliding(w) = &mut a.window {
                        *w -= 1;
                    }
                });
            },
        ),
        Wrong(
            "ends every window now",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if let Window::Lagged { length, .. } = a.window {
                        a.window = Window::Sliding(length);
                    }
                });
            },
        ),
        Wrong(
            "reads every calendar in UTC",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if let Window::Calendar { zone, .. } = &mut a.window {
                        *zone = "UTC".into();
                    }
                });
            },
        ),
        Wrong(
            "knows no daylight saving",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if let Window::Calendar { zone, .. } = &mut a.window
                        && &**zone == "Europe/London"
                    {
                        *zone = "Africa/Abidjan".into();
                    }
                });
            },
        ),
        Wrong("no windows", |_| {}, |p| aggregates(p, |a| a.window = Window::AllTime)),
    ]
}

fn calendars(project: &mut Project, change: impl Fn(&mut OnCalendar)) {
    project.questions.iter_mut().for_each(|q| {
        if let Rule::Calendar(rule) = &mut q.observe.rule {
            change(rule);
        }
    });
}

fn wrong_observations() -> Vec<Wrong> {
    vec![
        Wrong("asks on the clocks of UTC", |_| {}, |p| calendars(p, |c| c.every.zone = "UTC".into())),
        Wrong("asks every day", |_| {}, |p| calendars(p, |c| c.every.days = Days::All)),
        Wrong("asks about whoever was ever active", |_| {}, |p| calendars(p, |c| c.window = Window::AllTime)),
        Wrong(
            "asks at the time itself",
            |_| {},
            |p| {
                p.questions.iter_mut().for_each(|q| {
                    if let Rule::Record(rule) = &mut q.observe.rule {
                        rule.offset = 0;
                    }
                });
            },
        ),
    ]
}

fn wrong_functions() -> Vec<Wrong> {
    vec![
        Wrong(
            "counts nulls",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if a.function == Function::Count {
                        (a.input, a.input_type) = (None, Type::Bool);
                    }
                });
            },
        ),
        Wrong(
            "takes samples for everybody",
            |_| {},
            |p| {
                aggregates(p, |a| match a.function {
                    Function::VarSamp => a.function = Function::VarPop,
                    Function::StddevSamp => a.function = Function::StddevPop,
                    _ => {}
                });
            },
        ),
        Wrong(
            "lets nothing fade",
            |_| {},
            |p| {
                aggregates(p, |a| match a.function {
                    Function::DecayedSum(_) => a.function = Function::Sum,
                    Function::DecayedMean(_) => a.function = Function::Mean,
                    _ => {}
                });
            },
        ),
        Wrong(
            "draws no line between two values",
            |_| {},
            |p| {
                aggregates(p, |a| {
                    if let Function::PercentileCont(at) = a.function {
                        a.function = Function::PercentileDisc(at);
                    }
                });
            },
        ),
    ]
}

#[test]
fn every_wrong_rule_is_caught() {
    let wrong_records = vec![
        Wrong("knows late records before they arrive", |c| records(c, |r| r.arrival = r.event), |_| {}),
        Wrong("closed upper bound", |c| c.observations.iter_mut().for_each(|o| o.at += 1), |_| {}),
        Wrong("no filters", |_| {}, |p| aggregates(p, |a| a.filter = None)),
        Wrong("counts repeated records", |_| {}, |p| p.sources.iter_mut().for_each(|s| s.identity.clear())),
        Wrong("the first in the file wins", |c| c.logs.iter_mut().for_each(|l| l.records.reverse()), |_| {}),
        Wrong(
            "drops late records",
            |c| {
                for log in &mut c.logs {
                    let mut newest = i64::MIN;
                    log.records.retain(|r| {
                        newest = newest.max(r.event);
                        r.event == newest
                    });
                }
            },
            |_| {},
        ),
        Wrong("corrects nothing", |_| {}, |p| p.sources.iter_mut().for_each(|s| s.corrects = false)),
        Wrong("removes nothing", |_| {}, |p| p.sources.iter_mut().for_each(|s| s.tombstone = None)),
        Wrong(
            "knows every field with its record",
            |_| {},
            |p| p.sources.iter_mut().flat_map(|s| &mut s.fields).for_each(|f| f.arrives = None),
        ),
        Wrong("takes what is known today for what was known", |c| c.as_corrected = true, |_| {}),
        Wrong("takes what was known for what is known today", |c| c.as_corrected = false, |_| {}),
        Wrong("no defaults", |_| {}, |p| p.features.iter_mut().for_each(|f| f.default = None)),
    ];
    let wrong = [wrong_records, wrong_windows(), wrong_functions(), wrong_observations()].concat();
    let scenarios = suite::scenarios();
    for way in &wrong {
        let passes = |s: &Scenario| run(s, way).holds();
        assert!(!scenarios.iter().all(passes), "no scenario catches a way that {}", way.0);
    }
}
