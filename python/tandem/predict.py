"""Asks a notebook's own estimator: `python -m tandem.predict ESTIMATOR.joblib ROWS.parquet OUT.parquet`.

ROWS has the features as columns, in the order of the model's inputs; OUT gets one float64 column `prediction`, a row for
each of ROWS, in order. `tandem parity` compares it with what was served. The estimator's file is code: only run this on
one that your own team's training wrote. Not here: the comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ._binary import TandemError
from ._frames import given_as
from ._model import inputs, predictions


def predict(estimator: Path, rows: Path, out: Path) -> int:
    """Writes the estimator's predictions for the rows to `out`; returns how many.

    Raises `TandemError` when a file is missing, or the columns are not those that the estimator was fitted on.
    """
    for path in (estimator, rows):
        if not path.is_file():
            raise TandemError(f"There is no file {path}.")
    fitted, frame = joblib.load(estimator), given_as(pq.read_table(rows), "pandas")
    learned = [str(name) for name in getattr(fitted, "feature_names_in_", frame.columns)]
    if learned != list(frame.columns):
        raise TandemError(
            f"{rows} has the columns {', '.join(frame.columns)}; the estimator was fitted on {', '.join(learned)}."
        )
    answers = predictions(fitted, inputs(frame)) if len(frame) else np.empty(0)
    pq.write_table(pa.table({"prediction": pa.array(answers, pa.float64())}), out)
    return len(frame)


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    if len(arguments) != 3:
        print("usage: python -m tandem.predict ESTIMATOR.joblib ROWS.parquet OUT.parquet", file=sys.stderr)
        return 2
    try:
        predict(*map(Path, arguments))
    except TandemError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
