"""The three access tests: how each finds grants, and the sentences about its result.

``unconditional`` asks what CloudGuard's rule D9.AWS.IAM.102 asks: it does not evaluate Deny statements, actions
and conditions. ``reachable`` and ``external`` evaluate all statements against one request.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.grants import Grant, grant_of, ordered_grants
from ecr_exposure.findings.reasons import (
    RecipientKind,
    reason_of,
    reason_without_condition,
    recipients_of,
)
from ecr_exposure.policy.actions import covered_actions, most_dangerous_first
from ecr_exposure.policy.condition_keys import ConditionKey
from ecr_exposure.policy.document import Document, Statement, compared_keys
from ecr_exposure.policy.evaluator import covers
from ecr_exposure.policy.principals import Principal
from ecr_exposure.search import (
    Budget,
    Opening,
    RepositoryFacts,
    external_callers,
    find_openings,
    may_grant_public_access,
    public_callers,
)


class AccessTest(NamedTuple):
    """One access test.

    name: as the rule parameter publicAccessTest gives it. find: returns the grants, most dangerous first; raises
    TooComplexError. finds_any: returns whether there is a grant, in less time; raises TooComplexError, too. subject:
    whom a grant gives access, with the form of "to be" that goes with it. no_grant: the annotation if there is no
    grant. advises: whether the result comes with advisories. needs_zone_of_trust: whether the owner and the accounts of
    its organization must be known. compared_with: the annotation adds the result of this test if it differs.
    """

    name: str
    find: Callable[[Document, RepositoryFacts], tuple[Grant, ...]]
    finds_any: Callable[[Document, RepositoryFacts], bool]
    subject: str
    to_be: str
    no_grant: str
    advises: bool = True
    needs_zone_of_trust: bool = False
    compared_with: "AccessTest | None" = None


def _unconditional_grants(document: Document, _: RepositoryFacts) -> tuple[Grant, ...]:
    return ordered_grants(
        _unconditional_grant(statement) for statement in document.statements if _grants_to_everyone(statement)
    )


def _grants_to_everyone(statement: Statement) -> bool:
    if not statement.allows or statement.conditions or statement.not_principal:
        return False
    # A principal with a wildcard may stand for everyone.
    return statement.principals.everyone or bool(statement.principals.wildcards)


def _unconditional_grant(statement: Statement) -> tuple[RecipientKind, Grant]:
    actions = most_dangerous_first(covered_actions(statement.actions, negated=statement.not_action))
    recipients = recipients_of(statement)
    return recipients.kind, grant_of(statement, actions, reason_without_condition(statement, actions, recipients))


def _reachable_openings(document: Document, facts: RepositoryFacts) -> Iterator[Opening]:
    if any(map(may_grant_public_access, document.statements)):
        budget = Budget()
        yield from find_openings(document, public_callers(document, facts, budget), budget)


def _external_openings(document: Document, facts: RepositoryFacts) -> Iterator[Opening]:
    if any(statement.allows for statement in document.statements):
        yield from find_openings(document, external_callers(document, facts), Budget())


def _nobody(_: Statement, __: RepositoryFacts) -> Sequence[Principal]:
    return ()


def _outside(statement: Statement, facts: RepositoryFacts) -> Sequence[Principal]:
    """Return the principals of a statement that are outside the zone of trust."""
    inside = {"", facts.owner, *facts.trusted_accounts}
    return [principal for principal in statement.principals.named if principal.account not in inside]


_Openings = Callable[[Document, RepositoryFacts], Iterator[Opening]]
_Named = Callable[[Statement, RepositoryFacts], Sequence[Principal]]
"""Which of the principals that a statement names are callers."""


def _grants(openings: _Openings, named: _Named, document: Document, facts: RepositoryFacts) -> tuple[Grant, ...]:
    found = openings(document, facts)
    return ordered_grants(_grant(opening, document, facts, named(opening.statement, facts)) for opening in found)


def _has_opening(openings: _Openings, document: Document, facts: RepositoryFacts) -> bool:
    return next(openings(document, facts), None) is not None


def _grant(
    opening: Opening, document: Document, facts: RepositoryFacts, named: Sequence[Principal]
) -> tuple[RecipientKind, Grant]:
    statement, actions, _ = opening
    recipients = recipients_of(statement, named)
    compared = _compared_keys(document, opening)
    witness = replace(opening.witness, compared=compared) if compared else opening.witness
    sentence = reason_of(opening, recipients, document, knows_tags=facts.resource_tags is not None)
    return recipients.kind, grant_of(statement, actions, sentence, witness)


def _compared_keys(document: Document, opening: Opening) -> tuple[ConditionKey, ...]:
    """Return the keys that the statement compares, and each Deny that covers the action of the witness."""
    action = opening.witness.action
    denies = [each for each in document.statements if not each.allows and covers(each, action)]
    return tuple(compared_keys(Document((opening.statement, *denies), document.variables)))


REACHABLE: Final = AccessTest(
    name="reachable",
    find=partial(_grants, _reachable_openings, _nobody),
    finds_any=partial(_has_opening, _reachable_openings),
    subject="Everyone",
    to_be="is",
    no_grant="The repository policy grants no public access.",
)
UNCONDITIONAL: Final = AccessTest(
    name="unconditional",
    find=_unconditional_grants,
    finds_any=lambda document, _: any(map(_grants_to_everyone, document.statements)),
    subject="Everyone",
    to_be="is",
    no_grant="No statement grants access to everyone without a Condition.",
    advises=False,
    compared_with=REACHABLE,
)
EXTERNAL: Final = AccessTest(
    name="external",
    find=partial(_grants, _external_openings, _outside),
    finds_any=partial(_has_opening, _external_openings),
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
