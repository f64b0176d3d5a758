"""Hypothesis strategies for policies that often grant public access, in the many ways in which people write that.

They add to `policies` what is rare there: principals beside `*`, NotPrincipal in an Allow, principals with wildcards,
and several spellings of one operator and one key in one statement.
"""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from tests.oracle.generator.policies import policies
from tests.oracle.generator.pool import (
    ACCOUNTS,
    ARNS,
    BUILT_IN_PROVIDERS,
    INVALID_AWS,
    ORGANIZATIONS,
    PROVIDERS,
    ROLE_ID,
    SERVICES,
    SESSIONS,
    UNRELIABLE_AWS,
    USER_ID,
)

Policy = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_NAMED: Final = (*ACCOUNTS, *ARNS, *SESSIONS, ROLE_ID)
_EXCLUDED: Final = (*ACCOUNTS, *ARNS, *ARNS, USER_ID, ROLE_ID)
_ACTIONS: Final = (
    "ecr:*",
    "*",
    "ecr:BatchGetImage",
    ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
    ["ecr:PutImage", "ecr:InitiateLayerUpload"],
    ["ecr:TagResource", "s3:GetObject"],
    "ecr:GetAuthorizationToken",
    ["ecr:SetRepositoryPolicy", "ecr:Future*"],
)
_SIDS: Final = ("Pull", "PullOrganization", "PullOrganization2", "Allow Pull!", "")
_POSITIVE: Final = ("StringEquals", "StringLike", "StringEqualsIgnoreCase")
_NEGATED: Final = ("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase")
_OF_CALLERS: Final = {
    "aws:PrincipalOrgID": (*ORGANIZATIONS[:2], "o-abcdefghij", "o-*", "${aws:ResourceOrgID}"),
    "aws:PrincipalAccount": (*ACCOUNTS[:3], "123456789012", "1*", "${aws:ResourceAccount}"),
    "aws:PrincipalTag/team": ("red", "*", ""),
    "aws:userid": (f"{ROLE_ID}:*", "*:session", USER_ID),
}
_OTHERS: Final[tuple[Policy, ...]] = (
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}},
    {"ArnNotEquals": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/ci"]}},
    {"arnnotequals": {"AWS:PrincipalARN": "arn:aws:iam::444455556666:role/Admin"}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"]}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"Bool": {"aws:SecureTransport": True}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATIONS[0]}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATIONS[0]}/*"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORGANIZATIONS[1]}},
)


def _often(draw: Draw, share: int) -> bool:
    """True in so many of a hundred draws."""
    return bool(draw(st.integers(0, 99)) >= 100 - share)


def _few(draw: Draw, pool: tuple[Any, ...], most: int = 3) -> Any:
    """One value of a pool, or a list of some."""
    found = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=most, unique=True))
    return found[0] if len(found) == 1 and draw(st.booleans()) else found


def _respelled(draw: Draw, text: str) -> str:
    """A name, often in another letter case."""
    return str(draw(st.sampled_from([text, text, text.lower(), text.upper(), text.swapcase()])))


def _principal(draw: Draw) -> Policy:
    """A Principal or NotPrincipal element that often names everyone, alone or beside others."""
    kind = draw(st.integers(0, 99))
    if kind < 25:
        return {"Principal": draw(st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*"]}]))}
    if kind < 50:
        beside = draw(st.lists(st.sampled_from(_NAMED), min_size=1, max_size=3, unique=True))
        element: Policy = {"AWS": draw(st.permutations(["*", *beside]))}
        if _often(draw, 25):
            element["Service"] = _few(draw, SERVICES, 2)
        if _often(draw, 15):
            element["Federated"] = _few(draw, PROVIDERS, 2)
        return {"Principal": element}
    if kind < 75:
        excluded: Policy = {"AWS": _few(draw, _EXCLUDED)}
        if _often(draw, 20):
            excluded["Service"] = _few(draw, SERVICES, 2)
        if _often(draw, 12):
            excluded["AWS"] = _few(draw, (*SESSIONS, *UNRELIABLE_AWS, *INVALID_AWS[:3]))
        if _often(draw, 6):
            excluded["Federated"] = _few(draw, PROVIDERS)
        return {"NotPrincipal": excluded}
    if kind < 92:
        return {"Principal": {"AWS": _few(draw, (*UNRELIABLE_AWS, "arn:aws:iam::1111*:user/a?c", *_NAMED[:4], "*"), 4)}}
    odd = ["*"], ["*", ACCOUNTS[0]], {"Service": "*"}, {"Service": "*", "AWS": ACCOUNTS[0]}
    federated = {"Federated": draw(st.sampled_from(BUILT_IN_PROVIDERS)), "AWS": _few(draw, _NAMED)}
    invalid = {"AWS": ["*", draw(st.sampled_from(INVALID_AWS))]}
    return {"Principal": draw(st.sampled_from([*odd, federated, invalid, UNRELIABLE_AWS[0]]))}


def _condition(draw: Draw) -> Policy:
    """Conditions about the caller under operators and keys in several spellings, that may be in one block."""
    block: Policy = {}
    for _ in range(draw(st.integers(0, 4))):
        key = draw(st.sampled_from(sorted(_OF_CALLERS)))
        operator = draw(st.sampled_from(_NEGATED if _often(draw, 55) else _POSITIVE))
        tests = block.setdefault(_respelled(draw, operator), {})
        if key.lower() not in {held.lower() for held in tests}:
            tests[_respelled(draw, key)] = _few(draw, _OF_CALLERS[key])
    if _often(draw, 30):
        other = draw(st.sampled_from(_OTHERS))
        block = {**block, **{name: dict(tests) for name, tests in other.items() if name not in block}}
    return block


def _public_statement(draw: Draw) -> Policy:
    statement: Policy = {"Sid": draw(st.sampled_from(_SIDS))} if _often(draw, 60) else {}
    statement |= {"Effect": "Allow", **_principal(draw), "Action": draw(st.sampled_from(_ACTIONS))}
    condition = _condition(draw) if _often(draw, 65) else {}
    if condition or _often(draw, 5):
        statement["Condition"] = condition
    if _often(draw, 10):
        statement["Resource"] = "*"
    return statement


@st.composite
def public_policies(draw: Draw) -> Policy:
    """Valid policies with one to three Allow statements that often grant public access, among others or alone."""
    policy: Policy = draw(policies())
    held = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    added = [_public_statement(draw) for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3])))]
    others = held[: draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))]
    statements = list(draw(st.permutations([*added, *others])))
    policy["Statement"] = statements[0] if len(statements) == 1 and _often(draw, 30) else statements
    return policy
