"""The test ``unconditional``: an Allow that names everyone and has no Condition.

The same question as CloudGuard's D9.AWS.IAM.102. Deny statements, actions and conditions are not
weighed: whoever wants them weighed chooses another test.
"""

from collections.abc import Callable
from typing import Final

from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.explanations import explain_deny, reason_of
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.actions import Capability, capabilities_of, named_by, not_named_by
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.evaluator import covers
from ecr_exposure.search.callers import Outsider, Zone, foreigner, may_admit_strangers, stranger
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.witness import Opening, Search, danger_of


def unconditional_grants(document: Document, _: Zone) -> tuple[Grant, ...]:
    """Return a grant for each statement that lets everyone in, the most dangerous first."""
    grants = [_unconditional_grant(statement) for statement in document.statements if _lets_everyone_in(statement)]
    return tuple(sorted(grants, key=_danger)) if len(grants) > 1 else tuple(grants)


def _lets_everyone_in(statement: Statement) -> bool:
    if not statement.allows or statement.conditions:
        return False
    # A malformed principal is never relied on: it may be read as everyone. NotPrincipal names
    # nobody, whatever stands in it.
    named = statement.principals.everyone and not statement.not_principal
    return named or bool(statement.principals.malformed)


def _unconditional_grant(statement: Statement) -> Grant:
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


def reachable_grants(document: Document, zone: Zone) -> tuple[Grant, ...]:
    """Return what a stranger gets: a caller whom the policy names nowhere. Raises TooComplexError."""
    if not any(map(may_admit_strangers, document.statements)):
        return ()
    return _grants(document, lambda budget: stranger(document, zone, budget))


def external_grants(document: Document, zone: Zone) -> tuple[Grant, ...]:
    """Return what a caller outside the trust zone gets, named or not. Raises TooComplexError."""
    return _grants(document, lambda _: foreigner(zone))


def _grants(document: Document, outsider_of: Callable[[Budget], Outsider]) -> tuple[Grant, ...]:
    if not any(statement.allows for statement in document.statements):
        return ()
    budget = Budget()
    openings = sorted(
        Search(document, outsider_of(budget), budget).openings(), key=lambda each: danger_of(each.actions)
    )
    return tuple(_grant(opening, document) for opening in openings)


def _grant(opening: Opening, document: Document) -> Grant:
    statement, witness = opening.statement, opening.witness
    return Grant(
        statement=statement.position,
        sid=statement.sid,
        actions=opening.actions,
        capabilities=capabilities_of(opening.actions),
        reason=reason_of(statement, witness, variables=document.variables) + _denies(opening, document),
        witness=witness,
    )


def _denies(opening: Opening, document: Document) -> str:
    """Tell of the first Deny that was meant for the action and misses the caller."""
    context, action = opening.witness.context, opening.witness.action
    for deny in document.statements:
        if not deny.allows and covers(deny, action) and (deny.principals.everyone or deny.not_principal):
            return f", and {explain_deny(deny, context, variables=document.variables)}"
    return ""


TESTS: Final = {
    "unconditional": unconditional_grants,
    "reachable": reachable_grants,
    "external": external_grants,
}
"""The tests, by the name that the rule parameter publicAccessTest gives."""


def check_test(parameter: str, test: object) -> None:
    """Raise ParameterError, which names the parameter, unless there is such a test."""
    if test not in list(TESTS):  # a list, for a caller may err and give what has no hash
        raise ParameterError(f"{parameter}: {test!r:.80} is not a test (accepted: {', '.join(TESTS)})")
