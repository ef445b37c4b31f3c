"""What several tests need: a run folder as `tandem train` leaves it, and a changed environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = ["delay", "flights", "is_late"]


def observations(rows: int, seed: int) -> pa.Table:
    """A made-up training set: a number with nulls, an integer with nulls, a boolean with nulls, and an outcome."""
    random = np.random.default_rng(seed)
    delay, flights = random.normal(10, 30, rows), random.integers(0, 9, rows)
    outcome = delay + 5 * flights + random.normal(0, 20, rows) > 40
    null = random.random((3, rows)) < 0.1
    begin = datetime(2013, 1, 1, tzinfo=timezone.utc)
    return pa.table(
        {
            "flight": [f"XX{i}" for i in range(rows)],
            "at": pa.array([begin + timedelta(minutes=i) for i in range(rows)], pa.timestamp("us", tz="UTC")),
            "delay": pa.array(delay, mask=null[0]),
            "flights": pa.array(flights, pa.int64(), mask=null[1]),
            "is_late": pa.array(delay > 15, mask=null[2]),
            "lands_late": pa.array(outcome),
        }
    )


def write_run(folder: Path) -> Path:
    """The part of a run's folder that is there before the notebook runs."""
    folder.mkdir(parents=True)
    pq.write_table(observations(2000, 1), folder / "train.parquet")
    about = {"question": "late_landing", "features": FEATURES, "outcome": "lands_late"}
    (folder / "training-set.json").write_text(json.dumps(about), "utf-8")
    return folder


@contextmanager
def environment(**changes: str | None) -> Iterator[None]:
    """Environment variables, set or (None) taken away, and put back."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        for name, value in changes.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
