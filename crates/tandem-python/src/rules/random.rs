//! T613: randomness without a seed. Each library has its own generator; scikit-learn and pandas draw from NumPy's.

use ruff_python_ast::{Expr, Number};
use tandem_definitions::Code;

use crate::calls::Call;
use crate::finding::Finding;
use crate::program::Program;

/// Estimators that always draw.
const DRAWS: &[&str] = &[
    "train_test_split",
    "ShuffleSplit",
    "StratifiedShuffleSplit",
    "GroupShuffleSplit",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "KMeans",
    "MiniBatchKMeans",
    "SGDClassifier",
    "SGDRegressor",
    "BaggingClassifier",
    "BaggingRegressor",
    "IsolationForest",
    "TSNE",
    "RandomizedSearchCV",
    "SMOTE",
    "ADASYN",
    "RandomOverSampler",
    "RandomUnderSampler",
    "GaussianMixture",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
];
/// Splitters that draw when they shuffle.
const SHUFFLES: &[&str] = &["KFold", "StratifiedKFold"];

/// Parts of `numpy.random` and `random` that draw nothing.
const QUIET: &[&str] = &[
    "seed",
    "default_rng",
    "RandomState",
    "Generator",
    "SeedSequence",
    "PCG64",
    "set_state",
    "get_state",
    "Random",
    "SystemRandom",
    "getstate",
    "setstate",
];

/// The places.
pub fn findings(program: &Program, calls: &[Call<'_>]) -> Vec<Finding> {
    let seeds = |name: &str| calls.iter().any(|call| call.name == name);
    // A helper of the notebook's own, `seed_everything(0)`, is believed to seed all.
    let helper = calls.iter().any(|call| {
        let library = ["numpy.", "random.", "torch.", "tensorflow."].iter().any(|prefix| call.name.starts_with(prefix));
        call.method.contains("seed") && !library
    });
    if helper {
        return Vec::new();
    }
    let numpy = seeds("numpy.random.seed");
    let python = seeds("random.seed");
    let torch = seeds("torch.manual_seed");
    let mut found = Vec::new();
    for call in calls {
        let what = if !numpy && of_library(call, "numpy.random.") || !python && of_library(call, "random.") {
            Some((
                "",
                "Make one generator with a seed, `rng = np.random.default_rng(0)`, or call `seed` in the first cell.",
            ))
        } else if !torch && of_library(call, "torch.") {
            Some(("", "Call `torch.manual_seed(0)` in the first cell."))
        } else if unseeded_generator(call) {
            Some(("", "Pass a seed: `default_rng(0)`."))
        } else if !numpy && of_sklearn(program, call) {
            Some((" without `random_state`", "Pass `random_state=0`."))
        } else {
            None
        };
        if let Some((without, help)) = what {
            let message = format!("`{}`{without} draws other numbers on each run.", call.method);
            found.push(Finding::new(program, Code::NoSeed, call.cell, call.expr, message, help));
        }
    }
    found
}

fn of_library(call: &Call<'_>, prefix: &str) -> bool {
    let Some(rest) = call.name.strip_prefix(prefix) else { return false };
    if prefix == "torch." {
        return ["rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"].contains(&rest);
    }
    !rest.contains('.') && !QUIET.contains(&rest)
}

fn unseeded_generator(call: &Call<'_>) -> bool {
    let makes = ["numpy.random.default_rng", "numpy.random.RandomState"].contains(&call.name.as_str());
    makes && call.argument("seed", 0).is_none_or(Expr::is_none_literal_expr)
}

fn of_sklearn(program: &Program, call: &Call<'_>) -> bool {
    let arguments = &call.expr.arguments;
    if arguments.keywords.iter().any(|one| one.arg.is_none()) {
        return false; // `**settings` may hold it
    }
    if call.keyword("random_state").is_some_and(|state| !state.is_none_literal_expr()) {
        return false;
    }
    let is_true = |expr: Option<&Expr>| expr.and_then(|one| one.as_boolean_literal_expr()).map(|one| one.value);
    let library = ["sklearn.", "imblearn."].iter().any(|prefix| call.name.starts_with(prefix));
    if library && DRAWS.contains(&call.method) {
        return is_true(call.keyword("shuffle")) != Some(false);
    }
    if library && SHUFFLES.contains(&call.method) {
        return is_true(call.keyword("shuffle")) == Some(true);
    }
    let number = |expr: &Expr| matches!(expr, Expr::NumberLiteral(one) if matches!(one.value, Number::Int(_)));
    let sized =
        call.keyword("frac").is_some() || call.keyword("n").is_some() || call.argument("n", 0).is_some_and(number);
    let pandas = program.says_any(&["pandas"]) && call.method == "sample" && call.receiver().is_some();
    // A look at a few rows is no result.
    pandas && sized && !call.name.starts_with("random") && call.argument("n", 0).is_none_or(|one| !number(one))
}
