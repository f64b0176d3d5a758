"""Values that lie on a line: numbers and moments, of which a few tell all.

Between two neighbours among the numbers that the demands name, every number is like every other.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from ecr_exposure.exposure.budget import Budget, TooComplexError
from ecr_exposure.exposure.demands import Demand, holds
from ecr_exposure.exposure.outsider import Outsider
from ecr_exposure.policy.operators import read_date

TEXT_READINGS: Final = ("text", "caseless", "arn", "any")
_TOKEN_LIFE: Final = 36 * 3600.0


def first_of(values: Iterable[str], demands: Sequence[Demand]) -> str | None:
    """Return the first value that meets all demands."""
    return next((value for value in values if all(holds(demand, value) for demand in demands)), None)


def counted(values: Iterable[str], demands: Sequence[Demand], budget: Budget) -> Iterator[str]:
    """Yield the values, each at the price of a look at the demands."""
    for value in values:
        budget.spend(1 + sum(len(demand.texts) for demand in demands) // 8)
        yield value


def numbers(demands: Sequence[Demand], *, least: Decimal | None = None) -> list[str]:
    """Return numbers of which each interval between the demands' numbers holds one."""
    edges = sorted(
        {Decimal(text) for demand in demands if demand.reading.startswith("Numeric") for text in demand.texts}
    )
    points = {Decimal(0), Decimal(300)} | {edge + step for edge in edges for step in (-1, 0, 1)}
    points |= {(a + b) / 2 for a, b in pairwise(edges)}
    return [f"{point:f}" for point in sorted(points) if least is None or point >= least]


def moments(demands: Iterable[Demand], earliest: float | None) -> list[float]:
    """Return moments of which each interval between the demands' dates holds one, in seconds since 1970."""
    edges: set[float] = set()
    for demand in demands:
        for text in demand.texts:
            if demand.reading.startswith("Date"):
                edges.add(read_date(text) or 0.0)
            elif demand.reading.startswith("Numeric"):
                edges.add(float(Decimal(text)))
    ordered = sorted(edges)
    points = {edge + step for edge in edges for step in (-1.0, 0.0, 1.0)}
    points |= {(a + b) / 2 for a, b in pairwise(ordered)}
    if earliest is None:
        return sorted(points)
    return sorted({earliest, *(point for point in points if point >= earliest)})


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def date_text(moment: float) -> str:
    """Return the moment as AWS writes it in a request; far beyond the calendar, its last second."""
    try:
        text = (_EPOCH + timedelta(seconds=moment)).isoformat(timespec="milliseconds" if moment % 1 else "seconds")
    except OverflowError:
        return "9999-12-31T23:59:59Z"
    return text.replace("+00:00", "Z")


def number_text(moment: float) -> str:
    """Return the moment as aws:EpochTime has it."""
    return str(int(moment)) if moment == int(moment) else repr(moment)


def choose_times(
    now: Sequence[Demand], epoch: Sequence[Demand], token: Sequence[Demand] | None, outsider: Outsider, budget: Budget
) -> tuple[str, str, str | None] | None:
    """Return aws:CurrentTime, aws:EpochTime (the same moment) and aws:TokenIssueTime; token None: no such key."""
    calls = moments([*now, *epoch], outsider.now)
    if token is not None:
        calls = sorted(
            {*calls, *(t for base in moments(token, None) for t in (base, base + _TOKEN_LIFE) if t >= outsider.now)}
        )
    for call in calls:
        budget.spend(2)
        texts = (date_text(call), number_text(call))
        if not (all(holds(d, texts[0]) for d in now) and all(holds(d, texts[1]) for d in epoch)):
            continue
        if token is None:
            return (*texts, None)
        issued = [t for t in (call, call - _TOKEN_LIFE, *moments(token, None)) if call - _TOKEN_LIFE <= t <= call]
        found = first_of(counted(map(date_text, issued), token, budget), token)
        if found is not None:
            return (*texts, found)
    if any(d.reading in TEXT_READINGS and d.texts for d in (*now, *epoch, *(token or ()))):
        raise TooComplexError("a moment is compared as text")
    return None
