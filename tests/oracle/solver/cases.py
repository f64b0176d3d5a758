"""Short ways to write policies for the checks."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.oracle.solver.oracle import decide

NOW = datetime(2026, 10, 1, tzinfo=UTC)
OWNER = "999999999999"
REGION = "eu-west-1"
ORG = "o-abcdefghij"
FRIEND = "111122223333"
OTHER = "444455556666"
ROLE = f"arn:aws:iam::{FRIEND}:role/ci"
AROA = "AROAEXAMPLEROLEID123"

Json = dict[str, Any]


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


def reachable(document: Any, **more: Any) -> str:
    """The verdict for a stranger."""
    return decide(document, **{"test": "reachable", "owner": OWNER, "region": REGION, "now": NOW, **more})


def external(document: Any, **more: Any) -> str:
    """The verdict for an outsider."""
    return decide(document, **{"test": "external", "owner": OWNER, "region": REGION, "now": NOW, **more})


def when(operator: str, key: str, value: Any) -> Json:
    """A condition with one test."""
    return {operator: {key: value}}


def all_of(*conditions: Json) -> Json:
    """Every test of the conditions in one block."""
    out: Json = {}
    for condition in conditions:
        for operator, tests in condition.items():
            assert not out.get(operator, {}).keys() & tests.keys()
            out.setdefault(operator, {}).update(tests)
    return out
