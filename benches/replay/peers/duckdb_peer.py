"""DuckDB, in the ways in which its users write this: a range join, one with days as buckets in the join's key, and (with one
clock only: a RANGE frame has one axis) window functions over the union of events and observations."""

import duckdb

from workload import DAY, HOUR, arguments

WEEK, MONTH = 7 * DAY, 30 * DAY


def aggregates():
    """Everything but the last event, over the pairs (observation, event of its last 30 days)."""
    def within(width):
        return f"FILTER (et > t - {width})"
    return f"""
        count(*) {within(HOUR)} AS cnt_1h, count(*) {within(DAY)} AS cnt_1d, count(*) {within(WEEK)} AS cnt_7d,
        count(*) AS cnt_30d, sum(amount) {within(WEEK)} AS sum_7d, sum(amount) AS sum_30d, avg(amount) AS mean_30d,
        min(amount) {within(WEEK)} AS min_7d, max(amount) {within(WEEK)} AS max_7d,
        count(*) FILTER (kind = 'checkout') AS checkout_30d, count(DISTINCT item_id) {within(WEEK)} AS distinct_7d"""


def last(two_clocks):
    """The last event known: with two clocks the running latest by event time, then an ASOF join on arrival."""
    if two_clocks:
        return """
            SELECT s.row_id, l.latest.kind AS last_kind, (s.t - l.latest.et) / 1e6 AS secs_since
            FROM s ASOF LEFT JOIN (
                SELECT entity_id, kt, max({'et': et, 'kt': kt, 'kind': kind}) OVER (PARTITION BY entity_id ORDER BY kt) AS latest
                FROM e) l
            ON s.entity_id = l.entity_id AND l.kt <= s.t"""
    return """
        SELECT s.row_id, e.kind AS last_kind, (s.t - e.et) / 1e6 AS secs_since
        FROM s ASOF LEFT JOIN e ON s.entity_id = e.entity_id AND e.et <= s.t"""


def joined(formulation, two_clocks):
    """The whole query as a join."""
    known = "AND e.kt <= s.t" if two_clocks else ""
    within = f"s.entity_id = e.entity_id AND e.et <= s.t AND e.et > s.t - {MONTH} {known}"
    if formulation == "bucket_join":
        pairs = f"""(SELECT *, t // {DAY} - unnest(range(31)) AS day FROM s) s
            JOIN (SELECT *, et // {DAY} AS day FROM e) e ON s.day = e.day AND {within}"""
    else:
        pairs = f"s JOIN e ON {within}"
    return f"""
        WITH f AS (SELECT row_id, {aggregates()} FROM {pairs} GROUP BY row_id), l AS ({last(two_clocks)})
        SELECT s.row_id, f.* EXCLUDE (row_id), l.last_kind, l.secs_since
        FROM s LEFT JOIN f USING (row_id) LEFT JOIN l USING (row_id)"""


def windowed():
    """The whole query as window functions, for one clock."""
    def over(width):
        return f"OVER (PARTITION BY entity_id ORDER BY t RANGE BETWEEN {width - 1} PRECEDING AND CURRENT ROW)"
    ever = "OVER (PARTITION BY entity_id ORDER BY t RANGE UNBOUNDED PRECEDING)"
    week, month = over(WEEK), over(MONTH)
    return f"""
        SELECT * FROM (
            SELECT row_id, count(et) {over(HOUR)} AS cnt_1h, count(et) {over(DAY)} AS cnt_1d, count(et) {week} AS cnt_7d,
                count(et) {month} AS cnt_30d, sum(amount) {week} AS sum_7d, sum(amount) {month} AS sum_30d,
                avg(amount) {month} AS mean_30d, min(amount) {week} AS min_7d, max(amount) {week} AS max_7d,
                count(et) FILTER (kind = 'checkout') {month} AS checkout_30d, count(DISTINCT item_id) {week} AS distinct_7d,
                last_value(kind IGNORE NULLS) {ever} AS last_kind,
                (t - last_value(et IGNORE NULLS) {ever}) / 1e6 AS secs_since
            FROM (SELECT NULL AS row_id, entity_id, et AS t, et, kind, amount, item_id FROM e
                  UNION ALL SELECT row_id, entity_id, t, NULL, NULL, NULL, NULL FROM s))
        WHERE row_id IS NOT NULL"""


def main():
    options = arguments("range_join", "bucket_join", "union_window")
    two_clocks = options.mode == "bitemporal"
    connection = duckdb.connect()
    connection.execute(f"SET threads = {options.threads}; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    connection.execute(f"""
        CREATE VIEW e AS SELECT entity_id, epoch_us(event_time) AS et, epoch_us(known_time) AS kt, kind, amount, item_id
            FROM '{options.events}';
        CREATE VIEW s AS SELECT row_id, entity_id, epoch_us(prediction_time) AS t FROM '{options.spine}';""")
    if options.formulation == "union_window":
        assert not two_clocks, "a RANGE frame has one time axis only"
        query = windowed()
    else:
        query = joined(options.formulation, two_clocks)
    connection.execute(f"COPY ({query}) TO '{options.out}' (FORMAT parquet)")


main()
