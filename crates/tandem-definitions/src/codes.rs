//! The codes of findings: unique, never reused, each with its page in `pages/`.
//! Not here: when a finding is given. T1xx are this crate's; T2xx to T5xx are given by tandem-data and tandem-project.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Severity;

macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $title:literal;)*) => {
        /// A promise that Tandem verifies. Serialised as its id.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $id)] $name,)*
        }

        impl Code {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Its id: `T101`. Never reused.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// What is wrong, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// The severity of its findings.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// Its page, in Markdown: what is wrong, why it matters, an example, and what to do instead.
            pub fn page(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../pages/", $id, ".md"))),* }
            }
        }
    };
}

codes! {
    // Files and keys.
    NotYaml = "T101", Error, "A file is not YAML";
    UnknownKey = "T102", Error, "A key that this kind of file does not have";
    WrongType = "T103", Error, "A value of the wrong type";
    MissingKey = "T104", Error, "A key is missing";
    DuplicateKey = "T105", Error, "A key stands twice";
    SeveralDocuments = "T106", Error, "A file holds several documents";
    BadName = "T107", Error, "A name that expressions could not write";
    NotAllowed = "T108", Error, "A value that is not one of the allowed";
    EmptyFile = "T109", Error, "A file says nothing";
    StrayFile = "T110", Warning, "A file that nothing reads";
    NoProject = "T111", Error, "The project has no tandem.yaml";
    BadDuration = "T112", Error, "A span of time that cannot be read";
    BadInstant = "T113", Error, "A date or instant that cannot be read";
    UnknownZone = "T114", Error, "A time zone that does not exist";
    // Corrections, and values that arrive later than their record.
    CorrectsWithoutIdentity = "T115", Error, "A source that corrects records, and does not say which";
    BadTombstone = "T116", Error, "A tombstone that can remove nothing";
    BadArrives = "T117", Error, "A field that cannot arrive later than its record";
    // Names, meanings and owners.
    DuplicateName = "T120", Error, "A name is declared twice";
    MissingMeaning = "T121", Error, "Nothing says what it means";
    MissingOwner = "T122", Error, "Nobody looks after it";
    UnknownPerson = "T123", Error, "A person who is not in the team";
    UnknownEntity = "T124", Error, "An entity that is not declared";
    UnknownSource = "T125", Error, "A source that has no contract";
    UnknownField = "T126", Error, "A field that the source does not have";
    UnknownFeature = "T127", Error, "A feature that is not declared";
    UnknownQuestion = "T128", Error, "A question that is not declared";
    UnknownRequestField = "T129", Error, "A field of the request that is not declared";
    UnknownServer = "T130", Error, "A server that the contract does not name";
    UnknownFunction = "T131", Error, "A function that Tandem does not have";
    // Lists and maps.
    CategoryType = "T132", Error, "A category that is no text, integer or boolean";
    NotGrouped = "T133", Error, "`by` or `categories` where nothing is grouped";
    ListByCategory = "T134", Error, "A list for each category";
    CategoriesOutOfRange = "T135", Error, "A number of categories out of range";
    NotOneValue = "T136", Error, "A list or a map where a model takes one value";
    // Sources and their contracts.
    NotAContract = "T140", Error, "Not a data contract of the standard, version 3";
    NotOneSchema = "T141", Error, "A contract must describe exactly one stream";
    NoEventTime = "T142", Error, "A source without an event time";
    NoArrivalTime = "T143", Error, "A source that does not say when its records arrive";
    SeveralArrivalTimes = "T144", Error, "A source that says twice when its records arrive";
    SeveralEventTimes = "T145", Error, "A source with two event times";
    TimeRoleNotTime = "T146", Error, "A time role on a field that is no timestamp";
    IncompleteKey = "T147", Error, "A record holds only a part of an entity's key";
    KeyTypesDiffer = "T148", Error, "An entity's key has two types";
    UntouchedEntity = "T149", Warning, "An entity that no source touches";
    FieldTypeNotRead = "T150", Warning, "A field of a type that Tandem does not read";
    UnknownProperty = "T151", Error, "A custom property that Tandem does not know";
    NegativeDelay = "T152", Error, "Records cannot arrive before they happen";
    NoLocation = "T153", Error, "A source without a place where its records lie";
    FormatNotRead = "T154", Error, "A format that Tandem does not read";
    ReservedField = "T155", Error, "A field with a name that Tandem uses itself";
    BadProperty = "T156", Error, "A custom property with a value that makes no sense";
    // Expressions and features.
    SqlSyntax = "T160", Error, "An expression that is not SQL";
    SqlNotSupported = "T161", Error, "SQL that Tandem does not compute";
    TypeMismatch = "T162", Error, "Types that do not go together";
    AggregateWithoutFrom = "T163", Error, "An aggregation without a source";
    NestedAggregate = "T164", Error, "An aggregation inside an aggregation";
    AggregateInRecord = "T165", Error, "An aggregation where one record is looked at";
    NothingAggregated = "T166", Error, "A source is named, but nothing of it is folded";
    FieldNotAggregated = "T167", Error, "A field stands outside an aggregation";
    WrongArguments = "T168", Error, "A function with the wrong number of arguments";
    FeatureCycle = "T169", Error, "Features that are made of each other";
    WindowWithoutEventTime = "T170", Error, "A window on a source without an event time";
    BadWindow = "T171", Error, "A window that is zero or negative";
    EntityNotTouched = "T172", Error, "A source whose records do not touch the entity";
    BadDefault = "T173", Error, "A default of another type than its feature";
    DivisionByZero = "T174", Warning, "A division by zero";
    RateOfAllTime = "T175", Error, "A rate over all time";
    // Questions and models.
    BadObservationTime = "T180", Error, "The instant of an observation cannot be read";
    ObservationLacksEntity = "T181", Error, "An observation does not touch an entity that is needed";
    ObservationLacksRequest = "T182", Error, "An observation lacks a field of the request";
    NoOutcome = "T183", Error, "A question without an outcome";
    OutcomeReadsMore = "T184", Error, "An outcome reads more than its source";
    OutcomeNotBoolean = "T185", Error, "An outcome that the metric cannot measure";
    LooksBack = "T186", Error, "An outcome that looks back";
    ShortGap = "T187", Warning, "A gap shorter than the horizon";
    FeatureNotAsked = "T188", Error, "A model reads a feature that its question does not have";
    ModelFolder = "T189", Error, "A model that is not named like its folder";
    NoFeatures = "T190", Error, "A question without features";
    TwoWaysToObserve = "T191", Error, "Observations by two rules at once";
    BadCalendar = "T192", Error, "A calendar that cannot be read";
    BadFolds = "T193", Error, "Folds that do not divide the time";
    NotKept = "T194", Warning, "More of the log is needed than is kept";
    BadRetention = "T195", Error, "A retention that cannot be read";
    WhichOfSeveral = "T196", Error, "A record touches several of the entity that is asked about";
    // Data.
    SourceFileMissing = "T201", Error, "A source's file is missing";
    SourceEmpty = "T202", Error, "A source has no records";
    SourceUnreadable = "T203", Error, "A source's file cannot be read";
    ColumnMissing = "T204", Error, "A column of the contract is not in the data";
    ColumnType = "T205", Error, "A column has another type than the contract says";
    NoEntity = "T206", Warning, "Records without an entity";
    RecordWithoutEventTime = "T207", Error, "Records without an event time";
    RecordWithoutArrival = "T208", Error, "Records without an arrival time";
    ArrivedBefore = "T209", Error, "Records that arrived before they happened";
    DuplicateRecords = "T210", Note, "Records that were delivered more than once";
    NonexistentLocalTime = "T211", Warning, "Local times that the clock jumped over";
    AmbiguousLocalTime = "T212", Warning, "Local times that the clock showed twice";
    ValueBreaksContract = "T213", Error, "Values that break their contract's type";
    RequiredFieldEmpty = "T214", Error, "Records that lack a required field";
    ConstantArrival = "T215", Warning, "Records from long ago that all arrived at one instant";
    NeverKnown = "T216", Warning, "Values that never become known";
    TooManyCategories = "T225", Warning, "More categories than the cap";
    ObservationsUnreadable = "T230", Error, "Observations that cannot be read";
    // Entities of entities.
    UnknownRole = "T250", Error, "A role that the source does not have";
    NoParent = "T251", Error, "An entity that does not belong to the one that is read";
    BadParent = "T252", Error, "A parent that the definitions do not reach";
    // Models.
    InputNames = "T301", Error, "A model's inputs are not its features";
    InputTypes = "T302", Error, "A model's inputs have other types than its features";
    OnnxUnreadable = "T303", Error, "A model's file is no ONNX model";
    LockMissing = "T304", Error, "A model without a lock";
    LockUnhashed = "T305", Error, "A lock without hashes";
    NotebookMissing = "T306", Error, "A model's notebook is missing";
    NotebookUnreadable = "T307", Error, "A model's notebook cannot be read";
    // Adopted notebooks.
    InputChanged = "T308", Error, "A file that an adopted notebook reads is missing, or another one";
    NothingRecorded = "T309", Error, "An adopted notebook without recorded tests";
    AdoptedToDo = "T310", Warning, "An adopted notebook that does not say what it is for";
    AdoptedAndAsked = "T311", Error, "A model that answers a question and is only adopted";
    // Scenarios.
    NoExpectations = "T401", Error, "A scenario that expects nothing";
    BlockUnreadable = "T402", Error, "A block of a scenario that cannot be read";
    ExpectationFailed = "T403", Error, "A scenario's expectation is not met";
    // Recorded tests of adopted notebooks.
    RecordedDiffers = "T404", Error, "A notebook gives other values than were recorded";
    RecordedFails = "T405", Error, "A notebook with recorded tests does not run";
    RecordedUnreadable = "T406", Error, "Recorded tests that cannot be read";
    RecordedGone = "T407", Error, "What a recorded test looks at is not there any more";
    CallDiffers = "T408", Error, "A function of a notebook gives another result than was recorded";
    // Serving and parity.
    ServedValueDiffers = "T501", Error, "A served value differs from the replay";
    PredictionDiffers = "T502", Error, "A served prediction differs from the model's";

    // Notebooks that were handed over: can somebody else run them?
    NeverDefined = "T601", Error, "A name that nothing defines";
    DefinedLater = "T602", Error, "A name that is used above its definition";
    DeletedCell = "T603", Error, "A name whose definition is no longer in the notebook";
    OrderMatters = "T604", Warning, "A cell that ran with another value than a run from the top gives it";
    TwiceChanges = "T605", Note, "A cell that silently gives other values when it is run twice";
    OneMachinePath = "T606", Warning, "A path that exists on one machine only";
    FileMissing = "T607", Error, "A file that is not there";
    FromNetwork = "T608", Note, "Data from the network";
    CacheReadBack = "T609", Note, "A file that the notebook wrote in an earlier run";
    NotRequired = "T610", Note, "A package that the requirements do not name";
    LocalModuleMissing = "T611", Warning, "A module that is not beside the notebook";
    Installs = "T612", Note, "The notebook installs packages";
    NoSeed = "T613", Note, "Randomness without a seed";
    ReadsClock = "T614", Note, "The result depends on the day of the run";
    SecretInSource = "T615", Warning, "A secret in the code";
    SecretInOutput = "T616", Warning, "A secret in a stored output";
    LargeOutput = "T617", Note, "Outputs too large for version control";
    PersonalData = "T618", Note, "People's e-mail addresses in stored outputs";
    OldFormat = "T619", Note, "An old notebook format";
    AnotherLanguage = "T620", Note, "A notebook in another language";
    PythonTwo = "T621", Error, "Python 2";
    BrokenNotebook = "T622", Error, "A file that is no notebook";
    NotPython = "T623", Error, "Code that Python cannot read";
    WaitsForInput = "T624", Warning, "A cell that waits for somebody to type";
    HostedOnly = "T625", Warning, "Code that works on one service only";

    // Notebooks: suspicions of what they saw, found without a run.
    OverlapLeak = "T640", Warning, "Suspicion: test rows among the training rows";
    PreprocessingLeak = "T641", Warning, "Suspicion: a preprocessing step that has seen the test rows";
    TestedOften = "T642", Note, "Suspicion: the same test rows choose between models";
    LooksAhead = "T643", Note, "Suspicion: a step into later rows";
    CentredWindow = "T644", Note, "Suspicion: a window with its centre in the middle";
    FilledFromLater = "T645", Note, "Suspicion: gaps that are filled from later rows";
    JoinsForward = "T646", Note, "Suspicion: a join to the next record";
    IndexAhead = "T647", Note, "Suspicion: an index ahead of the loop";
    RandomSplitOfTime = "T648", Note, "Suspicion: a random split of rows in time";
    GroupStatistic = "T649", Note, "Suspicion: a statistic over a whole group";
    FromLastDate = "T650", Note, "Suspicion: time counted from the last date of the data";

    // Notebooks: what a run proved of what they saw.
    Lookahead = "T680", Error, "LOOKAHEAD: a column saw the future";
    Membership = "T681", Error, "MEMBERSHIP: which rows exist depends on the future";
    Vocabulary = "T682", Error, "VOCABULARY: columns or codes come from the future";
    LateData = "T683", Error, "LATE DATA: records are used before they were known";
    LabelBeyondHorizon = "T684", Error, "A label sees further ahead than it says";
    NotJudged = "T685", Warning, "A column could not be judged";
    InSampleFit = "T686", Note, "IN-SAMPLE FIT: it depends on other training rows only";
}

impl Code {
    /// Every code, by id.
    pub fn all() -> &'static [Self] {
        Self::ALL
    }

    /// The code of this id, in upper or lower case.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
