"""Inside a run of `tandem train`: reading the training set, keeping a model, asking the kept estimator."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tandem
from tandem import predict
from tests.support import FEATURES, environment, write_run


class RunFolder(unittest.TestCase):
    """A fresh run folder for each test, named by TANDEM_RUN."""

    def setUp(self) -> None:
        temporary = self.enterContext(tempfile.TemporaryDirectory())
        self.run_folder = write_run(Path(temporary) / "run")
        self.enterContext(environment(TANDEM_RUN=str(self.run_folder)))


class TrainingSet(RunFolder):
    def test_only_the_training_part_is_there(self) -> None:
        self.assertEqual(len(tandem.training_set("late_landing")), 2000)
        for part in ("test", "all"):
            with self.assertRaisesRegex(tandem.TandemError, "its notebook never sees"):
                tandem.training_set("late_landing", part)

    def test_says_what_its_columns_are(self) -> None:
        attrs = tandem.training_set("late_landing").attrs
        self.assertEqual((attrs["features"], attrs["outcome"]), (FEATURES, "lands_late"))

    def test_pandas_keeps_nulls_and_types(self) -> None:
        frame = tandem.training_set("late_landing")
        self.assertEqual([str(frame[name].dtype) for name in FEATURES], ["float64", "Int64", "boolean"])
        table = tandem.training_set("late_landing", as_="arrow")
        self.assertIsInstance(table, pa.Table)
        for name in FEATURES:
            self.assertEqual(int(frame[name].isna().sum()), table.column(name).null_count)

    def test_another_question_is_refused(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "late_landing.*on_time"):
            tandem.training_set("on_time")

    def test_unknown_part_and_library_are_refused(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "part='tset'"):
            tandem.training_set("late_landing", "tset")  # type: ignore[call-overload]
        with self.assertRaisesRegex(tandem.TandemError, "as_='numpy'"):
            tandem.training_set("late_landing", as_="numpy")  # type: ignore[call-overload]


class Folds(RunFolder):
    """Two folds before the one that measures: a row a minute, so bounds and counts are the same number."""

    def setUp(self) -> None:
        super().setUp()
        about = self.run_folder / "training-set.json"
        facts = json.loads(about.read_text("utf-8"))
        begin = datetime(2013, 1, 1, tzinfo=timezone.utc)

        def instant(minute: int) -> str:
            return (begin + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")

        facts["folds"] = [
            {
                "fold": number,
                "train_before": instant(test_from - 50),
                "test_from": instant(test_from),
                "test_until": instant(test_from + 600),
            }
            for number, test_from in ((1, 850), (2, 1450), (3, 2050))
        ]
        about.write_text(json.dumps(facts), "utf-8")

    def test_of_the_earlier_ones_there_is_what_lies_in_the_training_part(self) -> None:
        parts = [(len(train), len(test)) for train, test in tandem.folds("late_landing")]
        self.assertEqual(parts, [(800, 600), (1400, 550)])
        self.assertEqual(len(tandem.training_set("late_landing", fold=1)), 800)
        self.assertEqual(len(tandem.training_set("late_landing", "test", fold=2)), 550)
        self.assertEqual(len(tandem.training_set("late_landing", fold=3)), 2000)

    def test_the_last_one_and_unknown_ones_are_refused(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "its notebook never sees"):
            tandem.training_set("late_landing", "test", fold=3)
        with self.assertRaisesRegex(tandem.TandemError, "no fold 4"):
            tandem.training_set("late_landing", fold=4)

    def test_values_as_corrected_are_refused(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "production does not have these values"):
            tandem.training_set("late_landing", as_corrected=True)


class OneFold(RunFolder):
    def test_has_no_others(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "one fold only"):
            tandem.folds("late_landing")


class Inputs(RunFolder):
    def test_are_float32_with_nan_for_null(self) -> None:
        frame = tandem.training_set("late_landing")
        inputs = tandem.inputs(frame)
        self.assertEqual(list(inputs.columns), FEATURES)
        self.assertTrue((inputs.dtypes == np.float32).all())
        self.assertTrue(inputs.isna().equals(frame[FEATURES].isna()))
        late = frame["is_late"].fillna(False).astype(bool)
        self.assertTrue((inputs.loc[late, "is_late"] == 1).all())

    def test_text_and_missing_columns_are_refused(self) -> None:
        frame = tandem.training_set("late_landing")
        with self.assertRaisesRegex(tandem.TandemError, "`flight`"):
            tandem.inputs(frame, ["flight"])
        with self.assertRaisesRegex(tandem.TandemError, "no column wind"):
            tandem.inputs(frame, ["wind"])


class KeepModel(RunFolder):
    def setUp(self) -> None:
        super().setUp()
        train = tandem.training_set("late_landing")
        self.inputs, self.outcome = tandem.inputs(train), train["lands_late"].astype(int)

    def test_keeps_what_agrees(self) -> None:
        linear = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
        for estimator in (HistGradientBoostingClassifier(max_iter=30), linear, RandomForestRegressor(10)):
            known = self.inputs.fillna(0) if isinstance(estimator, RandomForestRegressor) else self.inputs
            with self.subTest(type(estimator).__name__):
                kept = tandem.keep_model(estimator.fit(known, self.outcome), known)
                self.assertEqual(kept.onnx, self.run_folder / "model.onnx")
                self.assertTrue(kept.onnx.is_file() and kept.estimator.is_file())
                self.assertEqual(kept.checked_rows, 2000)
                self.assertLessEqual(kept.largest_difference, 1e-6)

    def test_one_named_input_a_feature(self) -> None:
        import onnxruntime

        kept = tandem.keep_model(HistGradientBoostingClassifier(max_iter=5).fit(self.inputs, self.outcome), self.inputs)
        session = onnxruntime.InferenceSession(kept.onnx, providers=["CPUExecutionProvider"])
        told = [(given.name, given.type, given.shape[1]) for given in session.get_inputs()]
        self.assertEqual(told, [(name, "tensor(float)", 1) for name in FEATURES])

    def test_same_model_same_file(self) -> None:
        model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(self.inputs, self.outcome)
        first = tandem.keep_model(model, self.inputs).onnx.read_bytes()
        self.assertEqual(first, tandem.keep_model(model, self.inputs).onnx.read_bytes())

    def test_inputs_must_be_float32(self) -> None:
        wide = self.inputs.astype("float64")
        model = HistGradientBoostingClassifier(max_iter=3).fit(wide, self.outcome)
        with self.assertRaisesRegex(tandem.TandemError, r"not float32.*delay \(float64\)"):
            tandem.keep_model(model, wide)

    def test_a_model_that_onnx_renders_wrongly_is_refused(self) -> None:
        # Fitted on numbers so large that float32 cannot tell neighbours apart: rounded thresholds end up elsewhere.
        instants = pd.DataFrame({"instant": 1.3e9 + np.arange(2000.0)})
        model = HistGradientBoostingClassifier(max_iter=20).fit(instants, (np.arange(2000) // 100) % 2)
        with self.assertRaisesRegex(tandem.TandemError, "does not say what the estimator says.*\n.*instant=1.3e"):
            tandem.keep_model(model, instants.astype("float32"))
        self.assertFalse((self.run_folder / "model.onnx").exists())

    def test_three_classes_and_no_converter_are_refused(self) -> None:
        three = HistGradientBoostingClassifier(max_iter=3).fit(self.inputs, np.arange(2000) % 3)
        with self.assertRaisesRegex(tandem.TandemError, "two classes"):
            tandem.keep_model(three, self.inputs)
        with self.assertRaisesRegex(tandem.TandemError, "object cannot be turned into ONNX"):
            tandem.keep_model(object(), self.inputs)


class Predict(RunFolder):
    def test_the_kept_estimator_says_what_the_notebook_saw(self) -> None:
        train, table = tandem.training_set("late_landing"), tandem.training_set("late_landing", as_="arrow")
        inputs = tandem.inputs(train)
        model = HistGradientBoostingClassifier(max_iter=20).fit(inputs, train["lands_late"].astype(int))
        kept = tandem.keep_model(model, inputs)
        rows, out = self.run_folder / "rows.parquet", self.run_folder / "out.parquet"
        pq.write_table(table.select(FEATURES), rows)
        self.assertEqual(predict.main([str(kept.estimator), str(rows), str(out)]), 0)
        told = pq.read_table(out).column("prediction").to_numpy()
        own = model.predict_proba(tandem.inputs(train))[:, 1]
        np.testing.assert_array_equal(told, own)

    def test_wrong_columns_and_files_are_named(self) -> None:
        inputs = tandem.inputs(tandem.training_set("late_landing"))
        kept = tandem.keep_model(HistGradientBoostingClassifier(max_iter=3).fit(inputs, inputs["delay"] > 20), inputs)
        rows, out = self.run_folder / "rows.parquet", self.run_folder / "out.parquet"
        pq.write_table(tandem.training_set("late_landing", as_="arrow").select(FEATURES[::-1]), rows)
        with self.assertRaisesRegex(tandem.TandemError, "is_late, flights, delay.*fitted on delay"):
            predict.predict(kept.estimator, rows, out)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(predict.main([str(kept.estimator), "none.parquet", str(out)]), 1)
            self.assertEqual(predict.main([]), 2)
        self.assertIn("There is no file none.parquet", said.getvalue())


if __name__ == "__main__":
    unittest.main()
