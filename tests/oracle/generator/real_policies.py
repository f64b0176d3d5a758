"""Families of policies that look like those of real repositories: the rule must decide every one of them.

- perimeters: https://github.com/aws-samples/data-perimeter-policy-examples, adapted to Amazon ECR
- lists of roles and users: many names, each a text or a pattern
- tags: https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction_attribute-based-access-control.html
- variables on the side of the resource, and of user names and unique ids
- services: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
"""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from tests.oracle.generator.pool import ACCOUNTS, NOW, ORGANIZATIONS, ROLE_ID, USER_ID

Policy = dict[str, Any]
Condition = dict[str, dict[str, Any]]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_PULL: Final = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_PUSH: Final = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
_ACTIONS: Final = (
    _PULL,
    [*_PULL, *_PUSH],
    "ecr:*",
    "*",
    "ecr:Get*",
    ["ecr:BatchGetImage", "ecr:Describe*", "ecr:List*"],
)
_TEAMS: Final = "platform data payments search mobile identity network build billing security analytics ops".split()
_DUTIES: Final = "deploy admin readonly ci release terraform pipeline runner backup audit breakglass poweruser".split()
_VPCS: Final = ("vpc-0a1b2c3d", "vpc-1234567890abcdef0")
_CIDRS: Final = ("203.0.113.0/24", "198.51.100.0/25", "52.95.0.0/16", "10.0.0.0/8", "2001:db8::/32")


def _often(draw: Draw, share: int) -> bool:
    """True in so many of a hundred draws."""
    return bool(draw(st.integers(0, 99)) >= 100 - share)


def _few(draw: Draw, pool: tuple[str, ...], most: int = 2) -> Any:
    """One value of a pool, or a list of some."""
    found = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=most, unique=True))
    return found[0] if len(found) == 1 and draw(st.booleans()) else found


def _statement(
    draw: Draw, effect: str, condition: Condition | None, principal: Any = "*", actions: Any = None
) -> Policy:
    found: Policy = {"Effect": effect, "Principal": principal, "Action": actions or draw(st.sampled_from(_ACTIONS))}
    if condition:
        found["Condition"] = condition
    return found


def _negation(operator: str) -> str:
    return operator.replace("String", "StringNot").replace("Arn", "ArnNot")


def _policy(draw: Draw, statements: list[Policy]) -> Policy:
    order = draw(st.permutations(statements)) if _often(draw, 30) else statements
    return {"Version": "2012-10-17", "Statement": list(order)}


def _organization_deny(draw: Draw) -> Policy:
    """Denies everyone but an organization."""
    operator = draw(st.sampled_from(["StringNotEquals", "StringNotEqualsIfExists"]))
    condition: Condition = {operator: {"aws:PrincipalOrgID": _few(draw, ORGANIZATIONS)}}
    if _often(draw, 40):
        condition["BoolIfExists"] = {"aws:PrincipalIsAWSService": "false"}
    return _statement(draw, "Deny", condition, actions="ecr:*")


def _base_allow(draw: Draw) -> Policy:
    """What a perimeter is added to: access for everyone, for an organization or for accounts."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return _statement(draw, "Allow", None, {"AWS": [f"arn:aws:iam::{each}:root" for each in ACCOUNTS[:2]]})
    if kind == 1:
        return _statement(draw, "Allow", {"StringEquals": {"aws:PrincipalOrgID": draw(st.sampled_from(ORGANIZATIONS))}})
    return _statement(draw, "Allow", None)


def _perimeter_deny(draw: Draw, condition: Condition) -> Policy:
    """A Deny of a perimeter; in other services' policies it has a Resource element."""
    found = _statement(draw, "Deny", condition, draw(st.sampled_from(["*", {"AWS": "*"}])), draw(_perimeter_actions))
    if _often(draw, 40):
        found["Resource"] = "*"
    return found


_perimeter_actions: Final = st.sampled_from(["ecr:*", "*"])


def _identity_deny(draw: Draw) -> Policy:
    tests: dict[str, Any] = {"aws:PrincipalOrgID": draw(st.sampled_from(ORGANIZATIONS))}
    if _often(draw, 50):
        tests["aws:PrincipalAccount"] = _few(draw, ACCOUNTS)
    if _often(draw, 50):
        tests["aws:ResourceTag/dp:exclude:identity"] = "true"
    operator = draw(st.sampled_from(["StringNotEqualsIfExists", "StringNotEquals"]))
    return _perimeter_deny(draw, {operator: tests, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})


def _deputy_deny(draw: Draw) -> Policy:
    tests = {"aws:SourceOrgID": draw(st.sampled_from(ORGANIZATIONS)), "aws:SourceAccount": _few(draw, ACCOUNTS)}
    return _perimeter_deny(
        draw,
        {
            "StringNotEqualsIfExists": tests,
            "Null": {"aws:SourceAccount": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "true"},
        },
    )


def _network_deny(draw: Draw) -> Policy:
    tests: dict[str, Any] = {}
    for key, pool in (
        ("aws:SourceVpc", _VPCS),
        ("aws:VpceAccount", ACCOUNTS),
        ("aws:VpceOrgID", ORGANIZATIONS),
        ("aws:PrincipalAccount", ACCOUNTS),
        ("aws:PrincipalTag/dp:exclude:network", ("true",)),
        ("aws:ResourceTag/dp:exclude:network", ("true",)),
    ):
        if _often(draw, 40):
            tests[key] = _few(draw, pool)
    condition: Condition = {
        "NotIpAddressIfExists": {"aws:SourceIp": _few(draw, _CIDRS, 4)},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
    }
    if tests:
        condition["StringNotEqualsIfExists"] = tests
    if _often(draw, 60):
        roles = [f"arn:aws:iam::{ACCOUNTS[0]}:role/aws-service-role/*", "arn:aws:iam::*:role/aws:ec2-infrastructure"]
        condition["ArnNotLikeIfExists"] = {"aws:PrincipalArn": _few(draw, tuple(roles))}
    if _often(draw, 40):
        condition["StringEquals"] = {"aws:PrincipalTag/dp:include:network": "true"}
    return _perimeter_deny(draw, condition)


@st.composite
def perimeters(draw: Draw) -> Policy:
    """A base with an identity perimeter, a network perimeter, or both."""
    statements = [_base_allow(draw)]
    kinds = draw(st.sampled_from([(_identity_deny,), (_network_deny,), (_identity_deny, _network_deny)]))
    statements += [make(draw) for make in kinds]
    if _often(draw, 40):
        statements.append(_deputy_deny(draw))
    return _policy(draw, statements)


def _names(draw: Draw, most: int) -> list[str]:
    """Ten or more names like `platform-deploy-3`."""
    count = draw(st.integers(10, most))
    first = draw(st.integers(0, 143))
    numbers = range(first, first + 7 * count, 7)
    return [f"{_TEAMS[each % 12]}-{_DUTIES[each // 12 % 12]}-{each}" for each in numbers]


_ROLE_FORMS: Final = (
    "arn:aws:iam::*:role/*{}*",
    "arn:aws:iam::*:role/{}",
    "arn:aws:iam::*:role/team/*-{}",
    "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{}_*",
    "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_{}_????????????????",
    f"arn:aws:iam::{ACCOUNTS[0]}:role/*{{}}*",
)


@st.composite
def name_lists(draw: Draw) -> Policy:
    """Ten to sixty names of roles or users, alone, with an organization, or behind a Deny but for one."""
    users = _often(draw, 25)
    names = _names(draw, 60)
    key, form = ("aws:username", "{}") if users else ("aws:PrincipalArn", draw(st.sampled_from(_ROLE_FORMS)))
    values = [form.replace("{}", name) for name in names]
    base = "StringLike" if users else draw(st.sampled_from(["ArnLike", "StringLike", "ArnEquals"]))
    allowed: Condition = {base: {key: values}}
    if _often(draw, 20):
        allowed["StringEquals"] = {"aws:PrincipalOrgID": draw(st.sampled_from(ORGANIZATIONS))}
    statements = [_statement(draw, "Allow", allowed)]
    if _often(draw, 30):
        statements = [_base_allow(draw), _statement(draw, "Deny", {_negation(base): {key: values}})]
    if _often(draw, 40):
        statements.append(_organization_deny(draw))
    return _policy(draw, statements)


@st.composite
def tag_policies(draw: Draw) -> Policy:
    """Access where tags of the caller and of the repository are equal."""
    tags = draw(st.lists(st.sampled_from(["team", "env", "project", "cost-center", "Team"]), min_size=1, max_size=3))
    own_first = draw(st.booleans())
    tests: dict[str, Any] = {}
    for tag in dict.fromkeys(tag.lower() for tag in tags):
        own, other = f"aws:PrincipalTag/{tag}", f"{draw(st.sampled_from(['aws', 'ecr']))}:ResourceTag/{tag}"
        key, variable = (own, other) if own_first else (other, own)
        default = ", 'none'" if _often(draw, 15) else ""
        tests[key] = draw(st.sampled_from(["${%s}", "${%s}", "${%s}-*", "shared-${%s}"])) % f"{variable}{default}"
    form = draw(st.integers(0, 2))
    operator = draw(st.sampled_from(["StringEquals", "StringLike", "StringEqualsIgnoreCase", "StringEqualsIfExists"]))
    if form == 0:
        statements = [_statement(draw, "Allow", {operator: tests})]
    else:
        statements = [_base_allow(draw), _statement(draw, "Deny", {_negation(operator): tests}, actions="ecr:*")]
    if form == 2:
        statements.append(_statement(draw, "Deny", {"Null": dict.fromkeys(tests, "true")}))
    if _often(draw, 30):
        statements.append(_organization_deny(draw))
    return _policy(draw, statements)


_RESOURCE_FORMS: Final = (
    ("aws:ResourceOrgID", "${aws:PrincipalOrgID}"),
    ("aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
    ("aws:ResourceAccount", "${aws:PrincipalAccount}"),
    ("aws:PrincipalAccount", "${aws:ResourceAccount}"),
    ("aws:VpceAccount", "${aws:ResourceAccount}"),
    ("aws:VpceOrgID", "${aws:ResourceOrgID}"),
    ("aws:ResourceOrgPaths", "${aws:PrincipalOrgID}/*"),
    ("aws:PrincipalOrgPaths", "${aws:ResourceOrgID}/*"),
    ("aws:PrincipalArn", "arn:aws:iam::${aws:ResourceAccount}:*"),
    ("aws:SourceAccount", "${aws:ResourceAccount}"),
    ("aws:SourceOrgID", "${aws:ResourceOrgID}"),
)


@st.composite
def resource_variables(draw: Draw) -> Policy:
    """The caller and the repository in one account or organization, by a policy variable, as Allow or as Deny."""
    key, value = draw(st.sampled_from(_RESOURCE_FORMS))
    operators = ["StringLike", "StringLikeIfExists"]
    if "*" not in value:
        operators += ["StringEquals", "StringEqualsIgnoreCase", "StringEqualsIfExists"]
    if key == "aws:PrincipalArn":
        operators = ["ArnLike", "StringLike", "ArnLikeIfExists"]
    operator = draw(st.sampled_from(operators))
    prefix = draw(st.sampled_from(["ForAnyValue:", "ForAllValues:"])) if "Paths" in key or _often(draw, 10) else ""
    if draw(st.booleans()):
        statements = [_statement(draw, "Allow", {prefix + operator: {key: value}})]
    else:
        condition: Condition = {prefix + _negation(operator): {key: value}}
        if _often(draw, 40):
            condition["BoolIfExists"] = {"aws:PrincipalIsAWSService": "false"}
        statements = [_base_allow(draw), _statement(draw, "Deny", condition, actions="ecr:*")]
    if _often(draw, 20):
        statements.append(_statement(draw, "Allow", None, {"AWS": f"arn:aws:iam::{ACCOUNTS[0]}:role/ci"}))
    return _policy(draw, statements)


_IDENTITY_FORMS: Final = (
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/${aws:username}"),
    ("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*/${aws:username}"),
    ("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/${aws:PrincipalTag/team}-*"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*-${aws:PrincipalTag/team}"),
    ("StringEquals", "aws:username", "${aws:PrincipalTag/user}"),
    ("StringLike", "aws:username", "${aws:ResourceTag/team}-*"),
    ("StringEquals", "aws:ResourceTag/owner", "${aws:username}"),
    ("StringEquals", "ecr:ResourceTag/owner", "${aws:userid}"),
    ("StringLike", "aws:userid", "*:${aws:PrincipalTag/email}"),
    ("StringLike", "aws:userid", "*:${aws:SourceIdentity}"),
    ("StringLike", "aws:userid", f"{ROLE_ID}:${{aws:PrincipalTag/email}}"),
    ("StringEquals", "aws:SourceIdentity", "${aws:PrincipalTag/email}"),
    ("StringLike", "aws:ResourceTag/owner", "${aws:PrincipalTag/department}/${aws:username}"),
    ("StringEquals", "aws:PrincipalTag/account", "${aws:PrincipalAccount}"),
    ("StringEquals", "aws:Ec2InstanceSourcePrivateIPv4", "${aws:VpcSourceIp}"),
    ("StringEquals", "aws:SourceVpc", "${aws:Ec2InstanceSourceVpc}"),
)


@st.composite
def identity_variables(draw: Draw) -> Policy:
    """User names, unique ids and tags of the caller as policy variables."""
    forms = draw(st.lists(st.sampled_from(_IDENTITY_FORMS), min_size=1, max_size=2, unique_by=lambda form: form[1]))
    condition: Condition = {}
    for operator, key, value in forms:
        condition.setdefault(operator, {})[key] = value
    if draw(st.booleans()):
        statements = [_statement(draw, "Allow", condition)]
    else:
        negated = {
            name.replace("String", "StringNot").replace("Arn", "ArnNot"): tests for name, tests in condition.items()
        }
        if _often(draw, 50):
            negated = {f"{name}IfExists": tests for name, tests in negated.items()}
        statements = [_base_allow(draw), _statement(draw, "Deny", negated)]
    if _often(draw, 30):
        statements.append(_organization_deny(draw))
    if _often(draw, 20):
        statements.append(_statement(draw, "Deny", {"StringNotLike": {"aws:userid": [f"{ROLE_ID}:*", USER_ID]}}))
    return _policy(draw, statements)


@st.composite
def service_policies(draw: Draw) -> Policy:
    """Access for a service beside accounts, with or without a fixed source, and with the usual Denies."""
    account = draw(st.sampled_from(ACCOUNTS))
    sources: list[Condition] = [
        {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:eu-central-1:{account}:function:*"}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:codebuild:*:{account}:project/*"}},
        {"StringEquals": {"aws:SourceAccount": account}},
        {"StringEquals": {"aws:SourceOrgID": draw(st.sampled_from(ORGANIZATIONS))}},
        {},
    ]
    service = draw(st.sampled_from(["lambda.amazonaws.com", "codebuild.amazonaws.com", "*"]))
    statements = [
        _statement(draw, "Allow", draw(st.sampled_from(sources)), {"Service": service}, _PULL),
        _statement(draw, "Allow", None, {"AWS": f"arn:aws:iam::{account}:root"}, _PULL),
    ]
    if _often(draw, 40):
        statements.append(_statement(draw, "Deny", {"Bool": {"aws:SecureTransport": "false"}}))
    if _often(draw, 30):
        statements.append(_statement(draw, "Deny", {"Bool": {"aws:ViaAWSMCPService": "true"}}, actions="*"))
    if _often(draw, 30):
        past = {"DateGreaterThan": {"aws:CurrentTime": NOW.date().isoformat()}}
        statements.append(_statement(draw, "Deny", past, actions=_PUSH))
    if _often(draw, 40):
        statements.append(_organization_deny(draw))
    return _policy(draw, statements)


FAMILIES: Final[dict[str, st.SearchStrategy[Policy]]] = {
    "perimeters": perimeters(),
    "lists of names": name_lists(),
    "tags": tag_policies(),
    "variables of the resource": resource_variables(),
    "variables of the caller": identity_variables(),
    "services": service_policies(),
}
