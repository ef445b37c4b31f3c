//! Development commands: `cargo xtask test`, `tidy`, `lint`, `bench`. They drive cargo, Python and the built binary from the
//! outside; nothing here is part of the product, and no crate of the product may depend on it (`tidy` checks that).
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit)] // a tool for the terminal

mod bench;
mod python;
mod shell;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  test [STEP ...]                  everything that must hold before a change is merged; with names, only those steps
  tidy                             the house rules that no compiler knows (a step of test)
  tidy --ratchet [--take-in]       lowers the ceilings of xtask/src/tidy/ratchet.txt to what the files need today;
                                   --take-in adds what is too long and not in it (say why in the commit)
  lint                             rustfmt and clippy, as errors (steps of test)
  bench replay [--scale XS|S|M|L] [--one-clock] [--rounds N] [--limit SECONDS] [--own]
                                   Tandem, DuckDB, Polars and a program by hand (numba) on the same log in the same run;
                                   ends with the ratios
  bench small [--rounds N] [--limit SECONDS]
                                   18 features over short windows with one clock, beside DuckDB and Temporian
  bench limit [the options of bench replay]
                                   Tandem beside a program that only reads, partitions by entity, and writes
  bench scale [--scales S,M,L] [--rounds N] [--limit SECONDS]
                                   what a record costs as the log grows, and under a limit of memory (L: --memory 4GB)
  bench hot [--rounds N] [--limit SECONDS]
                                   an entity with a tenth of all records against ordinary ones
  bench engine                     records applied and questions answered a second on one core, in process, and what an
                                   expression costs
  bench build                      the time from a clean clone to the demo's first line
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test", steps @ ..] => test::run(steps),
        ["lint"] => test::run(&["format", "lint"]),
        ["tidy", "--ratchet"] => tidy::lower_the_ratchet(false),
        ["tidy", "--ratchet", "--take-in"] => tidy::lower_the_ratchet(true),
        ["tidy"] => tidy::report(),
        ["bench", "replay", options @ ..] => bench::replay::run(options),
        ["bench", "small", options @ ..] => bench::small::run(options),
        ["bench", "limit", options @ ..] => bench::replay::limit(options),
        ["bench", "scale", options @ ..] => bench::scale::run(options),
        ["bench", "hot", options @ ..] => bench::scale::hot(options),
        ["bench", "engine"] => bench::engine(),
        ["bench", "build"] => bench::build::run(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(true)
        }
        _ => Err(format!("there is no such command: cargo xtask {}\n\n{HELP}", words.join(" "))),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}
