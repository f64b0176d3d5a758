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
from tests.oracle.solver_operators import OPERATORS
from tests.oracle.solver_oracle import decide
from tests.oracle.solver_patterns import folded
from tests.oracle.solver_policy import PolicyProblemError, Statement, read_policy
from tests.oracle.solver_principals import PrincipalForm, read_principals
from tests.oracle.solver_search import Answer
from tests.oracle.solver_statements import covered_actions
from tests.oracle.solver_value_domains import partition_of

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
    """Return the modes with an organization and an account that the policy does not name, and with one that it does."""
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
        if not may_refuse(closing):
            raise _broken(f"it refuses only what cannot be closed: {error}", closing, None) from error
        return None
    for law in broken_laws(closing, closed, random, apply):
        raise _broken(law, closing, closed)
    return closed


def _broken(law: str, closing: Closing, closed: Remedy | None) -> LawBrokenError:
    policies = {"policy": as_document(closing.policy), "closed": closed and closed.policy}
    arguments, question = dict(closing.arguments), dict(closing.question)
    return LawBrokenError(
        f"{law}\n{json.dumps(policies, indent=1)}\n{arguments}\n{question}\n{closed and closed.changes}"
    )


def broken_laws(closing: Closing, closed: Remedy, random: Random, apply: Apply) -> Iterator[str]:
    """Return the laws that do not hold."""
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
    yield from _broken_sids(as_document(closing.policy), closed.policy)
    yield from _broken_unchanged(closing, closed.policy)
    yield from _public_access(closed.policy, closing, random)
    yield from _new_access(closed.policy, closing, random)
    yield from _lost_access(closed, closing)


def as_document(policy: Any) -> Json:
    """Return the policy as an object; empty for no policy."""
    if not isinstance(policy, str):
        return dict(policy or {})
    text = policy if "%22" not in policy.partition(":")[0] else unquote(policy)
    return dict(json.loads(text) or {}) if text.strip() else {}


def statements_of(policy: Any) -> list[Json]:
    """Return the statements of a policy as a list."""
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
    """Return the question of a test, without a zone of trust."""
    return {**question, "test": test, "members": (), "trusted_accounts": (), "trusted_organizations": ()}


def _new_access(closed: Any, closing: Closing, random: Random) -> Iterator[str]:
    answer, found = more_allowed(closed, closing.policy, **closing.question)
    if answer in (Answer.GRANTED, Answer.PROBLEM):
        yield f"the solver finds nothing that only the closed policy allows: {found and found()}"
    both = (closing.policy, closed)
    for request in requests_of_anyone(both, dict(closing.question), random, closing.requests):
        if is_allowed(closed, request) and not is_allowed(closing.policy, request):
            yield f"no request is allowed that the original denies: {request!r}"


def _lost_access(closed: Remedy, closing: Closing) -> Iterator[str]:
    """Check that who is to keep access keeps it.

    These are the named principals, and callers of the organization or the accounts where it is clear whom the policy
    means: in the repository's partition.
    """
    held = _without_resources(closing.policy)
    alone = _with_statements(closing.policy, [kept for each in held if (kept := _named_only(each)) is not None])
    if more_allowed(alone, closed.policy, **closing.question)[0] is Answer.GRANTED:
        yield "a principal that an Allow names keeps access"
    outside = _deny_outside(closing.arguments)
    statements, region = read_policy(closing.policy) or (), closing.question["region"]
    named = {principal.partition for statement in statements for principal in statement.principals.listed}
    other_partition = region is None or not named <= {None, partition_of(region)}
    if outside is None or other_partition or any(map(_has_unclear_principals, statements)):
        return
    inside = _with_statements(closing.policy, [*held, outside])
    answer, found = more_allowed(inside, closed.policy, **closing.question)
    if answer is Answer.GRANTED:
        yield f"a caller of the organization or the accounts keeps access: {found and found()}"
    yield from _useless_statements(closed, held, closing)


def _useless_statements(closed: Remedy, held: list[Json], closing: Closing) -> Iterator[str]:
    """Check that a statement that was limited allows somebody something, or that the remedy says that it does not.

    Deny statements are not considered, nor is a statement with a policy variable.
    """
    of_accounts = closing.arguments["mode"] == "scope-to-accounts"
    said = of_accounts and any("none of them matches it" in each for each in closed.loses_access)
    for each in statements_of(closed.policy):
        alone = _with_statements(closing.policy, [each])
        (read,) = read_policy(alone) or ()
        known = said or each in held or "Service" in each["Principal"]
        limited = not known and (read.principals.everyone or of_accounts) and bool(covered_actions(read))
        if limited and _allows_nobody(alone, closing):
            yield "a statement that was limited allows somebody something"


def _deny_outside(arguments: Mapping[str, Any]) -> Json | None:
    """Return a Deny for callers outside the organization or the accounts; None where statements are removed."""
    if arguments["mode"] == "remove-statements":
        return None
    key, values = "aws:PrincipalOrgID", arguments.get("organization")
    if arguments["mode"] == "scope-to-accounts":
        key, values = "aws:PrincipalAccount", list(arguments["accounts"])
    return {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {key: values}}}


def _with_statements(policy: Any, statements: list[Json]) -> Json:
    return {**as_document(policy), "Statement": statements}


def _has_unclear_principals(statement: Statement) -> bool:
    """Return whether ECR refuses a principal, or an Allow excludes a deleted one by an id that no caller has."""
    excludes = statement.allow and statement.principals.negated
    return _is_refused(statement) or (excludes and bool(statement.principals.named_ids))


def _is_refused(statement: Statement) -> bool:
    """Return whether ECR refuses a principal of the statement."""
    return statement.principals.unreliable or statement.principals.invalid


def _allows_nobody(policy: Json, closing: Closing) -> bool:
    return more_allowed(policy, None, **closing.question)[0] is Answer.NOT_GRANTED


def may_refuse(closing: Closing) -> bool:
    """Return whether there is a reason for which `remedy` may refuse: one that its interface names."""
    try:
        statements = read_policy(closing.policy) or ()
    except PolicyProblemError:
        return True
    length = len(json.dumps(as_document(closing.policy), separators=(",", ":")))
    if any(map(_is_refused, statements)) or length > _LONGEST // 2:
        return True
    if closing.arguments.get("keep_services") and closing.question["owner"] is None:
        return True
    return closing.arguments["mode"] != "remove-statements" and any(
        _cannot_be_limited(statement, written, closing)
        for statement, written in zip(statements, _without_resources(closing.policy), strict=True)
        if statement.allow and _named_only(written) != written
    )


def _cannot_be_limited(statement: Statement, written: Json, closing: Closing) -> bool:
    """Return whether no condition can say what is wanted of an Allow, or nobody would be left."""
    forms = {principal.form for principal in statement.principals.listed}
    if statement.principals.negated and forms & {PrincipalForm.SESSION, PrincipalForm.PROVIDER}:
        return True
    carried = {(condition.operator, condition.key) for condition in statement.conditions}
    operators = (OPERATORS[name] for name in ("stringequals", "stringlike", "stringequalsignorecase"))
    if all((operator, "aws:principalorgid") in carried for operator in operators):
        return True
    outside = _deny_outside(closing.arguments)
    if outside is None or closing.arguments["mode"] != "scope-to-organization":
        return False
    return _allows_nobody(_with_statements(closing.policy, [written, outside]), closing)


def _without_resources(policy: Any) -> list[Json]:
    return [without_resources(each) for each in statements_of(policy)]


def without_resources(statement: Json) -> Json:
    """Return the statement without the elements that ECR refuses."""
    return {name: value for name, value in statement.items() if name not in ("Resource", "NotResource")}


def _named_only(statement: Json) -> Json | None:
    """Return the statement with the principals alone that it names; None if it names none."""
    if statement["Effect"] == "Deny":
        return statement
    principals = statement.get("Principal")
    if not isinstance(principals, dict):
        return None
    named = {
        kind: kept
        for kind, value in principals.items()
        if (kept := [each for each in _listed(value) if _is_named(kind, each)])
    }
    if all(_listed(value) == named.get(kind) for kind, value in principals.items()):
        return statement
    return {**statement, "Principal": named} if named else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_named(kind: str, value: str) -> bool:
    found = read_principals({kind: value}, negated=False)
    return not (found.everyone or found.unreliable or found.invalid)


def _broken_form(original: Json, closed: Json | None) -> Iterator[str]:
    """Check what Amazon ECR demands of a policy, and that the other elements stay."""
    if closed is None:
        return
    text = json.dumps(closed, separators=(",", ":"), ensure_ascii=False)
    if len(text) > _LONGEST:
        yield "it is no longer than Amazon ECR accepts"
    if json.loads(text) != closed or not statements_of(closed):
        yield "it is a document with a statement"
    if {**closed, "Statement": None} != {**original, "Statement": None}:
        yield "no element but Statement changes"
    if any({"Resource", "NotResource"} & each.keys() for each in statements_of(closed)):
        yield "it has no Resource element"
    if not _repeated_operators(closed) <= _repeated_operators(original):
        yield "no operator is written twice"
    blocks = [block for each in statements_of(closed) for block in each.get("Condition", {}).values()]
    if any(len(set(map(folded, block))) < len(block) for block in blocks):
        yield "no operator has a key twice"


def _broken_sids(original: Json, closed: Json | None) -> Iterator[str]:
    """Check that Sids stay unique, and that a new one has the characters that IAM accepts; an empty one is none."""
    sids, before = ([each["Sid"] for each in statements_of(held) if each.get("Sid")] for held in (closed, original))
    if len(set(sids)) < len(sids) and len(set(before)) == len(before):
        yield "Sids stay unique"
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    known = re.sub("[A-Za-z0-9]", "", "".join(before))
    if any(not re.fullmatch("[A-Za-z0-9]*", sid) and not known for sid in sids):
        yield "a new Sid has letters and digits only"


def _repeated_operators(policy: Json) -> set[tuple[str, ...]]:
    """Return the operators of each statement that are written in several ways."""
    found = set()
    for statement in statements_of(policy):
        names = [folded(name) for name in statement.get("Condition", {})]
        repeated = tuple(sorted(name for name in statement.get("Condition", {}) if names.count(folded(name)) > 1))
        found |= {repeated} if repeated else set()
    return found


def _broken_unchanged(closing: Closing, closed: Json | None) -> Iterator[str]:
    """Check that a Deny, and an Allow that grants no public access, keep content and order; nothing is made up.

    Where statements are removed, a principal that ECR refuses goes from these too, and a condition that goes may have
    named an id.
    """
    originals, results = _without_resources(closing.policy), statements_of(closed)
    flagged = {
        each.statement for test in PUBLIC_TESTS for each in judge(closing.policy, test=test, **closing.question).grants
    }
    read, removes = read_policy(closing.policy) or (), closing.arguments["mode"] == "remove-statements"
    forgotten = removes and any("Condition" in originals[at] for at in flagged)
    kept = [
        each
        for at, each in enumerate(originals)
        if not (removes and _is_refused(read[at]))
        and (each["Effect"] == "Deny" or (at not in flagged and (_named_only(each) == each or not forgotten)))
    ]
    rest = iter(results)
    if not all(any(each == result for result in rest) for each in kept):
        yield "statements that grant no public access keep content and order"
    known = [_effect_and_actions(each) for each in originals]
    added = [each for each in results if _effect_and_actions(each) not in known]
    granted = {action for at in flagged for action in covered_actions(read[at])}
    if len(added) > len(closing.arguments.get("keep_services", ())) or not all(
        _is_kept_service(each, closing, granted) for each in added
    ):
        yield "only a service that is kept gets a statement of its own"


def _effect_and_actions(statement: Json) -> Json:
    return {name: statement.get(name) for name in ("Effect", "Action", "NotAction")}


def _is_kept_service(statement: Json, closing: Closing, granted: set[str]) -> bool:
    """Return whether a statement allows one service, for the repository's account, what public access allowed."""
    (read,) = read_policy(_with_statements(closing.policy, [statement])) or ()
    service = statement["Principal"].get("Service") if isinstance(statement["Principal"], dict) else None
    bound = closing.question["owner"] in json.dumps(statement.get("Condition", {}))
    alone = isinstance(service, str) and statement["Principal"] == {"Service": service}
    return read.allow and alone and bound and set(covered_actions(read)) <= granted
