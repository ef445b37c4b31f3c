"""Temporian: one time axis, in seconds as a float; one thread."""

import pandas as pd
import temporian as tp

from workload import arguments

WINDOWS = {"1h": tp.duration.hours(1), "1d": tp.duration.days(1), "7d": tp.duration.days(7)}


def main():
    options = arguments("sampling")
    events = pd.read_parquet(options.events, columns=["entity_id", "event_time", "amount"])
    spine = pd.read_parquet(options.spine)
    start = events.event_time.min()  # so that the float keeps microseconds
    events["at"] = (events.event_time - start).dt.total_seconds()
    spine["at"] = (spine.prediction_time - start).dt.total_seconds()
    log = tp.from_pandas(events[["entity_id", "at", "amount"]], indexes=["entity_id"], timestamps="at")
    asked = tp.from_pandas(spine[["entity_id", "at", "row_id"]], indexes=["entity_id"], timestamps="at")
    amount, columns = log["amount"], [asked]
    for name, window in WINDOWS.items():
        folds = {"count": amount.moving_count, "sum": amount.moving_sum, "mean": amount.simple_moving_average,
                 "min": amount.moving_min, "max": amount.moving_max, "sd": amount.moving_standard_deviation}
        columns += [fold(window, sampling=asked).rename(f"{kind}_{name}") for kind, fold in folds.items()]
    tp.to_pandas(tp.glue(*columns)).drop(columns=["entity_id", "timestamp"]).to_parquet(options.out)


main()
