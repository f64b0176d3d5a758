"""What every result of `remedy` must be, whatever its mode: closed, valid, stable, and nothing new is granted."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

import pytest

from ecr_exposure import Remedy, RemedyError, Request, is_allowed, judge, remedy

ORGANIZATION: Final = "o-a1b2c3d4e5"
OTHER_ORGANIZATION: Final = "o-z9y8x7w6v5"
OWNER: Final = "111122223333"
PARTNER: Final = "444455556666"
OTHER_PARTNER: Final = "555566667777"
OUTSIDE: Final = "999988887777"
PULL: Final = "ecr:BatchGetImage"
IN_ORGANIZATION: Final = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
TO_ORGANIZATION: Final[Mapping[str, Any]] = {"mode": "scope-to-organization", "organization": ORGANIZATION}
TO_ACCOUNTS: Final[Mapping[str, Any]] = {"mode": "scope-to-accounts", "accounts": (PARTNER, OTHER_PARTNER)}
REMOVE: Final[Mapping[str, Any]] = {"mode": "remove-statements"}
LONGEST_POLICY: Final = 10_240


def allow(**elements: Any) -> dict[str, Any]:
    """Return an Allow of a pull for everyone, with these elements; an element that is None is left out."""
    return _without_none({"Effect": "Allow", "Principal": "*", "Action": PULL, **elements})


def deny(**elements: Any) -> dict[str, Any]:
    """Return a Deny of a pull for everyone, with these elements."""
    return allow(**{"Effect": "Deny", **elements})


def policy(*statements: Mapping[str, Any], **elements: Any) -> dict[str, Any]:
    """Return a policy of these statements, with further elements; an element that is None is left out."""
    return _without_none({"Version": "2012-10-17", "Statement": list(statements), **elements})


def _without_none(elements: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in elements.items() if each is not None}


def compact(content: object) -> str:
    """Return a policy in as few characters as JSON allows."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def closed(given: Any, expected: Mapping[str, Any] | None, **arguments: Any) -> Remedy:
    """Return the remedy of a public policy, after checking it against the expected policy and for all rules.

    A list of one is the same as its element, and `*` the same as {"AWS": "*"}, as for AWS.
    """
    before = deepcopy(given)
    found = remedy(given, **arguments)
    assert given == before, "the policy that was given has changed"
    assert normalized(found.policy) == normalized(expected)
    assert found.changes, "a policy that changes has changes"
    assert_closed(found.policy, arguments)
    assert_nothing_new(given, found.policy)
    again = remedy(deepcopy(found.policy), **arguments)
    assert again == Remedy(policy=found.policy), "the remedy of a closed policy changes nothing"
    return found


def refused(given: Any, *named: str, **arguments: Any) -> str:
    """Return the message of the RemedyError, which names all this; the policy does not change."""
    before = deepcopy(given)
    with pytest.raises(RemedyError) as caught:
        remedy(given, **arguments)
    assert given == before
    message = str(caught.value)
    assert [name for name in named if name not in message] == [], message
    return message


def unchanged(given: Any, content: Any, **arguments: Any) -> None:
    """Check that a policy that grants no public access comes back with the same content."""
    before = deepcopy(given)
    assert remedy(given, **arguments) == Remedy(policy=content)
    assert given == before


def assert_closed(found: Any, arguments: Mapping[str, Any]) -> None:
    """Check that a result is valid for Amazon ECR, and grants no public access under either test."""
    facts = {name: arguments[name] for name in ("owner", "region", "resource_tags") if name in arguments}
    for test in ("unconditional", "reachable"):
        verdict = judge(found, test=test, **facts)
        assert (verdict.compliance, verdict.grants, verdict.problem) == ("COMPLIANT", (), None)
    if found is not None:
        assert len(compact(found)) <= LONGEST_POLICY
        for statement in statements_of(found):
            assert not {"Resource", "NotResource"} & set(statement)
            assert not isinstance(statement.get("Principal"), list)


def statements_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a policy, in their order."""
    statements = content["Statement"]
    return [statements] if isinstance(statements, dict) else list(statements)


def request(account: str, organization: str | None, name: str = "role/ci", **context: str) -> Request:
    """Return the pull of a user or role: the request context that a caller of this account has."""
    arn = f"arn:aws:iam::{account}:{name}"
    keys = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
        "aws:userid": "AROAAAAABBBBCCCCDDDD1:session" if name.startswith("role/") else "AIDAAAAABBBBCCCCDDDD2",
        "aws:PrincipalType": "AssumedRole" if name.startswith("role/") else "User",
        "aws:SourceIp": "198.51.100.7",
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "false",
        **({"aws:PrincipalOrgID": organization} if organization else {}),
        **context,
    }
    if name.startswith("role/"):
        arn = f"arn:aws:sts::{account}:assumed-role/{name.rpartition('/')[2]}/session"
    return Request(principal=arn, action=PULL, context=keys)


def assert_nothing_new(given: Any, found: Any) -> None:
    """Check some requests: what the result allows, the given policy allows, too. The laws check all requests."""
    for each in _requests():
        if found is not None and is_allowed(found, each):
            assert is_allowed(given, each), str(each)


def _requests() -> Iterator[Request]:
    for account in (OWNER, PARTNER, OTHER_PARTNER, OUTSIDE):
        for organization in (None, ORGANIZATION, OTHER_ORGANIZATION):
            for name in ("role/ci", "role/app", "user/ana"):
                yield request(account, organization, name)
                yield request(account, organization, name, **{"aws:PrincipalTag/team": "red"})


def normalized(content: Any) -> Any:
    """Return a policy in one form: no list of one, no empty Condition, every `*` as {"AWS": "*"}."""
    if content is None:
        return None
    return {**content, "Statement": [_normalized_statement(each) for each in statements_of(content)]}


def _normalized_statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    elements = {name: _shortest(each) for name, each in statement.items()}
    if isinstance(principal := statement.get("Principal"), str):
        elements["Principal"] = {"AWS": principal}
    condition = {operator: keys for operator, keys in elements.pop("Condition", {}).items() if keys}
    return {**elements, **({"Condition": condition} if condition else {})}


def _shortest(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortest(each) for name, each in value.items()}
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def names_statement(sentences: tuple[str, ...], position: int, sid: str | None = None) -> bool:
    """Return whether a sentence names a statement, by its index or its Sid."""
    return any(f"Statement[{position}]" in each or (sid is not None and sid in each) for each in sentences)
