"""Decides with a solver whether one policy of a repository allows a request that another policy denies.

The question is about everybody: principals that a policy names, the repository's own account, members of every
organization, federated users; no network is trusted. Outside the model are AWS services that call as themselves
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services): a
Service principal matches none of its callers.

The values that a key of a request can have are those of every question to the solver (see `solver_condition_keys`): the
call is made now or later, with TLS, from a public address or through a VPC endpoint.

Where AWS does not document whether a condition is met, both policies are read alike: it is met in an Allow and not met
in a Deny. A principal that ECR refuses is everyone or nobody in both, as for the other questions to the solver.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import Caller, CallerRules
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_logic import FALSE, Bool, Budget
from tests.oracle.solver_oracle import STEPS
from tests.oracle.solver_patterns import literal
from tests.oracle.solver_policy import Condition, PolicyProblemError, Statement, read_policy
from tests.oracle.solver_search import Answer, FoundRequest, Search, answer_of
from tests.oracle.solver_statements import (
    carries_request_tags,
    carries_tag_keys,
    covered_actions,
    covers,
    statement_formula,
)
from tests.oracle.solver_value_domains import ACCOUNT_DOMAIN, DASHED, DIGITS, ORGANIZATION_DOMAIN
from tests.oracle.solver_values import Piece


def more_allowed(
    new: str | Mapping[str, Any] | None,
    old: str | Mapping[str, Any] | None,
    *,
    owner: str | None,
    region: str | None,
    now: datetime,
    resource_tags: Mapping[str, str] | None = None,
    steps: int = STEPS,
) -> tuple[Answer, FoundRequest | None]:
    """Whether `new` allows a request that `old` denies, and a function that makes one (see `request_of_model`).

    GRANTED: there is one; NOT_GRANTED: there is none; UNDECIDED: the solver ran out of `steps`, or the encoding is not
    exact here; PROBLEM: one of the two is invalid.
    """
    try:
        new_statements, old_statements = read_policy(new) or (), read_policy(old) or ()
    except PolicyProblemError:
        return Answer.PROBLEM, None
    moment = math.ceil(now.timestamp())
    rules = CallerRules(owner, region, moment, trusts_networks=False, resource_tags=resource_tags)
    counts = _value_counts((*new_statements, *old_statements))
    search = Search(rules, counts, Budget(steps), AnyCaller)
    certain = True
    for question in _questions(new_statements, old_statements):
        answer, found = answer_of(search, question)
        if answer is Answer.GRANTED:
            return answer, found
        certain = certain and answer is Answer.NOT_GRANTED
    return (Answer.NOT_GRANTED if certain else Answer.UNDECIDED), None


class AnyCaller(Caller):
    """A caller of any account and organization, those of the repository included."""

    def _new_account(self, name: str) -> Piece:
        return self.new_text(f"{name} account", DIGITS, ACCOUNT_DOMAIN, 12, 12)

    def _new_organization(self, whose: str) -> Piece:
        return self.new_text(f"{whose} organization", DASHED, ORGANIZATION_DOMAIN, 12, 34)

    def tie_owner(self) -> None:
        """A caller of the repository's account is in its organization, at the same path.

        Only what the policies ask for is tied: the rest can always be chosen to agree.
        """
        same: list[Bool] = []
        if "caller organization" in self._made and "resource_org" in vars(self):
            same.append(self.organization("caller").text == self.resource_org.text)
        if {"caller units", "resource units"} <= self._made.keys():
            same.append(self.units("caller").text == self.units("resource").text)
        if same:
            in_both = logic.bool_var("caller in organization") == self.resource_in_organization
            self.facts.append(logic.either(logic.no(self._is_owner), logic.both(in_both, *same)))

    @property
    def _is_owner(self) -> Bool:
        """Whether the caller's account is the repository's."""
        owner = self.resource_account
        return self.account.member(literal(owner)) if isinstance(owner, str) else self.account.text == owner.text


@dataclass(frozen=True, slots=True)
class InclusionQuestion:
    """An Allow of the new policy, with the other statements of both policies that cover the action.

    `old_denies`: only those that are not in the new policy too. A statement is the same wherever it is in its policy.
    """

    allow: Statement
    new_denies: frozenset[Statement]
    old_allows: frozenset[Statement]
    old_denies: frozenset[Statement]
    action: str

    @property
    def tags(self) -> tuple[bool, bool]:
        """Whether requests of the action can have request tags and tag keys."""
        return carries_request_tags(self.action), carries_tag_keys(self.action)

    @property
    def conditions(self) -> list[Condition]:
        """The conditions of all its statements."""
        statements = (self.allow, *self.new_denies, *self.old_allows, *self.old_denies)
        return [each for statement in statements for each in statement.conditions]

    @property
    def is_unchanged(self) -> bool:
        """Whether the old policy has the same Allow, and no Deny that the new policy lacks: nothing can be new."""
        return replace(self.allow, index=0) in self.old_allows and not self.old_denies

    def formula(self, request: RequestContext) -> Bool:
        """The new policy allows the request by this Allow, and the old policy does not allow it."""

        def matched(statements: frozenset[Statement]) -> Bool:
            return logic.either(*(statement_formula(request, each) for each in _in_order(statements)))

        allowed = statement_formula(request, self.allow)
        if logic.is_false(allowed):
            return FALSE
        still = logic.both(matched(self.old_allows), logic.no(matched(self.old_denies)))
        found = logic.both(allowed, logic.no(matched(self.new_denies)), logic.no(still))
        if isinstance(request.caller, AnyCaller):
            request.caller.tie_owner()
        return found

    def includes(self, other: "InclusionQuestion") -> bool:
        """Whether every request that answers the other question answers this one."""
        return replace(self, action=other.action) == other and all(
            mine or not theirs for mine, theirs in zip(self.tags, other.tags, strict=True)
        )


def _questions(new: tuple[Statement, ...], old: tuple[Statement, ...]) -> list[InclusionQuestion]:
    """One question for each Allow of the new policy and each set of statements that cover the same action."""
    found: list[InclusionQuestion] = []
    for allow in new:
        for action in covered_actions(allow) if allow.allow else ():
            new_denies, old_denies = (_covering(each, action, allow=False) for each in (new, old))
            old_allows = _covering(old, action, allow=True)
            question = InclusionQuestion(allow, new_denies, old_allows, old_denies - new_denies, action)
            if not question.is_unchanged and not any(known.includes(question) for known in found):
                found = [known for known in found if not question.includes(known)] + [question]
    return found


def _covering(statements: tuple[Statement, ...], action: str, *, allow: bool) -> frozenset[Statement]:
    """The Allow or the Deny statements that cover the action."""
    covering = (each for each in statements if each.allow is allow and covers(each, action))
    return frozenset(replace(each, index=0) for each in covering)


def _in_order(statements: frozenset[Statement]) -> list[Statement]:
    """The statements in an order that is the same in every run, so that the solver takes the same steps."""
    return sorted(statements, key=repr)


def _value_counts(statements: tuple[Statement, ...]) -> Counter[str]:
    """How many different conditions test each key: one that is in several statements of one effect has one outcome."""
    different = {(statement.allow, condition) for statement in statements for condition in statement.conditions}
    return Counter(condition.key for _, condition in different)
