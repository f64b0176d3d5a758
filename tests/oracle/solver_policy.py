"""A policy document as it is written: parsed and validated, not evaluated."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.oracle.solver_operators import MOST_DIGITS, Operator, digits_of, read_operator, value_problem
from tests.oracle.solver_patterns import folded
from tests.oracle.solver_principals import Principals, read_principals

_DEEPEST = 100
_ACTION = re.compile(r"[A-Za-z0-9.*?-]+:[ -9;-~]+")
_POLICY_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)


class PolicyProblemError(Exception):
    """The document is invalid; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key, with the values as text."""

    operator: Operator
    key: str
    values: tuple[str, ...]
    variables: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `covers_repository` is False for most Denies with a Resource element, which ECR rejects."""

    index: int
    allow: bool
    principals: Principals
    actions: tuple[str, ...]
    not_actions: bool
    covers_repository: bool
    conditions: tuple[Condition, ...]


def read_policy(policy: str | Mapping[str, Any] | None) -> tuple[Statement, ...] | None:
    """The statements of a policy, or None if there is no policy; raises PolicyProblemError."""
    document = _decoded(policy) if isinstance(policy, str) else policy
    if document is None or document == {}:
        return None
    _check_depth(document)
    if not isinstance(document, dict):
        _fail("policy", "is not an object")
    _only(document, _POLICY_ELEMENTS, "policy")
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        _fail("Version", "is not one of the two")
    if not isinstance(document.get("Id", ""), str):
        _fail("Id", "is not a string")
    if "Statement" not in document:
        _fail("policy", "has no Statement")
    listed = document["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    variables = document.get("Version") == "2012-10-17"
    return tuple(_read_statement(entry, index, variables) for index, entry in enumerate(statements))


def _fail(place: str, why: str) -> NoReturn:
    raise PolicyProblemError(f"{place}: {why}")


def _decoded(written: str) -> Any:
    """JSON text, or percent-encoded JSON text; white space is no policy."""
    if not written.strip():
        return None
    try:
        return _load(written)
    except ValueError:
        pass
    try:
        again = unquote(written, errors="strict")
        return None if not again.strip() else _load(again)
    except ValueError as error:
        raise PolicyProblemError(f"policy: is not JSON ({error})") from error


def _load(written: str) -> Any:
    """JSON with numbers as written; duplicate keys, NaN and Infinity are problems."""

    def constant(name: str) -> NoReturn:
        _fail("policy", f"{name} is not JSON")

    try:
        return json.loads(
            written, object_pairs_hook=_unique, parse_constant=constant, parse_int=_number, parse_float=_number
        )
    except RecursionError:
        _fail("policy", "is nested too deep")


class _Number(str):
    """A JSON number as the document writes it."""

    __slots__ = ()


def _number(written: str) -> _Number:
    if (digits_of(written) or 0) > MOST_DIGITS:
        _fail("policy", f"has a number of more than {MOST_DIGITS} digits")
    return _Number(written)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _fail("policy", "has a duplicate key")
    return found


def _check_depth(document: Any) -> None:
    """Reject containers nested more than 100 deep, and numbers that are NaN, infinite or too long."""
    layer, depth = [document], 0
    while layer:
        depth += any(isinstance(node, dict | list) for node in layer)
        if depth > _DEEPEST:
            _fail("policy", "is nested too deep")
        below: list[Any] = []
        for node in layer:
            if isinstance(node, float) and not math.isfinite(node):
                _fail("policy", "holds NaN or Infinity")
            if isinstance(node, int | float):
                _number(f"{Decimal(repr(node) if isinstance(node, float) else node):f}")
            below += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        layer = below


def _only(found: dict[str, Any], allowed: frozenset[str], place: str) -> None:
    for name in found:
        if name not in allowed:
            _fail(place, f"unknown element {name!r}")


def _read_statement(entry: Any, index: int, variables: bool) -> Statement:
    place = f"Statement[{index}]"
    if not isinstance(entry, dict):
        _fail(place, "is not an object")
    _only(entry, _STATEMENT_ELEMENTS, place)
    if not _is_text(entry.get("Sid", "")):
        _fail(f"{place}.Sid", "is not a string")
    if entry.get("Effect") not in ("Allow", "Deny") or not _is_text(entry["Effect"]):
        _fail(f"{place}.Effect", "is neither Allow nor Deny")
    allow = entry["Effect"] == "Allow"
    resources = {name: _texts(entry[name], f"{place}.{name}") for name in ("Resource", "NotResource") if name in entry}
    principal = _one_of(entry, "Principal", place)
    action = _one_of(entry, "Action", place)
    try:
        principals = read_principals(entry[principal], negated=principal == "NotPrincipal")
    except ValueError as error:
        raise PolicyProblemError(f"{place}.{principal}: {error}") from error
    return Statement(
        index=index,
        allow=allow,
        principals=principals,
        actions=_actions(entry[action], f"{place}.{action}"),
        not_actions=action == "NotAction",
        covers_repository=allow or not resources or (list(resources) == ["Resource"] and "*" in resources["Resource"]),
        conditions=_read_conditions(entry.get("Condition", {}), f"{place}.Condition", variables),
    )


def _one_of(entry: dict[str, Any], name: str, place: str) -> str:
    """The name of the element or of its negation; exactly one of them is required."""
    found = [candidate for candidate in (name, f"Not{name}") if candidate in entry]
    if len(found) != 1:
        _fail(place, f"needs one of {name} and Not{name}")
    return found[0]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number)


def _texts(value: Any, place: str) -> tuple[str, ...]:
    """One text or a list of texts."""
    found = value if isinstance(value, list) else [value]
    if not all(_is_text(entry) for entry in found):
        _fail(place, "is not a string")
    return tuple(found)


def _actions(value: Any, place: str) -> tuple[str, ...]:
    """`*`, or a service and a name with one colon between them."""
    found = _texts(value, place)
    for action in found:
        if action != "*" and not _ACTION.fullmatch(action):
            _fail(place, f"{action!r} is not an action")
    return found


def _read_conditions(block: Any, place: str, variables: bool) -> tuple[Condition, ...]:
    if not isinstance(block, dict):
        _fail(place, "is not an object")
    out: list[Condition] = []
    for written, tests in block.items():
        operator = read_operator(written)
        if operator is None:
            _fail(place, f"{written!r} is not a condition operator")
        if not isinstance(tests, dict):
            _fail(f"{place}.{written}", "is not an object")
        if len({folded(key) for key in tests}) != len(tests):
            _fail(f"{place}.{written}", "has a duplicate key")
        for key, value in tests.items():
            values = _condition_values(value, f"{place}.{written}.{key}")
            for text in values:
                if problem := value_problem(operator, text, variables=variables):
                    _fail(f"{place}.{written}.{key}", problem)
            out.append(Condition(operator, folded(key), values, variables))
    return tuple(out)


def _condition_values(value: Any, place: str) -> tuple[str, ...]:
    """Strings, numbers and booleans, one or a list, all as text."""
    out: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, bool):
            out.append("true" if entry else "false")
        elif isinstance(entry, str):
            out.append(str(entry))
        elif isinstance(entry, int | float):
            out.append(re.sub(r"\.0$", "", repr(entry)) if isinstance(entry, float) else str(entry))
        else:
            _fail(place, "is not a string, number or boolean")
    return tuple(out)
