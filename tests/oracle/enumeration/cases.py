"""Short ways to write a policy, a question and the answer that is expected by hand."""

from dataclasses import dataclass, field
from typing import Any, Final

from tests.oracle.generator.pool import (
    MEMBERS,
    NOW,
    OWNER,
    REGION,
    TRUSTED_ACCOUNTS,
    TRUSTED_ORGANIZATIONS,
)

ORG: Final = "o-a1b2c3d4e5"
ACCOUNT: Final = "111122223333"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/ci"
SESSION: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/session"
UNIT: Final = f"{ORG}/r-ab12/ou-ab12-11111111/*"
ROLE_ID: Final = "AROAEXAMPLE0000000001"
NETWORK: Final = "203.0.113.0/24"

Policy = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A policy, a question about it, and the answer."""

    name: str
    expected: str
    policy: Policy | str
    question: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """The question, complete."""
        usual = {"test": "reachable", "owner": OWNER, "region": REGION, "now": NOW}
        return {**usual, **self.question}


EXTERNAL: Final[dict[str, Any]] = {"test": "external"}
ZONE: Final[dict[str, Any]] = {
    "test": "external",
    "members": MEMBERS,
    "trusted_accounts": TRUSTED_ACCOUNTS,
    "trusted_organizations": TRUSTED_ORGANIZATIONS,
}


def allow(condition: Policy | None = None, *, who: Any = "*", what: Any = "ecr:*", **more: Any) -> Policy:
    """An Allow, for everyone and everything unless said otherwise."""
    statement = {"Effect": "Allow", "Principal": who, "Action": what, **more}
    if condition is not None:
        statement["Condition"] = condition
    return {key: value for key, value in statement.items() if value is not ...}


def deny(condition: Policy | None = None, *, who: Any = "*", what: Any = "ecr:*", **more: Any) -> Policy:
    """A Deny, for everyone and everything unless said otherwise."""
    return {**allow(condition, who=who, what=what, **more), "Effect": "Deny"}


def doc(*statements: Policy, version: str | None = "2012-10-17") -> Policy:
    """A document; version None leaves the element out."""
    policy: Policy = {} if version is None else {"Version": version}
    return {**policy, "Statement": list(statements)}


def when(name: str, expected: str, **blocks: Any) -> Case:
    """An Allow for everyone under a condition; __ in an operator's name stands for the colon."""
    condition = {operator.replace("__", ":"): keys for operator, keys in blocks.items()}
    return Case(name, expected, doc(allow(condition)))


def unless(name: str, expected: str, **blocks: Any) -> Case:
    """An Allow for everyone, and a Deny for everyone under a condition."""
    condition = {operator.replace("__", ":"): keys for operator, keys in blocks.items()}
    return Case(name, expected, doc(allow(), deny(condition)))
