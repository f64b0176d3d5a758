"""deploy/security-hub.yaml: the automation rule that raises the severity of the rule's findings."""

import re
import shlex
from collections.abc import Mapping

import jmespath
import pytest

from tests.deployment.sam import SECURITY_HUB
from tests.local_aws.templates import ResolvedTemplate, read_template


class TestAutomationRule:
    """Criteria and action."""

    @pytest.mark.parametrize("rule", ["ecr-repository-no-public-access", "a" * 36])
    def test_criteria_match_the_findings_of_every_shape_and_no_others(self, rule: str) -> None:
        resource = ResolvedTemplate(read_template(SECURITY_HUB), {"RuleName": rule}).resources["RaiseSeverity"]
        assert resource["RuleStatus"] == "ENABLED"
        criteria = resource["Criteria"]
        assert {name: each for name, each in criteria.items() if name != "Title"} == {
            "ProductName": [{"Comparison": "EQUALS", "Value": "Config"}],
            "RecordState": [{"Comparison": "EQUALS", "Value": "ACTIVE"}],
            "ComplianceStatus": [{"Comparison": "EQUALS", "Value": "FAILED"}],
        }
        titles = criteria["Title"]
        for title in (rule, f"{rule}-conformance-pack-ab1cd2ef3", f"OrgConfigRule-{rule}-ab1cd2ef"):
            assert any(matches(each, title) for each in titles)
        for title in (f"{rule}-2", f"OrgConfigRule-{rule}2-ab1cd2ef", f"my-{rule}", "OrgConfigRule-other-ab1cd2ef"):
            assert not any(matches(each, title) for each in titles)

    def test_note_fits_and_names_cause_and_commands(self) -> None:
        resources = ResolvedTemplate(read_template(SECURITY_HUB), {"RuleName": "a" * 36}).resources
        (action,) = resources["RaiseSeverity"]["Actions"]
        update = action["FindingFieldsUpdate"]
        assert update["Severity"] == {"Label": "CRITICAL"}
        # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_NoteUpdate.html
        assert len(update["Note"]["Text"]) <= 512
        command = re.search(r"aws configservice get-compliance-details-by-resource .* NAME", update["Note"]["Text"])
        assert command is not None
        words = shlex.split(command[0])
        answer = {"EvaluationResults": [{"Annotation": "Everyone can pull"}]}
        assert jmespath.search(words[words.index("--query") + 1], answer) == ["Everyone can pull"]
        assert " ecr-exposure fix --repository NAME " in update["Note"]["Text"]
        assert "set-repository-policy" in update["Note"]["Text"]


def matches(criterion: Mapping[str, str], text: str) -> bool:
    """Return whether a text matches a string filter of Security Hub."""
    value = criterion["Value"]
    return text.startswith(value) if criterion["Comparison"] == "PREFIX" else text == value
