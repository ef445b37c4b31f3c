//! What all requests share, and the two questions themselves: features, and predictions.
//! Not here: HTTP (`routes.rs`) and how the service begins and ends (`running.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value as Json, json};
use tandem_data::caps;
use tandem_data::json;
use tandem_definitions::{Diagnostic, Micros, Project, time};
use tandem_engine::Plan;
use tokio::sync::watch;

use crate::ingest::Ingest;
use crate::live::{Fitted, Live};
use crate::problem::{Problem, nearest};
use crate::questions::{self, Context, Needs, Question};
use crate::records::{self, Shape};
use crate::served::ServedLog;
use crate::states::{Answered, States};

/// What all requests share.
pub struct App {
    /// The definitions served.
    pub project: Arc<Project>,
    /// Their hash.
    pub project_hash: String,
    /// The plan over all features.
    pub plan: Plan,
    /// What is known.
    pub states: Arc<RwLock<States>>,
    /// The way in, once the past is replayed.
    pub ingest: OnceLock<Ingest>,
    /// Why the past could not be replayed.
    pub failed: OnceLock<String>,
    /// How many records have been replayed.
    pub replayed: AtomicU64,
    /// The served log.
    pub served: ServedLog,
    /// The releases.
    pub live: Live,
    /// The present.
    pub clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// What a client must present.
    pub token: Option<String>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a body may take.
    pub body_time: Duration,
    /// Whether the service is stopping.
    pub stopping: watch::Sender<bool>,
    /// The features of each question, and what they need.
    pub needs: Vec<Needs>,
    /// The OpenAPI document.
    pub openapi: String,
}

impl App {
    /// The states, with every record applied that has arrived by the clock's time.
    fn with_states<T>(&self, clock: Micros, with: impl FnOnce(&States) -> T) -> T {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        if !states.is_due(clock) {
            return with(&states);
        }
        drop(states);
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        states.release(clock);
        with(&states)
    }

    /// The way in; refused until the past is replayed.
    pub fn ready(&self) -> Result<&Ingest, Problem> {
        if let Some(ingest) = self.ingest.get() {
            return Ok(ingest);
        }
        let unready =
            |detail: String, remedy: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Not ready", detail, remedy);
        if let Some(reason) = self.failed.get() {
            return Err(unready(reason.clone(), "mend it, then start `tandem serve` again"));
        }
        let replayed = self.replayed.load(Ordering::Relaxed);
        let detail = format!("the past is being replayed: {replayed} records so far");
        Err(unready(detail, "ask again; GET /ready says when").retry(1))
    }

    /// Positions, lag and releases, or why the service is not ready.
    pub fn readiness(&self) -> Result<Json, Problem> {
        let ingest = self.ready()?;
        let now = (self.clock)();
        let (positions, last_arrival, entities, held) = self.with_states(now, |states| {
            (self.positions(states), states.last_arrival(), self.entities(states), states.held())
        });
        Ok(json!({
            "ready": true,
            "now": time::format_instant(now),
            "positions": positions,
            "replayed": self.replayed.load(Ordering::Relaxed),
            "entities": entities,
            "held": held,
            "lag": {
                "waiting_requests": ingest.waiting(),
                "last_arrival": last_arrival.map(time::format_instant),
                "seconds_since_last_arrival": last_arrival.map(|last| now.saturating_sub(last) as f64 / 1e6),
            },
            "served_rows": self.served.rows(),
            "releases": self.releases(),
            "reload_refused": self.live.trouble(),
        }))
    }

    fn entities(&self, states: &States) -> Json {
        let mut known = Map::new();
        for (slot, count) in states.entities().enumerate() {
            // Of several slots of one entity (in roles, or as a parent) the one that knows the most.
            let name = &self.project.entities[self.plan.entity(slot)].name;
            let most = known.get(name).and_then(Json::as_u64).unwrap_or(0).max(count as u64);
            known.insert(name.clone(), Json::from(most));
        }
        Json::Object(known)
    }

    fn positions(&self, states: &States) -> Json {
        let names = self.project.sources.iter().map(|source| source.name.clone());
        Json::Object(names.zip(states.positions().iter().copied().map(Json::from)).collect())
    }

    /// The releases that answer.
    pub fn releases(&self) -> Json {
        let one = |f: &Arc<Fitted>| {
            let model = &f.model;
            json!({"model": model.name, "release": model.release, "question": model.question, "features": model.features})
        };
        self.live.all().iter().map(one).collect()
    }

    /// Takes records in.
    pub async fn records(&self, source: &str, shape: Shape, body: &[u8]) -> Result<Json, Problem> {
        let ingest = self.ready()?;
        let Some(index) = self.project.source(source) else {
            let known = nearest(source, self.project.sources.iter().map(|s| s.name.as_str()));
            return Err(not_found("Unknown source", format!("there is no source `{source}`"), known, source));
        };
        let now = (self.clock)();
        let records = off_the_reactor(body.len(), || records::read(&self.project.sources[index], shape, body, now))?;
        let receipt = ingest.send(index, records, body.len()).await?;
        Ok(json!({
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "corrections": receipt.corrections,
            "without_entity": receipt.without_entity,
            "arrived_before_event": receipt.arrived_before_event,
            "arrived_before_answered": receipt.arrived_before_answered,
            "first_position": receipt.first_position,
            "position": receipt.position,
        }))
    }

    /// Answers with the features of a question.
    pub fn features(&self, question: &str, body: &[u8]) -> Result<Json, Problem> {
        self.ready()?;
        let Some(index) = self.project.questions.iter().position(|q| q.name == question) else {
            let known = nearest(question, self.project.questions.iter().map(|q| q.name.as_str()));
            return Err(not_found("Unknown question", format!("there is no question `{question}`"), known, question));
        };
        off_the_reactor(body.len(), || {
            let features = &self.project.questions[index].features;
            let asked = questions::read(&self.project, &self.plan, &self.needs[index], body)?;
            let (asked, answered, positions) = self.answer(asked)?;
            let values = self.values(features, &answered);
            let context = Context { positions: &positions, question, model: None, project_hash: &self.project_hash };
            let first = if asked.log { Some(self.log(&context, &asked, &answered, &values, None)?) } else { None };
            let rows = rows_json(&answered, values, None, first);
            let answer = json!({"question": question, "positions": positions, "rows": rows});
            Ok(self.with_warnings(answer, features, &answered))
        })
    }

    /// Answers with the predictions of a model's release.
    pub fn predictions(&self, model: &str, body: &[u8]) -> Result<Json, Problem> {
        self.ready()?;
        // Held to the end: the release that began the answer ends it.
        let Some(fitted) = self.live.of(model) else { return Err(self.no_release(model)) };
        tokio::task::block_in_place(|| {
            let asked = questions::read(&self.project, &self.plan, &fitted.needs, body)?;
            let (asked, answered, positions) = self.answer(asked)?;
            let inputs: Vec<Vec<_>> =
                answered.iter().map(|row| fitted.inputs.iter().map(|f| row.values[*f].clone()).collect()).collect();
            let predictions =
                fitted.model.predictor.predict(&inputs).map_err(|reason| no_prediction(&fitted, &reason))?;
            if predictions.len() != inputs.len() {
                let reason = format!("it gave {} predictions for {} rows", predictions.len(), inputs.len());
                return Err(no_prediction(&fitted, &reason));
            }
            if let Some(row) = predictions.iter().position(|p| !p.is_finite()) {
                return Err(no_number(&fitted, row, predictions[row], predictions.len() > 1));
            }
            let values = self.values(&fitted.inputs, &answered);
            let (release, question) = (&fitted.model.release, &fitted.model.question);
            let context = Context {
                positions: &positions,
                question,
                model: Some((model, release)),
                project_hash: &self.project_hash,
            };
            let first = self.log(&context, &asked, &answered, &values, Some(&predictions))?;
            let rows = rows_json(&answered, values, Some(&predictions), Some(first));
            let answer =
                json!({"model": model, "release": release, "question": question, "positions": positions, "rows": rows});
            Ok(self.with_warnings(answer, &fitted.inputs, &answered))
        })
    }

    /// Values and positions of one and the same state.
    fn answer(&self, question: Question) -> Result<(Question, Vec<Answered>, Json), Problem> {
        let clock = (self.clock)();
        let (answered, positions) = self.with_states(clock, |states| {
            let answered = states.answer(question.rows.iter().map(|row| &row.asked), clock);
            (answered, self.positions(states))
        });
        let answered = answered.map_err(|refused| questions::refused(&question, &refused))?;
        Ok((question, answered, positions))
    }

    /// The answer, and what is odd about its values, if anything.
    fn with_warnings(&self, mut answer: Json, features: &[usize], answered: &[Answered]) -> Json {
        let rows = answered.iter().map(|row| row.values.as_slice());
        let found = caps::findings_of_rows(&self.project, features, &rows);
        if !found.is_empty() {
            let words = |finding: Diagnostic| format!("{} {} {}", finding.code, finding.message, finding.help);
            answer["warnings"] = found.into_iter().map(words).collect();
        }
        answer
    }

    fn values(&self, features: &[usize], answered: &[Answered]) -> Vec<Json> {
        answered.iter().map(|row| questions::values_json(&self.project, features, &row.values)).collect()
    }

    fn log(
        &self,
        context: &Context<'_>,
        asked: &Question,
        answered: &[Answered],
        values: &[Json],
        predictions: Option<&[f64]>,
    ) -> Result<u64, Problem> {
        let rows: Vec<String> = asked
            .rows
            .iter()
            .zip(answered)
            .zip(values)
            .enumerate()
            .map(|(i, ((row, answered), values))| {
                questions::served_row(context, row, answered, values, predictions.map(|p| p[i]))
            })
            .collect();
        self.served.append(&rows).map_err(|error| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The answer cannot be recorded",
                format!("the served log could not be written: {error}"),
                "make room on the disk; an answer that leaves no trace is not given",
            )
            .retry(5)
        })
    }

    fn no_release(&self, model: &str) -> Problem {
        if self.project.model(model).is_some() {
            let detail = format!("the model `{model}` has no live release");
            let remedy = format!("`tandem release {model}` makes one; the features can be asked for meanwhile");
            return Problem::new(StatusCode::NOT_FOUND, "No release", detail, remedy).at(format!("path: {model}"));
        }
        let known = nearest(model, self.project.models.iter().map(|m| m.name.as_str()));
        not_found("Unknown model", format!("there is no model `{model}`"), known, model)
    }
}

fn rows_json(answered: &[Answered], values: Vec<Json>, predictions: Option<&[f64]>, first: Option<u64>) -> Json {
    let rows = answered.iter().zip(values).enumerate().map(|(i, (row, values))| {
        let mut object = Map::new();
        object.insert("at".into(), time::format_instant(row.at).into());
        object.insert("values".into(), values);
        if let Some(predictions) = predictions {
            object.insert("prediction".into(), json::number(predictions[i]));
        }
        if let Some(first) = first {
            object.insert("seq".into(), (first + i as u64).into());
        }
        Json::Object(object)
    });
    rows.collect()
}

fn not_found(title: &'static str, detail: String, remedy: String, name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, title, detail, remedy).at(format!("path: {name}"))
}

fn no_prediction(fitted: &Fitted, reason: &str) -> Problem {
    let detail =
        format!("release `{}` of model `{}` gave no answer: {reason}", fitted.model.release, fitted.model.name);
    let remedy = format!(
        "ask again; if it stays, `tandem rollback {}` goes back to the release before (the features of `{}` are served meanwhile)",
        fitted.model.name, fitted.model.question
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "No prediction", detail, remedy).retry(1)
}

/// What is no number is no answer: nobody can decide by it, and the served log does not keep it.
fn no_number(fitted: &Fitted, row: usize, prediction: f64, several: bool) -> Problem {
    let (model, release) = (&fitted.model.name, &fitted.model.release);
    let detail = format!("the model gave no number: release `{release}` of model `{model}` predicted {prediction}");
    let remedy = format!(
        "ask for the features of `{}` to see which values it was given; `tandem rollback {model}` goes back to the release before",
        fitted.model.question
    );
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The model gave no number", detail, remedy);
    if several { problem.at(format!("/rows/{row}")) } else { problem }
}

/// Long computations keep other requests from being heard: those of large bodies leave the reactor's threads.
fn off_the_reactor<T>(bytes: usize, compute: impl FnOnce() -> T) -> T {
    if bytes > 16 << 10 { tokio::task::block_in_place(compute) } else { compute() }
}
