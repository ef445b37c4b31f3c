"""Watches a notebook run, from inside its kernel: frames, numbers, calls of its functions, files it reads.

IPython starts it before the first cell. It changes nothing that a cell can see, except that functions defined at the top
level of a cell are wrapped, so that their calls are known. After the last cell it calls them once more, with the arguments
that were written down, and writes one JSON file. What is asserted of all this is decided elsewhere.
"""

import ast
import builtins
import contextlib
import functools
import inspect
import io
import json
import os
import sys
import time

from tandem_values import Unstorable, close, decode, encode, is_frame, is_number, plain, profile

CALLS = 4  # distinct calls of a function that are kept
LOOKED_AT = 500  # calls of a function that are looked at; a later one costs nothing
SLOW = 10.0  # seconds; a call that takes longer is not repeated


class Recorder:
    def __init__(self, shell, plan):
        self.shell, self.plan = shell, plan
        self.folder = os.path.realpath(os.getcwd())
        self.cells = []
        self.seen = {}  # the last known state of each name
        self.functions = {}
        self.read, self.written = {}, set()
        self.busy = False
        sys.addaudithook(self.on_audit)
        shell.ast_transformers.append(self)
        builtins.__tandem_watch__ = self.watch
        shell.events.register("post_run_cell", self.after_cell)

    # Files.

    def on_audit(self, event, arguments):
        if self.busy or event not in ("open", "sqlite3.connect"):
            return
        path = arguments[0]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        path = os.path.abspath(path)
        mode = arguments[1] if event == "open" else "r"
        if isinstance(mode, str) and any(letter in mode for letter in "wax"):
            self.written.add(path)
        elif path not in self.written:
            self.read[path] = True

    def files(self):
        loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        own = os.path.dirname(os.path.abspath(__file__))
        # An environment may be reached by a link.
        installed = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, own, os.path.dirname(os.__file__))}
        outside = (*installed, sys.prefix, sys.base_prefix, own, "/proc/", "/dev/", "/sys/", "/etc/", "/usr/")
        home = os.path.join(os.path.realpath(os.path.expanduser("~")), ".")
        found = []
        for path in [*self.read, *(os.path.abspath(path) for path in loaded if path)]:
            path = os.path.realpath(path)
            # Libraries keep caches and settings in hidden folders of the user; those are nobody's data.
            hidden = path.startswith(home) and not path.startswith(self.folder + os.sep)
            ours = path in found or hidden or path.startswith(outside) or path.endswith(".pyc")
            if not ours and os.path.isfile(path):
                found.append(path)
        return found

    def made(self):
        inside = [os.path.realpath(path) for path in self.written if os.path.isfile(path)]
        return sorted(path for path in set(inside) if path.startswith(self.folder + os.sep) and not path.endswith(".pyc"))

    # Functions.

    def visit(self, tree):
        """As a transformer of IPython: puts our decorator on the functions at the top level of a cell."""
        for node in tree.body:
            if isinstance(node, ast.AsyncFunctionDef):
                self.unwatched(node.name, "it is asynchronous")
            elif isinstance(node, ast.FunctionDef) and node.decorator_list:
                self.unwatched(node.name, "it is decorated")
            elif isinstance(node, ast.FunctionDef):
                watch = ast.Name("__tandem_watch__", ast.Load())
                node.decorator_list.append(ast.copy_location(watch, node))
        return ast.fix_missing_locations(tree)

    def unwatched(self, name, why):
        self.functions[name] = {"name": name, "cell": self.number(), "calls": {}, "why": why, "count": 0}

    def watch(self, function):
        record = {"name": function.__name__, "cell": self.number(), "calls": {}, "why": None, "count": 0}
        self.functions[function.__name__] = record
        if inspect.isgeneratorfunction(function):
            record["why"] = "it gives its values one after the other"
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
        if any(kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY) for kind in kinds):
            record["why"] = "it takes any number of arguments"
        if record["why"] or self.plan["calls"] is not None:
            record["function"] = function
            return function

        @functools.wraps(function)
        def call(*args, **kwargs):
            record["count"] += 1
            if self.busy or record["count"] > LOOKED_AT or len(record["calls"]) >= CALLS:
                return function(*args, **kwargs)
            key, given, whole = self.given(function, record, args, kwargs)
            if key is None or key in record["calls"]:
                return function(*args, **kwargs)
            start = time.perf_counter()
            result = function(*args, **kwargs)
            seconds = time.perf_counter() - start
            with self.quietly():
                record["calls"][key] = {"with": given, "whole": whole, "seconds": seconds, "gave": self.result(result)}
            return result

        record["function"] = function
        return call

    def given(self, function, record, args, kwargs):
        """The arguments as they can be written down, and whether that is all of them."""
        with self.quietly():
            try:
                bound = inspect.signature(function).bind(*args, **kwargs).arguments
                whole = [True]
                given = {name: encode(value, whole) for name, value in bound.items()}
                return json.dumps(given, sort_keys=True), given, whole[0]
            except Unstorable as why:
                record["why"] = f"an argument cannot be written down ({why})"
            except Exception as error:  # of somebody else's class
                record["why"] = f"an argument cannot be written down ({type(error).__name__})"
        return None, None, False

    def result(self, value):
        try:
            if value is None:
                raise Unstorable("it gives nothing back")
            return {"gives": encode(value, None)}
        except Unstorable as why:
            if is_frame(value):
                return {"gives": {"like": profile(value)}}
            return {"why": str(why)}

    def call_again(self, name, given):
        """Calls a function of the notebook as a test does."""
        function = self.functions[name].get("function") or self.shell.user_ns.get(name)
        for module, seed in (("random", "seed"), ("numpy.random", "seed")):
            if module in sys.modules:
                getattr(sys.modules[module], seed)(0)
        sink = io.StringIO()
        try:
            arguments = {key: decode(value) for key, value in given.items()}
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                return self.result(function(**arguments))
        except Exception as error:
            return {"raised": f"{type(error).__name__}: {error}"[:300]}

    def calls(self):
        """Of each function: its calls with what they give at the end of the run, and why others are not kept."""
        answers = []
        for name, record in self.functions.items():
            answer = {"name": name, "cell": record["cell"], "calls": [], "why": record["why"], "count": record["count"]}
            answers.append(answer)
            if self.plan["calls"] is not None:
                asked = self.plan["calls"].get(name, [])
                answer["calls"] = [{"with": given, **self.call_again(name, given)} for given in asked]
                continue
            for call in record["calls"].values():
                if call["seconds"] > SLOW:
                    answer["why"] = f"a call takes {call['seconds']:.0f} seconds"
                    continue
                again = self.call_again(name, call["with"])
                if "gives" not in again:
                    what = again.get("why") or f"called again with the first rows of its arguments it raised {again.get('raised')}"
                    answer["why"] = what
                elif call["whole"] and not close(again, call["gave"]):
                    answer["why"] = "the same arguments gave another result at the end of the run"
                else:
                    answer["calls"].append({"with": call["with"], **again})
        return answers

    # Cells.

    @contextlib.contextmanager
    def quietly(self):
        before, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = before

    def number(self):
        at = len(self.cells)
        return self.plan["cells"][at] if at < len(self.plan["cells"]) else 0

    def after_cell(self, result):
        if len(self.cells) >= len(self.plan["cells"]):
            return
        with self.quietly():
            number = self.number()
            try:
                state = self.state(result)
            except Exception as error:  # what we cannot look into is no failure of the notebook
                state = {"frames": {"(any)": {"unreadable": f"{type(error).__name__}: {error}"}}, "numbers": {}}
            self.cells.append({"cell": number, **state})
            if len(self.cells) == len(self.plan["cells"]):
                self.finish()

    def state(self, result):
        """What the cell changed of what can be asserted."""
        space = self.shell.user_ns
        try:
            tree = ast.parse(self.shell.transform_cell(result.info.raw_cell))
        except (SyntaxError, ValueError):
            tree = ast.Module([], [])
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        loops = {name.id for node in ast.walk(tree) if isinstance(node, (ast.For, ast.comprehension))
                 for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        frames, numbers = {}, {}
        known = set()
        for name, value in list(space.items()):
            if name.startswith("_") or name in ("In", "Out", "exit", "quit"):
                continue
            if name in loops:
                self.seen[name] = (id(value), None)
                continue
            is_new = self.seen.get(name, (None, None))[0] != id(value)
            if not (name in named or is_new):
                continue
            if is_frame(value):
                known.add(id(value))
                self.note(frames, name, value, profile)
            else:
                for key, number in numbers_of(name, value):
                    self.note(numbers, key, number, plain)
            self.seen.setdefault(name, (id(value), None))
        shown = result.result
        if shown is not None and id(shown) not in known:
            if is_frame(shown):
                self.note(frames, "(shown)", shown, profile)
            elif is_number(shown):
                numbers["(shown)"] = plain(shown)
        return {"frames": frames, "numbers": numbers}

    def note(self, into, name, value, describe):
        """Puts down a value, if it is another than it was known to be."""
        try:
            described = describe(value)
        except Exception as error:  # of somebody else's class
            described = {"unreadable": f"{type(error).__name__}: {error}"}
        if name == "(shown)" or self.seen.get(name, (None, None))[1] != described:
            into[name] = described
        self.seen[name] = (id(value), described)

    def finish(self):
        functions = self.calls()
        answer = {"cells": self.cells, "functions": functions, "files": self.files(), "made": self.made()}
        path = self.plan["out"]
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.replace(path + ".part", path)


def numbers_of(name, value):
    """Numbers under a name: itself, or those of a short list or mapping."""
    if is_number(value):
        yield name, value
    elif isinstance(value, dict) and 0 < len(value) <= 20:
        yield from ((f"{name}[{key!r}]", item) for key, item in value.items() if is_number(item))
    elif isinstance(value, (list, tuple)) and 0 < len(value) <= 10:
        yield from ((f"{name}[{at}]", item) for at, item in enumerate(value) if is_number(item))


def start(shell):
    with open(os.environ["TANDEM_RECORD"], encoding="utf-8") as file:
        Recorder(shell, json.load(file))
