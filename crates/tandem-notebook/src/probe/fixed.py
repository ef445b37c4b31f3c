"""Makes runs of one notebook comparable: seeds that are the same in each, and a clock that stands still."""
import datetime
import random
import sys
import time


def fix(shell, config):
    """config: {"instant": seconds since 1970, "seeds": what is added to every seed}."""
    seeds(config["seeds"])
    clock(config["instant"])
    # The kernel itself draws numbers between the cells.
    kept = [random.getstate()]
    shell.events.register("pre_run_cell", lambda info: random.setstate(kept[0]))
    shell.events.register("post_run_cell", lambda result: kept.__setitem__(0, random.getstate()))


def seeds(shift):
    given = random.seed
    random.seed = lambda a=None, version=2: given(number(a, shift), version)
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy_seed, numpy_rng = numpy.random.seed, numpy.random.default_rng
        numpy.random.seed = lambda seed=None: numpy_seed(number(seed, shift))
        numpy.random.default_rng = lambda seed=None: numpy_rng(number(seed, shift))
        numpy.random.seed(0)
        if shift:
            legacy = numpy.random.RandomState

            class RandomState(legacy):
                def __init__(self, seed=None):
                    super().__init__(number(seed, shift))

            numpy.random.RandomState = RandomState
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(shift)
    if "polars" in sys.modules:
        sys.modules["polars"].set_random_seed(shift)


def number(seed, shift):
    if seed is None:
        return shift
    return seed + shift if shift and isinstance(seed, int) else seed


def clock(instant):
    real = datetime.datetime
    utc = datetime.timezone.utc

    class Kind(type):
        def __instancecheck__(cls, value):
            return isinstance(value, real)

        def __subclasscheck__(cls, other):
            return issubclass(other, real)

    class Datetime(real, metaclass=Kind):
        @classmethod
        def now(cls, tz=None):
            moment = real.fromtimestamp(instant, utc)
            return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        @classmethod
        def utcnow(cls):
            return cls.now()

        @classmethod
        def today(cls):
            return cls.now()

    real_date = datetime.date

    class DateKind(type):
        def __instancecheck__(cls, value):
            return isinstance(value, real_date)

        def __subclasscheck__(cls, other):
            return issubclass(other, real_date)

    class Date(real_date, metaclass=DateKind):
        @classmethod
        def today(cls):
            return real.fromtimestamp(instant, utc).date()

    Datetime.__name__ = Datetime.__qualname__ = "datetime"
    Date.__name__ = Date.__qualname__ = "date"
    datetime.datetime, datetime.date = Datetime, Date
    time.time = lambda: float(instant)
    time.time_ns = lambda: int(instant * 1_000_000_000)
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        stamp = pandas.Timestamp

        def now(tz=None):
            moment = stamp(instant, unit="s", tz="UTC")
            return moment.tz_convert(tz) if tz else moment.tz_localize(None)

        stamp.now = stamp.today = staticmethod(now)
        stamp.utcnow = staticmethod(lambda: now("UTC"))
