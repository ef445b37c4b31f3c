"""What a notebook reads: training sets, features and records. Not here: how they are computed (the binary does)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ._binary import TandemError, run
from ._frames import Frame, Library, given_as, write_observations

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Part = Literal["train", "test", "all"]
"""A part of a training set: before the gap, the test window after it, or everything."""


@overload
def training_set(
    question: str,
    part: Part = "train",
    as_: Literal["pandas"] = "pandas",
    *,
    fold: int | None = None,
    as_corrected: bool = False,
) -> pd.DataFrame: ...
@overload
def training_set(
    question: str, part: Part = "train", *, as_: Literal["polars"], fold: int | None = None, as_corrected: bool = False
) -> pl.DataFrame: ...
@overload
def training_set(
    question: str, part: Part = "train", *, as_: Literal["arrow"], fold: int | None = None, as_corrected: bool = False
) -> pa.Table: ...
def training_set(
    question: str,
    part: Part = "train",
    as_: Library = "pandas",
    *,
    fold: int | None = None,
    as_corrected: bool = False,
) -> Any:
    """The training set of a question, made by replay: every value as production knew it at the observation's instant.

    One row an observation, in the order of their instants (of a file of observations: in the file's order). The columns:
    the entities' keys, `at` (the instant, UTC), the features, and last the outcome. Observations whose outcome cannot be
    known yet are left out. With pandas, `frame.attrs["features"]` lists the feature columns in the order of the model's
    inputs, and `frame.attrs["outcome"]` names the outcome's column; all that is known of the set's making is beside them.
    `part="all"` has one column more, `part`: `train`, `test`, `gap`, or `later` (after the test window); and before it,
    where the question has several folds, `fold`: the number of the one in whose test window the row lies.

    `fold` counts from 1; without it, it is the last, on which the model is measured. `folds` goes through all of them.
    `as_corrected=True` gives the features by all that is known today, late and corrected records included. Production never
    had these values: they are there to be looked at, and refused during `tandem train`.

    During `tandem train` the training part that the run made is read, and there is no other: of the folds before the last
    one, as much as lies in it.

    Raises `TandemError` for an unknown question, part or fold, and whenever the project itself is wrong.
    """
    if part not in ("train", "test", "all"):
        raise TandemError(f"part={part!r} is not known. Write part='train', part='test' or part='all'.")
    folder = os.environ.get("TANDEM_RUN")
    if folder:
        if as_corrected:
            raise TandemError(
                "as_corrected=True is not there during `tandem train`: production does not have these values when it asks.\n"
                "Train on the values as known, and compare the two outside of it: `tandem data QUESTION --compare`."
            )
        return _from_run(Path(folder), question, part, fold, as_)
    asked = ["--part", part, *(["--fold", str(fold)] if fold is not None else [])]
    asked += ["--as-corrected"] if as_corrected else []
    with tempfile.TemporaryDirectory(prefix="tandem-") as temporary:
        out = Path(temporary) / "training-set.parquet"
        run("data", question, *asked, "--out", out)
        return given_as(pq.read_table(out, memory_map=False), as_, _about(out))


@overload
def folds(question: str, as_: Literal["pandas"] = "pandas") -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]: ...
@overload
def folds(question: str, *, as_: Literal["polars"]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]: ...
@overload
def folds(question: str, *, as_: Literal["arrow"]) -> Iterator[tuple[pa.Table, pa.Table]]: ...
def folds(question: str, as_: Library = "pandas") -> Iterator[tuple[Any, Any]]:
    """The folds of a question in order of time, each as its training part and its test window; made by one replay.

    The training part of a fold is all that lies before its test window, less the gap. During `tandem train` only the folds
    before the last one are there, and of them as much as lies in the training part of the run.

    Raises `TandemError` as `training_set` does, and when the question has one fold only.
    """
    folder = os.environ.get("TANDEM_RUN")
    if folder:
        whole, about = _run_table(Path(folder), question)
    else:
        with tempfile.TemporaryDirectory(prefix="tandem-") as temporary:
            out = Path(temporary) / "training-set.parquet"
            run("data", question, "--part", "all", "--out", out)
            whole, about = pq.read_table(out, memory_map=False), _about(out)
        whole = whole.drop_columns([name for name in ("fold", "part") if name in whole.column_names])
    bounds = about.get("folds") or []
    if not bounds:
        raise TandemError(
            f"The question `{question}` has one fold only.\n"
            "Write `split: {test_from: …, folds: 4, each: 30 days}` into its file."
        )
    there = bounds[:-1] if folder else bounds
    parts = ((_part(whole, fold, "train"), _part(whole, fold, "test")) for fold in there)
    return ((given_as(train, as_, about), given_as(test, as_, about)) for train, test in parts)


def _part(table: pa.Table, fold: dict[str, Any], part: str) -> pa.Table:
    """The rows of one part of a fold, by the bounds that the binary states."""

    def instant(text: str) -> pa.Scalar:
        return pa.scalar(datetime.fromisoformat(text.replace("Z", "+00:00")), table.schema.field("at").type)

    at = table.column("at")
    if part == "train":
        return table.filter(pc.less(at, instant(fold["train_before"])))
    after = pc.greater_equal(at, instant(fold["test_from"]))
    until = fold.get("test_until")
    return table.filter(pc.and_(after, pc.less(at, instant(until))) if until else after)


def _run_table(folder: Path, question: str) -> tuple[pa.Table, dict[str, Any]]:
    """The training part that the run made, and what is known of its making."""
    about = json.loads((folder / "training-set.json").read_text("utf-8"))
    if about.get("question", question) != question:
        raise TandemError(
            f"This run trains a model for the question `{about['question']}`, but the notebook asks for `{question}`.\n"
            "Name the same question in model.yaml and in the notebook."
        )
    return pq.read_table(folder / "train.parquet"), about


def _from_run(folder: Path, question: str, part: Part, fold: int | None, library: Library) -> Any:
    table, about = _run_table(folder, question)
    bounds = about.get("folds") or []
    if fold is not None and not 1 <= fold <= max(len(bounds), 1):
        raise TandemError(f"The question `{question}` has no fold {fold}: its folds are 1 to {max(len(bounds), 1)}.")
    earlier = fold is not None and fold < len(bounds)
    if part == "all" or (part == "test" and not earlier):
        raise TandemError(
            f"part={part!r} is not there during `tandem train`: what a model is measured on, its notebook never sees.\n"
            "Hold back a part of the training set yourself, for instance the last month of `at`."
        )
    if fold is not None and earlier:
        table = _part(table, bounds[fold - 1], part)
    return given_as(table, library, about)


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
