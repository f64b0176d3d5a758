"""Who stands outside, and what is the same for every request in one part of the universe."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.oracle.enumeration.evaluator import Rules
from tests.oracle.enumeration.named import Barred, named_ids
from tests.oracle.enumeration.policy import Statement
from tests.oracle.enumeration.shapes import ACCOUNT, ORGANIZATION_ID, PARTITIONS, partition_of
from tests.oracle.enumeration.text import Context

REGION: Final = "aws:requestedregion"
RESOURCE_ACCOUNT: Final = "aws:resourceaccount"
RESOURCE_ORGANIZATION: Final = "aws:resourceorgid"
RESOURCE_PATHS: Final = "aws:resourceorgpaths"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a policy."""

    test: str
    owner: str | None
    region: str | None
    members: tuple[str, ...]
    trusted_accounts: tuple[str, ...]
    trusted_organizations: tuple[str, ...]
    now: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class Setting:
    """One part of the universe: what all its requests have in common."""

    partition: str
    through_endpoint: bool
    tagging: str
    owner: str | None
    owner_path: str | None
    region: str | None
    now: int
    barred_ids: tuple[tuple[str, frozenset[str]], ...]

    def barred(self, identity: str) -> frozenset[str]:
        """The ids that no caller of this part has."""
        return dict(self.barred_ids).get(identity, frozenset())

    def context(self) -> Context:
        """The keys whose value is fixed; the others that are fixed are absent."""
        fixed: dict[str, tuple[str, ...]] = {
            "aws:principalisawsservice": ("false",),
            "aws:securetransport": ("true",),
        }
        if self.region is not None:
            fixed[REGION] = (self.region,)
        if self.owner is not None:
            fixed[RESOURCE_ACCOUNT] = (self.owner,)
        if self.owner_path is not None:
            fixed[RESOURCE_ORGANIZATION] = (self.owner_path.split("/")[0],)
            fixed[RESOURCE_PATHS] = (self.owner_path,)
        return fixed


def texts_of(statements: Iterable[Statement]) -> frozenset[str]:
    """Every text of the principals and conditions."""
    return frozenset(
        text
        for statement in statements
        for text in (
            *(value.text for value in statement.principals),
            *(value.text for condition in statement.conditions for value in condition.values),
        )
    )


def partitions_for(question: Question, statements: Iterable[Statement]) -> tuple[str, ...]:
    """The repository's partition; without a region each one that the policy speaks of."""
    if question.region is not None:
        return (partition_of(question.region),)
    texts = texts_of(statements)
    return tuple(
        partition
        for partition in PARTITIONS
        if partition == "aws" or any(f"arn:{partition}:" in text for text in texts)
    )


def zone(question: Question, statements: tuple[Statement, ...], partitions: tuple[str, ...]) -> Barred:
    """A stranger is not named; an outsider is not in the trust zone; neither is the owner."""
    owner = frozenset({question.owner} if question.owner else ())
    if question.test == "external":
        return {
            ACCOUNT: owner | {*question.trusted_accounts, *question.members},
            ORGANIZATION_ID: frozenset(question.trusted_organizations),
        }
    named = named_ids(statements, partitions)
    return {**named, ACCOUNT: named.get(ACCOUNT, frozenset()) | owner}
