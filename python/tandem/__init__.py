"""Tandem in a notebook: training sets, features and records as production knew them, and models that it can serve.

Everything is computed by the `tandem` binary, by the same code that serves; this module only calls it and reads the
Parquet files that it writes. Not here: any computation of a feature, and anything that changes a project's definitions.

- `training_set(question)`: observations x features x outcome, by replay
- `folds(question)`: its folds in order of time, each as a training part and a test window
- `features(names, observations)`: values of given entities at given instants
- `records(source, as_of=...)`: the records that production had at an instant
- `inputs(frame)`: the columns of a frame as a model gets them (float32)
- `keep_model(estimator, inputs)`: the fitted estimator as ONNX, checked against the estimator
- `project()`: the project's folder
"""

from ._binary import TandemError, project
from ._data import features, folds, records, training_set
from ._model import KeptModel, inputs, keep_model

__all__ = [
    "KeptModel",
    "TandemError",
    "features",
    "folds",
    "inputs",
    "keep_model",
    "project",
    "records",
    "training_set",
]
