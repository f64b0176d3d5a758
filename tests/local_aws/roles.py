"""The roles that moto's IAM holds: what they may do and who may take them; moto itself checks neither.

It reads the few forms of policies that the templates write, and refuses to guess about any other.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends


def granted(account: str, role_name: str, partition: str = "aws") -> frozenset[str]:
    """Return the actions that a role's own policies allow, as ``service:Operation``."""
    role = _role(account, role_name, partition)
    return frozenset(action for statement in _statements(role) for action in _texts(statement["Action"]))


def may_take(role_arn: str, *, account: str, role: str, organization: Collection[str]) -> bool:
    """Tell whether a role exists, trusts the caller's role and account, and the caller's policies let him take it."""
    _, partition, _, _, of_account, path = role_arn.split(":", 5)
    try:
        trust = _document(_role(of_account, path.rpartition("/")[2], partition).assume_role_policy_document)
        own = list(_statements(_role(account, role, partition)))
    except NotFoundException:
        return False
    asked = any(
        "sts:AssumeRole" in _texts(statement["Action"])
        and any(fnmatchcase(role_arn, resource) for resource in _texts(statement["Resource"]))
        and _within(statement.get("Condition"), of_account in organization)
        for statement in own
    )
    caller = f"arn:{partition}:iam::{account}:role/{role}"
    return asked and any(_trusts(statement, caller, account, partition) for statement in trust["Statement"])


def _trusts(statement: Mapping[str, Any], caller: str, account: str, partition: str) -> bool:
    match statement:
        case {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": trusted}},
        }:
            return bool(principal == f"arn:{partition}:iam::{account}:root" and trusted == caller)
    raise NotImplementedError(f"a trust policy of another form: {statement}")


def _within(condition: object, same_organization: bool) -> bool:  # noqa: FBT001 - what the only known condition asks
    if condition == {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}:
        return same_organization
    raise NotImplementedError(f"a condition of another form: {condition}")


def _statements(role: Role) -> Iterator[Mapping[str, Any]]:
    for document in role.policies.values():
        # Where a template says AWS::NoValue in a list, moto leaves a hole.
        yield from filter(None, _document(document)["Statement"])


def _document(content: Any) -> dict[str, Any]:
    """Return a policy, which moto keeps as a text or, when a template made it, as it stood there."""
    document: dict[str, Any] = json.loads(content) if isinstance(content, str) else content
    return document


def _role(account: str, name: str, partition: str) -> Role:
    backend: IAMBackend = iam_backends[account][partition]
    return backend.get_role(name)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
