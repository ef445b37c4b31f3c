"""What a notebook reads: training sets, features and records. Not here: how they are computed (the binary does)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa
import pyarrow.parquet as pq

from ._binary import TandemError, run
from ._frames import Frame, Library, given_as, write_observations

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Part = Literal["train", "test", "all"]
"""A part of a training set: before the gap, after it, or both."""


@overload
def training_set(question: str, part: Part = "train", as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
@overload
def training_set(question: str, part: Part = "train", *, as_: Literal["polars"]) -> pl.DataFrame: ...
@overload
def training_set(question: str, part: Part = "train", *, as_: Literal["arrow"]) -> pa.Table: ...
def training_set(question: str, part: Part = "train", as_: Library = "pandas") -> Any:
    """The training set of a question, made by replay: every value as production knew it at the observation's instant.

    One row an observation, in the order of their instants. The columns: the entities' keys, `at` (the instant, UTC), the
    features, and last the outcome. Observations whose outcome cannot be known yet are left out. With pandas,
    `frame.attrs["features"]` lists the feature columns in the order of the model's inputs, and
    `frame.attrs["outcome"]` names the outcome's column; all that is known of the set's making is beside them.
    `part="all"` has one column more, `part`: `train`, `test`, or `gap`.

    During `tandem train` the training part that the run made is read, and there is no other. Otherwise it is made now.

    Raises `TandemError` for an unknown question or part, and whenever the project itself is wrong.
    """
    if part not in ("train", "test", "all"):
        raise TandemError(f"part={part!r} is not known. Write part='train', part='test' or part='all'.")
    folder = os.environ.get("TANDEM_RUN")
    if folder:
        return _from_run(Path(folder), question, part, as_)
    with tempfile.TemporaryDirectory(prefix="tandem-") as temporary:
        out = Path(temporary) / "training-set.parquet"
        run("data", question, "--part", part, "--out", out)
        return given_as(pq.read_table(out, memory_map=False), as_, _about(out))


def _from_run(folder: Path, question: str, part: Part, library: Library) -> Any:
    about = json.loads((folder / "training-set.json").read_text("utf-8"))
    if about.get("question", question) != question:
        raise TandemError(
            f"This run trains a model for the question `{about['question']}`, but the notebook asks for `{question}`.\n"
            "Name the same question in model.yaml and in the notebook."
        )
    if part != "train":
        raise TandemError(
            f"part={part!r} is not there during `tandem train`: what a model is measured on, its notebook never sees.\n"
            "Hold back a part of the training set yourself, for instance the last month of `at`."
        )
    return given_as(pq.read_table(folder / "train.parquet"), library, about)


def _about(path: Path) -> dict[str, Any]:
    """What the binary says of the set's making, in the file's own metadata."""
    inside = (pq.read_metadata(path).metadata or {}).get(b"tandem")
    return dict(json.loads(inside)) if inside else {}


@overload
def features(of: str | Sequence[str], observations: Frame, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
@overload
def features(of: str | Sequence[str], observations: Frame, *, as_: Literal["polars"]) -> pl.DataFrame: ...
@overload
def features(of: str | Sequence[str], observations: Frame, *, as_: Literal["arrow"]) -> pa.Table: ...
def features(of: str | Sequence[str], observations: Frame, as_: Library = "pandas") -> Any:
    """The values of features for given entities at given instants, as production would have answered then.

    `of` is the name of a question (all its features), or a list of feature names. `observations` has a column for each
    part of an entity's key (`aircraft`, `route.origin`), the request's fields if any, and `at`, instants with a time zone.
    The result has the same rows in the same order: the columns of `observations`, then the features.

    Raises `TandemError` for an unknown name, a key that is missing or of the wrong type, and instants without a zone.
    """
    asked = ["--question", of] if isinstance(of, str) else ["--features", ",".join(of)]
    with tempfile.TemporaryDirectory(prefix="tandem-") as temporary:
        given, out = Path(temporary) / "observations.parquet", Path(temporary) / "features.parquet"
        write_observations(observations, given)
        run("features", *asked, "--observations", given, "--out", out)
        return given_as(pq.read_table(out, memory_map=False), as_)


@overload
def records(source: str, as_of: str | datetime | None = None, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
@overload
def records(source: str, as_of: str | datetime | None = None, *, as_: Literal["polars"]) -> pl.DataFrame: ...
@overload
def records(source: str, as_of: str | datetime | None = None, *, as_: Literal["arrow"]) -> pa.Table: ...
def records(source: str, as_of: str | datetime | None = None, as_: Library = "pandas") -> Any:
    """The records of a source that had arrived before an instant (without one: all), in the order of the log.

    `as_of` is an instant with a time zone: `"2013-07-01T12:00Z"`, or a `datetime` that has one.

    Raises `TandemError` for an unknown source, and for an instant without a zone.
    """
    when: list[str] = []
    if isinstance(as_of, datetime):
        if as_of.tzinfo is None:
            raise TandemError("as_of does not say its time zone. Write `datetime(..., tzinfo=timezone.utc)`.")
        when = ["--as-of", as_of.isoformat()]
    elif as_of is not None:
        when = ["--as-of", as_of]
    with tempfile.TemporaryDirectory(prefix="tandem-") as temporary:
        out = Path(temporary) / "records.parquet"
        run("records", source, *when, "--out", out)
        return given_as(pq.read_table(out, memory_map=False), as_)
