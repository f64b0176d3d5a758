"""The principals that a Principal or NotPrincipal element names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from ecr_exposure.errors import PolicyError
from ecr_exposure.identifiers import ACCOUNT_ID, account_of, partition_of
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


class Principals(NamedTuple):
    """All values of one element.

    everyone: one of them is ``*`` (``"*"`` and ``{"AWS": "*"}`` mean the same).
    malformed: values that IAM refuses; the rule never relies on such a value to restrict access.
    """

    everyone: bool = False
    named: tuple[Principal, ...] = ()
    malformed: tuple[str, ...] = ()


EVERYONE: Final = Principals(everyone=True)
_EVERYONE: Final = {"AWS": "*"}

# An account is named by its 12 digits or by the ARN of its root. Users, roles and sessions belong to one account; no
# other ARN can be a principal:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
_ACCOUNT: Final = ACCOUNT_ID.pattern
_AWS: Final = re.compile(
    rf"({_ACCOUNT})|arn:(aws[a-z-]*):(?:iam::({_ACCOUNT}):root"
    rf"|(?:iam::{_ACCOUNT}:(?:user|role)|sts::{_ACCOUNT}:(?:assumed-role|federated-user))/[^*?]+)"
).fullmatch
_PARTITION: Final = 2
_ROOT: Final = 3
# The unique id of a deleted user or role remains in a policy, and is never used again:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID: Final = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{12,}")
_PROVIDER: Final = re.compile(rf"arn:aws[a-z-]*:iam::{_ACCOUNT}:(?:saml|oidc)-provider/[^*?]+")


def read_principals(value: object) -> Principals:
    """Read the element; raise PolicyError if it is invalid."""
    if value == "*" or value == _EVERYONE:  # noqa: PLR1714 - half the time of a membership test
        return EVERYONE
    if type(value) is not dict and (isinstance(value, str) or is_list(value)):
        return Principals(malformed=texts(value))
    everyone = False
    named: list[Principal] = []
    malformed: list[str] = []
    for kind, content in an_object(value).items():
        read = _READERS.get(kind)
        if read is None:
            message = f"{describe(kind)} is not a type of principal (accepted: {', '.join(_READERS)})"
            raise PolicyError("", message)
        try:
            values = (content,) if type(content) is str else texts(content)
        except PolicyError as error:
            raise error.within(kind) from None
        for text in values:
            if text == "*" and kind == "AWS":
                everyone = True
            elif (principal := read(text)) is not None:
                named.append(principal)
            else:
                malformed.append(text)
    return Principals(everyone, tuple(named), tuple(malformed))


def _aws(text: str) -> Principal | None:
    if found := _AWS(text):
        last = found.lastindex
        if last == _ROOT:
            return Principal(PrincipalKind.ACCOUNT, found[_ROOT], found[_PARTITION])
        return Principal(PrincipalKind.ARN if last == _PARTITION else PrincipalKind.ACCOUNT, text)
    return Principal(PrincipalKind.UNIQUE_ID, text) if _UNIQUE_ID.fullmatch(text) else None


def _service(text: str) -> Principal | None:
    return None if not text or has_wildcard(text) else Principal(PrincipalKind.SERVICE, text)


def _provider(text: str) -> Principal | None:
    # The built-in web identity providers are not: their users belong to no account.
    return Principal(PrincipalKind.PROVIDER, text, partition_of(text)) if _PROVIDER.fullmatch(text) else None


_READERS: Final = {"AWS": _aws, "Service": _service, "Federated": _provider}
