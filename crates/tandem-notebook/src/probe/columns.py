"""A column's content in the store: a file named by a hash of it, one line of JSON (kind, rows), then the values: `int`, `float`,
`time` (nanoseconds, UTC) as 8 bytes each, `text` as lengths of 4 bytes (-1: missing) and the UTF-8 bytes.

What a notebook does not change is asked for again after each statement: a column of objects is known by the places of its
objects in memory, which is far quicker than to read them all once more. Needs only what the notebook itself has loaded.
"""
import ctypes
import datetime
import decimal
import hashlib
import json
import os
import re
import struct
import sys

MISSING_TIME = -(2**63)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# What nobody can change in place.
LASTING = {"str", "int", "float", "bool", "NoneType", "date", "datetime", "Decimal", "Timestamp", "NAType", "NaTType"}


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.known = {}  # what lies in memory: (name, kind, the objects themselves, so that their places stay theirs)

    def put(self, values):
        """(name, kind) of a column's content, which is stored unless it is there already."""
        key, objects = in_memory(values)
        if key in self.known:
            return self.known[key][:2]
        kind, content = encoded(values)
        name = digest(kind.encode(), content)
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            part = f"{path}.{os.getpid()}"
            with open(part, "wb") as file:
                file.write(json.dumps({"kind": kind, "rows": len(values)}).encode() + b"\n")
                file.write(content)
            os.replace(part, path)
        if key is not None:
            self.known[key] = (name, kind, objects)
        return name, kind


def in_memory(values):
    """(a key for objects at these places in memory, the objects); (None, None) where the values themselves are quick to read."""
    if type(values).__module__.startswith("polars"):
        return None, None
    array = getattr(values, "array", values)
    arrow = getattr(array, "_pa_array", None)
    if arrow is not None:
        places = [(chunk.offset, len(chunk), *(0 if part is None else part.address for part in chunk.buffers())) for chunk in arrow.chunks]
        return digest(repr(places).encode()), arrow
    kind = str(getattr(values, "dtype", ""))
    if kind == "category":
        key, objects = in_memory(array.categories)
        return (None, None) if key is None else (digest(key.encode(), array.codes.tobytes()), objects)
    if kind not in ("object", "string", "str"):
        return None, None
    numpy = sys.modules["numpy"]
    objects = numpy.ascontiguousarray(numpy.asarray(getattr(array, "_ndarray", array), dtype=object))
    if objects.ndim != 1 or not all(each.__name__ in LASTING for each in set(map(type, objects))):
        return None, None
    return digest(kind.encode(), ctypes.string_at(objects.ctypes.data, objects.nbytes)), objects.copy()


def digest(*contents):
    whole = hashlib.blake2b(digest_size=16)
    for content in contents:
        whole.update(content)
    return whole.hexdigest()


def encoded(values):
    """(kind, bytes) of a column."""
    import numpy

    arrow = getattr(getattr(values, "array", None), "_pa_array", None)
    if arrow is not None and "string" in str(arrow.type):
        return "text", arrow_texts(arrow)
    if type(values).__module__.startswith("polars"):
        values = from_polars(values)
    kind = str(getattr(values, "dtype", "object")).lower()
    if kind.startswith("category"):
        values = values.astype(object)
    elif kind.startswith("period"):
        values = (values.dt if hasattr(values, "dt") else values).to_timestamp()
        kind = "datetime64"
    if kind.startswith("datetime64"):
        plain = (values.dt if hasattr(values, "dt") else values)
        if getattr(getattr(values, "dtype", None), "tz", None) is not None:
            values = plain.tz_convert("UTC").dt.tz_localize(None) if hasattr(values, "dt") else plain.tz_convert("UTC").tz_localize(None)
        return "time", numpy.asarray(values).astype("datetime64[ns]").view("i8").tobytes()
    if kind.startswith("timedelta64"):
        return "int", numpy.asarray(values).astype("timedelta64[ns]").view("i8").tobytes()
    if kind in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
        if kind[0].isupper() or hasattr(getattr(values, "array", None), "_mask"):
            return encoded(values.to_numpy(dtype="float64", na_value=float("nan")))
        return "int", numpy.asarray(values).astype("i8").tobytes()
    if kind in ("uint64", "float16", "float32", "float64", "longdouble", "boolean"):
        if hasattr(getattr(values, "array", None), "_mask"):
            values = values.to_numpy(dtype="float64", na_value=float("nan"))
        return "float", numpy.ascontiguousarray(numpy.asarray(values).astype("f8")).tobytes()
    return objects(list(values))


def from_polars(values):
    import numpy

    kind = str(values.dtype)
    if kind.startswith(("Datetime", "Date")):
        raw = values.cast(sys.modules["polars"].Datetime("ns")).to_physical().to_list()
        return numpy.array([MISSING_TIME if value is None else value for value in raw], dtype="i8").view("datetime64[ns]")
    if kind.startswith(("Int", "UInt", "Float", "Boolean")):
        raw = values.to_list()
        missing = any(value is None for value in raw)
        kind = "f8" if kind.startswith("Float") or missing else "i8"
        return numpy.array([float("nan") if value is None else value for value in raw], dtype=kind)
    return numpy.array([*values.to_list(), None], dtype=object)[:-1]


def missing(value):
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")


def objects(values):
    kinds = {kind.__name__ for kind in set(map(type, values))}
    if kinds <= {"str", "NoneType", "NAType", "NaTType"} or kinds <= {"str", "NoneType", "float"} and all(value != value for value in values if type(value) is float):
        return "text", texts([value if type(value) is str else None for value in values])
    there = [value for value in values if not missing(value)]
    if there and all(isinstance(value, datetime.date) for value in there):
        return "time", struct.pack(f"<{len(values)}q", *(MISSING_TIME if missing(value) else nanoseconds(value) for value in values))
    numbers = (int, float, decimal.Decimal)
    if there and all(isinstance(value, numbers) or type(value).__module__ == "numpy" and not isinstance(value, str) and getattr(value, "ndim", 1) == 0 for value in there):
        return "float", struct.pack(f"<{len(values)}d", *(float("nan") if missing(value) else float(value) for value in values))
    return "text", texts([None if missing(value) else value if isinstance(value, str) else ADDRESS.sub("", repr(value)) for value in values])


def texts(values):
    """Texts or None."""
    arrow = sys.modules.get("pyarrow")
    try:
        if arrow is not None:
            return arrow_texts(arrow.chunked_array([arrow.array(values, type=arrow.large_string())]))
    except (ValueError, TypeError):
        pass  # what is no proper text is written as well as can be
    values = [None if value is None else value.encode("utf-8", "replace") for value in values]
    lengths = struct.pack(f"<{len(values)}i", *(-1 if value is None else len(value) for value in values))
    return lengths + b"".join(value for value in values if value is not None)


def arrow_texts(chunks):
    import numpy
    import pyarrow

    lengths, contents = [], []
    for chunk in chunks.cast(pyarrow.large_string()).chunks:
        _, offsets, content = chunk.buffers()
        ends = numpy.frombuffer(offsets, dtype="i8")[chunk.offset : chunk.offset + len(chunk) + 1]
        sizes = numpy.diff(ends).astype("<i4")
        gaps = chunk.is_null().to_numpy(zero_copy_only=False)
        content = b"" if content is None else content.to_pybytes()
        if sizes[gaps].any():  # a gap may hide a text
            content = b"".join(content[start:end] for start, end, gap in zip(ends, ends[1:], gaps) if not gap)
        else:
            content = content[ends[0] : ends[-1]] if len(ends) else b""
        lengths.append(numpy.where(gaps, -1, sizes).astype("<i4").tobytes())
        contents.append(content)
    return b"".join(lengths) + b"".join(contents)


def nanoseconds(value):
    if hasattr(value, "value") and hasattr(value, "tz"):
        return value.as_unit("ns").value if hasattr(value, "as_unit") else value.value
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (value - epoch) // datetime.timedelta(microseconds=1) * 1000
