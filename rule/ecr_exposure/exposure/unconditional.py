"""The test ``unconditional``: an Allow that names everyone and has no Condition.

The same question as CloudGuard's D9.AWS.IAM.102. Deny statements, actions and conditions are not
weighed: whoever wants them weighed chooses another test.
"""

from typing import Final

from ecr_exposure.exposure.grant import Grant
from ecr_exposure.policy.actions import Capability, capabilities_of, named_by, not_named_by
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.json_values import describe

_MOST_NAMED: Final = 2


def unconditional_grants(document: Document) -> tuple[Grant, ...]:
    """Return a grant for each statement that lets everyone in, the most dangerous first."""
    grants = [_grant(statement) for statement in document.statements if _lets_everyone_in(statement)]
    return tuple(sorted(grants, key=_danger))


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
        reason=f"{_name(statement)} allows {_actions(statement)} to {_whom(statement)} with no Condition",
    )


def _danger(grant: Grant) -> tuple[tuple[int, ...], int]:
    order = list(Capability)
    ranks = tuple(order.index(capability) for capability in grant.capabilities)
    return (ranks or (len(order),), grant.statement)


def _name(statement: Statement) -> str:
    return f"statement {describe(statement.sid)}" if statement.sid else f"Statement[{statement.position}]"


def _actions(statement: Statement) -> str:
    shown = [describe(action)[1:-1] for action in statement.actions[:_MOST_NAMED]]
    if more := len(statement.actions) - len(shown):
        shown.append(f"{more} more")
    listed = " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown) or "no action"
    return f"all but {listed}" if statement.not_action else listed


def _whom(statement: Statement) -> str:
    if statement.principals.everyone and not statement.not_principal:
        return "*"
    element = "NotPrincipal" if statement.not_principal else "Principal"
    return f"the malformed {element} {describe(statement.principals.malformed[0])}"
