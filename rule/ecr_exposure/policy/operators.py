"""The condition operators, and which texts each accepts as a value.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final


class ValueType(Enum):
    """What an operator reads a value as."""

    STRING = "text"
    ARN = "an ARN"
    BOOL = "true or false"
    NULL = "true or false (no variable)"
    NUMERIC = "a number"
    DATE = "an ISO 8601 date with a time zone, or seconds since 1970"
    IP = "an address or a CIDR range"
    BINARY = "base64 text"


class Quantifier(Enum):
    """How an operator looks at a key with several values."""

    PLAIN = ""
    FOR_ALL = "ForAllValues"
    FOR_ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator with its prefix and suffix taken apart."""

    name: str
    value_type: ValueType
    negated: bool = False
    quantifier: Quantifier = Quantifier.PLAIN
    if_exists: bool = False
    takes_any_text: bool = False


_NAMES: Final = {
    ValueType.STRING: (
        "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike"
    ),
    ValueType.ARN: "ArnEquals ArnNotEquals ArnLike ArnNotLike",
    ValueType.BOOL: "Bool",
    ValueType.NUMERIC: (
        "NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals"
        " NumericGreaterThan NumericGreaterThanEquals"
    ),
    ValueType.DATE: ("DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals"),
    ValueType.IP: "IpAddress NotIpAddress",
    ValueType.BINARY: "BinaryEquals",
}


_TEXTS: Final = (ValueType.STRING, ValueType.ARN, ValueType.BINARY)


def _spellings() -> dict[str, Operator]:
    # Null stands alone: it asks whether the key exists, so neither a set nor IfExists fits it.
    found = {"null": Operator("Null", ValueType.NULL)}
    for value_type, names in _NAMES.items():
        for name in names.split():
            for quantifier in Quantifier:
                for if_exists in (False, True):
                    prefix = f"{quantifier.value}:" if quantifier.value else ""
                    spelling = f"{prefix}{name}{'IfExists' if if_exists else ''}"
                    found[spelling.lower()] = Operator(
                        name, value_type, "Not" in name, quantifier, if_exists, value_type in _TEXTS
                    )
    return found


OPERATORS: Final[Mapping[str, Operator]] = _spellings()
"""Every operator that IAM knows, by its whole lower-case spelling: operators ignore case."""


def _is_bool(text: str) -> bool:
    return text.lower() in ("true", "false")


NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


_DATE: Final = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-2][0-9]:?[0-5][0-9])?)?)?)?"
)
_EPOCH: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]+)?")
_YEAR_DIGITS: Final = 4
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_date(text: str) -> float | None:
    """Return the seconds since 1970 that a date value means; None where it is not a date.

    Four digits are a year, other digits are seconds; a time without a zone is read as UTC.
    https://www.w3.org/TR/NOTE-datetime is the profile of ISO 8601 that IAM names.
    """
    if _EPOCH.fullmatch(text) and len(text) != _YEAR_DIGITS:
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


_MASK: Final = re.compile(r"0|[1-9][0-9]{0,2}")


def read_cidr(text: str) -> tuple[int, int, int] | None:
    """Return (IP version, network bits, mask length) of a CIDR range; None where it is none.

    An address without a mask is a range of one. Bits behind the mask are dropped.
    """
    address, slash, mask = text.partition("/")
    version, family, width = (6, socket.AF_INET6, 128) if ":" in address else (4, socket.AF_INET, 32)
    try:
        bits = int.from_bytes(socket.inet_pton(family, address))
    except (OSError, ValueError):
        return None
    if slash and not (_MASK.fullmatch(mask) and int(mask) <= width):
        return None
    length = int(mask) if slash else width
    shift = width - length
    return (version, bits >> shift << shift, length)


VALUE_CHECKS: Final[Mapping[ValueType, Callable[[str], object]]] = {
    ValueType.BOOL: _is_bool,
    ValueType.NULL: _is_bool,
    ValueType.NUMERIC: _is_number,
    ValueType.DATE: lambda text: read_date(text) is not None,
    ValueType.IP: read_cidr,
}
"""The value types that do not take every text, with their test."""
