"""What AWS Config recorded, as ``check`` reads it: items, events and histories."""

import json
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, Span, StatementSpan
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.policies_in_json.json_documents import UnknownFormError, read_json_documents
from tests.commands.test_check_json_policies import POLICY, Told, read

ARN = "arn:aws:ecr:eu-central-1:111122223333:repository/team/app"


def configuration(policy: Any = None, **other: Any) -> dict[str, Any]:
    """Return the configuration of a repository as AWS Config records it."""
    recorded = {} if policy is None else {"RepositoryPolicyText": json.dumps(policy, indent=2)}
    return {
        "RepositoryName": "team/app",
        "RepositoryPolicyText": {},
        "Arn": ARN,
        "ImageTagMutability": "MUTABLE",
        "LifecyclePolicy": {},
        "Tags": [{"Key": "stage", "Value": "test"}],
        **recorded,
        **other,
    }


def item(**other: Any) -> dict[str, Any]:
    """Return an item as an event, a snapshot and a history file have it."""
    return {
        "relatedEvents": [],
        "relationships": [],
        "configuration": configuration(POLICY),
        "supplementaryConfiguration": {},
        "tags": {"stage": "test"},
        "configurationItemVersion": "1.3",
        "configurationItemCaptureTime": "2026-11-20T10:00:00.000Z",
        "configurationStateId": 1763632800000,
        "awsAccountId": "111122223333",
        "configurationItemStatus": "OK",
        "resourceType": "AWS::ECR::Repository",
        "resourceId": "team/app",
        "resourceName": "team/app",
        "ARN": ARN,
        "awsRegion": "eu-central-1",
        "availabilityZone": "Regional",
        **other,
    }


def history_item(**other: Any) -> dict[str, Any]:
    """Return an item as the AWS CLI returns it."""
    found = item(**other)
    found["configuration"] = json.dumps(found["configuration"])
    found["accountId"], found["arn"] = found.pop("awsAccountId"), found.pop("ARN")
    found["configurationItemCaptureTime"] = found["configurationItemCaptureTime"].replace("Z", "+00:00")
    return found


def event(**message: Any) -> dict[str, Any]:
    """Return an event of a change as the function of a rule gets it."""
    invoking_event = {
        "configurationItemDiff": None,
        "configurationItem": item(),
        "notificationCreationTime": "2026-11-20T10:00:01.000Z",
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.3",
        **message,
    }
    return {"version": "1.0", "invokingEvent": json.dumps(invoking_event), "ruleParameters": "{}", "resultToken": "x"}


def told_by(content: Any) -> tuple[list[FoundPolicy], Told]:
    """Read a document of which not everything can be read."""
    told = Told()
    return list(read_json_documents("items.json", json.dumps(content), told.facts)), told


class TestItem:
    """One configuration item."""

    def test_is_the_policy_of_its_repository(self) -> None:
        (found,) = read(json.dumps(item()))
        assert (found.kind, found.address, found.policy) == (Kind.CONFIG_ITEM, ARN, POLICY)
        assert (found.repository, found.account, found.region) == ("team/app", "111122223333", "eu-central-1")
        assert found.tags == {"stage": "test"}

    def test_place_is_the_property_with_the_policy(self) -> None:
        text = json.dumps({"resourceType": "x", "configuration": {"a": 1}} | item(), indent=1)
        line = next(at for at, each in enumerate(text.splitlines(), 1) if '"RepositoryPolicyText"' in each)
        (found,) = read(text)
        assert (found.span.line, found.span.column, found.span.end_line, found.statements) == (line, 3, line, {})

    def test_policy_that_is_an_object_has_the_places_of_its_statements(self) -> None:
        policy = '{"Statement": [{"Principal": "*"}]}'
        text = json.dumps(item(configuration={"Arn": ARN, "RepositoryPolicyText": "HERE"})).replace('"HERE"', policy)
        start = text.index(policy) + 1
        (found,) = read(text)
        assert found.statements == {
            0: StatementSpan(Span(1, start + 15, 1, start + 33), Span(1, start + 16, 1, start + 32))
        }

    def test_configuration_that_is_text_is_the_place(self) -> None:
        text = json.dumps(history_item(), indent=1)
        (found,) = read(text)
        assert found.policy == POLICY
        assert text.splitlines()[found.span.line - 1].startswith(' "configuration": "{')

    def test_repository_without_a_policy_is_found(self) -> None:
        (found,) = read(json.dumps(item(configuration=configuration())))
        assert evaluate(found.policy).verdict.annotation == "The repository has no policy."

    def test_without_an_arn_the_address_is_account_region_and_name(self) -> None:
        (found,) = read(json.dumps(item(ARN=None)))
        assert found.address == "111122223333/eu-central-1/team/app"

    @pytest.mark.parametrize("status", ["ResourceDeleted", "ResourceDeletedNotRecorded"])
    def test_deleted_repository_has_no_policy(self, status: str) -> None:
        assert read(json.dumps(item(configurationItemStatus=status, configuration=None))) == []

    def test_repository_that_is_not_recorded_is_told(self) -> None:
        found, told = told_by(item(configurationItemStatus="ResourceNotRecorded", configuration=None))
        assert found == []
        assert told.notes == [f"items.json: {ARN}: AWS Config does not record it, so its policy is not known"]

    def test_other_resource_type_is_no_policy_and_known(self) -> None:
        assert read(json.dumps(item(resourceType="AWS::S3::Bucket"))) == []

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"resourceId": ""}, 'configurationItem.resourceId: "" is not a non-empty string'),
            ({"configurationItemStatus": "Fine"}, 'configurationItem.configurationItemStatus: "Fine" is unknown'),
            ({"configurationItemCaptureTime": None}, "configurationItem.configurationItemCaptureTime: "),
            ({"awsAccountId": "1234"}, "configurationItem.awsAccountId: '1234' is not an account id"),
        ],
    )
    def test_item_without_identity_is_told(self, wrong: dict[str, Any], message: str) -> None:
        found, told = told_by(item(**wrong))
        assert found == []
        assert len(told.problems) == 1
        assert told.problems[0].startswith(f"items.json:1: {message}")

    @pytest.mark.parametrize(
        ("wrong", "problem"),
        [
            (None, "configuration: null is not an object"),
            ("{", "configuration: not JSON"),
            ({}, "configuration: RepositoryPolicyText, RepositoryName and Arn are all missing"),
            (
                {"Arn": ARN, "repositoryPolicyText": "{}"},
                "configuration: RepositoryPolicyText is spelled in another case",
            ),
            ({"Arn": ARN, "RepositoryPolicyText": 1}, "configuration.RepositoryPolicyText: 1 is neither"),
        ],
    )
    def test_undocumented_form_cannot_be_evaluated(self, wrong: object, problem: str) -> None:
        (found,) = read(json.dumps(item(configuration=wrong)))
        verdict = evaluate(found.policy).verdict
        assert (verdict.compliance, evaluate(found.policy).unknown) == ("NON_COMPLIANT", ())
        assert (verdict.problem or "").startswith(problem)

    def test_duplicate_policy_cannot_be_evaluated(self) -> None:
        text = json.dumps(item(configuration="HERE")).replace(
            '"HERE"', '{"Arn": "x", "RepositoryPolicyText": {}, "RepositoryPolicyText": "{}"}'
        )
        (found,) = read(text)
        assert evaluate(found.policy).verdict.problem == 'configuration: duplicate key "RepositoryPolicyText"'


class TestCreationTemplate:
    """AWS::ECR::RepositoryCreationTemplate: its policy is that of the repositories that it creates."""

    TEMPLATE = "AWS::ECR::RepositoryCreationTemplate"

    def item(self, recorded: object) -> dict[str, Any]:
        arn = "arn:aws:ecr:eu-central-1:111122223333:repository-creation-template/team"
        return item(resourceType=self.TEMPLATE, resourceId="team", ARN=arn, configuration=recorded)

    def test_policy_is_found_without_the_name_of_a_repository(self) -> None:
        text = json.dumps(self.item({"Prefix": "team", "RepositoryPolicy": json.dumps(POLICY)}), indent=1)
        (found,) = read(text)
        assert (found.address.rpartition(":")[2], found.repository) == ("repository-creation-template/team", None)
        assert (found.policy, found.tags) == (POLICY, None)
        assert '"RepositoryPolicy"' in text.splitlines()[found.span.line - 1]

    @pytest.mark.parametrize("policy", [None, "", {}])
    def test_template_without_a_policy_is_closed(self, policy: object) -> None:
        (found,) = read(json.dumps(self.item({"Prefix": "team", "RepositoryPolicy": policy})))
        assert evaluate(found.policy).verdict.compliance == "COMPLIANT"

    @pytest.mark.parametrize("recorded", [None, "{", [], {"prefix": "team"}, {"Prefix": "t", "RepositoryPolicy": []}])
    def test_undocumented_form_cannot_be_evaluated(self, recorded: object) -> None:
        (found,) = read(json.dumps(self.item(recorded)))
        assert (evaluate(found.policy).verdict.problem or "").startswith("configuration")


class TestEvent:
    """https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html."""

    def test_change_has_the_policy_and_the_line_of_its_text(self) -> None:
        (found,) = read(json.dumps(event(), indent=1))
        assert (found.address, found.policy, found.span.line) == (ARN, POLICY, 3)

    def test_event_of_eventbridge_has_the_item_in_its_detail(self) -> None:
        detail = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": item()}
        text = json.dumps({"detail-type": "Config Configuration Item Change", "detail": detail}, indent=1)
        (found,) = read(text)
        assert (found.policy, '"RepositoryPolicyText"' in text.splitlines()[found.span.line - 1]) == (POLICY, True)

    def test_invoking_event_alone_is_read(self) -> None:
        (found,) = read(event()["invokingEvent"])
        assert found.policy == POLICY

    def test_oversized_event_of_a_repository_is_told(self) -> None:
        summary = {key: value for key, value in item().items() if key != "configuration"}
        found, told = told_by(event(configurationItem=None, configurationItemSummary=summary))
        assert found == []
        assert told.problems == [
            "items.json:1: configurationItemSummary has no policy "
            "(aws configservice get-resource-config-history has it)"
        ]

    @pytest.mark.parametrize(
        "other", [{"resourceType": "AWS::S3::Bucket"}, {"configurationItemStatus": "ResourceDeleted"}]
    )
    def test_oversized_event_of_what_has_no_policy_is_nothing(self, other: dict[str, Any]) -> None:
        found, told = told_by(event(configurationItem=None, configurationItemSummary=item(**other)))
        assert (found, told.problems) == ([], [])

    def test_scheduled_notification_is_told(self) -> None:
        found, told = told_by(event(configurationItem=None, messageType="ScheduledNotification"))
        assert (found, told.problems) == ([], [])
        assert told.notes == ["items.json: a scheduled notification has no policy"]

    @pytest.mark.parametrize("message", ["{", "[]", '{"configurationItem": null}'])
    def test_event_without_an_item_is_told(self, message: str) -> None:
        found, told = told_by({"invokingEvent": message})
        assert (found, len(told.problems)) == ([], 1)

    def test_message_of_something_else_has_no_known_form(self) -> None:
        with pytest.raises(UnknownFormError):
            read('{"detail": {"eventName": "PutImage"}}')


class TestHistory:
    """Several items of one repository: the newest counts."""

    CLOSED = configuration({"Version": "2012-10-17", "Statement": []})

    def test_newest_item_counts_wherever_it_is(self) -> None:
        times = (
            "2026-11-20T10:00:00Z",
            "2026-11-20T10:30:00+00:00",
            "2026-11-20T10:15:00",
            "2026-11-20T11:20:00+01:00",
        )
        items = [item(configurationItemCaptureTime=time) for time in times]
        items[1]["configuration"] = self.CLOSED
        (found,) = read(json.dumps({"fileVersion": "1.0", "configurationItems": items}))
        assert found.policy["Statement"] == []

    def test_output_of_the_aws_cli_is_read_with_the_lines(self) -> None:
        items = [history_item(), history_item(resourceId="b", ARN=f"{ARN}2")]
        text = json.dumps({"configurationItems": items, "nextToken": "x"}, indent=1)
        first, second = read(text)
        lines = [at for at, each in enumerate(text.splitlines(), 1) if '"configuration":' in each]
        assert [first.span.line, second.span.line] == lines
        assert (first.account, first.address) == ("111122223333", ARN)

    def test_time_in_seconds_is_read(self) -> None:
        """The AWS CLI version 1 writes it so."""
        old, new = (history_item() | {"configurationItemCaptureTime": time} for time in (1763632800.5, 1763632801.25))
        new["configuration"] = json.dumps(self.CLOSED)
        (found,) = read(json.dumps({"configurationItems": [old, new]}))
        assert found.policy["Statement"] == []

    def test_of_equal_times_the_first_counts(self) -> None:
        (found,) = read(json.dumps({"configurationItems": [item(configuration=self.CLOSED), item()]}))
        assert found.policy["Statement"] == []

    def test_repository_that_was_deleted_last_has_no_policy(self) -> None:
        deleted = item(configurationItemStatus="ResourceDeleted", configurationItemCaptureTime="2026-11-21T00:00:00Z")
        assert read(json.dumps({"configurationItems": [item(), deleted]})) == []

    def test_repositories_of_two_accounts_are_two(self) -> None:
        items = [item(), item(awsAccountId="444455556666", ARN=ARN.replace("111122223333", "444455556666"))]
        assert len(read(json.dumps({"configurationItems": items}))) == 2

    def test_json_lines_of_events_are_one_history(self) -> None:
        later = item(configuration=self.CLOSED, configurationItemCaptureTime="2026-11-22T00:00:00Z")
        (found,) = read(f"{json.dumps(event())}\n{json.dumps(event(configurationItem=later))}\n")
        assert (found.policy["Statement"], found.span.line) == ([], 2)

    def test_empty_history_is_known(self) -> None:
        assert read('{"configurationItems": []}') == []

    @pytest.mark.parametrize("items", [None, {}, [None], ["text"]])
    def test_items_of_another_form_are_told(self, items: object) -> None:
        found, told = told_by({"configurationItems": items})
        assert (found, len(told.problems)) == ([], 1)
        assert told.problems[0].startswith("items.json:1: configurationItems")

    def test_item_with_a_duplicate_key_is_told(self) -> None:
        told = Told()
        text = '{"configurationItems": [\n{"resourceId": "a", "resourceId": "b"}]}'
        assert list(read_json_documents("a.json", text, told.facts)) == []
        assert told.problems == ['a.json:2: configurationItems[0]: duplicate key "resourceId"']
