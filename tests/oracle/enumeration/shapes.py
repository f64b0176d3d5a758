"""The shapes of what identifies a caller, its organization, its endpoint and its resources."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tests.oracle.enumeration.tapes import (
    DIGITS,
    HEXADECIMAL,
    LABEL,
    NAME,
    ORGANIZATION,
    PATH,
    PRINTABLE,
    UNIQUE,
    CharClass,
    Tape,
)

PARTITIONS: Final = (
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
)

ACCOUNT: Final = "account"
ORGANIZATION_ID: Final = "organization"
UNIQUE_ID: Final = "unique id"
VPC: Final = "vpc"
ENDPOINT: Final = "vpc endpoint"
STORE_USER: Final = "identity store user"


@dataclass(frozen=True, slots=True)
class Shape:
    """A tape, the text on it that a key carries, and the texts on it that identify someone."""

    tape: Tape
    view: str
    identities: tuple[tuple[str, str], ...] = ()
    """Pairs of a text and what it identifies."""


def partition_of(region: str) -> str:
    """The partition that a region belongs to."""
    for prefix, partition in (
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ):
        if region.startswith(prefix):
            return partition
    return "aws"


@lru_cache
def account_tape() -> Tape:
    """An account is 12 digits."""
    return Tape().run(DIGITS, 12, 12, "account")


@lru_cache
def named_tape(partition: str, kind: str) -> Tape:
    """The ARN of a user or a role: maybe a path, of any visible characters, and a name.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    """
    tape = Tape().text(f"arn:{partition}:iam::", "arn")
    tape.run(DIGITS, 12, 12, "arn", "account").text(f":{kind}/", "arn")
    start = tape.end
    tape.run(PATH, 1, None, "arn").text("/", "arn").skip(start)
    return tape.run(NAME, 1, None, "arn", "name")


@lru_cache
def root_tape(partition: str) -> Tape:
    """The ARN of a root user, whose unique id is the account."""
    tape = Tape().text(f"arn:{partition}:iam::", "arn")
    return tape.run(DIGITS, 12, 12, "arn", "account", "userid").text(":root", "arn")


@lru_cache
def federated_tape(partition: str) -> Tape:
    """The ARN of a federated user, whose unique id is account and name."""
    tape = Tape().text(f"arn:{partition}:sts::", "arn")
    tape.run(DIGITS, 12, 12, "arn", "account", "userid").text(":", "userid")
    return tape.text(":federated-user/", "arn").run(NAME, 1, None, "arn", "name", "userid")


@lru_cache
def user_id_tape() -> Tape:
    """The unique id of a user: 16 to 32 characters."""
    return Tape().text("AIDA", "userid", "unique").run(UNIQUE, 12, 28, "userid", "unique")


@lru_cache
def session_id_tape() -> Tape:
    """The unique id of a role and the name of the session."""
    tape = Tape().text("AROA", "userid", "unique").run(UNIQUE, 12, 28, "userid", "unique")
    return tape.text(":", "userid").run(NAME, 1, None, "userid", "session")


@lru_cache
def organization_tape() -> Tape:
    """An organization id and the path that begins with it."""
    tape = Tape().text("o-", "id", "path").run(ORGANIZATION, 10, 32, "id", "path")
    tape.text("/r-", "path").run(ORGANIZATION, 4, 32, "path").text("/", "path")
    units = tape.end
    tape.text("ou-", "path").run(ORGANIZATION, 4, 32, "path")
    tape.text("-", "path").run(ORGANIZATION, 8, 32, "path")
    return tape.back(units, "/", "path", leave=units)


@lru_cache
def hexadecimal_tape(prefix: str) -> Tape:
    """The id of a VPC or of an endpoint."""
    return Tape().text(prefix, "text").run(HEXADECIMAL, 1, None, "text")


@lru_cache
def vpc_arn_tape(partition: str) -> Tape:
    """The ARN of a VPC: an account and a VPC id."""
    tape = Tape().text(f"arn:{partition}:ec2:", "text").run(LABEL, 1, None, "text")
    tape.text(":", "text").run(DIGITS, 12, 12, "text", "account").text(":vpc/", "text")
    return tape.text("vpc-", "text", "vpc").run(HEXADECIMAL, 1, None, "text", "vpc")


@lru_cache
def own_arn_tape(partition: str) -> Tape:
    """The ARN of any resource in an account."""
    tape = Tape().text(f"arn:{partition}:", "text").run(LABEL, 1, None, "text").text(":", "text")
    tape.run(LABEL, 0, None, "text").text(":", "text")
    tape.run(DIGITS, 12, 12, "text", "account").text(":", "text")
    return tape.run(PRINTABLE, 1, None, "text")


@lru_cache
def printable_tape() -> Tape:
    """Any printable text."""
    return Tape().run(PRINTABLE, 0, None, "text")


@lru_cache
def region_tape() -> Tape:
    """The name of a region."""
    return Tape().run(LABEL, 1, None, "text")


@lru_cache
def number_tape() -> Tape:
    """A whole number without leading zeros."""
    return Tape().once(CharClass("123456789"), "text").run(DIGITS, 0, None, "text")


@lru_cache
def quad_tape() -> Tape:
    """An IPv4 address: four numbers up to 255 without leading zeros."""
    nonzero, tape = CharClass("123456789"), Tape()
    forms = (
        (DIGITS,),
        (nonzero, DIGITS),
        (CharClass("1"), DIGITS, DIGITS),
        (CharClass("2"), CharClass("01234"), DIGITS),
        (CharClass("2"), CharClass("5"), CharClass("012345")),
    )
    for place in range(4):
        tape.text("." if place else "", "text").branch(forms, "text")
    return tape


_ACCOUNT_ON_ARN: Final = (("account", ACCOUNT),)


@lru_cache(maxsize=1024)
def shapes(key: str, partition: str) -> tuple[Shape, ...]:
    """The shapes of an identity key; a key without a shape of its own is free text."""
    named = tuple(named_tape(partition, kind) for kind in ("role", "user"))
    root, federated = root_tape(partition), federated_tape(partition)
    organization = organization_tape()
    printable = Shape(printable_tape(), "text")
    table: dict[str, tuple[Shape, ...]] = {
        "aws:principalarn": tuple(Shape(tape, "arn", _ACCOUNT_ON_ARN) for tape in (*named, federated, root)),
        "aws:principalaccount": (Shape(account_tape(), "account", _ACCOUNT_ON_ARN),),
        "aws:vpceaccount": (Shape(account_tape(), "account", _ACCOUNT_ON_ARN),),
        "aws:resourceaccount": (Shape(account_tape(), "account", _ACCOUNT_ON_ARN),),
        "aws:userid": (
            Shape(user_id_tape(), "userid", (("unique", UNIQUE_ID),)),
            Shape(session_id_tape(), "userid", (("unique", UNIQUE_ID),)),
            Shape(federated, "userid", _ACCOUNT_ON_ARN),
            Shape(root, "userid", _ACCOUNT_ON_ARN),
        ),
        "aws:username": (Shape(named[1], "name"),),
        "aws:principalorgid": (Shape(organization, "id", (("id", ORGANIZATION_ID),)),),
        "aws:vpceorgid": (Shape(organization, "id", (("id", ORGANIZATION_ID),)),),
        "aws:principalorgpaths": (Shape(organization, "path", (("id", ORGANIZATION_ID),)),),
        "aws:vpceorgpaths": (Shape(organization, "path", (("id", ORGANIZATION_ID),)),),
        "aws:sourcevpc": (Shape(hexadecimal_tape("vpc-"), "text", (("text", VPC),)),),
        "aws:ec2instancesourcevpc": (Shape(hexadecimal_tape("vpc-"), "text", (("text", VPC),)),),
        "aws:sourcevpce": (Shape(hexadecimal_tape("vpce-"), "text", (("text", ENDPOINT),)),),
        "aws:sourcevpcarn": (Shape(vpc_arn_tape(partition), "text", (("account", ACCOUNT), ("vpc", VPC))),),
        "identitystore:userid": (Shape(printable_tape(), "text", (("text", STORE_USER),)),),
        "aws:requestedregion": (Shape(region_tape(), "text"),),
    }
    return table.get(key, (printable,))
