"""The test ``unconditional``: an Allow that names everyone and has no Condition.

The same question as CloudGuard's D9.AWS.IAM.102. Deny statements, actions and conditions are not
weighed: whoever wants them weighed chooses another test.
"""

from ecr_exposure.exposure.grant import Grant
from ecr_exposure.exposure.outsider import Zone
from ecr_exposure.exposure.reasons import reason_of
from ecr_exposure.policy.actions import Capability, capabilities_of, named_by, not_named_by
from ecr_exposure.policy.document import Document, Statement


def unconditional_grants(document: Document, _: Zone) -> tuple[Grant, ...]:
    """Return a grant for each statement that lets everyone in, the most dangerous first."""
    grants = [_grant(statement) for statement in document.statements if _lets_everyone_in(statement)]
    return tuple(sorted(grants, key=_danger)) if len(grants) > 1 else tuple(grants)


def _lets_everyone_in(statement: Statement) -> bool:
    if not statement.allows or statement.conditions:
        return False
    # A malformed principal is never relied on: it may be read as everyone. NotPrincipal names
    # nobody, whatever stands in it.
    named = statement.principals.everyone and not statement.not_principal
    return named or bool(statement.principals.malformed)


def _grant(statement: Statement) -> Grant:
    covered = not_named_by if statement.not_action else named_by
    actions = tuple(sorted(covered(statement.actions)))
    return Grant(
        statement=statement.position,
        sid=statement.sid,
        actions=actions,
        capabilities=capabilities_of(actions),
        reason=reason_of(statement),
    )


def _danger(grant: Grant) -> tuple[tuple[int, ...], int]:
    order = list(Capability)
    ranks = tuple(order.index(capability) for capability in grant.capabilities)
    return (ranks or (len(order),), grant.statement)
