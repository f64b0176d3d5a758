"""Short ways to write policies for the tests of the oracle, and what it answers about them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.oracle.solver_oracle import decide
from tests.oracle.solver_search import Answer

NOW = datetime(2026, 10, 1, tzinfo=UTC)
OWNER = "999999999999"
REGION = "eu-west-1"
ORG = "o-abcdefghij"
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
ROLE_ID = "AROAEXAMPLEROLEID123"

Json = dict[str, Any]

GRANTED, NOT_GRANTED = Answer.GRANTED, Answer.NOT_GRANTED
PROBLEM, UNDECIDED = Answer.PROBLEM, Answer.UNDECIDED


def allow(
    condition: Json | None = None, *, principal: Any = "*", action: Any = "ecr:BatchGetImage", **more: Any
) -> Json:
    """An Allow statement."""
    return _statement("Allow", condition, principal, action, more)


def deny(condition: Json | None = None, *, principal: Any = "*", action: Any = "ecr:*", **more: Any) -> Json:
    """A Deny statement."""
    return _statement("Deny", condition, principal, action, more)


def _statement(effect: str, condition: Json | None, principal: Any, action: Any, more: Json) -> Json:
    out: Json = {"Effect": effect, "Principal": principal, "Action": action, **more}
    if condition is not None:
        out["Condition"] = condition
    return {name: value for name, value in out.items() if value is not ...}


def policy(*statements: Json, version: str | None = "2012-10-17") -> str:
    """A policy document as text."""
    head = {} if version is None else {"Version": version}
    return json.dumps({**head, "Statement": list(statements)})


def reachable(document: Any, **more: Any) -> Answer:
    """What the oracle answers about a public caller."""
    return decide(document, **{"test": "reachable", "owner": OWNER, "region": REGION, "now": NOW, **more})


def external(document: Any, **more: Any) -> Answer:
    """What the oracle answers about an external caller."""
    return decide(document, **{"test": "external", "owner": OWNER, "region": REGION, "now": NOW, **more})


def when(operator: str, key: str, value: Any) -> Json:
    """A Condition element with one condition."""
    return {operator: {key: value}}


def all_of(*conditions: Json) -> Json:
    """One Condition element with every condition of several."""
    out: Json = {}
    for condition in conditions:
        for operator, tests in condition.items():
            assert not out.get(operator, {}).keys() & tests.keys()
            out.setdefault(operator, {}).update(tests)
    return out


def labelled(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Test parameters of rows that begin with a situation and end with the answer, both of which name the test."""
    return [pytest.param(*row[1:], id=f"{row[0]}: {row[-1].name.lower().replace('_', ' ')}") for row in rows]
