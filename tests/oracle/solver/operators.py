"""Condition operators: their names, their families and the values they accept."""

import re
from dataclasses import dataclass
from enum import Enum

from tests.oracle.solver.values import read_moment, read_network, read_number


class Family(Enum):
    """What an operator compares."""

    TEXT = "String"
    ARN = "Arn"
    NUMBER = "Numeric"
    MOMENT = "Date"
    FLAG = "Bool"
    BINARY = "Binary"
    ADDRESS = "IpAddress"
    NULL = "Null"


class Over(Enum):
    """How an operator ranges over the values of the request."""

    PLAIN = ""
    ALL = "forallvalues:"
    ANY = "foranyvalue:"


class Order(Enum):
    """How a number or a moment of the request must stand to the value of the policy."""

    EQUAL = "equals"
    LESS = "lessthan"
    LESS_OR_EQUAL = "lessthanequals"
    GREATER = "greaterthan"
    GREATER_OR_EQUAL = "greaterthanequals"


@dataclass(frozen=True, slots=True)
class Operator:
    """One condition operator, taken apart."""

    family: Family
    negated: bool = False
    wildcards: bool = False
    fold_case: bool = False
    order: Order = Order.EQUAL
    over: Over = Over.PLAIN
    if_exists: bool = False


_BASES: dict[str, Operator] = {
    "stringequals": Operator(Family.TEXT),
    "stringnotequals": Operator(Family.TEXT, negated=True),
    "stringequalsignorecase": Operator(Family.TEXT, fold_case=True),
    "stringnotequalsignorecase": Operator(Family.TEXT, negated=True, fold_case=True),
    "stringlike": Operator(Family.TEXT, wildcards=True),
    "stringnotlike": Operator(Family.TEXT, negated=True, wildcards=True),
    "arnequals": Operator(Family.ARN, wildcards=True),
    "arnlike": Operator(Family.ARN, wildcards=True),
    "arnnotequals": Operator(Family.ARN, negated=True, wildcards=True),
    "arnnotlike": Operator(Family.ARN, negated=True, wildcards=True),
    "bool": Operator(Family.FLAG),
    "binaryequals": Operator(Family.BINARY),
    "ipaddress": Operator(Family.ADDRESS),
    "notipaddress": Operator(Family.ADDRESS, negated=True),
    "null": Operator(Family.NULL),
    "numericnotequals": Operator(Family.NUMBER, negated=True),
    "datenotequals": Operator(Family.MOMENT, negated=True),
    **{f"numeric{order.value}": Operator(Family.NUMBER, order=order) for order in Order},
    **{f"date{order.value}": Operator(Family.MOMENT, order=order) for order in Order},
}


def read_operator(written: str) -> Operator | None:
    """An operator in any case, with a set prefix and IfExists; Null takes neither; None when there is no such one."""
    name = written.lower()
    over = next((candidate for candidate in (Over.ALL, Over.ANY) if name.startswith(candidate.value)), Over.PLAIN)
    name = name.removeprefix(over.value)
    if_exists = name.endswith("ifexists")
    base = _BASES.get(name.removesuffix("ifexists"))
    if base is None or (base.family is Family.NULL and (if_exists or over is not Over.PLAIN)):
        return None
    return Operator(base.family, base.negated, base.wildcards, base.fold_case, base.order, over, if_exists)


def value_problem(operator: Operator, written: str, *, variables: bool) -> str | None:
    """Why this value cannot stand under this operator, or None."""
    match operator.family:
        case Family.NULL | Family.FLAG if written.lower() not in ("true", "false"):
            has_variable = variables and re.search(r"\$\{(?![*?$]\})[^}]*\}", written)
            return None if operator.family is Family.FLAG and has_variable else f"{written!r} is not true or false"
        case Family.NUMBER if read_number(written) is None:
            return f"{written!r} is not a number"
        case Family.MOMENT if read_moment(written) is None:
            return f"{written!r} is not a date"
        case Family.ADDRESS if read_network(written) is None:
            return f"{written!r} is not an address block"
        case _:
            return None
