"""Condition operators, and the numbers, dates and networks that a policy writes as their values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal
from enum import Enum
from fractions import Fraction

from tests.oracle.solver_patterns import folded

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Span = tuple[int, int]

_NUMBER = re.compile(
    r"[+-]?(?:(?P<whole>\d+)(?:\.(?P<part>\d*))?|\.(?P<rest>\d+))(?:[eE](?P<exponent>[+-]?\d+))?", re.ASCII
)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?)?)?", re.ASCII
)
_EPOCH = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_CIDR = re.compile(r"([0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(/\d{1,3})?", re.ASCII)


MOST_DIGITS = 40
_FAR_EXPONENT = 100_000
# No moment of a request is further away, and two moments are never closer.
_FAR_MOMENT = Decimal(10) ** 50
_EXACT = Context(prec=200)


def digits_of(written: str) -> int | None:
    """How many digits a number has without its exponent (`1e3`: 4, `1e-3`: 4 in 0.001); None for another text."""
    found = _NUMBER.fullmatch(written)
    if not found:
        return None
    whole, part = found["whole"] or "", found["part"] or found["rest"] or ""
    digits, exponent = whole + part, found["exponent"] or "0"
    if not digits.strip("0"):
        return len(digits)
    far = len(exponent.lstrip("+-0")) > len(str(_FAR_EXPONENT))
    point = len(whole) + (_FAR_EXPONENT * (-1 if exponent[0] == "-" else 1) if far else int(exponent))
    return len(digits) - point + 1 if point <= 0 else max(len(digits), point)


def read_number(written: str) -> Fraction | None:
    """A decimal number with an optional sign and exponent, and at most 40 digits; None for another text."""
    digits = digits_of(written)
    if digits is None or digits > MOST_DIGITS:
        return None
    return Fraction(written) if re.search("[1-9]", re.split("[eE]", written)[0]) else Fraction(0)


def read_moment(written: str) -> Fraction | None:
    """Seconds since 1970 of a W3C date (four digits are a year) or of an epoch number; None for another text."""
    found = _DATE.fullmatch(written)
    if not found:
        return _read_epoch(written) if _EPOCH.fullmatch(written) else None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    try:
        moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=_zone(found[8]))
        whole = Fraction(round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()))
    except (ValueError, OverflowError):
        return None
    return whole + Fraction(found[7] or 0)


def _read_epoch(written: str) -> Fraction:
    """An epoch number, which may have any number of digits."""
    number = Decimal(written)
    near = max(-_FAR_MOMENT, min(_FAR_MOMENT, number))
    return Fraction(near.quantize(Decimal(1).scaleb(-100), context=_EXACT))


def _zone(written: str | None) -> timezone:
    """The offset of a W3C date; a date without one is read as UTC."""
    if written in (None, "Z"):
        return UTC
    assert written is not None
    digits = written[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if written[0] == "-" else offset)


def read_network(written: str) -> Network | None:
    """A CIDR block or a single address (/32 or /128); host bits are ignored; None for another text."""
    if not _CIDR.fullmatch(written):
        return None
    try:
        return ipaddress.ip_network(written, strict=False)
    except ValueError:
        return None


def _spans(*written: str) -> tuple[Span, ...]:
    return tuple(span_of(ipaddress.ip_network(block)) for block in written)


def span_of(network: Network) -> Span:
    """First and last address of a network as numbers."""
    return int(network.network_address), int(network.broadcast_address)


# RFC 1918, loopback, link-local, shared space, multicast and what is reserved; documentation ranges stay public.
NOT_PUBLIC_V4 = _spans(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PUBLIC_V6: Span = _spans("2000::/3")[0]
MOST_TRUSTED_V4 = 1 << 24
MOST_TRUSTED_V6 = 1 << 96


def _merged(spans: list[Span]) -> list[Span]:
    """The same addresses as spans that do not adjoin."""
    out: list[Span] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def _overlap(span: Span, others: tuple[Span, ...]) -> int:
    """How many addresses of the span lie in the other, disjoint spans."""
    return sum(max(0, min(span[1], last) - max(span[0], first) + 1) for first, last in others)


def is_trusted_network(networks: list[Network]) -> bool:
    """Whether the public part of the union of CIDR blocks is no larger than a /8 (IPv6: a /32)."""
    v4 = _merged([span_of(network) for network in networks if network.version == 4])
    v6 = _merged([span_of(network) for network in networks if network.version == 6])
    public_v4 = sum(last - first + 1 - _overlap((first, last), NOT_PUBLIC_V4) for first, last in v4)
    public_v6 = sum(_overlap(span, (PUBLIC_V6,)) for span in v6)
    return public_v4 <= MOST_TRUSTED_V4 and public_v6 <= MOST_TRUSTED_V6


def moment_text(seconds: int | Decimal) -> str:
    """A moment as a request context has it: ISO 8601 in UTC, with parts of a second if it has some."""
    whole = math.floor(seconds)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole)
    part = f"{seconds - whole:.9f}".strip("0") if seconds != whole else ""
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{moment:%H:%M:%S}{part}Z"


LAST_MOMENT = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


class OperatorType(Enum):
    """The types of condition operators: what an operator reads values as."""

    TEXT = "String"
    ARN = "Arn"
    NUMBER = "Numeric"
    DATE = "Date"
    BOOL = "Bool"
    BINARY = "Binary"
    ADDRESS = "IpAddress"
    NULL = "Null"


class SetOperator(Enum):
    """The set operators, which say how many values of a key must meet a condition."""

    NONE = ""
    FOR_ALL_VALUES = "forallvalues:"
    FOR_ANY_VALUE = "foranyvalue:"


class Comparison(Enum):
    """How a number or a moment of the request compares with the value in the policy."""

    EQUAL = "equals"
    LESS = "lessthan"
    LESS_OR_EQUAL = "lessthanequals"
    GREATER = "greaterthan"
    GREATER_OR_EQUAL = "greaterthanequals"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator with its set operator and IfExists."""

    type: OperatorType
    negated: bool = False
    wildcards: bool = False
    ignore_case: bool = False
    comparison: Comparison = Comparison.EQUAL
    set_operator: SetOperator = SetOperator.NONE
    if_exists: bool = False


OPERATORS: dict[str, Operator] = {
    "stringequals": Operator(OperatorType.TEXT),
    "stringnotequals": Operator(OperatorType.TEXT, negated=True),
    "stringequalsignorecase": Operator(OperatorType.TEXT, ignore_case=True),
    "stringnotequalsignorecase": Operator(OperatorType.TEXT, negated=True, ignore_case=True),
    "stringlike": Operator(OperatorType.TEXT, wildcards=True),
    "stringnotlike": Operator(OperatorType.TEXT, negated=True, wildcards=True),
    "arnequals": Operator(OperatorType.ARN, wildcards=True),
    "arnlike": Operator(OperatorType.ARN, wildcards=True),
    "arnnotequals": Operator(OperatorType.ARN, negated=True, wildcards=True),
    "arnnotlike": Operator(OperatorType.ARN, negated=True, wildcards=True),
    "bool": Operator(OperatorType.BOOL),
    "binaryequals": Operator(OperatorType.BINARY),
    "ipaddress": Operator(OperatorType.ADDRESS),
    "notipaddress": Operator(OperatorType.ADDRESS, negated=True),
    "null": Operator(OperatorType.NULL),
    "numericnotequals": Operator(OperatorType.NUMBER, negated=True),
    "datenotequals": Operator(OperatorType.DATE, negated=True),
    **{f"numeric{each.value}": Operator(OperatorType.NUMBER, comparison=each) for each in Comparison},
    **{f"date{each.value}": Operator(OperatorType.DATE, comparison=each) for each in Comparison},
}
"""Every condition operator, in lower case, without set operator and IfExists."""


def read_operator(written: str) -> Operator | None:
    """The operator of this name, in any case; None if IAM has none. Null takes neither a set operator nor IfExists."""
    name = folded(written)
    sets = (SetOperator.FOR_ALL_VALUES, SetOperator.FOR_ANY_VALUE)
    set_operator = next((each for each in sets if name.startswith(each.value)), SetOperator.NONE)
    name = name.removeprefix(set_operator.value)
    if_exists = name.endswith("ifexists")
    base = OPERATORS.get(name.removesuffix("ifexists"))
    if base is None or (base.type is OperatorType.NULL and (if_exists or set_operator is not SetOperator.NONE)):
        return None
    return replace(base, set_operator=set_operator, if_exists=if_exists)


def value_problem(operator: Operator, written: str, *, variables: bool) -> str | None:
    """Why the value is invalid for the operator, or None."""
    match operator.type:
        case OperatorType.BOOL if variables and "${" in written:
            return None
        case OperatorType.NULL | OperatorType.BOOL if folded(written) not in ("true", "false"):
            return f"{written!r} is not true or false"
        case OperatorType.NUMBER if read_number(written) is None:
            return f"{written!r} is not a number of at most {MOST_DIGITS} digits"
        case OperatorType.DATE if read_moment(written) is None:
            return f"{written!r} is not a date"
        case OperatorType.ADDRESS if read_network(written) is None:
            return f"{written!r} is not an address block"
        case _:
            return None
