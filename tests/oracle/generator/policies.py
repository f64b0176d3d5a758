"""Hypothesis strategies for repository policies, with every element, operator and condition key."""

import copy
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from hypothesis import strategies as st

from tests.oracle.generator.invalid_policies import FAULTS, InvalidPolicy
from tests.oracle.generator.key_pool import KEYS, KeyPool
from tests.oracle.generator.pool import (
    ACCOUNTS,
    ACTIONS,
    ARNS,
    BUILT_IN_PROVIDERS,
    EMBEDDINGS,
    INVALID_AWS,
    MEMBERS,
    NOW,
    ORGANIZATIONS,
    OTHER_REGIONS,
    OWNER,
    PROVIDERS,
    REGION,
    RESOURCE_TAGS,
    ROLE_ID,
    SAME_TYPE,
    SERVICES,
    SESSIONS,
    TRUSTED_ACCOUNTS,
    TRUSTED_ORGANIZATIONS,
    UNRELIABLE_AWS,
    USER_ID,
    VARIABLES,
)

Policy = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "string": (
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ),
    "arn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
    "ip": ("IpAddress", "NotIpAddress"),
    "bool": ("Bool",),
    "numeric": (
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ),
    "date": (
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ),
    "binary": ("BinaryEquals",),
}
_PATTERNED: Final = ("StringLike", "StringNotLike", *OPERATORS["arn"])
_TYPED_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "ip": ("203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"),
    "numeric": ("0", "5", "12.5", "300"),
    "date": ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2026-10-01", "1893456000"),
    "binary": ("cmVk", "Ymx1ZQ=="),
}


def _often(share: int) -> st.SearchStrategy[bool]:
    """True in so many of a hundred draws."""
    return st.integers(0, 99).map(lambda number: number >= 100 - share)


def _one_or_list(draw: Draw, values: list[Any]) -> Any:
    """A single value alone or in a list; several in a list."""
    return values[0] if len(values) == 1 and draw(st.booleans()) else values


def _some(draw: Draw, pool: tuple[Any, ...], most: int = 3) -> list[Any]:
    """One or a few values of a pool."""
    return list(draw(st.lists(st.sampled_from(pool), min_size=1, max_size=most, unique=True)))


def _recased(draw: Draw, text: str) -> str:
    """The name of a key or an operator, sometimes in another letter case."""
    if draw(_often(8)):
        return str(draw(st.sampled_from([text.lower(), text.upper(), text.swapcase()])))
    return text


@st.composite
def _principals(draw: Draw, *, negated: bool) -> Any:
    """The value of a Principal or NotPrincipal element, malformed ones included."""
    kind = draw(st.integers(0, 99))
    if kind < (8 if negated else 52):
        return draw(st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*"]}]))
    if kind < (8 if negated else 57):
        return {"AWS": ["*", draw(st.sampled_from(ACCOUNTS))]}
    if kind < 84:
        pool = (*ACCOUNTS, *ARNS[:-1], *SESSIONS, USER_ID, ROLE_ID, f"{ROLE_ID}:session")
        return {"AWS": _one_or_list(draw, _some(draw, pool))}
    if kind < 88:
        return {"Service": _one_or_list(draw, _some(draw, SERVICES, 2))}
    if kind < 91:
        return {"AWS": draw(st.sampled_from(ACCOUNTS)), "Service": draw(st.sampled_from(SERVICES))}
    if kind < 94:
        return {"Federated": _one_or_list(draw, _some(draw, PROVIDERS, 2))}
    if kind < 98 or negated:
        return draw(st.sampled_from(_refused(draw)))
    return draw(st.sampled_from([{}, {"AWS": []}]))


def _refused(draw: Draw) -> list[Any]:
    """Principals that ECR refuses: with a wildcard or a web identity provider, and invalid ones."""
    account, invalid = draw(st.sampled_from(ACCOUNTS)), draw(st.sampled_from(INVALID_AWS))
    wildcard = draw(st.sampled_from(UNRELIABLE_AWS))
    return [
        {"AWS": _one_or_list(draw, _some(draw, UNRELIABLE_AWS, 2))},
        {"AWS": [wildcard, account]},
        {"AWS": wildcard, "Service": draw(st.sampled_from(SERVICES))},
        {"Service": "*"},
        {"Federated": "*"},
        {"Federated": draw(st.sampled_from(BUILT_IN_PROVIDERS))},
        ["*"],
        [account, wildcard],
        wildcard,
        {"AWS": invalid},
        {"AWS": [account, invalid]},
        {"AWS": ["*", invalid]},
        {"AWS": [wildcard, invalid]},
        {"Service": draw(st.sampled_from(["", SERVICES[0]])), "AWS": invalid},
        {"Federated": invalid},
        [account],
        account,
        invalid,
        [],
    ]


def _scalar(draw: Draw, text: str) -> Any:
    """The text, or the JSON boolean or number that it is."""
    if text in ("true", "false") and draw(st.booleans()):
        return text == "true"
    if text.isdigit() and not (len(text) > 1 and text[0] == "0") and draw(_often(20)):
        return int(text)
    return text


def _operator_type(draw: Draw, pool: KeyPool) -> str:
    """The type of an operator: mostly one that fits the key, sometimes String, seldom any."""
    if draw(_often(4)):
        return str(draw(st.sampled_from(sorted(OPERATORS))))
    if "string" not in pool.operator_types and draw(_often(6)):
        return "string"
    return str(draw(st.sampled_from(pool.operator_types)))


def _values(draw: Draw, pool: KeyPool, operator_type: str, operator: str, *, variables: bool) -> list[Any]:
    """Values that an operator of the type accepts."""
    if operator_type == "bool":
        texts: tuple[str, ...] = ("true", "false", "True", "FALSE")
        if variables and draw(_often(5)):
            return [draw(st.sampled_from(["${aws:ViaAWSService}", "${", "true${*}"])), "true"][
                : draw(st.integers(1, 2))
            ]
        return [_scalar(draw, text) for text in _some(draw, texts, 2)]
    if operator_type in _TYPED_VALUES:
        own = pool.exact if operator_type in pool.operator_types and len(pool.operator_types) <= 2 else ()
        return [_scalar(draw, text) for text in _some(draw, own or _TYPED_VALUES[operator_type])]
    return _texts(draw, pool, operator, variables=variables)


def _texts(draw: Draw, pool: KeyPool, operator: str, *, variables: bool) -> list[Any]:
    """Values of a String or Arn operator."""
    same = [key for operator_type in pool.operator_types for key in SAME_TYPE.get(operator_type, ())]
    if same and variables and draw(_often(40)):
        return [f"${{{draw(st.sampled_from(same))}}}"]
    if draw(_often(10 if variables else 3)):
        inner = draw(st.sampled_from(VARIABLES))
        return [draw(st.sampled_from(EMBEDDINGS)).replace("{}", inner)]
    if draw(_often(2)):
        return []
    exact = pool.exact or ("true", "false")
    if operator in _PATTERNED:
        return [_scalar(draw, text) for text in _some(draw, (*pool.patterns, *exact[:3]))]
    starred = ("*",) if draw(_often(5)) else ()
    return [_scalar(draw, text) for text in _some(draw, (*starred, *exact))]


_WEIGHTED: Final = tuple(pool for pool in KEYS for _ in range(pool.weight))


@st.composite
def _conditions(draw: Draw, *, variables: bool) -> Policy:
    """Up to three operators, each on one or two keys."""
    block: Policy = {}
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 2, 3]))):
        pool = draw(st.sampled_from(_WEIGHTED))
        if draw(_often(8)):
            operator, values = "Null", [draw(st.sampled_from(["true", "false", True, False]))]
        else:
            operator_type = _operator_type(draw, pool)
            operator = draw(st.sampled_from(OPERATORS[operator_type]))
            values = _values(draw, pool, operator_type, operator, variables=variables)
            several = pool.key in ("aws:PrincipalOrgPaths", "aws:TagKeys", "aws:CalledVia")
            if draw(_often(85 if several else 20)):
                operator = draw(st.sampled_from(["ForAnyValue:", "ForAllValues:"])) + operator
            if draw(_often(20)):
                operator += "IfExists"
        keys = block.setdefault(_recased(draw, operator), {})
        if pool.key.lower() not in {key.lower() for key in keys}:
            keys[_recased(draw, pool.key)] = _one_or_list(draw, values)
    if draw(_often(3)):
        block["StringEquals"] = block.get("StringEquals", {})
    return block


def _actions(draw: Draw, *, wide_share: int) -> Policy:
    """Action or, seldom, NotAction; Action often covers every action."""
    name = "NotAction" if draw(_often(8)) else "Action"
    wide = draw(_often(wide_share)) and name == "Action"
    pool = ("ecr:*", "*") if wide else ACTIONS
    return {name: _one_or_list(draw, _some(draw, pool))}


@st.composite
def _statement(draw: Draw, *, allow: bool, variables: bool) -> Policy:
    """A statement with any element that a statement can have."""
    negated = draw(_often(5 if allow else 18))
    statement: Policy = {}
    if draw(_often(40)):
        statement["Sid"] = draw(st.sampled_from(["AllowPull", "Deny Outsiders!", "", "o-a1b2c3d4e5"]))
    statement["Effect"] = "Allow" if allow else "Deny"
    principal = "NotPrincipal" if negated else "Principal"
    if not allow and not negated and draw(_often(60)):
        statement[principal] = draw(st.sampled_from(["*", {"AWS": "*"}]))
    else:
        statement[principal] = draw(_principals(negated=negated))
    statement |= _actions(draw, wide_share=35 if allow else 70)
    if draw(_often(72 if allow else 80)):
        statement["Condition"] = draw(_conditions(variables=variables))
    elif draw(_often(10)):
        statement["Condition"] = {}
    if draw(_often(6)):
        element = draw(st.sampled_from(["Resource", "Resource", "NotResource"]))
        statement[element] = draw(st.sampled_from(["*", ["*"], ["x", "*"], "arn:aws:ecr:*", "**", []]))
    return statement


@st.composite
def policies(draw: Draw) -> Policy:
    """Valid policies of one to six statements."""
    policy: Policy = {}
    version = draw(st.sampled_from(["2012-10-17"] * 8 + ["2008-10-17", None]))
    if version is not None:
        policy["Version"] = version
    if draw(_often(10)):
        policy["Id"] = "pull-policy"
    count = draw(st.sampled_from([1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]))
    statements = [
        draw(_statement(allow=index == 0 or draw(_often(45)), variables=version == "2012-10-17"))
        for index in range(count)
    ]
    if count > 1 and draw(st.booleans()):
        statements = list(draw(st.permutations(statements)))
    policy["Statement"] = _one_or_list(draw, statements)
    return policy


@st.composite
def policy_texts(draw: Draw) -> str:
    """Valid policies as JSON text: compact or indented, escaped or percent-encoded."""
    policy = draw(policies())
    text = json.dumps(policy, indent=draw(st.sampled_from([None, None, 2])), ensure_ascii=draw(st.booleans()))
    return quote(text) if draw(_often(5)) else text


@st.composite
def invalid_policies(draw: Draw) -> InvalidPolicy:
    """Policies with one fault."""
    invalid: InvalidPolicy = draw(st.sampled_from(FAULTS))(copy.deepcopy(draw(policies())), draw)
    return invalid


@st.composite
def questions(draw: Draw) -> Policy:
    """The arguments of `judge` besides the policy."""
    test = draw(st.sampled_from(["reachable"] * 5 + ["external"] * 3 + ["unconditional"]))
    inside = test == "external"
    owner = draw(st.sampled_from([OWNER, OWNER, OWNER, OWNER, *ACCOUNTS[:1]]))
    region = draw(st.sampled_from([REGION, REGION, REGION, REGION, *OTHER_REGIONS]))
    zones = st.sampled_from([(), *((account,) for account in ACCOUNTS), ACCOUNTS])
    return {
        "test": test,
        "owner": owner if inside or draw(_often(85)) else None,
        "region": region if draw(_often(90)) else None,
        "members": draw(st.just(MEMBERS) | zones) if inside else (),
        "trusted_accounts": draw(st.just(TRUSTED_ACCOUNTS) | zones) if inside else (),
        "trusted_organizations": draw(st.sampled_from([(), TRUSTED_ORGANIZATIONS, ORGANIZATIONS])) if inside else (),
        "resource_tags": draw(st.sampled_from(RESOURCE_TAGS)),
        "now": NOW,
    }
