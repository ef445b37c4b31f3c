"""Agreement of a contender's answer with the reference, column by column: exact (same bits), close (a sum in another order:
within 1e-9), or WRONG with the number of rows. Exits 1 when a column or the number of rows is wrong.

    python compare.py REFERENCE ANSWER [--expect-rows N]
"""

import argparse
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq



def numbers(table, name, no_events_is_zero):
    """A column as floats, null as NaN, or as 0."""
    values = table[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(float).copy()
    if no_events_is_zero:
        values[np.isnan(values)] = 0
    return values


def verdict(reference, answer, name):
    """The text of one column's agreement, and whether it is right."""
    if name not in answer.column_names:
        return "absent", False
    if pa.types.is_string(reference[name].type):
        expected, got = (t[name].cast(pa.string()).fill_null("").to_pylist() for t in (reference, answer))
        wrong = sum(a != b for a, b in zip(expected, got))
        return ("exact", True) if not wrong else (f"WRONG {wrong}/{len(got)}", False)
    either = pa.types.is_integer(reference[name].type) or name.startswith("sum")  # a null count or sum is a matter of taste
    expected, got = numbers(reference, name, either), numbers(answer, name, either)
    same = (expected == got) | (np.isnan(expected) & np.isnan(got))
    if same.all():
        return "exact", True
    with np.errstate(all="ignore"):
        distance = np.abs(expected - got) / np.maximum(np.abs(expected), 1e-12)
    residue = (expected == 0) & (np.abs(got) < 1e-6) & name.startswith("sum")  # left over by subtracting on eviction
    wrong = int((~(same | (distance <= 1e-9) | residue)).sum())
    if wrong:
        return f"WRONG {wrong}/{len(same)}", False
    return f"close, {int((~same).sum())} rows differ in bits", True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("reference")
    parser.add_argument("answer")
    parser.add_argument("--expect-rows", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    reference, answer = pq.read_table(options.reference), pq.read_table(options.answer)
    rows = answer.num_rows
    ids = answer["row_id"].cast(pa.int64()).to_numpy()
    order = np.argsort(ids)
    wanted = reference["row_id"].to_numpy()
    at = np.minimum(np.searchsorted(ids[order], wanted), rows - 1)
    missing = int((ids[order][at] != wanted).sum())
    answer = answer.take(pa.array(order[at]))
    columns = {name: verdict(reference, answer, name) for name in reference.column_names if name != "row_id"}
    agrees = all(right for _, right in columns.values()) and not missing and len(np.unique(ids)) == rows
    agrees = agrees and options.expect_rows in (0, rows)
    report = {"rows_compared": len(wanted), "peer_rows": rows, "missing_rows": missing,
              "columns": {name: text for name, (text, _) in columns.items()}, "agrees": agrees}
    print(json.dumps(report) if options.json else "\n".join(f"{k}: {v}" for k, v in report.items()))
    sys.exit(not agrees)


main()
