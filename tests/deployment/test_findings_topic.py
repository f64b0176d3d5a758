"""FindingsTopicName: which changes send a message to the SNS topic, and what the message says."""

import re
import shlex
from datetime import UTC, datetime
from typing import Any, Final

import jmespath
import pytest

from ecr_exposure.repository import RESOURCE_TYPE
from tests.deployment.deployment_shapes import ACCOUNT, ORGANIZATION_SHAPES, OTHER_REGION, resolved
from tests.deployment.sam import REGION, SECURITY_HUB
from tests.local_aws.config_store import Evaluation, Rule
from tests.local_aws.event_rules import message
from tests.local_aws.moto_stack_services import finding
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate, read_template

RULE: Final = "ecr-repository-no-public-access"
MEMBER: Final = "444455556666"
TOPIC: Final = "findings"


class TestAccountRule:
    """template.yaml: AWS Config's event about a change of compliance."""

    def event_rule(self, region: str = REGION) -> dict[str, Any]:
        return resolved(ACCOUNT, FindingsTopicName=TOPIC, region=region).resources["FindingEvents"]

    @pytest.mark.parametrize(
        ("before", "after", "sent"),
        [
            (None, "NON_COMPLIANT", True),
            ("COMPLIANT", "NON_COMPLIANT", True),
            ("NON_COMPLIANT", "COMPLIANT", True),
            # A new repository that nobody outside the account can use is no news.
            (None, "COMPLIANT", False),
            ("NON_COMPLIANT", "NOT_APPLICABLE", False),
        ],
    )
    def test_noncompliance_and_its_end_send_a_message(self, before: str | None, after: str, *, sent: bool) -> None:
        assert (message(self.event_rule(), compliance_change(before, after)) is not None) is sent

    def test_other_rules_and_other_events_send_none(self) -> None:
        change = compliance_change(None, "NON_COMPLIANT")
        for other in (f"{RULE}-2", f"{RULE}-conformance-pack-ab1cd2ef3", "another-rule"):
            assert message(self.event_rule(), compliance_change(None, "NON_COMPLIANT", rule=other)) is None
        assert message(self.event_rule(), change | {"source": "my.application"}) is None
        assert message(self.event_rule(), change | {"detail-type": "Config Rules Re-evaluation Status"}) is None

    @pytest.mark.parametrize(
        ("region", "domain"), [("eu-west-1", "console.aws.amazon.com"), ("cn-north-1", "console.amazonaws.cn")]
    )
    def test_message_names_the_repository_and_the_way_to_the_reason(self, region: str, domain: str) -> None:
        text = message(self.event_rule(region), compliance_change("COMPLIANT", "NON_COMPLIANT", region=region))
        assert text is not None
        assert text.startswith(
            f"NON_COMPLIANT: ECR repository team/app in account {HUB}, Region {region}, AWS Config rule {RULE}. "
        )
        link = f"https://{region}.{domain}/config/home?region={region}#/rules/details?configRuleName={RULE}"
        assert f" {link} " in text
        words = shlex.split(text[text.index("aws configservice get-compliance-details-by-resource") :])
        options = dict(zip(words[3::2], words[4::2], strict=True))
        query = options.pop("--query")
        assert options == {"--region": region, "--resource-type": RESOURCE_TYPE, "--resource-id": "team/app"}
        assert jmespath.search(query, {"EvaluationResults": [{"Annotation": "Everyone can pull"}]}) == [
            "Everyone can pull"
        ]

    def test_annotation_with_quotes_does_not_break_the_message(self) -> None:
        """EventBridge does not escape the values that it fills in."""
        change = compliance_change(None, "NON_COMPLIANT")
        change["detail"]["newEvaluationResult"]["annotation"] = 'Everyone can pull: statement "AllowAll" allows ecr:*'
        assert message(self.event_rule(), change) == message(
            self.event_rule(), compliance_change(None, "NON_COMPLIANT")
        )

    def test_topic_is_that_of_the_stacks_account_and_region(self) -> None:
        for region in (REGION, OTHER_REGION):
            (target,) = self.event_rule(region)["Targets"]
            assert target["Arn"] == f"arn:aws:sns:{region}:{HUB}:{TOPIC}"
            # The policy of the topic allows the delivery.
            assert "RoleArn" not in target
        assert "FindingEvents" not in resolved(ACCOUNT).resources

    @ORGANIZATION_SHAPES
    def test_organization_is_referred_to_the_other_template(self, shape: dict[str, str]) -> None:
        assert resolved(ACCOUNT, FindingsTopicName=TOPIC).violations == []
        (violation,) = resolved(shape, FindingsTopicName=TOPIC).violations
        assert "deploy/security-hub.yaml" in violation


class TestSecurityHub:
    """deploy/security-hub.yaml: Security Hub's event about a finding."""

    def event_rule(self) -> dict[str, Any]:
        return security_hub(FindingsTopicName=TOPIC)["FindingEvents"]

    @pytest.mark.parametrize("title", [RULE, f"{RULE}-conformance-pack-ab1cd2ef3", f"OrgConfigRule-{RULE}-ab1cd2ef"])
    def test_failed_finding_of_every_shape_sends_a_message(self, title: str) -> None:
        text = message(self.event_rule(), imported(title))
        assert text is not None
        repository = f"arn:aws:ecr:{OTHER_REGION}:{MEMBER}:repository/team/app"
        assert text.startswith(
            f"FAILED: ECR repository {repository} in account {MEMBER}, Region {OTHER_REGION}, AWS Config rule {title}. "
        )
        # The automation rule of the same template writes the note.
        (action,) = security_hub()["RaiseSeverity"]["Actions"]
        note = action["FindingFieldsUpdate"]["Note"]["Text"]
        assert "note of the finding" in text
        assert re.search("The reason,.*aws configservice.*To fix public access: ecr-exposure fix", note)

    def test_findings_of_other_rules_send_none(self) -> None:
        for title in (f"{RULE}-2", f"OrgConfigRule-{RULE}2-ab1cd2ef", f"my-{RULE}", "OrgConfigRule-other-ab1cd2ef"):
            assert message(self.event_rule(), imported(title)) is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"ProductName": "Inspector"},
            {"RecordState": "ARCHIVED"},
            {"Compliance": {"Status": "PASSED"}},
            {"Workflow": {"Status": "NOTIFIED"}},
            {"Workflow": {"Status": "SUPPRESSED"}},
        ],
        ids=str,
    )
    def test_passed_archived_and_handled_findings_send_none(self, changes: dict[str, Any]) -> None:
        assert message(self.event_rule(), imported(RULE, **changes)) is None

    def test_event_and_automation_rule_match_the_same_titles(self) -> None:
        criteria = security_hub()["RaiseSeverity"]["Criteria"]["Title"]
        patterns = self.event_rule()["EventPattern"]["detail"]["findings"]["Title"]
        assert [
            {"prefix": each["Value"]} if each["Comparison"] == "PREFIX" else each["Value"] for each in criteria
        ] == patterns

    def test_topic_is_that_of_the_stacks_account_and_region(self) -> None:
        (target,) = self.event_rule()["Targets"]
        assert target["Arn"] == f"arn:aws:sns:{REGION}:{HUB}:{TOPIC}"
        assert "RoleArn" not in target
        assert "FindingEvents" not in security_hub()

    def test_wrong_topic_is_rejected(self) -> None:
        template = read_template(SECURITY_HUB)
        assert ResolvedTemplate(template, {"FindingsTopicName": TOPIC}).violations == []
        assert ResolvedTemplate(template, {"FindingsTopicName": "arn:aws:sns:eu-west-1:111122223333:a"}).violations


def security_hub(**parameters: str) -> dict[str, dict[str, Any]]:
    """Return the resources of deploy/security-hub.yaml."""
    return ResolvedTemplate(read_template(SECURITY_HUB), parameters, account=HUB, region=REGION).resources


def compliance_change(before: str | None, after: str, *, rule: str = RULE, region: str = REGION) -> dict[str, Any]:
    """Return the event of AWS Config after an evaluation; the first one of a resource has no old result.

    https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
    """
    identifier = {"configRuleName": rule, "resourceType": RESOURCE_TYPE, "resourceId": "team/app"}

    def result(compliance: str) -> dict[str, Any]:
        return {
            "evaluationResultIdentifier": {
                "evaluationResultQualifier": identifier,
                "orderingTimestamp": "2026-03-01T12:00:00.000Z",
            },
            "complianceType": compliance,
            "resultRecordedTime": "2026-03-01T12:00:02.000Z",
            "configRuleInvokedTime": "2026-03-01T12:00:01.000Z",
        }

    detail = {
        **identifier,
        "awsRegion": region,
        "awsAccountId": HUB,
        "configRuleARN": f"arn:aws:config:{region}:{HUB}:config-rule/config-rule-abcdef",
        "messageType": "ComplianceChangeNotification",
        "newEvaluationResult": result(after),
        "notificationCreationTime": "2026-03-01T12:00:03.000Z",
        "recordVersion": "1.0",
    }
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-111122223333",
        "detail-type": "Config Rules Compliance Change",
        "source": "aws.config",
        "account": HUB,
        "time": "2026-03-01T12:00:03Z",
        "region": region,
        "resources": [],
        "detail": detail | ({"oldEvaluationResult": result(before)} if before else {}),
    }


def imported(title: str, **changes: Any) -> dict[str, Any]:
    """Return the event of Security Hub about the finding of a member account's repository.

    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
    """
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    row = Evaluation(
        resource_type=RESOURCE_TYPE,
        resource_id="team/app",
        compliance="NON_COMPLIANT",
        annotation=None,
        ordering_timestamp=noon,
        recorded_at=noon,
    )
    content = finding(Rule(account=MEMBER, region=OTHER_REGION, name=title, parameters={}), row, "CRITICAL")
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-111122223333",
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "account": HUB,
        "time": "2026-03-01T12:00:03Z",
        "region": REGION,
        "resources": [content["Id"]],
        "detail": {"findings": [content | changes]},
    }
