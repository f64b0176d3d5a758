"""The principals that a Principal or NotPrincipal element names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.errors import PolicyError
from ecr_exposure.identifiers import ACCOUNT_ID, PARTITIONS, account_of, partition_of
from ecr_exposure.policy.json_values import an_object, describe, is_list, texts
from ecr_exposure.policy.patterns import has_wildcard


class PrincipalKind(Enum):
    """The kinds of principals."""

    ACCOUNT = "account"
    ARN = "arn"
    UNIQUE_ID = "unique id"
    SERVICE = "service"
    PROVIDER = "identity provider"


class Principal(NamedTuple):
    """One principal; text is the value as written, and the 12 digits where it is an ACCOUNT.

    partition: of a PROVIDER, and of an ACCOUNT that was given by the ARN of its root; otherwise empty.
    """

    kind: PrincipalKind
    text: str
    partition: str = ""

    @property
    def account(self) -> str:
        """The account of an ACCOUNT, an ARN or a PROVIDER; empty for others."""
        return self.text if self.kind is PrincipalKind.ACCOUNT else account_of(self.text)


class WrittenPrincipal(NamedTuple):
    """A value that is no principal; type: AWS, Service or Federated, empty for a value directly under the element.

    text: the value as written; NO_VALUE for an empty list directly under the element.
    """

    type: str
    text: str


class Principals(NamedTuple):
    """All values of one element.

    everyone: one of them is ``*`` (``"*"`` and ``{"AWS": "*"}`` mean the same).
    wildcards: values with a wildcard, and web identity providers that belong to no account: such a value may stand
    for everyone, so an Allow grants everyone access, and no value restricts access.
    malformed: other values that IAM refuses: they grant access to nobody, and never restrict access.
    """

    everyone: bool = False
    named: tuple[Principal, ...] = ()
    wildcards: tuple[WrittenPrincipal, ...] = ()
    malformed: tuple[WrittenPrincipal, ...] = ()


EVERYONE: Final = Principals(everyone=True)
NO_VALUE: Final = "[]"

# An account is named by its 12 digits or by the ARN of its root. Users, roles and sessions belong to one account; no
# other ARN can be a principal:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
_ACCOUNT: Final = ACCOUNT_ID.pattern
_ANY_PARTITION: Final = "|".join(PARTITIONS)
_AWS: Final = re.compile(
    rf"({_ACCOUNT})|arn:({_ANY_PARTITION}):(?:iam::({_ACCOUNT}):root"
    rf"|(?:iam::{_ACCOUNT}:(?:user|role)|sts::{_ACCOUNT}:(?:assumed-role|federated-user))/[^*?]+)"
).fullmatch
# A named tuple is created in half the time, and the member of an enum need not be found again.
_new: Final = tuple.__new__
_KIND_ACCOUNT, _KIND_ARN, _KIND_SERVICE = PrincipalKind.ACCOUNT, PrincipalKind.ARN, PrincipalKind.SERVICE
_SERVICE: Final = re.compile(r"[^*?]+").fullmatch
_PARTITION: Final = 2
_ROOT: Final = 3
# The unique id of a deleted user or role remains in a policy, and is never used again; a session of a role has the
# role's id and its own name:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID: Final = re.compile(r"AIDA[A-Z0-9]{12,}|AROA[A-Z0-9]{12,}(?::[^*?]+)?")
_PROVIDER: Final = re.compile(rf"arn:(?:{_ANY_PARTITION}):iam::{_ACCOUNT}:(?:saml|oidc)-provider/[^*?]+")
# The users of these providers belong to no account:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-federated-web-identity
_WEB_IDENTITY: Final = frozenset(
    WrittenPrincipal("Federated", provider)
    for provider in "cognito-identity.amazonaws.com www.amazon.com graph.facebook.com accounts.google.com".split()
)


def read_principals(value: object) -> Principals:
    """Read the element; raise PolicyError if it is invalid."""
    if type(value) is dict:
        return _read_by_type(value)
    if value == "*":
        return EVERYONE
    if isinstance(value, str) or is_list(value):
        return _without_type(texts(value) or (NO_VALUE,))
    return _read_by_type(an_object(value))


def _read_by_type(element: Mapping[str, object]) -> Principals:
    everyone = False
    named: list[Principal] = []
    others: list[WrittenPrincipal] = []
    for kind, content in element.items():
        try:
            read, values = _READERS[kind], (content,) if type(content) is str else texts(content)
        except KeyError:
            message = f"{describe(kind)} is not a type of principal (accepted: {', '.join(_READERS)})"
            raise PolicyError("", message) from None
        except PolicyError as error:
            raise error.within(kind) from None
        for text in values:
            if text == "*" and kind == "AWS":
                everyone = True
            elif (principal := read(text)) is not None:
                named.append(principal)
            else:
                others.append(WrittenPrincipal(kind, text))
    if others:
        return _with_others(others, everyone=everyone, named=named)
    return _new(Principals, (everyone, tuple(named), (), ()))


def _without_type(values: tuple[str, ...]) -> Principals:
    """Return the values directly under the element, which are malformed unless one of them has a wildcard."""
    return _with_others(WrittenPrincipal("", text) for text in tuple(filter(has_wildcard, values)) or values)


def _with_others(
    others: Iterable[WrittenPrincipal], *, everyone: bool = False, named: Iterable[Principal] = ()
) -> Principals:
    """Return all values of an element; others: those that are no principals."""
    wildcards: list[WrittenPrincipal] = []
    malformed: list[WrittenPrincipal] = []
    for written in others:
        may_be_everyone = has_wildcard(written.text) or written in _WEB_IDENTITY
        (wildcards if may_be_everyone else malformed).append(written)
    return Principals(everyone, tuple(named), tuple(wildcards), tuple(malformed))


def _aws(text: str) -> Principal | None:
    if found := _AWS(text):
        last = found.lastindex
        if last == _ROOT:
            return _new(Principal, (_KIND_ACCOUNT, found[_ROOT], found[_PARTITION]))
        return _new(Principal, (_KIND_ARN if last == _PARTITION else _KIND_ACCOUNT, text, ""))
    return Principal(PrincipalKind.UNIQUE_ID, text) if _UNIQUE_ID.fullmatch(text) else None


def _service(text: str) -> Principal | None:
    return _new(Principal, (_KIND_SERVICE, text, "")) if _SERVICE(text) else None


def _provider(text: str) -> Principal | None:
    return Principal(PrincipalKind.PROVIDER, text, partition_of(text)) if _PROVIDER.fullmatch(text) else None


_READERS: Final = {"AWS": _aws, "Service": _service, "Federated": _provider}
