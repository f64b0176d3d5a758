"""Policies built to take long, each as ECR would take it: at most 10,240 characters when compact.

Deciding is NP-hard (a formula in conjunctive normal form fits into Deny statements), so the search
promises no more than to end.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

Policy = Mapping[str, Any]


def policy(*statements: Mapping[str, Any]) -> Policy:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(condition: Mapping[str, Any] | None = None, action: Any = "ecr:*") -> dict[str, Any]:
    """Return an Allow for everyone."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": action}
    return statement if condition is None else {**statement, "Condition": condition}


def deny(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Deny for everyone."""
    return {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": condition}


def _stars(seed: int, letters: str, length: int) -> str:
    return "*" + "*".join(Random(seed).choices(letters, k=length)) + "*"


def _formula(variables: int, clauses: int) -> Policy:
    random = Random(variables)
    statements = [allow()]
    for _ in range(clauses):
        condition: dict[str, Any] = {}
        for variable in random.sample(range(variables), 3):
            operator = random.choice(["StringEquals", "StringNotEquals"])
            condition.setdefault(operator, {})[f"aws:PrincipalTag/v{variable}"] = "1"
        statements.append(deny(condition))
    return policy(*statements)


def _pigeons(holes: int) -> Policy:
    tags = [f"aws:PrincipalTag/t{number}" for number in range(holes + 1)]
    placed = [deny({"StringNotEquals": {tag: [f"v{hole}" for hole in range(holes)]}}) for tag in tags]
    apart = [
        deny({"StringEquals": {one: f"v{hole}", other: f"v{hole}"}})
        for at, one in enumerate(tags)
        for other in tags[:at]
        for hole in range(holes)
    ]
    return policy(allow(), *placed, *apart)


POLICIES: Mapping[str, Policy] = {
    "patterns with many stars": policy(
        allow({"StringLike": {"aws:PrincipalArn": [_stars(n, "abcdefgh/", 40) for n in range(80)]}}),
        *[
            deny({"StringLike": {"aws:PrincipalArn": [_stars(100 + n, "abcdefgh", 12) for n in range(20)]}})
            for _ in range(4)
        ],
    ),
    "every pair of digits": policy(
        allow({"StringNotLike": {"aws:PrincipalAccount": [f"*{a}*{b}*" for a in range(10) for b in range(10)]}})
    ),
    "patterns inside paths of an organization": policy(
        allow(
            {
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-*/r-*/ou-*a*/ou-*b*/ou-*c*/*"]},
                "ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": ["*a*b*", "*b*c*", "*a?b*", "*c*a*"]},
            }
        )
    ),
    "question marks behind stars": policy(
        allow(
            {
                "StringLike": {"aws:PrincipalTag/x": ["*" + "?" * n + "a*" for n in range(60)]},
                "StringNotLike": {"aws:PrincipalTag/x": ["*b" + "?" * n + "a*" for n in range(60)]},
            }
        )
    ),
    "all but six hundred accounts": policy(
        allow(), deny({"StringNotEquals": {"aws:PrincipalAccount": [f"{n:012d}" for n in range(600)]}})
    ),
    "role names in any account": policy(
        allow(), deny({"ArnNotLike": {"aws:PrincipalArn": [f"arn:aws:iam::*:role/r{n}*" for n in range(250)]}})
    ),
    "account ids inside patterns": policy(
        *[allow({"StringLike": {"aws:PrincipalArn": f"*{n:012d}*x"}}) for n in range(80)]
    ),
    "a formula with few solutions": _formula(12, 51),
    "a formula without a solution": _formula(8, 58),
    "four pigeons in three holes": _pigeons(3),
    "many addresses": policy(
        allow({"NotIpAddress": {"aws:SourceIp": [f"{n}.0.0.0/8" for n in range(224)]}}),
        *[deny({"IpAddress": {"aws:SourceIp": [f"{n}.{m}.0.0/16" for m in range(50)]}}) for n in range(4)],
    ),
    "many moments": policy(
        allow({"DateNotEquals": {"aws:CurrentTime": [str(1_795_478_400 + n) for n in range(480)]}}),
        deny({"DateGreaterThan": {"aws:TokenIssueTime": "1795478401"}}),
    ),
    "tags that equal tags": policy(
        allow(
            {
                "StringEquals": {f"aws:PrincipalTag/a{n}": f"${{aws:PrincipalTag/b{n}}}" for n in range(30)},
                "StringNotEquals": {f"aws:PrincipalTag/a{n}": f"${{aws:PrincipalTag/b{n + 1}}}" for n in range(30)},
            }
        )
    ),
    "many actions": policy(allow(action=["ecr:" + "*".join(f"{n:03d}BDSPGIRU") + "*" for n in range(300)])),
    "Denies of an ARN with a tag inside": policy(
        allow(), *[deny({"StringNotLike": {"aws:PrincipalArn": f"*${{aws:PrincipalTag/{n}}}*"}}) for n in range(81)]
    ),
    "Denies of a tag with the next tag inside": policy(
        allow(),
        *[deny({"StringNotLike": {f"aws:PrincipalTag/{n}": f"*${{aws:PrincipalTag/{n + 1}}}*"}}) for n in range(78)],
    ),
    "variables in one Allow": policy(
        allow({"StringEquals": {f"aws:PrincipalTag/{n}": f"${{aws:PrincipalTag/{n + 1}}}" for n in range(209)}})
    ),
}
