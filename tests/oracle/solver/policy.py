"""A policy document as it is written: parsed, checked to the last value, with nothing weighed yet."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.oracle.solver.operators import Operator, read_operator, value_problem
from tests.oracle.solver.principals import Principals, read_principals

DEEPEST = 100
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
    """The document cannot be judged; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key with its values as text."""

    operator: Operator
    key: str
    values: tuple[str, ...]
    variables: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `covers_repository` is false for a Deny with a Resource element."""

    index: int
    sid: str | None
    allow: bool
    principals: Principals
    actions: tuple[str, ...]
    not_actions: bool
    covers_repository: bool
    conditions: tuple[Condition, ...]


def read_policy(policy: str | dict[str, Any] | None) -> tuple[Statement, ...] | None:
    """The statements of a policy, or None when there is no policy; raises PolicyProblemError."""
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
        _fail("Id", "is not text")
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
    """JSON with numbers kept as written; a key given twice, NaN and Infinity are problems."""

    def constant(name: str) -> NoReturn:
        _fail("policy", f"{name} is not JSON")

    try:
        return json.loads(
            written, object_pairs_hook=_unique, parse_constant=constant, parse_int=_Number, parse_float=_Number
        )
    except RecursionError:
        _fail("policy", "is nested too deep")


class _Number(str):
    """A JSON number in the digits of the document."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _fail("policy", "gives the same key twice")
    return found


def _check_depth(document: Any) -> None:
    """Containers may be nested at most a hundred deep, and no number may be NaN or infinite."""
    layer, depth = [document], 0
    while layer:
        depth += any(isinstance(node, dict | list) for node in layer)
        if depth > DEEPEST:
            _fail("policy", "is nested too deep")
        below: list[Any] = []
        for node in layer:
            if isinstance(node, float) and not math.isfinite(node):
                _fail("policy", "holds NaN or Infinity")
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
        _fail(f"{place}.Sid", "is not text")
    if entry.get("Effect") not in ("Allow", "Deny") or not _is_text(entry["Effect"]):
        _fail(f"{place}.Effect", "is neither Allow nor Deny")
    allow = entry["Effect"] == "Allow"
    resources = [name for name in ("Resource", "NotResource") if name in entry]
    for name in resources:
        _texts(entry[name], f"{place}.{name}")
    principal = _one_of(entry, "Principal", place)
    action = _one_of(entry, "Action", place)
    try:
        principals = read_principals(entry[principal], negated=principal == "NotPrincipal")
    except ValueError as error:
        raise PolicyProblemError(f"{place}.{principal}: {error}") from error
    return Statement(
        index=index,
        sid=entry.get("Sid"),
        allow=allow,
        principals=principals,
        actions=_texts(entry[action], f"{place}.{action}"),
        not_actions=action == "NotAction",
        covers_repository=allow or not resources,
        conditions=_read_conditions(entry.get("Condition", {}), f"{place}.Condition", variables),
    )


def _one_of(entry: dict[str, Any], name: str, place: str) -> str:
    """Exactly one of an element and its negation must be there."""
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
        _fail(place, "is not text")
    return tuple(found)


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
        if len({key.lower() for key in tests}) != len(tests):
            _fail(f"{place}.{written}", "spells one key twice")
        for key, value in tests.items():
            values = _condition_values(value, f"{place}.{written}.{key}")
            for text in values:
                if problem := value_problem(operator, text, variables=variables):
                    _fail(f"{place}.{written}.{key}", problem)
            out.append(Condition(operator, key.lower(), values, variables))
    return tuple(out)


def _condition_values(value: Any, place: str) -> tuple[str, ...]:
    """Texts, numbers and truths, one or a list; each is kept as text."""
    out: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, bool):
            out.append("true" if entry else "false")
        elif isinstance(entry, str):
            out.append(str(entry))
        elif isinstance(entry, int | float):
            out.append(re.sub(r"\.0$", "", repr(entry)) if isinstance(entry, float) else str(entry))
        else:
            _fail(place, "is not text, number or truth")
    return tuple(out)
