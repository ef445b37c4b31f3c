"""A process that imports a notebook's modules once and forks a kernel for each run.

Standard input: first one line {"modules": [names], "code": {file: source}}, then one line for each run:
{"connection": path, "folder": path, "env": {}, "log": path, "fixed": {} or null, "probe": {} or null}.
Standard output: {"ready": true}, {"forked": pid} for each run in order, {"ended": pid, "status": raw} for each end.
When standard input ends, all kernels are killed.
"""
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import tempfile
import types


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what an import prints is no answer
    first = json.loads(sys.stdin.buffer.raw.readline())
    sys.path = [entry for entry in sys.path if entry]  # nothing of the working folder: it differs from run to run
    for name in ["ipykernel.kernelapp", "ipykernel.ipkernel", *first["modules"]]:
        try:
            importlib.import_module(name)
        except BaseException as error:  # the notebook itself will say it, in its own place
            print(f"{name}: {error}", file=sys.stderr)
    for name in needed_by_a_kernel():
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    ours = {name: module(name, source) for name, source in first["code"].items()}
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": True}), file=answers)
    alive = set()
    while True:
        readable, _, _ = select.select([0], [], [], 0.02)
        if readable:
            line = sys.stdin.buffer.raw.readline()
            if not line:
                break
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                answers.close()
                kernel(request, ours)
            alive.add(pid)
            print(json.dumps({"forked": pid}), file=answers)
        for pid, status in ends(alive):
            print(json.dumps({"ended": pid, "status": status}), file=answers)
    for pid in alive:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


def needed_by_a_kernel():
    """The modules that a kernel imports while it starts, told by one that starts and ends: they are then imported once."""
    out, back = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from ipykernel.kernelapp import IPKernelApp

            known = set(sys.modules)
            with tempfile.TemporaryDirectory() as folder:
                app = IPKernelApp.instance()
                app.initialize(["-f", os.path.join(folder, "trial.json"), "--HistoryManager.enabled=False"])
            os.write(back, "\n".join(sorted(set(sys.modules) - known)).encode())
        finally:
            os._exit(0)
    os.close(back)
    with os.fdopen(out) as told:
        names = told.read().split()
    os.waitpid(pid, 0)
    return names


def module(name, source):
    made = types.ModuleType(f"tandem_{name}")
    sys.modules[made.__name__] = made
    exec(compile(source, f"<{name}>", "exec"), made.__dict__)
    return made


def ends(alive):
    while alive:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        alive.discard(pid)
        yield pid, status


def kernel(request, ours):
    """Becomes a kernel; never returns."""
    parent = os.getppid()
    try:
        os.setpgid(0, 0)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        os.chdir(request["folder"])
        os.environ.update(request["env"])
        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        arguments = ["-f", request["connection"], "--HistoryManager.enabled=False"]
        app.initialize([*arguments, f"--IPKernelApp.parent_handle={parent}"])
        if request["fixed"] is not None:
            ours["fixed"].fix(app.shell, request["fixed"])
        if request["probe"] is not None:
            ours["probe"].install(app.shell, request["probe"])
        app.start()
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


main()
