//! Real data, read where it lies, replayed, and compared with a naive scan in the test itself. What is known of each data set
//! (how late, how many ties and repetitions) is asserted as well, so that a reader that loses a record is caught. The data is
//! no part of the repository: where the folder is not there, each test says so in one line and checks nothing.
#![allow(clippy::unwrap_used)]

mod common;
mod dengue;
mod flights;
mod gdp_vintages;
mod git_history;
mod groceries;
mod incidents;
mod shop;
