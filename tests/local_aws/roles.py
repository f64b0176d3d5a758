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
from moto.utilities.utils import get_partition


def granted(account: str, role_name: str, region: str) -> frozenset[str]:
    """Return the actions that a role's own policies allow, as ``service:Operation``."""
    role = _role(account, role_name, region)
    return frozenset(action for statement in _statements(role) for action in _texts(statement["Action"]))


def may_take(  # noqa: PLR0913 - who takes which role where
    account: str, role_name: str, *, caller_account: str, caller_role: str, organization: Collection[str], region: str
) -> bool:
    """Tell whether a role exists, trusts the caller, and the caller's own policies let him take it."""
    partition = get_partition(region)
    arn = f"arn:{partition}:iam::{account}:role/{role_name}"
    caller = f"arn:{partition}:iam::{caller_account}:role/{caller_role}"
    try:
        trust = _document(_role(account, role_name, region).assume_role_policy_document)
        own = list(_statements(_role(caller_account, caller_role, region)))
    except NotFoundException:
        return False
    asked = any(
        "sts:AssumeRole" in _texts(statement["Action"])
        and any(fnmatchcase(arn, resource) for resource in _texts(statement["Resource"]))
        and _within(statement.get("Condition"), account in organization)
        for statement in own
    )
    return asked and any(_trusts(statement, caller, caller_account, partition) for statement in trust["Statement"])


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


def _role(account: str, name: str, region: str) -> Role:
    backend: IAMBackend = iam_backends[account][get_partition(region)]
    return backend.get_role(name)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
