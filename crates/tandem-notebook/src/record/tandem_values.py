"""Values written down as JSON, and read again; and what can be said of a frame without writing it down.

A plain value stands for itself; any other is an object with one key that says what it is (`tuple`, `frame`, `time`, …).
Whatever is too large or of a class that we do not know is refused. Libraries are used only when the notebook has them.
"""

import datetime
import math
import sys

ROWS = 20  # of a frame among the arguments of a function
ITEMS = 60  # of a list or mapping
LETTERS = 500
COLUMNS = 60  # of a frame that are looked into
VALUES = 10  # different texts that are listed


class Unstorable(Exception):
    """What cannot be written down, in a few words."""


def library(name):
    return sys.modules.get(name)


def module_of(value):
    return (type(value).__module__ or "").split(".")[0]


def is_pandas(value, name):
    return module_of(value) == "pandas" and library("pandas") is not None and isinstance(value, getattr(library("pandas"), name))


def is_array(value):
    return module_of(value) == "numpy" and isinstance(value, library("numpy").ndarray)


def is_frame(value):
    """A table or a column of any of the libraries, or an array."""
    if module_of(value) == "polars":
        return type(value).__name__ in ("DataFrame", "Series")
    if is_array(value):
        return value.ndim > 0 and value.dtype.kind in "iufb"
    return is_pandas(value, "DataFrame") or is_pandas(value, "Series")


def is_number(value):
    if isinstance(value, (bool, int, float)):
        return not isinstance(value, int) or abs(value) < 2**53
    # A dtype has `ndim` too, and no dtype of its own.
    kind = getattr(getattr(value, "dtype", None), "kind", "-")
    return module_of(value) == "numpy" and getattr(value, "ndim", None) == 0 and kind in "iufb"


def plain(value):
    """A number or text as JSON has it; numbers that JSON lacks are texts."""
    if hasattr(value, "item") and module_of(value) == "numpy":
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def encode(value, whole):
    """As JSON. `whole` is a list of one truth: it becomes false where only the first rows were taken; None allows no cut."""
    if value is None or isinstance(value, bool):
        return value
    if is_number(value):
        text = plain(value)
        return {"float": text} if isinstance(text, str) else text
    if isinstance(value, str):
        if len(value) > LETTERS:
            raise Unstorable("a long text")
        return str(value)
    if type(value) in (list, tuple, set, dict) and len(value) > ITEMS:
        raise Unstorable(f"a {type(value).__name__} of {len(value)} items")
    if type(value) is list:
        return [encode(item, whole) for item in value]
    if type(value) is tuple:
        return {"tuple": [encode(item, whole) for item in value]}
    if type(value) is set:
        return {"set": sorted((encode(item, whole) for item in value), key=repr)}
    if type(value) is dict:
        if all(isinstance(key, str) for key in value):
            return {"dict": {key: encode(item, whole) for key, item in value.items()}}
        return {"pairs": [[encode(key, whole), encode(item, whole)] for key, item in value.items()]}
    if isinstance(value, datetime.date):
        kind = "time" if isinstance(value, datetime.datetime) else "date"
        return {kind: value.isoformat()}
    if is_pandas(value, "Timedelta"):
        return {"timedelta": str(value)}
    if is_array(value):
        if value.dtype.kind not in "iufb" or value.ndim not in (1, 2) or (value.ndim == 2 and value.shape[1] > ROWS):
            refuse(value)
        rows = cut(value, whole, ROWS)
        if rows.dtype.kind == "f" and not library("numpy").isfinite(rows).all():
            refuse(value)
        return {"array": rows.tolist(), "type": str(value.dtype)}
    if is_pandas(value, "DataFrame"):
        rows = cut(value, whole, ROWS)
        if not all(isinstance(name, str) for name in rows.columns) or rows.columns.duplicated().any() or len(rows.columns) > 30:
            refuse(value)
        return {"frame": {name: column(rows[name]) for name in rows.columns}, **index(rows)}
    if is_pandas(value, "Series"):
        rows = cut(value, whole, ROWS)
        name = {"name": rows.name} if isinstance(rows.name, str) else {}
        return {"series": column(rows), **name, **index(rows)}
    return refuse(value)


def refuse(value):
    raise Unstorable(f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins."))


def cut(value, whole, most):
    if len(value) <= most:
        return value
    if whole is None:
        refuse(value)
    whole[0] = False
    return value[:most]


def column(series):
    kind = str(series.dtype)
    if kind.startswith("datetime64") and "," not in kind:
        return {"type": kind, "values": [None if missing(item) else item.isoformat() for item in series]}
    if kind == "category":
        return {"type": kind, "values": [item if isinstance(item, str) else refuse(item) for item in series]}
    if series.dtype.kind not in "iufbO" and kind not in ("string", "str"):
        refuse(series)
    return {"type": kind, "values": [None if missing(item) else encode(item, None) for item in series]}


def missing(item):
    return item is None or item != item or type(item).__name__ in ("NaTType", "NAType")


def index(rows):
    pandas = library("pandas")
    if isinstance(rows.index, pandas.RangeIndex) and rows.index.start == 0 and rows.index.step == 1:
        return {}
    if isinstance(rows.index, pandas.MultiIndex):
        refuse(rows.index)
    name = {"index_name": rows.index.name} if isinstance(rows.index.name, str) else {}
    return {"index": column(rows.index.to_series()), **name}


def decode(value):
    """What `encode` wrote."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    pandas = library("pandas")
    kind, inner = next(iter(value.items()))
    if kind == "float":
        return float(inner)
    if kind in ("tuple", "set"):
        return {"tuple": tuple, "set": set}[kind](decode(item) for item in inner)
    if kind == "dict":
        return {key: decode(item) for key, item in inner.items()}
    if kind == "pairs":
        return {decode(key): decode(item) for key, item in inner}
    if kind == "date":
        return datetime.date.fromisoformat(inner)
    if kind == "time":
        return pandas.Timestamp(inner) if pandas else datetime.datetime.fromisoformat(inner)
    if kind == "timedelta":
        return pandas.Timedelta(inner)
    if kind == "array":
        return library("numpy").array(inner, dtype=value["type"])
    rows = value.get("index")
    rows = None if rows is None else pandas.Index(series_of(rows), name=value.get("index_name"))
    if kind == "series":
        series = series_of(inner).rename(value.get("name"))
        return series if rows is None else series.set_axis(rows)
    frame = pandas.DataFrame({name: series_of(column) for name, column in inner.items()})
    return frame if rows is None else frame.set_axis(rows)


def series_of(column):
    return library("pandas").Series([decode(item) for item in column["values"]], dtype=column["type"])


def close(one, other):
    """Whether two written values are equal, numbers up to the last digits."""
    if isinstance(one, float) or isinstance(other, float):
        numbers = all(isinstance(value, (int, float)) for value in (one, other))
        return numbers and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == other


def profile(value):
    """What is asserted of a frame: rows, columns with their types, nulls and ranges, and which of them tell rows apart."""
    if module_of(value) == "polars":
        return of_polars(value)
    if is_array(value):
        return {"shape": list(value.shape), "columns": {"values": {"type": str(value.dtype), **of_numbers(value.ravel())}}}
    pandas = library("pandas")
    columns = [("values" if value.name is None else value.name, value)] if isinstance(value, pandas.Series) else list(value.items())
    described, keys = {}, []
    for name, series in columns[:COLUMNS]:
        described[str(name)] = of_pandas(series)
        if len(series) > 1 and series.dtype.kind in "iuOM" and is_key(series):
            keys.append(str(name))
    for name, series in columns[COLUMNS:]:
        described[str(name)] = {"type": str(series.dtype)}
    return {"rows": len(value), **({"unique": keys} if keys else {}), "columns": described}


def is_key(series):
    try:
        return bool(series.is_unique) and not bool(series.isna().any())
    except TypeError:  # lists and other things without a hash
        return False


def of_pandas(series):
    facts = {"type": str(series.dtype), "nulls": int(series.isna().sum())}
    present = series.dropna()
    if len(present) == 0:
        return facts
    kind = series.dtype.kind
    if kind == "b":
        facts["true"] = int(present.sum())
    elif kind in "iuf":
        facts["range"] = [plain(present.min()), plain(present.max())]
        facts["mean"] = plain(float(present.mean()))
    elif kind == "M" or str(series.dtype).startswith("datetime64"):
        facts["range"] = [plain(present.min()), plain(present.max())]
    else:
        facts.update(of_texts(list(present.astype(object))))
    return facts


def of_texts(items):
    try:
        different = set(items)
    except TypeError:
        return {}
    if len(different) > VALUES or not all(isinstance(item, str) and len(item) <= 40 for item in different):
        return {"distinct": len(different)}
    return {"values": sorted(different)}


def of_numbers(array):
    numpy = library("numpy")
    if array.dtype.kind == "b":
        return {"true": int(array.sum())}
    nulls = int(numpy.isnan(array).sum()) if array.dtype.kind == "f" else 0
    present = array[~numpy.isnan(array)] if nulls else array
    if present.size == 0:
        return {"nulls": nulls}
    return {"nulls": nulls, "range": [plain(present.min()), plain(present.max())], "mean": plain(float(present.mean()))}


def of_polars(value):
    columns = [value] if type(value).__name__ == "Series" else value.get_columns()
    described = {}
    for series in columns[:COLUMNS]:
        facts = {"type": str(series.dtype), "nulls": series.null_count()}
        present = series.drop_nulls()
        if len(present) and series.dtype.is_numeric():
            facts["range"], facts["mean"] = [plain(present.min()), plain(present.max())], plain(present.mean())
        elif len(present) and series.dtype.is_temporal():
            facts["range"] = [plain(present.min()), plain(present.max())]
        elif len(present):
            facts.update(of_texts(present.to_list()))
        described[series.name or "values"] = facts
    keys = [series.name for series in columns[:COLUMNS] if len(series) > 1 and series.dtype.is_integer() and series.n_unique() == len(series)]
    return {"rows": len(value), **({"unique": keys} if keys else {}), "columns": described}
