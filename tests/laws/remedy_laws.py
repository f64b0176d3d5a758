"""What must hold for every policy that `remedy` returns.

- It grants no public access: by the engine, by the solver and for random requests.
- It allows nothing that the original denies, over all callers: by the solver and for random requests. Services that
  the caller of `remedy` keeps call as themselves; neither the solver nor the requests are about these.
- Who is to keep access keeps it: the principals that an Allow names, and the callers of the organization or the
  accounts that it is scoped to.
- A second remedy changes nothing.
- Amazon ECR accepts it, and what had nothing to do with public access is as it was.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import unquote

from ecr_exposure import Remedy, RemedyError, is_allowed, judge, remedy
from tests.oracle.random_requests import random_requests
from tests.oracle.requests_of_anyone import requests_of_anyone
from tests.oracle.solver_inclusion import more_allowed
from tests.oracle.solver_oracle import decide
from tests.oracle.solver_patterns import folded
from tests.oracle.solver_policy import read_policy
from tests.oracle.solver_principals import read_principals
from tests.oracle.solver_search import Answer

Json = dict[str, Any]
Apply = Callable[..., Remedy]

PUBLIC_TESTS: Final = ("unconditional", "reachable")
ORGANIZATION: Final = "o-abcdefghij"
ACCOUNT: Final = "123456789012"
SERVICES: Final = ("lambda", "codebuild")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
_LONGEST: Final = 10_240


class LawBrokenError(AssertionError):
    """A law does not hold for a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One remedy: the policy, the arguments, and what is known about the repository (as `judge` takes it)."""

    policy: Any
    arguments: Mapping[str, Any]
    question: Mapping[str, Any]
    requests: int = 20

    def remedy(self, policy: Any, apply: Apply = remedy) -> Remedy:
        """Apply the remedy to a policy."""
        known = {name: self.question[name] for name in ("owner", "region", "resource_tags")}
        return apply(policy, **self.arguments, **known)


def arguments_for(policy: Any) -> list[Json]:
    """The modes with an organization and an account that the policy does not name, and with one that it does."""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    organizations = dict.fromkeys([ORGANIZATION, *sorted(re.findall(r"\bo-[a-z0-9]{10,32}\b", text))[:1]])
    named = sorted(re.findall(r"(?<![0-9])[0-9]{12}(?![0-9])", text))[:1]
    scoped = {"mode": "scope-to-organization", "organization": ORGANIZATION}
    return [
        *({**scoped, "organization": each} for each in organizations),
        {"mode": "scope-to-accounts", "accounts": (ACCOUNT,)},
        *({"mode": "scope-to-accounts", "accounts": (each, ACCOUNT)} for each in named),
        {"mode": "remove-statements"},
        {**scoped, "keep_services": SERVICES},
        {"mode": "remove-statements", "keep_services": SERVICES[:1]},
    ]


def is_public(policy: Any, question: Mapping[str, Any]) -> bool:
    """Whether `judge` finds public access under one of the two tests."""
    return any(judge(policy, test=test, **question).grants for test in PUBLIC_TESTS)


def check_laws(closing: Closing, random: Random, apply: Apply = remedy) -> Remedy | None:
    """Check every law; None if `remedy` refuses. Raise LawBrokenError with the law and the policy."""
    try:
        closed = closing.remedy(closing.policy, apply)
    except RemedyError as error:
        if not str(error).strip():
            raise _broken("a refusal has a reason", closing, None) from error
        return None
    for law in _broken_laws(closing, closed, random, apply):
        raise _broken(law, closing, closed)
    return closed


def _broken(law: str, closing: Closing, closed: Remedy | None) -> LawBrokenError:
    policies = {"policy": as_document(closing.policy), "closed": closed and closed.policy}
    arguments, question = dict(closing.arguments), dict(closing.question)
    return LawBrokenError(
        f"{law}\n{json.dumps(policies, indent=1)}\n{arguments}\n{question}\n{closed and closed.changes}"
    )


def _broken_laws(closing: Closing, closed: Remedy, random: Random, apply: Apply) -> Iterator[str]:
    """The laws that do not hold."""
    public = is_public(closing.policy, closing.question)
    if bool(closed.changes) != public:
        yield "it changes something exactly where there is public access"
    if not public:
        if (closed.policy or None) != (as_document(closing.policy) or None):
            yield "a policy that is not public stays as it is"
        return
    again = closing.remedy(closed.policy, apply)
    if again.changes or again.policy != closed.policy:
        yield "a second remedy changes nothing"
    yield from _broken_form(as_document(closing.policy), closed.policy)
    yield from _broken_unchanged(closing, closed.policy)
    yield from _public_access(closed.policy, closing, random)
    yield from _new_access(closed.policy, closing, random)
    yield from _lost_access(closed.policy, closing)


def as_document(policy: Any) -> Json:
    """The policy as an object; empty for no policy."""
    if not isinstance(policy, str):
        return dict(policy or {})
    text = policy if "%22" not in policy.partition(":")[0] else unquote(policy)
    return dict(json.loads(text) or {}) if text.strip() else {}


def statements_of(policy: Any) -> list[Json]:
    """The statements of a policy as a list."""
    held = as_document(policy).get("Statement", [])
    return list(held) if isinstance(held, list) else [held]


def _public_access(closed: Any, closing: Closing, random: Random) -> Iterator[str]:
    for test in PUBLIC_TESTS:
        if judge(closed, test=test, **closing.question).compliance != "COMPLIANT":
            yield f"the engine finds no public access ({test})"
        if decide(closed, **_full(closing.question, test)) in (Answer.GRANTED, Answer.PROBLEM):
            yield f"the solver finds no public access ({test})"
    for request in random_requests(closed, _full(closing.question, "reachable"), random, closing.requests):
        if is_allowed(closed, request):
            yield f"no public request is allowed: {request}"


def _full(question: Mapping[str, Any], test: str) -> Json:
    """The question of a test, without a zone of trust."""
    return {**question, "test": test, "members": (), "trusted_accounts": (), "trusted_organizations": ()}


def _new_access(closed: Any, closing: Closing, random: Random) -> Iterator[str]:
    answer, found = more_allowed(closed, closing.policy, **closing.question)
    if answer in (Answer.GRANTED, Answer.PROBLEM):
        yield f"the solver finds nothing that only the closed policy allows: {found and found()}"
    both = (closing.policy, closed)
    for request in requests_of_anyone(both, dict(closing.question), random, closing.requests):
        if is_allowed(closed, request) and not is_allowed(closing.policy, request):
            yield f"no request is allowed that the original denies: {request!r}"


def _lost_access(closed: Any, closing: Closing) -> Iterator[str]:
    """Named principals keep access; callers of the organization and of the accounts too, principals that ECR refuses aside."""
    kept = {
        **as_document(closing.policy),
        "Statement": [_named_only(each) for each in _without_resources(closing.policy)],
    }
    kept["Statement"] = [each for each in kept["Statement"] if each is not None]
    if more_allowed(kept, closed, **closing.question)[0] is Answer.GRANTED:
        yield "a principal that an Allow names keeps access"
    scope = {
        "scope-to-organization": ("aws:PrincipalOrgID", closing.arguments.get("organization")),
        "scope-to-accounts": ("aws:PrincipalAccount", list(closing.arguments.get("accounts", ()))),
    }.get(closing.arguments["mode"])
    refused = any(each.principals.unreliable or each.principals.invalid for each in read_policy(closing.policy) or ())
    if scope is None or refused:
        return
    outside: Json = {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotEquals": dict([scope])}}
    inside = {**as_document(closing.policy), "Statement": [*_without_resources(closing.policy), outside]}
    answer, found = more_allowed(inside, closed, **closing.question)
    if answer is Answer.GRANTED:
        yield f"a caller of the organization or the accounts keeps access: {found and found()}"


def _without_resources(policy: Any) -> list[Json]:
    return [without_resources(each) for each in statements_of(policy)]


def without_resources(statement: Json) -> Json:
    """The statement without the elements that ECR refuses."""
    return {name: value for name, value in statement.items() if name not in ("Resource", "NotResource")}


def _named_only(statement: Json) -> Json | None:
    """The statement with the principals alone that it names; None if it names none."""
    if statement["Effect"] == "Deny":
        return statement
    principals = statement.get("Principal")
    if not isinstance(principals, dict):
        return None
    named = {
        kind: kept
        for kind, value in principals.items()
        if (kept := [each for each in (value if isinstance(value, list) else [value]) if _is_named(kind, each)])
    }
    return {**statement, "Principal": named} if named else None


def _is_named(kind: str, value: str) -> bool:
    found = read_principals({kind: value}, negated=False)
    return not (found.everyone or found.unreliable or found.invalid)


def _broken_form(original: Json, closed: Json | None) -> Iterator[str]:
    """What Amazon ECR demands of a policy, and what its elements keep."""
    if closed is None:
        return
    text = json.dumps(closed, separators=(",", ":"), ensure_ascii=False)
    if len(text) > _LONGEST:
        yield "it is no longer than Amazon ECR accepts"
    if json.loads(text) != closed or not statements_of(closed):
        yield "it is a document with a statement"
    if {key: closed[key] for key in closed if key != "Statement"} != {
        key: original[key] for key in original if key != "Statement"
    }:
        yield "no element but Statement changes"
    if any({"Resource", "NotResource"} & each.keys() for each in statements_of(closed)):
        yield "it has no Resource element"
    sids, old_sids = ([each["Sid"] for each in statements_of(held) if "Sid" in each] for held in (closed, original))
    if len(set(sids)) < len(sids) and len(set(old_sids)) == len(old_sids):
        yield "Sids stay unique"
    if any(not re.fullmatch("[A-Za-z0-9]*", sid) for sid in set(sids) - set(old_sids)):
        yield "a new Sid has letters and digits only"
    known = _repeated_operators(original)
    for statement in statements_of(closed):
        for block in statement.get("Condition", {}).values():
            if len({folded(key) for key in block}) < len(block):
                yield "no operator has a key twice"
    if not _repeated_operators(closed) <= known:
        yield "no operator is written twice"


def _repeated_operators(policy: Json) -> set[tuple[str, ...]]:
    """The operators of a statement that are written in several ways."""
    found = set()
    for statement in statements_of(policy):
        names = [folded(name) for name in statement.get("Condition", {})]
        repeated = tuple(sorted(name for name in statement.get("Condition", {}) if names.count(folded(name)) > 1))
        found |= {repeated} if repeated else set()
    return found


def _broken_unchanged(closing: Closing, closed: Json | None) -> Iterator[str]:
    """A Deny, and an Allow that grants no public access, keep content and order; nothing is made up."""
    originals, results = _without_resources(closing.policy), statements_of(closed)
    flagged = {
        each.statement for test in PUBLIC_TESTS for each in judge(closing.policy, test=test, **closing.question).grants
    }
    forgotten = closing.arguments["mode"] == "remove-statements" and any("Condition" in originals[at] for at in flagged)
    kept = [
        each
        for at, each in enumerate(originals)
        if each["Effect"] == "Deny" or (at not in flagged and (_named_only(each) == each or not forgotten))
    ]
    rest = iter(results)
    if not all(any(each == result for result in rest) for each in kept):
        yield "statements that grant no public access keep content and order"
    covered = [{name: each.get(name) for name in ("Effect", "Action", "NotAction")} for each in originals]
    services = len(closing.arguments.get("keep_services", ()))
    added = [each for each in results if {name: each.get(name) for name in covered[0]} not in covered]
    if len(added) > services or any(set(each["Principal"]) != {"Service"} for each in added):
        yield "only a service that is kept gets a statement of its own"
