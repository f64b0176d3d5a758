"""The statements that let AWS services pull for the owner's account, as the services' pages document them."""

from typing import Final

import pytest

from ecr_exposure import AdvisoryKind, Request, is_allowed, judge
from ecr_exposure.identifiers import AccountId
from ecr_exposure.policy.actions import CAPABILITY_OF, Capability
from ecr_exposure.pulling_services import PULLING_SERVICES, PullingService, statement_for

OWNER: Final = AccountId("111122223333")
OTHER: Final = "444455556666"
SERVICES: Final = tuple(PULLING_SERVICES.values())
TESTS: Final = ("unconditional", "reachable", "external")

# How each service names the resource for which it pulls, in the account {}:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemrserverless.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awshealthomics.html
SOURCES: Final = {
    "lambda": "arn:aws:lambda:eu-central-1:{}:function:app",
    "codebuild": "arn:aws:codebuild:eu-central-1:{}:project/app",
    "emr-serverless": "arn:aws:emr-serverless:eu-central-1:{}:/applications/00f1a2b3c4d5e6f7",
    "omics": "arn:aws:omics:eu-central-1:{}:workflow/1234567",
}


def statement(name: str, region: str | None = "eu-central-1") -> dict[str, object]:
    """Return the statement of a service with all its actions."""
    service = PULLING_SERVICES[name]
    return statement_for(service, actions=service.actions, owner=OWNER, region=region)


def policy(*statements: dict[str, object]) -> dict[str, object]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def is_met(name: str, region: str | None, account: str) -> bool:
    """Return whether a request on behalf of an account meets the condition of a service's statement.

    `is_allowed` answers for IAM principals alone, so the statement is read with everyone as its principal.
    """
    caller = f"arn:aws:iam::{account}:user/builder"
    context = {"aws:SourceAccount": account, "aws:SourceArn": SOURCES[name].format(account)}
    request = Request(principal=caller, action="ecr:BatchGetImage", context=context)
    return is_allowed(policy({**statement(name, region), "Principal": "*"}), request)


class TestStatement:
    """Each statement has the Sid, the actions and the key of the service's page, and the owner's account."""

    def test_lambda_is_restricted_to_functions_of_the_owner(self) -> None:
        """As on the page images-create, section "Amazon ECR cross-account permissions"."""
        assert statement("lambda") == {
            "Sid": "LambdaECRImageRetrievalPolicy",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"ArnLike": {"aws:sourceARN": "arn:aws:lambda:eu-central-1:111122223333:function:*"}},
        }

    def test_codebuild_is_restricted_to_the_account_of_the_owner(self) -> None:
        assert statement("codebuild") == {
            "Sid": "CodeBuildAccessPrincipal",
            "Effect": "Allow",
            "Principal": {"Service": "codebuild.amazonaws.com"},
            "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        }

    def test_emr_serverless_is_restricted_to_applications_of_the_owner(self) -> None:
        assert statement("emr-serverless") == {
            "Sid": "EmrServerlessCustomImageSupport",
            "Effect": "Allow",
            "Principal": {"Service": "emr-serverless.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:aws:emr-serverless:eu-central-1:111122223333:/applications/*"}
            },
        }

    def test_omics_is_restricted_to_the_account_of_the_owner(self) -> None:
        """As on the page permissions-ecr, section "Restrict access to specific accounts"."""
        assert statement("omics") == {
            "Sid": "OmicsAccessPrincipal",
            "Effect": "Allow",
            "Principal": {"Service": "omics.amazonaws.com"},
            "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        }

    @pytest.mark.parametrize(
        ("region", "arn"),
        [
            (None, "arn:*:lambda:*:111122223333:function:*"),
            ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:111122223333:function:*"),
            ("us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:*"),
        ],
    )
    def test_the_arn_has_the_partition_of_the_region(self, region: str | None, arn: str) -> None:
        assert statement("lambda", region)["Condition"] == {"ArnLike": {"aws:sourceARN": arn}}

    def test_only_actions_of_the_service_that_may_be_allowed_are_allowed(self) -> None:
        may = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:PutImage"}
        found = statement_for(PULLING_SERVICES["codebuild"], actions=may, owner=OWNER, region=None)
        assert found["Action"] == ["ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]


class TestTable:
    """The table itself."""

    def test_lambda_and_codebuild_are_first(self) -> None:
        assert list(PULLING_SERVICES)[:2] == ["lambda", "codebuild"]

    @pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
    def test_actions_are_those_of_a_pull(self, service: PullingService) -> None:
        assert {CAPABILITY_OF[action] for action in service.actions} <= {Capability.PULL, Capability.DISCOVER}

    @pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
    def test_the_page_is_one_of_the_aws_documentation(self, service: PullingService) -> None:
        assert service.page.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize("region", ["eu-central-1", None])
@pytest.mark.parametrize("name", PULLING_SERVICES)
class TestVerdict:
    """The statement grants no access but the service's for the owner, and no advisory finds a fault in it."""

    @pytest.mark.parametrize("test", TESTS)
    def test_no_test_finds_a_grant(self, name: str, region: str | None, test: str) -> None:
        verdict = judge(policy(statement(name, region)), test=test, owner=OWNER, region=region)
        assert (verdict.compliance, verdict.grants, verdict.problem) == ("COMPLIANT", (), None)

    def test_there_is_no_advisory(self, name: str, region: str | None) -> None:
        verdict = judge(policy(statement(name, region)), test="reachable", owner=OWNER, region=region)
        assert verdict.advisories == ()

    def test_without_its_condition_it_would_have_the_confused_deputy_advisory(
        self, name: str, region: str | None
    ) -> None:
        without = {element: each for element, each in statement(name, region).items() if element != "Condition"}
        verdict = judge(policy(without), test="reachable", owner=OWNER, region=region)
        assert [each.kind for each in verdict.advisories] == [AdvisoryKind.CONFUSED_DEPUTY]

    def test_a_request_for_the_owner_meets_its_condition(self, name: str, region: str | None) -> None:
        assert is_met(name, region, OWNER)

    def test_a_request_for_another_account_does_not_meet_its_condition(self, name: str, region: str | None) -> None:
        assert not is_met(name, region, OTHER)
