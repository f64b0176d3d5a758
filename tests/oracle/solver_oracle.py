"""Decides with a solver whether a repository policy grants access to a public or an external caller.

The one question is: is there a request that some Allow statement matches and no Deny statement matches? `UNDECIDED` is
the answer if the solver runs out of steps, or if the outcome depends on a construct whose encoding is not exact:
a String operator with a wildcard on the text of an IPv6 address; one on a time or a number with a wildcard before the
end; a policy variable under an operator that ignores case, where only capital letters make the difference; a policy
variable in a pattern with `?` between two `*`; an unknown key that set operators read as several types.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.oracle.solver_caller import CallerRules
from tests.oracle.solver_named_ids import named_ids
from tests.oracle.solver_policy import PolicyProblemError, Statement, read_policy
from tests.oracle.solver_search import Answer, FoundRequest, search
from tests.oracle.solver_values import Identity

STEPS = 10_000_000
"""Units of Z3's `rlimit` for one policy, some ten seconds at most. They count work: every machine answers the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The arguments of `judge` besides the policy, for the tests `reachable` and `external`."""

    test: str
    owner: str | None
    region: str | None = None
    members: tuple[str, ...] = ()
    trusted_accounts: tuple[str, ...] = ()
    trusted_organizations: tuple[str, ...] = ()
    now: datetime

    def __post_init__(self) -> None:
        """Raise ValueError for another test, and for `external` without an owner."""
        if self.test not in ("reachable", "external"):
            raise ValueError(f"{self.test!r} is neither reachable nor external")
        if self.test == "external" and self.owner is None:
            raise ValueError("external needs the owner")


def decide(policy: str | dict[str, Any] | None, *, steps: int = STEPS, **question: Any) -> Answer:
    """Whether the policy grants access to a caller that the question (see `Question`) is about."""
    return decide_with_request(policy, steps=steps, **question)[0]


def decide_with_request(
    policy: str | dict[str, Any] | None, *, steps: int = STEPS, **question: Any
) -> tuple[Answer, FoundRequest | None]:
    """The answer, and if access is granted, a function that makes a request with access (see `request_of_model`)."""
    try:
        statements = read_policy(policy) or ()
    except PolicyProblemError:
        return Answer.PROBLEM, None
    return search(statements, _caller_rules(statements, Question(**question)), steps)


def excluded_ids(policy: str | dict[str, Any] | None, **question: Any) -> dict[Identity, frozenset[str]]:
    """The ids that no caller has that the question is about."""
    statements = read_policy(policy) or ()
    return _caller_rules(statements, Question(**question)).excluded_ids


def _caller_rules(statements: tuple[Statement, ...], question: Question) -> CallerRules:
    """A public caller has no id that the policy names; an external caller none of the zone of trust."""
    moment = math.ceil(question.now.timestamp())
    owner = frozenset({question.owner} if question.owner is not None else ())
    public = question.test == "reachable"
    if public:
        excluded = named_ids(statements, question.region)
        excluded[Identity.ACCOUNT] = excluded.get(Identity.ACCOUNT, frozenset()) | owner
    else:
        excluded = {
            Identity.ACCOUNT: owner | {*question.members, *question.trusted_accounts},
            Identity.ORGANIZATION: frozenset(question.trusted_organizations),
        }
    return CallerRules(question.owner, question.region, moment, trusts_networks=public, excluded_ids=excluded)
