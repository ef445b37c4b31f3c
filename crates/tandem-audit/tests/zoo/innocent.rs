//! Animals that look like those that see the future, and do not.
//! Not here: guilty ones (`guilty.rs`).

use super::animals::{Animal, FIT, HEAD};

/// They do not.
pub const INNOCENT: &[Animal] = &[
    Animal {
        name: "rolling mean of the past",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['amount'].transform(lambda s: s.shift(1).rolling(3, min_periods=1).mean())",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "expanding z-score",
        cells: &[
            HEAD,
            "m = df['amount'].expanding().mean()\ns = df['amount'].expanding().std()\ndf['f'] = (df['amount'] - m) / s",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "shift by one",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['amount'].shift(1)",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "total of the day so far",
        cells: &[
            HEAD,
            "df['day'] = df['ordered_at'].dt.date\ndf['f'] = df.groupby('day')['amount'].cumsum() - df['amount']",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "forward fill",
        cells: &[HEAD, "df = df.sort_values('ordered_at')\ndf['f'] = df['weight'].ffill()", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "window that ends at its row",
        cells: &[HEAD, "df['f'] = df['amount'].rolling(5, min_periods=1).mean()", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "rank within the past",
        cells: &[HEAD, "df['f'] = df['amount'].expanding().rank(pct=True)", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "fixed bins",
        cells: &[HEAD, "df['f'] = pd.cut(df['amount'], [0, 25, 50, 75, 200], labels=False)", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "time since the last order",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['ordered_at'].diff().dt.total_seconds()",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "expanding mean of the kind",
        cells: &[
            HEAD,
            "df['f'] = df.groupby('kind')['amount'].transform(lambda s: s.shift(1).expanding().mean())",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "sorted and reset",
        cells: &[
            HEAD,
            "df = df.sort_values('amount', ascending=False).reset_index(drop=True)\ndf['f'] = df['weight'].fillna(0) * 2",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "merge_asof backward",
        cells: &[
            HEAD,
            "left = df.sort_values('ordered_at')\nright = left[['ordered_at', 'amount']].rename(columns={'amount': 'f'})\ndf = pd.merge_asof(left, right, on='ordered_at', direction='backward', allow_exact_matches=False)",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "scaler on training rows",
        cells: &[
            HEAD,
            "from sklearn.linear_model import LinearRegression\ntrain = df[df['ordered_at'] < '2024-03-15']\ntest = df[df['ordered_at'] >= '2024-03-15']\nfrom sklearn.preprocessing import StandardScaler\nscaler = StandardScaler().fit(train[['amount']])\nmodel = LinearRegression().fit(scaler.transform(train[['amount']]), train['weight'].fillna(0))\nscore = model.predict(scaler.transform(test[['amount']]))",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "imputer on training rows",
        cells: &[
            HEAD,
            "from sklearn.linear_model import LinearRegression\ntrain = df[df['ordered_at'] < '2024-03-15']\ntest = df[df['ordered_at'] >= '2024-03-15']\nfrom sklearn.impute import SimpleImputer\nfill = SimpleImputer().fit(train[['weight']])\nXa = fill.transform(train[['weight']])\nmodel = LinearRegression().fit(Xa, train['amount'])\npredicted = model.predict(fill.transform(test[['weight']]))",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "count so far",
        cells: &[HEAD, "df['f'] = df.groupby('customer').cumcount()", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "cumulative sum",
        cells: &[
            HEAD,
            "df['f'] = df['amount'].cumsum()",
            "from sklearn.linear_model import LinearRegression\nX = df[['f']].fillna(0)\ny = df['weight'].fillna(0)\nmodel = LinearRegression().fit(X, y)",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "seeded noise",
        cells: &[
            HEAD,
            "rng = np.random.default_rng(3)\ndf['f'] = df['weight'].fillna(0) + rng.normal(size=len(df))",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "hour and weekday",
        cells: &[HEAD, "df['f'] = df['ordered_at'].dt.hour * 7 + df['ordered_at'].dt.dayofweek", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "within a function",
        cells: &[
            HEAD,
            "def add(frame):\n    frame = frame.copy()\n    frame['f'] = frame['amount'] / frame['amount'].cummax()\n    return frame\ndf = add(df)",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "last week's total",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\nlag = df.set_index('ordered_at').groupby('customer')['amount'].rolling('7D', closed='left').sum()\ndf['f'] = lag.to_numpy()",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "numpy cumulative maximum",
        cells: &[HEAD, "a = df['amount'].to_numpy()\ndf['f'] = np.maximum.accumulate(a)", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "polars cumulative sum",
        cells: &[
            HEAD,
            "import polars as pl\np = pl.DataFrame({'customer': df['customer'].to_numpy().tolist(), 'ordered_at': df['ordered_at'].to_numpy(), 'amount': df['amount'].to_numpy()})\np = p.with_columns(pl.col('amount').cum_sum().over('customer').alias('f'))",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "a written file",
        cells: &[HEAD, "df['f'] = df.groupby('customer')['amount'].cummax()\ndf.to_csv('features.csv', index=False)"],
        expected: None,
        late: false,
    },
    Animal {
        name: "dummies of a fixed list",
        cells: &[
            HEAD,
            "kinds = ['food', 'book', 'toy', 'tool', 'gift']\nfor kind in kinds:\n    df[kind] = (df['kind'] == kind).astype(int)",
            "from sklearn.linear_model import LinearRegression\nX = df[['amount', *kinds]]\nmodel = LinearRegression().fit(X, df['weight'].fillna(0))",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "codes of a fixed list",
        cells: &[
            HEAD,
            "df['f'] = pd.Categorical(df['kind'], categories=['food', 'book', 'toy', 'tool', 'gift']).codes",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "factorised in order of time",
        cells: &[HEAD, "df['f'] = pd.factorize(df['kind'])[0]", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "split at a date",
        cells: &[
            HEAD,
            "from sklearn.linear_model import LinearRegression\ntrain = df[df['ordered_at'] < '2024-03-15']\ntest = df[df['ordered_at'] >= '2024-03-15']\nmodel = LinearRegression().fit(train[['amount']], train['weight'].fillna(0))\npredicted = model.predict(test[['amount']])",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "split at a share",
        cells: &[
            HEAD,
            "df['f'] = df['amount'].rolling(4, min_periods=1).mean()",
            "from sklearn.preprocessing import StandardScaler\nfrom sklearn.linear_model import LinearRegression\nn = int(len(df) * 0.8)\ntrain, test = df.iloc[:n], df.iloc[n:]\nscaler = StandardScaler().fit(train[['f']])\nmodel = LinearRegression().fit(scaler.transform(train[['f']]), train['amount'])\nmodel.predict(scaler.transform(test[['f']]))",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "label from the future, dropped at the end",
        cells: &[
            HEAD,
            "df = df.sort_values(['customer', 'ordered_at']).reset_index(drop=True)\ndf['f'] = df.groupby('customer')['amount'].shift(1)\ndf['target'] = df.groupby('customer')['amount'].shift(-1)\ndf = df.dropna(subset=['target'])",
            "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(df[['f']].fillna(0), df['target'])",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "keeps the first order of a day",
        cells: &[
            HEAD,
            "df['f'] = df['weight'].fillna(0)\ndf['day'] = df['ordered_at'].dt.date\ndf = df.drop_duplicates(['day'], keep='first')",
            FIT,
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "rows above a fixed limit",
        cells: &[HEAD, "df['f'] = df['weight'].fillna(0)\ndf = df[df['amount'] > 40]", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "age at a frozen clock",
        cells: &[HEAD, "from datetime import datetime\ndf['f'] = (datetime.now() - df['ordered_at']).dt.days", FIT],
        expected: None,
        late: false,
    },
    Animal {
        name: "known orders only",
        cells: &[HEAD, "df['received_at'] = pd.to_datetime(df['received_at'])\ndf['f'] = df['amount'] * 2", FIT],
        expected: None,
        late: true,
    },
    Animal {
        name: "as-of counts",
        cells: &[
            HEAD,
            "as_of = '2024-03-20 12:00:00'\npast = df[df['ordered_at'] <= as_of]\nf = past.groupby('customer')['amount'].agg(['sum', 'count'])",
        ],
        expected: None,
        late: false,
    },
    Animal {
        name: "the last rows set aside, and the last value before them",
        cells: &[
            HEAD,
            "df = df.sort_values('ordered_at')\ntrain, test = df[:-40], df[-40:].copy()",
            "test['f'] = train['amount'].iloc[-1]\ntest.to_csv('out.csv')",
        ],
        expected: None,
        late: false,
    },
];
