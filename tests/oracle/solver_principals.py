"""The Principal and NotPrincipal elements of a statement.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov|aws-eusc|aws-iso[a-z-]*):(iam|sts)::([0-9]{12}):(.+)", re.DOTALL)
_UNIQUE_ID = re.compile(r"AIDA[A-Z0-9]{12,}|AROA[A-Z0-9]{12,}(:.+)?", re.DOTALL)
_WEB_IDENTITY = ("cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com")


class PrincipalForm(Enum):
    """What one principal value stands for."""

    ACCOUNT = "every principal of one account"
    EXACT = "the principal whose aws:PrincipalArn this is"
    SESSION = "one session of one role"
    PROVIDER = "users that an identity provider of one account federates"


class _Other(Enum):
    """A principal value that stands for no principal of one account."""

    EVERYONE = "the literal star"
    UNRELIABLE = "a wildcard, or a web identity provider: everyone in an Allow, nobody elsewhere"
    INVALID = "what ECR refuses: nobody"
    NOBODY = "a service"


@dataclass(frozen=True, slots=True)
class _Deleted:
    """A user or role that was deleted, by its unique id: it matches no caller."""

    unique_id: str


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
    """A Principal element or, `negated`, a NotPrincipal element.

    `everyone`: it holds the literal star; `unreliable` and `invalid`: it holds such a value; `named_…` are the ids of
    its other principals.
    """

    negated: bool
    everyone: bool = False
    unreliable: bool = False
    invalid: bool = False
    listed: tuple[ListedPrincipal, ...] = ()
    named_accounts: frozenset[str] = frozenset()
    named_ids: frozenset[str] = frozenset()


def read_principals(element: Any, *, negated: bool) -> Principals:
    """`*`, or an object of principal types; raises ValueError for what is neither text, list nor object."""
    if type(element) is str and element == "*":
        return Principals(negated, everyone=True)
    if type(element) is str or isinstance(element, list):
        wildcard = any(map(_has_wildcard, _texts(element)))
        return Principals(negated, unreliable=wildcard, invalid=not wildcard)
    if not isinstance(element, dict):
        raise ValueError("is neither a string nor an object")  # noqa: TRY004 - invalid like other values: one exception for all
    found = [_read_value(kind, value) for kind, listed in element.items() for value in _read_type(kind, listed)]
    listed = tuple(entry for entry in found if isinstance(entry, ListedPrincipal))
    return Principals(
        negated,
        everyone=_Other.EVERYONE in found,
        unreliable=_Other.UNRELIABLE in found,
        invalid=_Other.INVALID in found,
        listed=listed,
        named_accounts=frozenset(principal.account for principal in listed),
        named_ids=frozenset(entry.unique_id for entry in found if isinstance(entry, _Deleted)),
    )


def _texts(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    if not all(type(entry) is str for entry in found):
        raise ValueError("has a value that is not a string")
    return tuple(found)


def _has_wildcard(value: str) -> bool:
    return "*" in value or "?" in value


def _read_type(kind: str, listed: Any) -> tuple[str, ...]:
    if kind not in ("AWS", "Service", "Federated"):
        raise ValueError(f"{kind!r} is not a principal type of a repository policy")
    return _texts(listed)


def _read_value(kind: str, value: str) -> ListedPrincipal | _Deleted | _Other:
    """What one value of one principal type stands for."""
    if kind == "AWS" and value == "*":
        return _Other.EVERYONE
    if _has_wildcard(value) or (kind == "Federated" and value in _WEB_IDENTITY):
        return _Other.UNRELIABLE
    if kind == "Service":
        return _Other.NOBODY if value else _Other.INVALID
    return _read_provider(value) if kind == "Federated" else _read_aws_value(value)


def _read_provider(value: str) -> ListedPrincipal | _Deleted | _Other:
    found = _ARN.fullmatch(value)
    if not found or found[2] != "iam":
        return _Other.INVALID
    kind, _, name = found[4].partition("/")
    provider = name and kind in ("saml-provider", "oidc-provider")
    return ListedPrincipal(PrincipalForm.PROVIDER, found[3], found[1]) if provider else _Other.INVALID


def _read_aws_value(value: str) -> ListedPrincipal | _Deleted | _Other:
    if _ACCOUNT.fullmatch(value):
        return ListedPrincipal(PrincipalForm.ACCOUNT, value)
    if _UNIQUE_ID.fullmatch(value):
        return _Deleted(value.partition(":")[0])
    found = _ARN.fullmatch(value)
    if found is None:
        return _Other.INVALID
    partition, service, account, rest = found.groups()
    kind, _, name = rest.partition("/")
    if service == "iam" and rest == "root":
        return ListedPrincipal(PrincipalForm.ACCOUNT, account, partition)
    if (service, kind) in (("iam", "user"), ("iam", "role"), ("sts", "federated-user")) and name:
        return ListedPrincipal(PrincipalForm.EXACT, account, partition, arn=value)
    role, _, session = name.rpartition("/")
    if (service, kind) == ("sts", "assumed-role") and name:
        return ListedPrincipal(PrincipalForm.SESSION, account, partition, role=role, session=session)
    return _Other.INVALID
