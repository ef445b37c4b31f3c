//! Windows as text: `7 days`, `7 days, ending 7 days ago`, `today in Europe/London`, `this week`, `this month`, `all time`.
//! Not here: which records lie in one (tandem-engine).

use crate::codes::Code;
use crate::findings::{Problem, nearest};
use crate::project::{Period, Window};
use crate::shape::instead_of_zone;
use crate::time::{Zone, parse_duration};
use crate::value::Micros;

const FORMS: &str = "Write a number and a unit (`7 days`), `7 days, ending 7 days ago`, `today in Europe/London`, `this week`, `this month`, or `all time`.";

/// The window that a text says.
pub(crate) fn parse(text: &str) -> Result<Window, Problem> {
    let text = text.trim();
    if text == "all time" {
        return Ok(Window::AllTime);
    }
    let (words, zone) = text.split_once(" in ").map_or((text, "UTC"), |(words, zone)| (words.trim(), zone.trim()));
    if let Some(period) = Period::ALL.into_iter().find(|period| period.words() == words) {
        return calendar(period, zone);
    }
    if let Some((length, ending)) = text.split_once(" ending ") {
        let length = span(length.trim_end().trim_end_matches(','), text)?;
        let Some(lag) = ending.trim_end().strip_suffix(" ago") else {
            let message = format!("`{text}` does not say how long ago the window ended.");
            let help = "Write `7 days, ending 7 days ago`.".to_owned();
            return Err(Problem { code: Code::BadDuration, message, help });
        };
        return Ok(Window::Lagged { length, lag: span(lag, text)? });
    }
    span(text, text).map(Window::Sliding).map_err(|problem| {
        let known = Period::ALL.into_iter().map(Period::words).chain(["all time"]);
        match nearest(words, known).filter(|_| problem.code == Code::BadDuration) {
            Some(right) => Problem { help: format!("Did you mean `{right}`?"), ..problem },
            None => problem,
        }
    })
}

fn calendar(period: Period, zone: &str) -> Result<Window, Problem> {
    if Zone::find(zone).is_none() {
        let message = format!("There is no time zone `{zone}`.");
        return Err(Problem { code: Code::UnknownZone, message, help: instead_of_zone(zone) });
    }
    Ok(Window::Calendar { period, zone: zone.into() })
}

/// A span of more than no time.
fn span(text: &str, whole: &str) -> Result<Micros, Problem> {
    match parse_duration(text) {
        Some(span) if span > 0 => Ok(span),
        Some(_) => Err(Problem {
            code: Code::BadWindow,
            message: format!("The span `{text}` holds no time: it must be more than zero."),
            help: "Write a positive span, such as `7 days`; which way it looks is said by the words, never by a sign."
                .to_owned(),
        }),
        None => {
            let of = if text == whole { String::new() } else { format!(" (in `{whole}`)") };
            let message = format!("`{text}` is not a span of time{of}.");
            Err(Problem { code: Code::BadDuration, message, help: FORMS.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR};

    #[test]
    fn every_form() {
        assert_eq!(parse("7 days"), Ok(Window::Sliding(7 * DAY)));
        assert_eq!(parse(" all time "), Ok(Window::AllTime));
        for text in ["1 hour, ending 1 day 1 hour ago", "1 hour ending 25h ago"] {
            assert_eq!(parse(text), Ok(Window::Lagged { length: HOUR, lag: 25 * HOUR }), "{text}");
        }
        let month = |zone: &str| Ok(Window::Calendar { period: Period::Month, zone: zone.into() });
        assert_eq!(parse("this month"), month("UTC"));
        assert_eq!(parse("this month in Asia/Kolkata"), month("Asia/Kolkata"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, code, help) in [
            ("todya in Europe/London", Code::BadDuration, "`today`"),
            ("this weak", Code::BadDuration, "`this week`"),
            ("today in Europe/Londn", Code::UnknownZone, "`Europe/London`"),
            ("7 days, ending yesterday", Code::BadDuration, "ending 7 days ago"),
            ("7 days, ending a week ago", Code::BadDuration, "ending 7 days ago"),
            ("7 days, ending 0 days ago", Code::BadWindow, "positive"),
            ("-7 days", Code::BadWindow, "positive"),
            ("fortnight", Code::BadDuration, "`today in Europe/London`"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.help.contains(help), "{text}: {}", problem.help);
        }
    }
}
