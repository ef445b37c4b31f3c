//! Where the data lies, how a project over it is replayed, and what a naive scan needs.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tandem_data::read::Origin;
use tandem_data::replay::{Asks, Known, LogSummary, Options, replay};
use tandem_data::table;
use tandem_definitions::{File as Definition, Type, Value};
use tandem_engine::Plan;
use tandem_testkit::exact;

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// The folder of a data set; without it, one line on the terminal (past the harness, which keeps the output of what passes).
pub fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let line = format!("real data: ../shared/data/{name} is not here, so nothing of it is checked\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

/// The texts of packed files. Python unpacks them, in one process: the tests need it in any case.
pub fn unpacked(files: &[PathBuf]) -> Vec<String> {
    const PROGRAM: &str = "import gzip, sys, zipfile
def unpacked(name):
    if name.endswith('.zip'):
        packed = zipfile.ZipFile(name)
        return packed.read(packed.namelist()[0])
    return gzip.open(name).read()
for name in sys.argv[1:]:
    text = unpacked(name)
    sys.stdout.buffer.write(b'%d\\n' % len(text) + text)
";
    let python = std::env::var_os("TANDEM_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python).args(["-c", PROGRAM]).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = String::from_utf8(output.stdout).unwrap();
    let (mut texts, mut rest) = (Vec::new(), all.as_str());
    while let Some((length, after)) = rest.split_once('\n') {
        let (text, after) = after.split_at(length.parse().unwrap());
        texts.push(text.to_owned());
        rest = after;
    }
    texts
}

/// The text of a key.
pub fn text(key: &Value) -> &str {
    if let Value::Text(text) = key { text } else { "" }
}

/// The rows of a CSV text behind its header, field by field.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(fields).collect()
}

/// The fields of a line, which may be quoted.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.push(letters.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

/// What a replay answered, feature by feature, and what it read.
pub struct Answered {
    pub columns: Vec<Vec<Value>>,
    pub log: LogSummary,
}

/// Replays all features of a project about its one entity, for these keys and instants.
pub fn answered(definitions: &[(&str, &str)], base: &Path, key: Type, asked: &[(Value, i64)]) -> Answered {
    let file = |(path, text): &(&str, &str)| Definition { path: (*path).to_owned(), text: (*text).to_owned() };
    let (project, found) = tandem_definitions::read(&definitions.iter().map(file).collect::<Vec<_>>());
    assert!(found.iter().all(|finding| !finding.is_error()), "{found:#?}");
    let plan = Plan::compile(&project, &(0..project.features.len()).collect::<Vec<_>>());
    let keys: Vec<Value> = asked.iter().map(|(key, _)| key.clone()).collect();
    let asks = Asks {
        keys: vec![vec![table::array_of(key, &keys)]],
        at: asked.iter().map(|(_, at)| *at).collect(),
        request: Vec::new(),
        known: Known::Arrived,
    };
    let origin = Origin { base: base.to_path_buf(), ..Origin::default() };
    let options = Options { threads: 2, ..Options::default() };
    let mut replayed = replay(&project, &plan, &origin, &asks, &options, &|_| {}).unwrap();
    let columns = table::columns(&replayed.columns).unwrap();
    let column = |c: &table::Column<'_>| (0..asked.len()).map(|row| c.get(row).to_value()).collect();
    let columns = columns.iter().map(column).collect();
    Answered { columns, log: replayed.logs.remove(0) }
}

impl Answered {
    /// Compares every value with what the naive scan says of that feature and observation, and wants most of them to say
    /// something.
    #[track_caller]
    pub fn agree(&self, asked: &[(Value, i64)], naive: impl Fn(&Value, i64) -> Vec<Value>) {
        let mut telling = 0;
        for (row, (key, at)) in asked.iter().enumerate() {
            for (feature, (column, expected)) in self.columns.iter().zip(naive(key, *at)).enumerate() {
                let got = &column[row];
                assert!(
                    got.same_bits(&expected),
                    "feature {feature} of {key:?} at {at}: the replay says {got:?}, a scan of all records {expected:?}"
                );
                telling += usize::from(!expected.is_null() && expected != Value::Int(0));
            }
        }
        let all = asked.len() * self.columns.len();
        assert!(telling * 3 > all, "only {telling} of {all} values say something");
    }
}

/// The true sum of floats, rounded once; null of none.
pub fn sum(values: &[f64]) -> Value {
    if values.is_empty() { Value::Null } else { Value::Float(exact::quotient(values, 1)) }
}

/// So many observations about records drawn from a log of (key, event, arrival): around their arrival, and around the
/// instants at which they leave a window of this length.
pub fn around<K: Clone>(records: &[(K, i64, i64)], count: usize, window: i64) -> Vec<(K, i64)> {
    let mut seed = 7u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(seed) * n as u128) >> 64) as usize
    };
    let draw = |_| {
        let (key, event, arrival) = records[below(records.len())].clone();
        let moments =
            [arrival, arrival + 1, event + window, event + window + 1, arrival + (below(50) as i64 + 1) * DAY];
        (key, moments[below(moments.len())])
    };
    (0..count).map(draw).collect()
}

/// Writes a file into a folder.
pub fn write(folder: &Path, name: &str, text: &str) {
    File::create(folder.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
}
