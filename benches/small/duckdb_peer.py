"""DuckDB, in its two best ways for one clock: window functions over the union of events and observations, and a range join."""

import duckdb

from workload import WINDOWS, arguments

AGGREGATIONS = {"count": "count", "sum": "sum", "mean": "avg", "min": "min", "max": "max", "sd": "stddev_pop"}
NAMES = ("1h", "1d", "7d")


def windowed():
    columns = [f"{function}(amount) OVER w{window} AS {name}_{window}" for window in NAMES
               for name, function in AGGREGATIONS.items()]
    windows = [f"w{window} AS (PARTITION BY entity_id ORDER BY t RANGE BETWEEN {WINDOWS[window] - 1} PRECEDING AND CURRENT ROW)"
               for window in NAMES]
    return f"""
        SELECT * FROM (
            SELECT row_id, {", ".join(columns)}
            FROM (SELECT NULL AS row_id, entity_id, et AS t, amount FROM e
                  UNION ALL SELECT row_id, entity_id, t, NULL FROM s)
            WINDOW {", ".join(windows)})
        WHERE row_id IS NOT NULL"""


def joined():
    columns = [f"{function}(amount) FILTER (et > t - {WINDOWS[window]}) AS {name}_{window}" for window in NAMES
               for name, function in AGGREGATIONS.items()]
    return f"""
        SELECT s.row_id, {", ".join(columns)}
        FROM s LEFT JOIN e ON s.entity_id = e.entity_id AND e.et <= s.t AND e.et > s.t - {WINDOWS["7d"]}
        GROUP BY s.row_id"""


def main():
    options = arguments("union_window", "range_join")
    connection = duckdb.connect()
    connection.execute(f"SET threads = {options.threads}; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    connection.execute(f"""
        CREATE VIEW e AS SELECT entity_id, epoch_us(event_time) AS et, amount FROM '{options.events}';
        CREATE VIEW s AS SELECT row_id, entity_id, epoch_us(prediction_time) AS t FROM '{options.spine}';""")
    query = windowed() if options.formulation == "union_window" else joined()
    connection.execute(f"COPY ({query}) TO '{options.out}' (FORMAT parquet)")


main()
