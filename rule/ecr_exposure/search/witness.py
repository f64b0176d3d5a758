"""The search for one request that some Allow matches and no Deny matches.

Assume that an Allow matches, find a caller who meets its conditions, and see which Deny statements match. To avoid
such a Deny, one of its conditions must be false: each is tried, with a new caller who meets everything so far.
(Work on what untrusted requests can meet, with a request as proof: Bouchet et al., "Block Public Access: Trust
Safety Verification of Access Control Policies", FSE 2020.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ecr_exposure.identifiers import partitions_of_region
from ecr_exposure.policy.actions import covered_actions, most_dangerous_first
from ecr_exposure.policy.condition_keys import KEYS
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.evaluator import (
    Request,
    covers,
    evaluate,
    identifiable,
    is_ineffective,
    matches_principal,
)
from ecr_exposure.policy.principals import Principal, PrincipalKind
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.constraints import Constraint, constraint_of, equal_to
from ecr_exposure.search.request_context import CALLER, TAGGING, RequestContexts, Values
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.value_domains import IdKind
from ecr_exposure.search.variable_values import find_context

Alternative = tuple[Constraint, ...]
"""Constraints that together make an Allow match, or a Deny not match."""


class Opening(NamedTuple):
    """The access that a statement grants: the actions, most dangerous first, and a request for the first of them."""

    statement: Statement
    actions: tuple[str, ...]
    witness: Request


def find_openings(document: Document, callers: CallerModel, budget: Budget) -> Iterator[Opening]:
    """Yield what each Allow grants to the callers, in the order of the statements. Raises TooComplexError."""
    return _Search(document, callers, budget).openings()


class _Search:
    """All questions about one document, under one budget."""

    def __init__(self, document: Document, callers: CallerModel, budget: Budget) -> None:
        self._document = document
        self._callers = callers
        self._budget = budget
        self._contexts = RequestContexts(callers, budget)
        self._partitions = ("", *partitions_of_region(callers.region))
        self._denies = [each for each in document.statements if not each.allows and not is_ineffective(each)]
        self._covering: dict[str, tuple[int, ...]] = {}
        self._avoiding: dict[int, tuple[Alternative, ...]] = {}
        self._constraints: dict[tuple[int, bool], Constraint] = {}
        presences = {condition.key.presence for each in document.statements for condition in each.conditions}
        self._tagging = [TAGGING[presence] for presence in presences if presence in TAGGING]

    def openings(self) -> Iterator[Opening]:
        for statement in self._document.statements:
            if statement.allows:
                alternatives = [each for each in self._matching(statement) if _is_possible(each)]
                if alternatives and (opening := self._opening(statement, alternatives)) is not None:
                    yield opening

    def _opening(self, statement: Statement, alternatives: Sequence[Alternative]) -> Opening | None:
        witnesses: dict[str, Request] = {}
        for actions, denies in self._action_groups(statement):
            found = (self._witness(actions[0], alternative, denies) for alternative in alternatives)
            witness = next(filter(None, found), None)
            if witness is not None:
                witnesses |= dict.fromkeys(actions, witness)
        if not witnesses:
            return None
        actions = most_dangerous_first(witnesses)
        return Opening(statement, actions, replace(witnesses[actions[0]], action=actions[0]))

    def _action_groups(self, statement: Statement) -> Iterator[tuple[tuple[str, ...], Sequence[Statement]]]:
        """Yield the statement's actions in groups that the same Deny statements cover, with these statements."""
        granted = covered_actions(statement.actions, negated=statement.not_action)
        groups: dict[tuple[tuple[int, ...], tuple[bool, ...]], list[str]] = {}
        for action in most_dangerous_first(granted):
            covering = self._covering.get(action)
            if covering is None:
                covering = tuple(at for at, deny in enumerate(self._denies) if covers(deny, action))
                self._covering[action] = covering
            groups.setdefault((covering, tuple(action in tags for tags in self._tagging)), []).append(action)
        for (covering, _), actions in groups.items():
            yield tuple(actions), [self._denies[at] for at in covering]

    def _matching(self, statement: Statement) -> Iterator[Alternative]:
        """Yield the alternatives under which an Allow matches a caller."""
        principals = statement.principals
        others = principals.everyone or principals.wildcards or statement.not_principal
        if not others and all(map(self._is_no_caller, principals.named)):
            return
        conditions = tuple(self._constraint(condition, outcome=True) for condition in statement.conditions)
        if statement.not_principal:
            if not principals.everyone:
                yield (*conditions, *self._is_none_of(statement))
        elif principals.everyone or principals.wildcards:
            yield conditions
        else:
            for principal in principals.named:
                if not self._is_no_caller(principal):
                    yield from ((*conditions, identity) for identity in _is_principal(principal))

    def _is_none_of(self, statement: Statement) -> Iterator[Constraint]:
        """Yield the constraints that the caller is none of the principals that a request shows."""
        for principal in identifiable(statement.principals.named):
            if principal.partition in self._partitions:
                yield from (identity._replace(negated=True) for identity in _is_principal(principal))

    def _is_no_caller(self, principal: Principal) -> bool:
        """Return whether the principal cannot be one of the callers."""
        elsewhere = principal.partition not in self._partitions
        return elsewhere or principal.account in self._callers.excluded_ids(IdKind.ACCOUNT)

    def _constraint(self, condition: Condition, *, outcome: bool) -> Constraint:
        key = (id(condition), outcome)
        if key not in self._constraints:
            self._budget.spend(4 + len(condition.values))
            self._constraints[key] = constraint_of(
                condition, outcome=outcome, variables=self._document.variables, callers=self._callers
            )
        return self._constraints[key]

    def _ways_to_avoid(self, deny: Statement) -> tuple[Alternative, ...]:
        if deny.position not in self._avoiding:
            false_conditions = ((self._constraint(each, outcome=False),) for each in deny.conditions)
            alternatives = [*self._not_denied(deny), *false_conditions]
            self._avoiding[deny.position] = tuple(filter(_is_possible, alternatives))
        return self._avoiding[deny.position]

    def _not_denied(self, deny: Statement) -> Iterator[Alternative]:
        """Yield the alternatives under which the principal element of a Deny does not match the caller."""
        principals = deny.principals
        if not deny.not_principal:
            if not principals.everyone:
                yield tuple(self._is_none_of(deny))
        elif principals.everyone:
            yield ()
        else:
            for principal in principals.named:
                if not self._is_no_caller(principal):
                    yield from ((identity,) for identity in _is_principal(principal))

    def _witness(self, action: str, constraints: Alternative, denies: Sequence[Statement]) -> Request | None:
        """Return a request that meets the constraints and that no Deny matches; None if there is none."""
        while True:
            self._budget.spend(40 + 4 * len(constraints))
            values = find_context(constraints, action, self._contexts)
            if values is None:
                return None
            request = _request(values, action)
            denying = [self._ways_to_avoid(deny) for deny in denies if self._denies_request(deny, request)]
            if not denying:
                return request
            # What can be avoided in one way only is avoided before any choice.
            forced = [ways[0] for ways in denying if len(ways) == 1]
            if not forced or not all(denying):
                break
            constraints = (*constraints, *(constraint for way in forced for constraint in way))
        for way in min(denying, key=len):
            found = self._witness(action, (*constraints, *way), denies)
            if found is not None:
                return found
        return None

    def _denies_request(self, deny: Statement, request: Request) -> bool:
        self._budget.spend(4 + sum(2 + len(condition.values) // 2 for condition in deny.conditions))
        return matches_principal(deny, request) and all(self._is_met(each, request) for each in deny.conditions)

    def _is_met(self, condition: Condition, request: Request) -> bool:
        constraint = self._constraint(condition, outcome=False)
        if not constraint.may_be_present and condition.key.name in request.context:
            return True  # such as an address in a trusted network: no public caller is in it
        return bool(evaluate(condition, request.context, self._document.variables))


def _is_possible(alternative: Alternative) -> bool:
    return all(constraint.may_be_absent or constraint.may_be_present for constraint in alternative)


def _is_principal(principal: Principal) -> Iterator[Constraint]:
    """Yield the constraints under each of which the caller is the principal."""
    match principal.kind:
        case PrincipalKind.ACCOUNT | PrincipalKind.PROVIDER:
            yield equal_to(_PRINCIPAL_ACCOUNT, principal.account)
        case PrincipalKind.ARN:
            yield equal_to(_PRINCIPAL_ARN, principal.text)
            yield equal_to(CALLER, principal.text)
        case PrincipalKind.SERVICE | PrincipalKind.UNIQUE_ID:
            pass  # a service calls as itself, and a unique id belongs to a deleted principal


_PRINCIPAL_ACCOUNT, _PRINCIPAL_ARN = KEYS["aws:principalaccount"], KEYS["aws:principalarn"]


def _request(values: Values, action: str) -> Request:
    context = dict(values)
    principal = context.pop(CALLER.name)
    return Request(principal=str(principal), action=action, context=context)
