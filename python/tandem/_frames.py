"""Frames of pandas, polars and Arrow, to and from Parquet. Not here: what the frames mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from ._binary import TandemError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Library: TypeAlias = Literal["pandas", "polars", "arrow"]
"""The library whose frame is wanted."""

Frame: TypeAlias = "pd.DataFrame | pl.DataFrame | pa.Table"
"""A frame of one of the three libraries."""


def given_as(table: pa.Table, library: str, about: dict[str, Any] | None = None) -> Any:
    """The table as a frame of `library`. pandas also carries `about` in `frame.attrs`.

    In pandas, integers and booleans keep their nulls (`Int64`, `boolean`) instead of turning into floats and objects;
    a list is a `list` and a map a `dict`, in a column of objects.
    Raises `TandemError` for another library, or one that is not installed.
    """
    if library == "arrow":
        return table
    if library == "polars":
        return _imported("polars").from_arrow(table)
    if library == "pandas":
        pandas = _imported("pandas")
        nullable = {pa.bool_(): pandas.BooleanDtype(), pa.int64(): pandas.Int64Dtype()}
        frame: Any = table.to_pandas(types_mapper=nullable.get, ignore_metadata=True)
        for field in table.schema:
            if pa.types.is_list(field.type) or pa.types.is_map(field.type):
                values = table.column(field.name).to_pylist()
                if pa.types.is_map(field.type):
                    values = [None if entries is None else dict(entries) for entries in values]
                frame[field.name] = pandas.Series(values, dtype=object, index=frame.index)
        frame.attrs.update(about or {})
        return frame
    raise TandemError(f"as_={library!r} is not known. Write as_='pandas', as_='polars' or as_='arrow'.")


def arrow(frame: Frame) -> pa.Table:
    """Any of the three kinds of frame as Arrow; a pandas index is left out.

    Raises `TandemError` when it is no frame.
    """
    if isinstance(frame, pa.Table):
        return frame
    to_arrow = getattr(frame, "to_arrow", None)
    if callable(to_arrow):
        return to_arrow()
    if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        return pa.Table.from_pandas(frame, preserve_index=False)
    raise TandemError(f"A frame of pandas, polars or Arrow is needed here, not {type(frame).__name__}.")


def write_observations(frame: Frame, path: Path) -> None:
    """Writes entity keys and `at` to Parquet, the instants in microseconds UTC.

    Raises `TandemError` when there is no column `at`, or its instants do not say their zone.
    """
    table = arrow(frame)
    if "at" not in table.column_names:
        raise TandemError(
            "The observations have no column `at`: at which instants are the features asked for?\n"
            f"Their columns are: {', '.join(table.column_names)}."
        )
    place = table.column_names.index("at")
    kind = table.schema.field(place).type
    if not pa.types.is_timestamp(kind):
        raise TandemError(f"The column `at` holds {kind}, not instants. Turn it into timestamps with a time zone.")
    if kind.tz is None:
        raise TandemError("The instants in `at` do not say their time zone. In pandas: `at.dt.tz_localize('UTC')`.")
    # Nanoseconds are cut off, not rounded: an observation never sees more than its own instant allows.
    instants = table.column(place).cast(pa.timestamp("us", tz="UTC"), safe=False)
    pq.write_table(table.set_column(place, "at", instants), path)


def _imported(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise TandemError(f"{name} is not installed in this environment. Install it, or write as_='arrow'.") from error
