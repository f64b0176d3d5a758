"""The document: statements, principals and actions, all of it checked."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from tests.oracle.enumeration.conditions import Condition, parse_conditions
from tests.oracle.enumeration.documents import NumberText, PolicyProblemError, load

_DOCUMENT: Final = frozenset({"Version", "Id", "Statement"})
_STATEMENT: Final = frozenset(
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
_NAME: Final = r"[\w+=,.@-]+"
_PATH: Final = r"[!-)+->@-~]+"
"""Every visible character but the wildcards, which a principal cannot hold."""
_IAM = re.compile(rf"arn:(aws[a-z-]*):iam::(\d{{12}}):(root|(?:user|role)/(?:{_PATH}/)?{_NAME})", re.ASCII)
_STS = re.compile(
    rf"arn:(aws[a-z-]*):sts::(\d{{12}}):(assumed-role/{_NAME}/{_NAME}|federated-user/{_NAME})",
    re.ASCII,
)
_PROVIDER = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):(?:saml|oidc)-provider/.+")
_UNIQUE = re.compile(r"(?:AIDA|AROA)[A-Z0-9]+")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


class Entry(Enum):
    """What one value of a principal element stands for."""

    EVERYONE = "a star"
    ACCOUNT = "an account, by id"
    ROOT = "an account, by its root ARN"
    CALLER = "one user, role, session or federated user"
    PROVIDER = "an identity provider in an account"
    DELETED = "the unique id of a deleted principal"
    SERVICE = "a service"
    MALFORMED = "what ECR refuses as a principal"


@dataclass(frozen=True, slots=True)
class PrincipalValue:
    """One value of a principal element; account and partition where it names them."""

    entry: Entry
    text: str
    partition: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in one shape; a top-level list of principals is kept as such."""

    index: int
    allow: bool
    principals: tuple[PrincipalValue, ...]
    not_principal: bool
    bare_list: bool
    actions: tuple[str, ...]
    not_action: bool
    resource: bool
    conditions: tuple[Condition, ...]


def parse_policy(policy: object) -> tuple[Statement, ...]:
    """No policy is no statement; everything else is checked to the last value."""
    document = load(policy)
    if document is None:
        return ()
    _only(document, _DOCUMENT, "")
    version = document.get("Version")
    if "Version" in document and version not in ("2012-10-17", "2008-10-17"):
        raise PolicyProblemError("Version", "2012-10-17 or 2008-10-17")
    if "Id" in document and not _is_text(document["Id"]):
        raise PolicyProblemError("Id", "a text")
    if "Statement" not in document:
        raise PolicyProblemError("Statement", "there is none")
    raw = document["Statement"]
    items: list[Any] = raw if isinstance(raw, list) else [raw]
    return tuple(_statement(item, index, variables=version == "2012-10-17") for index, item in enumerate(items))


def _only(element: dict[str, Any], known: frozenset[str], place: str) -> None:
    """An element that is not known is a problem."""
    for name in element:
        if name not in known:
            raise PolicyProblemError(place, f"{name!r} is not an element")


def _is_text(value: object) -> bool:
    """A text, not a number."""
    return isinstance(value, str) and not isinstance(value, NumberText)


def _texts(value: object, place: str) -> tuple[str, ...]:
    """A text or a list of texts."""
    items: list[Any] = value if isinstance(value, list) else [value]
    if not all(_is_text(item) for item in items):
        raise PolicyProblemError(place, "a text or a list of texts")
    return tuple(items)


def _one_of(element: dict[str, Any], name: str, place: str) -> tuple[str, bool]:
    """Exactly one of an element and its negation."""
    negation = f"Not{name}"
    if (name in element) == (negation in element):
        raise PolicyProblemError(place, f"exactly one of {name} and {negation}")
    return (negation, True) if negation in element else (name, False)


def _statement(raw: object, index: int, *, variables: bool) -> Statement:
    """A statement has an Effect, principals, actions and maybe conditions."""
    place = f"Statement[{index}]"
    if not isinstance(raw, dict):
        raise PolicyProblemError(place, "a statement is an object")
    _only(raw, _STATEMENT, place)
    if "Sid" in raw and not _is_text(raw["Sid"]):
        raise PolicyProblemError(f"{place}.Sid", "a text")
    if not _is_text(raw.get("Effect")) or raw["Effect"] not in ("Allow", "Deny"):
        raise PolicyProblemError(f"{place}.Effect", "Allow or Deny")
    principal, not_principal = _one_of(raw, "Principal", place)
    action, not_action = _one_of(raw, "Action", place)
    for name in ("Resource", "NotResource"):
        if name in raw:
            _texts(raw[name], f"{place}.{name}")
    conditions: tuple[Condition, ...] = ()
    if "Condition" in raw:
        conditions = parse_conditions(raw["Condition"], f"{place}.Condition", variables=variables)
    return Statement(
        index=index,
        allow=raw["Effect"] == "Allow",
        principals=_principals(raw[principal], f"{place}.{principal}"),
        not_principal=not_principal,
        bare_list=isinstance(raw[principal], list),
        actions=_texts(raw[action], f"{place}.{action}"),
        not_action=not_action,
        resource="Resource" in raw or "NotResource" in raw,
        conditions=conditions,
    )


def _principals(raw: object, place: str) -> tuple[PrincipalValue, ...]:
    """A star, an object of types, or the malformed list without a type."""
    if raw == "*" and _is_text(raw):
        return (PrincipalValue(Entry.EVERYONE, "*"),)
    if isinstance(raw, list):
        return tuple(_aws(text) for text in _texts(raw, place))
    if not isinstance(raw, dict):
        raise PolicyProblemError(place, "a star or an object")
    values: list[PrincipalValue] = []
    for kind, texts in raw.items():
        if kind not in ("AWS", "Service", "Federated"):
            raise PolicyProblemError(place, f"{kind!r} is not a principal type")
        read = {"AWS": _aws, "Service": _service, "Federated": _federated}[kind]
        values += [read(text) for text in _texts(texts, f"{place}.{kind}")]
    return tuple(values)


def _malformed(text: str) -> PrincipalValue:
    """What is malformed may still hold a complete account id."""
    fields = text.split(":")
    account = next((field for field in (text, *fields[4:5]) if _ACCOUNT.fullmatch(field)), "")
    return PrincipalValue(Entry.MALFORMED, text, account=account)


def _aws(text: str) -> PrincipalValue:
    """A star, an account, an ARN or a unique id."""
    if text == "*":
        return PrincipalValue(Entry.EVERYONE, text)
    if _ACCOUNT.fullmatch(text):
        return PrincipalValue(Entry.ACCOUNT, text, account=text)
    if _UNIQUE.fullmatch(text):
        return PrincipalValue(Entry.DELETED, text)
    match = _IAM.fullmatch(text) or _STS.fullmatch(text)
    if match is None:
        return _malformed(text)
    entry = Entry.ROOT if match.group(3) == "root" else Entry.CALLER
    return PrincipalValue(entry, text, partition=match.group(1), account=match.group(2))


def _service(text: str) -> PrincipalValue:
    """A service matches no direct caller, a wildcard is malformed."""
    if "*" in text or "?" in text:
        return _malformed(text)
    return PrincipalValue(Entry.SERVICE, text)


def _federated(text: str) -> PrincipalValue:
    """A provider in a fixed account; stars and built-in providers are malformed."""
    match = _PROVIDER.fullmatch(text)
    if match is None or "*" in text or "?" in text:
        return _malformed(text)
    return PrincipalValue(Entry.PROVIDER, text, partition=match.group(1), account=match.group(2))
