"""What a good engineer writes by hand for this very workload, and for nothing else: numpy, and numba compiled to machine code.
Events sorted by entity and event time; for each observation a scan backward over the last 30 days. Compilation included."""

import os

from workload import DAY, HOUR, SECOND, arguments

options = arguments("scan")
os.environ["NUMBA_NUM_THREADS"] = str(options.threads)  # read when numba is imported

import numba  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

WEEK, MONTH = 7 * DAY, 30 * DAY
COUNTED = ["cnt_1h", "cnt_1d", "cnt_7d", "cnt_30d", "checkout_30d", "distinct_7d"]
FOLDED = ["sum_7d", "sum_30d", "mean_30d", "min_7d", "max_7d", "secs_since"]


@numba.njit
def first_after(event, begin, end, t):
    """Of an entity's events, the first that happened after t."""
    while begin < end:
        middle = (begin + end) // 2
        if event[middle] <= t:
            begin = middle + 1
        else:
            end = middle
    return begin


@numba.njit(parallel=True)
def scan(starts, event, arrival, kind, amount, item, entities, instants, checkout, items, two_clocks, counts, folds, last):
    threads = numba.get_num_threads()
    for thread in numba.prange(threads):
        seen = np.full(items, -1, np.int64)  # for each item the last row that counted it
        for row in range(len(instants) * thread // threads, len(instants) * (thread + 1) // threads):
            t, begin, end = instants[row], starts[entities[row]], starts[entities[row] + 1]
            hour = day = week = month = checkouts = distinct = 0
            sum_week = sum_month = 0.0
            least, greatest = np.inf, -np.inf
            for i in range(first_after(event, begin, end, t) - 1, begin - 1, -1):
                if last[row] >= 0 and event[i] <= t - MONTH:
                    break
                if two_clocks and arrival[i] > t:
                    continue
                if last[row] < 0:
                    last[row] = kind[i]
                    folds[5, row] = (t - event[i]) / SECOND
                if event[i] <= t - MONTH:
                    break
                month += 1
                sum_month += amount[i]
                checkouts += kind[i] == checkout
                if event[i] > t - WEEK:
                    week += 1
                    sum_week += amount[i]
                    least, greatest = min(least, amount[i]), max(greatest, amount[i])
                    if seen[item[i]] != row:
                        seen[item[i]] = row
                        distinct += 1
                    day += event[i] > t - DAY
                    hour += event[i] > t - HOUR
            for i, n in enumerate((hour, day, week, month, checkouts, distinct)):
                counts[i, row] = n
            folds[0, row], folds[1, row] = sum_week, sum_month
            if month:
                folds[2, row] = sum_month / month
            if week:
                folds[3, row], folds[4, row] = least, greatest


def integers(table, name):
    return table[name].cast(pa.int64()).to_numpy()


def main():
    log, spine = pq.read_table(options.events), pq.read_table(options.spine)
    words = log["kind"].combine_chunks().dictionary_encode()
    kinds = words.dictionary.to_pylist()
    entity, event = integers(log, "entity_id"), integers(log, "event_time")
    asked, instants = integers(spine, "entity_id"), integers(spine, "prediction_time")
    people = int(max(entity.max(), asked.max())) + 1
    order = np.argsort(event, kind="stable")
    order = order[np.argsort(entity[order].astype(np.int32), kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(entity, minlength=people))])
    by_entity = np.argsort(asked, kind="stable")
    rows = len(asked)
    counts, folds = np.zeros((len(COUNTED), rows), np.int64), np.full((len(FOLDED), rows), np.nan)
    last = np.full(rows, -1, np.int8)
    item = integers(log, "item_id")[order].astype(np.int32)
    kind = words.indices.to_numpy().astype(np.int8)[order]
    scan(starts, event[order], integers(log, "known_time")[order], kind, log["amount"].to_numpy()[order], item,
         asked[by_entity], instants[by_entity], kinds.index("checkout"), int(item.max()) + 1,
         options.mode == "bitemporal", counts, folds, last)
    words = pa.DictionaryArray.from_arrays(pa.array(np.maximum(last, 0), mask=last < 0), pa.array(kinds))
    columns = dict(zip(COUNTED, counts)) | {name: pa.array(x, from_pandas=True) for name, x in zip(FOLDED, folds)}
    row_ids = spine["row_id"].to_numpy()[by_entity]
    pq.write_table(pa.table({"row_id": row_ids, **columns, "last_kind": words.cast(pa.string())}), options.out)


main()
