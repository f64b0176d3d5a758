"""The evaluator of one request: results that the IAM documentation gives.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from typing import Any

import pytest

from ecr_exposure import PolicyError, Request, is_allowed

ROLE = "arn:aws:iam::444455556666:role/eng/ci"
SESSION = "arn:aws:sts::444455556666:assumed-role/ci/build"
CONTEXT: dict[str, str | tuple[str, ...]] = {
    "aws:principalarn": ROLE,
    "aws:principalaccount": "444455556666",
    "aws:principalorgid": "o-abcde12345",
    "aws:principalorgpaths": ("o-abcde12345/r-ab12/ou-ab12-11111111/",),
    "aws:sourceip": "203.0.113.7",
    "aws:currenttime": "2026-11-24T12:00:00Z",
    "aws:epochtime": "1795521600",
    "aws:multifactorauthage": "300",
    "aws:multifactorauthpresent": "true",
    "aws:principaltag/team": "Blue",
    "aws:principaltag/odd": "a*b",
    "aws:principaltag/k": "k",
    "aws:calledvia": ("athena.amazonaws.com", "glue.amazonaws.com"),
}
REQUEST = Request(principal=SESSION, action="ecr:BatchGetImage", context=CONTEXT)


def allowed(
    statement: dict[str, Any], *more: dict[str, Any], version: str = "2012-10-17", request: Request = REQUEST
) -> bool:
    """Ask for an Allow for everyone with these elements, and further statements."""
    base = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    first = {key: value for key, value in (base | statement).items() if value is not None}
    return is_allowed({"Version": version, "Statement": [first, *more]}, request)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "aws:PrincipalTag/team", "Blue", True),
        ("StringEquals", "aws:PrincipalTag/team", "blue", False),
        ("StringEquals", "aws:PrincipalTag/team", ["Red", "Blue"], True),
        ("StringEquals", "aws:PrincipalTag/team", "B*", False),
        ("StringNotEquals", "aws:PrincipalTag/team", ["Red", "Blue"], False),
        ("StringNotEquals", "aws:PrincipalTag/none", "Blue", True),
        ("StringEquals", "aws:PrincipalTag/none", "Blue", False),
        ("StringEqualsIfExists", "aws:PrincipalTag/none", "Blue", True),
        ("StringEqualsIgnoreCase", "aws:PrincipalTag/team", "BLUE", True),
        ("StringNotEqualsIgnoreCase", "aws:PrincipalTag/team", "BLUE", False),
        ("StringEqualsIgnoreCase", "aws:PrincipalTag/k", "K", True),
        ("StringEqualsIgnoreCase", "aws:PrincipalTag/k", "\u212a", False),
        ("StringEquals", "aws:PrincipalTag/\u212a", "k", False),
        ("StringLike", "aws:PrincipalTag/team", "B?u*", True),
        ("StringNotLike", "aws:PrincipalTag/team", "B?u*", False),
        ("StringEquals", "aws:PrincipalTag/odd", "a*b", True),
        ("StringLike", "aws:PrincipalTag/odd", "a${*}b", True),
        ("StringLike", "aws:PrincipalTag/team", "B${*}e", False),
        ("StringLike", "aws:PrincipalArn", "arn:*:role/eng/*", True),
        ("ArnLike", "aws:PrincipalArn", "arn:*:role/eng/*", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/eng/*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/eng/*", True),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::4444*:role/eng/ci", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::444455556666*", None),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::999988887777*", False),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
        ("IpAddress", "aws:SourceIp", "203.0.113.7", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "203.0.113.0/24"], False),
        ("IpAddress", "aws:VpcSourceIp", "0.0.0.0/0", False),
        ("Bool", "aws:MultiFactorAuthPresent", "True", True),
        ("Bool", "aws:MultiFactorAuthPresent", False, False),
        ("BoolIfExists", "aws:ViaAWSService", "true", True),
        ("Null", "aws:SourceVpc", "true", True),
        ("Null", "aws:SourceVpc", "false", False),
        ("Null", "aws:SourceIp", ["true", "false"], True),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "300", False),
        ("NumericLessThanEquals", "aws:MultiFactorAuthAge", 300, True),
        ("NumericEquals", "aws:MultiFactorAuthAge", "300.0", True),
        ("NumericNotEquals", "aws:MultiFactorAuthAge", "3e2", False),
        ("NumericGreaterThan", "aws:EpochTime", "1795521599", True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-24T13:00:00+01:00", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2026-11-24T13:00:00+01:00", True),
        ("DateGreaterThan", "aws:EpochTime", "2026-11-24", True),
        ("DateEquals", "aws:CurrentTime", "1795521600", True),
        ("DateNotEquals", "aws:CurrentTime", "1795521600", False),
        ("BinaryEquals", "example:hash", "QUJD", False),
        ("ForAnyValue:StringEquals", "aws:CalledVia", "glue.amazonaws.com", True),
        ("ForAnyValue:StringNotEquals", "aws:CalledVia", "glue.amazonaws.com", True),
        ("ForAllValues:StringEquals", "aws:CalledVia", "glue.amazonaws.com", False),
        ("ForAllValues:StringLike", "aws:CalledVia", "*.amazonaws.com", True),
        ("ForAllValues:StringNotEquals", "aws:CalledVia", "ec2.amazonaws.com", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", "cost", True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "cost", False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", "cost", False),
        ("ForAnyValue:StringEqualsIfExists", "aws:TagKeys", "cost", None),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abcde12345/*", True),
        ("StringLike", "aws:PrincipalOrgPaths", "o-abcde12345/*", None),
        ("StringEquals", "aws:PrincipalOrgID", [], None),
        ("IpAddress", "aws:PrincipalArn", "10.0.0.0/8", None),
        ("ArnLike", "aws:SourceAccount", "arn:aws:iam::444455556666:root", False),
        ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}", True),
        ("StringLike", "aws:PrincipalArn", "*:${aws:PrincipalAccount}:*", True),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:PrincipalTag/none, 'Blue'}", True),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:PrincipalTag/none}", False),
        ("StringNotEquals", "aws:PrincipalTag/team", "${aws:PrincipalTag/none}", True),
        ("StringEquals", "aws:PrincipalTag/team", "${example:unknown}", None),
        ("StringEquals", "aws:PrincipalTag/team", ["${example:unknown}", "Blue"], True),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:CalledVia}", None),
    ],
)
def test_condition_evaluates_as_documented(operator: str, key: str, values: Any, *, expected: bool | None) -> None:
    """An undocumented condition (None) is true in an Allow and false in a Deny."""
    condition = {operator: {key: values}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": condition}
    assert allowed({"Condition": condition}) is (expected is not False)
    assert allowed({}, deny) is (expected is not True)


def test_variable_is_literal_text_without_version_2012_10_17() -> None:
    condition = {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}
    assert not allowed({"Condition": condition}, version="2008-10-17")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "444455556666"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::444455556666:root"}}, True),
        ({"Principal": {"AWS": ROLE}}, True),
        ({"Principal": {"AWS": SESSION}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"}}, False),
        ({"Principal": {"AWS": "111122223333"}}, False),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, False),
        ({"Principal": {"AWS": "AROAEXAMPLEEXAMPLE12"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}}, True),
        ({"Principal": {"Service": "*"}}, True),
        ({"Principal": {"Federated": "accounts.google.com"}}, True),
        ({"Principal": ["*"]}, True),
        ({"Principal": [ROLE]}, False),
        ({"Principal": ROLE}, False),
        ({"Principal": {"AWS": "nonsense"}}, False),
        ({"Principal": {"AWS": ["nonsense", ROLE]}}, True),
        ({"Principal": {}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": "444455556666"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": "111122223333"}}, True),
        ({"Principal": None, "NotPrincipal": "*"}, False),
        ({"Principal": None, "NotPrincipal": ["*"]}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::*:root"}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": ["arn:aws:iam::*:root", ROLE]}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": ["nonsense", ROLE]}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": "nonsense"}}, True),
        ({"Action": "ECR:batch*"}, True),
        ({"Action": "ecr:PutImage"}, False),
        ({"Action": None, "NotAction": "ecr:Put*"}, True),
        ({"Action": None, "NotAction": "ecr:*Image"}, False),
        ({"Action": []}, False),
        ({"Resource": "arn:aws:s3:::x"}, True),
        ({"NotResource": "*"}, True),
        ({"Action": "ecr:BatchGetImage", "Condition": {"stringLIKE": {"aws:principaltag/K": "?"}}}, True),
    ],
)
def test_allow_matches_the_request(elements: dict[str, Any], *, expected: bool) -> None:
    assert allowed(elements) is expected


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        ({"Principal": "*", "Action": "*"}, False),
        ({"Principal": "*", "Action": "ecr:PutImage"}, True),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}, "Action": "*"}, True),
        ({"Principal": "*", "Action": "*", "Resource": "*"}, False),
        ({"Principal": "*", "Action": "*", "Resource": ["arn:aws:s3:::x", "*"]}, False),
        ({"Principal": "*", "Action": "*", "Resource": "**"}, True),
        ({"Principal": "*", "Action": "*", "Resource": "arn:aws:ecr:*:*:repository/*"}, True),
        ({"Principal": "*", "Action": "*", "Resource": []}, True),
        ({"Principal": "*", "Action": "*", "NotResource": "*"}, True),
        ({"Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::x"}, True),
        ({"Principal": "*", "Action": "*", "Resource": "*", "NotResource": "*"}, True),
        ({"NotPrincipal": {"AWS": ROLE}, "Action": "*"}, True),
        ({"NotPrincipal": {"AWS": "111122223333"}, "Action": "*"}, False),
        ({"NotPrincipal": {"AWS": "nonsense"}, "Action": "*"}, True),
        ({"NotPrincipal": {"AWS": ["nonsense", "111122223333"]}, "Action": "*"}, True),
        ({"NotPrincipal": {"AWS": ["arn:aws:iam::*:root", "111122223333"]}, "Action": "*"}, True),
        ({"Principal": {"AWS": "nonsense"}, "Action": "*"}, True),
        ({"Principal": {"AWS": ["nonsense", "*"]}, "Action": "*"}, False),
        ({"Principal": ["*"], "Action": "*"}, True),
    ],
)
def test_deny_matches_the_request(deny: dict[str, Any], *, expected: bool) -> None:
    assert allowed({}, {"Effect": "Deny", **deny}) is expected


@pytest.mark.parametrize("action", ["ecr:GetAuthorizationToken", "s3:GetObject", "ecr:putregistrypolicy"])
def test_registry_and_foreign_actions_are_never_allowed(action: str) -> None:
    assert not allowed({"Action": "*"}, request=Request(principal=SESSION, action=action, context=CONTEXT))


@pytest.mark.parametrize("policy", [None, "", "{}", {}, {"Statement": []}])
def test_missing_policy_allows_no_request(policy: Any) -> None:
    assert not is_allowed(policy, REQUEST)


def test_policy_that_cannot_be_evaluated_raises_an_error() -> None:
    with pytest.raises(PolicyError, match=r"Statement\[0\]\.Effect"):
        is_allowed({"Statement": {"Effect": "allow"}}, REQUEST)
