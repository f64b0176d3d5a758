"""Candidate addresses, moments, numbers and texts of unknown type."""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Final

from tests.oracle.enumeration.automata import Token, globs
from tests.oracle.enumeration.conditions import Condition
from tests.oracle.enumeration.keys import ARN, BINARY, BOOL, DATE, IP, NUMERIC, STRING
from tests.oracle.enumeration.text import Variable
from tests.oracle.enumeration.values import (
    LAST_SECOND,
    Network,
    Span,
    address_text,
    date_text,
    elementary_spans,
    every_span,
    is_public,
    parse_address,
    parse_date,
    parse_network,
    public_spans,
)

TOKEN_LIFE: Final = 36 * 3600
"""Temporary credentials are at most 36 hours old."""

Conditions = Mapping[str, list[Condition]]
Literals = Mapping[str, set[str]]


def _glob(text: str) -> tuple[Token, ...]:
    """A text with stars as tokens."""
    return tuple(("star", "") if char == "*" else ("char", char) for char in text)


NOT_PUBLIC = globs(
    frozenset(
        _glob(f"{start}.*")
        for start in (
            "0",
            "10",
            "127",
            "169.254",
            "192.168",
            *(f"172.{number}" for number in range(16, 32)),
            *(f"100.{number}" for number in range(64, 128)),
            *(str(number) for number in range(224, 256)),
        )
    )
)
"""The IPv4 addresses that are not public, as text."""


def literal_texts(conditions: Iterable[Condition]) -> set[str]:
    """The values of string conditions that are written without wildcards and variables."""
    return {
        "".join(part[1] for part in value.template if not isinstance(part, Variable))
        for condition in conditions
        if condition.operator.family in (STRING, ARN)
        for value in condition.values
        if all(not isinstance(part, Variable) and part[0] for part in value.template)
    }


def has_text_patterns(conditions: Iterable[Condition]) -> bool:
    """Whether a condition compares text with wildcards."""
    return any(
        not isinstance(part, Variable) and not part[0]
        for condition in conditions
        if condition.operator.family in (STRING, ARN)
        for value in condition.values
        for part in value.template
    )


def _spaces(key: str) -> tuple[Span, ...]:
    """The addresses that a key can carry."""
    if key == "aws:sourceip":
        return public_spans()
    if key == "aws:ec2instancesourceprivateipv4":
        return every_span()[:1]
    return every_span()


def address_values(key: str, conditions: list[Condition], literals: set[str], quads: Iterable[str]) -> list[str]:
    """An address of every piece between the borders of all networks, and what texts ask for."""
    networks = {value.network for each in conditions for value in each.values if value.network}
    texts = literals | literal_texts(conditions) | _version_six_instances(conditions)
    points: set[Network] = {net for net in map(parse_network, texts) if net is not None}
    pieces = elementary_spans(frozenset(networks | points), _spaces(key))
    found = [address_text(version, first) for version, first, _ in pieces]
    for text in (*texts, *quads):
        address = parse_address(text)
        if address is None or str(address) != text:
            continue
        if (key == "aws:sourceip" and not is_public(address)) or (
            key == "aws:ec2instancesourceprivateipv4" and address.version != 4
        ):
            continue
        found.append(text)
    return found


def _version_six_instances(conditions: Iterable[Condition]) -> set[str]:
    """An address for a pattern that is the beginning of an IPv6 address."""
    return {
        f"{value.text.rstrip('*').rstrip(':')}::1"
        for condition in conditions
        if condition.operator.family == STRING
        for value in condition.values
        if value.text.endswith("*") and ":" in value.text
    }


_MASK: Final = "2031-01-01T00:00:00Z"


def _dates_like(conditions: Iterable[Condition]) -> set[str]:
    """A date for a pattern that is the beginning of one."""
    beginnings = {value.text.split("*")[0].split("?")[0] for each in conditions for value in each.values}
    return {start + _MASK[len(start) :] for start in beginnings}


def _bounds(conditions: Iterable[Condition], texts: Iterable[str]) -> set[int]:
    """Whole numbers around everything that numbers and dates are compared with."""
    numbers = {
        value.number
        for condition in conditions
        if condition.operator.family in (NUMERIC, DATE)
        for value in condition.values
    }
    numbers |= {number for number in map(parse_date, texts) if number is not None}
    return {
        whole + shift for number in numbers for whole in (math.floor(number), math.ceil(number)) for shift in (-1, 0, 1)
    }


def moments(conditions: Conditions, literals: Literals, now: int) -> list[dict[str, tuple[str, ...]]]:
    """The call is made now or later, with credentials of at most 36 hours or permanent ones."""
    keys = ("aws:currenttime", "aws:epochtime", "aws:tokenissuetime")
    bounds: dict[str, set[int]] = {}
    for key in keys:
        mine = conditions.get(key, [])
        texts = literal_texts(mine) | literals.get(key, set())
        bounds[key] = _bounds(mine, texts | (_dates_like(mine) if has_text_patterns(mine) else set()))
    issued = bounds[keys[2]]
    calls = {now, now + 1, now + 400 * 86400, *bounds[keys[0]], *bounds[keys[1]]}
    calls |= issued | {moment + TOKEN_LIFE for moment in issued}
    found: list[dict[str, tuple[str, ...]]] = []
    with_token = bool(conditions.get(keys[2])) or keys[2] in literals
    for call in sorted(moment for moment in calls if now <= moment <= LAST_SECOND):
        clock: dict[str, tuple[str, ...]] = {keys[0]: (date_text(call),), keys[1]: (str(call),)}
        found.append(clock)
        tokens = {call, call - TOKEN_LIFE, *issued} if with_token else set()
        found += [
            {**clock, keys[2]: (date_text(moment),)} for moment in sorted(tokens) if call - TOKEN_LIFE <= moment <= call
        ]
    return found


def number_values(conditions: list[Condition], literals: set[str], digits: Iterable[str]) -> list[str]:
    """Whole numbers from zero on, around every bound."""
    bounds = _bounds(conditions, literal_texts(conditions) | literals) | {0}
    plain = {text for text in digits if text.isdigit()}
    return [*(str(number) for number in sorted(bounds) if number >= 0), *sorted(plain)]


def _decimal(number: Fraction) -> str:
    """A number as a decimal text."""
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.6f}".rstrip("0")


def unknown_values(conditions: list[Condition], literals: set[str], texts: Iterable[str]) -> list[str]:
    """Texts, numbers, dates, addresses, booleans: whatever the operators on the key can read."""
    families = {condition.operator.family for condition in conditions}
    found = [*texts, *sorted(literals | literal_texts(conditions))]
    if BOOL in families:
        found += ["true", "false"]
    if families & {NUMERIC, DATE}:
        numbers = sorted(
            {value.number for each in conditions if each.operator.family in (NUMERIC, DATE) for value in each.values}
        )
        middles = [(a + b) / 2 for a, b in pairwise(numbers)]
        near = {number + shift for number in numbers for shift in (-1, 0, 1)} | {*middles}
        found += [_decimal(number) for number in sorted(near)]
        if DATE in families:
            found += [date_text(math.floor(number)) for number in sorted(near) if 0 <= number <= LAST_SECOND]
    if IP in families:
        found += address_values("", conditions, literals, ())
    if BINARY in families:
        found += [value.text for each in conditions if each.operator.family == BINARY for value in each.values]
    return list(dict.fromkeys(found))
