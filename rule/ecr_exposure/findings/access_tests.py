"""The three access tests: how each finds grants, and the sentences about its result.

``unconditional`` asks what CloudGuard's rule D9.AWS.IAM.102 asks: it does not evaluate Deny statements, actions
and conditions. ``reachable`` and ``external`` evaluate all statements against one request.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.explanations import explain_deny, is_undocumented, reason_of
from ecr_exposure.findings.grants import Grant, grant_of, ordered_grants
from ecr_exposure.policy.actions import covered_actions
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.evaluator import covers
from ecr_exposure.search import (
    Budget,
    Opening,
    RepositoryFacts,
    external_callers,
    find_openings,
    may_grant_public_access,
    public_callers,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTest:
    """One access test.

    name: as the rule parameter publicAccessTest gives it. find: returns the grants, most dangerous first; raises
    TooComplexError. find_first: the same, but returns one grant at most, whichever is found first. subject: whom a
    grant gives access, with the form of "to be" that goes with it. no_grant: the annotation if there is no grant.
    advises: whether the result comes with advisories. needs_zone_of_trust: whether the owner and the accounts of its
    organization must be known. compared_with: the annotation adds the result of this test if it differs.
    """

    name: str
    find: Callable[[Document, RepositoryFacts], tuple[Grant, ...]]
    find_first: Callable[[Document, RepositoryFacts], tuple[Grant, ...]]
    subject: str
    to_be: str
    no_grant: str
    advises: bool = True
    needs_zone_of_trust: bool = False
    compared_with: "AccessTest | None" = None


def _unconditional_grants(document: Document, _: RepositoryFacts) -> tuple[Grant, ...]:
    return ordered_grants(
        (statement, grant_of(statement, _covered(statement), reason_of(statement)))
        for statement in document.statements
        if _grants_to_everyone(statement)
    )


def _covered(statement: Statement) -> frozenset[str]:
    return covered_actions(statement.actions, negated=statement.not_action)


def _grants_to_everyone(statement: Statement) -> bool:
    if not statement.allows or statement.conditions or statement.not_principal:
        return False
    # A principal with a wildcard may stand for everyone.
    return statement.principals.everyone or bool(statement.principals.wildcards)


def _reachable_openings(document: Document, facts: RepositoryFacts) -> Iterator[Opening]:
    if any(map(may_grant_public_access, document.statements)):
        budget = Budget()
        yield from find_openings(document, public_callers(document, facts, budget), budget)


def _external_openings(document: Document, facts: RepositoryFacts) -> Iterator[Opening]:
    if any(statement.allows for statement in document.statements):
        yield from find_openings(document, external_callers(document, facts), Budget())


_Openings = Callable[[Document, RepositoryFacts], Iterator[Opening]]


def _grants(openings: _Openings, most: int | None, document: Document, facts: RepositoryFacts) -> tuple[Grant, ...]:
    found = islice(openings(document, facts), most)
    return ordered_grants((opening.statement, _grant(opening, document)) for opening in found)


def _grant(opening: Opening, document: Document) -> Grant:
    statement, witness = opening.statement, opening.witness
    reason = reason_of(statement, witness, variables=document.variables) + _about_deny(opening, document)
    return grant_of(statement, opening.actions, reason, witness)


def _about_deny(opening: Opening, document: Document) -> str:
    """Explain a Deny that covers the action and everyone, and does not match the request: an undocumented one first."""
    context, action = opening.witness.context, opening.witness.action
    covering = [
        deny
        for deny in document.statements
        if not deny.allows and covers(deny, action) and (deny.principals.everyone or deny.not_principal)
    ]
    covering.sort(key=lambda deny: not is_undocumented(deny, context, variables=document.variables))
    return f", and {explain_deny(covering[0], context, variables=document.variables)}" if covering else ""


REACHABLE: Final = AccessTest(
    name="reachable",
    find=partial(_grants, _reachable_openings, None),
    find_first=partial(_grants, _reachable_openings, 1),
    subject="Everyone",
    to_be="is",
    no_grant="The repository policy grants no public access.",
)
UNCONDITIONAL: Final = AccessTest(
    name="unconditional",
    find=_unconditional_grants,
    find_first=lambda document, facts: _unconditional_grants(document, facts)[:1],
    subject="Everyone",
    to_be="is",
    no_grant="No statement grants access to everyone without a Condition.",
    advises=False,
    compared_with=REACHABLE,
)
EXTERNAL: Final = AccessTest(
    name="external",
    find=partial(_grants, _external_openings, None),
    find_first=partial(_grants, _external_openings, 1),
    subject="Principals outside the zone of trust",
    to_be="are",
    no_grant="The repository policy grants no access outside the zone of trust.",
    needs_zone_of_trust=True,
)
TESTS: Final = {test.name: test for test in (UNCONDITIONAL, REACHABLE, EXTERNAL)}
"""The access tests by name; the first is the default."""


def access_test(parameter: str, name: object) -> AccessTest:
    """Return the test of a name; raise ParameterError, which names the parameter, if there is none."""
    found = TESTS.get(name) if isinstance(name, str) else None
    if found is None:
        raise ParameterError(f"{parameter}: {name!r:.80} is not a test (accepted: {', '.join(TESTS)})")
    return found
