"""Look through one setting for a request that gets in."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.oracle.enumeration.actions import TAGGING, UNTAGGING, statement_covers_action
from tests.oracle.enumeration.cells import Budget
from tests.oracle.enumeration.conditions import Condition
from tests.oracle.enumeration.evaluator import (
    ACTION,
    Rules,
    allowed,
    condition_holds,
    principals_match,
)
from tests.oracle.enumeration.links import groups_of, is_inexact, linked_candidates
from tests.oracle.enumeration.people import Candidate
from tests.oracle.enumeration.policy import Statement
from tests.oracle.enumeration.text import Context
from tests.oracle.enumeration.universe import PERSON, Universe, group_of
from tests.oracle.enumeration.world import Setting

Masks = dict[int, Candidate]
"""For each set of statements, as bits, a candidate for which exactly these hold."""


@dataclass
class Search:
    """The statements, one setting, and the rules to judge by."""

    statements: tuple[Statement, ...]
    setting: Setting
    rules: Rules
    actions: tuple[str, ...]
    budget: Budget
    memo: dict[tuple[Condition, bool, tuple[object, ...]], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Split the conditions into parts that have no key in common."""
        self.universe = Universe(self.statements, self.setting, self.budget)
        self.parts = _parts(self.universe)
        self.inexact = frozenset(
            condition
            for statement in self.statements
            for condition in statement.conditions
            if is_inexact(self.universe, condition)
        )

    def run(self) -> tuple[Context | None, bool]:
        """A request that gets in, and whether there might be one that the candidates miss."""
        exact, loose = self._masks()
        found = self._way_in(exact)
        if found is not None:
            if not allowed(self.statements, found, self.rules):
                raise AssertionError(f"the parts of {found} do not fit together")
            return found, False
        return None, bool(self.inexact) and self._way_in(loose) is not None

    def _masks(self) -> tuple[list[Masks], list[Masks]]:
        """For each part its distinct sets of statements, as they are and with doubt about the inexact."""
        exact: list[Masks] = [self._constant(frozenset()), self._action_masks()]
        loose: list[Masks] = [self._constant(self.inexact), self._action_masks()]
        for groups, conditions in self.parts:
            if not groups:
                continue
            one: Masks = {}
            two: Masks = {}
            for candidate in self._candidates(groups, conditions):
                one.setdefault(self._mask(candidate, groups, frozenset()), candidate)
                if self.inexact:
                    two.setdefault(self._mask(candidate, groups, self.inexact), candidate)
            exact.append(one)
            loose.append(two)
        return exact, loose

    def _candidates(self, groups: frozenset[str], conditions: Iterable[Condition]) -> Iterator[Candidate]:
        """Every combination of the candidates of linked groups."""
        for chosen in itertools.product(*linked_candidates(self.universe, groups, conditions)):
            self.budget.spend()
            merged: Candidate = {}
            for candidate in chosen:
                merged |= candidate
            yield merged

    def _constant(self, doubted: frozenset[Condition]) -> Masks:
        """What the conditions say that no choice changes."""
        return {self._mask({}, frozenset(), doubted): {}}

    def _action_masks(self) -> Masks:
        """Which statements cover which action."""
        masks: Masks = {}
        for action in self.actions:
            bits = sum(
                1 << statement.index for statement in self.statements if statement_covers_action(statement, action)
            )
            masks.setdefault(bits, {ACTION: (action,)})
        return masks

    def _mask(self, candidate: Candidate, groups: frozenset[str], doubted: frozenset[Condition]) -> int:
        """The statements of which a candidate meets its share."""
        context: Context = {**self.universe.base, **candidate}
        bits = 0
        for statement in self.statements:
            if statement.resource and not statement.allow:
                continue
            if PERSON in groups and not principals_match(statement, context, self.rules):
                continue
            share = self._shares[statement.index].get(groups, ())
            if all(self._holds(each, context, statement.allow, doubted) for each in share):
                bits |= 1 << statement.index
        return bits

    @property
    def _shares(self) -> list[dict[frozenset[str], tuple[Condition, ...]]]:
        """For each statement its conditions by part."""
        if not hasattr(self, "_by_part"):
            part_of = {each: groups for groups, mine in self.parts for each in mine}
            self._by_part: list[dict[frozenset[str], tuple[Condition, ...]]] = []
            for statement in self.statements:
                shares: dict[frozenset[str], tuple[Condition, ...]] = {}
                for condition in statement.conditions:
                    groups = part_of[condition]
                    shares[groups] = (*shares.get(groups, ()), condition)
                self._by_part.append(shares)
        return self._by_part

    def _holds(self, condition: Condition, context: Context, allow: bool, doubted: frozenset[Condition]) -> bool:
        """A condition, remembered by the values that it looks at."""
        if condition in doubted:
            return allow
        keys = (condition.key, *sorted(condition.variables()))
        seen = (condition, allow, tuple(context.get(key) for key in keys))
        if seen not in self.memo:
            self.memo[seen] = condition_holds(condition, context, allow, self.rules)
        return self.memo[seen]

    def _way_in(self, parts: list[Masks]) -> Context | None:
        """One Allow that all parts meet, and for every Deny a part that does not."""
        denies = sum(1 << statement.index for statement in self.statements if not statement.allow)
        for statement in self.statements:
            if statement.allow:
                found = _escape(parts, 1 << statement.index, denies, self.budget)
                if found is not None:
                    context: dict[str, tuple[str, ...]] = dict(self.universe.base)
                    for candidate in found:
                        context |= candidate
                    return context
        return None


def _escape(parts: list[Masks], wanted: int, denies: int, budget: Budget) -> tuple[Candidate, ...] | None:
    """Go through the parts and keep, for each set of denies that still hold, one way to it."""
    ways: dict[int, tuple[Candidate, ...]] = {denies: ()}
    for masks in parts:
        best = {bits & denies: candidate for bits, candidate in masks.items() if bits & wanted}
        after: dict[int, tuple[Candidate, ...]] = {}
        for left, way in ways.items():
            for bits, candidate in best.items():
                budget.spend()
                after.setdefault(left & bits, (*way, candidate))
        ways = after
    return ways.get(0)


def _parts(universe: Universe) -> list[tuple[frozenset[str], tuple[Condition, ...]]]:
    """Groups that a condition looks at together form a part; the person is always there."""
    conditions = [condition for statement in universe.statements for condition in statement.conditions]
    looks = {condition: groups_of(universe, condition) for condition in conditions}
    parts: list[frozenset[str]] = [frozenset({PERSON})]
    for groups in looks.values():
        if groups:
            touching = [part for part in parts if part & groups]
            parts = [part for part in parts if not part & groups]
            parts.append(frozenset(groups.union(*touching)))
    return [
        *((part, tuple(each for each in conditions if looks[each] and looks[each] <= part)) for part in parts),
        (frozenset(), tuple(each for each in conditions if not looks[each])),
    ]


def action_classes(statements: tuple[Statement, ...], actions: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Tags of the request come with some actions only: these are parts of the universe."""
    keys = {
        key
        for statement in statements
        for condition in statement.conditions
        for key in (condition.key, *condition.variables())
    }
    if not any(group_of(key).startswith(("aws:requesttag/", "aws:tagkeys")) for key in keys):
        return [("none", actions)]
    rest = tuple(action for action in actions if action not in TAGGING and action != UNTAGGING)
    return [("none", rest), ("untag", (UNTAGGING,)), ("tag", tuple(sorted(TAGGING)))]
