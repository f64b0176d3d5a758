"""The local organization behaves as AWS does, for a rule that uses rdklib in the plain way."""

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
import rdklib.clientfactory
import rdklib.evaluator
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.handlers import BUILTIN_HANDLERS
from moto.config.models import ConfigBackend
from moto.config.responses import ConfigResponse
from moto.ecr.responses import ECRResponse
from rdklib import ConfigRule, Evaluation, Evaluator

from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.function import LambdaContext, MarshalError
from tests.local_aws.organization import HUB, MEMBERS, ORGANIZATION_ID, LocalOrganization

ONE, TWO = MEMBERS
HOME, ABROAD = "eu-west-1", "us-east-1"
RULE: Final = "OrgConfigRule-ecr-repository-no-public-access-abcd1234"
ROLE: Final = "rule-role"
ROLE_PARAMETER: Final = {"ExecutionRoleName": ROLE}
PRIVATE: Final = '{"Version": "2012-10-17", "Statement": []}'
PUBLIC: Final = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}}'
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _stock_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the example rdklib's own clients, whatever was imported before."""
    monkeypatch.setattr(rdklib.evaluator, "ClientFactory", rdklib.clientfactory.ClientFactory)


class ExampleRule(ConfigRule):  # type: ignore[misc]  # rdklib has no types
    """A policy that contains ``"*"`` is public: enough to see evaluations come and go."""

    def evaluate_change(
        self,
        _event: Mapping[str, Any],
        _client_factory: object,
        configuration_item: Mapping[str, Any],
        _parameters: Mapping[str, str],
    ) -> list[Evaluation]:
        return [Evaluation(_judge(configuration_item["configuration"]["RepositoryPolicyText"]))]

    def evaluate_periodic(
        self,
        _event: Mapping[str, Any],
        client_factory: Any,
        _parameters: Mapping[str, str],
    ) -> list[Evaluation]:
        ecr = client_factory.build_client("ecr")
        evaluations = []
        for page in ecr.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                name, text = repository["repositoryName"], ""
                with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
                    text = ecr.get_repository_policy(repositoryName=name)["policyText"]
                evaluations.append(Evaluation(_judge(text), name, "AWS::ECR::Repository"))
        return evaluations


def _judge(policy_text: object) -> str:
    return "NON_COMPLIANT" if '"*"' in str(policy_text) else "COMPLIANT"


def example_handler(event: dict[str, Any], context: LambdaContext) -> None:
    answer = Evaluator(ExampleRule(), ["AWS::ECR::Repository"]).handle(event, context)
    if not isinstance(answer, list):
        raise ValueError(answer["customerErrorCode"] or answer["internalErrorMessage"])  # noqa: TRY004


@pytest.fixture
def organization() -> Iterator[LocalOrganization]:
    with LocalOrganization(execution_role=ROLE) as entered:
        yield entered


@pytest.fixture
def config(organization: LocalOrganization) -> ConfigService:
    service = ConfigService(organization, example_handler)
    for account in organization.accounts:
        service.put_rule(account, HOME, RULE, ROLE_PARAMETER)
    return service


def shown(config: ConfigService, account: str = ONE) -> dict[str, str]:
    """Return the dashboard of a member as repository → compliance."""
    return {row.resource_id: row.compliance for row in config.evaluations(account, HOME, RULE)}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def evaluation(name: str = "app", **changes: object) -> dict[str, Any]:
    """Return one evaluation as PutEvaluations takes it; None removes a member."""
    item = {
        "ComplianceResourceType": "AWS::ECR::Repository",
        "ComplianceResourceId": name,
        "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": NOON,
    }
    return {key: value for key, value in (item | changes).items() if value is not None}


# Accounts


def test_accounts_and_regions_hold_their_own_repositories(organization: LocalOrganization) -> None:
    for account, region in ((HUB, HOME), (ONE, HOME), (ONE, ABROAD)):
        ecr = organization.session(account, region).client("ecr")
        ecr.create_repository(repositoryName=f"team/of-{account}-{region}")
    assert organization.repositories(HUB, HOME) == (f"team/of-{HUB}-{HOME}",)
    assert organization.repositories(ONE, HOME) == (f"team/of-{ONE}-{HOME}",)
    assert organization.repositories(ONE, ABROAD) == (f"team/of-{ONE}-{ABROAD}",)
    assert organization.repositories(TWO, HOME) == ()
    with pytest.raises(LookupError, match="not part"):
        organization.repositories("999999999999", HOME)


def test_the_function_acts_as_its_role_in_the_hub(organization: LocalOrganization) -> None:
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == organization.hub
    assert ":assumed-role/function-role/" in identity["Arn"]


def test_the_organization_lists_its_accounts(organization: LocalOrganization) -> None:
    client = boto3.client("organizations")
    assert {account["Id"] for account in client.list_accounts()["Accounts"]} == set(organization.accounts)
    assert client.describe_organization()["Organization"]["Id"] == ORGANIZATION_ID


@pytest.mark.parametrize(
    "policy_text",
    [
        pytest.param('{"Statement": [', id="malformed JSON"),
        pytest.param(json.dumps({"Id": "x" * 11_000, "Statement": []}), id="11 kB"),
        pytest.param(PUBLIC.replace('"Effect"', '"Resource": "*", "Effect"'), id="a Resource element"),
        pytest.param("", id="empty"),
    ],
)
def test_a_policy_that_ecr_would_refuse_is_kept_as_it_is(
    organization: LocalOrganization, config: ConfigService, policy_text: str
) -> None:
    organization.create_repository(ONE, HOME, "team/app", policy_text)
    item = config.record(ONE, HOME, "team/app").as_event()
    assert item["configuration"]["RepositoryPolicyText"] == policy_text
    if policy_text:
        ecr = organization.session(ONE, HOME).client("ecr")
        assert ecr.get_repository_policy(repositoryName="team/app")["policyText"] == policy_text


def test_another_partition() -> None:
    with LocalOrganization(regions=("cn-north-1",), members=(ONE,)) as china:
        arn = china.create_repository(ONE, "cn-north-1", "app")
        service = ConfigService(china, example_handler)
        rule = service.put_rule(ONE, "cn-north-1", RULE)
        event = service.event(rule, service.scheduled_message(ONE))
        assert china.session(ONE, "cn-north-1").client("ecr").describe_repositories()["repositories"]
    assert arn == f"arn:aws-cn:ecr:cn-north-1:{ONE}:repository/app"
    assert event["executionRoleArn"].startswith(f"arn:aws-cn:iam::{ONE}:role/")


# Configuration items


def test_the_item_of_a_change_event(organization: LocalOrganization, config: ConfigService) -> None:
    arn = organization.create_repository(ONE, HOME, "team/app", PUBLIC, tags={"owner": "team"})
    item = config.record(ONE, HOME, "team/app", captured_at=NOON).as_event()
    assert item["ARN"] == arn == f"arn:aws:ecr:{HOME}:{ONE}:repository/team/app"
    assert item["resourceId"] == item["resourceName"] == "team/app"
    assert (item["awsAccountId"], item["awsRegion"]) == (ONE, HOME)
    assert item["configurationItemCaptureTime"] == "2026-03-01T12:00:00.000Z"
    assert item["configurationItemStatus"] == "ResourceDiscovered"
    assert item["tags"] == {"owner": "team"}
    assert item["relationships"] == []
    assert item["supplementaryConfiguration"] == {}
    assert item["configuration"] == {
        "RepositoryName": "team/app",
        "Arn": arn,
        "RepositoryUri": f"{ONE}.dkr.ecr.{HOME}.amazonaws.com/team/app",
        "ImageTagMutability": "MUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": False},
        "EncryptionConfiguration": {"EncryptionType": "AES256"},
        "LifecyclePolicy": {},
        "RepositoryPolicyText": PUBLIC,
        "Tags": [{"Key": "owner", "Value": "team"}],
    }


def test_without_a_policy_the_text_is_an_empty_object(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "app")
    assert config.record(ONE, HOME, "app").as_event()["configuration"]["RepositoryPolicyText"] == {}


def test_settings_made_through_the_api_are_recorded(organization: LocalOrganization, config: ConfigService) -> None:
    ecr = organization.session(ONE, HOME).client("ecr")
    ecr.create_repository(
        repositoryName="app",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:1:key/x"},
    )
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    text = json.dumps({"rules": [rule]})
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=text)
    configuration = config.record(ONE, HOME, "app").as_event()["configuration"]
    assert configuration["ImageTagMutability"] == "IMMUTABLE"
    assert configuration["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert configuration["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    assert configuration["LifecyclePolicy"] == {"LifecyclePolicyText": text, "RegistryId": ONE}


def test_the_difference_names_what_changed(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "app", PRIVATE)
    assert config.record(ONE, HOME, "app").as_difference()["changeType"] == "CREATE"
    organization.set_policy(ONE, HOME, "app", PUBLIC)
    difference = config.record(ONE, HOME, "app").as_difference()
    assert difference["changeType"] == "UPDATE"
    assert difference["changedProperties"] == {
        "Configuration.RepositoryPolicyText": {
            "previousValue": PRIVATE,
            "updatedValue": PUBLIC,
            "changeType": "UPDATE",
        }
    }
    organization.delete_repository(ONE, HOME, "app")
    item = config.record(ONE, HOME, "app")
    assert item.as_difference()["changeType"] == "DELETE"
    assert item.as_event()["configuration"] is None
    assert item.as_event()["configurationItemStatus"] == "ResourceDeleted"


def test_history_over_the_api(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "team/app", PUBLIC, tags={"owner": "team"})
    config.record(ONE, HOME, "team/app", captured_at=NOON)
    organization.delete_repository(ONE, HOME, "team/app")
    config.record(ONE, HOME, "team/app", captured_at=NOON + timedelta(hours=1))
    client = organization.session(ONE, HOME).client("config")
    query = {"resourceType": "AWS::ECR::Repository", "resourceId": "team/app"}
    deleted, public = client.get_resource_config_history(**query)["configurationItems"]
    assert deleted["configurationItemStatus"] == "ResourceDeleted"
    assert "configuration" not in deleted
    assert (public["accountId"], public["arn"].rpartition(":")[2]) == (ONE, "repository/team/app")
    assert public["configurationItemCaptureTime"] == NOON
    assert json.loads(public["configuration"])["RepositoryPolicyText"] == PUBLIC
    first = client.get_resource_config_history(**query, limit=1)
    assert len(first["configurationItems"]) == 1
    second = client.get_resource_config_history(**query, limit=1, nextToken=first["nextToken"])
    assert second["configurationItems"] == [public]
    assert client.get_resource_config_history(**query, laterTime=NOON)["configurationItems"] == [public]
    oldest_first = client.get_resource_config_history(**query, chronologicalOrder="Forward")
    assert oldest_first["configurationItems"] == [public, deleted]


def test_history_of_what_config_never_saw(organization: LocalOrganization) -> None:
    client = organization.session(ONE, HOME).client("config")
    with pytest.raises(client.exceptions.ResourceNotDiscoveredException):
        client.get_resource_config_history(resourceType="AWS::ECR::Repository", resourceId="app")
    with pytest.raises(client.exceptions.ResourceNotDiscoveredException):
        client.get_resource_config_history(resourceType="AWS::S3::Bucket", resourceId="app")
    organization.create_repository(ONE, HOME, "app")
    assert client.get_resource_config_history(resourceType="AWS::ECR::Repository", resourceId="app")


# Events and evaluations


def test_the_event_of_a_change(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "team/app", PUBLIC)
    (invocation,) = config.deliver_change(ONE, HOME, "team/app")
    event = invocation.event
    assert event["executionRoleArn"] == (
        f"arn:aws:iam::{ONE}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    )
    assert json.loads(event["ruleParameters"]) == ROLE_PARAMETER
    assert event["configRuleArn"] == f"arn:aws:config:{HOME}:{ONE}:config-rule/{event['configRuleId']}"
    assert (event["version"], event["configRuleName"], event["accountId"]) == ("1.0", RULE, ONE)
    assert event["eventLeftScope"] is False
    message = json.loads(event["invokingEvent"])
    assert message["messageType"] == "ConfigurationItemChangeNotification"
    assert message.keys() >= {"configurationItemDiff", "notificationCreationTime", "recordVersion"}
    assert message["configurationItem"]["resourceId"] == "team/app"


def test_a_change_is_evaluated_in_the_member_account(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "team/app", PUBLIC)
    config.deliver_change(ONE, HOME, "team/app")
    assert shown(config) == {"team/app": "NON_COMPLIANT"}
    assert shown(config, TWO) == shown(config, HUB) == {}
    assume, put = organization.calls
    assert (assume.service, assume.account, assume.role) == ("sts", HUB, "function-role")
    assert assume.parameters["RoleArn"] == f"arn:aws:iam::{ONE}:role/{ROLE}"
    assert assume.host == f"sts.{HOME}.amazonaws.com"
    assert (put.service, put.operation) == ("config", "PutEvaluations")
    assert (put.account, put.role, put.region) == (ONE, ROLE, HOME)
    assert config.put_evaluations[0].account == ONE


def test_an_oversized_event_carries_a_summary(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "team/app", PUBLIC)
    (invocation,) = config.deliver_oversized(ONE, HOME, "team/app")
    message = json.loads(invocation.event["invokingEvent"])
    assert message["messageType"] == "OversizedConfigurationItemChangeNotification"
    assert "configurationItem" not in message
    assert message["configurationItemSummary"]["changeType"] == "CREATE"
    assert "configuration" not in message["configurationItemSummary"]
    assert shown(config) == {"team/app": "NON_COMPLIANT"}
    assert "GetResourceConfigHistory" in [call.operation for call in organization.calls]


def test_an_answer_that_is_not_json_fails_the_invocation(organization: LocalOrganization) -> None:
    """Stock rdklib leaves a datetime in what it returns for an oversized event."""
    config = ConfigService(organization, Evaluator(ExampleRule(), ["AWS::ECR::Repository"]).handle)
    config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    with pytest.raises(MarshalError, match="datetime"):
        config.deliver_oversized(ONE, HOME, "app")
    assert shown(config) == {"app": "NON_COMPLIANT"}


def test_a_deletion_takes_the_repository_off_the_dashboard(
    organization: LocalOrganization, config: ConfigService
) -> None:
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    config.deliver_change(ONE, HOME, "app")
    with pytest.raises(ValueError, match="still exists"):
        config.deliver_deletion(ONE, HOME, "app")
    organization.delete_repository(ONE, HOME, "app")
    (invocation,) = config.deliver_deletion(ONE, HOME, "app")
    item = json.loads(invocation.event["invokingEvent"])["configurationItem"]
    assert (item["configurationItemStatus"], item["configuration"]) == ("ResourceDeleted", None)
    assert shown(config) == {}
    with pytest.raises(LookupError, match="was ever"):
        config.deliver_deletion(ONE, HOME, "never-there")


def test_the_latest_by_ordering_timestamp_counts(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    older = config.record(ONE, HOME, "app", captured_at=NOON)
    organization.delete_repository(ONE, HOME, "app")
    newer = config.record(ONE, HOME, "app", captured_at=NOON + timedelta(seconds=2))
    config.deliver_item(newer)
    config.deliver_item(older)
    assert shown(config) == {}


@pytest.mark.parametrize(("status", "left_scope"), [("ResourceNotRecorded", False), ("OK", True)])
def test_items_out_of_scope(
    organization: LocalOrganization, config: ConfigService, status: str, *, left_scope: bool
) -> None:
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    config.deliver_change(ONE, HOME, "app")
    item = config.record(ONE, HOME, "app", status=status, captured_at=datetime.now(UTC) + timedelta(seconds=5))
    config.deliver_item(item, left_scope=left_scope)
    assert shown(config) == {}


def test_a_scheduled_run_reads_pages_and_clears_what_is_gone() -> None:
    with LocalOrganization(repositories_per_page=2) as organization:
        config = ConfigService(organization, example_handler)
        config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
        for number in range(5):
            policy = PUBLIC if number % 2 else None
            organization.create_repository(ONE, HOME, f"team/app-{number}", policy)
        config.deliver_scheduled(ONE, HOME)
        assert shown(config) == {
            f"team/app-{number}": "NON_COMPLIANT" if number % 2 else "COMPLIANT" for number in range(5)
        }
        pages = [call for call in organization.calls if call.operation == "DescribeRepositories"]
        assert len(pages) == 3
        organization.delete_repository(ONE, HOME, "team/app-1")
        (invocation,) = config.deliver_scheduled(ONE, HOME)
        assert "team/app-1" not in shown(config)
        assert len(shown(config)) == 4
    assert json.loads(invocation.event["invokingEvent"]).keys() == {
        "awsAccountId",
        "notificationCreationTime",
        "messageType",
        "recordVersion",
    }


def test_a_page_that_shrinks_takes_no_other_repository_along() -> None:
    with LocalOrganization(repositories_per_page=2) as organization:
        for name in ("a1", "b1", "c1", "d1"):
            organization.create_repository(ONE, HOME, name)
        ecr = organization.session(ONE, HOME).client("ecr")
        first = ecr.describe_repositories(maxResults=100)
        organization.delete_repository(ONE, HOME, "a1")
        second = ecr.describe_repositories(nextToken=first["nextToken"])
        assert [each["repositoryName"] for each in second["repositories"]] == ["c1", "d1"]
        assert "nextToken" not in second
        assert len(ecr.describe_repositories(repositoryNames=["b1", "c1", "d1"])["repositories"]) == 3
        for wrong in (
            {"nextToken": "%%%"},
            {"maxResults": 1001},
            {"repositoryNames": ["b1"], "maxResults": 5},
        ):
            with pytest.raises(ecr.exceptions.InvalidParameterException):
                ecr.describe_repositories(**wrong)


def test_ecr_serves_100_repositories_unless_asked_for_more(organization: LocalOrganization) -> None:
    for number in range(101):
        organization.create_repository(ONE, HOME, f"app-{number:03}")
    ecr = organization.session(ONE, HOME).client("ecr")
    assert len(ecr.describe_repositories()["repositories"]) == 100
    assert len(ecr.describe_repositories(maxResults=1000)["repositories"]) == 101


def test_evaluations_come_in_batches_of_100(organization: LocalOrganization, config: ConfigService) -> None:
    for number in range(250):
        organization.create_repository(ONE, HOME, f"app-{number:03}", PRIVATE)
    config.deliver_scheduled(ONE, HOME)
    assert [len(call.evaluations) for call in config.put_evaluations] == [100, 100, 50]
    assert len({call.result_token for call in config.put_evaluations}) == 1
    assert len(shown(config)) == 250


def test_an_event_that_the_test_made(organization: LocalOrganization, config: ConfigService) -> None:
    with pytest.raises(json.JSONDecodeError):
        config.deliver(ONE, HOME, "{")
    rule, *_ = config.rules(ONE, HOME)
    event = config.event(rule, config.scheduled_message(ONE))
    event["ruleParameters"] = json.dumps({"ExecutionRoleName": "another"})
    with pytest.raises(ValueError, match="AccessDenied"):
        config.invoke(event, region=HOME)
    assert organization.calls[-1].fault == "AccessDenied"
    with pytest.raises(LookupError, match="no rule"):
        config.deliver_scheduled(ONE, ABROAD)


@pytest.mark.parametrize("parameters", [{"publicAccessTest": ""}, {"trustedAccounts": "1" * 1024}])
def test_input_parameters_that_config_refuses(config: ConfigService, parameters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="refuse"):
        config.put_rule(ONE, HOME, "rule", parameters)


# PutEvaluations


@pytest.mark.parametrize(
    ("account", "region"), [pytest.param(TWO, HOME, id="account"), pytest.param(ONE, ABROAD, id="region")]
)
def test_a_token_is_good_in_its_own_account_and_region(
    organization: LocalOrganization, config: ConfigService, account: str, region: str
) -> None:
    rule, *_ = config.rules(ONE, HOME)
    token = config.event(rule, "{}")["resultToken"]
    client = organization.session(account, region).client("config")
    with pytest.raises(client.exceptions.InvalidResultTokenException):
        client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)
    assert config.put_evaluations[-1].refused == "InvalidResultTokenException"
    client = organization.session(ONE, HOME).client("config")
    assert client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)["FailedEvaluations"] == []
    assert shown(config) == {"app": "COMPLIANT"}
    config.delete_rule(ONE, HOME, RULE)
    with pytest.raises(client.exceptions.NoSuchConfigRuleException):
        client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)


@pytest.mark.parametrize(
    ("evaluations", "code"),
    [
        pytest.param([evaluation()] * 101, "ValidationException", id="101 evaluations"),
        pytest.param([evaluation(Annotation="x" * 257)], "ValidationException", id="257 characters"),
        pytest.param([evaluation(Annotation="")], "ValidationException", id="no character"),
        pytest.param([evaluation(ComplianceType="FINE")], "ValidationException", id="unknown type"),
        pytest.param(
            [evaluation(ComplianceType="INSUFFICIENT_DATA")],
            "InvalidParameterValueException",
            id="insufficient data",
        ),
        pytest.param([evaluation(ComplianceResourceId=None)], "ValidationException", id="no resource"),
        pytest.param([evaluation(OrderingTimestamp=None)], "ValidationException", id="no timestamp"),
    ],
)
def test_evaluations_that_config_refuses(
    organization: LocalOrganization, config: ConfigService, evaluations: list[dict[str, Any]], code: str
) -> None:
    rule, *_ = config.rules(ONE, HOME)
    token = config.event(rule, "{}")["resultToken"]
    unchecked = Config(parameter_validation=False)
    client = organization.session(ONE, HOME).client("config", config=unchecked)
    with pytest.raises(ClientError) as error:
        client.put_evaluations(Evaluations=[evaluation("other"), *evaluations][-101:], ResultToken=token)
    assert code_of(error) == code
    assert shown(config) == {}


def test_what_config_accepts_without_recording(organization: LocalOrganization, config: ConfigService) -> None:
    rule, *_ = config.rules(ONE, HOME)
    client = organization.session(ONE, HOME).client("config")
    client.put_evaluations(Evaluations=[], ResultToken=config.event(rule, "{}")["resultToken"])
    client.put_evaluations(Evaluations=[evaluation()], ResultToken="TESTMODE", TestMode=True)
    assert [call.test_mode for call in config.put_evaluations] == [False, True]
    assert shown(config) == {}


def test_failed_evaluations_are_answered_and_not_recorded(
    organization: LocalOrganization, config: ConfigService
) -> None:
    rule, *_ = config.rules(ONE, HOME)
    client = organization.session(ONE, HOME).client("config")
    batch = [evaluation("a"), evaluation("b", Annotation="x" * 256)]
    with organization.failing_evaluations(lambda item: item["ComplianceResourceId"] == "a"):
        for expected in (["a"], []):
            token = config.event(rule, "{}")["resultToken"]
            failed = client.put_evaluations(Evaluations=batch, ResultToken=token)["FailedEvaluations"]
            assert [item["ComplianceResourceId"] for item in failed] == expected
            assert ("a" in shown(config)) is (not expected)
    assert len(config.put_evaluations[0].failed) == 1


def test_compliance_details_come_in_pages(organization: LocalOrganization, config: ConfigService) -> None:
    rule, *_ = config.rules(ONE, HOME)
    client = organization.session(ONE, HOME).client("config")
    batch = [
        evaluation(
            f"app-{number:02}",
            ComplianceType="NON_COMPLIANT" if number % 4 else "COMPLIANT",
            Annotation="why",
        )
        for number in range(24)
    ]
    client.put_evaluations(Evaluations=batch, ResultToken=config.event(rule, "{}")["resultToken"])
    first = client.get_compliance_details_by_config_rule(ConfigRuleName=RULE, NextToken="")
    assert len(first["EvaluationResults"]) == 10
    result = first["EvaluationResults"][0]
    assert (result["ComplianceType"], result["Annotation"]) == ("COMPLIANT", "why")
    assert result["EvaluationResultIdentifier"]["OrderingTimestamp"] == NOON
    paginator = client.get_paginator("get_compliance_details_by_config_rule")
    pages = paginator.paginate(ConfigRuleName=RULE, ComplianceTypes=["NON_COMPLIANT"], Limit=7)
    assert [len(page["EvaluationResults"]) for page in pages] == [7, 7, 4]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"ConfigRuleName": "unknown"}, "NoSuchConfigRuleException"),
        ({"ConfigRuleName": RULE, "NextToken": "%%%"}, "InvalidNextTokenException"),
        ({"ConfigRuleName": RULE, "Limit": 101}, "ValidationException"),
        ({"ConfigRuleName": "x" * 65}, "ValidationException"),
        (
            {"ConfigRuleName": RULE, "ComplianceTypes": ["INSUFFICIENT_DATA"]},
            "InvalidParameterValueException",
        ),
    ],
)
@pytest.mark.usefixtures("config")
def test_compliance_details_that_config_refuses(
    organization: LocalOrganization, query: dict[str, Any], code: str
) -> None:
    client = organization.session(ONE, HOME).client("config")
    with pytest.raises(ClientError) as error:
        client.get_compliance_details_by_config_rule(**query)
    assert code_of(error) == code


# Faults


def test_a_throttle_is_retried_by_botocore(organization: LocalOrganization) -> None:
    organization.create_repository(ONE, HOME, "app", PRIVATE)
    ecr = organization.session(ONE, HOME).client("ecr")
    with organization.faults.inject(Fault("ecr", "GetRepositoryPolicy")) as throttle:
        assert ecr.get_repository_policy(repositoryName="app")["policyText"] == PRIVATE
    assert [call.fault for call in organization.calls] == ["ThrottlingException", ""]
    assert len(throttle.calls) == len(organization.waits) == 1
    assert throttle.spent


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [(400, "ThrottlingException", 3), (400, "AccessDeniedException", 1), (500, "ServerException", 3)],
)
def test_a_lasting_error_reaches_the_caller(
    organization: LocalOrganization, status: int, code: str, attempts: int
) -> None:
    ecr = organization.session(ONE, HOME).client("ecr", config=Config(retries={"mode": "standard"}))
    fault = Fault("ecr", "DescribeRepositories", status=status, code=code, message="no", times=None)
    with organization.faults.inject(fault) as injected, pytest.raises(ClientError, match="no") as error:
        ecr.describe_repositories()
    assert code_of(error) == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(injected.calls) == attempts
    assert ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (Connection.RESET, ConnectionClosedError),
        (Connection.READ_TIMEOUT, ReadTimeoutError),
        (Connection.CONNECT_TIMEOUT, BotoCoreError),
        (Connection.UNREACHABLE, EndpointConnectionError),
    ],
)
def test_a_broken_connection(
    organization: LocalOrganization, connection: Connection, expected: type[Exception]
) -> None:
    ecr = organization.session(ONE, HOME).client("ecr")
    once = Fault("ecr", "DescribeRepositories", connection=connection)
    with organization.faults.inject(once):
        assert ecr.describe_repositories()["repositories"] == []
    assert organization.calls[0].fault == connection.value
    always = Fault("ecr", "DescribeRepositories", connection=connection, times=None)
    with organization.faults.inject(always), pytest.raises(expected):
        ecr.describe_repositories()


def test_a_fault_picks_its_calls(organization: LocalOrganization) -> None:
    for account, name in ((ONE, "team/a"), (ONE, "team/b"), (TWO, "team/a")):
        organization.create_repository(account, HOME, name, PRIVATE)
    gone = Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", account=ONE, repository="team/a")
    one, two = (organization.session(account, HOME).client("ecr") for account in MEMBERS)
    with organization.faults.inject(gone):
        assert two.get_repository_policy(repositoryName="team/a")
        assert one.get_repository_policy(repositoryName="team/b")
        with pytest.raises(one.exceptions.RepositoryNotFoundException):
            one.get_repository_policy(repositoryName="team/a")
        assert one.get_repository_policy(repositoryName="team/a")
    by_parameters = Fault(
        "ecr",
        "GetRepositoryPolicy",
        code="X",
        when=lambda call: call.parameters["repositoryName"] == "team/b",
    )
    with organization.faults.inject(by_parameters), pytest.raises(ClientError, match="X"):
        one.get_repository_policy(repositoryName="team/b")
    assert one.get_repository_policy(repositoryName="team/b")


def test_a_lost_answer_is_work_done_twice(organization: LocalOrganization, config: ConfigService) -> None:
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    lost = Fault("config", "PutEvaluations", connection=Connection.READ_TIMEOUT, processed=True)
    with organization.faults.inject(lost):
        config.deliver_change(ONE, HOME, "app")
    assert len(config.put_evaluations) == 2
    assert shown(config) == {"app": "NON_COMPLIANT"}


def test_an_answer_that_no_aws_service_gave(organization: LocalOrganization) -> None:
    ecr = organization.session(ONE, HOME).client("ecr")
    page = Fault("ecr", "DescribeRepositories", status=403, body="<html>Blocked by the proxy</html>")
    with organization.faults.inject(page), pytest.raises(ClientError) as error:
        ecr.describe_repositories()
    assert code_of(error) == "403"


def test_a_fault_of_sts_speaks_its_protocol(organization: LocalOrganization) -> None:
    sts = boto3.client("sts")
    arn = f"arn:aws:iam::{ONE}:role/{ROLE}"
    fault = Fault("sts", "AssumeRole", status=403, code="AccessDenied", message="<no>")
    with organization.faults.inject(fault), pytest.raises(ClientError, match="<no>") as error:
        sts.assume_role(RoleArn=arn, RoleSessionName="test")
    assert code_of(error) == "AccessDenied"
    assert sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]


# Roles


@pytest.mark.parametrize(
    "role",
    [
        f"{ONE}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        f"{ONE}:role/another-name",
        f"{TWO}:role/{ROLE}",
        f"999999999999:role/{ROLE}",
    ],
)
def test_roles_that_nobody_can_assume(organization: LocalOrganization, role: str) -> None:
    organization.accounts_without_role.add(TWO)
    with pytest.raises(ClientError) as error:
        boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{role}", RoleSessionName="test")
    assert code_of(error) == "AccessDenied"


def test_a_member_cannot_assume_a_role(organization: LocalOrganization) -> None:
    sts = organization.session(ONE, HOME).client("sts")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=f"arn:aws:iam::{TWO}:role/{ROLE}", RoleSessionName="test")


# Invocations


def test_an_asynchronous_invocation_is_tried_three_times(organization: LocalOrganization) -> None:
    requests: list[str] = []

    def broken(event: dict[str, Any], context: LambdaContext) -> None:
        requests.append(context.aws_request_id)
        event.clear()
        raise RuntimeError("broken")

    config = ConfigService(organization, broken, asynchronous=True)
    config.put_rule(ONE, HOME, RULE)
    (invocation,) = config.deliver_scheduled(ONE, HOME)
    assert config.on_failure == [invocation]
    assert (invocation.attempts, str(invocation.error)) == (3, "broken")
    assert invocation.event["accountId"] == ONE
    assert len(requests) == 3
    assert set(requests) == {invocation.request_id}


def test_an_asynchronous_invocation_heals(organization: LocalOrganization) -> None:
    config = ConfigService(organization, example_handler, asynchronous=True)
    config.put_rule(ONE, HOME, RULE, ROLE_PARAMETER)
    organization.create_repository(ONE, HOME, "app", PUBLIC)
    denied = Fault("config", "PutEvaluations", code="AccessDeniedException")
    with organization.faults.inject(denied):
        (invocation,) = config.deliver_change(ONE, HOME, "app")
    assert (invocation.attempts, invocation.error) == (2, None)
    assert config.on_failure == []
    assert shown(config) == {"app": "NON_COMPLIANT"}


def test_the_function_has_its_environment_and_context(organization: LocalOrganization) -> None:
    def look(_event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
        return {
            "variables": [os.environ.get(name) for name in ("EXECUTION_ROLE_NAME", "AWS_REGION")],
            "function": context.invoked_function_arn.rpartition(":")[2],
            "log": context.log_group_name,
            "time left": context.get_remaining_time_in_millis() > 0,
        }

    config = ConfigService(organization, look, environment={"EXECUTION_ROLE_NAME": ROLE})
    config.put_rule(ONE, ABROAD, RULE)
    (invocation,) = config.deliver_scheduled(ONE, ABROAD)
    assert invocation.returned == {
        "variables": [ROLE, ABROAD],
        "function": "ecr-repository-no-public-access",
        "log": "/aws/lambda/ecr-repository-no-public-access",
        "time left": True,
    }
    assert "EXECUTION_ROLE_NAME" not in os.environ


def test_three_accounts_under_one_organization_rule(organization: LocalOrganization) -> None:
    config = ConfigService(organization, example_handler)
    rules = config.put_organization_rule("ecr-repository-no-public-access", ROLE_PARAMETER)
    assert len({rule.name for rule in rules}) == 6
    assert all(rule.name.startswith("OrgConfigRule-ecr-repository-no-public-access-") for rule in rules)
    organization.create_repository(HUB, HOME, "tools/base", PRIVATE)
    organization.create_repository(ONE, HOME, "team/app", PUBLIC)
    organization.create_repository(TWO, ABROAD, "team/app")
    assert len(config.deliver_scheduled_everywhere()) == 6
    found = {
        (rule.account, rule.region, row.resource_id): row.compliance
        for rule in rules
        for row in config.evaluations(*rule.key)
    }
    assert found == {
        (HUB, HOME, "tools/base"): "COMPLIANT",
        (ONE, HOME, "team/app"): "NON_COMPLIANT",
        (TWO, ABROAD, "team/app"): "COMPLIANT",
    }


# The border


def test_nothing_leaves_the_process(organization: LocalOrganization) -> None:
    with pytest.raises(urllib.error.URLError, match="outside"):
        urllib.request.urlopen("https://sts.eu-west-1.amazonaws.com", timeout=5)
    elsewhere = organization.session(ONE, HOME).client("ecr", endpoint_url="https://ecr.example.com")
    with pytest.raises(EndpointConnectionError):
        elsewhere.describe_repositories()
    assert socket.getaddrinfo("localhost", 80)


def test_strangers_are_refused(organization: LocalOrganization) -> None:
    stranger = boto3.Session("AKIASTRANGER", "secret", region_name=HOME)
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        stranger.client("ecr").describe_repositories()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.client("sts").get_caller_identity()
    assert [call.account for call in organization.calls] == ["", ""]


def test_everything_is_undone_on_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    before = (
        dict(os.environ),
        list(BUILTIN_HANDLERS),
        socket.getaddrinfo,
        boto3.DEFAULT_SESSION,
        vars(ConfigBackend)["put_evaluations"],
        vars(ConfigResponse)["get_resource_config_history"],
        hasattr(ConfigResponse, "get_compliance_details_by_config_rule"),
        vars(ECRResponse)["describe_repositories"],
    )
    with LocalOrganization() as organization:
        client = organization.session(ONE, HOME).client("ecr")
        assert "AWS_PROFILE" not in os.environ
    assert before == (
        dict(os.environ),
        list(BUILTIN_HANDLERS),
        socket.getaddrinfo,
        boto3.DEFAULT_SESSION,
        vars(ConfigBackend)["put_evaluations"],
        vars(ConfigResponse)["get_resource_config_history"],
        hasattr(ConfigResponse, "get_compliance_details_by_config_rule"),
        vars(ECRResponse)["describe_repositories"],
    )
    with pytest.raises(RuntimeError, match="gone"):
        client.describe_repositories()
