"""The shapes of what identifies a caller, as rows of pieces for the search.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
"""

import string
from collections.abc import Mapping
from typing import Final

from ecr_exposure.policy.condition_keys import Content
from ecr_exposure.search.strings import Budget, CharClass, Literal, NotIn, OneOf, Repeat, Shape, spell


def _class(samples: str) -> CharClass:
    return CharClass(frozenset(samples).__contains__, samples)


_DIGIT: Final = _class("9876543210")
_LOWER: Final = _class("zyxwvutsrqponmlkjihgfedcba9876543210")
_HEX: Final = _class("fedcba9876543210")
_ID: Final = _class("ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210")
_NAME: Final = CharClass(
    lambda c: c == "_" or c in "+=,.@-" or (c.isascii() and c.isalnum()),
    "xyz" + string.ascii_letters + "0123456789_+=,.@-",
)
# The path of a user or role takes every visible ASCII character, colons too, so a pattern that crosses
# colons can be met by a path: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_PATH: Final = CharClass(lambda c: "!" <= c <= "~", _NAME.samples + "/:")
_REGION: Final = _class("-" + string.ascii_lowercase + string.digits)
_PRINTABLE: Final = CharClass(
    lambda c: c.isprintable(), "xyz" + string.ascii_letters + string.digits + " -_.:/=+@,;!#%&'()<>[]^`{|}~\"\\$*?"
)

PARTITIONS: Final = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_PARTITION_OF: Final = (
    ("cn-", ("aws-cn",)),
    ("us-gov-", ("aws-us-gov",)),
    ("eusc-", ("aws-eusc",)),
    ("us-iso-", ("aws-iso",)),
    ("us-isob-", ("aws-iso-b",)),
    ("eu-isoe-", ("aws-iso-e",)),
    ("us-isof-", ("aws-iso-f",)),
)


def partitions_of(region: str | None) -> tuple[str, ...]:
    """Return the partitions that a repository of the region can be in."""
    if region is None:
        return PARTITIONS
    return next((found for prefix, found in _PARTITION_OF if region.startswith(prefix)), ("aws",))


def _repeat(characters: CharClass, least: int, most: int | None, *tapes: str) -> Repeat:
    return Repeat(characters, least, most, tapes or ("value",))


def _literal(text: str, *tapes: str) -> Literal:
    return Literal(dict.fromkeys(tapes or ("value",), text))


def _arn(partition: str) -> tuple[Shape, ...]:
    head = (_literal(f"arn:{partition}:"), _repeat(_REGION, 1, None), _literal(":"), _repeat(_REGION, 0, None))
    return (
        (
            *head,
            _literal(":"),
            _repeat(_DIGIT, 12, 12, "value", "account"),
            _literal(":"),
            _repeat(_PRINTABLE, 1, None),
        ),
    )


_ORGANIZATION: Final = (_literal("o-", "value", "organization"), _repeat(_LOWER, 10, 32, "value", "organization"))
_ROOT: Final = (_literal("/r-"), _repeat(_LOWER, 4, 32), _literal("/"))
_UNIT: Final = (_literal("ou-"), _repeat(_LOWER, 4, 32), _literal("-"), _repeat(_LOWER, 8, 32), _literal("/"))
_MOST_UNITS: Final = 5  # https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_PATHS: Final = tuple((*_ORGANIZATION, *_ROOT, *(_UNIT * depth)) for depth in range(_MOST_UNITS + 1))
TEXT: Final = ((_repeat(_PRINTABLE, 0, None),),)

_FIXED: Final[Mapping[Content, tuple[Shape, ...]]] = {
    Content.PRINCIPAL_ACCOUNT: ((_repeat(_DIGIT, 12, 12, "value", "account"),),),
    Content.ACCOUNT: ((_repeat(_DIGIT, 12, 12, "value", "account"),),),
    Content.OWNER_ACCOUNT: ((_repeat(_DIGIT, 12, 12, "value", "account"),),),
    Content.ORGANIZATION_ID: (_ORGANIZATION,),
    Content.OWNER_ORGANIZATION_ID: (_ORGANIZATION,),
    Content.ORGANIZATION_PATH: _PATHS,
    Content.OWNER_ORGANIZATION_PATH: _PATHS,
    Content.VPC: ((_literal("vpc-", "value", "network"), _repeat(_HEX, 1, None, "value", "network")),),
    Content.ENDPOINT: ((_literal("vpce-", "value", "network"), _repeat(_HEX, 1, None, "value", "network")),),
    Content.OWN_ID: ((_repeat(_PRINTABLE, 1, None, "value", "own id"),),),
    Content.REGION: ((_repeat(_REGION, 5, 20),),),
    Content.TEXT: TEXT,
    Content.RESOURCE_TAG: TEXT,
    Content.UNKNOWN: TEXT,
}


def shapes_of(content: Content, partitions: tuple[str, ...]) -> tuple[Shape, ...]:
    """Return the shapes of a key's values; the value is on the tape "value", what identifies on its own."""
    if content in _FIXED:
        return _FIXED[content]
    if content is Content.VPC_ARN:
        return tuple(shape for partition in partitions for shape in _vpc_arn(partition))
    return tuple(shape for partition in partitions for shape in _arn(partition))


def _vpc_arn(partition: str) -> tuple[Shape, ...]:
    vpc = (_literal("vpc-", "value", "network"), _repeat(_HEX, 1, None, "value", "network"))
    head = (_literal(f"arn:{partition}:ec2:"), _repeat(_REGION, 5, None), _literal(":"))
    return ((*head, _repeat(_DIGIT, 12, 12, "value", "account"), _literal(":vpc/"), *vpc),)


ADDRESSES_OF_IPV6: Final[tuple[Shape, ...]] = (
    (_repeat(_class("abcdef0123456789:"), 0, None), _literal(":"), _repeat(_class("abcdef0123456789:."), 0, None)),
)
"""All that the text of an address of IPv6 can be, and more."""

CALLER_TYPES: Final = ("AssumedRole", "User", "FederatedUser", "Account")
"""The values of aws:PrincipalType, the likeliest caller first."""


def usual_caller(kind: str, partition: str, account: str) -> dict[str, str]:
    """Return the plainest caller of a type, on the tapes of caller_shapes."""
    arn, session = f"arn:{partition}:iam::{account}", f"arn:{partition}:sts::{account}"
    known = {"aws:principalaccount": account}
    if kind == "Account":
        return known | {"aws:principalarn": f"{arn}:root", "principal": f"{arn}:root", "aws:userid": account}
    if kind == "FederatedUser":
        name = f"{session}:federated-user/x"
        return known | {"aws:principalarn": name, "principal": name, "aws:userid": f"{account}:x"}
    if kind == "User":
        name = f"{arn}:user/x"
        unique = {"aws:userid": "AIDAZZZZZZZZZZZZZZZZZ", "aws:username": "x"}
        return known | {"aws:principalarn": name, "principal": name} | unique
    names = {"aws:principalarn": f"{arn}:role/x", "principal": f"{session}:assumed-role/x/x"}
    return known | names | {"aws:userid": "AROAZZZZZZZZZZZZZZZZZ:x"}


def caller_shapes(kind: str, partition: str) -> tuple[Shape, ...]:
    """Return the shapes of a caller; one text for each of the tapes on which he is known.

    principal: the ARN that calls; aws:principalarn, aws:principalaccount, aws:userid, aws:username: the
    keys; account, id: what identifies him.
    """
    head = _literal(f"arn:{partition}:iam::", "aws:principalarn", "principal")
    account_tapes = ("aws:principalarn", "principal", "aws:principalaccount", "account")
    if kind == "Account":
        account = _repeat(_DIGIT, 12, 12, *account_tapes, "aws:userid")
        return ((head, account, _literal(":root", "aws:principalarn", "principal")),)
    if kind == "FederatedUser":
        head = _literal(f"arn:{partition}:sts::", "aws:principalarn", "principal")
        joint = Literal({"aws:principalarn": ":federated-user/", "principal": ":federated-user/", "aws:userid": ":"})
        account = _repeat(_DIGIT, 12, 12, *account_tapes, "aws:userid")
        return ((head, account, joint, _repeat(_NAME, 1, None, "aws:principalarn", "principal", "aws:userid")),)
    account = _repeat(_DIGIT, 12, 12, *account_tapes)
    plain, nested = ((), (_repeat(_PATH, 1, None, *_path_tapes(kind)), _literal("/", *_path_tapes(kind))))
    return tuple(
        _user(head, account, path) if kind == "User" else _role(partition, account, path) for path in (plain, nested)
    )


def _path_tapes(kind: str) -> tuple[str, ...]:
    return ("aws:principalarn", "principal") if kind == "User" else ("aws:principalarn",)


def _user(head: Literal, account: Repeat, path: Shape) -> Shape:
    name = _repeat(_NAME, 1, None, "aws:principalarn", "principal", "aws:username")
    unique = (_literal("AIDA", "aws:userid", "id"), _repeat(_ID, 12, 28, "aws:userid", "id"))
    return (head, account, _literal(":user/", "aws:principalarn", "principal"), *path, name, *unique)


def _role(partition: str, account: Repeat, path: Shape) -> Shape:
    # A role session carries its role's ARN; the session's own ARN has no path.
    head = Literal({"aws:principalarn": f"arn:{partition}:iam::", "principal": f"arn:{partition}:sts::"})
    joint = Literal({"aws:principalarn": ":role/", "principal": ":assumed-role/"})
    name = _repeat(_NAME, 1, None, "aws:principalarn", "principal")
    unique = (_literal("AROA", "aws:userid", "id"), _repeat(_ID, 12, 28, "aws:userid", "id"))
    session = (Literal({"aws:userid": ":", "principal": "/"}), _repeat(_NAME, 1, None, "aws:userid", "principal"))
    return (head, account, joint, *path, name, *unique, *session)


def pins(content: Content, text: str, candidate: str, budget: Budget) -> bool:
    """Tell whether a pattern with wildcards fits values that hold the candidate, and no others."""
    if content is Content.PRINCIPAL_ARN:
        shapes = [shape for kind in CALLER_TYPES for part in PARTITIONS for shape in caller_shapes(kind, part)]
        value = "aws:principalarn"
    else:
        shapes, value = list(shapes_of(content, PARTITIONS)), "value"
    kind = "organization" if content is Content.ORGANIZATION_PATH else "account"
    wanted = OneOf(value, [text], member=True)
    others = NotIn(kind, frozenset({candidate}))
    return all(spell(shape, [wanted, others], budget) is None for shape in shapes)
