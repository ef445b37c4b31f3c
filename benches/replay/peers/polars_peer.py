"""Polars, in the ways in which its users write this: an equi-join on the entity with a filter (in chunks of observations: the
pairs of all of them do not fit in memory), an inequality join, and (with one clock only) rolling windows."""

import os

from workload import DAY, HOUR, WINDOWS, arguments

OPTIONS = arguments("join", "join_where", "rolling")
os.environ["POLARS_MAX_THREADS"] = str(OPTIONS.threads)  # read when polars is imported

import polars as pl  # noqa: E402

WEEK, MONTH = 7 * DAY, 30 * DAY
CHUNK = 50_000
TWO_CLOCKS = OPTIONS.mode == "bitemporal"


def last(events, spine):
    """The last event known: with two clocks the running latest by event time, then an as-of join on arrival."""
    if TWO_CLOCKS:
        kinds = events.select("entity_id", "kind", latest="et").unique(["entity_id", "latest"], keep="last", maintain_order=True)
        right = (events.sort("kt").select("entity_id", "kt", latest=pl.col("et").cum_max().over("entity_id"))
                 .join(kinds, on=["entity_id", "latest"]).sort("kt"))
        on = "kt"
    else:
        right = events.sort("et").select("entity_id", "et", "kind", latest="et")
        on = "et"
    return (spine.sort("t").join_asof(right, left_on="t", right_on=on, by="entity_id", check_sortedness=False)
            .select("row_id", last_kind="kind", secs_since=(pl.col("t") - pl.col("latest")) / 1e6))


def joined(events, spine):
    """Every pair of an observation and an event of its last 30 days, grouped."""
    event, t, amount = pl.col("et"), pl.col("t"), pl.col("amount")
    week = event > t - WEEK
    columns = [
        (event > t - HOUR).sum().alias("cnt_1h"), (event > t - DAY).sum().alias("cnt_1d"), week.sum().alias("cnt_7d"),
        pl.len().alias("cnt_30d"), amount.filter(week).sum().alias("sum_7d"), amount.sum().alias("sum_30d"),
        amount.mean().alias("mean_30d"), amount.filter(week).min().alias("min_7d"), amount.filter(week).max().alias("max_7d"),
        (pl.col("kind") == "checkout").sum().alias("checkout_30d"),
        pl.col("item_id").filter(week).n_unique().alias("distinct_7d")]
    within = [event <= t, event > t - MONTH] + ([pl.col("kt") <= t] if TWO_CLOCKS else [])
    log, asked, parts = events.collect(), spine.collect(), []
    for begin in range(0, asked.height, CHUNK):
        chunk = asked.slice(begin, CHUNK).lazy()
        if OPTIONS.formulation == "join":
            pairs = chunk.join(log.lazy(), on="entity_id").filter(*within)
        else:
            pairs = chunk.join_where(log.lazy().rename({"entity_id": "other"}), pl.col("entity_id") == pl.col("other"), *within)
        parts.append(pairs.group_by("row_id").agg(columns).collect(engine="streaming"))
    return pl.concat(parts).lazy()


def rolling(events, spine):
    """Rolling windows over the union of events and observations, for one clock."""
    union = pl.concat([
        events.select("entity_id", "amount", "item_id", t="et", row_id=pl.lit(None, pl.Int64), one=pl.lit(1, pl.Int32),
                      checkout=(pl.col("kind") == "checkout").cast(pl.Int32)),
        spine.select("entity_id", pl.lit(None, pl.Float64).alias("amount"), pl.lit(None, pl.Int64).alias("item_id"), "t",
                     "row_id", one=pl.lit(0, pl.Int32), checkout=pl.lit(0, pl.Int32))]).sort("entity_id", "t")

    def window(column, operation, width):
        operate = getattr(pl.col(column), f"rolling_{operation}_by")
        return operate("t", window_size=f"{width}i", closed="right", min_samples=0).over("entity_id")

    features = union.with_columns(
        **{f"cnt_{name}": window("one", "sum", width) for name, width in WINDOWS.items()},
        sum_7d=window("amount", "sum", WEEK), sum_30d=window("amount", "sum", MONTH), mean_30d=window("amount", "mean", MONTH),
        min_7d=window("amount", "min", WEEK), max_7d=window("amount", "max", WEEK),
        checkout_30d=window("checkout", "sum", MONTH),
    ).filter(pl.col("row_id").is_not_null()).drop("one", "amount", "item_id", "checkout", "entity_id", "t")
    distinct = (union.select("entity_id", "t", "row_id", "item_id")
                .rolling("t", period=f"{WEEK}i", closed="right", group_by="entity_id")
                .agg(pl.col("item_id").drop_nulls().n_unique().alias("distinct_7d"), pl.col("row_id").last())
                .filter(pl.col("row_id").is_not_null()).select("row_id", "distinct_7d"))
    return features.join(distinct, on="row_id", how="left")


def main():
    events = pl.scan_parquet(OPTIONS.events).select(
        "entity_id", "kind", "amount", "item_id", et=pl.col("event_time").to_physical(), kt=pl.col("known_time").to_physical())
    spine = pl.scan_parquet(OPTIONS.spine).select("row_id", "entity_id", t=pl.col("prediction_time").to_physical())
    if OPTIONS.formulation == "rolling":
        assert not TWO_CLOCKS, "a rolling window has one time axis only"
        features = rolling(events, spine)
    else:
        features = joined(events, spine)
    answer = spine.select("row_id").join(features, on="row_id", how="left").join(last(events, spine), on="row_id", how="left")
    answer.sink_parquet(OPTIONS.out)


main()
