"""A value for one key that meets all constraints, or the certainty that a caller can have none.

Numbers, points in time and addresses lie on a line: between two neighbours among those that the constraints name,
every value is like every other, so a few candidates are enough. Texts are searched for as strings.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple, assert_never

from ecr_exposure.identifiers import partitions_of_region
from ecr_exposure.policy.addresses import (
    IPV4,
    IPV6,
    PUBLIC,
    WIDTH,
    address_text,
    is_in_range,
    is_public,
    range_of,
    read_cidr,
)
from ecr_exposure.policy.condition_keys import ConditionKey, ValueDomain
from ecr_exposure.policy.operators import Comparison, is_number, read_date
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.constraints import Constraint, one_text_each
from ecr_exposure.search.strings import (
    Automaton,
    Budget,
    ExclusionAutomaton,
    Form,
    PatternAutomaton,
    TooComplexError,
    shortest_match,
)
from ecr_exposure.search.value_domains import DOMAINS, TEXT_FORM, VALUE, IdKind, Selection

Constraints = Sequence[Constraint]


def pick_value(key: ConditionKey, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    """Return a value that a caller can have and that meets all constraints; None if there is none.

    Raises TooComplexError if the search cannot decide.
    """
    budget.spend(1 + len(constraints))
    domain, row = key.domain, DOMAINS[key.domain]
    if row.selection is not Selection.PATTERN:
        budget.spend(5 * sum(len(constraint.texts) for constraint in constraints))
    match row.selection:
        case Selection.LISTED:
            return _first(row.values, constraints)
        case Selection.NUMBER:
            return _pick_number(domain, constraints, budget)
        case Selection.ADDRESS:
            return _pick_address(domain, constraints, callers, budget)
        case Selection.UNKNOWN:
            return _pick_unknown(key, constraints, callers, budget)
        case Selection.PATTERN:
            return _pick_string(key, constraints, callers, budget)
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


def pick_strings(
    forms: Sequence[Form], constraints: Sequence[tuple[Constraint, str]], others: Iterable[Automaton], budget: Budget
) -> dict[str, str] | None:
    """Return a string for each tape of a form; None if nothing meets the constraints.

    constraints: each with the tape that it reads. others: further automata. Raises TooComplexError.
    """
    known = list(dict.fromkeys(each for each in constraints if each[0].comparison is not Comparison.ANY))
    others = list(others)
    for chosen in one_text_each([constraint for constraint, _ in known]):
        automata = [_automaton(each, tape) for each, (_, tape) in zip(chosen, known, strict=True)]
        for form in forms:
            budget.spend(10 + len(form) * (1 + len(known)))
            if (found := shortest_match(form, [*automata, *others], budget)) is not None:
                return found
    return None


def _automaton(constraint: Constraint, tape: str) -> PatternAutomaton:
    return PatternAutomaton(
        tape,
        constraint.texts,
        negated=constraint.negated,
        ignore_case=constraint.comparison is Comparison.TEXT_IGNORING_CASE,
        arn=constraint.comparison is Comparison.ARN,
    )


def excluded_ids(callers: CallerModel, kinds: Iterable[IdKind]) -> list[Automaton]:
    """Return the automata that exclude the ids that a caller cannot have."""
    return [_exclusion(kind, ids) for kind in kinds if (ids := callers.excluded_ids(kind))]


# An organization has thousands of accounts, and every search for a caller excludes them all.
_exclusion: Final = lru_cache(maxsize=16)(ExclusionAutomaton)


def _pick_string(key: ConditionKey, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    domain, row = key.domain, DOMAINS[key.domain]
    excluded = callers.excluded_kinds(key)
    example = callers.account if domain is ValueDomain.ACCOUNT else row.example
    is_excluded = any(example in callers.excluded_ids(kind) for kind in excluded)
    if example is not None and not is_excluded and _first([example], constraints) is not None:
        return example
    on_tape = [(constraint, VALUE) for constraint in constraints]
    others = excluded_ids(callers, excluded)
    if domain is ValueDomain.PROVIDER:
        # A provider that is not an ARN can be any text.
        no_arn = PatternAutomaton(VALUE, ["arn:*"], negated=True)
        if (found := pick_strings([TEXT_FORM], on_tape, [no_arn], budget)) is not None:
            return found[VALUE]
    forms = row.forms_in(partitions_of_region(callers.region))
    found = pick_strings(forms, on_tape, others, budget)
    return None if found is None else found[VALUE]


# Numbers and addresses.


def _pick_number(domain: ValueDomain, constraints: Constraints, budget: Budget) -> str | None:
    least = None if domain is ValueDomain.NUMBER else Decimal(0)

    def is_in_domain(text: str) -> bool:
        return is_number(text) and (least is None or Decimal(text) >= least)

    written = filter(is_in_domain, _written(constraints))
    return _first_counted([*written, *_numbers(constraints, least=least)], constraints, budget)


def _pick_address(domain: ValueDomain, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    def is_in_domain(text: str) -> bool:
        if domain is ValueDomain.PUBLIC_ADDRESS:
            return is_public(text)
        right_version = ":" not in text or domain is ValueDomain.ADDRESS
        return right_version and "/" not in text and read_cidr(text) is not None

    candidates = [*_written(constraints), *_addresses(_compared_as(Comparison.ADDRESS, constraints))]
    trusted: str | None = None
    for address in filter(is_in_domain, candidates):
        budget.spend(2 + sum(len(constraint.texts) for constraint in constraints))
        if all(constraint.accepts(address) for constraint in constraints):
            budget.spend(1 + len(callers.networks))
            if not any(is_in_range(network, address) for network in callers.networks):
                return address
            # An address that no statement trusts makes a better example.
            trusted = trusted or address
    return trusted


def _written(constraints: Constraints) -> list[str]:
    """Return the texts that a value must be equal to."""
    return [text for constraint in constraints for text in constraint.only_values() or ()]


_EXACT: Final = Context(prec=200)
"""Numbers of a policy have at most 40 digits."""


def _numbers(constraints: Constraints, *, least: Decimal | None = None) -> list[str]:
    """Return numbers of which each interval between the numbers of the constraints holds one."""
    edges = sorted(set(map(Decimal, _compared_as(Comparison.NUMBER, constraints))))
    points = {Decimal(0), Decimal(300), *_around(edges)}
    return [f"{point:f}" for point in sorted(points) if least is None or point >= least]


def _around(edges: Sequence[Decimal]) -> Iterable[Decimal]:
    """Yield the edges, what is right before and after them, and what is between them."""
    yield from (_EXACT.add(edge, step) for edge in edges for step in (Decimal(-1), Decimal(0), Decimal(1)))
    yield from (_EXACT.divide(_EXACT.add(a, b), Decimal(2)) for a, b in pairwise(edges))


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


# Unknown keys.


def _pick_unknown(key: ConditionKey, constraints: Constraints, callers: CallerModel, budget: Budget) -> str | None:
    typed = {each.comparison for each in constraints} & {Comparison.NUMBER, Comparison.DATE, Comparison.ADDRESS}
    if not typed:
        return _pick_string(key, constraints, callers, budget)
    only_values = [values for constraint in constraints if (values := constraint.only_values()) is not None]
    candidates = ["true", "false", "x", *(value for values in only_values for value in values)]
    candidates += _addresses(_compared_as(Comparison.ADDRESS, constraints))
    candidates += _numbers(constraints)
    candidates += [_date_text(moment) for moment in _moments(constraints)]
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


_TOKEN_LIFE: Final = Decimal(36 * 3600)


def pick_times(
    current: Constraints, epoch: Constraints, token: Constraints | None, callers: CallerModel, budget: Budget
) -> Times | None:
    """Return aws:CurrentTime, aws:EpochTime (the same moment) and aws:TokenIssueTime; None if there are none.

    token: None if aws:TokenIssueTime is to be absent. Raises TooComplexError.
    """
    now = Decimal(callers.now)
    budget.spend(10 * sum(len(each.texts) for each in (*current, *epoch, *(token or ()))))
    calls = _moments([*current, *epoch])
    if token is not None:
        calls += [time for base in _moments(token) for time in (base, base + _TOKEN_LIFE)]
    # A whole second reads better, but a window may end before it.
    later = sorted({call for call in calls if now < call <= _LAST_MOMENT})
    for call in (Decimal(math.ceil(now)), *later, now):
        budget.spend(2 + sum(len(each.texts) for each in (*current, *epoch)) // 8)
        date, number = _date_text(call), _number_text(call)
        if _first([date], current) is None or _first([number], epoch) is None:
            continue
        if token is None:
            return Times(date, number, None)
        if (issued := _pick_issue_time(call, token, budget)) is not None:
            return Times(date, number, issued)
    return None


def _pick_issue_time(call: Decimal, token: Constraints, budget: Budget) -> str | None:
    earliest = call - _TOKEN_LIFE
    times = [time for time in (call, earliest, *_moments(token)) if earliest <= time <= call]
    return _first_counted(map(_date_text, times), token, budget)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MOMENT: Final = Decimal(-62_135_596_800)
_LAST_MOMENT: Final = Decimal(253_402_300_799)
"""9999-12-31T23:59:59Z: no later moment can be written as a date."""


def _moments(constraints: Iterable[Constraint]) -> list[Decimal]:
    """Return points in time of which each interval between those of the constraints holds one, since 1970."""
    constraints = list(constraints)
    dates = map(read_date, [*_compared_as(Comparison.DATE, constraints), *_written(constraints)])
    edges = {Decimal(date) for date in dates if date is not None}
    edges |= set(map(Decimal, _compared_as(Comparison.NUMBER, constraints)))
    return sorted(point for point in set(_around(sorted(edges))) if _FIRST_MOMENT <= point <= _LAST_MOMENT)


def _date_text(moment: Decimal) -> str:
    """Return a point in time as AWS writes it in a request context."""
    whole = math.floor(moment)
    fraction = f"{moment - whole:f}".rstrip("0").lstrip("0") if moment != whole else ""
    return f"{(_EPOCH + timedelta(seconds=whole)).isoformat().removesuffix('+00:00')}{fraction}Z"


def _number_text(moment: Decimal) -> str:
    """Return a point in time as aws:EpochTime has it."""
    return f"{moment:f}"
