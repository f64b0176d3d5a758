"""A grant: what one statement gives to callers; and the one order of grants, most dangerous first."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecr_exposure.findings.reasons import RecipientKind
from ecr_exposure.findings.sentences import Sentence, whole
from ecr_exposure.policy.actions import Capability, capabilities_of
from ecr_exposure.policy.document import Statement
from ecr_exposure.policy.evaluator import Request
from ecr_exposure.policy.json_values import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The access that one statement grants.

    statement: its 0-based index. actions: the repository actions, each as ``ecr:Name``, most dangerous first.
    capabilities: most dangerous first; empty for registry actions alone, which a repository policy cannot
    grant. sentence: the reason in parts. witness: a request that is allowed; None only under the test
    ``unconditional``, which searches for no request.
    """

    statement: int
    sid: str | None
    actions: tuple[str, ...]
    capabilities: tuple[Capability, ...]
    sentence: Sentence
    witness: Request | None = None

    @property
    def reason(self) -> str:
        """Why the access is granted: one sentence without a full stop."""
        return whole(self.sentence)


def grant_of(
    statement: Statement, actions: tuple[str, ...], sentence: Sentence, witness: Request | None = None
) -> Grant:
    """Return the grant of a statement, in printable texts; actions: most dangerous first."""
    return Grant(
        statement=statement.position,
        sid=statement.sid and printable(statement.sid),
        actions=actions,
        capabilities=capabilities_of(actions),
        sentence=sentence,
        witness=witness,
    )


def ordered_grants(found: Iterable[tuple[RecipientKind, Grant]]) -> tuple[Grant, ...]:
    """Return grants, each given with its kind, most dangerous first."""
    return tuple(grant for _, grant in sorted(found, key=_danger))


def _danger(found: tuple[RecipientKind, Grant]) -> tuple[tuple[bool, ...], RecipientKind, int]:
    """Return the sort key of a grant.

    One mark for each capability, most dangerous first, False if the grant has it; then what brings the callers in;
    then the position of the statement.
    """
    kind, grant = found
    marks = tuple(capability not in grant.capabilities for capability in Capability)
    return marks, kind, grant.statement
