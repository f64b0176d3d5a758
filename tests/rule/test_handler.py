"""The handler on a local AWS organization: real rdklib, real botocore, documented events."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from ecr_exposure import EvaluationError, ItemError, ParameterError
from ecr_exposure.aws import SWITCH, kept_clients
from ecr_exposure.handler import lambda_handler
from tests.corpus.loader import Case, all_cases
from tests.local_aws.config_service import ConfigService
from tests.local_aws.config_store import Evaluation
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import LocalOrganization

RULE = "ecr-repository-no-public-access"
ROLE = "EcrExposureEvaluation"
REGION = "eu-west-1"
OTHER_REGION = "us-east-1"
MEMBER = "444455556666"
OTHER_MEMBER = "777788889999"

OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
PULL = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
CLOSED = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "ecr:BatchGetImage"}]}
)


class Place:
    """One member account and region with the rule, and what the tests ask of it."""

    def __init__(self, organization: LocalOrganization, config: ConfigService, parameters: dict[str, str]) -> None:
        """Put the organization rule everywhere."""
        self.organization = organization
        self.config = config
        rules = config.put_organization_rule(RULE, parameters)
        self.rule = next(rule for rule in rules if (rule.account, rule.region) == (MEMBER, REGION))

    def create(self, name: str, policy: str | None) -> None:
        """Make a repository in the member account."""
        self.organization.create_repository(MEMBER, REGION, name, policy)

    def dashboard(self) -> dict[str, tuple[str, str | None]]:
        """Return what AWS Config shows: repository to compliance and annotation."""
        return {row.resource_id: (row.compliance, row.annotation) for row in self.rows()}

    def rows(self) -> tuple[Evaluation, ...]:
        """Return the evaluations of the rule in the member account."""
        return self.config.evaluations(MEMBER, REGION, self.rule.name)

    def compliances(self) -> dict[str, str]:
        """Return what AWS Config shows: repository to compliance."""
        return {row.resource_id: row.compliance for row in self.rows()}

    def operations(self) -> list[tuple[str, str]]:
        """Return the AWS calls so far."""
        return [(call.service, call.operation) for call in self.organization.calls]


@contextmanager
def deployed(parameters: dict[str, str] | None = None, **options: Any) -> Iterator[Place]:
    """Deploy the function to an organization, with its environment as the template sets it."""
    per_page = options.pop("repositories_per_page", 1000)
    with LocalOrganization(execution_role=ROLE, repositories_per_page=per_page) as organization:
        environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true", SWITCH: options.pop("switch", "")}
        config = ConfigService(organization, lambda_handler, environment=environment, **options)
        place = Place(organization, config, parameters or {})
        organization.calls.clear()
        yield place


@pytest.fixture(scope="module")
def corpus_place() -> Iterator[Place]:
    with deployed() as place:
        yield place


class TestChange:
    """ConfigurationItemChangeNotification."""

    def test_verdicts_reach_the_dashboard(self) -> None:
        with deployed() as place:
            for name, policy in {"open": OPEN, "team/app": CLOSED, "none": None, "broken": "{"}.items():
                place.create(name, policy)
                place.config.deliver_change(MEMBER, REGION, name)
            told = "Everyone can administer, delete, push and pull: Statement[0] allows ecr:* to * with no Condition."
            assert place.dashboard() == {
                "broken": (
                    "NON_COMPLIANT",
                    "Cannot be judged: not JSON: Expecting property name enclosed in double quotes at line 1 column 2",
                ),
                "none": ("COMPLIANT", "The repository has no policy, so none lets anybody outside its account in."),
                "open": ("NON_COMPLIANT", told),
                "team/app": (
                    "COMPLIANT",
                    "No statement of the repository policy allows everyone without a Condition.",
                ),
            }

    def test_a_deleted_repository_leaves_the_dashboard(self) -> None:
        with deployed() as place:
            place.create("open", OPEN)
            place.config.deliver_change(MEMBER, REGION, "open")
            place.organization.delete_repository(MEMBER, REGION, "open")
            place.config.deliver_deletion(MEMBER, REGION, "open")
            assert place.dashboard() == {}

    def test_what_left_the_scope_leaves_the_dashboard(self) -> None:
        with deployed() as place:
            place.create("open", OPEN)
            place.config.deliver_change(MEMBER, REGION, "open")
            place.config.deliver_item(place.config.record(MEMBER, REGION, "open"), left_scope=True)
            assert place.dashboard() == {}

    def test_a_missing_left_scope_is_false(self) -> None:
        with deployed() as place:
            place.create("open", OPEN)
            event = change_event(place, "open")
            del event["eventLeftScope"]
            place.config.invoke(event, region=REGION)
            assert place.compliances() == {"open": "NON_COMPLIANT"}

    def test_another_resource_type_is_not_applicable(self) -> None:
        with deployed() as place:
            place.create("open", OPEN)
            event = change_event(place, "open", resourceType="AWS::ECR::PublicRepository")
            (returned,) = lambda_answer(place, event)
            assert returned["ComplianceType"] == "NOT_APPLICABLE"
            assert place.dashboard() == {}

    @pytest.mark.parametrize(
        ("configuration", "compliance", "told"),
        [
            (None, "NON_COMPLIANT", "Cannot be judged: configuration: null is not an object"),
            ([], "NON_COMPLIANT", "Cannot be judged: configuration: a list is not an object"),
            ("{", "NON_COMPLIANT", "Cannot be judged: configuration: not JSON: "),
            (
                {"RepositoryName": "rr", "RepositoryPolicyText": 7},
                "NON_COMPLIANT",
                "Cannot be judged: configuration.RepositoryPolicyText: 7 is neither text nor an object",
            ),
            (
                {"RepositoryName": "rr", "repositoryPolicyText": "{}"},
                "NON_COMPLIANT",
                "Cannot be judged: configuration: RepositoryPolicyText is spelled differently",
            ),
            ({"Tags": []}, "NON_COMPLIANT", "Cannot be judged: configuration: neither RepositoryPolicyText nor"),
            (json.dumps({"RepositoryName": "rr", "RepositoryPolicyText": OPEN}), "NON_COMPLIANT", "Everyone can"),
            ({"Arn": "aa", "RepositoryPolicyText": json.loads(OPEN)}, "NON_COMPLIANT", "Everyone can"),
            ({"Arn": "a"}, "COMPLIANT", "The repository has no policy"),
            ({"RepositoryName": "rr", "RepositoryPolicyText": None}, "COMPLIANT", "The repository has no policy"),
        ],
    )
    def test_shapes_of_the_configuration(self, configuration: Any, compliance: str, told: str) -> None:
        with deployed() as place:
            place.create("rr", None)
            place.config.invoke(change_event(place, "rr", configuration=configuration), region=REGION)
            ((shown, annotation),) = place.dashboard().values()
            assert shown == compliance
            assert (annotation or "").startswith(told)

    def test_an_item_without_configuration_cannot_be_judged(self) -> None:
        with deployed() as place:
            place.create("rr", None)
            event = change_event(place, "rr")
            invoking = json.loads(event["invokingEvent"])
            del invoking["configurationItem"]["configuration"]
            place.config.invoke({**event, "invokingEvent": json.dumps(invoking)}, region=REGION)
            assert place.compliances() == {"rr": "NON_COMPLIANT"}

    def test_accounts_and_regions_stay_apart(self) -> None:
        with deployed() as place:
            organization, config = place.organization, place.config
            for account, region, policy in (
                (MEMBER, REGION, OPEN),
                (MEMBER, OTHER_REGION, CLOSED),
                (OTHER_MEMBER, REGION, None),
            ):
                organization.create_repository(account, region, "app", policy)
                config.deliver_change(account, region, "app")
            shown = {
                (rule.account, rule.region): [row.compliance for row in config.evaluations(*rule.key)]
                for account in (MEMBER, OTHER_MEMBER)
                for region in (REGION, OTHER_REGION)
                for rule in config.rules(account, region)
            }
            assert shown == {
                (MEMBER, REGION): ["NON_COMPLIANT"],
                (MEMBER, OTHER_REGION): ["COMPLIANT"],
                (OTHER_MEMBER, REGION): ["COMPLIANT"],
                (OTHER_MEMBER, OTHER_REGION): [],
            }

    def test_clients_are_kept_between_events(self) -> None:
        """A second event of the same account costs one call, not a role and two clients."""
        with deployed() as place:
            place.create("rr", CLOSED)
            place.config.deliver_change(MEMBER, REGION, "rr")
            assert place.operations()[-2:] == [("sts", "AssumeRole"), ("config", "PutEvaluations")]
            place.organization.calls.clear()
            place.config.deliver_change(MEMBER, REGION, "rr")
            assert place.operations() == [("config", "PutEvaluations")]
            assert len(kept_clients) == 1


class TestOversized:
    """OversizedConfigurationItemChangeNotification."""

    def test_the_item_comes_from_the_history(self) -> None:
        with deployed() as place:
            place.create("big", OPEN)
            (invocation,) = place.config.deliver_oversized(MEMBER, REGION, "big")
            assert place.compliances() == {"big": "NON_COMPLIANT"}
            assert ("config", "GetResourceConfigHistory") in place.operations()
            json.dumps(invocation.returned)

    def test_a_deleted_one_needs_no_history(self) -> None:
        with deployed() as place:
            place.create("big", OPEN)
            place.config.deliver_oversized(MEMBER, REGION, "big")
            place.organization.delete_repository(MEMBER, REGION, "big")
            place.organization.calls.clear()
            place.config.deliver_item(place.config.record(MEMBER, REGION, "big"), oversized=True)
            assert place.dashboard() == {}
            assert ("config", "GetResourceConfigHistory") not in place.operations()

    def test_a_history_without_items_fails(self) -> None:
        with deployed() as place:
            place.create("big", OPEN)
            empty = Fault("config", "GetResourceConfigHistory", status=200, body='{"configurationItems": []}')
            with place.organization.faults.inject(empty), pytest.raises(ItemError, match="no configuration item"):
                place.config.deliver_oversized(MEMBER, REGION, "big")
            assert place.config.put_evaluations == []

    def test_a_history_item_without_configuration_cannot_be_judged(self) -> None:
        with deployed() as place:
            place.create("big", OPEN)
            item = {
                "configurationItemStatus": "OK",
                "configurationItemCaptureTime": 1795523415.5,
                "resourceType": "AWS::ECR::Repository",
                "resourceId": "big",
                "accountId": MEMBER,
            }
            body = json.dumps({"configurationItems": [item]})
            with place.organization.faults.inject(Fault("config", "GetResourceConfigHistory", status=200, body=body)):
                place.config.deliver_oversized(MEMBER, REGION, "big")
            assert place.dashboard() == {
                "big": ("NON_COMPLIANT", "Cannot be judged: configuration: null is not an object")
            }


class TestScheduled:
    """ScheduledNotification."""

    def test_every_page_is_looked_at(self) -> None:
        with deployed(repositories_per_page=3) as place:
            for number in range(10):
                place.create(f"r{number}", OPEN if number % 2 else CLOSED)
            place.config.deliver_scheduled(MEMBER, REGION)
            expected = {f"r{number}": "NON_COMPLIANT" if number % 2 else "COMPLIANT" for number in range(10)}
            assert place.compliances() == expected

    def test_an_account_without_a_repository(self) -> None:
        with deployed() as place:
            (invocation,) = place.config.deliver_scheduled(MEMBER, REGION)
            assert invocation.returned == []

    def test_batches_of_a_hundred(self) -> None:
        with deployed() as place:
            for number in range(250):
                place.create(f"r{number}", None)
            place.config.deliver_scheduled(MEMBER, REGION)
            assert [len(call.evaluations) for call in place.config.put_evaluations] == [100, 100, 50]
            assert len(place.rows()) == 250

    def test_what_is_gone_is_cleared(self) -> None:
        with deployed() as place:
            place.create("gone", OPEN)
            place.create("stays", OPEN)
            place.config.deliver_scheduled(MEMBER, REGION)
            place.organization.delete_repository(MEMBER, REGION, "gone")
            place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"stays": "NON_COMPLIANT"}

    def test_a_repository_that_vanishes_meanwhile(self) -> None:
        with deployed() as place:
            place.create("stays", OPEN)
            place.create("vanishes", OPEN)
            place.config.deliver_scheduled(MEMBER, REGION)
            fault = Fault("ecr", "GetRepositoryPolicy", code="RepositoryNotFoundException", repository="vanishes")
            with place.organization.faults.inject(fault) as injected:
                place.config.deliver_scheduled(MEMBER, REGION)
            assert injected.calls
            assert place.compliances() == {"stays": "NON_COMPLIANT"}

    def test_one_that_may_not_be_read_fails_the_run_and_hides_nothing(self) -> None:
        """Its old evaluation stays, the others are put, nothing is cleared, the invocation fails."""
        with deployed() as place:
            for name in ("aa", "forbidden", "gone", "zz"):
                place.create(name, OPEN)
            place.config.deliver_scheduled(MEMBER, REGION)
            place.organization.delete_repository(MEMBER, REGION, "gone")
            for name in ("aa", "forbidden", "zz"):
                place.organization.set_policy(MEMBER, REGION, name, CLOSED)
            fault = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", repository="forbidden")
            with (
                place.organization.faults.inject(fault),
                pytest.raises(EvaluationError, match=r"not everything was evaluated \(1\): forbidden: .*AccessDenied"),
            ):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {
                "aa": "COMPLIANT",
                "forbidden": "NON_COMPLIANT",
                "gone": "NON_COMPLIANT",
                "zz": "COMPLIANT",
            }

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("ecr", "GetRepositoryPolicy", status=500, code="ServerException", repository="bb", times=None),
            Fault("ecr", "GetRepositoryPolicy", connection=Connection.RESET, repository="bb", times=None),
        ],
        ids=["server error", "connection reset"],
    )
    def test_one_that_cannot_be_read_holds_up_no_other(self, fault: Fault) -> None:
        with deployed() as place:
            for name in ("aa", "bb", "cc", "gone"):
                place.create(name, OPEN)
            place.config.deliver_scheduled(MEMBER, REGION)
            place.organization.delete_repository(MEMBER, REGION, "gone")
            for name in ("aa", "bb", "cc"):
                place.organization.set_policy(MEMBER, REGION, name, CLOSED)
            with place.organization.faults.inject(fault), pytest.raises(EvaluationError, match=r"\(1\): bb: "):
                place.config.deliver_scheduled(MEMBER, REGION)
            open_still = {"bb": "NON_COMPLIANT", "gone": "NON_COMPLIANT"}
            assert place.compliances() == {"aa": "COMPLIANT", "cc": "COMPLIANT"} | open_still

    def test_a_service_that_is_down_is_not_asked_for_ever(self) -> None:
        with deployed() as place:
            for number in range(30):
                place.create(f"r{number:02d}", OPEN)
            denied = Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", times=None)
            with (
                place.organization.faults.inject(denied) as injected,
                pytest.raises(EvaluationError, match="the repositories from here on"),
            ):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert len(injected.calls) == 10

    def test_a_run_stops_before_its_time_is_up(self) -> None:
        """What it has is put, and the invocation fails."""
        remaining = iter([300_000, 300_000, 200_000, 50_000])
        with deployed() as place:
            for name in ("aa", "bb", "cc"):
                place.create(name, OPEN)
            event = place.config.event(place.rule, place.config.scheduled_message(MEMBER))
            context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(remaining))
            environment = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true", "AWS_REGION": REGION}
            with patch.dict(os.environ, environment), pytest.raises(EvaluationError, match="the time is nearly up"):
                lambda_handler(event, context)
            assert place.compliances() == {"aa": "NON_COMPLIANT", "bb": "NON_COMPLIANT"}

    def test_a_broken_list_clears_nothing(self) -> None:
        with deployed(repositories_per_page=1) as place:
            for name in ("aa", "bb"):
                place.create(name, OPEN)
            place.config.deliver_scheduled(MEMBER, REGION)
            fault = Fault(
                "ecr",
                "DescribeRepositories",
                code="AccessDeniedException",
                when=lambda call: "nextToken" in call.parameters,
            )
            with place.organization.faults.inject(fault), pytest.raises(EvaluationError):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT", "bb": "NON_COMPLIANT"}

    def test_evaluations_that_cannot_be_read_do_not_hold_back_new_ones(self) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            fault = Fault("config", "GetComplianceDetailsByConfigRule", code="AccessDeniedException")
            with place.organization.faults.inject(fault), pytest.raises(EvaluationError, match="that are gone"):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    def test_a_throttle_is_waited_out(self) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            throttle = Fault("ecr", "DescribeRepositories", code="ThrottlingException", times=1)
            with place.organization.faults.inject(throttle) as injected:
                place.config.deliver_scheduled(MEMBER, REGION)
            assert injected.spent
            assert place.compliances() == {"aa": "NON_COMPLIANT"}


ODD_ANSWERS = {
    "empty": "{}",
    "half": '{"a',
    "a page": "<html>",
    "null": '{"policyText": null, "configurationItems": null}',
}


class TestOddAnswers:
    """Answers that are none: a proxy's page, half a document, fields left out."""

    @pytest.mark.parametrize("body", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
    def test_for_one_repository(self, body: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            place.create("bb", OPEN)
            odd = Fault("ecr", "GetRepositoryPolicy", status=200, body=body, repository="aa")
            with place.organization.faults.inject(odd), pytest.raises(EvaluationError, match=r"\(1\): aa: "):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"bb": "NON_COMPLIANT"}

    @pytest.mark.parametrize("body", ["{}", '{"EvaluationResults": [{}]}', '{"a'])
    def test_for_the_earlier_evaluations(self, body: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            odd = Fault("config", "GetComplianceDetailsByConfigRule", status=200, body=body)
            with place.organization.faults.inject(odd), pytest.raises(EvaluationError, match="that are gone"):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize("body", ["{}", '{"repositories": [{"repositoryName": "aa"}]}'])
    def test_for_the_list(self, body: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            odd = Fault("ecr", "DescribeRepositories", status=200, body=body)
            with place.organization.faults.inject(odd), pytest.raises(EvaluationError):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.dashboard() == {}

    @pytest.mark.parametrize("body", ['{"a', "<html>"])
    def test_for_the_evaluations(self, body: str) -> None:
        """AWS answers every call with a request id; what comes without one has put nothing."""
        with deployed() as place:
            place.create("aa", OPEN)
            odd = Fault("config", "PutEvaluations", status=200, body=body)
            with place.organization.faults.inject(odd), pytest.raises(EvaluationError, match="not AWS Config"):
                place.config.deliver_change(MEMBER, REGION, "aa")

    @pytest.mark.parametrize(
        "body",
        [
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>WJALR</SecretAccessKey><S",
            "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>",
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><Expiration>2030-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ],
        ids=["cut off", "empty", "only a time"],
    )
    def test_for_the_role(self, body: str) -> None:
        """Never the function's own credentials instead, and no part of a secret in the error."""
        with deployed() as place:
            place.create("aa", OPEN)
            odd = Fault("sts", "AssumeRole", status=200, body=body)
            with (
                place.organization.faults.inject(odd),
                pytest.raises(EvaluationError, match="no credentials") as raised,
            ):
                place.config.deliver_change(MEMBER, REGION, "aa")
            assert "WJALR" not in str(raised.value)
            assert raised.value.__cause__ is None
            assert place.config.put_evaluations == []

    def test_refused_credentials_are_not_kept(self) -> None:
        with deployed(asynchronous=True) as place:
            place.create("aa", OPEN)
            place.config.deliver_change(MEMBER, REGION, "aa")
            expired = Fault("config", "PutEvaluations", status=403, code="ExpiredTokenException", times=1)
            place.organization.calls.clear()
            with place.organization.faults.inject(expired):
                place.config.deliver_change(MEMBER, REGION, "aa")
            assert [call.operation for call in place.organization.calls] == [
                "PutEvaluations",
                "AssumeRole",
                "PutEvaluations",
            ]
            assert place.config.on_failure == []

    @pytest.mark.parametrize("configuration", ['{"RepositoryName": "big", "RepositoryPolicyText": "TEXT", '
                                               '"RepositoryPolicyText": {}}', "{", "", "[" * 5_000])  # fmt: skip
    def test_an_odd_history_item_cannot_be_judged(self, configuration: str) -> None:
        with deployed() as place:
            place.create("big", OPEN)
            item = {
                "configurationItemStatus": "OK",
                "configurationItemCaptureTime": 1795523415.5,
                "resourceType": "AWS::ECR::Repository",
                "resourceId": "big",
                "accountId": MEMBER,
                "configuration": configuration,
            }
            body = json.dumps({"configurationItems": [item]})
            with place.organization.faults.inject(Fault("config", "GetResourceConfigHistory", status=200, body=body)):
                place.config.deliver_oversized(MEMBER, REGION, "big")
            ((compliance, annotation),) = place.dashboard().values()
            assert compliance == "NON_COMPLIANT"
            assert (annotation or "").startswith("Cannot be judged: configuration: ")

    @pytest.mark.parametrize("status", ["Unheard", "ok"])
    def test_an_unknown_status_clears_nothing(self, status: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            place.config.deliver_change(MEMBER, REGION, "aa")
            with pytest.raises(ItemError, match="configurationItemStatus"):
                place.config.invoke(change_event(place, "aa", configurationItemStatus=status), region=REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    def test_a_key_that_stands_twice_in_a_change_cannot_be_judged(self) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            event = change_event(place, "aa", configuration="HERE")
            twice = '{"RepositoryName": "aa", "RepositoryPolicyText": "", "RepositoryPolicyText": {}}'
            event["invokingEvent"] = event["invokingEvent"].replace('"HERE"', twice)
            place.config.invoke(event, region=REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize(("field", "value"), [("awsAccountId", "12"), ("awsRegion", "global")])
    def test_an_item_of_nowhere_is_refused(self, field: str, value: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            with pytest.raises(EvaluationError, match=rf"configurationItem\.{field}: '{value}'"):
                place.config.invoke(change_event(place, "aa", **{field: value}), region=REGION)


class TestFailures:
    """Nothing that goes wrong is swallowed, and nothing wrong is put."""

    def test_refused_evaluations_fail_the_invocation(self) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            with (
                place.organization.failing_evaluations(lambda _: True),
                pytest.raises(EvaluationError, match="AWS Config refused 1 evaluations, first aa"),
            ):
                place.config.deliver_change(MEMBER, REGION, "aa")
            place.config.deliver_change(MEMBER, REGION, "aa")
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    def test_one_refused_evaluation_holds_up_no_other(self) -> None:
        with deployed() as place:
            for number in range(150):
                place.create(f"r{number:03d}", OPEN)
            with (
                place.organization.failing_evaluations(lambda one: one["ComplianceResourceId"] == "r000"),
                pytest.raises(EvaluationError, match="AWS Config refused 1 evaluations, first r000"),
            ):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert len(place.rows()) == 149

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("config", "PutEvaluations", code="InvalidResultTokenException"),
            Fault("config", "PutEvaluations", status=403, code="AccessDeniedException"),
            Fault("config", "PutEvaluations", status=500, code="InternalFailure", times=None),
            Fault("sts", "AssumeRole", status=403, code="AccessDenied"),
        ],
        ids=lambda fault: fault.code,
    )
    def test_an_error_of_aws_fails_the_invocation(self, fault: Fault) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            with place.organization.faults.inject(fault), pytest.raises(EvaluationError, match=fault.code):
                place.config.deliver_change(MEMBER, REGION, "aa")
            assert place.dashboard() == {}

    def test_an_account_without_the_role_fails_alone(self) -> None:
        with deployed(asynchronous=True) as place:
            place.organization.accounts_without_role.add(OTHER_MEMBER)
            for account in (MEMBER, OTHER_MEMBER):
                place.organization.create_repository(account, REGION, "aa", OPEN)
            place.config.deliver_change(OTHER_MEMBER, REGION, "aa")
            place.config.deliver_change(MEMBER, REGION, "aa")
            (failed,) = place.config.on_failure
            assert failed.attempts == 3
            assert failed.event["accountId"] == OTHER_MEMBER
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize(
        "parameters",
        [{"publicAccessTest": "strict"}, {"trustedAccounts": "1"}, {"unknownName": "x"}],
        ids=lambda parameters: next(iter(parameters)),
    )
    @pytest.mark.parametrize("kind", ["change", "oversized", "scheduled"])
    def test_a_bad_parameter_fails_before_any_call(self, parameters: dict[str, str], kind: str) -> None:
        with deployed(parameters) as place:
            place.create("aa", OPEN)
            place.organization.calls.clear()
            deliver = getattr(place.config, f"deliver_{kind}")
            with pytest.raises(ParameterError):
                deliver(*((MEMBER, REGION) if kind == "scheduled" else (MEMBER, REGION, "aa")))
            assert place.organization.calls == []

    @pytest.mark.parametrize("text", [None, "", "{}"], ids=["absent", "empty text", "empty object"])
    def test_no_parameters(self, text: str | None) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            event = change_event(place, "aa")
            if text is None:
                del event["ruleParameters"]
            else:
                event["ruleParameters"] = text
            place.config.invoke(event, region=REGION)
            assert place.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"ruleParameters": "[]"}, ParameterError, "ruleParameters: a list is not an object"),
            ({"ruleParameters": "{"}, ParameterError, "ruleParameters: not JSON"),
            ({"resultToken": None}, EvaluationError, r"event\.resultToken: missing"),
            ({"invokingEvent": None}, EvaluationError, r"event\.invokingEvent: null is not JSON text"),
            ({"invokingEvent": "{"}, EvaluationError, r"event\.invokingEvent: not JSON"),
            ({"invokingEvent": "{}"}, EvaluationError, r"invokingEvent\.messageType: null is unknown \(accepted: "),
            ({"invokingEvent": '{"messageType": "X"}'}, EvaluationError, r"messageType: \"X\" is unknown"),
            (
                {"invokingEvent": '{"messageType": "ConfigurationItemChangeNotification"}'},
                ItemError,
                r"invokingEvent\.configurationItem: null is not an object",
            ),
            (
                {"invokingEvent": '{"messageType": "ScheduledNotification"}'},
                EvaluationError,
                r"invokingEvent\.notificationCreationTime: null",
            ),
            ({"executionRoleArn": "arn:aws:iam::999999999999:role/x"}, EvaluationError, "not of the account"),
            ({"executionRoleArn": ""}, EvaluationError, "missing, and AssumeRoleMode is not false"),
        ],
    )
    def test_an_event_that_nobody_sends(self, changes: dict[str, Any], error: type[Exception], message: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            event = change_event(place, "aa") | changes
            place.organization.calls.clear()
            with pytest.raises(error, match=message):
                place.config.invoke(event, region=REGION)
            assert place.organization.calls == []

    @pytest.mark.parametrize(
        "name", ["resourceType", "resourceId", "configurationItemStatus", "configurationItemCaptureTime"]
    )
    def test_an_item_that_does_not_say_what_it_is_about(self, name: str) -> None:
        with deployed() as place:
            place.create("aa", OPEN)
            with pytest.raises(ItemError, match=name):
                place.config.invoke(change_event(place, "aa", **{name: None}), region=REGION)

    def test_no_event_at_all(self) -> None:
        with pytest.raises(EvaluationError, match="event: null is not an object"):
            lambda_handler(None, None)

    def test_a_role_that_the_environment_fixes_is_taken_whatever_the_mode(self) -> None:
        with LocalOrganization(execution_role=ROLE) as organization:
            config = ConfigService(organization, lambda_handler, environment={"EXECUTION_ROLE_NAME": ROLE})
            config.put_rule(MEMBER, REGION, RULE, {"AssumeRoleMode": "false"})
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            with pytest.raises(ParameterError, match="AssumeRoleMode: 'false' is refused"):
                config.deliver_change(MEMBER, REGION, "aa")

    def test_blanks_around_a_parameter_do_not_matter(self) -> None:
        with LocalOrganization() as organization:
            config = ConfigService(organization, lambda_handler)
            rule = config.put_rule(organization.hub, REGION, RULE, {"AssumeRoleMode": " false "})
            organization.create_repository(organization.hub, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(organization.hub, REGION, "aa")
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert not [call for call in organization.calls if call.service == "sts"]

    @pytest.mark.parametrize("parameter", ["ExecutionRoleName", "AssumeRoleMode"])
    def test_the_environment_fixes_role_and_mode(self, parameter: str) -> None:
        """Whoever owns the invoking rule cannot make the function act in another role, or in its own."""
        other = {"ExecutionRoleName": "Administrator", "AssumeRoleMode": "false"}[parameter]
        with deployed({parameter: other}) as place:
            place.create("aa", OPEN)
            place.organization.calls.clear()
            with pytest.raises(ParameterError, match=f"{parameter}: '{other}' is refused"):
                place.config.deliver_scheduled(MEMBER, REGION)
            assert place.organization.calls == []


class TestOwnAccount:
    """The rule in the function's own account: no role is taken."""

    def test_the_functions_own_credentials(self) -> None:
        with LocalOrganization() as organization:
            config = ConfigService(organization, lambda_handler, environment={"ASSUME_ROLE_MODE": "false"})
            rule = config.put_rule(organization.hub, REGION, RULE)
            organization.create_repository(organization.hub, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(organization.hub, REGION, "aa")
            config.deliver_scheduled(organization.hub, REGION)
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert not [call for call in organization.calls if call.service == "sts"]

    def test_an_rdk_rule_takes_the_role_of_its_parameters(self) -> None:
        """Without an environment that fixes them, role and mode are the rule's parameters."""
        with LocalOrganization(execution_role="rdk-role") as organization:
            config = ConfigService(organization, lambda_handler)
            rule = config.put_rule(MEMBER, REGION, RULE, {"ExecutionRoleName": "rdk-role"})
            organization.create_repository(MEMBER, REGION, "aa", OPEN)
            organization.calls.clear()
            config.deliver_change(MEMBER, REGION, "aa")
            assert [row.compliance for row in config.evaluations(*rule.key)] == ["NON_COMPLIANT"]
            assert {c.role for c in organization.calls if c.operation == "PutEvaluations"} == {"rdk-role"}


class TestExclusion:
    """excludedPublicRepositories: public on purpose, to read and for nothing more."""

    @pytest.mark.parametrize(
        ("policy", "compliance", "told"),
        [
            (PULL, "COMPLIANT", 'Public on purpose (excludedPublicRepositories: "444455556666:public/*"). Everyone'),
            (OPEN, "NON_COMPLIANT", "Everyone can administer, delete, push and pull"),
            (PULL.replace("BatchGetImage", "FlyToTheMoon"), "NON_COMPLIANT", "Everyone is allowed an unknown action"),
            (PULL.replace("BatchGetImage", "TagResource"), "NON_COMPLIANT", "Everyone can configure"),
            (PULL.replace("BatchGetImage", "List*"), "COMPLIANT", "Public on purpose"),
            ("{", "NON_COMPLIANT", "Cannot be judged"),
            (CLOSED, "COMPLIANT", "No statement"),
            (None, "COMPLIANT", "The repository has no policy"),
        ],
    )
    def test_it_excuses_pull_and_discover(self, policy: str | None, compliance: str, told: str) -> None:
        with deployed({"excludedPublicRepositories": "444455556666:public/*"}) as place:
            place.create("public/app", policy)
            place.config.deliver_change(MEMBER, REGION, "public/app")
            ((shown, annotation),) = place.dashboard().values()
            assert (shown, (annotation or "")[: len(told)]) == (compliance, told)

    def test_what_reachable_would_not_excuse_is_told(self) -> None:
        everything = json.loads(FOR_ALL)["Statement"] | {"Action": "ecr:*"}
        pull = {"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
        with deployed({"excludedPublicRepositories": "public/*"}) as place:
            place.create("public/app", json.dumps({"Version": "2012-10-17", "Statement": [pull, everything]}))
            place.config.deliver_change(MEMBER, REGION, "public/app")
            ((compliance, annotation),) = place.dashboard().values()
            assert compliance == "COMPLIANT"
            assert "publicAccessTest=reachable says: Everyone can administer" in (annotation or "")

    def test_the_scheduled_run_excuses_the_same(self) -> None:
        with deployed({"excludedPublicRepositories": "public/*"}) as place:
            place.create("public/app", PULL)
            place.create("private/app", PULL)
            place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"public/app": "COMPLIANT", "private/app": "NON_COMPLIANT"}


ORG = "o-abcde12345"
FOR_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "Org",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "ecr:BatchGetImage",
            "Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORG}},
        },
    }
)
GUARDED = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "*",
                "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORG}},
            },
        ]
    }
)
PARTNER = CLOSED.replace("111122223333", "999988887777")
COLLEAGUE = CLOSED.replace("111122223333", OTHER_MEMBER)


class TestPublicAccessTest:
    """The rule parameter publicAccessTest, end to end."""

    @pytest.mark.parametrize(
        ("test", "policy", "compliance", "told"),
        [
            ("reachable", FOR_ALL, "NON_COMPLIANT", 'Everyone can pull: statement "Org" allows ecr:BatchGetImage to *: '
             "ForAllValues is also true when aws:PrincipalOrgID is absent: anyone outside an organization."),
            ("reachable", GUARDED, "COMPLIANT", "The repository policy lets no stranger in."),
            ("reachable", PARTNER, "COMPLIANT", "The repository policy lets no stranger in."),
            ("external", PARTNER, "NON_COMPLIANT", "Callers outside the trust zone can pull: "
             "Statement[0] allows ecr:BatchGetImage to account 999988887777 with no Condition."),
            ("external", GUARDED, "NON_COMPLIANT", "Callers outside the trust zone can pull: "
             "Statement[0] allows ecr:BatchGetImage to * with no Condition, and Statement[1] does not stop it: "
             "StringNotEquals is false for some aws:PrincipalOrgID that a caller can have."),
            ("unconditional", FOR_ALL, "COMPLIANT", "No statement of the repository policy allows everyone without a "
             'Condition. But publicAccessTest=reachable says: Everyone can pull: statement "Org" allows '
             "ecr:BatchGetImage to *: ForAllValues is also true when aws:PrincipalOrgID is absent: anyone…"),
            ("unconditional", GUARDED, "NON_COMPLIANT", "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * "
             "with no Condition. publicAccessTest=reachable, which weighs actions and Denies, lets nobody in"),
        ],
    )  # fmt: skip
    def test_verdicts(self, test: str, policy: str, compliance: str, told: str) -> None:
        with deployed({"publicAccessTest": test}) as place:
            place.create("team/app", policy)
            place.config.deliver_change(MEMBER, REGION, "team/app")
            assert place.dashboard() == {"team/app": (compliance, told)}

    @pytest.mark.parametrize(("asks", "compliance"), [("true", "COMPLIANT"), ("", "NON_COMPLIANT")])
    def test_members_of_the_organization_are_inside(self, asks: str, compliance: str) -> None:
        with deployed({"publicAccessTest": "external"}, switch=asks) as place:
            place.create("team/app", COLLEAGUE)
            place.config.deliver_change(MEMBER, REGION, "team/app")
            place.config.deliver_scheduled(MEMBER, REGION)
            assert place.compliances() == {"team/app": compliance}
            asked = [call for call in place.organization.calls if call.operation == "ListAccounts"]
            assert len(asked) == (1 if asks else 0)

    @pytest.mark.parametrize("body", ["{}", '{"Accounts": []}', '{"Accounts": [{}]}'])
    def test_an_odd_list_of_members_fails_and_is_not_kept(self, body: str) -> None:
        with deployed({"publicAccessTest": "external"}, switch="true") as place:
            place.create("team/app", COLLEAGUE)
            odd = Fault("organizations", "ListAccounts", status=200, body=body)
            with place.organization.faults.inject(odd), pytest.raises((EvaluationError, ParameterError)):
                place.config.deliver_change(MEMBER, REGION, "team/app")
            place.config.deliver_change(MEMBER, REGION, "team/app")
            assert place.compliances() == {"team/app": "COMPLIANT"}

    def test_an_odd_switch_is_refused(self) -> None:
        with deployed({"publicAccessTest": "external"}, switch="yes") as place:
            place.create("team/app", COLLEAGUE)
            with pytest.raises(EvaluationError, match="LIST_ORGANIZATION_ACCOUNTS: 'yes' is neither true nor false"):
                place.config.deliver_change(MEMBER, REGION, "team/app")

    def test_a_failed_look_up_of_members_fails_the_invocation(self) -> None:
        with deployed({"publicAccessTest": "external"}, switch="true") as place:
            place.create("team/app", COLLEAGUE)
            fault = Fault("organizations", "ListAccounts", code="AccessDeniedException")
            with place.organization.faults.inject(fault), pytest.raises(EvaluationError, match="AccessDenied"):
                place.config.deliver_change(MEMBER, REGION, "team/app")
            assert place.dashboard() == {}

    def test_trusted_accounts_are_inside(self) -> None:
        with deployed({"publicAccessTest": "external", "trustedAccounts": "999988887777"}) as place:
            place.create("team/app", PARTNER)
            place.config.deliver_change(MEMBER, REGION, "team/app")
            assert place.compliances() == {"team/app": "COMPLIANT"}

    def test_the_witness_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed({"publicAccessTest": "reachable"}) as place:
            place.create("team/app", PULL)
            place.config.deliver_change(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            witness = "arn:aws:iam::999999999999:role/x from 198.51.100.7 may ecr:BatchGetImage"
            assert vars(line)["witnesses"] == [witness]


class TestLog:
    """One structured line a decision."""

    def test_a_decision_can_be_found_and_understood(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as place:
            place.create("team/app", OPEN)
            place.config.deliver_change(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            fields = vars(line)
            assert line.levelno == logging.INFO
            assert fields["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/team/app"
            assert (fields["account"], fields["region"]) == (MEMBER, REGION)
            assert (fields["publicAccessTest"], fields["compliance"]) == ("unconditional", "NON_COMPLIANT")
            assert fields["reasons"] == ["Statement[0] allows ecr:* to * with no Condition"]

    def test_what_is_not_applicable_is_logged_too(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as place:
            place.create("team/app", OPEN)
            place.config.record(MEMBER, REGION, "team/app")
            place.organization.delete_repository(MEMBER, REGION, "team/app")
            place.config.deliver_deletion(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            fields = vars(line)
            assert fields["compliance"] == "NOT_APPLICABLE"
            assert fields["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/team/app"
            assert (fields["account"], fields["region"]) == (MEMBER, REGION)
            assert fields["reasons"] == ["ResourceDeleted"]

    def test_no_secret_is_logged(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        caplog.set_level(logging.INFO)
        with deployed() as place:
            place.create("aa", OPEN)
            event = change_event(place, "aa")
            place.config.invoke(event, region=REGION)
            place.config.deliver_scheduled(MEMBER, REGION)
            broken = Fault("config", "PutEvaluations", code="X")
            with place.organization.faults.inject(broken), pytest.raises(EvaluationError) as raised:
                place.config.invoke(event, region=REGION)
        output = capsys.readouterr()
        told = output.out + output.err + str(raised.value) + "".join(str(vars(each)) for each in caplog.records)
        for secret in (event["resultToken"], "ASIA", "AWS4-HMAC"):
            assert secret not in told


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_corpus_through_the_handler(case: Case, corpus_place: Place) -> None:
    """Every case, as the configuration item that AWS Config would send."""
    place, name = corpus_place, "team/app"
    if not place.organization.repositories(MEMBER, REGION):
        place.create(name, None)
    configuration = case.configuration
    owner = case.repository["account"]
    event = change_event(place, name, configuration=configuration, awsAccountId=owner)
    place.config.invoke(event, region=REGION)
    ((compliance, annotation),) = place.dashboard().values()
    assert compliance == case.expect["unconditional"]
    assert ((annotation or "").startswith("Cannot be judged: ")) == ("problem" in case.expect)


def change_event(place: Place, name: str, **changes: Any) -> dict[str, Any]:
    """Return the change event of a repository, with fields of its item replaced."""
    message = place.config.change_message(place.config.record(MEMBER, REGION, name))
    message["configurationItem"] |= changes
    return place.config.event(place.rule, message)


def lambda_answer(place: Place, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the handler returned for an event."""
    returned = place.config.invoke(event, region=REGION).returned
    assert isinstance(returned, list)
    return returned
