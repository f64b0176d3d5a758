"""JSON values at their limits: numbers of many digits, and nesting."""

import json
from typing import Any, Final

import pytest

from ecr_exposure import PolicyError, judge
from ecr_exposure.policy.document import read_policy
from ecr_exposure.policy.json_values import has_too_many_digits

TESTS: Final = ("unconditional", "reachable", "external")


def policy(operator: str, key: str, number: str) -> str:
    """Return the text of a policy with a number in a condition, which is written as it is given."""
    return (
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*",'
        f' "Condition": {{"{operator}": {{"{key}": {number}}}}}}}]}}'
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("9" * 40, False),
        ("9" * 41, True),
        ("-" + "9" * 40, False),
        ("1e39", False),
        ("1e40", True),
        ("1E+400", True),
        ("1e-39", False),
        ("1e-40", True),
        ("1e-45", True),
        ("1.5e38", False),
        ("12.5e39", True),
        ("0." + "1" * 39, False),
        ("0." + "1" * 40, True),
        ("1e" + "9" * 5_000, True),
        ("1e-" + "9" * 5_000, True),
        ("1e000000001", False),
        (".5", False),
        ("300", False),
    ],
)
def test_number_has_at_most_40_digits_without_an_exponent(number: str, *, expected: bool) -> None:
    assert has_too_many_digits(number) is expected


LONG_NUMBERS: Final = ["1e400", "-1e400", "9" * 41, "9" * 309, "9" * 5_000, "1e-45", "0." + "1" * 40]
CONDITIONS: Final = [
    ("NumericGreaterThan", "aws:EpochTime"),
    ("NumericEquals", "acme:limit"),
    ("DateLessThan", "aws:EpochTime"),
    ("StringEquals", "aws:PrincipalTag/x"),
]


class TestLongNumbers:
    """A number with more than 40 digits is a problem, and its place is named."""

    @pytest.mark.parametrize("number", LONG_NUMBERS, ids=lambda number: number[:9])
    @pytest.mark.parametrize(("operator", "key"), CONDITIONS)
    def test_in_a_json_text(self, operator: str, key: str, number: str) -> None:
        for test in TESTS:
            problem = judge(policy(operator, key, number), test=test, owner="111122223333").problem
            place = f"Statement[0].Condition.{operator}.{key}"
            assert problem == f"{place}: a number of more than 40 digits cannot be compared"

    @pytest.mark.parametrize("number", [10**40, -(10**309), 10**5_000, 1e-45, 1e300], ids=range(5))
    @pytest.mark.parametrize(("operator", "key"), CONDITIONS)
    def test_in_a_mapping(self, operator: str, key: str, number: float) -> None:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {operator: {key: [1, number]}}}
        problem = judge({"Statement": [statement]}, test="reachable").problem
        place = f"Statement[0].Condition.{operator}.{key}"
        assert problem == f"{place}: a number of more than 40 digits cannot be compared"

    @pytest.mark.parametrize("number", LONG_NUMBERS, ids=lambda number: number[:9])
    def test_as_the_text_of_a_numeric_condition(self, number: str) -> None:
        problem = judge(policy("NumericLessThan", "acme:limit", json.dumps(number)), test="reachable").problem
        assert problem is not None
        assert problem.startswith("Statement[0].Condition.NumericLessThan.acme:limit: ")
        assert problem.endswith(" is not a number of at most 40 digits")

    @pytest.mark.parametrize("number", ["9" * 40, "1e39", "-1e39", "1e-39"])
    def test_shorter_number_is_compared(self, number: str) -> None:
        for each in (number, json.dumps(number)):
            for key in ("aws:EpochTime", "acme:limit"):
                assert judge(policy("NumericNotEquals", key, each), test="reachable").compliance == "NON_COMPLIANT"

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_number_that_json_does_not_have(self, number: str) -> None:
        text = policy("NumericEquals", "acme:limit", number)
        for each in (text, json.loads(text)):
            assert (judge(each).problem or "").endswith(f"{number} is not a JSON value")


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [101, 800])
@pytest.mark.parametrize("place", ["Statement", "Principal", "Action", "Condition", "Sid"])
def test_deep_nesting_is_a_problem(place: str, depth: int) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*"}
    value = nested(depth) if place != "Condition" else {"StringEquals": {"acme:x": nested(depth)}}
    content = {"Statement": value if place == "Statement" else statement | {place: value}}
    for given in (content, json.dumps(content)):
        assert judge(given).problem
        with pytest.raises(PolicyError):
            read_policy(given)


def test_nesting_that_no_parser_can_follow_is_a_problem() -> None:
    text = policy("StringEquals", "acme:x", "[" * 99_999 + "]" * 99_999)
    assert judge(text).problem == "nested deeper than 100 levels"
