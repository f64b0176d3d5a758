"""Which texts are the same policy, however Amazon ECR formats it."""

import json
from typing import Any, Final

import pytest

from ecr_exposure.cli.remediation.same_policy import is_same_policy

STATEMENT: Final[dict[str, Any]] = {
    "Sid": "One",
    "Effect": "Allow",
    "Principal": {"AWS": ["111122223333", "arn:aws:iam::444455556666:role/pull"], "Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-exampleorg1", "o-exampleorg2"]}},
}
OTHER: Final = STATEMENT | {"Sid": "Other", "Effect": "Deny"}


def text(*statements: Any, **elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **elements})


def changed(**elements: Any) -> str:
    return text(STATEMENT | elements)


class TestSame:
    """Texts that mean the same by the reference of the policy elements."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (None, None),
            ("no JSON", "no JSON"),
            (text(STATEMENT), json.dumps(json.loads(text(STATEMENT)), indent=2, sort_keys=True)),
            (text(STATEMENT), text(Statement=STATEMENT)),
            (text(STATEMENT, OTHER), text(OTHER, STATEMENT)),
            (changed(Action="ecr:PutImage"), changed(Action=["ecr:PutImage"])),
            (changed(Action=["ecr:PutImage", "ecr:Get*"]), changed(Action=["ecr:Get*", "ecr:PutImage"])),
            (changed(Principal="*"), changed(Principal={"AWS": "*"})),
            (changed(Principal="*"), changed(Principal={"AWS": ["*"]})),
            (changed(Principal={"AWS": "111122223333"}), changed(Principal={"AWS": "arn:aws:iam::111122223333:root"})),
            (
                changed(Principal={"AWS": "111122223333"}),
                changed(Principal={"AWS": "arn:aws-us-gov:iam::111122223333:root"}),
            ),
            (
                changed(Condition={"Bool": {"aws:SecureTransport": True}}),
                changed(Condition={"Bool": {"aws:SecureTransport": ["true"]}}),
            ),
            (
                changed(Condition={"NumericEquals": {"aws:MultiFactorAuthAge": 5}}),
                changed(Condition={"NumericEquals": {"aws:MultiFactorAuthAge": "5"}}),
            ),
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
            (
                changed(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}),
                changed(Condition={"StringEquals": {"aws:principalorgid": "o-exampleorg1"}}),
            ),
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
            (changed(Action="ecr:BatchGetImage"), changed(Action="ECR:batchgetimage")),
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html: the default
            (json.dumps({"Statement": [STATEMENT]}), text(STATEMENT, Version="2008-10-17")),
        ],
    )
    def test_other_format(self, one: str | None, other: str | None) -> None:
        assert is_same_policy(one, other)
        assert is_same_policy(other, one)


class TestDifferent:
    """Texts of which one grants or denies something else, or cannot be read."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (None, text(STATEMENT)),
            (None, ""),
            ("no JSON", text(STATEMENT)),
            ("[]", "{}"),
            (text(STATEMENT), text(OTHER)),
            (text(STATEMENT), text(STATEMENT, OTHER)),
            (text(STATEMENT), text(STATEMENT, Id="1")),
            (text(STATEMENT), text(STATEMENT, Version="2008-10-17")),
            (text(STATEMENT), changed(Sid="Two")),
            (text(STATEMENT), changed(Effect="Deny")),
            (text(STATEMENT), changed(Action="ecr:BatchGetImage")),
            (text(STATEMENT), changed(Condition={})),
            (text(STATEMENT), text({key: value for key, value in STATEMENT.items() if key != "Condition"})),
            (changed(Principal="*"), changed(Principal={"Service": "*"})),
            (
                changed(Principal={"AWS": "111122223333"}),
                changed(Principal={"AWS": "arn:aws:iam::111122223333:user/a"}),
            ),
            (changed(Principal={"AWS": "111122223333"}), changed(NotPrincipal={"AWS": "111122223333"})),
            (
                changed(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}),
                changed(Condition={"StringLike": {"aws:PrincipalOrgID": "o-exampleorg1"}}),
            ),
            (
                changed(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}),
                changed(Condition={"StringEquals": {"aws:SourceOrgID": "o-exampleorg1"}}),
            ),
            # The ARN of a root is an account only where a principal is named.
            (
                changed(Condition={"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
                changed(Condition={"StringEquals": {"aws:PrincipalAccount": "arn:aws:iam::111122223333:root"}}),
            ),
            (
                changed(Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:root"}}),
                changed(Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws-us-gov:iam::111122223333:root"}}),
            ),
            (
                changed(Condition={"StringEquals": {"aws:userid": "AIDAEXAMPLE"}}),
                changed(Condition={"StringEquals": {"aws:userid": "aidaexample"}}),
            ),
            (
                changed(Condition={"StringEquals": {"aws:UserId": "a", "aws:userid": "b"}}),
                changed(Condition={"StringEquals": {"aws:userid": "b"}}),
            ),
            (text(1), text("1")),
            (changed(Condition=1), changed(Condition={})),
            (changed(Condition={"Bool": 1}), changed(Condition={"Bool": {}})),
            (changed(Principal=["*"]), changed(Principal=[])),
        ],
    )
    def test_other_content(self, one: str | None, other: str | None) -> None:
        assert not is_same_policy(one, other)
        assert not is_same_policy(other, one)
