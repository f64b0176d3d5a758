"""Unexpected responses: HTML pages, truncated documents, missing fields."""

from typing import Final

import pytest

from ecr_exposure import EvaluationError
from tests.local_aws.faults import Fault
from tests.rule.member_account import MEMBER, OPEN, REGION, deployed

UNEXPECTED: Final = {
    "empty": "{}",
    "truncated": '{"a',
    "HTML page": "<html>",
    "null": '{"policyText": null}',
    "list": "[]",
    "no body": "",
    "empty text": '{"policyText": ""}',
    "blank text": '{"policyText": " \\n"}',
    "object": '{"policyText": {"Statement": []}}',
}


class TestUnexpectedResponses:
    """Each fails the invocation, and none is taken for an answer."""

    @pytest.mark.parametrize("body", UNEXPECTED.values(), ids=UNEXPECTED)
    def test_response_to_get_repository_policy_fails_that_repository_only(self, body: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            member.create("bb", OPEN)
            response = Fault("ecr", "GetRepositoryPolicy", status=200, body=body, repository="aa")
            with member.organization.faults.inject(response), pytest.raises(EvaluationError, match=r"\(1\): aa: "):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"bb": "NON_COMPLIANT"}

    @pytest.mark.parametrize("body", ["{}", '{"EvaluationResults": [{}]}', '{"a', "[]"])
    def test_response_to_get_compliance_details_does_not_stop_new_evaluations(self, body: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            response = Fault("config", "GetComplianceDetailsByConfigRule", status=200, body=body)
            with (
                member.organization.faults.inject(response),
                pytest.raises(EvaluationError, match="the earlier evaluations: "),
            ):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize(
        "body",
        [
            "{}",
            "7",
            '{"repositories": {}}',
            '{"repositories": "aa"}',
            '{"repositories": [null]}',
            '{"repositories": ["aa"]}',
            '{"repositories": [{"repositoryName": "aa"}]}',
            '{"repositories": [], "nextToken": 0}',
            '{"repositories": [{"repositoryName": "aa", "repositoryArn": "arn", "registryId": "1", "createdAt": "x"}]}',
        ],
    )
    def test_response_to_describe_repositories_reports_nothing(self, body: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            response = Fault("ecr", "DescribeRepositories", status=200, body=body)
            with member.organization.faults.inject(response), pytest.raises(EvaluationError):
                member.config.deliver_scheduled(MEMBER, REGION)
            assert member.dashboard() == {}

    @pytest.mark.parametrize("body", ["", '{"a', "<html>", "[]", "null", "7", '{"FailedEvaluations": [null]}'])
    @pytest.mark.parametrize("request_id", [True, False], ids=["with a request id", "without"])
    def test_response_to_put_evaluations_that_is_no_object_fails(self, body: str, request_id: bool) -> None:  # noqa: FBT001 - a parameter
        with deployed() as member:
            member.create("aa", OPEN)
            response = Fault("config", "PutEvaluations", status=200, body=body, request_id=request_id)
            with member.organization.faults.inject(response), pytest.raises(EvaluationError, match="PutEvaluations: "):
                member.config.deliver_change(MEMBER, REGION, "aa")

    def test_response_to_put_evaluations_without_a_request_id_fails(self) -> None:
        """AWS sends a request id with every response; a response without one is not from AWS."""
        with deployed() as member:
            member.create("aa", OPEN)
            response = Fault("config", "PutEvaluations", status=200, body="{}")
            with member.organization.faults.inject(response), pytest.raises(EvaluationError, match="did not come from"):
                member.config.deliver_change(MEMBER, REGION, "aa")

    @pytest.mark.parametrize(
        "body",
        [
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>WJALR</SecretAccessKey><S",
            "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>",
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><Expiration>2030-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ],
        ids=["truncated", "no credentials", "expiration only"],
    )
    def test_response_to_assume_role_fails_without_a_secret_in_the_error(self, body: str) -> None:
        """The function never uses its own credentials instead."""
        with deployed() as member:
            member.create("aa", OPEN)
            response = Fault("sts", "AssumeRole", status=200, body=body)
            with (
                member.organization.faults.inject(response),
                pytest.raises(EvaluationError, match="no credentials") as raised,
            ):
                member.config.deliver_change(MEMBER, REGION, "aa")
            assert "WJALR" not in str(raised.value)
            assert raised.value.__cause__ is None
            assert member.config.put_evaluations == []

    def test_expired_credentials_are_not_reused(self) -> None:
        with deployed(asynchronous=True) as member:
            member.create("aa", OPEN)
            member.config.deliver_change(MEMBER, REGION, "aa")
            expired = Fault("config", "PutEvaluations", status=403, code="ExpiredTokenException", times=1)
            member.organization.calls.clear()
            with member.organization.faults.inject(expired):
                member.config.deliver_change(MEMBER, REGION, "aa")
            assert [call.operation for call in member.organization.calls] == [
                "PutEvaluations",
                "AssumeRole",
                "PutEvaluations",
            ]
            assert member.config.on_failure == []
