"""IAM roles: the actions that they allow, and which role can assume which; moto checks neither.

Supports the policy forms that the templates use, and raises NotImplementedError for all others.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends


def granted(account: str, role_name: str, partition: str = "aws") -> frozenset[str]:
    """Return the actions that a role's policies allow, as ``service:Operation``."""
    role = _role(account, role_name, partition)
    return frozenset(action for statement in _statements(role) for action in _texts(statement["Action"]))


def may_assume(role_arn: str, *, account: str, role: str, organization: Collection[str]) -> bool:
    """Return whether a role exists, its trust policy trusts the calling role, and that role's policies allow it.

    A name is unique in its account, whatever the path; an ARN has the path, and a session's ARN does not.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    _, partition, _, _, of_account, path = role_arn.split(":", 5)
    try:
        assumed = _role(of_account, path.rpartition("/")[2], partition)
        calling = _role(account, role, partition)
    except NotFoundException:
        return False
    if assumed.arn != role_arn:
        return False
    trust = _document(assumed.assume_role_policy_document)
    allowed = any(
        "sts:AssumeRole" in _texts(statement["Action"])
        and any(fnmatchcase(role_arn, resource) for resource in _texts(statement["Resource"]))
        and _within(statement.get("Condition"), of_account in organization)
        for statement in _statements(calling)
    )
    return allowed and any(_trusts(statement, calling.arn, account, partition) for statement in trust["Statement"])


def _trusts(statement: Mapping[str, Any], caller: str, account: str, partition: str) -> bool:
    match statement:
        case {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": trusted}},
        }:
            return bool(principal == f"arn:{partition}:iam::{account}:root" and trusted == caller)
    raise NotImplementedError(f"unsupported trust policy statement: {statement}")


def _within(condition: object, same_organization: bool) -> bool:  # noqa: FBT001 - the one supported condition compares organizations
    if condition == {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}:
        return same_organization
    raise NotImplementedError(f"unsupported condition: {condition}")


def _statements(role: Role) -> Iterator[Mapping[str, Any]]:
    attached = (
        each.document for policy in role.managed_policies.values() for each in policy.versions if each.is_default
    )
    for document in (*role.policies.values(), *attached):
        yield from _document(document)["Statement"]


def _document(content: Any) -> dict[str, Any]:
    """Return a policy: moto stores JSON text, or the object if a template created the role."""
    document: dict[str, Any] = json.loads(content) if isinstance(content, str) else content
    return document


def _role(account: str, name: str, partition: str) -> Role:
    backend: IAMBackend = iam_backends[account][partition]
    return backend.get_role(name)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
