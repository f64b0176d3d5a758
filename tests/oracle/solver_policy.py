"""A policy document as it is written: parsed and validated, not evaluated."""

import json
import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.oracle.solver_operators import Operator, read_operator, value_problem

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:([^:*?]+):(iam|sts)::([0-9]{12}):([^*?]+)", re.DOTALL)
_ACCOUNT_IN_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([0-9]{12})(?![0-9])", re.DOTALL)
_DELETED = re.compile(r"(AIDA|AROA)[A-Za-z0-9]*")


class PrincipalForm(Enum):
    """What one principal value stands for."""

    ACCOUNT = "every principal of one account"
    EXACT = "the principal whose aws:PrincipalArn this is"
    SESSION = "one session of one role"
    PROVIDER = "users that an identity provider of one account federates"


@dataclass(frozen=True, slots=True)
class ListedPrincipal:
    """One principal of one account."""

    form: PrincipalForm
    account: str
    partition: str | None = None
    arn: str = ""
    role: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal element or, `negated`, a NotPrincipal element; `named_…` are the ids that it has in full."""

    negated: bool
    everyone: bool = False
    malformed: bool = False
    listed: tuple[ListedPrincipal, ...] = ()
    named_accounts: frozenset[str] = frozenset()
    named_ids: frozenset[str] = frozenset()


def read_principals(element: Any, *, negated: bool) -> Principals:
    """`*`, or an object of principal types; a list or another text in its place is malformed; raises ValueError."""
    if type(element) is str and element == "*":
        return Principals(negated, everyone=True)
    if type(element) is str or isinstance(element, list):
        values = _principal_values(element)
        return Principals(negated, malformed=True, named_accounts=_accounts(values))
    if not isinstance(element, dict):
        raise ValueError("is neither a string nor an object")  # noqa: TRY004 - invalid like other values: one exception for all
    found = [_read_value(kind, value) for kind, listed in element.items() for value in _read_type(kind, listed)]
    values = tuple(value for listed in element.values() for value in _principal_values(listed))
    return Principals(
        negated,
        everyone=_EVERYONE in found,
        malformed=_MALFORMED in found,
        listed=tuple(entry for entry in found if isinstance(entry, ListedPrincipal)),
        named_accounts=_accounts(values),
        named_ids=frozenset(value for value in values if _DELETED.fullmatch(value)),
    )


_EVERYONE, _MALFORMED, _NOBODY = "everyone", "malformed", "nobody"


def _principal_values(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    if not all(type(entry) is str for entry in found):
        raise ValueError("has a value that is not a string")
    return tuple(found)


def _read_type(kind: str, listed: Any) -> tuple[str, ...]:
    if kind not in ("AWS", "Service", "Federated"):
        raise ValueError(f"{kind!r} is not a principal type of a repository policy")
    return _principal_values(listed)


def _accounts(values: tuple[str, ...]) -> frozenset[str]:
    """The account ids that principal values have in full."""
    plain = {value for value in values if _ACCOUNT.fullmatch(value)}
    return frozenset(plain | {found[1] for value in values if (found := _ACCOUNT_IN_ARN.match(value))})


def _read_value(kind: str, value: str) -> ListedPrincipal | str:
    """What one value of one principal type stands for; what ECR cannot resolve is malformed."""
    if kind == "AWS" and value == "*":
        return _EVERYONE
    if "*" in value or "?" in value:
        return _MALFORMED
    if kind == "Service":
        return _NOBODY
    if kind == "Federated":
        found = _ARN.fullmatch(value)
        provider = found is not None and found[4].startswith(("saml-provider/", "oidc-provider/"))
        return ListedPrincipal(PrincipalForm.PROVIDER, found[3], found[1]) if found and provider else _MALFORMED
    return _read_aws_value(value)


def _read_aws_value(value: str) -> ListedPrincipal | str:
    if _ACCOUNT.fullmatch(value):
        return ListedPrincipal(PrincipalForm.ACCOUNT, value)
    if _DELETED.fullmatch(value):
        return _NOBODY
    found = _ARN.fullmatch(value)
    if found is None:
        return _MALFORMED
    partition, service, account, rest = found.groups()
    kind, _, name = rest.partition("/")
    if service == "iam" and rest == "root":
        return ListedPrincipal(PrincipalForm.ACCOUNT, account, partition)
    if (service, kind) in (("iam", "user"), ("iam", "role"), ("sts", "federated-user")) and name:
        return ListedPrincipal(PrincipalForm.EXACT, account, partition, arn=value)
    role, _, session = name.rpartition("/")
    if (service, kind) == ("sts", "assumed-role") and role and session:
        return ListedPrincipal(PrincipalForm.SESSION, account, partition, role=role, session=session)
    return _MALFORMED


_DEEPEST = 100
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
    """One statement; `covers_repository` is False for a Deny with a Resource element, which ECR rejects."""

    index: int
    allow: bool
    principals: Principals
    actions: tuple[str, ...]
    not_actions: bool
    covers_repository: bool
    conditions: tuple[Condition, ...]


def read_policy(policy: str | dict[str, Any] | None) -> tuple[Statement, ...] | None:
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
            written, object_pairs_hook=_unique, parse_constant=constant, parse_int=_Number, parse_float=_Number
        )
    except RecursionError:
        _fail("policy", "is nested too deep")


class _Number(str):
    """A JSON number as the document writes it."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _fail("policy", "has a duplicate key")
    return found


def _check_depth(document: Any) -> None:
    """Reject containers nested more than 100 deep, and numbers that are NaN or infinite."""
    layer, depth = [document], 0
    while layer:
        depth += any(isinstance(node, dict | list) for node in layer)
        if depth > _DEEPEST:
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
        _fail(f"{place}.Sid", "is not a string")
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
        allow=allow,
        principals=principals,
        actions=_texts(entry[action], f"{place}.{action}"),
        not_actions=action == "NotAction",
        covers_repository=allow or not resources,
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
            _fail(f"{place}.{written}", "has a duplicate key")
        for key, value in tests.items():
            values = _condition_values(value, f"{place}.{written}.{key}")
            for text in values:
                if problem := value_problem(operator, text, variables=variables):
                    _fail(f"{place}.{written}.{key}", problem)
            out.append(Condition(operator, key.lower(), values, variables))
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
