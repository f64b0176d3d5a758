"""The operators' names and the values that they take."""

from datetime import UTC, datetime

import pytest

from ecr_exposure.policy.operators import OPERATORS, Quantifier, ValueType, read_cidr, read_date


def test_there_are_twenty_seven_operators() -> None:
    """Twenty-six take a set operator and IfExists, Null takes neither."""
    names = {operator.name for operator in OPERATORS.values()}
    assert len(names) == 27
    assert len(OPERATORS) == 26 * 3 * 2 + 1
    assert not {"nullifexists", "foranyvalue:null", "forallvalues:null"} & OPERATORS.keys()


def test_a_spelling_is_taken_apart() -> None:
    operator = OPERATORS["forallvalues:stringnotlikeifexists"]
    assert (operator.name, operator.value_type) == ("StringNotLike", ValueType.STRING)
    assert operator.negated
    assert operator.quantifier is Quantifier.FOR_ALL
    assert operator.if_exists


def test_negated_operators() -> None:
    negated = {operator.name for operator in OPERATORS.values() if operator.negated}
    assert negated == {
        "StringNotEquals",
        "StringNotEqualsIgnoreCase",
        "StringNotLike",
        "ArnNotEquals",
        "ArnNotLike",
        "NotIpAddress",
        "NumericNotEquals",
        "DateNotEquals",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T12:30:15Z", datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)),
        ("2026-11-24T12:30Z", datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        ("2026-11-24T12:30:15.25Z", datetime(2026, 11, 24, 12, 30, 15, 250_000, tzinfo=UTC)),
        ("2026-11-24T12:30:15+02:00", datetime(2026, 11, 24, 10, 30, 15, tzinfo=UTC)),
        ("2026-11-24T12:30:15-0130", datetime(2026, 11, 24, 14, 0, 15, tzinfo=UTC)),
        ("2026-11-24T12:30:15", datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("1795523415", datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)),
        ("-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates(text: str, expected: datetime) -> None:
    assert read_date(text) == expected.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01",
        "2026-02-30",
        "2026-11-24T25:00Z",
        "2026-11-24 12:30Z",
        "24.11.2026",
        "2026-11-24T12Z",
        "2026-11-24T12:30:15+30:00",
        "0000",
        "1e9",
        "２０２６",
        "2026-11-24T12:30:15Z\n",
    ],
)
def test_no_dates(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", (4, 0xCB007107, 32)),
        ("203.0.113.7/24", (4, 0xCB007100, 24)),
        ("0.0.0.0/0", (4, 0, 0)),
        ("::/0", (6, 0, 0)),
        ("2001:db8::1", (6, 0x20010DB8 << 96 | 1, 128)),
        ("2001:DB8::1/32", (6, 0x20010DB8 << 96, 32)),
    ],
)
def test_cidrs(text: str, expected: tuple[int, int, int]) -> None:
    assert read_cidr(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.7/33",
        "203.0.113.7/",
        "::/129",
        "fe80::1%eth0",
        "*",
        "203.0.113.7/255.255.255.0",
        "203.0.113.7/024",
        " 203.0.113.7",
        "203.0.113.7/-1",
        "203.0.113.7\x00",
    ],
)
def test_no_cidrs(text: str) -> None:
    assert read_cidr(text) is None
