"""Records what a notebook's variables hold after each of its top-level statements, and what it fits, predicts, splits and writes.

The log is one JSON object a line; columns lie in the store (`columns.py`). Needs only what the notebook itself has loaded.
"""
import ast
import builtins
import datetime
import json
import os
import sys
import types

from tandem_columns import ADDRESS, Store, digest


class Enough(BaseException):
    """All that is wanted of this run has been recorded."""


def install(shell, config):
    Recorder(shell, config).start()


class Recorder:
    """config: {"out": log file, "store": folder, "entities": [names], "times": [names], "as_of": text or null, "cells": limit,
    "only": null for everything, or {"values": {step: {variable: null or [columns]}}, "calls": [steps], "stop": the last step,
    "at_fit": whether the first fit there is the last that is wanted}}."""

    def __init__(self, shell, config):
        self.shell, self.config = shell, config
        self.space = shell.user_ns
        self.log = open(config["out"], "w", encoding="utf-8", buffering=1)
        self.cell, self.step, self.steps = -1, -1, 0
        self.first = 0  # the first step of this cell
        self.mentioned = []  # for each step of this cell, the names in it
        self.last = {}  # name: the last description
        self.depth = 0  # inside a call that is recorded
        self.busy = False
        self.seen_files = set()
        self.root = os.path.realpath(os.getcwd())
        self.wrapped = {}
        self.instrumented = False
        self.store = Store(config["store"])
        only = config["only"]
        self.values = None if only is None else {int(step): names for step, names in only["values"].items()}
        self.calls = None if only is None else set(only["calls"])
        self.stop, self.at_fit = (None, False) if only is None else (only["stop"], only["at_fit"])
        self.enough = False

    def start(self):
        self.hidden = set(self.space)
        builtins.__tandem_after__ = self.after
        builtins.__tandem_as_of__ = self.as_of
        builtins.__tandem_enough__ = self.end
        self.shell.ast_transformers.append(self)
        self.shell.events.register("pre_run_cell", self.cell_begins)
        self.shell.events.register("post_run_cell", self.cell_ended)
        sys.addaudithook(self.heard)

    def say(self, **event):
        self.log.write(json.dumps({"cell": self.cell, "step": self.step, **event}) + "\n")

    # Cells and statements.

    def cell_begins(self, info):
        self.cell += 1
        self.instrumented = False
        self.first = self.step = self.steps
        self.mentioned = []
        self.wrap_all()

    def visit(self, module):
        """Called by IPython with the parsed cell: a call of `after` is put behind each statement but the last."""
        if self.instrumented or not isinstance(module, ast.Module):
            return module
        self.instrumented = True
        if self.enough:
            module.body = ast.parse("__tandem_enough__()").body
            return module
        body = []
        for place, statement in enumerate(module.body):
            reads, writes, texts = names_in(statement)
            self.mentioned.append(reads | writes)
            end = getattr(statement, "end_lineno", statement.lineno)
            self.step = self.first + place
            self.say(event="statement", line=statement.lineno, end=end, reads=sorted(reads), writes=sorted(writes), texts=sorted(texts), defines=isinstance(statement, (ast.FunctionDef, ast.ClassDef)))
            body.append(statement)
            if self.config["as_of"] is not None and isinstance(statement, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "as_of" for target in statement.targets):
                body.append(at(ast.parse("as_of = __tandem_as_of__(as_of)").body[0], statement))
            future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if place + 1 < len(module.body) and not future:
                body.append(at(ast.parse(f"__tandem_after__({place})").body[0], statement))
        self.steps = self.first + len(module.body)
        self.step = self.first
        module.body = body
        return module

    def after(self, place):
        if self.depth:
            return
        if self.step == self.first + place:
            self.wrap_all()
            self.probe(self.mentioned[place])
            if self.step == self.stop:
                self.end()
            self.step = self.first + place + 1

    def cell_ended(self, result):
        if self.enough:
            return
        self.wrap_all()
        self.probe([name for name in self.space if name not in self.hidden])
        if not self.mentioned:
            self.steps += 1  # a cell that could not be parsed, or a cell magic
        if self.step == self.stop:
            self.enough = True  # the next cell says so

    def end(self):
        self.enough = True
        self.say(event="enough")
        raise Enough

    def as_of(self, value):
        text = self.config["as_of"]
        if isinstance(value, str):
            return text[:10] if len(value.strip()) <= 10 else text.replace("T", " ")[:19] if " " in value else text[:19]
        moment = datetime.datetime.fromisoformat(text)
        if "pandas" in sys.modules and isinstance(value, sys.modules["pandas"].Timestamp):
            stamp = sys.modules["pandas"].Timestamp(text)
            return stamp if value.tz is None else stamp.tz_localize("UTC").tz_convert(value.tz)
        if isinstance(value, datetime.datetime):
            return moment if value.tzinfo is None else moment.replace(tzinfo=datetime.timezone.utc)
        return moment.date() if isinstance(value, datetime.date) else value

    # Variables.

    def probe(self, names):
        wanted = None if self.values is None else self.values.get(self.step, {})
        for name in sorted(set(names) if wanted is None else wanted):
            if name.startswith("_") or name in self.hidden or name not in self.space:
                continue
            value = self.space[name]
            if isinstance(value, (types.ModuleType, types.FunctionType, type, types.BuiltinFunctionType)):
                continue
            columns = None if wanted is None else wanted[name]
            described = self.quietly(lambda: self.describe(value, name, columns=columns))
            if described is not None and self.last.get(name) != described:
                self.last[name] = described
                self.say(event="value", name=name, **described)

    def quietly(self, work):
        """Our own work: it is not recorded itself, and does not stop the notebook."""
        busy, self.busy = self.busy, True
        depth, self.depth = self.depth, self.depth + 1
        try:
            return work()
        except Exception as error:
            self.say(event="trouble", text=f"{type(error).__name__}: {error}"[:300])
            return None
        finally:
            self.busy, self.depth = busy, depth

    def describe(self, value, name, columns=None):
        """columns: only these, and those that say whose row it is and when; None for all."""
        frame, wanted = self.as_frame(value, name), columns
        if frame is not None:
            columns, index, rows = frame
            if wanted is not None:
                named = {*wanted, *self.config["entities"], *self.config["times"]}
                columns = [(key, values) for key, values in columns if key in named or is_time(values)]
            if rows * max(len(columns), 1) > self.config["cells"]:
                return {"kind": "large", "rows": rows}
            described = {"kind": "frame", "rows": rows, "columns": self.kept(columns), "index": self.kept(index)}
            described["keys"] = self.kept(self.keys_of(value, columns, index, rows))
            return described
        if callable(getattr(value, "fit", None)) and not isinstance(value, type):
            return self.fitted(value)
        if isinstance(value, (bool, int, float, complex, str, bytes, type(None), datetime.date, datetime.timedelta)) or type(value).__module__ in ("numpy", "pandas") or (type(value).__module__ or "").startswith("pandas._libs"):
            return {"kind": "scalar", "text": ADDRESS.sub("", repr(value))[:200], "hash": digest(repr(value).encode())}
        if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) <= 10_000:
            text = ADDRESS.sub("", repr(sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value))
            return {"kind": "scalar", "text": text[:200], "hash": digest(text.encode())}
        return None

    def fitted(self, model):
        state = {}
        for key, value in sorted(vars(model).items()):
            if key.endswith("_") and not key.startswith("_"):
                columns = self.as_frame(value, key)
                content = "".join(self.store.put(values)[0] for _, values in columns[0]) if columns else ADDRESS.sub("", repr(value))
                state[key] = digest(content.encode())
        return {"kind": "fitted", "class": type(model).__name__, "state": state}

    def as_frame(self, value, name):
        """(columns, index levels, rows) of anything with rows."""
        pandas, numpy, polars = (sys.modules.get(known) for known in ("pandas", "numpy", "polars"))
        if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
            if isinstance(value, pandas.Series):
                columns = [(str(value.name if value.name is not None else name), value)]
            else:
                columns = [(label(key), value.iloc[:, place]) for place, key in enumerate(value.columns)]
            levels = value.index
            index = [("" if levels.names[at] is None else str(levels.names[at]), levels.get_level_values(at)) for at in range(levels.nlevels)]
            return columns, index, len(value)
        if polars is not None and isinstance(value, (polars.DataFrame, polars.Series)):
            columns = [(key, value[key]) for key in value.columns] if isinstance(value, polars.DataFrame) else [(value.name or name, value)]
            return columns, [], len(value)
        if numpy is not None and isinstance(value, numpy.ndarray):
            if value.ndim == 1:
                return [(name, value)], [], len(value)
            if value.ndim == 2 and value.shape[1] <= 2000:
                return [(str(place), value[:, place]) for place in range(value.shape[1])], [], len(value)
        if type(value).__module__.startswith("scipy.sparse") and getattr(value, "ndim", 0) == 2 and value.shape[0] * value.shape[1] <= 10_000_000:
            return self.as_frame(value.toarray(), name)
        if type(value).__module__.startswith("pyarrow") and hasattr(value, "column_names"):
            return self.as_frame(value.to_pandas(), name)
        return None

    def keys_of(self, value, columns, index, rows):
        """Columns that say which event a row stands for, where the frame itself has none: those of the frame it came from."""
        alone = len(columns) == 1  # a column of times is a value, not the time of its row
        named = index if alone else [*columns, *index]
        if rows == 0 or any(key in self.config["times"] or is_time(values) for key, values in named):
            return []
        pandas = sys.modules.get("pandas")
        best = None
        for parent in self.parents():
            taken = self.positions(value, columns, parent, rows, pandas)
            if taken is not None:
                if best is None or taken[0] > best[0]:
                    best = (taken[0], parent, taken[1])
        if best is None:
            return []
        _, parent, places = best
        parts, levels, _ = self.as_frame(parent, "")
        wanted = [*self.config["times"], *self.config["entities"]]
        named = [(key, values) for key, values in [*parts, *levels] if key in wanted or is_time(values)]
        return [(key, values if places is None else take(values, places)) for key, values in named]

    def parents(self):
        """Frames with a time, the most recent name first: of the notebook, and of the functions that run now."""
        frame, spaces = sys._getframe(), [self.space]
        while frame is not None:
            if frame.f_globals is self.space and frame.f_locals is not self.space:
                spaces.insert(0, dict(frame.f_locals))
            frame = frame.f_back
        seen = set()
        for space in spaces:
            for name, value in reversed(list(space.items())):
                if name.startswith("_") or id(value) in seen:
                    continue
                seen.add(id(value))
                kind = type(value).__module__.split(".")[0]
                if kind in ("pandas", "polars") and hasattr(value, "columns") and not isinstance(value, type):
                    parts = self.as_frame(value, name)
                    if parts and any(key in self.config["times"] or is_time(values) for key, values in [*parts[0], *parts[1]]):
                        yield value

    def positions(self, value, columns, parent, rows, pandas):
        """(how sure, positions in the parent or None for all) when the rows are the parent's, or some of them."""
        index = getattr(value, "index", None) if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)) else None
        if index is not None and isinstance(parent, pandas.DataFrame):
            shared = self.shared_values(columns, parent)
            if len(parent) == rows and index.equals(parent.index):
                return 4 + shared, None
            if parent.index.is_unique and index.names == parent.index.names:
                places = parent.index.get_indexer(index)
                # Numbers from 0 may be rows of any frame: a column has to be the same.
                fresh = isinstance(index, pandas.RangeIndex) and not self.same_values(columns, parent, places)
                if (places >= 0).all() and not fresh:
                    return 2 + shared, places
            return None
        if len(parent) == rows:
            return 1 + self.shared_values(columns, parent), None
        return None

    def shared_values(self, columns, parent):
        """1 when a column of the rows is one of the parent's, by its values: how frames without an index are told apart."""
        if len(columns) == 0 or len(parent) != len(columns[0][1]):
            return 0
        known = {self.store.put(values) for _, values in self.as_frame(parent, "")[0]}
        return int(any(self.store.put(values) in known for _, values in columns[:20]))

    def same_values(self, columns, parent, places):
        known = {str(key): parent.iloc[:, at] for at, key in enumerate(parent.columns)}
        same = lambda name, values: name in known and self.store.put(values) == self.store.put(known[name].iloc[places])
        return any(same(name, values) for name, values in columns)

    def kept(self, columns):
        return [[name, *self.store.put(values)] for name, values in columns]

    # What the notebook calls.

    def is_wanted(self):
        return self.calls is None or self.step in self.calls

    def wrap_all(self):
        busy, self.busy = self.busy, True
        try:
            self.wrap_models()
            self.wrap_functions()
        finally:
            self.busy = busy

    def wrap_models(self):
        base = sys.modules.get("sklearn.base")
        classes = list(base.BaseEstimator.__subclasses__()) if base else []
        for cls in (base.ClassifierMixin, base.RegressorMixin) if base else ():
            if (cls, "score") not in self.wrapped:
                self.wrapped[cls, "score"] = True
                cls.score = self.wrapper(cls.score, "score")
        while classes:
            cls = classes.pop()
            classes.extend(cls.__subclasses__())
            for method in ("fit", "fit_transform", "fit_predict", "predict", "predict_proba"):
                if method in vars(cls) and (cls, method) not in self.wrapped and isinstance(vars(cls)[method], types.FunctionType):
                    self.wrapped[cls, method] = True
                    setattr(cls, method, self.wrapper(vars(cls)[method], method))

    def wrapper(self, function, method):
        import functools

        recorder = self

        @functools.wraps(function)
        def called(model, *given, **named):
            if recorder.depth == 0:
                data = given[0] if given else named.get("X")
                label = given[1] if len(given) > 1 else named.get("y")
                event = "predict" if method.startswith(("predict", "score")) else "fit"
                recorder.record(event, data, label, type(model).__name__, hasattr(model, "predict"))
            recorder.depth += 1
            try:
                return function(model, *given, **named)
            finally:
                recorder.depth -= 1

        return called

    def record(self, event, data, label, name, predicts):
        if not self.is_wanted():
            return

        def work():
            described = self.describe(data, "x")
            if described is None:
                return
            y = self.describe(label, "y") if label is not None else None
            variable = next((key for key, value in self.space.items() if value is data and not key.startswith("_")), None)
            self.say(event=event, model=name, predicts=predicts, variable=variable, data=described, label=y)

        self.quietly(work)
        if self.at_fit and self.step == self.stop and event == "fit" and predicts:
            self.end()

    def wrap_functions(self):
        selection = sys.modules.get("sklearn.model_selection")
        for name in ("train_test_split", "cross_val_score", "cross_validate", "cross_val_predict"):
            if selection is not None:
                self.replace(selection, name, self.split if name == "train_test_split" else self.crossed)
        pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
        for module in (pandas, polars):
            for name in dir(module) if module is not None else ():
                if name.startswith(("read_", "scan_")):
                    self.replace(module, name, self.reader)
        for module, heads in ((pandas, ("to_csv", "to_parquet", "to_json", "to_pickle", "to_feather", "to_excel")), (polars, ("write_csv", "write_parquet", "write_ndjson", "write_json"))):
            for head in heads if module is not None else ():
                for cls in (module.DataFrame, *([module.Series] if module is pandas else [])):
                    if hasattr(cls, head):
                        self.replace(cls, head, self.writer)
        for library, name, make in (("xgboost", "DMatrix", self.matrix), ("lightgbm", "Dataset", self.matrix), ("statsmodels.base.model", "Model", self.regression)):
            if library in sys.modules and hasattr(sys.modules[library], name):
                self.replace(getattr(sys.modules[library], name), "__init__", make)
        for library, name in (("catboost", "CatBoost"), ("prophet", "Prophet")):
            if library in sys.modules and hasattr(sys.modules[library], name):
                self.replace(getattr(sys.modules[library], name), "fit", lambda original: self.wrapper(original, "fit"))

    def replace(self, owner, name, make):
        if (owner, name) in self.wrapped:
            original, made = self.wrapped[owner, name]
        else:
            import functools

            original = getattr(owner, name)
            if not callable(original):
                return
            made = functools.wraps(original)(make(original))
            self.wrapped[owner, name] = (original, made)
            setattr(owner, name, made)
        for key, value in list(self.space.items()):
            if value is original and not isinstance(owner, type):
                self.space[key] = made

    def nested(self, function, given, named):
        self.depth += 1
        try:
            return function(*given, **named)
        finally:
            self.depth -= 1

    def split(self, original):
        def called(*arrays, **named):
            if self.depth == 0 and self.is_wanted():
                described = self.quietly(lambda: [self.describe(array, f"part{place}") for place, array in enumerate(arrays)])
                parts = [part for part in described or [] if part is not None]
                self.say(event="split", random=named.get("shuffle", True) is not False, data=parts)
            return self.nested(original, arrays, named)

        return called

    def crossed(self, original):
        def called(model, *given, **named):
            if self.depth == 0:
                data = given[0] if given else named.get("X")
                self.record("fit", data, given[1] if len(given) > 1 else named.get("y"), type(model).__name__, True)
            return self.nested(original, (model, *given), named)

        return called

    def matrix(self, original):
        def called(made, *given, **named):
            if self.depth == 0:
                label = named.get("label", given[1] if len(given) > 1 else None)
                self.record("fit", given[0] if given else named.get("data"), label, type(made).__name__, label is not None)
            return self.nested(original, (made, *given), named)

        return called

    def regression(self, original):
        """statsmodels takes what is explained first, and what explains it second."""

        def called(made, *given, **named):
            explained = given[0] if given else named.get("endog")
            explains = given[1] if len(given) > 1 else named.get("exog")
            if self.depth == 0 and explains is not None:
                self.record("fit", explains, explained, type(made).__name__, True)
            return self.nested(original, (made, *given), named)

        return called

    def reader(self, original):
        def called(*given, **named):
            if given and isinstance(given[0], (str, os.PathLike)):
                self.opened(os.fspath(given[0]), "r")
            return original(*given, **named)

        return called

    def writer(self, original):
        def called(frame, *given, **named):
            target = next((value for value in [*given, *named.values()] if isinstance(value, (str, os.PathLike))), None)
            if self.depth == 0 and target is not None and self.is_wanted():
                described = self.quietly(lambda: self.describe(frame, "frame"))
                variable = next((key for key, value in self.space.items() if value is frame and not key.startswith("_")), None)
                if described is not None:
                    self.say(event="written", path=os.path.abspath(os.fspath(target)), variable=variable, data=described)
            return self.nested(original, (frame, *given), named)

        return called

    # Files.

    def heard(self, event, arguments):
        if event == "open" and not self.busy and isinstance(arguments[0], (str, bytes, os.PathLike)):
            mode, flags = arguments[1], arguments[2] if len(arguments) > 2 else 0
            writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & (os.O_WRONLY | os.O_RDWR))
            self.opened(os.fsdecode(arguments[0]), "w" if writes else "r")

    def opened(self, path, mode):
        busy, self.busy = self.busy, True
        try:
            path = os.path.abspath(path)
            key = (path, mode, self.step)
            if key not in self.seen_files and worth_telling(path):
                self.seen_files.add(key)
                self.say(event="opened", path=os.path.realpath(path), mode=mode)
        finally:
            self.busy = busy


def worth_telling(path):
    """Whether a file may be data: not a part of Python, of a package or of the system."""
    homes = (sys.prefix, sys.base_prefix, os.environ.get("IPYTHONDIR") or sys.prefix)
    if path.startswith(("/proc/", "/dev/", "/sys/", "/etc/", "/usr/", *homes)):
        return False
    parts = path.split(os.sep)
    return not path.endswith((".py", ".pyc", ".pyi", ".so", ".ttf", ".mplstyle")) and not any(part in ("site-packages", "__pycache__", ".cache", ".config") for part in parts)


def names_in(statement):
    reads, writes, texts = set(), set(), set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else writes).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            writes.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 100:
            texts.add(node.value)
        elif isinstance(node, ast.Attribute):
            texts.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            texts.add(node.arg)
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            base = node.value
            while isinstance(base, (ast.Subscript, ast.Attribute)):
                base = base.value
            if isinstance(base, ast.Name):
                writes.add(base.id)
    return reads, writes, texts


def at(made, statement):
    for node in ast.walk(made):
        node.lineno = node.end_lineno = getattr(statement, "end_lineno", statement.lineno)
        node.col_offset = node.end_col_offset = 0
    return made


def label(key):
    return "|".join(map(str, key)) if isinstance(key, tuple) else str(key)


def is_time(values):
    return "datetime" in str(getattr(values, "dtype", "")).lower()


def take(values, places):
    return values.take(places) if not hasattr(values, "iloc") else values.iloc[places]
