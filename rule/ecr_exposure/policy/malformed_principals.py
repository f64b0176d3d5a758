"""What is wrong with a value that is no principal: ECR refuses it, so it is a mistake in a file.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

import re
from collections.abc import Iterator
from typing import Final

from ecr_exposure.identifiers import (
    ACCOUNT_ID,
    ARN_FIELDS,
    PARTITIONS,
    account_of,
    arn_fields,
    partition_of,
    region_of,
    resource_of,
    service_of,
)
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.json_values import describe
from ecr_exposure.policy.principals import NO_VALUE, WrittenPrincipal


def malformed_principal(document: Document) -> str | None:
    """Return the place and the fault of the first malformed value in a policy; None if there is none."""
    for statement in document.statements:
        if statement.principals.malformed:
            return f"Statement[{statement.position}].{next(problems_of(statement))}"
    return None


def problems_of(statement: Statement) -> Iterator[str]:
    """Yield what is wrong with each malformed value, such as ``Principal.AWS: "1234" is not an account id …``."""
    element = "NotPrincipal" if statement.not_principal else "Principal"
    for written in statement.principals.malformed:
        yield f"{element}{'.' if written.type else ''}{written.type}: {what_is_wrong(written)}"


def what_is_wrong(written: WrittenPrincipal) -> str:
    """Say what is wrong with a malformed value."""
    if not written.text:
        return "an empty string is not a principal"
    match written.type:
        case "":
            return _wrong_without_type(written.text)
        case "AWS":
            return f"{describe(written.text)} {_wrong_under_aws(written.text)}"
        case _:
            return f"{describe(written.text)} {_wrong_under_federated(written.text)}"


_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_UNIQUE_ID: Final = re.compile(r"A[A-Z]{2}A[A-Z0-9]*(?::.*)?")
_DIGITS: Final = re.compile(r"[0-9 -]+")
_PLACEHOLDER: Final = re.compile(r"[<>{}\[\]$%]")
_IDENTITY_PROVIDERS: Final = ("saml-provider", "oidc-provider")
_SESSIONS: Final = ("assumed-role", "federated-user")
_IDENTITIES: Final = ("root", "user", "role")


def _wrong_without_type(text: str) -> str:
    if text == NO_VALUE:
        return "an empty list names no principal"
    if text.startswith("arn:"):
        kind = "Federated" if _resource_type(text) in _IDENTITY_PROVIDERS else "AWS"
        return f'an ARN must stand under "{kind}"'
    if ACCOUNT_ID.fullmatch(text):
        return 'an account id must stand under "AWS"'
    if _SERVICE.fullmatch(text):
        return 'a service must stand under "Service"'
    return f'{describe(text)} must stand under a type of principal: "AWS", "Service" or "Federated"'


def _wrong_under_aws(text: str) -> str:  # noqa: PLR0911 - one return a case reads as a table
    if text != text.strip():
        return "begins or ends with white space"
    if _PLACEHOLDER.search(text):
        return "holds a placeholder that was not replaced"
    if text.startswith("arn:"):
        return _wrong_in_arn(text) or _wrong_resource(service_of(text), _resource_type(text))
    if _DIGITS.fullmatch(text):
        return "is not an account id of 12 digits"
    if _SERVICE.fullmatch(text):
        return 'is a service, which must stand under "Service"'
    if _UNIQUE_ID.fullmatch(text):
        return "is not the unique id of a user or role"
    return "is neither an account id nor the ARN of an account, a user, a role or a session"


def _wrong_under_federated(text: str) -> str:
    wrong = _wrong_in_arn(text) if text.startswith("arn:") else None
    return wrong or "is not the ARN of a SAML or OIDC provider"


def _wrong_in_arn(arn: str) -> str | None:
    """Say which field before the resource is wrong; None if none is."""
    if len(arn_fields(arn)) < ARN_FIELDS:
        return "is not an ARN of six fields"
    if partition_of(arn) not in PARTITIONS:
        return f"has no known partition ({', '.join(PARTITIONS)})"
    if service_of(arn) not in ("iam", "sts"):
        return "is not an ARN of IAM or STS"
    if region_of(arn):
        return "has a Region, which ARNs of IAM and STS do not have"
    if not ACCOUNT_ID.fullmatch(account_of(arn)):
        return "has no account id of 12 digits"
    return None


def _wrong_resource(service: str, resource: str) -> str:
    if resource == "group":
        return "is a group, which cannot be a principal"
    if resource in _IDENTITY_PROVIDERS:
        return 'is an identity provider, which must stand under "Federated"'
    if service == "iam" and resource in _SESSIONS:
        return "is the ARN of a session, whose service is sts and not iam"
    if service == "sts" and resource in _IDENTITIES:
        return "is not the ARN of a session: the service of an account, a user or a role is iam"
    return "names no account, user, role or session"


def _resource_type(arn: str) -> str:
    return resource_of(arn).partition("/")[0]
