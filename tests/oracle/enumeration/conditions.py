"""The Condition element: operators, keys and checked values."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from tests.oracle.enumeration.documents import NumberText, PolicyProblemError
from tests.oracle.enumeration.keys import ARN, BINARY, BOOL, DATE, IP, NUMERIC, STRING
from tests.oracle.enumeration.text import Template, parse_template, variables_of
from tests.oracle.enumeration.values import Network, parse_date, parse_network, parse_number

NULL: Final = "null"

_FAMILIES: Final[dict[str, tuple[str, bool]]] = {
    "stringequals": (STRING, False),
    "stringnotequals": (STRING, True),
    "stringequalsignorecase": (STRING, False),
    "stringnotequalsignorecase": (STRING, True),
    "stringlike": (STRING, False),
    "stringnotlike": (STRING, True),
    "arnequals": (ARN, False),
    "arnlike": (ARN, False),
    "arnnotequals": (ARN, True),
    "arnnotlike": (ARN, True),
    "ipaddress": (IP, False),
    "notipaddress": (IP, True),
    "bool": (BOOL, False),
    "binaryequals": (BINARY, False),
    "numericequals": (NUMERIC, False),
    "numericnotequals": (NUMERIC, True),
    "numericlessthan": (NUMERIC, False),
    "numericlessthanequals": (NUMERIC, False),
    "numericgreaterthan": (NUMERIC, False),
    "numericgreaterthanequals": (NUMERIC, False),
    "dateequals": (DATE, False),
    "datenotequals": (DATE, True),
    "datelessthan": (DATE, False),
    "datelessthanequals": (DATE, False),
    "dategreaterthan": (DATE, False),
    "dategreaterthanequals": (DATE, False),
    "null": (NULL, False),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator in lower case, its family, and what stands before and behind it."""

    name: str
    family: str
    negated: bool
    prefix: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a condition in the form that its operator compares."""

    text: str
    template: Template = ()
    number: Fraction = Fraction(0)
    network: Network | None = None


@dataclass(frozen=True, eq=False)
class Condition:
    """One operator on one key, in lower case, with its values."""

    operator: Operator
    key: str
    values: tuple[Value, ...]

    def variables(self) -> frozenset[str]:
        """The keys that the values read."""
        return frozenset(variable.key for value in self.values for variable in variables_of(value.template))


def parse_operator(text: str, place: str) -> Operator:
    """Operators are case-insensitive; Null takes no set operator and no IfExists."""
    prefix, colon, rest = text.partition(":")
    name = (rest if colon else text).lower()
    prefix = prefix.lower() if colon else ""
    if prefix not in ("", "forallvalues", "foranyvalue"):
        raise PolicyProblemError(place, f"{text!r} is not a condition operator")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name not in _FAMILIES or (name == NULL and (prefix or if_exists)):
        raise PolicyProblemError(place, f"{text!r} is not a condition operator")
    family, negated = _FAMILIES[name]
    return Operator(name, family, negated, prefix, if_exists)


def parse_conditions(block: object, place: str, *, variables: bool) -> tuple[Condition, ...]:
    """Every operator holds an object of keys; a key may be spelled once in it."""
    if not isinstance(block, dict):
        raise PolicyProblemError(place, "a Condition is an object")
    conditions: list[Condition] = []
    for name, keys in block.items():
        operator = parse_operator(name, place)
        if not isinstance(keys, dict):
            raise PolicyProblemError(place, f"{name} holds an object of keys")
        seen: set[str] = set()
        for key, raw in keys.items():
            if key.lower() in seen:
                raise PolicyProblemError(place, f"{key!r} is spelled twice in one block")
            seen.add(key.lower())
            values = _values(operator, raw, f"{place}.{name}.{key}", variables=variables)
            conditions.append(Condition(operator, key.lower(), values))
    return tuple(conditions)


def _values(operator: Operator, raw: object, place: str, *, variables: bool) -> tuple[Value, ...]:
    """A value may stand alone or in a list."""
    items: list[Any] = raw if isinstance(raw, list) else [raw]
    return tuple(_value(operator, _scalar(item, place), place, variables) for item in items)


def _scalar(item: object, place: str) -> str:
    """Texts, booleans and numbers are values."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, NumberText):
        return str(item)
    if isinstance(item, str):
        return item
    raise PolicyProblemError(place, "a value is a text, a number or a boolean")


def _value(operator: Operator, text: str, place: str, variables: bool) -> Value:
    """Each family checks its own values."""
    family = operator.family
    if family in (STRING, ARN):
        wildcards = family == ARN or operator.name.endswith("like")
        template = parse_template(text, wildcards=wildcards, variables=variables)
        return Value(text, template)
    if family == BOOL:
        template = parse_template(text, wildcards=False, variables=variables)
        if not variables_of(template) and text.lower() not in ("true", "false"):
            raise PolicyProblemError(place, f"{text!r} is not true or false")
        return Value(text, template)
    if family == NULL and text.lower() not in ("true", "false"):
        raise PolicyProblemError(place, f"{text!r} is not true or false")
    if family in (NUMERIC, DATE):
        number = parse_number(text) if family == NUMERIC else parse_date(text)
        if number is None:
            raise PolicyProblemError(place, f"{text!r} is not of the family {family}")
        return Value(text, number=number)
    if family == IP:
        network = parse_network(text)
        if network is None:
            raise PolicyProblemError(place, f"{text!r} is not an address or a CIDR")
        return Value(text, network=network)
    return Value(text)
