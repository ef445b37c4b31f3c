//! Animals that see the future, each in its own way.
//! Not here: innocent twins (`innocent.rs`).

use super::animals::{Animal, FIT, HEAD};

/// They see the future.
pub const GUILTY: &[Animal] = &[
    Animal {
        name: "mean of the customer over all time",
        cells: &[HEAD, "df['f'] = df.groupby('customer')['amount'].transform('mean')", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "global z-score",
        cells: &[HEAD, "mu = df['amount'].mean()\nsd = df['amount'].std()\ndf['f'] = (df['amount'] - mu) / sd", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "one-step shift",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['amount'].shift(-1)",
            "from sklearn.linear_model import LinearRegression\nX = df[['f']].fillna(0)\ny = df['weight'].fillna(0)\nmodel = LinearRegression().fit(X, y)",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "same-day total",
        cells: &[
            HEAD,
            "df['day'] = df['ordered_at'].dt.date\ndf['f'] = df.groupby('day')['amount'].transform('sum')",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "sparse interpolation",
        cells: &[HEAD, "df['f'] = df['weight'].interpolate()", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "backward fill",
        cells: &[HEAD, "df = df.sort_values('ordered_at')\ndf['f'] = df['weight'].bfill()", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "centred window",
        cells: &[HEAD, "df['f'] = df['amount'].rolling(5, center=True, min_periods=1).mean()", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "rank among all",
        cells: &[HEAD, "df['note'] = 1\ndf['f'] = df['amount'].rank(pct=True)", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "quantile bins of all data",
        cells: &[HEAD, "df['f'] = pd.qcut(df['amount'], 4, labels=False)", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "recency from the latest date",
        cells: &[HEAD, "last = df['ordered_at'].max()\ndf['f'] = (last - df['ordered_at']).dt.days", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "target encoding of the kind",
        cells: &[HEAD, "means = df.groupby('kind')['amount'].mean()\ndf['f'] = df['kind'].map(means)", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "totals merged back",
        cells: &[
            HEAD,
            "totals = df.groupby('customer', as_index=False)['amount'].sum().rename(columns={'amount': 'f'})\ndf = df.merge(totals, on='customer')",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "merge_asof forward",
        cells: &[
            HEAD,
            "left = df.sort_values('ordered_at')\nright = left[['ordered_at', 'amount']].rename(columns={'amount': 'f'})\ndf = pd.merge_asof(left.drop(columns=[]), right, on='ordered_at', direction='forward', allow_exact_matches=False)",
            "from sklearn.linear_model import LinearRegression\nX = df[['f']].fillna(0)\ny = df['weight'].fillna(0)\nmodel = LinearRegression().fit(X, y)",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 3)),
        late: false,
    },
    Animal {
        name: "scaler on all rows",
        cells: &[
            HEAD,
            "from sklearn.preprocessing import StandardScaler\nscaler = StandardScaler()\nscaled = scaler.fit_transform(df[['amount']])",
            "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(scaled, df['weight'].fillna(0))",
        ],
        expected: Some(("column 0 of the model's array", "LOOKAHEAD", 2, 3)),
        late: false,
    },
    Animal {
        name: "imputer on all rows",
        cells: &[
            HEAD,
            "from sklearn.impute import SimpleImputer\ndf['f'] = SimpleImputer().fit_transform(df[['weight']])[:, 0]",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "share of the customer's orders",
        cells: &[HEAD, "counts = df['customer'].value_counts()\ndf['f'] = df['customer'].map(counts)", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "reversed cumulative sum",
        cells: &[
            HEAD,
            "df['f'] = df['amount'][::-1].cumsum()[::-1]",
            "from sklearn.linear_model import LinearRegression\nX = df[['f']].fillna(0)\ny = df['weight'].fillna(0)\nmodel = LinearRegression().fit(X, y)",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "next gap",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\nnext_time = df.groupby('customer')['ordered_at'].shift(-1)\ndf['f'] = (next_time - df['ordered_at']).dt.days",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "within a function",
        cells: &[
            HEAD,
            "def add(frame):\n    frame = frame.copy()\n    frame['f'] = frame['amount'] / frame['amount'].max()\n    return frame\ndf = add(df)",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 5)),
        late: false,
    },
    Animal {
        name: "week's total",
        cells: &[
            HEAD,
            "df['week'] = df['ordered_at'].dt.isocalendar().week",
            "df['f'] = df.groupby(['customer', 'week'])['amount'].transform('sum')",
            FIT,
        ],
        expected: Some(("f", "LOOKAHEAD", 3, 1)),
        late: false,
    },
    Animal {
        name: "min-max in numpy",
        cells: &[HEAD, "a = df['amount'].to_numpy()\ndf['f'] = (a - a.min()) / (a.max() - a.min())", FIT],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
    Animal {
        name: "polars mean over",
        cells: &[
            HEAD,
            "import polars as pl\np = pl.DataFrame({'customer': df['customer'].to_numpy().tolist(), 'ordered_at': df['ordered_at'].to_numpy(), 'amount': df['amount'].to_numpy()})\np = p.with_columns(pl.col('amount').mean().over('customer').alias('f'))",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 3)),
        late: false,
    },
    Animal {
        name: "a written file",
        cells: &[
            HEAD,
            "df['f'] = df.groupby('customer')['amount'].transform('max')\ndf.to_csv('features.csv', index=False)",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 1)),
        late: false,
    },
    Animal {
        name: "dummies of a new kind",
        cells: &[
            HEAD,
            "d = pd.get_dummies(df['kind'], dtype=int)\ndf = pd.concat([df, d], axis=1)\nX = df[['amount', *d.columns]]",
            "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(X, df['weight'].fillna(0))",
        ],
        expected: Some(("gift", "VOCABULARY", 2, 1)),
        late: false,
    },
    Animal {
        name: "sorted codes of a kind",
        cells: &[HEAD, "df['f'] = df['kind'].astype('category').cat.codes", FIT],
        expected: Some(("f", "VOCABULARY", 2, 1)),
        late: false,
    },
    Animal {
        name: "label encoder",
        cells: &[
            HEAD,
            "from sklearn.preprocessing import LabelEncoder\ndf['f'] = LabelEncoder().fit_transform(df['kind'])",
            FIT,
        ],
        expected: Some(("f", "VOCABULARY", 2, 2)),
        late: false,
    },
    Animal {
        name: "random split",
        cells: &[
            HEAD,
            "df['f'] = df['weight'].fillna(0)",
            "from sklearn.model_selection import train_test_split\nXa, Xb, ya, yb = train_test_split(df[['f']], df['amount'], random_state=1)\nfrom sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(Xa, ya)",
        ],
        expected: Some(("(rows)", "MEMBERSHIP", 3, 2)),
        late: false,
    },
    Animal {
        name: "keeps the last order of a day",
        cells: &[
            HEAD,
            "df['f'] = df['weight'].fillna(0)\ndf['day'] = df['ordered_at'].dt.date\ndf = df.drop_duplicates(['day'], keep='last')",
            FIT,
        ],
        expected: Some(("(rows)", "MEMBERSHIP", 2, 3)),
        late: false,
    },
    Animal {
        name: "rows above the overall median",
        cells: &[
            HEAD,
            "df['f'] = df['weight'].fillna(0)\nlimit = df['amount'].median()\ndf = df[df['amount'] > limit]",
            FIT,
        ],
        expected: Some(("(rows)", "MEMBERSHIP", 2, 2)),
        late: false,
    },
    Animal {
        name: "late orders counted",
        cells: &[HEAD, "df['f'] = df.groupby('customer').cumcount()", FIT],
        expected: Some(("f", "LATE DATA", 2, 1)),
        late: true,
    },
    Animal {
        name: "late amounts averaged",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['amount'].transform(lambda s: s.shift(1).expanding().mean())",
            FIT,
        ],
        expected: Some(("f", "LATE DATA", 2, 2)),
        late: true,
    },
    Animal {
        name: "scaled within training, tested outside",
        cells: &[
            HEAD,
            "from sklearn.linear_model import LinearRegression\ntrain = df[df['ordered_at'] < '2024-03-15']\ntest = df[df['ordered_at'] >= '2024-03-15']\nmu = df['amount'].mean()\nXa = (train[['amount']] - mu).rename(columns={'amount': 'f'})\nmodel = LinearRegression().fit(Xa, train['weight'].fillna(0))",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 4)),
        late: false,
    },
    Animal {
        name: "as-of counts that ignore the date",
        cells: &[
            HEAD,
            "as_of = '2024-03-20 12:00:00'\nf = df.groupby('customer')['amount'].agg(['sum', 'count']).rename(columns={'sum': 'f'})[['f']]",
        ],
        expected: Some(("f", "LOOKAHEAD", 2, 2)),
        late: false,
    },
];
