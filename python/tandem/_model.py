"""From a fitted estimator to the file that production serves. Not here: fitting, which is the notebook's own work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._binary import TandemError, project

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

TOLERANCE = 1e-6
"""How far the served prediction may be from the estimator's own."""

_CHECKED_ROWS = 100_000
# The newest operator sets that every converter we rely on was seen to write rightly.
_OPERATORS = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class KeptModel:
    """Where a model was kept, and how well its two forms agree."""

    onnx: Path
    """The model as production serves it."""
    estimator: Path
    """The estimator itself, for `tandem parity`."""
    checked_rows: int
    """On how many rows the two were compared."""
    largest_difference: float
    """The largest difference between their predictions on these rows; at most 1e-6."""


def inputs(frame: pd.DataFrame, features: Sequence[str] | None = None) -> pd.DataFrame:
    """The features of a pandas frame as a model gets them: float32, true is 1, false is 0, null is NaN.

    Without `features`, those that `tandem.training_set` said in `frame.attrs["features"]`. Fit on these: production
    hands the model float32, and a tree's thresholds must be found among the very numbers that will be compared with them.

    Raises `TandemError` when a feature is missing, or is not a number or boolean.
    """
    names = list(features if features is not None else frame.attrs.get("features", frame.columns))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise TandemError(
            f"The frame has no column {', '.join(missing)}. It has: {', '.join(map(str, frame.columns))}."
        )
    chosen = frame[names]
    for name in names:
        if getattr(chosen[name].dtype, "kind", "O") not in "biuf":
            raise TandemError(
                f"The feature `{name}` holds {chosen[name].dtype}; a model's inputs are numbers or booleans.\n"
                "Declare a feature that turns it into a number, so that production does the same."
            )
    return chosen.astype("float32")


def keep_model(estimator: Any, inputs: pd.DataFrame, folder: str | os.PathLike[str] | None = None) -> KeptModel:
    """Keeps a fitted scikit-learn estimator as `model.onnx`, one float input of shape [rows, 1] for each column.

    `inputs` is the float32 frame that the estimator was fitted on (see `tandem.inputs`): its columns name the inputs, in
    order, and up to 100,000 of its rows, evenly chosen, are predicted by both forms. `estimator.joblib` is kept beside it.
    The folder is that of the run during `tandem train`, otherwise `.tandem/by-hand` of the project.

    Raises `TandemError` when the estimator cannot be converted, or the two forms differ by more than 1e-6.
    """
    import joblib

    wide = [f"{name} ({dtype})" for name, dtype in inputs.dtypes.items() if dtype != np.float32]
    if wide:
        raise TandemError(
            f"These inputs are not float32, as production hands them over: {', '.join(wide)}.\n"
            "Fit on `tandem.inputs(train)`, and hand over the same frame."
        )
    names = [str(name) for name in inputs.columns]
    content = _to_onnx(estimator, names)
    rows = inputs.iloc[np.unique(np.linspace(0, len(inputs) - 1, min(len(inputs), _CHECKED_ROWS)).astype(int))]
    own, served = predictions(estimator, rows), _served(content, rows)
    differences = np.abs(own - served)
    # Written so that a NaN on one side fails too.
    worst = float(differences.max()) if len(rows) else 0.0
    if not worst <= TOLERANCE:
        raise TandemError(_disagreement(rows, own, served, differences))
    out = Path(folder or os.environ.get("TANDEM_RUN") or project() / ".tandem" / "by-hand")
    out.mkdir(parents=True, exist_ok=True)
    kept = KeptModel(out / "model.onnx", out / "estimator.joblib", len(rows), worst)
    kept.onnx.write_bytes(content)
    joblib.dump(estimator, kept.estimator)
    return kept


def predictions(estimator: Any, rows: pd.DataFrame) -> np.ndarray:
    """The estimator's predictions, float64 [rows]: the probability of the outcome, or a regressor's value.

    Raises `TandemError` for a classifier of more than two classes.
    """
    if not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(rows), dtype=np.float64).reshape(len(rows))
    probabilities = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    if probabilities.ndim != 2 or probabilities.shape[1] != 2:
        raise TandemError(
            f"The estimator gives probabilities of shape {probabilities.shape}; an outcome has two classes."
        )
    return probabilities[:, 1]


def _to_onnx(estimator: Any, names: list[str]) -> bytes:
    """The estimator over one matrix, with its columns as the graph's inputs and a node that puts them together."""
    from onnx import TensorProto, checker, helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    matrix = "tandem_matrix"
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        model = convert_sklearn(
            estimator,
            name="tandem",
            initial_types=[(matrix, FloatTensorType([None, len(names)]))],
            options=options,
            target_opset=_OPERATORS,
        )
    except Exception as error:  # Converters fail in as many ways as there are estimators.
        raise TandemError(f"{type(estimator).__name__} cannot be turned into ONNX: {error}") from error
    graph = model.graph
    del graph.input[:]
    graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in names)
    graph.node.insert(0, helper.make_node("Concat", names, [matrix], name="tandem_concat", axis=1))
    checker.check_model(model)
    return bytes(model.SerializeToString())


def _served(content: bytes, rows: pd.DataFrame) -> np.ndarray:
    """The ONNX file's predictions, as production computes them: on one thread, so that a row alone gives the same bits."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    columns = {str(name): rows[[name]].to_numpy(np.float32) for name in rows.columns}
    last = np.asarray(session.run(None, columns)[-1], dtype=np.float64)
    return last[:, 1] if last.ndim == 2 and last.shape[1] == 2 else last.reshape(len(rows))


def _disagreement(rows: pd.DataFrame, own: np.ndarray, served: np.ndarray, differences: np.ndarray) -> str:
    differences = np.where(np.isnan(differences), np.inf, differences)
    at, many = int(differences.argmax()), int((differences > TOLERANCE).sum())
    example = ", ".join(f"{name}={value:g}" for name, value in rows.iloc[at].items())
    return (
        f"The ONNX file does not say what the estimator says: on {many} of {len(rows)} rows they differ by more than {TOLERANCE:g}.\n"
        f"The worst: the estimator says {own[at]:.9g}, the file {served[at]:.9g}, for {example}.\n"
        "Was the estimator fitted on this very float32 frame (`tandem.inputs`)? A column of very large numbers loses digits\n"
        "in float32: scale it in a feature. Nothing was kept."
    )
