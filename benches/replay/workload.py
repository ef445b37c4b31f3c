"""What every script here shares: the arguments, the windows, and the one layout of the answer."""

import argparse

SECOND = 1_000_000  # times are whole microseconds
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
WINDOWS = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}

# An event counts for an instant t and a window w when t - w < event_time <= t and, with two clocks, known_time <= t.
COLUMNS = ["cnt_1h", "cnt_1d", "cnt_7d", "cnt_30d", "sum_7d", "sum_30d", "mean_30d", "min_7d", "max_7d",
           "checkout_30d", "distinct_7d", "last_kind", "secs_since"]


def arguments(*formulations, sample=False):
    """The command line of a contender (or of the reference, with its sample)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", required=True)
    parser.add_argument("--spine", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--mode", choices=["bitemporal", "ontime"], default="bitemporal",
                        help="bitemporal: two clocks; ontime: the arrival time is ignored")
    parser.add_argument("--threads", type=int, default=2)
    if formulations:
        parser.add_argument("--formulation", choices=formulations, default=formulations[0])
    if sample:
        parser.add_argument("--sample", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()
