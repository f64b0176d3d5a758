"""The evaluator of one request: results that the IAM documentation gives.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from typing import Any

import pytest

from ecr_exposure import PolicyError, Request, is_allowed
from ecr_exposure.policy.document import read_policy
from ecr_exposure.policy.evaluator import evaluate

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
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
REQUEST = Request(principal=SESSION, action="ecr:BatchGetImage", context=CONTEXT)


def allowed(
    statement: dict[str, Any], *more: dict[str, Any], version: str = "2012-10-17", request: Request = REQUEST
) -> bool:
    """Ask for an Allow for everyone with these elements, and further statements."""
    first = {key: value for key, value in (ALLOW | statement).items() if value is not None}
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


IN_A_VPC: dict[str, str | tuple[str, ...]] = {
    "aws:principalarn": ROLE,
    "aws:sourceip": "2001:DB8::7",
    "aws:vpcsourceip": "10.0.0.7",
    "aws:ec2instancesourceprivateipv4": "10.0.0.7",
    "aws:currenttime": "2026-11-24T12:00:00Z",
    "aws:tokenissuetime": "2026-11-24T13:00:00+01:00",
    "aws:epochtime": "1795521600",
    "aws:multifactorauthage": "1795521600.0",
    "aws:securetransport": "true",
    "aws:sourcearn": "arn:aws:s3:::bucket",
    "aws:principaltag/address": "10.0.0.7",
    "aws:principaltag/cost center": "7",
    "aws:principaltag/empty": (),
    "aws:principaltag/two": ("a", "b"),
    "aws:principaltag/literal": "a*b",
    "aws:calledvia": ("a",),
    "aws:resourcetag/team": ("a", "b"),
    "aws:resourcetag/sign": ("a",),
    "aws:resourcetag/stage": "a",
    "acme:address": "10.0.0.7",
}
OTHER_ADDRESS = "${aws:Ec2InstanceSourcePrivateIPv4}"
TOGETHER = [OTHER_ADDRESS, "10.0.0.7"]


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        # A String operator on an address, a date or a number.
        ("StringEquals", "aws:VpcSourceIp", "10.0.0.7", None),
        ("StringNotEquals", "aws:VpcSourceIp", "10.0.0.7", None),
        ("StringLike", "aws:VpcSourceIp", "*", None),
        ("StringEqualsIgnoreCase", "aws:CurrentTime", "2026-11-24T12:00:00Z", None),
        ("StringLike", "aws:EpochTime", "1*", None),
        ("StringEquals", "aws:MultiFactorAuthAge", "300", None),
        ("ForAllValues:StringEquals", "aws:VpcSourceIp", "10.0.0.7", None),
        ("ForAnyValue:StringNotEquals", "aws:VpcSourceIp", "10.0.0.7", None),
        ("StringEquals", "aws:Ec2InstanceSourcePrivateIPv4", "${aws:VpcSourceIp}", True),
        ("StringLike", "aws:VpcSourceIp", OTHER_ADDRESS, True),
        ("StringNotEquals", "aws:VpcSourceIp", OTHER_ADDRESS, False),
        ("ForAnyValue:StringNotLike", "aws:VpcSourceIp", OTHER_ADDRESS, False),
        ("StringEquals", "aws:SourceIp", "${aws:VpcSourceIp}", False),
        ("StringNotEquals", "aws:SourceIp", "${aws:VpcSourceIp}", True),
        ("StringEquals", "aws:SourceIp", "${aws:SourceIp}", True),
        ("StringEquals", "aws:VpcSourceIp", f"{OTHER_ADDRESS}*", None),
        ("StringEquals", "aws:VpcSourceIp", f"{OTHER_ADDRESS}{OTHER_ADDRESS}", None),
        ("StringEquals", "aws:VpcSourceIp", "${aws:PrincipalTag/address}", None),
        ("StringEquals", "aws:VpcSourceIp", "${aws:PrincipalTag/none}", None),
        ("StringEquals", "aws:VpcSourceIp", "${acme:address}", None),
        ("StringEquals", "aws:VpcSourceIp", "${*}", None),
        ("StringEquals", "aws:VpcSourceIp", "${aws:EpochTime}", None),
        ("StringEquals", "aws:VpcSourceIp", TOGETHER, True),
        ("StringNotEquals", "aws:VpcSourceIp", TOGETHER, False),
        ("StringEquals", "aws:SourceIp", TOGETHER, None),
        ("StringNotEquals", "aws:SourceIp", TOGETHER, None),
        ("StringEquals", "aws:CurrentTime", "${aws:TokenIssueTime}", True),
        ("StringEquals", "aws:CurrentTime", "${aws:EpochTime}", True),
        ("StringEquals", "aws:EpochTime", "${aws:MultiFactorAuthAge}", True),
        ("StringEquals", "aws:CurrentTime", "${aws:MultiFactorAuthAge}", None),
        ("ArnEquals", "aws:VpcSourceIp", OTHER_ADDRESS, None),
        # Other operators and types.
        ("StringEquals", "aws:SecureTransport", "true", True),
        ("StringEquals", "aws:SecureTransport", "TRUE", False),
        ("StringLike", "aws:SourceArn", "arn:aws:s3*", True),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:VpcSourceIp}", True),
        ("BinaryEquals", "aws:PrincipalTag/address", "10.0.0.7", None),
        ("BinaryEquals", "acme:address", "MTA=", False),
        ("IpAddress", "acme:address", "10.0.0.0/8", True),
        ("NumericEquals", "aws:VpcSourceIp", "7", None),
        ("Bool", "aws:PrincipalTag/address", "true", None),
        ("NumericLessThan", "aws:CurrentTime", "7", None),
        ("DateLessThan", "aws:MultiFactorAuthAge", "2000-01-01", None),
        # An absent key: the table, whatever the operator and its values.
        ("StringEquals", "aws:PrincipalTag/none", [], False),
        ("ArnLikeIfExists", "aws:TagKeys", [], True),
        ("BinaryEquals", "aws:PrincipalTag/none", "MTA=", False),
        ("NotIpAddress", "aws:SourceVpc", "10.0.0.0/8", True),
        ("StringEquals", "aws:TagKeys", "x", False),
        ("Bool", "aws:ViaAWSService", "${x", False),
        ("StringEquals", "aws:PrincipalTag/empty", "x", False),
        # Variables under Bool.
        ("Bool", "aws:SecureTransport", "${aws:SecureTransport}", None),
        ("Bool", "aws:SecureTransport", "${", None),
        ("Bool", "aws:SecureTransport", ["${aws:SecureTransport}", "true"], True),
        ("ForAllValues:Bool", "aws:SecureTransport", ["${x}", "false"], None),
        # Variables.
        ("StringEquals", "aws:PrincipalTag/address", "${aws:PrincipalTag/none, '10.0.0.7'}", True),
        ("StringLike", "aws:PrincipalTag/address", "${aws:PrincipalTag/none, '10.*'}", None),
        ("StringNotLike", "aws:PrincipalTag/address", "${aws:PrincipalTag/none, '10.0.0.?'}", None),
        ("ArnEquals", "aws:PrincipalArn", "${aws:PrincipalTag/none, 'arn:*'}", None),
        ("StringEquals", "aws:PrincipalTag/literal", "${aws:PrincipalTag/none, 'a*b'}", True),
        ("StringLike", "aws:PrincipalTag/address", "${aws:VpcSourceIp, '*'}", True),
        ("StringLike", "aws:PrincipalTag/address", ["${aws:PrincipalTag/none, '*'}", "x"], None),
        ("StringEquals", "aws:VpcSourceIp", "${aws:Ec2InstanceSourcePrivateIPv4, '10.0.0.8'}", True),
        ("StringEquals", "aws:PrincipalTag/address", "${acme:none, '10.0.0.7'}", None),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:CalledVia, '10.0.0.7'}", None),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:PrincipalTag/none}${acme:address}", None),
        ("StringEquals", "aws:PrincipalTag/address", "${acme:address}${aws:PrincipalTag/none}", None),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:PrincipalTag/two}", None),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:PrincipalTag/empty, '10.0.0.7'}", True),
        ("StringEquals", "aws:PrincipalTag/cost center", "${ aws:PrincipalTag/Cost Center }", True),
        ("StringEquals", "aws:PrincipalTag/address", "${aws:username", False),
        # Resource tags of which AWS does not document which one the key means.
        ("StringEquals", "aws:ResourceTag/Team", "x", None),
        ("StringNotEqualsIfExists", "aws:ResourceTag/Team", "x", None),
        ("ForAnyValue:StringEquals", "aws:ResourceTag/team", ["a", "b"], None),
        ("Null", "aws:ResourceTag/team", "true", False),
        ("Null", "aws:ResourceTag/team", "false", True),
        ("StringEquals", "aws:ResourceTag/sign", "a", None),
        ("Null", "aws:ResourceTag/sign", "true", None),
        ("Null", "aws:ResourceTag/sign", "false", None),
        ("StringEquals", "aws:ResourceTag/stage", "a", True),
        ("StringEquals", "aws:ResourceTag/stage", "${aws:ResourceTag/sign}", None),
        ("StringEquals", "aws:ResourceTag/stage", "${aws:ResourceTag/team, 'a'}", None),
    ],
)
def test_condition_is_undocumented_only_where_aws_does_not_say(
    operator: str, key: str, values: Any, *, expected: bool | None
) -> None:
    condition = {operator: {key: values}}
    policy = {"Version": "2012-10-17", "Statement": {**ALLOW, "Condition": condition}}
    document = read_policy(policy)
    assert document is not None
    ((found,),) = [statement.conditions for statement in document.statements]
    assert evaluate(found, IN_A_VPC, variables=True) is expected


def test_undocumented_condition_opens_an_allow_and_no_deny() -> None:
    condition = {"StringEquals": {"aws:SourceIp": "203.0.113.7"}}
    assert allowed({"Condition": condition})
    assert allowed({}, {**ALLOW, "Effect": "Deny", "Condition": condition})


class TestRequests:
    """What a request may look like."""

    def test_letter_case_of_keys_is_ignored_and_values_become_text(self) -> None:
        context: Any = {"AWS:PrincipalTag/Level": 7, "aws:MultiFactorAuthPresent": True, "aws:CALLEDVIA": ["x", "y"]}
        condition = {
            "StringEquals": {"aws:principaltag/level": "7"},
            "Bool": {"aws:multifactorauthpresent": "true"},
            "ForAllValues:StringEquals": {"aws:calledvia": ["x", "y", "z"]},
        }
        request = Request(principal=SESSION, action="ECR:batchgetimage", context=context)
        assert allowed({"Condition": condition}, request=request)

    @pytest.mark.parametrize("text", ["1e400", "9" * 5_000])
    def test_number_of_a_request_may_have_more_digits_than_one_of_a_policy(self, text: str) -> None:
        request = Request(principal=SESSION, action="ecr:ListImages", context={"aws:multifactorauthage": text})
        assert allowed({"Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "9" * 40}}}, request=request)

    @pytest.mark.parametrize("text", ["now", ""])
    def test_value_that_is_no_number_matches_no_number(self, text: str) -> None:
        request = Request(principal=SESSION, action="ecr:ListImages", context={"aws:multifactorauthage": text})
        assert not allowed({"Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "1"}}}, request=request)
        assert allowed({"Condition": {"NumericNotEquals": {"aws:MultiFactorAuthAge": "1"}}}, request=request)


def test_variable_is_literal_text_without_version_2012_10_17() -> None:
    condition = {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}
    assert not allowed({"Condition": condition}, version="2008-10-17")
    address = {"StringNotEquals": {"aws:SourceIp": "${aws:SourceIp}"}}
    assert allowed({"Condition": address}, version="2008-10-17")
    assert not allowed({"Condition": address})


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
