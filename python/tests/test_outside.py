"""Outside a run, without the binary: what the module says when it cannot find what it needs, and what it refuses to send."""

from __future__ import annotations

import contextlib
import tempfile
import unittest
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import tandem
from tandem._frames import given_as, write_observations
from tests.support import environment


class Outside(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        self.enterContext(environment(TANDEM_RUN=None, TANDEM_PROJECT=None, TANDEM_BINARY=None))

    def test_project_is_the_nearest_folder_with_its_file(self) -> None:
        deep = self.folder / "models" / "late_landing"
        deep.mkdir(parents=True)
        with contextlib.chdir(deep):
            with self.assertRaisesRegex(tandem.TandemError, "no tandem.yaml"):
                tandem.project()
            (self.folder / "tandem.yaml").write_text("name: x\n", "utf-8")
            self.assertEqual(tandem.project(), self.folder)
        with environment(TANDEM_PROJECT=str(self.folder)):
            self.assertEqual(tandem.project(), self.folder)
        with environment(TANDEM_PROJECT=str(deep)), self.assertRaisesRegex(tandem.TandemError, "TANDEM_PROJECT names"):
            tandem.project()

    def test_a_missing_binary_is_said(self) -> None:
        (self.folder / "tandem.yaml").write_text("name: x\n", "utf-8")
        with environment(TANDEM_PROJECT=str(self.folder), TANDEM_BINARY=str(self.folder / "none")):
            with self.assertRaisesRegex(tandem.TandemError, "TANDEM_BINARY names"):
                tandem.records("landings")

    def test_what_is_no_observation_is_refused(self) -> None:
        refused = {
            "no column `at`": pd.DataFrame({"aircraft": ["N1"]}),
            "do not say their time zone": pd.DataFrame({"aircraft": ["N1"], "at": [pd.Timestamp("2013-07-01")]}),
            "not instants": pd.DataFrame({"aircraft": ["N1"], "at": ["2013-07-01"]}),
            "A frame of pandas": [1, 2],
        }
        for words, frame in refused.items():
            with self.subTest(words), self.assertRaisesRegex(tandem.TandemError, words):
                tandem.features(["wind_speed"], frame)  # type: ignore[arg-type]
        with self.assertRaisesRegex(tandem.TandemError, "time zone"):
            tandem.records("landings", as_of=datetime(2013, 7, 1))  # noqa: DTZ001

    def test_observations_keep_their_rows_and_never_see_more(self) -> None:
        late = pd.Timestamp("2013-07-01T12:00:00.000000999", tz="America/New_York")
        frame = pd.DataFrame({"aircraft": ["N2", None], "at": pd.Series([late, late]).dt.as_unit("ns")}).iloc[::-1]
        for given in (frame, pa.Table.from_pandas(frame, preserve_index=False)):
            write_observations(given, self.folder / "o.parquet")
            table = pq.read_table(self.folder / "o.parquet")
            self.assertEqual(table.column_names, ["aircraft", "at"])
            self.assertEqual(table.column("aircraft").to_pylist(), [None, "N2"])
            self.assertEqual(table.schema.field("at").type, pa.timestamp("us", tz="UTC"))
            self.assertEqual(table.column("at")[0].value, 1372694400000000)

    def test_lists_and_maps_are_lists_and_dicts(self) -> None:
        kinds = pa.array([[("shop", 1.5), ("web", None)], [], None], pa.map_(pa.string(), pa.float64()))
        table = pa.table({"last": pa.array([["b", "a"], [], None], pa.list_(pa.string())), "kinds": kinds, "n": [1, 2, None]})
        pq.write_table(table, self.folder / "t.parquet")
        read = pq.read_table(self.folder / "t.parquet")
        frame = given_as(read, "pandas")
        self.assertEqual(frame["last"].tolist(), [["b", "a"], [], None])
        self.assertEqual(frame["kinds"].tolist(), [{"shop": 1.5, "web": None}, {}, None])
        self.assertEqual(list(frame.columns), ["last", "kinds", "n"])
        self.assertEqual(given_as(read, "arrow").column("kinds")[0].as_py(), [("shop", 1.5), ("web", None)])


if __name__ == "__main__":
    unittest.main()
