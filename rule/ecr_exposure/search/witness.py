"""Can anybody from outside get in? One request that some Allow matches and no Deny, or none.

The way there: assume that an Allow matches, find a caller who meets its conditions, and look which Deny
catches him. To get past that Deny, one of its conditions must come out false: each is tried, with a new
caller who meets everything so far. (Work on what untrusted requests can meet, and prove with a request:
Bouchet et al., "Block Public Access: Trust Safety Verification of Access Control Policies", FSE 2020.)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ecr_exposure.policy.actions import CAPABILITY_OF, named_by, not_named_by
from ecr_exposure.policy.condition_keys import key_of
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.evaluator import Request, certain, covers, evaluate, is_not_relied_on, matches_principal
from ecr_exposure.policy.principals import Principal, PrincipalKind
from ecr_exposure.search.callers import Outsider
from ecr_exposure.search.constraints import Demand, demand_of
from ecr_exposure.search.request_context import TAGGING, Callers, Values
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.value_domains import partitions_of
from ecr_exposure.search.variable_values import linked_caller

Way = tuple[Demand, ...]
"""Demands that together open one way past a Deny, or into an Allow."""


class Opening(NamedTuple):
    """What a statement gives to callers from outside: the actions, and a request for the first of them."""

    statement: Statement
    actions: tuple[str, ...]
    witness: Request


class Search:
    """All questions about one document, under one budget."""

    def __init__(self, document: Document, outsider: Outsider, budget: Budget) -> None:
        """Sort the statements."""
        self._document = document
        self._outsider = outsider
        self._budget = budget
        self._callers = Callers(outsider, budget)
        self._denies = [each for each in document.statements if not each.allows and not is_not_relied_on(each)]
        self._past: dict[int, tuple[Way, ...]] = {}
        keys = {condition.key for each in document.statements for condition in each.conditions}
        self._tagging = [TAGGING[p] for p in {key_of(key).presence for key in keys} if p in TAGGING]

    def openings(self) -> Iterator[Opening]:
        """Yield what each Allow opens, in the order of the statements. Raises TooComplexError."""
        for statement in self._document.statements:
            ways = self._into(statement) if statement.allows else ()
            possible = [way for way in ways if all(demand.absent or demand.present for demand in way)]
            if possible and (opening := self._opening(statement, possible)) is not None:
                yield opening

    def _opening(self, statement: Statement, ways: Sequence[Way]) -> Opening | None:
        witnesses: dict[str, Request] = {}
        for actions, denies in self._classes(statement):
            witness = next(filter(None, (self._witness(actions[0], way, denies) for way in ways)), None)
            if witness is not None:
                witnesses |= dict.fromkeys(actions, witness)
        if not witnesses:
            return None
        actions = tuple(sorted(witnesses))
        first = min(actions, key=_danger)
        return Opening(statement, actions, replace(witnesses[first], action=first))

    def _classes(self, statement: Statement) -> Iterator[tuple[tuple[str, ...], Sequence[Statement]]]:
        """Yield the statement's actions in groups that the same Denies cover, with these Denies."""
        granted = (not_named_by if statement.not_action else named_by)(statement.actions)
        groups: dict[tuple[tuple[int, ...], tuple[bool, ...]], list[str]] = {}
        for action in sorted(granted, key=_danger):
            covering = tuple(at for at, deny in enumerate(self._denies) if covers(deny, action))
            groups.setdefault((covering, tuple(action in tags for tags in self._tagging)), []).append(action)
        for (covering, _), actions in groups.items():
            yield tuple(actions), [self._denies[at] for at in covering]

    def _into(self, statement: Statement) -> Iterator[Way]:
        principals = statement.principals
        others = principals.everyone or principals.malformed or statement.not_principal
        if not others and all(map(self._is_named, principals.named)):
            return
        conditions = tuple(self._demand(condition, outcome=True) for condition in statement.conditions)
        if principals.malformed or (principals.everyone and not statement.not_principal):
            yield conditions
        elif statement.not_principal:
            if not principals.everyone:
                yield (*conditions, *(d for each in self._certain(statement) for d in _not_being(each)))
        else:
            for principal in principals.named:
                if not self._is_named(principal):
                    yield from ((*conditions, *being) for being in _being(principal))

    def _certain(self, statement: Statement) -> list[Principal]:
        """Return the principals that can be told apart and that exist where the repository is."""
        partitions = ("", *partitions_of(self._outsider.region))
        return [each for each in certain(statement.principals.named) if each.partition in partitions]

    def _is_named(self, principal: Principal) -> bool:
        elsewhere = principal.partition not in ("", *partitions_of(self._outsider.region))
        return elsewhere or principal.account in self._outsider.names["account"]

    def _demand(self, condition: Condition, *, outcome: bool) -> Demand:
        return demand_of(condition, outcome=outcome, variables=self._document.variables, outsider=self._outsider)

    def _ways_past(self, deny: Statement) -> tuple[Way, ...]:
        if deny.position not in self._past:
            ways = [*self._unlike(deny), *((self._demand(c, outcome=False),) for c in deny.conditions)]
            self._past[deny.position] = tuple(way for way in ways if all(d.absent or d.present for d in way))
        return self._past[deny.position]

    def _unlike(self, deny: Statement) -> Iterator[Way]:
        principals = deny.principals
        if not deny.not_principal:
            if not principals.everyone:
                yield tuple(d for each in self._certain(deny) for d in _not_being(each))
        elif principals.everyone:
            yield ()
        else:
            for principal in principals.named:
                if not self._is_named(principal):
                    yield from _being(principal)

    def _witness(self, action: str, demands: Way, denies: Sequence[Statement]) -> Request | None:
        self._budget.spend(40 + 4 * len(demands))
        values = linked_caller(demands, action, self._callers)
        if values is None:
            return None
        request = _request(values, action)
        caught = [deny for deny in denies if self._catches(deny, request)]
        if not caught:
            return request
        narrowest = min(caught, key=lambda deny: len(self._ways_past(deny)))
        for way in self._ways_past(narrowest):
            found = self._witness(action, (*demands, *way), denies)
            if found is not None:
                return found
        return None

    def _catches(self, deny: Statement, request: Request) -> bool:
        self._budget.spend(4 + 2 * len(deny.conditions))
        if not matches_principal(deny, request):
            return False
        return all(self._is_met(condition, request) for condition in deny.conditions)

    def _is_met(self, condition: Condition, request: Request) -> bool:
        demand = self._demand(condition, outcome=False)
        if not demand.present and condition.key in request.context:
            return True  # such as an address in a trusted network: whoever is inside is no stranger
        return bool(evaluate(condition, request.context, self._document.variables))


def _being(principal: Principal) -> Iterator[Way]:
    if principal.kind in (PrincipalKind.ACCOUNT, PrincipalKind.PROVIDER):
        yield (Demand("aws:principalaccount", reading="text", texts=(principal.account,), plain=True),)
    elif principal.kind is PrincipalKind.ARN:
        for key in ("aws:principalarn", "principal"):
            yield (Demand(key, reading="text", texts=(principal.text,), plain=True),)


def _not_being(principal: Principal) -> Iterator[Demand]:
    for way in _being(principal):
        for demand in way:
            yield demand._replace(member=False)


def _request(values: Values, action: str) -> Request:
    context = dict(values)
    principal = context.pop("principal")
    return Request(principal=str(principal), action=action, context=context)


_ORDER: Final = {action: at for at, action in enumerate(CAPABILITY_OF)}


def _danger(action: str) -> tuple[int, str]:
    return (_ORDER.get(action, len(_ORDER)), action)


def danger_of(actions: Iterable[str]) -> tuple[int, str]:
    """Return a key that sorts sets of actions, the most dangerous first."""
    return min(map(_danger, actions))
