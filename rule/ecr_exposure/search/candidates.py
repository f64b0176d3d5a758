"""A value for one key that meets all constraints, or the certainty that a caller can have none.

Numbers, points in time and addresses lie on a line: between two neighbours among those that the constraints name,
every value is like every other, so a few candidates are enough. Texts are searched for as strings.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, assert_never

from ecr_exposure.identifiers import partitions_of_region
from ecr_exposure.policy.addresses import (
    IPV4,
    IPV6,
    PUBLIC,
    WIDTH,
    address_text,
    is_partly_public,
    is_public,
    range_of,
    read_cidr,
)
from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.policy.operators import Comparison, is_number, read_date
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.constraints import Constraint
from ecr_exposure.search.strings import (
    Automaton,
    Budget,
    ExclusionAutomaton,
    PatternAutomaton,
    TooComplexError,
    shortest_match,
)
from ecr_exposure.search.value_domains import DOMAINS, IPV6_FORM, TEXT_FORM, VALUE, Domain, IdKind, Selection

Constraints = Sequence[Constraint]


def pick_value(domain: ValueDomain, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    """Return a value that a caller can have and that meets all constraints; None if there is none.

    Raises TooComplexError if the search cannot decide.
    """
    budget.spend(1 + len(constraints))
    row = DOMAINS[domain]
    match row.selection:
        case Selection.LISTED:
            return _first(row.values, constraints)
        case Selection.NUMBER:
            return _pick_number(constraints, budget)
        case Selection.ADDRESS:
            return _pick_address(domain, constraints, budget)
        case Selection.UNKNOWN:
            return _pick_unknown(row, constraints, callers, budget)
        case Selection.PATTERN:
            return _pick_string(domain, row, constraints, callers, budget)
        case Selection.CORRELATED:
            raise ValueError(f"{domain.name} has no value without other keys")
        case _:
            assert_never(row.selection)


def _first(values: Iterable[str], constraints: Constraints) -> str | None:
    return next((value for value in values if all(constraint.accepts(value) for constraint in constraints)), None)


def _first_counted(values: Iterable[str], constraints: Constraints, budget: Budget) -> str | None:
    """Return the first value that meets all constraints; each value spends steps."""
    steps = 1 + sum(len(constraint.texts) for constraint in constraints) // 8
    for value in values:
        budget.spend(steps)
        if all(constraint.accepts(value) for constraint in constraints):
            return value
    return None


def _compared_as(comparison: Comparison, constraints: Iterable[Constraint]) -> list[str]:
    return [text for constraint in constraints if constraint.comparison is comparison for text in constraint.texts]


# Strings.


def automaton_of(constraint: Constraint, tape: str) -> PatternAutomaton:
    """Return the automaton of a constraint that compares text."""
    return PatternAutomaton(
        tape,
        constraint.texts,
        negated=constraint.negated,
        ignore_case=constraint.comparison is Comparison.TEXT_IGNORING_CASE,
        arn=constraint.comparison is Comparison.ARN,
    )


def automata_of(constraints: Iterable[Constraint], tape: str) -> list[Automaton]:
    """Return the automata of the constraints, without those that any value meets."""
    return [automaton_of(each, tape) for each in constraints if each.comparison is not Comparison.ANY]


def named_exclusions(callers: CallerModel, kinds: Iterable[IdKind]) -> list[Automaton]:
    """Return the automata that exclude the ids that a caller cannot have."""
    return [_exclusion(kind, ids) for kind in kinds if (ids := callers.excluded_ids(kind))]


# An organization has thousands of accounts, and every search for a caller excludes them all.
_exclusion: Final = lru_cache(maxsize=16)(ExclusionAutomaton)


def _pick_string(
    domain: ValueDomain, row: Domain, constraints: Constraints, callers: CallerModel, budget: Budget
) -> str | None:
    automata = [*automata_of(constraints, VALUE), *named_exclusions(callers, row.excluded)]
    example = callers.account if domain is ValueDomain.ACCOUNT else row.example
    if example is not None and _is_unnamed(example, callers) and _first([example], constraints) is not None:
        return example
    if domain is ValueDomain.PROVIDER:
        # A provider that is not an ARN can be any text.
        no_arn = PatternAutomaton(VALUE, ["arn:*"], negated=True)
        if (found := shortest_match(TEXT_FORM, [*automata, no_arn], budget)) is not None:
            return found[VALUE]
    for form in row.forms_in(partitions_of_region(callers.region)):
        if (found := shortest_match(form, automata, budget)) is not None:
            return found[VALUE]
    return None


def _is_unnamed(example: str, callers: CallerModel) -> bool:
    return not any(example in callers.excluded_ids(kind) for kind in (IdKind.ACCOUNT, IdKind.NETWORK, IdKind.OWN_ID))


# Numbers and addresses.


def _pick_number(constraints: Constraints, budget: Budget) -> str | None:
    def is_age(text: str) -> bool:
        return is_number(text) and Decimal(text) >= 0

    def give_up() -> str | None:
        raise TooComplexError("a number is compared as text")

    return _pick_point(_numbers(constraints, least=Decimal(0)), is_age, constraints, budget, give_up)


def _pick_address(domain: ValueDomain, constraints: Constraints, budget: Budget) -> str | None:
    def is_in_domain(text: str) -> bool:
        if domain is ValueDomain.PUBLIC_ADDRESS:
            return is_public(text)
        right_version = ":" not in text or domain is ValueDomain.ADDRESS
        return right_version and "/" not in text and read_cidr(text) is not None

    values = filter(is_in_domain, _addresses(_compared_as(Comparison.ADDRESS, constraints)))

    def search() -> str | None:
        return _search_address_text(domain, constraints, budget)

    return _pick_point(values, is_in_domain, constraints, budget, search)


def _pick_point(
    values: Iterable[str],
    is_in_domain: Callable[[str], bool],
    constraints: Constraints,
    budget: Budget,
    otherwise: Callable[[], str | None],
) -> str | None:
    """Return one of the values, or one that a constraint writes out; otherwise: where patterns may match others."""
    as_text = [constraint for constraint in constraints if constraint.compares_text]
    written = [text for constraint in as_text for text in constraint.texts if not has_wildcard(text)]
    known = [text for each in written for text in (each, each.lower()) if is_in_domain(text)]
    found = _first_counted([*known, *values], constraints, budget)
    if found is not None or not as_text or any(map(_is_exact, as_text)):
        return found
    return otherwise()


def _is_exact(constraint: Constraint) -> bool:
    """Return whether only values match that the constraint writes out."""
    return not constraint.negated and not any(map(has_wildcard, constraint.texts))


def _numbers(constraints: Constraints, *, least: Decimal | None = None) -> list[str]:
    """Return numbers of which each interval between the numbers of the constraints holds one."""
    edges = sorted(set(map(Decimal, _compared_as(Comparison.NUMBER, constraints))))
    points = {Decimal(0), Decimal(300)} | {edge + step for edge in edges for step in (-1, 0, 1)}
    points |= {(a + b) / 2 for a, b in pairwise(edges)}
    return [f"{point:f}" for point in sorted(points) if least is None or point >= least]


# Addresses of the ranges that are reserved for documentation.
_EXAMPLE_ADDRESSES: Final = ("198.51.100.7", "203.0.113.7", "192.0.2.7", "2001:db8::7")


def _addresses(cidrs: Iterable[str]) -> list[str]:
    """Return addresses of which each region that the ranges cut out holds one.

    A region that remains when ranges are joined and subtracted begins where a range begins, or right behind
    the end of one.
    """
    edges: set[tuple[int, int]] = {(version, first) for version, ranges in PUBLIC.items() for first, _ in ranges}
    edges |= {(IPV4, 0), (IPV6, 0)}
    for cidr in cidrs:
        version, (first, last) = range_of(cidr)
        edges |= {(version, first), (version, last + 1), (version, (first + last) // 2)}
    inside = [address_text(version, number) for version, number in sorted(edges) if number < 1 << WIDTH[version]]
    return [*_EXAMPLE_ADDRESSES, *inside]


def _search_address_text(domain: ValueDomain, constraints: Constraints, budget: Budget) -> str | None:
    """Return an address whose text matches patterns: IPv4 octet by octet, IPv6 only as far as it is certain."""
    automata = [automaton_of(each, VALUE) for each in constraints if each.compares_text]
    found = _octets(domain, "", [(each, each.start) for each in automata], constraints, budget)
    if found is not None or domain is ValueDomain.ADDRESS_IPV4:
        return found
    if shortest_match(IPV6_FORM, automata, budget) is not None:
        raise TooComplexError("an address of IPv6 is compared as text")
    return None


_OCTETS: Final = 4


def _octets(
    domain: ValueDomain,
    begun: str,
    reading: Sequence[tuple[PatternAutomaton, Any]],
    constraints: Constraints,
    budget: Budget,
) -> str | None:
    rest = _OCTETS - 1 - begun.count(".")
    for octet in range(256):
        written = f"{octet}." if rest else f"{octet}"
        text = begun + written
        budget.spend(1 + len(reading))
        block = f"{text}{'.'.join('0' * rest)}/{8 * (_OCTETS - rest)}"
        if domain is ValueDomain.PUBLIC_ADDRESS and not is_partly_public(block):
            continue
        after = [(automaton, _read(automaton, state, written)) for automaton, state in reading]
        if any(state is None for _, state in after):
            continue
        found = _octets(domain, text, after, constraints, budget) if rest else _first([text], constraints)
        if found is not None:
            return found
    return None


def _read(automaton: PatternAutomaton, state: Any, text: str) -> Any:  # noqa: ANN401 - a state of the automaton
    for character in text:
        if state is None:
            return None
        state = automaton.step(state, character)
    return state


# Unknown keys.


def _pick_unknown(row: Domain, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    typed = {each.comparison for each in constraints} & {Comparison.NUMBER, Comparison.DATE, Comparison.ADDRESS}
    if not typed:
        return _pick_string(ValueDomain.UNKNOWN, row, constraints, callers, budget)
    only_values = [values for constraint in constraints if (values := constraint.only_values()) is not None]
    candidates = ["true", "false", "x", *(value for values in only_values for value in values)]
    candidates += _addresses(_compared_as(Comparison.ADDRESS, constraints))
    candidates += _numbers(constraints)
    candidates += [_date_text(moment) for moment in _moments(constraints, None)]
    found = _first_counted(candidates, constraints, budget)
    several_ways = len(typed) > 1 or any(constraint.compares_text for constraint in constraints)
    if found is None and not only_values and several_ways:
        raise TooComplexError("an unknown key is compared in several ways")
    return found


# Points in time.


class Times(NamedTuple):
    """The keys of one moment; token_issue_time: None if the key is absent."""

    current_time: str
    epoch_time: str
    token_issue_time: str | None


_TOKEN_LIFE: Final = 36 * 3600.0


def pick_times(
    current: Constraints, epoch: Constraints, token: Constraints | None, callers: CallerModel, budget: Budget
) -> Times | None:
    """Return aws:CurrentTime, aws:EpochTime (the same moment) and aws:TokenIssueTime; None if there are none.

    token: None if aws:TokenIssueTime is to be absent. Raises TooComplexError.
    """
    calls = _moments([*current, *epoch], callers.now)
    if token is not None:
        near_tokens = (time for base in _moments(token, None) for time in (base, base + _TOKEN_LIFE))
        calls = sorted({*calls, *(time for time in near_tokens if time >= callers.now)})
    for call in calls:
        budget.spend(2)
        date, number = _date_text(call), _number_text(call)
        if _first([date], current) is None or _first([number], epoch) is None:
            continue
        if token is None:
            return Times(date, number, None)
        if (issued := _pick_issue_time(call, token, budget)) is not None:
            return Times(date, number, issued)
    if any(constraint.compares_text for constraint in (*current, *epoch, *(token or ()))):
        raise TooComplexError("a moment is compared as text")
    return None


def _pick_issue_time(call: float, token: Constraints, budget: Budget) -> str | None:
    earliest = call - _TOKEN_LIFE
    times = [time for time in (call, earliest, *_moments(token, None)) if earliest <= time <= call]
    return _first_counted(map(_date_text, times), token, budget)


def _moments(constraints: Iterable[Constraint], earliest: float | None) -> list[float]:
    """Return points in time of which each interval between the dates of the constraints holds one, since 1970."""
    constraints = list(constraints)
    edges = {read_date(text) or 0.0 for text in _compared_as(Comparison.DATE, constraints)}
    edges |= {float(Decimal(text)) for text in _compared_as(Comparison.NUMBER, constraints)}
    points = {edge + step for edge in edges for step in (-1.0, 0.0, 1.0)}
    points |= {(a + b) / 2 for a, b in pairwise(sorted(edges))}
    if earliest is None:
        return sorted(points)
    return sorted({earliest, *(point for point in points if point >= earliest)})


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT: Final = "9999-12-31T23:59:59Z"


def _date_text(moment: float) -> str:
    """Return a point in time as AWS writes it in a request context; beyond the calendar, its last second."""
    try:
        text = (_EPOCH + timedelta(seconds=moment)).isoformat(timespec="milliseconds" if moment % 1 else "seconds")
    except OverflowError:
        return _LAST_MOMENT
    return text.replace("+00:00", "Z")


def _number_text(moment: float) -> str:
    """Return a point in time as aws:EpochTime has it."""
    return str(int(moment)) if moment == int(moment) else repr(moment)
