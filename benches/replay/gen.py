"""Generates the replay workload: a log of events in arrival order, and the instants at which production would ask.

    python gen.py --scale S --out FOLDER        ->  FOLDER/S/events.parquet, FOLDER/S/spine.parquet

events: entity_id, event_time, known_time (arrival), kind (8 values), amount (cents), item_id. One in twenty arrives up to
three days late, the others within seconds. Activity is Zipf-like: a few entities are very busy.
spine:  row_id, entity_id, prediction_time, in random order. Half of the rows pick their entity by its activity ("at every
checkout"), half uniformly ("score everyone").

The scale `hot` is another: its entity 0 has a tenth of all records. Beside spine.parquet, in which all rows ask about it,
ordinary/spine.parquet asks as often about ordinary entities that have as many records together, and nobody/spine.parquet
once about an entity without records: what reading the log alone costs.

The log is made day by day, so that the largest needs no more memory than a few days of it.
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
    "small": (1_000_000, 100_000, 10_000),
    "hot": (1_000_000, 100_000, 20_000),
}
START = 1_704_067_200 * SECOND  # 2024-01-01
DAYS = 180
KINDS = {"view": 0.42, "search": 0.18, "click": 0.16, "add_to_cart": 0.09, "checkout": 0.07, "remove": 0.04,
         "support": 0.03, "refund": 0.01}
TIME = pa.timestamp("us", "UTC")
ROW_GROUP = 1_000_000
EVENTS = pa.schema([("entity_id", pa.int64()), ("event_time", TIME), ("known_time", TIME), ("kind", pa.string()),
                    ("amount", pa.float64()), ("item_id", pa.int64())])


def zipf(choices, exponent):
    """Draws ranks below `choices`, rank r with a probability in proportion to (r + 1) ** -exponent."""
    cumulative = np.cumsum(np.arange(1, choices + 1, dtype=np.float64) ** -exponent)
    return lambda rng, count: np.searchsorted(cumulative, rng.random(count) * cumulative[-1])


def a_day(rng, day, count, draw_entity, draw_item):
    """The events that happened on a day, in no order, as columns."""
    event = START + day * DAY + rng.integers(0, DAY, count)
    late = rng.random(count) < 0.05
    arrival = event + np.where(late, rng.integers(5 * SECOND, 3 * DAY, count), rng.integers(SECOND, 5 * SECOND, count))
    return {
        "entity_id": draw_entity(rng, count), "event_time": event, "known_time": arrival,
        "kind": rng.choice(len(KINDS), count, p=list(KINDS.values())).astype(np.int8),
        "amount": np.round(rng.lognormal(3.0, 1.0, count), 2), "item_id": draw_item(rng, count).astype(np.int64),
    }


def in_order_of_arrival(rng, count, draw_entity):
    """The log in stretches. What arrives after a day waits for the days that follow; nothing arrives before it happened."""
    draw_item = zipf(10_000, 1.0)
    a_day_each = rng.multinomial(count, [1 / DAYS] * DAYS)
    waiting = a_day(rng, 0, 0, draw_entity, draw_item)
    for day, events in enumerate(a_day_each):
        new = a_day(rng, day, events, draw_entity, draw_item)
        all_of_them = {name: np.concatenate([waiting[name], new[name]]) for name in new}
        order = np.argsort(all_of_them["known_time"], kind="stable")
        until = START + (day + 1) * DAY if day + 1 < DAYS else np.iinfo(np.int64).max
        ready = np.searchsorted(all_of_them["known_time"][order], until)
        waiting = {name: column[order[ready:]] for name, column in all_of_them.items()}
        yield {name: column[order[:ready]] for name, column in all_of_them.items()}


def as_table(columns):
    """Columns as the log's table."""
    kind = pa.DictionaryArray.from_arrays(pa.array(columns["kind"]), pa.array(list(KINDS)))
    arrays = {name: pa.array(column) for name, column in columns.items()} | {"kind": kind}
    return pa.table([arrays[field.name].cast(field.type) for field in EVENTS], schema=EVENTS)


def write_events(path, rng, count, draw_entity):
    """The log as a file, whole row groups at a time."""
    with pq.ParquetWriter(path, EVENTS, compression="zstd") as writer:
        kept = EVENTS.empty_table()
        for columns in in_order_of_arrival(rng, count, draw_entity):
            kept = pa.concat_tables([kept, as_table(columns)])
            while kept.num_rows >= ROW_GROUP:
                writer.write_table(kept.slice(0, ROW_GROUP), ROW_GROUP)
                kept = kept.slice(ROW_GROUP)
        if kept.num_rows:
            writer.write_table(kept, ROW_GROUP)


def write_spine(path, rng, entity):
    """The observations of these entities, in no order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = START + rng.integers(0, DAYS * DAY, len(entity))
    pq.write_table(pa.table({
        "row_id": np.arange(len(entity), dtype=np.int64), "entity_id": entity.astype(np.int64),
        "prediction_time": pa.array(at).cast(TIME)}), path, compression="zstd")


def usual(folder, rng, events, observations, entities):
    """The log and the observations of a scale."""
    names = rng.permutation(entities).astype(np.int64)
    draw_rank = zipf(entities, 0.8)

    def draw_entity(rng, count):
        return names[draw_rank(rng, count)]

    write_events(folder / "events.parquet", rng, events, draw_entity)
    anyone = rng.integers(0, entities, observations)
    active = rng.random(observations) < 0.5
    write_spine(folder / "spine.parquet", rng, np.where(active, draw_entity(rng, observations), anyone))


def hot(folder, rng, events, observations, entities):
    """Entity 0 with a tenth of the log, all others alike; and three files of observations."""
    def draw_entity(rng, count):
        return np.where(rng.random(count) < 0.1, 0, rng.integers(1, entities, count))

    write_events(folder / "events.parquet", rng, events, draw_entity)
    as_many_records = entities // 9  # of all that the others have, nine tenths of the log
    write_spine(folder / "spine.parquet", rng, np.zeros(observations, np.int64))
    write_spine(folder / "ordinary/spine.parquet", rng, rng.integers(1, 1 + as_many_records, observations))
    write_spine(folder / "nobody/spine.parquet", rng, np.array([-1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", choices=SCALES, default="S")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    folder = pathlib.Path(options.out, options.scale)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    (hot if options.scale == "hot" else usual)(folder, rng, *SCALES[options.scale])
    events, observations, entities = SCALES[options.scale]
    print(f"scale {options.scale}: {events} events, {observations} observations, {entities} entities, seed {options.seed}")


main()
