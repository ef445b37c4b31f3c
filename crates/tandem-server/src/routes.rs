//! HTTP: paths, methods, content types, the token, and limits. Not here: what the answers are (`app.rs`) and their
//! description (`openapi.rs`, which a test holds against [`table`]).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::records::Shape;

/// So many served rows come in one answer at most.
pub const SERVED_LIMIT: u64 = 100_000;
/// So many when nothing is said.
const SERVED_DEFAULT: u64 = 1_000;

/// How long a client that is sending a body holds up a service that stops.
const LAST_CALL: Duration = Duration::from_secs(1);

type Shared = State<Arc<App>>;

/// A route: its method, its path, and what answers it.
pub type Route = (&'static str, &'static str, MethodRouter<Arc<App>>);

/// All routes.
pub fn table() -> Vec<Route> {
    vec![
        ("get", "/", get(index)),
        ("get", "/health", get(health)),
        ("get", "/ready", get(ready)),
        ("get", "/openapi.json", get(openapi)),
        ("post", "/v1/sources/{source}/records", post(records)),
        ("post", "/v1/questions/{question}/features", post(features)),
        ("post", "/v1/models/{model}/predictions", post(predictions)),
        ("get", "/v1/served", get(served)),
        ("get", "/v1/releases", get(releases)),
        ("post", "/v1/reload", post(reload)),
    ]
}

/// The router over [`table`].
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (_, path, handler) in table() {
        router = router.route(path, handler);
    }
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), authorize))
        .with_state(app)
}

async fn index(State(app): Shared) -> Html<String> {
    Html(page::index(&app))
}

async fn health() -> Response {
    answer(&json!({"status": "up"}))
}

async fn ready(State(app): Shared) -> Result<Response, Problem> {
    app.readiness().map(|json| answer(&json))
}

async fn openapi(State(app): Shared) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response()
}

type Name = Result<Path<String>, PathRejection>;

async fn records(State(app): Shared, name: Name, request: Request) -> Result<Response, Problem> {
    let source = path(name)?;
    let shape = content_type(request.headers(), true)?;
    let body = body(&app, request).await?;
    app.records(&source, shape, &body).await.map(|json| answer(&json))
}

async fn features(State(app): Shared, name: Name, request: Request) -> Result<Response, Problem> {
    let question = path(name)?;
    content_type(request.headers(), false)?;
    let body = body(&app, request).await?;
    app.features(&question, &body).map(|json| answer(&json))
}

async fn predictions(State(app): Shared, name: Name, request: Request) -> Result<Response, Problem> {
    let model = path(name)?;
    content_type(request.headers(), false)?;
    let body = body(&app, request).await?;
    app.predictions(&model, &body).map(|json| answer(&json))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<u64>,
    limit: Option<u64>,
}

async fn served(State(app): Shared, page: Result<Query<Page>, QueryRejection>) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|e| {
        let remedy = format!("use ?after=NUMBER&limit=NUMBER; {SERVED_LIMIT} is the largest limit");
        Problem::new(StatusCode::BAD_REQUEST, "Not a page", e.body_text(), remedy).at("query")
    })?;
    let limit = page.limit.unwrap_or(SERVED_DEFAULT).min(SERVED_LIMIT);
    let rows = tokio::task::block_in_place(|| app.served.read(page.after.unwrap_or(0), limit)).map_err(|e| {
        let detail = format!("the served log could not be read: {e}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The served log cannot be read", detail, "see `.tandem/served`")
    })?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], rows).into_response())
}

async fn releases(State(app): Shared) -> Response {
    answer(&json!({"releases": app.releases()}))
}

async fn reload(State(app): Shared, request: Request) -> Result<Response, Problem> {
    // It says nothing, but what is not read would end the connection.
    body(&app, request).await?;
    tokio::task::block_in_place(|| app.live.reload()).map_err(|reason| {
        let remedy = "the releases before go on answering; mend it and reload again";
        Problem::new(StatusCode::CONFLICT, "The releases were not switched", reason, remedy)
    })?;
    Ok(answer(&json!({"releases": app.releases()})))
}

async fn no_such_path(request: Request) -> Problem {
    let detail = format!("there is nothing at {}", request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "Unknown path", detail, "GET /openapi.json lists what there is").at("path")
}

async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Wrong method", detail, "GET /openapi.json says which it takes")
}

fn answer(json: &Json) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

fn path(name: Name) -> Result<String, Problem> {
    let Path(name) = name.map_err(|e| {
        Problem::new(StatusCode::BAD_REQUEST, "Not a path", e.body_text(), "write names in UTF-8, percent-encoded")
            .at("path")
    })?;
    Ok(name)
}

/// How the body is written, by its content type; none means JSON.
fn content_type(headers: &HeaderMap, lines: bool) -> Result<Shape, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Shape::Json) };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(Shape::Json),
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" if lines => Ok(Shape::Lines),
        other => {
            let known = if lines { "application/json or application/x-ndjson" } else { "application/json" };
            let detail = format!("the content type is `{other}`");
            let remedy = format!("send {known} (curl: -H 'content-type: application/json')");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Wrong content type", detail, remedy)
                .at("header content-type"))
        }
    }
}

/// The whole body, if it is not too large.
async fn body(app: &App, request: Request) -> Result<Bytes, Problem> {
    let limit = app.body_limit;
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        let remedy = "nothing was accepted; send it in several requests";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail, remedy)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(request.into_body(), limit);
    let mut stopping = app.stopping.subscribe();
    let last_call = async {
        // The sender lives as long as the service.
        drop(stopping.wait_for(|stopping| *stopping).await);
        tokio::time::sleep(LAST_CALL).await;
    };
    let read = tokio::select! {
        biased;
        read = read => read,
        () = tokio::time::sleep(app.body_time) => {
            let detail = format!("the body was not there after {} seconds", app.body_time.as_secs_f64());
            let remedy = "nothing was accepted; send the request again, in smaller pieces where the line is slow";
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "Body too slow", detail, remedy));
        }
        () = last_call => {
            let remedy = "nothing was accepted; send the request again when it is back";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Stopping", "the service is stopping", remedy).retry(5));
        }
    };
    read.map_err(|error| {
        // The limit's error type lives in a crate that is not ours to name.
        if error.to_string().contains("length limit") {
            return too_large();
        }
        let detail = format!("the body broke off: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "Body broke off", detail, "nothing was accepted; send the request again")
    })
}

/// Everything below `/v1` needs the token, when there is one.
async fn authorize(State(app): Shared, request: Request, next: Next) -> Response {
    if let Some(token) = &app.token
        && request.uri().path().starts_with("/v1")
    {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.as_bytes().strip_prefix(b"Bearer "));
        if !given.is_some_and(|given| same(given, token.as_bytes())) {
            let detail = if given.is_some() { "the token is not the right one" } else { "the request brings no token" };
            let remedy =
                "send the header `Authorization: Bearer TOKEN` with the token that the service was started with";
            return Problem::new(StatusCode::UNAUTHORIZED, "Not authorized", detail, remedy)
                .at("header authorization")
                .into_response();
        }
    }
    next.run(request).await
}

/// Compares in a time that depends on the length given, and not on how much of it is right.
fn same(given: &[u8], token: &[u8]) -> bool {
    let mut difference = given.len() ^ token.len();
    for (i, byte) in given.iter().enumerate() {
        let expected = std::hint::black_box(token.get(i % token.len().max(1)).copied().unwrap_or(0));
        difference |= usize::from(byte ^ expected);
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(same(b"secret-token", b"secret-token"));
        for wrong in [&b""[..], b"secret-toke", b"secret-token2", b"Secret-token", b"secret-tokensecret-token"] {
            assert!(!same(wrong, b"secret-token"));
        }
        assert!(!same(b"x", b""));
    }
}
