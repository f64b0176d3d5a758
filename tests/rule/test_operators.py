"""The table of condition operators, and the values that they accept."""

from datetime import UTC, datetime

import pytest

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.addresses import read_cidr
from ecr_exposure.policy.conditions import read_conditions
from ecr_exposure.policy.operators import OPERATORS, TABLE, Comparison, SetOperator, ValueType, read_date


def test_table_has_27_operators_and_only_null_takes_no_prefix_and_suffix() -> None:
    names = {operator.name for operator in OPERATORS.values()}
    assert len(names) == 27
    assert len(OPERATORS) == 26 * 3 * 2 + 1
    assert not {"nullifexists", "foranyvalue:null", "forallvalues:null"} & OPERATORS.keys()


def test_spelling_resolves_to_name_set_operator_and_suffix() -> None:
    operator = OPERATORS["forallvalues:stringnotlikeifexists"]
    assert (operator.name, operator.value_type) == ("StringNotLike", ValueType.STRING)
    assert operator.negated
    assert operator.set_operator is SetOperator.FOR_ALL_VALUES
    assert operator.if_exists
    assert operator.spelling == "ForAllValues:StringNotLikeIfExists"


def test_operator_is_not_spelled_with_a_letter_that_folds_to_ascii() -> None:
    with pytest.raises(PolicyError, match="is not a condition operator"):
        read_conditions({"StringLi\u212ae": {"aws:UserAgent": "x"}}, variables=True)


def test_negated_operators_are_the_eight_with_not_in_their_name() -> None:
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


# Written from the AWS page of the condition operators, not from the table.
WITH_WILDCARDS = {"StringLike", "StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"}
IGNORING_CASE = {"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "Bool"}
WITH_VARIABLES = {
    *WITH_WILDCARDS,
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringEquals",
    "StringNotEquals",
}
# One page of AWS shows a variable under Bool, two others do not allow it.
UNDOCUMENTED_VARIABLES = {"Bool"}


def test_rows_say_which_operators_take_wildcards_ignore_case_and_take_variables() -> None:
    assert {operator.name for operator in TABLE if operator.wildcards} == WITH_WILDCARDS
    ignoring = {operator.name for operator in TABLE if operator.comparison is Comparison.TEXT_IGNORING_CASE}
    assert ignoring == IGNORING_CASE
    assert {operator.name for operator in TABLE if operator.variables} == WITH_VARIABLES
    assert {operator.name for operator in TABLE if operator.variables is None} == UNDOCUMENTED_VARIABLES


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
        ("-123", datetime(1969, 12, 31, 23, 57, 57, tzinfo=UTC)),
        ("12.5", datetime(1970, 1, 1, 0, 0, 12, 500_000, tzinfo=UTC)),
        ("123", datetime(1970, 1, 1, 0, 2, 3, tzinfo=UTC)),
        ("12345", datetime(1970, 1, 1, 3, 25, 45, tzinfo=UTC)),
    ],
)
def test_date_values_are_read_as_seconds_since_1970(text: str, expected: datetime) -> None:
    assert read_date(text) == expected.timestamp()


def test_date_of_a_policy_can_be_later_than_the_last_moment() -> None:
    assert read_date("253402300800") == 253_402_300_800
    assert read_date("9" * 40) == float("9" * 40)
    assert read_date("9" * 41) is None


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
def test_other_texts_are_not_dates(text: str) -> None:
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
def test_addresses_and_ranges_are_read_as_version_bits_and_length(text: str, expected: tuple[int, int, int]) -> None:
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
def test_other_texts_are_not_ranges(text: str) -> None:
    assert read_cidr(text) is None
