//! Leaks and their innocent twins, as notebooks in text.
#![allow(clippy::unwrap_used)]

mod common;

use common::{cells, said};
use tandem_python::suspicions;

const LEAKS: &[&str] = &["T640", "T641"];
const START: &str = "import pandas as pd\nimport numpy as np\nfrom sklearn.model_selection import train_test_split, cross_val_score, KFold, TimeSeriesSplit\nfrom sklearn.preprocessing import StandardScaler, LabelEncoder, MinMaxScaler\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.metrics import accuracy_score\nfrom sklearn.pipeline import Pipeline, make_pipeline\nfrom sklearn.compose import ColumnTransformer\nfrom sklearn.impute import SimpleImputer\nfrom sklearn.decomposition import PCA\nfrom sklearn.feature_selection import SelectKBest\nfrom sklearn.feature_extraction.text import TfidfVectorizer\nfrom imblearn.over_sampling import SMOTE\nfrom imblearn.pipeline import make_pipeline as imb_pipeline\ndf = pd.read_csv('a.csv')\nX = df.drop('y', axis=1)\ny = df['y']";
const SPLIT: &str = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)";
const MODEL: &str =
    "model = LogisticRegression()\nmodel.fit(X_train, y_train)\nprint(accuracy_score(y_test, model.predict(X_test)))";

fn notebook(parts: &[&str]) -> String {
    [START].iter().chain(parts).copied().collect::<Vec<_>>().join("\n---\n")
}

#[track_caller]
fn guilty(parts: &[&str], expected: &[&str]) {
    assert_eq!(said(&notebook(parts), LEAKS), expected, "{}", notebook(parts));
}

#[track_caller]
fn innocent(parts: &[&str]) {
    guilty(parts, &[]);
}

#[test]
fn a_scaler_before_the_split_and_its_twins() {
    guilty(&["X = StandardScaler().fit_transform(X)", SPLIT, MODEL], &["T641 2:1"]);
    guilty(
        &[
            "s = StandardScaler()\ns.fit(X)",
            SPLIT,
            "X_train = s.transform(X_train)\nX_test = s.transform(X_test)",
            MODEL,
        ],
        &["T641 2:2"],
    );
    guilty(
        &["df[['a', 'b']] = MinMaxScaler().fit_transform(df[['a', 'b']])\nX = df[['a', 'b']]", SPLIT, MODEL],
        &["T641 2:1"],
    );
    innocent(&[SPLIT, "s = StandardScaler()\nX_train = s.fit_transform(X_train)\nX_test = s.transform(X_test)", MODEL]);
    innocent(&[
        SPLIT,
        "s = StandardScaler().fit(X_train)\nX_train = s.transform(X_train)\nX_test = s.transform(X_test)",
        MODEL,
    ]);
    // Scaled for a picture only.
    innocent(&["pretty = StandardScaler().fit_transform(X)\npd.DataFrame(pretty).plot()", SPLIT, MODEL]);
}

#[test]
fn encoders_of_categories_are_innocent_and_encoders_of_the_target_are_not() {
    let start = "from sklearn.preprocessing import OneHotEncoder, TargetEncoder\nfrom sklearn.compose import make_column_transformer";
    for innocent_one in [
        "X = OneHotEncoder().fit_transform(X)",
        "X = ColumnTransformer([('one', OneHotEncoder(), ['a']), ('rest', 'passthrough', ['b'])]).fit_transform(X)",
        "X = make_column_transformer((OneHotEncoder(), ['a'])).fit_transform(X)",
    ] {
        innocent(&[start, innocent_one, SPLIT, MODEL]);
    }
    guilty(&[start, "X = TargetEncoder().fit_transform(X, y)", SPLIT, MODEL], &["T641 3:1"]);
    let mixed =
        "X = ColumnTransformer([('one', OneHotEncoder(), ['a']), ('two', StandardScaler(), ['b'])]).fit_transform(X)";
    guilty(&[start, mixed, SPLIT, MODEL], &["T641 3:1"]);
}

#[test]
fn a_statistic_of_one_file_that_fills_another_is_learned_on_the_training() {
    let files = "train, test = pd.read_csv('a.csv'), pd.read_csv('b.csv')\nage = train['age'].median()\ntrain['age'] = train['age'].fillna(age)";
    let folds = "print(cross_val_score(LogisticRegression(), train[['age']], train['y']))";
    guilty(&[files, folds], &["T641 2:2"]);
    innocent(&[files, "test['age'] = test['age'].fillna(age)", folds]);
}

#[test]
fn pipelines_are_innocent() {
    let pipe = "model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))";
    innocent(&[SPLIT, pipe]);
    innocent(&[
        "model = Pipeline([('s', StandardScaler()), ('m', LogisticRegression())])\nprint(cross_val_score(model, X, y, cv=5))",
    ]);
    let columns = "pre = ColumnTransformer([('n', StandardScaler(), ['a'])])\nmodel = Pipeline([('p', pre), ('m', LogisticRegression())])";
    innocent(&[SPLIT, columns, "model.fit(X_train, y_train)\nmodel.score(X_test, y_test)"]);
    guilty(&["Z = PCA(2).fit_transform(X)\nprint(cross_val_score(LogisticRegression(), Z, y))"], &["T641 2:1"]);
}

#[test]
fn statistics_over_all_rows_and_constants() {
    guilty(&["X = X.fillna(X.mean())", SPLIT, MODEL], &["T641 2:1"]);
    guilty(&["df['a'] = df['a'].fillna(df['a'].median())\nX = df[['a']]", SPLIT, MODEL], &["T641 2:1"]);
    guilty(&["df['a'].fillna(df['a'].mode()[0], inplace=True)\nX = df[['a']]", SPLIT, MODEL], &["T641 2:1"]);
    guilty(&["df['m'] = df.groupby('g')['a'].transform('mean')\nX = df[['m']]", SPLIT, MODEL], &["T641 2:1"]);
    innocent(&["X = X.fillna(0)", SPLIT, MODEL]);
    innocent(&["X = X.dropna()\nX = X.astype(float) / 255.0\nprint(X.mean())", SPLIT, MODEL]);
    innocent(&[SPLIT, "m = X_train.mean()\nX_train = X_train.fillna(m)\nX_test = X_test.fillna(m)", MODEL]);
    innocent(&["df['y'] = LabelEncoder().fit_transform(df['y'])\nX = df.drop(columns='y')", SPLIT, MODEL]);
}

#[test]
fn bins_and_matrices_of_formulas() {
    guilty(&["X['bin'] = pd.cut(df['a'], 5)", SPLIT, MODEL], &["T641 2:1"]);
    innocent(&["X['bin'] = pd.cut(df['a'], [0, 18, 65, 120])", SPLIT, MODEL]);
    let scaled = "df['a'] = df['a'] / df['a'].max()";
    for formula in [
        "import patsy\nX = patsy.dmatrix('~ a', df)",
        "from patsy import dmatrices\ny, X = dmatrices('y ~ a', data=df)",
    ] {
        guilty(&[scaled, formula, SPLIT, MODEL], &["T641 2:1"]);
        innocent(&[formula, SPLIT, MODEL]);
    }
}

#[test]
fn selection_vocabulary_and_columns_of_a_statistic() {
    guilty(&["X = SelectKBest(k=3).fit_transform(X, y)", SPLIT, MODEL], &["T641 2:1"]);
    guilty(&["corr = df.corr()\ngood = corr[corr['y'] > 0.5].index\nX = df[good]", SPLIT, MODEL], &["T641 2:1"]);
    guilty(&["X = TfidfVectorizer().fit_transform(df['text'])", SPLIT, MODEL], &["T641 2:1"]);
    innocent(&[
        SPLIT,
        "v = TfidfVectorizer()\nX_train = v.fit_transform(X_train)\nX_test = v.transform(X_test)",
        MODEL,
    ]);
    innocent(&["features = ['a', 'b']\nX = df[features]", SPLIT, MODEL]);
}

#[test]
fn train_and_test_rows_that_are_the_same() {
    guilty(&["model = LogisticRegression()\nmodel.fit(X, y)\nprint(model.score(X, y))"], &["T640 2:3"]);
    guilty(
        &[SPLIT, "model = LogisticRegression().fit(X, y)\nprint(accuracy_score(y_test, model.predict(X_test)))"],
        &["T640 3:2"],
    );
    // The training's own score beside the test's is no leak.
    innocent(&[
        SPLIT,
        "m = LogisticRegression().fit(X_train, y_train)\nprint(m.score(X_train, y_train), m.score(X_test, y_test))",
    ]);
    innocent(&["m = LogisticRegression()\nprint(cross_val_score(m, X, y).mean())\nm.fit(X, y)\nprint(m.score(X, y))"]);
    innocent(&[
        "train, test = df[:800], df[800:]\nm = LogisticRegression().fit(train[['a']], train['y'])\nm.score(test[['a']], test['y'])",
    ]);
}

#[test]
fn oversampling_before_and_after_the_split() {
    guilty(&["X, y = SMOTE(random_state=0).fit_resample(X, y)", SPLIT, MODEL], &["T640 4:3"]);
    guilty(
        &["X, y = SMOTE(random_state=0).fit_resample(X, y)\nprint(cross_val_score(LogisticRegression(), X, y))"],
        &["T640 2:2"],
    );
    innocent(&[SPLIT, "X_train, y_train = SMOTE(random_state=0).fit_resample(X_train, y_train)", MODEL]);
    innocent(&["print(cross_val_score(imb_pipeline(SMOTE(), LogisticRegression()), X, y))"]);
    guilty(
        &[
            "up = df[df['y'] == 1].sample(n=500, replace=True)\nboth = pd.concat([df[df['y'] == 0], up])\nX = both[['a']]\ny = both['y']",
            SPLIT,
            MODEL,
        ],
        &["T640 4:3"],
    );
}

#[test]
fn folds_by_hand() {
    let fold = |body: &str| {
        format!(
            "kf = KFold(5)\nfor a, b in kf.split(X):\n    X_train, X_test = X.iloc[a], X.iloc[b]\n    y_train, y_test = y.iloc[a], y.iloc[b]\n{body}"
        )
    };
    innocent(&[&fold(
        "    s = StandardScaler().fit(X_train)\n    m = LogisticRegression().fit(s.transform(X_train), y_train)\n    print(m.score(s.transform(X_test), y_test))",
    )]);
    guilty(
        &[
            "X = pd.DataFrame(StandardScaler().fit_transform(X))",
            &fold("    m = LogisticRegression().fit(X_train, y_train)\n    print(m.score(X_test, y_test))"),
        ],
        &["T641 2:1"],
    );
}

#[test]
fn through_functions_branches_and_concatenation() {
    guilty(
        &["def scale(d):\n    s = StandardScaler()\n    return s.fit_transform(d)\nX = scale(X)", SPLIT, MODEL],
        &["T641 2:3"],
    );
    innocent(&[
        SPLIT,
        "def scale(d, e):\n    s = StandardScaler().fit(d)\n    return s.transform(d), s.transform(e)\nX_train, X_test = scale(X_train, X_test)",
        MODEL,
    ]);
    guilty(&["if scaled:\n    X = StandardScaler().fit_transform(X)", SPLIT, MODEL], &["T641 2:2"]);
    guilty(
        &[
            "a = pd.read_csv('train.csv')\nb = pd.read_csv('test.csv')\nboth = pd.concat([a, b])\ns = StandardScaler().fit(both)\nX_train, X_test = s.transform(both[:800]), s.transform(both[800:])\nm = LogisticRegression().fit(X_train, a['y'])\nm.score(X_test, b['y'])",
        ],
        &["T641 2:4"],
    );
    innocent(&[
        "a = pd.read_csv('train.csv')\nb = pd.read_csv('test.csv')\ns = StandardScaler().fit(a)\nm = LogisticRegression().fit(s.transform(a), a['y'])\nm.score(s.transform(b), b['y'])",
    ]);
}

#[test]
fn a_test_that_is_prepared_with_its_own_statistics() {
    guilty(
        &[SPLIT, "X_train = X_train.fillna(X_train.mean())\nX_test = X_test.fillna(X_test.mean())", MODEL],
        &["T641 3:2"],
    );
    let asked = "model = LogisticRegression().fit(X_train, y_train)\nmodel.predict(X_test)";
    guilty(&[SPLIT, "X_test = StandardScaler().fit_transform(X_test)", asked], &["T641 3:1"]);
    // Each row by its own largest value.
    innocent(&[SPLIT, "X_test = X_test / np.max(X_test, axis=1)", MODEL]);
    // Nobody knows the answers of the second file, and nothing is scored on it.
    innocent(&[
        "new = pd.read_csv('new.csv')\nnew = new.fillna(new.mean())\nmodel = LogisticRegression().fit(X, y)\nmodel.predict(new)",
    ]);
}

#[test]
fn a_prediction_of_rows_that_were_kept_apart_is_a_test() {
    let asked = "model = LogisticRegression().fit(X_train, y_train)\nmodel.predict(X_test)";
    guilty(&["X, y = SMOTE(random_state=0).fit_resample(X, y)", SPLIT, asked], &["T640 4:2"]);
    innocent(&[SPLIT, "X_train, y_train = SMOTE(random_state=0).fit_resample(X_train, y_train)", asked]);
    innocent(&[SPLIT, "model = LogisticRegression().fit(X_train, y_train)\nmodel.predict(X_train)"]);
    // A sample taken by a split: the rest is thrown away.
    innocent(&[
        "_, small, _, answers = train_test_split(X, y)\nmodel = LogisticRegression().fit(small, answers)\nmodel.predict(small)",
    ]);
}

#[test]
fn the_validation_during_a_fit_is_a_test() {
    let fit = "from keras.models import Sequential\nmodel = Sequential()\nmodel.fit(X_train, y_train, validation_data=(X_test, y_test))";
    guilty(&["X = StandardScaler().fit_transform(X)", SPLIT, fit], &["T641 2:1"]);
    guilty(&["X_train, y_train, X_test, y_test = X, y, X, y", fit], &["T640 3:3"]);
    innocent(&[
        SPLIT,
        "s = StandardScaler().fit(X_train)\nX_train, X_test = s.transform(X_train), s.transform(X_test)",
        fit,
    ]);
    let batches = "from keras.models import Sequential\ndef batches(x, y):\n    while True:\n        yield x[:9], y[:9]\nmodel = Sequential()\nmodel.fit_generator(generator=batches(X_train, y_train), validation_data=(X_test, y_test))";
    guilty(&["X = StandardScaler().fit_transform(X)", SPLIT, batches], &["T641 2:1"]);
    innocent(&[SPLIT, batches]);
    // To choose by them is what validation rows are for.
    assert!(said(&notebook(&[SPLIT, fit, fit]), &["T642"]).is_empty());
}

#[test]
fn functions_that_are_applied() {
    let scale = "def scale(c):\n    if c.name == 'y':\n        return c\n    return MinMaxScaler().fit_transform(c)";
    guilty(&[scale, "X = X.apply(scale, axis=0)", SPLIT, MODEL], &["T641 2:4"]);
    let otherwise =
        "def scale(c):\n    if c.name != 'y':\n        return MinMaxScaler().fit_transform(c)\n    return c";
    guilty(&[otherwise, "X = X.apply(scale)", SPLIT, MODEL], &["T641 2:3"]);
    innocent(&[scale, "X = X.apply(scale, axis=1)", SPLIT, MODEL]);
    guilty(&["X = X.apply(lambda c: c.fillna(c.mean()))", SPLIT, MODEL], &["T641 2:1"]);
    innocent(&["X = X.apply(lambda row: row / row.max(), axis=1)", SPLIT, MODEL]);
    guilty(&["X['b'] = df['a'].apply(lambda x: 1 if x > df['a'].mean() else 0)", SPLIT, MODEL], &["T641 2:1"]);
    innocent(&["X['b'] = df['a'].apply(lambda x: 1 if x > 30 else 0)", SPLIT, MODEL]);
    innocent(&["X['b'] = df['vectors'].map(lambda x: np.mean(x))", SPLIT, MODEL]);
    guilty(&["def prepare(d):\n    return d.fillna(d.median())\nX = X.pipe(prepare)", SPLIT, MODEL], &["T641 2:2"]);
}

#[test]
fn a_word_in_the_call_decides_between_branches() {
    let prepare =
        "s = StandardScaler()\ndef prepare(d, fit=False):\n    if fit:\n        s.fit(d)\n    return s.transform(d)";
    innocent(&[SPLIT, prepare, "X_train = prepare(X_train, fit=True)\nX_test = prepare(X_test)", MODEL]);
    guilty(&[prepare, "X = prepare(X, True)", SPLIT, MODEL], &["T641 2:4"]);
    let mode = "s = StandardScaler()\ndef prepare(d, mode):\n    if mode == 'train':\n        return s.fit_transform(d)\n    else:\n        return s.transform(d)";
    innocent(&[SPLIT, mode, "X_train = prepare(X_train, 'train')\nX_test = prepare(X_test, 'test')", MODEL]);
    guilty(
        &[SPLIT, mode, "X_train = prepare(X_train, 'train')\nX_test = prepare(X_test, 'train')", MODEL],
        &["T641 3:4"],
    );
}

#[test]
fn models_and_tables_in_lists() {
    let scaled = "X = StandardScaler().fit_transform(X)";
    let loops = [
        "for m in [LogisticRegression(), LogisticRegression(C=2)]:\n    m.fit(X_train, y_train)\n    print(m.score(X_test, y_test))",
        "names, models = ['a', 'b'], [LogisticRegression(), LogisticRegression(C=2)]\nfor name, m in zip(names, models):\n    m.fit(X_train, y_train)\n    print(m.score(X_test, y_test))",
        "models = {'a': LogisticRegression(), 'b': LogisticRegression(C=2)}\nfor name, m in models.items():\n    m.fit(X_train, y_train)\n    print(m.score(X_test, y_test))",
        "models = []\nmodels.append(('a', LogisticRegression()))\nfor name, m in models:\n    m.fit(X_train, y_train)\n    print(m.score(X_test, y_test))",
        "models = {}\nmodels['a'] = LogisticRegression()\nmodels['a'].fit(X_train, y_train)\nprint(models['a'].score(X_test, y_test))",
        "from sklearn.model_selection import GridSearchCV\ndef best(x, y):\n    g = GridSearchCV(LogisticRegression(), {})\n    g.fit(x, y)\n    return g.best_estimator_\nm = best(X_train, y_train)\nprint(m.score(X_test, y_test))",
    ];
    for one in loops {
        guilty(&[scaled, SPLIT, one], &["T641 2:1"]);
        innocent(&[SPLIT, one]);
    }
    let sets = "for pair in [(X, y), (df[['a']], y)]:\n    A, b = pair\n    A = StandardScaler().fit_transform(A)\n    A1, A2, b1, b2 = train_test_split(A, b)\n    m = LogisticRegression().fit(A1, b1)\n    print(m.score(A2, b2))";
    guilty(&[sets], &["T641 2:3"]);
    innocent(&[&sets.replace("    A = StandardScaler().fit_transform(A)\n", "")]);
    let parts =
        "parts = {'train': X_train}\nparts['test'] = X_test\nm = LogisticRegression().fit(parts['train'], y_train)";
    innocent(&[SPLIT, parts, "print(m.score(parts['test'], y_test))"]);
    guilty(&[SPLIT, parts, "print(m.score(parts['train'], y_train))"], &["T640 4:1"]);
}

#[test]
fn one_row_after_the_other_has_no_statistic_of_the_others() {
    let rows =
        "rows = []\nfor i in range(len(X)):\n    row = X[i]\n    rows.append(row / row.max())\nX = np.array(rows)";
    innocent(&[rows, SPLIT, MODEL]);
    innocent(&["X = np.array([x / x.max() for x in X])", SPLIT, MODEL]);
    guilty(&["rows = []\nrows.append(X / X.max())\nX = np.array(rows[0])", SPLIT, MODEL], &["T641 2:2"]);
    guilty(&["X = np.array([x / X.max() for x in X])", SPLIT, MODEL], &["T641 2:1"]);
    let columns = "for c in ['a', 'b']:\n    X[c] = X[c].fillna(X[c].mean())";
    guilty(&[columns, SPLIT, MODEL], &["T641 2:2"]);
    // A model that was chosen by its score on the training carries no rows.
    let chosen = "found = []\nfor k in range(2, 9):\n    p = PCA(k).fit(X_train)\n    found.append(p)\nscores = [X_train.std() for p in found]\nbest = found[np.argmax(scores)]\nX_train, X_test = best.transform(X_train), best.transform(X_test)";
    innocent(&[SPLIT, chosen, MODEL]);
}

#[test]
fn the_same_test_rows_choose_between_models() {
    let two = "a = LogisticRegression().fit(X_train, y_train)\nprint(a.score(X_test, y_test))\nb = LogisticRegression(C=2).fit(X_train, y_train)\nprint(b.score(X_test, y_test))";
    assert_eq!(said(&notebook(&[SPLIT, two]), &["T642"]), ["T642 3:4"]);
    assert!(said(&notebook(&[SPLIT, MODEL]), &["T642"]).is_empty());
}

#[test]
fn idioms_that_look_ahead() {
    let timed = "import pandas as pd\ndf = pd.read_csv('a.csv', parse_dates=['day'])";
    let with = |code: &str| {
        said(&format!("{timed}\n---\n{code}"), &["T643", "T644", "T645", "T646", "T647", "T648", "T649", "T650"])
    };
    assert_eq!(
        with("df['n'] = df.p.shift(-1)\ndf['d'] = df.p.diff(periods=-2)\ndf.p.pct_change(-1)"),
        ["T643 2:1", "T643 2:2", "T643 2:3"]
    );
    assert_eq!(with("df.p.rolling(7, center=True).mean()"), ["T644 2:1"]);
    assert_eq!(
        with("df.p.bfill()\ndf.p.fillna(method='bfill')\ndf.p.interpolate()"),
        ["T645 2:1", "T645 2:2", "T645 2:3"]
    );
    assert_eq!(with("pd.merge_asof(df, df, on='day', direction='nearest')"), ["T646 2:1"]);
    assert_eq!(with("x = df.p.values\nfor i in range(9):\n    x[i] = x[i + 1]"), ["T647 2:3"]);
    assert_eq!(with("df['u'] = df.groupby('s').p.transform('mean')"), ["T649 2:1"]);
    assert_eq!(with("df['r'] = (df.day.max() - df.day).dt.days"), ["T650 2:1"]);
    let innocent = "df.p.shift(1)\ndf.p.diff()\ndf.p.rolling(7).mean()\ndf.p.ffill()\npd.merge_asof(df, df, on='day')\nfor i in range(9):\n    x = df.p[i - 1]\ndf.groupby('s').p.cumsum()\ndf['z'] = df.p.expanding().mean()";
    assert!(with(innocent).is_empty());
    let split = "from sklearn.model_selection import train_test_split\nfrom sklearn.svm import SVC\ntrain, test = train_test_split(df, random_state=0)\nSVC().fit(train, train.y)";
    assert_eq!(with(split), ["T648 2:3"]);
    assert!(with(&split.replace("random_state=0", "shuffle=False")).is_empty());
}

#[test]
fn suspicions_name_frame_and_column() {
    let all = suspicions(&cells("import pandas as pd\ndf = pd.read_csv('a.csv')\ndf['next'] = df.p.shift(-1)"));
    let one = all.first().unwrap();
    assert_eq!((one.code.id(), one.cell, one.line), ("T643", 1, 3));
    assert_eq!((one.frame.as_deref(), one.column.as_deref()), (Some("df"), Some("next")));
}
