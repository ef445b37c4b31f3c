//! Two texts that a cell put out: the same, other only in noise, or other in substance; compared word by word.
//! Not here: which texts belong together.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Noise;
use super::objects::{class, objects};

/// Where two outputs differ in substance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs.
    pub what: String,
    /// The first differing line as it was.
    pub before: String,
    /// And as it is.
    pub after: String,
}

/// What was found in a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The kinds of noise.
    pub noise: BTreeSet<Noise>,
    /// The first difference in substance.
    pub difference: Option<Difference>,
}

impl Comparison {
    /// Takes over what another found.
    pub fn add(&mut self, other: Self) {
        self.noise.extend(other.noise);
        self.difference = self.difference.take().or(other.difference);
    }

    /// Notes a difference in substance, if it is the first.
    pub fn differ(&mut self, before: &str, after: &str, what: String) {
        let first_line = |text: &str| shortened(text.lines().next().unwrap_or_default());
        let found = || Difference { what, before: first_line(before), after: first_line(after) };
        self.difference = self.difference.take().or_else(|| Some(found()));
    }
}

/// Compares two texts; `today` (`2024-05-01`) is the day of the second.
pub fn compare(before: &str, after: &str, today: &str) -> Comparison {
    let mut found = Comparison::default();
    if before == after {
        return found;
    }
    let (old, old_bars) = lines(before);
    let (new, new_bars) = lines(after);
    if old_bars != new_bars {
        found.noise.insert(Noise::Progress);
    }
    if objects(&old.join("\n"), &new.join("\n")) {
        found.noise.insert(Noise::Objects);
        return found;
    }
    if old.len() == new.len() {
        for (number, (old, new)) in old.iter().zip(&new).enumerate() {
            let Some(numbers) = line(old, new, today, &mut found.noise) else { continue };
            let what = match numbers {
                Some((old, new)) => format!("line {}: {old} then, {new} now", number + 1),
                None => format!("line {}", number + 1),
            };
            found.difference = Some(Difference { what, before: shortened(old), after: shortened(new) });
            return found;
        }
        return found;
    }
    // Lines may be broken elsewhere: all words in a row.
    let mut noise = BTreeSet::from([Noise::Layout]);
    if line(&old.join(" "), &new.join(" "), today, &mut noise).is_none() {
        found.noise.extend(noise);
        return found;
    }
    let mut scratch = BTreeSet::new();
    let same = old.iter().zip(&new).take_while(|(old, new)| line(old, new, today, &mut scratch).is_none()).count();
    let at = |lines: &[String]| lines.get(same).map(|line| shortened(line)).unwrap_or_default();
    let what = format!("{} lines then, {} now, from line {}", old.len(), new.len(), same + 1);
    found.difference = Some(Difference { what, before: at(&old), after: at(&new) });
    found
}

/// The text of HTML: a table's rows as lines, without tags and styles.
pub fn of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let tag = &rest[start..];
        let end = match tag.get(..6) {
            Some("<style") => tag.find("</style>").map_or(tag.len(), |at| at + 8),
            _ => tag.find('>').map_or(tag.len(), |at| at + 1),
        };
        text.push(if tag.starts_with("</tr") || tag.starts_with("<p") || tag.starts_with("</div") {
            '\n'
        } else {
            ' '
        });
        rest = &tag[end..];
    }
    text.push_str(rest);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    // The cells of a row stand on lines of their own in the source: only `</tr` ends one.
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The lines that count, without escapes, and the progress bars.
fn lines(text: &str) -> (Vec<String>, Vec<String>) {
    let plain = crate::run::plain(text);
    let all =
        plain.split('\n').map(|line| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().trim_end());
    let bar = |line: &&str| {
        let drawn = line.contains("%|") || line.contains("it/s") || line.contains("s/it") || line.contains("ETA");
        drawn || (line.contains("[===") && !line.contains("loss:")) || line.contains("━━━") && !line.contains("loss:")
    };
    let (bars, lines): (Vec<&str>, Vec<&str>) = all.filter(|line| !line.is_empty()).partition(bar);
    (lines.into_iter().map(str::to_owned).collect(), bars.into_iter().map(str::to_owned).collect())
}

/// Two words that differ, where they are numbers.
type Numbers = Option<(String, String)>;

/// Compares two lines; `None` when only noise differs, which is added; else the numbers that differ.
fn line(old: &str, new: &str, today: &str, noise: &mut BTreeSet<Noise>) -> Option<Numbers> {
    if old == new {
        return None;
    }
    if class(old).is_some_and(|old| class(new) == Some(old)) {
        noise.insert(Noise::Objects);
        return None;
    }
    let (a, b) = (words(old), words(new));
    if a == b {
        noise.insert(Noise::Layout);
        return None;
    }
    let timed = is_timed(old) && is_timed(new);
    let stamp =
        new.contains(today) || ["Date:", "Time:"].iter().any(|label| new.contains(label) && old.contains(label));
    let mut kinds = BTreeSet::new();
    let mut differing = None;
    if a.len() == b.len() {
        for (at, (x, y)) in a.iter().zip(&b).enumerate() {
            let next = a.get(at + 1).map_or("", |word| word);
            match word(x, y, next, timed, stamp) {
                Some(kind) => kinds.extend(kind),
                None => {
                    let numbers = x.parse::<f64>().is_ok() && y.parse::<f64>().is_ok();
                    differing = Some(numbers.then(|| ((*x).to_owned(), (*y).to_owned())));
                    break;
                }
            }
        }
    } else {
        differing = Some(None);
    }
    if differing.is_some() && timed {
        kinds = BTreeSet::from([Noise::Times]);
    } else if differing.is_some() && old.contains('{') && new.contains('{') && sorted(&a) == sorted(&b) {
        kinds = BTreeSet::from([Noise::Order]);
    } else if let Some(numbers) = differing {
        return Some(numbers);
    }
    noise.extend(kinds);
    None
}

fn sorted<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut sorted: Vec<&str> = words.iter().copied().filter(|word| *word != ",").collect();
    sorted.sort_unstable();
    sorted
}

/// Whether two words differ in noise only: `Some(None)` is the same word.
#[expect(clippy::option_option, reason = "three answers: the same, noise of a kind, something else")]
fn word(x: &str, y: &str, next: &str, timed: bool, stamp: bool) -> Option<Option<Noise>> {
    if x == y {
        return Some(None);
    }
    if x.starts_with("0x") && y.starts_with("0x") {
        return Some(Some(Noise::Addresses));
    }
    let digits = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    if stamp && (digits(x) && digits(y) || is_day_name(x) && is_day_name(y)) {
        return Some(Some(Noise::Times));
    }
    if timed && digits(x) && digits(y) || is_duration(x) && is_duration(y) || is_unit(next) && digits(x) && digits(y) {
        return Some(Some(Noise::Times));
    }
    let (a, b) = (x.parse::<f64>().ok()?, y.parse::<f64>().ok()?);
    let close = a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-8 * a.abs().max(b.abs());
    // An integer has no last digits.
    let broken = x.contains(['.', 'e']) || y.contains(['.', 'e']);
    (broken && close || last_digit(x, y, (a - b).abs())).then_some(Some(Noise::Digits))
}

/// Whether two written numbers differ by at most one in the last digit that both show. Of fewer than six digits that is a
/// result (an accuracy of 0.91 or 0.92), and no rounding.
fn last_digit(x: &str, y: &str, apart: f64) -> bool {
    let written = |word: &str| {
        let (mantissa, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
        let (whole, decimals) = mantissa.split_once('.')?;
        let digits = format!("{whole}{decimals}");
        let digits = digits.trim_start_matches(['-', '0']).len();
        Some((decimals.len() as i32 - exponent.parse::<i32>().ok()?, digits))
    };
    let (Some(x), Some(y)) = (written(x), written(y)) else { return false };
    let (places, digits) = x.min(y);
    digits >= 6 && apart <= 1.001 * 10_f64.powi(-places)
}

fn is_unit(word: &str) -> bool {
    ["s", "ms", "µs", "μs", "us", "ns", "sec", "secs", "seconds", "min", "minutes"].contains(&word)
}

/// `12ms`, `3.4s`, `0:00:12`.
fn is_duration(word: &str) -> bool {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    end > 0 && is_unit(word[end..].split('/').next().unwrap_or_default())
}

fn is_day_name(word: &str) -> bool {
    const NAMES: [&str; 19] = [
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
        "Oct", "Nov", "Dec",
    ];
    NAMES.contains(&word)
}

/// Whether a line says only how long something took, as IPython's magics write it.
fn is_timed(line: &str) -> bool {
    let low = line.to_lowercase();
    ["wall time", "cpu times", "per loop"].iter().any(|word| low.contains(word))
}

/// The words of a line: numbers with their sign, point and exponent, dates, addresses, names, and single marks.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let bytes = line.as_bytes();
    let mut chars = line.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let negative = c == '-' && bytes.get(start + 1).is_some_and(u8::is_ascii_digit);
        let number = c.is_ascii_digit() || negative;
        let mut end = start + c.len_utf8();
        if number || c.is_alphanumeric() || c == '_' {
            while let Some(&(at, next)) = chars.peek() {
                let exponent = number && matches!(next, '+' | '-') && matches!(bytes[at - 1], b'e' | b'E');
                let dated = number && matches!(next, ':' | '-') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
                let point = number && next == '.';
                if !(next.is_alphanumeric() || next == '_' || exponent || dated || point) {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
        }
        words.push(&line[start..end]);
    }
    words
}

/// A line for people: not longer than a screen is wide.
fn shortened(line: &str) -> String {
    let line = line.trim_end();
    if line.chars().count() <= 160 { line.to_owned() } else { line.chars().take(160).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn word(before: &str, after: &str) -> String {
        let found = compare(before, after, "2024-05-01");
        match found.difference {
            Some(difference) => format!("substance, {}", difference.what),
            None if found.noise.is_empty() => "same".into(),
            None => found.noise.into_iter().map(Noise::word).collect::<Vec<_>>().join(", "),
        }
    }

    #[test]
    fn noise_is_named() {
        let rows = [
            ("<f at 0x7f12ab>", "<f at 0x7f99ff>", "how objects are written"),
            ("see f at 0x7f12ab", "see f at 0x7f99ff", "memory addresses"),
            ("Wall time: 12.3 s", "Wall time: 900 ms", "times"),
            ("CPU times: user 1 s, sys: 2 s, total: 3 s", "CPU times: user 10 ms, sys: 0 ns, total: 10 ms", "times"),
            ("fitted in 3.2 s", "fitted in 2.9 s", "times"),
            ("step 12ms", "step 15ms", "times"),
            ("run on 2021-01-05 10:00:01", "run on 2024-05-01 12:33:00", "times"),
            ("Date: Mon, 04 Jan 2021  R2: 0.5", "Date: Wed, 01 May 2024  R2: 0.5", "times"),
            ("0.8571428571428571", "0.8571428571428572", "last digits"),
            ("[1.0, 2.0000000001]", "[1.0, 2.0]", "last digits"),
            ("16.123456  b", "16.123457  b", "last digits"),
            ("-0.001234567", "-0.001234568", "last digits"),
            ("1.234567e-05", "1.234568e-05", "last digits"),
            ("loss 0.333333", "loss 0.33333334", "last digits"),
            ("a   b", "a b", "layout"),
            ("a b\nc", "a\nb\nc", "layout"),
            ("{'a', 'b'}", "{'b', 'a'}", "order of sets"),
            ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", "order of sets"),
            (" 10%|█         | 1/10\r100%|█████| 10/10 [00:01]", "100%|█████| 10/10 [00:09]", "progress bars"),
            ("<matplotlib.axes._subplots.AxesSubplot at 0x1>", "<Axes: xlabel='x'>", "how objects are written"),
            ("<matplotlib.text.Text at 0x114e>", "Text(0, 0.5, 'score')", "how objects are written"),
            ("SVC(C=1.0, kernel='rbf', tol=0.001)", "SVC()", "how objects are written"),
            ("sklearn.utils.Bunch", "sklearn.utils._bunch.Bunch", "how objects are written"),
            ("[<Line2D at 0x1>,\n <Line2D at 0x2>]", "[<Line2D at 0x3>,\n <Line2D at 0x4>]", "how objects are written"),
            ("\u{1b}[31mred\u{1b}[0m", "red", "same"),
            ("1\r2\r3", "3", "same"),
            ("a\n", "a", "same"),
        ];
        for (before, after, expected) in rows {
            assert_eq!(word(before, after), expected, "{before} | {after}");
        }
    }

    #[test]
    fn substance_is_named() {
        let rows = [
            ("0.91", "0.92", "substance, line 1: 0.91 then, 0.92 now"),
            ("0.9123", "0.9124", "substance, line 1: 0.9123 then, 0.9124 now"),
            ("0.000012", "0.000013", "substance, line 1: 0.000012 then, 0.000013 now"),
            ("16.123456", "16.123458", "substance, line 1: 16.123456 then, 16.123458 now"),
            ("1234567", "1234568", "substance, line 1: 1234567 then, 1234568 now"),
            ("rows\n1000", "rows\n1001", "substance, line 2: 1000 then, 1001 now"),
            ("1000000000000", "1000000000001", "substance, line 1: 1000000000000 then, 1000000000001 now"),
            ("a", "b", "substance, line 1"),
            ("a\nb", "a\nb\nc", "substance, 2 lines then, 3 now, from line 3"),
            ("2021-01-05", "2021-01-06", "substance, line 1"),
            ("[1, 2]", "[2, 1]", "substance, line 1: 1 then, 2 now"),
            ("<class 'int'>", "<class 'str'>", "substance, line 1"),
            ("pandas.Series", "pandas.DataFrame", "substance, line 1"),
            ("<a>\n0.5\n<b>", "<a>\n0.6\n<b>", "substance, line 2: 0.5 then, 0.6 now"),
            ("SVC(C=1.0)", "SVC(C=2.0)", "substance, line 1: 1.0 then, 2.0 now"),
            ("Timestamp('2020-01-01')", "Timestamp('2020-01-02')", "substance, line 1"),
            ("-1.5", "1.5", "substance, line 1: -1.5 then, 1.5 now"),
            ("{'a': 1}", "{'a': 2}", "substance, line 1: 1 then, 2 now"),
            ("accuracy 0.9 in 3 s", "accuracy 0.8 in 3 s", "substance, line 1: 0.9 then, 0.8 now"),
            ("x", "", "substance, 1 lines then, 0 now, from line 1"),
        ];
        for (before, after, expected) in rows {
            assert_eq!(word(before, after), expected, "{before} | {after}");
        }
    }

    #[test]
    fn html_becomes_lines() {
        assert_eq!(
            of_html("<style>a{}</style><table><tr><td>1</td> <td>&lt;b</td></tr><tr><th>2</th></tr></table>"),
            "1 <b\n2"
        );
    }
}
