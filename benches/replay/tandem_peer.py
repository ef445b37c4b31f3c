"""Between the workload's layout and Tandem's, outside what is measured.

    python tandem_peer.py ask SPINE OBSERVATIONS        the observations file that `tandem` reads
    python tandem_peer.py answer SPINE ANSWER OUT       its answer in the layout of all contenders

The workload counts t - w < event <= t, Tandem counts t - w <= event < t: with whole microseconds the same events count when
Tandem is asked one microsecond later. `secs_since` is then one microsecond longer, which is taken off again.
"""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workload import SECOND

LATER = 1


def ask(spine, observations):
    spine = pq.read_table(spine)
    at = pa.array(spine["prediction_time"].cast(pa.int64()).to_numpy() + LATER).cast(pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"customer": spine["entity_id"], "at": at}), observations, compression="zstd")


def answer(spine, answered, out):
    spine, table = pq.read_table(spine), pq.read_table(answered)
    if table.num_rows != spine.num_rows:
        sys.exit(f"{spine.num_rows} observations, {table.num_rows} rows of answer")
    times = table["at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    asked = spine["prediction_time"].cast(pa.int64()).to_numpy() + LATER
    if not (np.array_equal(times, asked) and table["customer"].equals(spine["entity_id"])):
        sys.exit("the answer's rows are not the observations in their order")
    columns = {name: table[name] for name in table.column_names if name not in ("customer", "at")}
    if "secs_since" in columns:
        since = columns["secs_since"].cast(pa.float64()).to_numpy(zero_copy_only=False)
        columns["secs_since"] = pa.array((np.round(since * SECOND) - LATER) / SECOND, from_pandas=True)
    pq.write_table(pa.table({"row_id": spine["row_id"], **columns}), out)


{"ask": ask, "answer": answer}[sys.argv[1]](*sys.argv[2:])
