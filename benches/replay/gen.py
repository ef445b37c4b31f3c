"""Generates the replay workload: a log of events in arrival order, and the instants at which production would ask.

    python gen.py --scale S --out FOLDER        ->  FOLDER/S/events.parquet, FOLDER/S/spine.parquet

events: entity_id, event_time, known_time (arrival), kind (8 values), amount (cents), item_id. One in twenty arrives up to
three days late, the others within seconds. Activity is Zipf-like: a few entities are very busy.
spine:  row_id, entity_id, prediction_time, in random order. Half of the rows pick their entity by its activity ("at every
checkout"), half uniformly ("score everyone").
"""

import argparse
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workload import DAY, SECOND

SCALES = {  # events, observations, entities
    "XS": (100_000, 10_000, 2_000),
    "S": (1_000_000, 100_000, 20_000),
    "M": (10_000_000, 1_000_000, 200_000),
    "L": (50_000_000, 2_000_000, 1_000_000),
}
START = 1_704_067_200 * SECOND  # 2024-01-01
SPAN = 180 * DAY
KINDS = {"view": 0.42, "search": 0.18, "click": 0.16, "add_to_cart": 0.09, "checkout": 0.07, "remove": 0.04,
         "support": 0.03, "refund": 0.01}
TIME = pa.timestamp("us", "UTC")
ROW_GROUP = 1_000_000


def zipf(rng, count, choices, exponent):
    """`count` ranks below `choices`, rank r with a probability in proportion to (r + 1) ** -exponent."""
    cumulative = np.cumsum(np.arange(1, choices + 1, dtype=np.float64) ** -exponent)
    return np.searchsorted(cumulative, rng.random(count) * cumulative[-1])


def write_events(path, rng, count, names):
    """The log, in arrival order."""
    event = START + rng.integers(0, SPAN, count)
    late = rng.random(count) < 0.05
    arrival = event + np.where(late, rng.integers(5 * SECOND, 3 * DAY, count), rng.integers(SECOND, 5 * SECOND, count))
    order = np.argsort(arrival, kind="stable")
    event, arrival = event[order], arrival[order]
    entity = names[zipf(rng, count, len(names), 0.8)]
    kind = rng.choice(len(KINDS), count, p=list(KINDS.values())).astype(np.int8)
    amount = np.round(rng.lognormal(3.0, 1.0, count), 2)
    item = zipf(rng, count, 10_000, 1.0)
    words = pa.array(list(KINDS))
    schema = pa.schema([("entity_id", pa.int64()), ("event_time", TIME), ("known_time", TIME), ("kind", pa.string()),
                        ("amount", pa.float64()), ("item_id", pa.int64())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for begin in range(0, count, ROW_GROUP):
            rows = slice(begin, begin + ROW_GROUP)
            writer.write_table(pa.table([
                pa.array(entity[rows]), pa.array(event[rows]).cast(TIME), pa.array(arrival[rows]).cast(TIME),
                pa.DictionaryArray.from_arrays(pa.array(kind[rows]), words).cast(pa.string()),
                pa.array(amount[rows]), pa.array(item[rows].astype(np.int64))], schema=schema), ROW_GROUP)


def write_spine(path, rng, count, names):
    """The observations, in no order."""
    active = names[zipf(rng, count, len(names), 0.8)]
    anyone = rng.integers(0, len(names), count)
    entity = np.where(rng.random(count) < 0.5, active, anyone)
    pq.write_table(pa.table({
        "row_id": np.arange(count, dtype=np.int64), "entity_id": entity.astype(np.int64),
        "prediction_time": pa.array(START + rng.integers(0, SPAN, count)).cast(TIME)}), path, compression="zstd")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", choices=SCALES, default="S")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    folder = pathlib.Path(options.out, options.scale)
    folder.mkdir(parents=True, exist_ok=True)
    events, observations, entities = SCALES[options.scale]
    rng = np.random.default_rng(options.seed)
    names = rng.permutation(entities).astype(np.int64)
    write_events(folder / "events.parquet", rng, events, names)
    write_spine(folder / "spine.parquet", rng, observations, names)
    print(f"scale {options.scale}: {events} events, {observations} observations, {entities} entities, seed {options.seed}")


main()
