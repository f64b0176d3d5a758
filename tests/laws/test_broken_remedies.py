"""Each law of `remedy` can fail: remedies that are wrong in one way, labelled with the law that they break."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import pytest

from ecr_exposure import Remedy, RemedyError, remedy
from tests.laws.remedy_laws import ACCOUNT, ORGANIZATION, Closing, LawBrokenError, broken_laws, check_laws

Json = dict[str, Any]

QUESTION: Final[Json] = {
    "owner": "999999999999",
    "region": "eu-west-1",
    "resource_tags": None,
    "now": datetime(2026, 11, 24, tzinfo=UTC),
}
TO_ORGANIZATION: Final = {"mode": "scope-to-organization", "organization": ORGANIZATION}
TO_ACCOUNTS: Final = {"mode": "scope-to-accounts", "accounts": (ACCOUNT,)}
REMOVE: Final = {"mode": "remove-statements"}
VERSION: Final = "2012-10-17"
NAMED: Final = "111122223333"
ROLE: Final = f"arn:aws:iam::{NAMED}:role/ci"
OF_ORG: Final = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
NOT_OF_ORG: Final = {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
OF_USER: Final = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
NETWORK: Final = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}


def allow(condition: Json | None = None, principal: Any = "*", action: Any = "ecr:BatchGetImage", **more: Any) -> Json:
    """Return an Allow statement."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return {**statement, "Condition": condition} if condition else statement


def policy(*statements: Json, **more: Any) -> Json:
    """Return a policy with these statements."""
    return {"Version": VERSION, "Statement": list(statements), **more}


DENY: Final = {**allow(NOT_OF_ORG), "Effect": "Deny"}
OTHER_DENY: Final = {**allow(action="ecr:PutImage"), "Effect": "Deny"}
EXCEPT_ROLE: Final = {"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "ecr:BatchGetImage"}
LONG: Final = [f"ecr:GetDownloadUrlForLayer{'*' * times}" for times in range(1, 200)]

# The situation, the policy, the arguments, what the remedy returns, and the law that it breaks.
RESULTS: Final = (
    (
        "condition exchanged in place of added",
        policy(allow(NOT_OF_ORG)),
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "the solver finds nothing that only the closed policy allows",
    ),
    (
        "another condition dropped",
        policy(allow(OF_USER)),
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "the solver finds nothing that only the closed policy allows",
    ),
    (
        "IfExists used",
        policy(allow()),
        TO_ORGANIZATION,
        policy(allow({"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}})),
        "the engine finds no public access (reachable)",
    ),
    (
        "every value in place of any",
        policy(allow()),
        TO_ORGANIZATION,
        policy(allow({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})),
        "the engine finds no public access (reachable)",
    ),
    (
        "pattern that many organizations match",
        policy(allow()),
        TO_ORGANIZATION,
        policy(allow({"StringLike": {"aws:PrincipalOrgID": "o-*"}})),
        "the engine finds no public access (reachable)",
    ),
    (
        "everyone left beside the account",
        policy(allow()),
        TO_ACCOUNTS,
        policy(allow(principal={"AWS": ["*", ACCOUNT]})),
        "the engine finds no public access (unconditional)",
    ),
    (
        "account added to a statement with another action",
        policy(allow(), allow(principal={"AWS": NAMED}, action="ecr:PutImage")),
        TO_ACCOUNTS,
        policy(allow(principal={"AWS": [ACCOUNT]}), allow(principal={"AWS": [NAMED, ACCOUNT]}, action="ecr:PutImage")),
        "statements that grant no public access keep content and order",
    ),
    (
        "account added for more actions",
        policy(allow()),
        TO_ACCOUNTS,
        policy(allow(principal={"AWS": [ACCOUNT]}, action="ecr:*")),
        "only a service that is kept gets a statement of its own",
    ),
    (
        "condition dropped for the accounts",
        policy(allow(OF_USER)),
        TO_ACCOUNTS,
        policy(allow(principal={"AWS": [ACCOUNT]})),
        "the solver finds nothing that only the closed policy allows",
    ),
    (
        "excluded principal not excluded",
        policy(EXCEPT_ROLE),
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "the solver finds nothing that only the closed policy allows",
    ),
    (
        "Deny removed",
        policy(allow(), OTHER_DENY),
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "statements that grant no public access keep content and order",
    ),
    (
        "statements in another order",
        policy(allow(), OTHER_DENY, allow(principal={"AWS": NAMED})),
        TO_ORGANIZATION,
        policy(allow(OF_ORG), allow(principal={"AWS": NAMED}), OTHER_DENY),
        "statements that grant no public access keep content and order",
    ),
    (
        "named principal lost",
        policy(allow(principal={"AWS": ["*", NAMED]})),
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "a principal that an Allow names keeps access",
    ),
    (
        "named principal lost with everyone",
        policy(allow(principal={"AWS": ["*", ROLE]})),
        REMOVE,
        None,
        "a principal that an Allow names keeps access",
    ),
    (
        "another organization",
        policy(allow()),
        TO_ORGANIZATION,
        policy(allow({"StringEquals": {"aws:PrincipalOrgID": "o-zyxwvutsrq"}})),
        "a caller of the organization or the accounts keeps access",
    ),
    (
        "another account",
        policy(allow()),
        TO_ACCOUNTS,
        policy(allow(principal={"AWS": [NAMED]})),
        "a caller of the organization or the accounts keeps access",
    ),
    (
        "nobody left",
        policy(allow(NOT_OF_ORG)),
        TO_ORGANIZATION,
        policy(allow({**NOT_OF_ORG, **OF_ORG})),
        "a statement that was limited allows somebody something",
    ),
    (
        "Version gained",
        {"Statement": [allow()]},
        TO_ORGANIZATION,
        policy(allow(OF_ORG)),
        "no element but Statement changes",
    ),
    ("Id lost", policy(allow(), Id="x"), TO_ORGANIZATION, policy(allow(OF_ORG)), "no element but Statement changes"),
    (
        "Resource kept",
        policy(allow(Resource="*")),
        TO_ORGANIZATION,
        policy(allow(OF_ORG, Resource="*")),
        "it has no Resource element",
    ),
    (
        "no statement left, but a policy",
        policy(allow()),
        REMOVE,
        policy(),
        "it is a document with a statement",
    ),
    (
        "Sid repeated",
        policy(allow(principal={"AWS": ["*", NAMED]}, Sid="Pull")),
        TO_ORGANIZATION,
        policy(allow(principal={"AWS": [NAMED]}, Sid="Pull"), allow(OF_ORG, Sid="Pull")),
        "Sids stay unique",
    ),
    (
        "Sid with a blank",
        policy(allow(principal={"AWS": ["*", NAMED]}, Sid="Pull")),
        TO_ORGANIZATION,
        policy(allow(principal={"AWS": [NAMED]}, Sid="Pull"), allow(OF_ORG, Sid="Pull 2")),
        "a new Sid has letters and digits only",
    ),
    (
        "operator in two spellings",
        policy(allow({"stringequals": {"aws:PrincipalTag/team": "red"}})),
        TO_ORGANIZATION,
        policy(allow({"stringequals": {"aws:PrincipalTag/team": "red"}, **OF_ORG})),
        "no operator is written twice",
    ),
    (
        "key in two spellings",
        policy(allow({"StringLike": {"aws:principalorgid": "o-*"}})),
        TO_ORGANIZATION,
        policy(allow({"StringLike": {"aws:principalorgid": "o-*", "aws:PrincipalOrgID": ORGANIZATION}})),
        "no operator has a key twice",
    ),
    (
        "too long",
        policy(allow(action=LONG, Sid="a" * 10), allow(principal={"AWS": NAMED}, action=LONG)),
        TO_ORGANIZATION,
        policy(allow(OF_ORG, action=LONG, Sid="a" * 10), allow(principal={"AWS": NAMED}, action=LONG)),
        "it is no longer than Amazon ECR accepts",
    ),
    (
        "Action element rewritten",
        policy(allow(action=["ecr:BatchGetImage", "ecr:PutImage"])),
        TO_ORGANIZATION,
        policy(allow(OF_ORG), allow(OF_ORG, action="ecr:PutImage")),
        "only a service that is kept gets a statement of its own",
    ),
    (
        "nothing changed",
        policy(allow()),
        TO_ORGANIZATION,
        policy(allow()),
        "it changes something exactly where there is public access",
    ),
    (
        "policy changed that is not public",
        policy(allow(OF_ORG)),
        TO_ORGANIZATION,
        policy(allow({**OF_ORG, **NETWORK})),
        "it changes something exactly where there is public access",
    ),
)


def returning(result: Json | None) -> Callable[..., Remedy]:
    """Return a remedy with this result, which it leaves as it is."""

    def apply(document: Any, **_: Any) -> Remedy:
        return Remedy(policy=result, changes=() if document == result else ("changed",))

    return apply


def check(document: Json, arguments: Json, apply: Callable[..., Remedy]) -> None:
    """Check the laws for a remedy."""
    check_laws(Closing(policy=document, arguments=arguments, question=QUESTION, requests=60), Random(1), apply)


class TestResults:
    """Remedies with a wrong result."""

    @pytest.mark.parametrize(
        ("document", "arguments", "result", "law"), [pytest.param(*row[1:], id=row[0]) for row in RESULTS]
    )
    def test_wrong_result_breaks_the_law(self, document: Json, arguments: Json, result: Json | None, law: str) -> None:
        with pytest.raises(LawBrokenError) as raised:
            check(document, arguments, returning(result))
        assert str(raised.value).startswith(law)

    @pytest.mark.parametrize(("document", "arguments"), [(row[1], row[2]) for row in RESULTS])
    def test_remedy_keeps_the_laws(self, document: Json, arguments: Json) -> None:
        check(document, arguments, remedy)

    def test_exchanged_condition_is_found_by_random_requests_too(self) -> None:
        """The random requests prove the same as the solver, by `is_allowed` alone."""
        closing = Closing(policy=policy(allow(NOT_OF_ORG)), arguments=TO_ORGANIZATION, question=QUESTION, requests=100)
        closed = Remedy(policy=policy(allow(OF_ORG)), changes=("changed",))
        broken = list(broken_laws(closing, closed, Random(1), returning(closed.policy)))
        assert any(law.startswith("no request is allowed that the original denies") for law in broken)


class TestBehaviour:
    """Remedies that are wrong in other ways."""

    def test_remedy_that_always_refuses_breaks_a_law(self) -> None:
        def refuse(_: Any, **__: Any) -> Remedy:
            raise RemedyError("no")

        with pytest.raises(LawBrokenError, match="it refuses only what cannot be closed: no"):
            check(policy(allow(OF_USER)), TO_ORGANIZATION, refuse)

    def test_refusal_without_a_reason_breaks_a_law(self) -> None:
        def refuse(_: Any, **__: Any) -> Remedy:
            raise RemedyError

        with pytest.raises(LawBrokenError, match="a refusal has a reason"):
            check(policy(allow(NOT_OF_ORG)), TO_ORGANIZATION, refuse)

    def test_second_remedy_that_changes_something_breaks_a_law(self) -> None:
        def apply(document: Any, **_: Any) -> Remedy:
            count = len(json.loads(json.dumps(document))["Statement"])
            return Remedy(policy=policy(*[allow(OF_ORG)] * (count + 1)), changes=("changed",))

        with pytest.raises(LawBrokenError, match="a second remedy changes nothing"):
            check(policy(allow()), TO_ORGANIZATION, apply)
