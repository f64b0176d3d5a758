"""A value for one key that meets every demand on it, or the certainty that a caller has none."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from ecr_exposure.policy.addresses import candidates, is_partly_public, is_public
from ecr_exposure.policy.condition_keys import Content
from ecr_exposure.policy.operators import NUMBER, read_cidr, read_date
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.search.callers import Outsider
from ecr_exposure.search.constraints import Demand, exact_texts, holds
from ecr_exposure.search.strings import Budget, NotIn, OneOf, Pattern, TooComplexError, spell
from ecr_exposure.search.value_domains import ADDRESSES_OF_IPV6, TEXT, partitions_of, shapes_of


def choose(content: Content, demands: Sequence[Demand], outsider: Outsider, budget: Budget) -> str | None:
    """Return a value that a caller can bring and that meets all demands; None where there is none.

    Raises TooComplexError where neither is found.
    """
    budget.spend(1 + len(demands))
    if content in _FINITE:
        return first_of(_FINITE[content], demands)
    if content is Content.UNKNOWN:
        return _choose_unknown(demands, outsider, budget)
    if content in _POINTS:
        return _choose_point(content, demands, budget)
    return _spell(content, demands, outsider, budget)


_FINITE: Final = {
    Content.BOOL: ("true", "false"),
    Content.TRUE: ("true",),
    Content.FALSE: ("false",),
}
_POINTS: Final = (Content.PUBLIC_ADDRESS, Content.ADDRESS, Content.ADDRESS_IPV4, Content.AGE)


def pattern_of(demand: Demand, tape: str) -> OneOf:
    """Return the automaton of a demand that is read as text."""
    caseless = demand.reading == "caseless"
    arn = demand.reading == "arn"
    return OneOf(tape, demand.texts, member=demand.member, ignore_case=caseless, arn=arn)


def not_named(
    outsider: Outsider, kinds: Iterable[str] = ("account", "organization", "network", "own id")
) -> list[Pattern]:
    """Return the automata that keep a value from holding a name that the caller cannot have."""
    return [_avoiding(kind, names) for kind in kinds if (names := outsider.names.get(kind))]


# An organization has thousands of accounts, and every search for a caller avoids them all.
_avoiding: Final = lru_cache(maxsize=16)(NotIn)


def _spell(content: Content, demands: Sequence[Demand], outsider: Outsider, budget: Budget) -> str | None:
    patterns: list[Pattern] = [pattern_of(demand, "value") for demand in demands if demand.reading != "any"]
    if content not in _OWNERS:
        patterns += not_named(outsider)
    elif content is Content.OWNER_ACCOUNT:
        patterns += not_named(outsider, ("account",))
    usual = _usual(content, outsider)
    if usual is not None and all(holds(demand, usual) for demand in demands):
        return usual
    if content is Content.PROVIDER:
        # A provider that is no ARN is free.
        no_arn = OneOf("value", ["arn:*"], member=False)
        if (free := spell(TEXT[0], [*patterns, no_arn], budget)) is not None:
            return free["value"]
    for shape in shapes_of(content, partitions_of(outsider.region)):
        if (found := spell(shape, patterns, budget)) is not None:
            return found["value"]
    return None


def _usual(content: Content, outsider: Outsider) -> str | None:
    """Return the plainest value, where the caller can have it."""
    if content is Content.OWNER_ACCOUNT and _OWNER not in outsider.names["account"]:
        return _OWNER
    value = _USUAL.get(content, outsider.account if content is Content.ACCOUNT else None)
    return None if value in outsider.names.get("network", ()) or value in outsider.names.get("own id", ()) else value


_OWNER: Final = "123456789012"
_USUAL: Final = {
    Content.VPC: "vpc-ffffffff",
    Content.ENDPOINT: "vpce-ffffffff",
    Content.TEXT: "x",
    Content.RESOURCE_TAG: "x",
    Content.UNKNOWN: "x",
    Content.OWN_ID: "x",
    Content.PROVIDER: "x",
    Content.REGION: "us-east-1",
}

# The repository's own account and organization are not the caller's: names do not matter.
_OWNERS: Final = (Content.OWNER_ACCOUNT, Content.OWNER_ORGANIZATION_ID, Content.OWNER_ORGANIZATION_PATH)


def _choose_point(content: Content, demands: Sequence[Demand], budget: Budget) -> str | None:
    if content is Content.AGE:
        values: Iterable[str] = numbers(demands, least=Decimal(0))
    else:
        values = candidates(text for demand in demands if demand.reading == "IpAddress" for text in demand.texts)
        values = [text for text in values if _is_of(content, text)]
    as_text = [demand for demand in demands if demand.reading in TEXT_READINGS and demand.texts]
    if not as_text:
        return first_of(counted(values, demands, budget), demands)
    exact = [text for demand in as_text for text in demand.texts if not has_wildcard(text)]
    known = [text for each in exact for text in (each, each.lower()) if _is_of(content, text)]
    found = first_of(counted([*known, *values], demands, budget), demands)
    if found is not None or any(d.member and not any(map(has_wildcard, d.texts)) for d in as_text):
        return found
    if content is Content.AGE:
        raise TooComplexError("a number is compared as text")
    return _spell_address(content, demands, budget)


def _is_of(content: Content, text: str) -> bool:
    if content is Content.AGE:
        return NUMBER.fullmatch(text) is not None and Decimal(text) >= 0
    if content is Content.PUBLIC_ADDRESS:
        return is_public(text)
    family = ":" not in text or content is Content.ADDRESS
    return family and "/" not in text and read_cidr(text) is not None


def _spell_address(content: Content, demands: Sequence[Demand], budget: Budget) -> str | None:
    """Return an address whose text fits patterns: IPv4 octet by octet, IPv6 only as far as it is certain."""
    patterns = [pattern_of(demand, "value") for demand in demands if demand.reading in TEXT_READINGS and demand.texts]
    found = _octets(content, "", [(each, each.start) for each in patterns], demands, budget)
    if (
        found is None
        and content is not Content.ADDRESS_IPV4
        and any(spell(shape, patterns, budget) is not None for shape in ADDRESSES_OF_IPV6)
    ):
        raise TooComplexError("an address of IPv6 is compared as text")
    return found


def _octets(
    content: Content, begun: str, reading: Sequence[tuple[OneOf, Any]], demands: Sequence[Demand], budget: Budget
) -> str | None:
    rest = 3 - begun.count(".")
    for octet in range(256):
        written = f"{octet}." if rest else f"{octet}"
        text = begun + written
        budget.spend(1 + len(reading))
        if content is Content.PUBLIC_ADDRESS and not is_partly_public(text + ".".join("0" * rest), 32 - 8 * rest):
            continue
        after = [(pattern, _read(pattern, state, written)) for pattern, state in reading]
        if any(state is None for _, state in after):
            continue
        found = _octets(content, text, after, demands, budget) if rest else first_of([text], demands)
        if found is not None:
            return found
    return None


def _read(pattern: OneOf, state: Any, text: str) -> Any:  # noqa: ANN401 - a state of the automaton
    for character in text:
        if state is None:
            return None
        state = pattern.step(state, character)
    return state


def _choose_unknown(demands: Sequence[Demand], outsider: Outsider, budget: Budget) -> str | None:
    typed = {demand.reading for demand in demands} - set(TEXT_READINGS)
    if not typed:
        return _spell(Content.UNKNOWN, demands, outsider, budget)
    values = [text for demand in demands for text in exact_texts(demand) or ()]
    values += candidates(text for demand in demands if demand.reading == "IpAddress" for text in demand.texts)
    values += numbers(demands)
    values += [date_text(moment) for moment in moments(demands, None)]
    found = first_of(counted(["true", "false", "x", *values], demands, budget), demands)
    kinds = {reading[:4] for reading in typed}
    certain = any(exact_texts(demand) is not None for demand in demands)
    if (
        found is None
        and not certain
        and (len(kinds) > 1 or any(d.texts and d.reading in TEXT_READINGS for d in demands))
    ):
        raise TooComplexError("an unknown key is compared in several ways")
    return found


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
