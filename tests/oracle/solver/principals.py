"""Whom a Principal or NotPrincipal element writes down."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:([^:*?]+):(iam|sts)::([0-9]{12}):([^*?]+)", re.DOTALL)
_ACCOUNT_IN_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([0-9]{12})(?![0-9])", re.DOTALL)
_DELETED = re.compile(r"(AIDA|AROA)[A-Za-z0-9]*")


class Form(Enum):
    """What one principal value stands for."""

    ACCOUNT = "every principal of one account"
    EXACT = "the principal whose aws:PrincipalArn this is"
    SESSION = "one session of one role"
    PROVIDER = "whoever an identity provider of one account vouches for"


@dataclass(frozen=True, slots=True)
class Member:
    """One principal in one account."""

    form: Form
    account: str
    partition: str | None = None
    arn: str = ""
    role: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal (or, negated, a NotPrincipal) element; the names are what it writes in full."""

    negated: bool
    everyone: bool = False
    malformed: bool = False
    empty: bool = False
    members: tuple[Member, ...] = ()
    named_accounts: frozenset[str] = frozenset()
    named_ids: frozenset[str] = frozenset()


def read_principals(element: Any, *, negated: bool) -> Principals:
    """`*`, or an object of types; a list or another bare text at the top is malformed; raises ValueError."""
    if type(element) is str and element == "*":
        return Principals(negated, everyone=True)
    if type(element) is str or isinstance(element, list):
        values = _texts(element)
        return Principals(negated, malformed=True, named_accounts=_accounts(values))
    if not isinstance(element, dict):
        raise ValueError("is neither text nor object")  # noqa: TRY004 - a fault of the document, like the others
    found = [_read_value(kind, value) for kind, listed in element.items() for value in _read_type(kind, listed)]
    values = tuple(value for listed in element.values() for value in _texts(listed))
    return Principals(
        negated,
        everyone=_EVERYONE in found,
        malformed=_MALFORMED in found,
        empty=not values,
        members=tuple(entry for entry in found if isinstance(entry, Member)),
        named_accounts=_accounts(values),
        named_ids=frozenset(value for value in values if _DELETED.fullmatch(value)),
    )


_EVERYONE, _MALFORMED, _NOBODY = "everyone", "malformed", "nobody"


def _texts(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    if not all(type(entry) is str for entry in found):
        raise ValueError("holds something that is not a string")
    return tuple(found)


def _read_type(kind: str, listed: Any) -> tuple[str, ...]:
    if kind not in ("AWS", "Service", "Federated"):
        raise ValueError(f"{kind!r} is not a principal type that a repository policy knows")
    return _texts(listed)


def _accounts(values: tuple[str, ...]) -> frozenset[str]:
    """The account ids that stand in full in principal values."""
    plain = {value for value in values if _ACCOUNT.fullmatch(value)}
    return frozenset(plain | {found[1] for value in values if (found := _ACCOUNT_IN_ARN.match(value))})


def _read_value(kind: str, value: str) -> Member | str:
    """What one value of one type stands for; whatever ECR cannot know is malformed."""
    if kind == "AWS" and value == "*":
        return _EVERYONE
    if "*" in value or "?" in value:
        return _MALFORMED
    if kind == "Service":
        return _NOBODY
    if kind == "Federated":
        found = _ARN.fullmatch(value)
        provider = found is not None and found[4].startswith(("saml-provider/", "oidc-provider/"))
        return Member(Form.PROVIDER, found[3], found[1]) if found and provider else _MALFORMED
    return _read_aws_value(value)


def _read_aws_value(value: str) -> Member | str:
    if _ACCOUNT.fullmatch(value):
        return Member(Form.ACCOUNT, value)
    if _DELETED.fullmatch(value):
        return _NOBODY
    found = _ARN.fullmatch(value)
    if found is None:
        return _MALFORMED
    partition, service, account, rest = found.groups()
    kind, _, name = rest.partition("/")
    if service == "iam" and rest == "root":
        return Member(Form.ACCOUNT, account, partition)
    if (service, kind) in (("iam", "user"), ("iam", "role"), ("sts", "federated-user")) and name:
        return Member(Form.EXACT, account, partition, arn=value)
    role, _, session = name.rpartition("/")
    if (service, kind) == ("sts", "assumed-role") and role and session:
        return Member(Form.SESSION, account, partition, role=role, session=session)
    return _MALFORMED
