//! The animals of the zoo: cells, and what is to be found in which cell and line.
//! Not here: the animals themselves (`guilty.rs`, `innocent.rs`) and the data (`keeper.rs`).

/// A notebook.
pub struct Animal {
    pub name: &'static str,
    pub cells: &'static [&'static str],
    /// Column, verdict, cell, line.
    pub expected: Option<(&'static str, &'static str, usize, usize)>,
    /// Whether the orders are declared with the time at which they became known.
    pub late: bool,
}

pub const HEAD: &str =
    "import numpy as np\nimport pandas as pd\ndf = pd.read_csv('orders.csv', parse_dates=['ordered_at'])";
pub const FIT: &str = "from sklearn.linear_model import LinearRegression\nX = df[['f']].fillna(0)\ny = df['amount']\nmodel = LinearRegression().fit(X, y)";
