"""The exact reference for a sample of the observations: looks at every event of the entity, row by row, with no cleverness.
Sums are correctly rounded (math.fsum) and means are those of the true sum, so that "exact" in compare.py means the bits of the
true value. Of the log only the events of the sampled entities are kept, so that it may be larger than the memory."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workload import COLUMNS, SECOND, WINDOWS, arguments


def read(path, entities):
    """The events of these entities, in log order, as arrays."""
    wanted = pa.array(np.unique(entities))
    file = pq.ParquetFile(path)
    groups = (file.read_row_group(group) for group in range(file.num_row_groups))
    table = pa.concat_tables([group.filter(pc.is_in(group["entity_id"], wanted)) for group in groups])
    times = {name: table[name].cast(pa.int64()).to_numpy() for name in ("entity_id", "event_time", "known_time", "item_id")}
    return times | {"amount": table["amount"].to_numpy(), "kind": table["kind"].to_numpy(zero_copy_only=False)}


def mean(values):
    """The true sum over the count, rounded once: what rounding has taken from the sum is given back to it."""
    rounded = math.fsum(values)
    left = math.fsum([*values, -rounded])
    return float((Fraction(rounded) + Fraction(left)) / len(values))


def row(log, seen, t):
    """The 13 columns of one observation, from the positions of the entity's events that count at all."""
    event = log["event_time"][seen]
    within = {name: seen[event > t - width] for name, width in WINDOWS.items()}
    week, month = log["amount"][within["7d"]], log["amount"][within["30d"]]
    values = {f"cnt_{name}": len(positions) for name, positions in within.items()}
    values["sum_7d"], values["sum_30d"] = math.fsum(week), math.fsum(month)
    values["mean_30d"] = mean(month) if len(month) else None
    values["min_7d"] = float(week.min()) if len(week) else None
    values["max_7d"] = float(week.max()) if len(week) else None
    values["checkout_30d"] = int((log["kind"][within["30d"]] == "checkout").sum())
    values["distinct_7d"] = len(set(log["item_id"][within["7d"]].tolist()))
    values["last_kind"] = values["secs_since"] = None
    if len(seen):
        last = seen[np.lexsort((seen, log["known_time"][seen], event))[-1]]  # the one total order
        values["last_kind"] = log["kind"][last]
        values["secs_since"] = (int(t) - int(log["event_time"][last])) / SECOND
    return values


def main():
    options = arguments(sample=True)
    spine = pq.read_table(options.spine)
    count = min(options.sample, spine.num_rows)
    chosen = np.sort(np.random.default_rng(options.seed).choice(spine.num_rows, count, replace=False))
    spine = spine.take(chosen)
    log = read(options.events, spine["entity_id"].to_numpy())
    by_entity = np.argsort(log["entity_id"], kind="stable")
    sorted_entities = log["entity_id"][by_entity]
    rows = []
    for row_id, entity, t in zip(spine["row_id"].to_numpy(), spine["entity_id"].to_numpy(),
                                 spine["prediction_time"].cast(pa.int64()).to_numpy()):
        mine = by_entity[np.searchsorted(sorted_entities, entity, "left"):np.searchsorted(sorted_entities, entity, "right")]
        known = log["event_time"][mine] <= t
        if options.mode == "bitemporal":
            known &= log["known_time"][mine] <= t
        rows.append({"row_id": int(row_id)} | row(log, mine[known], t))
    pq.write_table(pa.Table.from_pylist(rows).select(["row_id", *COLUMNS]), options.out)


if __name__ == "__main__":
    main()
