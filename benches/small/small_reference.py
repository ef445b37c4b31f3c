"""The exact reference for `bench small`: plain numpy, every event of the entity looked at for every sampled observation. Sums,
means and standard deviations are those of the true sums, rounded once (math.fsum; statistics.pstdev, by fractions)."""

import math
import statistics

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reference import mean, read  # those of the replay workload
from workload import WINDOWS, arguments

AGGREGATIONS = {"count": len, "sum": math.fsum, "mean": mean, "min": min,
                "max": max, "sd": statistics.pstdev}


def main():
    options = arguments(sample=True)
    spine = pq.read_table(options.spine)
    count = min(options.sample, spine.num_rows)
    chosen = np.sort(np.random.default_rng(options.seed).choice(spine.num_rows, count, replace=False))
    spine = spine.take(chosen)
    log = read(options.events, spine["entity_id"].to_numpy())
    rows = []
    for row_id, entity, t in zip(spine["row_id"].to_numpy(), spine["entity_id"].to_numpy(),
                                 spine["prediction_time"].cast(pa.int64()).to_numpy()):
        mine = log["entity_id"] == entity
        event, amount = log["event_time"][mine], log["amount"][mine]
        row = {"row_id": int(row_id)}
        for name in ("1h", "1d", "7d"):
            values = amount[(event > t - WINDOWS[name]) & (event <= t)].tolist()
            for aggregation, fold in AGGREGATIONS.items():
                row[f"{aggregation}_{name}"] = fold(values) if values or aggregation in ("count", "sum") else None
        rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows), options.out)


main()
