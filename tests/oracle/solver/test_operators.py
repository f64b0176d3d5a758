"""The operators: absent keys, set operators, matching, variables and doubts, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.solver.cases import FRIEND, ORG, all_of, allow, deny, policy, reachable, when

P_ORG, P_PATHS, P_ACCOUNT, P_ARN = (
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
)
NEVER, TAG, IP = "aws:SourceArn", "aws:PrincipalTag/a", "aws:SourceIp"

# The key is never there: what an Allow with this operator on it says.
ABSENT: list[tuple[str, Any, str]] = [
    ("StringEquals", "x", "closed"),
    ("StringLike", "*", "closed"),
    ("StringEqualsIgnoreCase", "x", "closed"),
    ("ArnLike", "arn:*:*:*:*:*", "closed"),
    ("ArnEquals", "arn:*:*:*:*:*", "closed"),
    ("IpAddress", "0.0.0.0/0", "closed"),
    ("Bool", "true", "closed"),
    ("NumericEquals", "1", "closed"),
    ("NumericLessThan", "1", "closed"),
    ("DateGreaterThan", "2020-01-01", "closed"),
    ("BinaryEquals", "QQ==", "closed"),
    ("StringNotEquals", "x", "open"),
    ("StringNotLike", "*", "open"),
    ("StringNotEqualsIgnoreCase", "x", "open"),
    ("ArnNotLike", "*", "open"),
    ("ArnNotEquals", "*", "open"),
    ("NotIpAddress", "0.0.0.0/0", "open"),
    ("NumericNotEquals", "1", "open"),
    ("DateNotEquals", "2020-01-01", "open"),
    ("StringEqualsIfExists", "x", "open"),
    ("BoolIfExists", "true", "open"),
    ("ForAllValues:StringEqualsIfExists", "x", "open"),
    ("ForAllValues:StringEquals", "x", "open"),
    ("ForAllValues:StringNotEquals", "x", "open"),
    ("ForAnyValue:StringEquals", "x", "closed"),
    ("ForAnyValue:StringNotEquals", "x", "closed"),
    ("ForAnyValue:StringEqualsIfExists", "x", "open"),
    ("Null", "true", "open"),
    ("Null", "false", "closed"),
    ("Null", ["true", "false"], "open"),
]


@pytest.mark.parametrize(("operator", "value", "expected"), ABSENT)
def test_absent_key_in_an_allow(operator: str, value: Any, expected: str) -> None:
    """Positive operators are false on an absent key; negated, IfExists and ForAllValues are true."""
    assert reachable(policy(allow(when(operator, NEVER, value)))) == expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [row for row in ABSENT if row[0] != "ForAnyValue:StringEqualsIfExists"],
)
def test_absent_key_in_a_deny(operator: str, value: Any, expected: str) -> None:
    """A Deny that is true on the absent key denies everyone, and the other way round."""
    other = "closed" if expected == "open" else "open"
    assert reachable(policy(allow(), deny(when(operator, NEVER, value)))) == other


def test_doubtful_absence_in_a_deny() -> None:
    """What ForAnyValue with IfExists says of an absent key is a doubt: no Deny."""
    assert reachable(policy(allow(), deny(when("ForAnyValue:StringEqualsIfExists", NEVER, "x")))) == "open"


CASES: list[tuple[str, list[dict[str, Any]], str]] = [
    # doubts: true in an Allow, false in a Deny
    ("plain on many, allow", [allow(when("StringLike", P_PATHS, f"{ORG}/*"))], "open"),
    ("plain on many, deny", [allow(), deny(when("StringNotLike", P_PATHS, f"{ORG}/*"))], "open"),
    ("plain on many, absent", [allow(all_of(when("StringLike", P_PATHS, "x"), when("Null", P_ORG, "true")))], "closed"),
    ("empty list, allow", [allow(when("StringEquals", P_ACCOUNT, []))], "open"),
    ("empty list, deny", [allow(), deny(when("StringNotEquals", P_ACCOUNT, []))], "open"),
    ("empty list, never there", [allow(when("StringEquals", NEVER, []))], "closed"),
    ("wrong type, allow", [allow(when("IpAddress", P_ARN, "10.0.0.0/8"))], "open"),
    ("wrong type, deny", [allow(), deny(when("NotIpAddress", P_ARN, "10.0.0.0/8"))], "open"),
    ("wrong type, Arn on account", [allow(when("ArnEquals", P_ACCOUNT, FRIEND))], "open"),
    ("wrong type, Numeric on account", [allow(), deny(when("NumericNotEquals", P_ACCOUNT, "1"))], "open"),
    ("wrong type, Bool on tag", [allow(), deny(when("Bool", TAG, "true")), deny(when("Null", TAG, "true"))], "open"),
    ("wrong type, Date on account", [allow(when("DateLessThan", P_ACCOUNT, "2020-01-01"))], "open"),
    ("short ARN, other account", [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{FRIEND}"))], "closed"),
    ("short ARN, allow", [allow(when("ArnLike", P_ARN, "arn:aws:iam"))], "open"),
    ("short ARN, deny", [allow(), deny(when("ArnLike", P_ARN, "arn:aws:*"))], "open"),
    ("short ARN, negated allow", [allow(when("ArnNotLike", P_ARN, "arn:aws:*"))], "open"),
    ("short ARN, negated deny", [allow(), deny(when("ArnNotLike", P_ARN, "arn:aws:s3"))], "closed"),
    ("unknown variable, allow", [allow(when("StringEquals", P_ORG, "${custom:X}"))], "open"),
    ("unknown variable, deny", [allow(), deny(when("StringNotEquals", P_ACCOUNT, "${custom:X}"))], "open"),
    ("multivalued variable", [allow(when("StringEquals", P_ACCOUNT, "${aws:TagKeys}"))], "open"),
    (
        "a certain value beside a doubtful one",
        [allow(), deny(when("StringEquals", P_ACCOUNT, [FRIEND, "${custom:X}"]))],
        "open",
    ),
    # matching
    ("ArnEquals takes wildcards", [allow(when("ArnEquals", P_ARN, "arn:aws:iam::*:role/x"))], "open"),
    ("a star does not cross a colon", [allow(when("ArnLike", P_ARN, "arn:*:role/x:a:b:c"))], "closed"),
    ("a star in the service field", [allow(when("ArnLike", P_ARN, "arn:aws:*::*:federated-user/x"))], "open"),
    (
        "the last field takes the rest",
        [allow(when("ArnLike", "codebuild:BuildArn", "arn:aws:codebuild:*:*:build/x:?"))],
        "open",
    ),
    ("a role session has its role's ARN", [allow(when("ArnLike", P_ARN, "arn:aws:sts::*:assumed-role/*"))], "closed"),
    ("StringLike crosses everything", [allow(when("StringLike", P_ARN, f"*{FRIEND}*"))], "open"),
    ("StringLike cannot cross into an account", [allow(when("StringLike", P_ARN, f"*:{FRIEND}:root"))], "closed"),
    ("any partition", [allow(when("ArnLike", P_ARN, f"arn:*:iam::{FRIEND}:role/x"))], "closed"),
    ("a path holds colons", [allow(when("StringLike", P_ARN, f"arn:*:iam::{FRIEND}:role/x"))], "open"),
    ("a name holds no colons", [allow(when("StringLike", P_ARN, f"arn:*:iam::{FRIEND}:x"))], "closed"),
    ("case matters", [allow(when("StringEquals", "aws:PrincipalType", "user"))], "closed"),
    ("case is ignored", [allow(when("StringEqualsIgnoreCase", "aws:PrincipalType", "USER"))], "open"),
    ("case is ignored, organization named", [allow(when("StringEqualsIgnoreCase", P_ORG, ORG.upper()))], "closed"),
    ("any of several values", [allow(when("StringEquals", "aws:PrincipalType", ["x", "User"]))], "open"),
    (
        "none of several values",
        [allow(when("StringNotEquals", "aws:PrincipalType", ["User", "Account", "AssumedRole", "FederatedUser"]))],
        "closed",
    ),
    ("Bool in any case", [allow(when("Bool", "aws:SecureTransport", "TRUE"))], "open"),
    ("Bool as JSON", [allow(when("Bool", "aws:SecureTransport", False))], "closed"),
    ("Bool key as text", [allow(when("StringEquals", "aws:SecureTransport", "True"))], "closed"),
    ("Bool key as exact text", [allow(when("StringLike", "aws:SecureTransport", "tr*"))], "open"),
    ("operators in any case", [allow(when("foranyvalue:STRINGLIKE", P_PATHS, f"{ORG}/*"))], "closed"),
    ("keys in any case", [allow(when("StringEquals", "AWS:principalORGid", ORG))], "closed"),
    ("an address without a mask", [allow(), deny(when("NotIpAddress", IP, "203.0.113.9"))], "closed"),
    ("host bits do not count", [allow(when("IpAddress", IP, "203.0.113.9/0"))], "open"),
    ("address as text", [allow(when("StringLike", IP, "203.0.113.*"))], "open"),
    ("private address as text", [allow(when("StringLike", IP, "10.*"))], "closed"),
    ("IPv6 as text", [allow(when("StringEquals", IP, "2001:db8::1"))], "open"),
    ("IPv6 not in its canonical text", [allow(when("StringEquals", IP, "2001:0db8::1"))], "closed"),
    (
        "an address of an Allow and a network of another Deny",
        [allow(when("StringEquals", IP, "203.0.113.9")), deny(when("IpAddress", IP, "203.0.113.0/24"))],
        "closed",
    ),
    (
        "numbers",
        [
            allow(
                {
                    "NumericGreaterThan": {"aws:MultiFactorAuthAge": 4.5},
                    "NumericLessThan": {"aws:MultiFactorAuthAge": "5"},
                }
            )
        ],
        "closed",
    ),
    (
        "numbers that meet",
        [
            allow(
                {
                    "NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": 5},
                    "NumericLessThanEquals": {"aws:MultiFactorAuthAge": "5.0"},
                }
            )
        ],
        "open",
    ),
    ("no negative age", [allow(when("NumericLessThan", "aws:MultiFactorAuthAge", 0))], "closed"),
    ("several values of one key", [allow({"StringLike": {TAG: "a*"}, "StringNotEquals": {TAG: ["ab", "ac"]}})], "open"),
    ("contradiction on one value", [allow({"StringEquals": {TAG: "a"}, "StringNotEquals": {TAG: "a"}})], "closed"),
    # set operators
    (
        "ForAnyValue and ForAllValues apart",
        [
            allow(
                {
                    "ForAnyValue:StringEquals": {"aws:CalledVia": "a"},
                    "ForAllValues:StringEquals": {"aws:CalledVia": "b"},
                }
            )
        ],
        "closed",
    ),
    (
        "two ForAnyValue need two values",
        [
            allow(
                {"ForAnyValue:StringEquals": {"aws:CalledVia": "a"}, "ForAnyValue:StringLike": {"aws:CalledVia": "b*"}}
            )
        ],
        "open",
    ),
    ("negated ForAnyValue", [allow({"ForAnyValue:StringNotEquals": {P_PATHS: "x"}})], "open"),
    (
        "one path only",
        [
            allow(
                {
                    "ForAnyValue:StringLike": {P_PATHS: "o-*/r-aaaa/"},
                    "ForAnyValue:StringEqualsIgnoreCase": {P_PATHS: "o-bbbbbbbbbb/r-bbbb/"},
                }
            )
        ],
        "closed",
    ),
    ("ForAllValues on a single value", [allow(when("ForAllValues:StringNotEquals", P_ACCOUNT, FRIEND))], "open"),
    ("ForAllValues denies the absent", [allow(), deny(when("ForAllValues:StringEquals", P_ORG, ORG))], "open"),
    (
        "ForAllValues denies everyone without",
        [allow(when("Null", P_ORG, "true")), deny(when("ForAllValues:StringEquals", P_ORG, ORG))],
        "closed",
    ),
    # variables
    ("tag equal to tag", [allow(when("StringEquals", TAG, "${ecr:ResourceTag/a}"))], "open"),
    ("user name in the ARN", [allow(when("StringLike", P_ARN, "arn:aws:iam::*:user/${aws:username}"))], "open"),
    (
        "user name in an ARN of one account",
        [allow(when("ArnLike", P_ARN, f"arn:aws:iam::{FRIEND}:user/${{aws:username}}"))],
        "closed",
    ),
    ("variable without a value, positive", [allow(when("StringEquals", P_ACCOUNT, "${aws:SourceAccount}"))], "closed"),
    (
        "variable without a value, negated",
        [allow(), deny(when("StringNotEquals", P_ACCOUNT, "${aws:SourceAccount}"))],
        "closed",
    ),
    (
        "default of a variable is not named",
        [allow(when("StringEquals", P_ACCOUNT, f"${{aws:SourceAccount, '{FRIEND}'}}"))],
        "open",
    ),
    (
        "default only where the key is absent",
        [allow(when("StringEquals", "aws:PrincipalType", "${aws:PrincipalAccount, 'User'}"))],
        "closed",
    ),
    ("escaped star", [allow(when("StringLike", P_ORG, "${*}"))], "closed"),
    ("escaped dollar", [allow(when("StringEquals", TAG, "${$}x"))], "open"),
    ("Bool takes variables", [allow(when("Bool", "aws:SecureTransport", "${aws:ViaAWSService}"))], "open"),
    (
        "Bool variable that is never true",
        [allow(when("Bool", "aws:SecureTransport", "${aws:PrincipalIsAWSService}"))],
        "closed",
    ),
    (
        "ARN of the resource account",
        [allow(when("ArnLike", P_ARN, "arn:aws:iam::${aws:ResourceAccount}:role/*"))],
        "closed",
    ),
    (
        "one tag cannot differ from itself",
        [
            allow(
                {
                    "StringEquals": {"aws:ResourceTag/r": f"${{{TAG}}}", TAG: "b"},
                    "StringNotLike": {"aws:ResourceTag/r": "b*"},
                }
            )
        ],
        "closed",
    ),
    ("free tag with a wildcard", [allow(when("StringLike", "aws:userid", "${aws:PrincipalTag/id}:*"))], "open"),
    (
        "free tag in a negated deny",
        [allow(), deny(when("StringNotLike", "aws:userid", "*:${aws:PrincipalTag/id}"))],
        "open",
    ),
]


@pytest.mark.parametrize(("statements", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CASES])
def test_operators(statements: list[dict[str, Any]], expected: str) -> None:
    """Operators match as the definition says; a doubt opens."""
    assert reachable(policy(*statements)) == expected


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_no_variables_without_the_new_version(version: str | None) -> None:
    """Without version 2012-10-17 `${…}` is text, and no account is spelled like that."""
    tautology = when("StringEquals", P_ACCOUNT, "${aws:PrincipalAccount}")
    assert reachable(policy(allow(tautology), version=version)) == "closed"
    assert reachable(policy(allow(when("StringEquals", TAG, "${aws:username}")), version=version)) == "open"
