"""Finds the `tandem` binary and the project, and runs the one on the other. Not here: what is asked of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_NAME = "tandem.exe" if os.name == "nt" else "tandem"


class TandemError(Exception):
    """What Tandem could not do: its own message, which says what is wrong, where, and what to do next.

    `exit_code` is the binary's, or None when the binary was not run.
    """

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def project() -> Path:
    """The folder of the project: `TANDEM_PROJECT`, else the nearest folder with a `tandem.yaml` around the working directory.

    Raises `TandemError` when there is none.
    """
    named = os.environ.get("TANDEM_PROJECT")
    here = Path.cwd()
    candidates = [Path(named)] if named else [here, *here.parents]
    for folder in candidates:
        if (folder / "tandem.yaml").is_file():
            return folder.resolve()
    where = f"TANDEM_PROJECT names {named}, but there" if named else f"From {here} upwards there"
    raise TandemError(
        f"{where} is no tandem.yaml.\nOpen the notebook inside a project, or set TANDEM_PROJECT to its folder."
    )


def run(*arguments: str | os.PathLike[str]) -> None:
    """Runs the binary on the project.

    Raises `TandemError` with the binary's own message when it says no.
    """
    command = [str(binary()), *(os.fspath(argument) for argument in arguments), "--project", str(project())]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip() or "it said nothing"
        raise TandemError(said, done.returncode)


def binary() -> Path:
    """The binary: `TANDEM_BINARY`, else the one installed with this module, else the first on `PATH`.

    Raises `TandemError` when there is none.
    """
    named = os.environ.get("TANDEM_BINARY")
    if named:
        if Path(named).is_file():
            return Path(named)
        raise TandemError(f"TANDEM_BINARY names {named}, but there is no such file.")
    for folder in _script_folders():
        if (folder / _NAME).is_file():
            return folder / _NAME
    on_path = shutil.which("tandem")
    if on_path:
        return Path(on_path)
    raise TandemError(
        "The command `tandem` was not found beside this Python or on PATH.\n"
        "Install the wheel `tandem-workbench`, or set TANDEM_BINARY to the binary."
    )


def _script_folders() -> Iterator[Path]:
    """Where an installer may have put the binary that came with this module."""
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sys.executable).parent
    # Installed with `pip install --target`: the scripts lie beside the packages.
    yield Path(__file__).resolve().parent.parent / "bin"
    yield Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
