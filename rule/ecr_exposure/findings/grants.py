"""A grant: what one statement gives to callers; and the one order of grants, most dangerous first."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecr_exposure.policy.actions import Capability, capabilities_of, most_dangerous_first
from ecr_exposure.policy.document import Statement
from ecr_exposure.policy.evaluator import Request
from ecr_exposure.policy.json_values import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The access that one statement grants.

    statement: its 0-based index. actions: the repository actions, each as ``ecr:Name``, most dangerous first.
    capabilities: most dangerous first; empty for registry actions alone, which a repository policy cannot
    grant. reason: one sentence without a full stop. witness: a request that is allowed; None only under the test
    ``unconditional``, which searches for no request.
    """

    statement: int
    sid: str | None
    actions: tuple[str, ...]
    capabilities: tuple[Capability, ...]
    reason: str
    witness: Request | None = None


def grant_of(statement: Statement, actions: Iterable[str], reason: str, witness: Request | None = None) -> Grant:
    """Return the grant of a statement; its texts are printable."""
    ordered = most_dangerous_first(actions)
    return Grant(
        statement=statement.position,
        sid=statement.sid and printable(statement.sid),
        actions=ordered,
        capabilities=capabilities_of(ordered),
        reason=printable(reason),
        witness=witness,
    )


def ordered_grants(found: Iterable[tuple[Statement, Grant]]) -> tuple[Grant, ...]:
    """Return the grants of statements, most dangerous first."""
    return tuple(grant for _, grant in sorted(found, key=_danger))


def _danger(found: tuple[Statement, Grant]) -> tuple[tuple[bool, ...], bool, int]:
    """Return the sort key of a grant.

    One mark for each capability, most dangerous first, False if the grant has it; then a Principal with a star
    before all others; then the position of the statement.
    """
    statement, grant = found
    marks = tuple(capability not in grant.capabilities for capability in Capability)
    names_everyone = statement.principals.everyone and not statement.not_principal
    return marks, not names_everyone, grant.statement
