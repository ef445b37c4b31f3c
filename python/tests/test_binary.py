"""With the real binary (TANDEM_BINARY) on a small project: what it computes reaches the notebook unchanged.

Without TANDEM_BINARY these tests fail and say so; they never skip silently.
"""

from __future__ import annotations

import os
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa

import tandem
from tests.support import environment

DEFINITIONS = {
    "tandem.yaml": """
name: small
people: [{name: sam, role: data scientist}, {name: pat, role: product}]
entities:
  - {name: flight, meaning: One flight}
  - {name: aircraft, meaning: One airframe}
""",
    "sources/landings.odcs.yaml": """
apiVersion: v3.1.0
kind: DataContract
id: landings
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/landings.csv, format: csv}]
schema:
  - name: landings
    logicalType: object
    properties:
      - {name: flight, logicalType: string, required: true, customProperties: [{property: identity, value: true}, {property: entity, value: flight}]}
      - {name: aircraft, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: departed_at, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: landed_at, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: arrival}]}
      - {name: arr_delay, logicalType: number}
""",
    "sources/schedule.odcs.yaml": """
apiVersion: v3.1.0
kind: DataContract
id: schedule
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/schedule.csv, format: csv}]
schema:
  - name: schedule
    logicalType: object
    customProperties: [{property: arrivalDelay, value: 1 minute}]
    properties:
      - {name: flight, logicalType: string, required: true, customProperties: [{property: identity, value: true}, {property: entity, value: flight}]}
      - {name: aircraft, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: published_at, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: leaves_at, logicalType: timestamp, required: true}
""",
    "features/aircraft.yaml": """
entity: aircraft
features:
  - {name: last_arrival_delay, meaning: Minutes late at the last landing, owner: sam, from: landings, value: last(arr_delay)}
  - {name: landings_7d, meaning: Landings of the last 7 days, owner: sam, from: landings, value: count(*), over: 7 days}
  - {name: is_running_late, meaning: Whether the last landing was late, owner: sam, value: last_arrival_delay > 15}
""",
    "questions/late.yaml": """
name: late
question: Which flights land late?
asked_by: pat
decides: Nothing; it is a test
observe: {on: schedule, at: 1 hour before leaves_at}
outcome: {name: lands_late, entity: flight, from: landings, value: max(arr_delay) > 30, within: 24 hours, reporting_delay: 12 hours, when_missing: never landed}
success: {metric: roc_auc, at_least: 0.5}
split: {test_from: 2013-07-03, gap: 1 day}
""",
    "logs/schedule.csv": """flight,aircraft,published_at,leaves_at
A,N1,2013-06-30T08:00:00Z,2013-07-01T08:00:00Z
B,N1,2013-06-30T08:00:00Z,2013-07-01T15:00:00Z
C,N2,2013-06-30T08:00:00Z,2013-07-03T08:00:00Z
D,N2,2013-06-30T08:00:00Z,2013-07-20T08:00:00Z
""",
    "logs/landings.csv": """flight,aircraft,departed_at,landed_at,arr_delay
A,N1,2013-07-01T08:00:00Z,2013-07-01T10:00:00Z,40.5
B,N1,2013-07-01T15:00:00Z,2013-07-01T17:00:00Z,
C,N2,2013-07-03T08:00:00Z,2013-07-03T10:00:00Z,-3
D,N2,2013-07-20T08:00:00Z,2013-07-20T10:00:00Z,1
""",
}


class WithTheBinary(unittest.TestCase):
    def setUp(self) -> None:
        if not os.environ.get("TANDEM_BINARY"):
            self.fail("Set TANDEM_BINARY to the built binary: these tests run it.")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for path, text in DEFINITIONS.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text.lstrip(), "utf-8")
        self.enterContext(environment(TANDEM_PROJECT=str(folder), TANDEM_RUN=None))

    def test_features_keep_rows_order_and_nulls(self) -> None:
        at = pd.to_datetime(["2013-07-01T10:00:00.000001Z", "2013-07-01T10:00:00Z", "2013-07-02T00:00:00Z"], utc=True, format="ISO8601")
        asked = pd.DataFrame({"aircraft": ["N1", "N1", "N9"], "at": at})
        frame = tandem.features(["last_arrival_delay", "is_running_late", "landings_7d"], asked)
        self.assertEqual(list(frame["aircraft"]), ["N1", "N1", "N9"])
        self.assertEqual(frame["last_arrival_delay"].iloc[0], 40.5)
        self.assertTrue(frame["last_arrival_delay"].iloc[1:].isna().all())
        self.assertTrue(bool(frame["is_running_late"].iloc[0]) and frame["is_running_late"].iloc[1:].isna().all())
        self.assertEqual(list(frame["landings_7d"]), [1, 0, 0])

    def test_features_of_a_question(self) -> None:
        at = pd.to_datetime(["2013-07-02T00:00:00Z"], utc=True)
        table = tandem.features("late", pd.DataFrame({"aircraft": ["N1"], "at": at}), as_="arrow")
        self.assertIsInstance(table, pa.Table)
        self.assertEqual(table.column("landings_7d").to_pylist(), [2])

    def test_records_as_of_an_instant(self) -> None:
        self.assertEqual(len(tandem.records("landings")), 4)
        self.assertEqual(list(tandem.records("landings", as_of="2013-07-01T17:00:00Z")["flight"]), ["A"])
        later = datetime(2013, 7, 1, 17, 0, 1, tzinfo=timezone.utc)
        self.assertEqual(list(tandem.records("landings", as_of=later)["flight"]), ["A", "B"])

    def test_training_set_says_its_columns(self) -> None:
        frame = tandem.training_set("late", "all")
        self.assertEqual(set(frame.attrs["features"]), {"last_arrival_delay", "landings_7d", "is_running_late"})
        self.assertEqual(frame.attrs["outcome"], "lands_late")
        # B landed without a delay being known, and the log ends before D's outcome is.
        self.assertEqual(list(frame["flight"]), ["A", "C"])
        self.assertEqual(list(frame["lands_late"]), [True, False])

    def test_what_the_binary_says_is_raised(self) -> None:
        with self.assertRaisesRegex(tandem.TandemError, "landing") as raised:
            tandem.records("landngs")
        self.assertTrue(raised.exception.exit_code)


if __name__ == "__main__":
    unittest.main()
