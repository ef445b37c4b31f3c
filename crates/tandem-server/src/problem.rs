//! What a client is told when its request cannot be answered: RFC 9457 `application/problem+json` with a place and a remedy.
//! Not here: which conditions lead to it (each module says so where it happens).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json};

/// A refusal: what is wrong, where, and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a few words; the same for every problem of its kind.
    pub title: &'static str,
    /// What is wrong with this very request.
    pub detail: String,
    /// Where in the request: a JSON pointer such as `/3/arr_delay`, `line 4`, or a part of the path; empty for the whole request.
    pub place: String,
    /// What to do about it.
    pub remedy: String,
    /// After how many seconds it is worth trying again.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem with the whole request.
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (detail, remedy) = (detail.into(), remedy.into());
        Self { status: status.as_u16(), title, detail, place: String::new(), remedy, retry_after: None }
    }

    /// A problem with the content of the request (422).
    pub fn content(title: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail, remedy)
    }

    /// The same problem, at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// The same problem, worth trying again.
    #[must_use]
    pub fn retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Its JSON body.
    pub fn body(&self) -> Json {
        let mut body = Map::new();
        body.insert("title".into(), self.title.into());
        body.insert("status".into(), self.status.into());
        body.insert("detail".into(), self.detail.as_str().into());
        if !self.place.is_empty() {
            body.insert("place".into(), self.place.as_str().into());
        }
        body.insert("remedy".into(), self.remedy.as_str().into());
        Json::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// `name` is not among `known`: a sentence that names the nearest right one, or all when there are few.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let closest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(name.chars().count()) / 2)
        .min();
    match closest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "there is none here".to_owned(),
        None => format!("there is: {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_otherwise_all() {
        let known = ["landings", "departures"];
        assert_eq!(nearest("landing", known.into_iter()), "did you mean `landings`?");
        assert_eq!(nearest("x", known.into_iter()), "there is: `landings`, `departures`");
        assert_eq!(nearest("x", std::iter::empty()), "there is none here");
    }
}
