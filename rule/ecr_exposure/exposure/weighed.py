"""The tests ``reachable`` and ``external``: all statements, conditions and Denies weighed on one request."""

from collections.abc import Callable

from ecr_exposure.exposure.budget import Budget
from ecr_exposure.exposure.evaluator import covers
from ecr_exposure.exposure.grant import Grant
from ecr_exposure.exposure.outsider import Outsider, Zone, foreigner, may_admit_strangers, stranger
from ecr_exposure.exposure.reasons import explain_deny, reason_of
from ecr_exposure.exposure.search import Opening, Search, danger_of
from ecr_exposure.policy.actions import capabilities_of
from ecr_exposure.policy.document import Document


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
