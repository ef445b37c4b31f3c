//! What is told to a benchmark on the command line.

/// The words of a command line, of which each benchmark takes those that it knows.
pub struct Options<'w> {
    command: &'static str,
    words: Vec<&'w str>,
}

impl<'w> Options<'w> {
    /// The words behind the command.
    pub fn new(command: &'static str, words: &[&'w str]) -> Self {
        Self { command, words: words.to_vec() }
    }

    /// Whether a word without a value is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| *word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// The value behind a word, if the word is there.
    pub fn value(&mut self, name: &str) -> Result<Option<&'w str>, String> {
        let Some(at) = self.words.iter().position(|word| *word == name) else { return Ok(None) };
        self.words.remove(at);
        if at == self.words.len() {
            return Err(format!("{name} wants a value"));
        }
        Ok(Some(self.words.remove(at)))
    }

    /// The number behind a word, or the usual one.
    pub fn number<T: std::str::FromStr>(&mut self, name: &str, usual: T) -> Result<T, String> {
        self.value(name)?.map_or(Ok(usual), |text| text.parse().map_err(|_| format!("{name} wants a number")))
    }

    /// The scale: one of the replay workload's.
    pub fn scale(&mut self) -> Result<Scale, String> {
        Scale::named(self.value("--scale")?.unwrap_or("S"))
    }

    /// Nothing else may be there.
    pub fn end(self) -> Result<(), String> {
        self.words.first().map_or(Ok(()), |word| Err(format!("bench {} has no option {word}", self.command)))
    }
}

/// A scale of the replay workload.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Its name.
    pub name: &'static str,
    /// How many records the log has.
    pub records: u32,
    /// In how many rounds it is measured, unless told otherwise.
    pub rounds: usize,
    /// After how many seconds a contender is stopped, unless told otherwise.
    pub limit: u32,
}

impl Scale {
    /// The scale of this name.
    pub fn named(name: &str) -> Result<Self, String> {
        let (name, records, rounds, limit) = match name {
            "XS" => ("XS", 100_000, 3, 60),
            "S" => ("S", 1_000_000, 3, 60),
            "M" => ("M", 10_000_000, 1, 600),
            "L" => ("L", 50_000_000, 1, 1800),
            other => return Err(format!("there is no scale {other}: XS, S, M or L")),
        };
        Ok(Self { name, records, rounds, limit })
    }
}
