"""Decides with a solver whether a repository policy grants access to a public or an external caller.

The one question is: is there a request that some Allow statement matches and no Deny statement matches? `UNDECIDED` is
the answer if the solver runs out of steps, or if the outcome depends on a construct whose encoding is not exact: a
policy variable under an operator that ignores case, where only capital letters make the difference; a policy variable
in a pattern with `?` between two `*`; a policy variable for an address, a moment or a number, where an example of it
does not match and other texts might; an unknown key that set operators read as several types.
The test `unconditional` needs no solver.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.oracle.solver_caller import CallerRules
from tests.oracle.solver_named_ids import named_ids
from tests.oracle.solver_policy import PolicyProblemError, Statement, read_policy
from tests.oracle.solver_search import Answer, FoundRequest, needs_unreliable, search, search_actions
from tests.oracle.solver_statements import CAPABILITIES, covered_actions
from tests.oracle.solver_values import Identity

STEPS = 10_000_000
"""Units of Z3's `rlimit` for one policy, some ten seconds at most. They count work: every machine answers the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The arguments of `judge` besides the policy."""

    test: str
    owner: str | None
    region: str | None = None
    members: tuple[str, ...] = ()
    trusted_accounts: tuple[str, ...] = ()
    trusted_organizations: tuple[str, ...] = ()
    resource_tags: Mapping[str, str] | None = None
    now: datetime

    def __post_init__(self) -> None:
        """Raise ValueError for another test, and for `external` without an owner."""
        if self.test not in ("unconditional", "reachable", "external"):
            raise ValueError(f"{self.test!r} is no test")
        if self.test == "external" and self.owner is None:
            raise ValueError("external needs the owner")


@dataclass(frozen=True, slots=True)
class FoundGrant:
    """An Allow statement that grants access, and the actions, in lower case."""

    statement: int
    actions: tuple[str, ...]


def decide(policy: str | dict[str, Any] | None, *, steps: int = STEPS, **question: Any) -> Answer:
    """Whether the policy grants access to a caller that the question (see `Question`) is about."""
    return decide_with_request(policy, steps=steps, **question)[0]


def decide_with_request(
    policy: str | dict[str, Any] | None, *, steps: int = STEPS, **question: Any
) -> tuple[Answer, FoundRequest | None]:
    """The answer, and if access is granted, a function that makes a request with access (see `request_of_model`).

    Where no access is granted, a principal that ECR refuses is a problem. `unconditional` has no request.
    """
    asked = Question(**question)
    try:
        statements = read_policy(policy) or ()
    except PolicyProblemError:
        return Answer.PROBLEM, None
    if asked.test == "unconditional":
        answer, found = Answer.GRANTED if any(map(_is_unconditional, statements)) else Answer.NOT_GRANTED, None
    else:
        answer, found = search(statements, _caller_rules(statements, asked), steps)
    invalid = any(statement.principals.invalid for statement in statements)
    return (Answer.PROBLEM if invalid and answer is Answer.NOT_GRANTED else answer), found


def grants(policy: str | dict[str, Any] | None, *, steps: int = STEPS, **question: Any) -> list[FoundGrant] | None:
    """Every grant of a valid policy, most dangerous first; None if one is undecided."""
    asked = Question(**question)
    statements = read_policy(policy) or ()
    if asked.test == "unconditional":
        covered = {each.index: covered_actions(each) for each in statements if _is_unconditional(each)}
        return _in_order(covered, {index: _kind(statements[index], lambda _: True) for index in covered})
    rules = _caller_rules(statements, asked)
    found = search_actions(statements, rules, steps)
    if found is None:
        return None

    def needed(statement: Statement) -> bool:
        return needs_unreliable(statement, statements, rules, steps)

    return _in_order(found, {index: _kind(statements[index], needed) for index in found})


def _in_order(found: dict[int, list[str]], kinds: dict[int, int]) -> list[FoundGrant]:
    order = sorted(found, key=lambda index: (_danger(found[index]), kinds[index], index))
    return [FoundGrant(index, tuple(found[index])) for index in order]


def _is_unconditional(statement: Statement) -> bool:
    """Whether the statement allows access for everyone and has no Condition; an unreliable principal is everyone."""
    principals = statement.principals
    everyone = not principals.negated and (principals.everyone or principals.unreliable)
    return statement.allow and everyone and not statement.conditions


def _danger(actions: list[str]) -> tuple[bool, ...]:
    """A mark for each capability of which no action is granted, the most dangerous capability first."""
    return tuple(set(actions).isdisjoint(capability) for capability in CAPABILITIES)


def _kind(statement: Statement, needs_unreliable: Callable[[Statement], bool]) -> int:
    """0 for a literal star, 1 for NotPrincipal or named principals, 2 if only an unreliable principal grants access."""
    principals = statement.principals
    if principals.everyone and not principals.negated:
        return 0
    return 2 if principals.unreliable and not principals.negated and needs_unreliable(statement) else 1


def excluded_ids(policy: str | dict[str, Any] | None, **question: Any) -> dict[Identity, frozenset[str]]:
    """The ids that no caller has that the question is about."""
    statements = read_policy(policy) or ()
    return _caller_rules(statements, Question(**question)).excluded_ids


def _caller_rules(statements: tuple[Statement, ...], question: Question) -> CallerRules:
    """A public caller has no id that the policy names; an external caller none of the zone of trust."""
    moment = math.ceil(question.now.timestamp())
    owner = frozenset({question.owner} if question.owner is not None else ())
    public = question.test != "external"
    if public:
        excluded = named_ids(statements, question.region)
        excluded[Identity.ACCOUNT] = excluded.get(Identity.ACCOUNT, frozenset()) | owner
    else:
        excluded = {
            Identity.ACCOUNT: owner | {*question.members, *question.trusted_accounts},
            Identity.ORGANIZATION: frozenset(question.trusted_organizations),
        }
    tags = question.resource_tags
    return CallerRules(question.owner, question.region, moment, public, excluded_ids=excluded, resource_tags=tags)
