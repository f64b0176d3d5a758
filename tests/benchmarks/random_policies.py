"""Random policies: mixed ones as real repositories have them, and ones with many conditions. The seed is fixed."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

_ACTIONS: Final = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "PutImage", "ListImages")

Policy = dict[str, Any]


def mixed_policies(count: int, *, statements: int) -> Iterator[Policy]:
    """Return policies of so many statements: a few principals, a few actions, sometimes a condition."""
    random = Random(1)
    for _ in range(count):
        yield _policy([_mixed_statement(random, number) for number in range(statements)])


def _policy(statements: list[dict[str, Any]]) -> Policy:
    return {"Version": "2012-10-17", "Statement": statements}


def _mixed_statement(random: Random, number: int) -> dict[str, Any]:
    account = _account(random)
    principals = (
        {"AWS": f"arn:aws:iam::{account}:root"},
        {"AWS": [f"arn:aws:iam::{account}:role/ci-{number}", f"arn:aws:iam::{account}:user/u{number}"]},
        {"Service": "lambda.amazonaws.com"},
        "*",
    )
    found: dict[str, Any] = {
        "Sid": f"Statement{number}",
        "Effect": random.choice(["Allow"] * 4 + ["Deny"]),
        "Principal": random.choice(principals),
        "Action": [f"ecr:{action}" for action in random.sample(_ACTIONS, 3)],
    }
    if found["Principal"] == "*" or random.random() < 0.3:
        key = random.choice(["aws:PrincipalOrgID", "aws:SourceVpce"])
        value = f"o-{random.randrange(10**10):010d}" if key.endswith("ID") else f"vpce-{random.randrange(16**8):08x}"
        found["Condition"] = {random.choice(["StringEquals", "StringLike"]): {key: value}}
    return found


def condition_heavy_policies(count: int) -> Iterator[Policy]:
    """Return policies of one to three statements for everyone, each with one to three conditions."""
    random = Random(2)
    for _ in range(count):
        yield _policy([_conditional_statement(random) for _ in range(random.randint(1, 3))])


def _conditional_statement(random: Random) -> dict[str, Any]:
    conditions: dict[str, dict[str, Any]] = {}
    for operator, key, value in random.sample(_conditions(random), random.randint(1, 3)):
        conditions.setdefault(operator, {})[key] = value
    return {
        "Effect": random.choice(["Allow", "Allow", "Deny"]),
        "Principal": "*",
        "Action": f"ecr:{random.choice(_ACTIONS)}",
        "Condition": conditions,
    }


def _conditions(random: Random) -> list[tuple[str, str, Any]]:
    """Return one condition of each kind, with random values."""
    account, organization = _account(random), f"o-{random.randrange(10**10):010d}"
    negated = random.choice(["", "Not"])
    networks = [f"{random.randrange(1, 224)}.{random.randrange(256)}.0.0/16" for _ in range(random.randint(1, 4))]
    names = [f"arn:aws:iam::*:role/{random.choice(['ci', 'dev', 'ops'])}-*" for _ in range(random.randint(1, 4))]
    return [
        (f"String{negated}Equals", "aws:PrincipalOrgID", organization),
        (f"String{negated}Equals", "aws:PrincipalAccount", [account, _account(random)]),
        (f"String{negated}Like", "aws:PrincipalArn", f"arn:aws:iam::{account}:role/*"),
        (f"Arn{negated}Like", "aws:PrincipalArn", names),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{organization}/r-ab12/ou-ab12-*"),
        (f"String{negated}Equals", "aws:PrincipalTag/team", random.choice(["red", "blue", "${aws:ResourceTag/team}"])),
        ("StringEqualsIfExists", "aws:PrincipalTag/stage", ["dev", "test"]),
        (f"{negated}IpAddress", "aws:SourceIp", networks),
        (f"String{negated}Equals", "aws:SourceVpce", f"vpce-{random.randrange(16**8):08x}"),
        ("Bool", "aws:SecureTransport", random.choice(["true", "false"])),
        ("Bool", "aws:PrincipalIsAWSService", random.choice(["true", "false"])),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", "true"),
        ("Null", "aws:PrincipalTag/team", random.choice(["true", "false"])),
        ("DateLessThan", "aws:CurrentTime", f"20{random.randrange(20, 40)}-01-01T00:00:00Z"),
        (f"String{negated}Like", "aws:userid", f"AROA*:{random.choice(['ci', 'dev'])}-*"),
        ("StringEquals", "aws:ResourceOrgID", "${aws:PrincipalOrgID}"),
    ]


def _account(random: Random) -> str:
    return f"{random.randrange(10**12):012d}"
