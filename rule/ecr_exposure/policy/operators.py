"""The condition operators: one row for each, with all that is true of it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
Adding an operator is one row here, one in the oracle and one case in the corpus.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Final, NamedTuple

from ecr_exposure.identifiers import ARN_FIELDS, arn_fields
from ecr_exposure.policy.addresses import is_in_range, read_cidr
from ecr_exposure.policy.json_values import has_too_many_digits
from ecr_exposure.policy.patterns import PLAIN, ascii_lower, matches


class ValueType(Enum):
    """What an operator reads the values of a policy as; the text names it in an error."""

    STRING = "a string"
    ARN = "an ARN"
    BOOL = "true or false"
    NULL = "true or false (no variable)"
    NUMERIC = "a number of at most 40 digits"
    DATE = "an ISO 8601 date with a time zone, or seconds since 1970"
    IP = "an address or a CIDR range"
    BINARY = "base64 text"


class Comparison(Enum):
    """How an operator compares a value of the request with a value of the policy."""

    ANY = "any value matches"
    TEXT = "as text"
    TEXT_IGNORING_CASE = "as text, ignoring case"
    ARN = "as ARNs, field by field"
    NUMBER = "as numbers"
    DATE = "as points in time"
    ADDRESS = "as an address and a CIDR range"


class Relation(Enum):
    """Which numbers or dates match: those that stand in this relation to the value of the policy."""

    EQUALS = "Equals"
    LESS_THAN = "LessThan"
    LESS_THAN_EQUALS = "LessThanEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_EQUALS = "GreaterThanEquals"


class SetOperator(Enum):
    """The prefix that says how many values of a multivalued key must match."""

    NONE = ""
    FOR_ALL_VALUES = "ForAllValues"
    FOR_ANY_VALUE = "ForAnyValue"


Matches = Callable[[str, str], bool | None]
"""(value of the policy, value of the request) -> whether they match; None where AWS does not document it."""


class Operator(NamedTuple):
    """One condition operator with its prefix and suffix.

    name: without prefix and suffix. value_type: what a value of the policy is read as. comparison: how values are
    compared; the search compares patterns by it. matches: the comparison of one value of the policy with one of the
    request; a negated operator uses the function of its positive one, and negates the result. wildcards: ``*`` and
    ``?`` in a value of the policy are wildcards. variables: ``${…}`` is a policy variable; None: not documented.
    relation: of a Numeric or Date operator. set_operator, if_exists: the prefix and the suffix. accepts: which values
    of a policy are valid; None: all.
    """

    name: str
    value_type: ValueType
    comparison: Comparison
    matches: Matches
    negated: bool = False
    wildcards: bool = False
    variables: bool | None = False
    relation: Relation | None = None
    set_operator: SetOperator = SetOperator.NONE
    if_exists: bool = False
    accepts: Callable[[str], object] | None = None

    @property
    def spelling(self) -> str:
        """The operator as a policy spells it."""
        prefix = f"{self.set_operator.value}:" if self.set_operator.value else ""
        return f"{prefix}{self.name}{'IfExists' if self.if_exists else ''}"

    @property
    def when_absent(self) -> bool | None:
        """What the operator returns if the key is absent from the request context; None: not documented."""
        if self.set_operator is SetOperator.FOR_ALL_VALUES:
            return True
        if self.set_operator is SetOperator.FOR_ANY_VALUE:
            return None if self.if_exists else False
        return self.if_exists or self.negated


def _equals(text: str, value: str) -> bool:
    return text.translate(PLAIN) == value.translate(PLAIN)


def _equals_ignoring_case(text: str, value: str) -> bool:
    return _equals(ascii_lower(text), ascii_lower(value))


def matches_arn(pattern: str, value: str) -> bool | None:
    """Match an ARN field by field; None where the pattern has too few fields and those that it has match.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    wanted, fields = arn_fields(pattern), arn_fields(value)
    if len(fields) < ARN_FIELDS or not all(map(matches, wanted, fields)):
        return False
    return True if len(wanted) == ARN_FIELDS else None


_COMPARE: Final[Mapping[Relation, Callable[[Any, Any], bool]]] = {
    Relation.EQUALS: operator.eq,
    Relation.LESS_THAN: operator.lt,
    Relation.LESS_THAN_EQUALS: operator.le,
    Relation.GREATER_THAN: operator.gt,
    Relation.GREATER_THAN_EQUALS: operator.ge,
}


def _compares_numbers(compare: Callable[[Any, Any], bool], text: str, value: str) -> bool:
    # Only the numbers of a policy are bounded.
    return _NUMBER.fullmatch(value) is not None and compare(Decimal(value), Decimal(text))


def _compares_dates(compare: Callable[[Any, Any], bool], text: str, value: str) -> bool:
    moment = read_date(value)
    return moment is not None and compare(moment, read_date(text))


def _equal_numbers(text: str, value: str) -> bool:
    return all(map(_NUMBER.fullmatch, (text, value))) and Decimal(text) == Decimal(value)


def _equal_dates(text: str, value: str) -> bool:
    moment = read_date(text)
    return moment is not None and moment == read_date(value)


EQUAL_VALUES: Final[Mapping[ValueType, Callable[[str, str], bool]]] = {
    ValueType.IP: is_in_range,
    ValueType.DATE: _equal_dates,
    ValueType.NUMERIC: _equal_numbers,
}
"""Whether two values of the request are the same address, moment or number, however they are written."""


def _never(_text: str, _value: str) -> bool:
    return False


_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def is_number(text: str) -> bool:
    """Return whether the text is a number that a Numeric operator compares; written out it has at most 40 digits."""
    return _NUMBER.fullmatch(text) is not None and not has_too_many_digits(text)


def _is_bool(text: str) -> bool:
    return ascii_lower(text) in ("true", "false")


_DATE: Final = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-2][0-9]:?[0-5][0-9])?)?)?)?"
)
_EPOCH: Final = re.compile(r"(?![0-9]{4}\Z)-?[0-9]{1,40}(?:\.[0-9]+)?")
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_date(text: str) -> float | None:
    """Return the seconds since 1970 that a date value means; None if it is not a date.

    Four digits are a year, other digits are seconds; a time without a zone is UTC.
    https://www.w3.org/TR/NOTE-datetime is the profile of ISO 8601 that IAM names.
    """
    if _EPOCH.fullmatch(text):
        return float(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    seconds = (moment - _EPOCH_START).total_seconds() + float(f"0.{fraction or 0}")
    return seconds - _offset(zone)


def _offset(zone: str | None) -> float:
    if zone in (None, "Z"):
        return 0.0
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])).total_seconds()
    return -offset if zone[0] == "-" else offset


def _is_date(text: str) -> bool:
    return read_date(text) is not None


def _string(
    name: str, comparison: Comparison, matches: Matches, *, wildcards: bool = False, negated: bool = False
) -> Operator:
    return Operator(name, ValueType.STRING, comparison, matches, negated, wildcards, variables=True)


def _arn(name: str, *, negated: bool = False) -> Operator:
    # ArnEquals is ArnLike: both take wildcards, says the page of the condition operators.
    return Operator(name, ValueType.ARN, Comparison.ARN, matches_arn, negated, wildcards=True, variables=True)


_NUMERIC: Final = {relation: partial(_compares_numbers, compare) for relation, compare in _COMPARE.items()}
_DATES: Final = {relation: partial(_compares_dates, compare) for relation, compare in _COMPARE.items()}


def _numeric(name: str, relation: Relation, *, negated: bool = False) -> Operator:
    found = _NUMERIC[relation]
    numeric, number = ValueType.NUMERIC, Comparison.NUMBER
    return Operator(name, numeric, number, found, negated=negated, relation=relation, accepts=is_number)


def _date(name: str, relation: Relation, *, negated: bool = False) -> Operator:
    found = _DATES[relation]
    return Operator(name, ValueType.DATE, Comparison.DATE, found, negated=negated, relation=relation, accepts=_is_date)


def _address(name: str, *, negated: bool = False) -> Operator:
    return Operator(name, ValueType.IP, Comparison.ADDRESS, is_in_range, negated=negated, accepts=read_cidr)


_T, _C, _R = ValueType, Comparison, Relation
TABLE: Final = (
    _string("StringEquals", _C.TEXT, _equals),
    _string("StringNotEquals", _C.TEXT, _equals, negated=True),
    _string("StringEqualsIgnoreCase", _C.TEXT_IGNORING_CASE, _equals_ignoring_case),
    _string("StringNotEqualsIgnoreCase", _C.TEXT_IGNORING_CASE, _equals_ignoring_case, negated=True),
    _string("StringLike", _C.TEXT, matches, wildcards=True),
    _string("StringNotLike", _C.TEXT, matches, wildcards=True, negated=True),
    _arn("ArnEquals"),
    _arn("ArnNotEquals", negated=True),
    _arn("ArnLike"),
    _arn("ArnNotLike", negated=True),
    # The page of the operators shows a variable under Bool; the page of the variables allows none there:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-wheretouse
    Operator("Bool", _T.BOOL, _C.TEXT_IGNORING_CASE, _equals_ignoring_case, variables=None, accepts=_is_bool),
    _numeric("NumericEquals", _R.EQUALS),
    _numeric("NumericNotEquals", _R.EQUALS, negated=True),
    _numeric("NumericLessThan", _R.LESS_THAN),
    _numeric("NumericLessThanEquals", _R.LESS_THAN_EQUALS),
    _numeric("NumericGreaterThan", _R.GREATER_THAN),
    _numeric("NumericGreaterThanEquals", _R.GREATER_THAN_EQUALS),
    _date("DateEquals", _R.EQUALS),
    _date("DateNotEquals", _R.EQUALS, negated=True),
    _date("DateLessThan", _R.LESS_THAN),
    _date("DateLessThanEquals", _R.LESS_THAN_EQUALS),
    _date("DateGreaterThan", _R.GREATER_THAN),
    _date("DateGreaterThanEquals", _R.GREATER_THAN_EQUALS),
    _address("IpAddress"),
    _address("NotIpAddress", negated=True),
    Operator("BinaryEquals", _T.BINARY, _C.TEXT, _equals),
    # Null has no set operator and no IfExists; it asks whether the key is present and compares no value.
    Operator("Null", _T.NULL, _C.ANY, _never, accepts=_is_bool),
)
"""Every operator, without prefix and suffix."""


def _spellings() -> Iterator[tuple[str, Operator]]:
    for row in TABLE:
        if row.value_type is ValueType.NULL:
            yield row.name.lower(), row
            continue
        for set_operator in SetOperator:
            for if_exists in (False, True):
                found = row._replace(set_operator=set_operator, if_exists=if_exists)
                yield found.spelling.lower(), found


OPERATORS: Final[Mapping[str, Operator]] = dict(_spellings())
"""Every operator by its whole spelling in lower case, for IAM ignores the case of operators."""
