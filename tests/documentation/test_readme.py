"""The README is true: its examples run, and its names, defaults and limits are those of the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from ecr_exposure import Verdict, judge
from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS, RuleParameters
from ecr_exposure.repository import RESOURCE_TYPE, Repository
from ecr_exposure.verdict import evaluate_repository
from tests.corpus.loader import CORPUS, all_cases
from tests.deployment.sam import MEMBER_ACCOUNT, TEMPLATE
from tests.documentation.pages import README, ROOT, blocks, section, table, text_of, ticked
from tests.local_aws.demo import PAGE, main
from tests.local_aws.templates import ResolvedTemplate, read_template

OWN_PARAMETERS = [name for name in PARAMETERS if name not in RDKLIB_PARAMETERS]
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
NAMED = {**OPEN, "Principal": {"AWS": "444455556666"}}


class TestExamples:
    """What the README shows is what the project does."""

    def test_demo_prints_the_excerpt_of_the_readme(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        assert f"`{PAGE}`" in section(README, "Try it")
        assert main([], tmp_path / "page.html") == 0
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        shown = blocks(README, "text")[-1].splitlines()
        rest = iter(printed)
        assert [line for line in shown if line not in rest] == [], "not printed, or in another order"
        assert (shown[:4], shown[-2:]) == (printed[:4], printed[-3:-1])
        assert printed[-1].startswith("The same as a page of ")
        assert max(map(len, shown)) <= 100

    def test_each_policy_gets_its_annotation(self) -> None:
        policies, annotations = blocks(README, "json"), blocks(README, "text")[:-1]
        assert len(policies) == len(annotations) == 2
        assert [evaluated(policy, "team/app").annotation for policy in policies] == [
            " ".join(text.split()) for text in annotations
        ]

    def test_the_policy_is_noncompliant_and_its_fix_compliant(self) -> None:
        assert [judge(policy).compliance for policy in blocks(README, "json")] == ["NON_COMPLIANT", "COMPLIANT"]

    def test_example_request_is_the_witness_of_a_public_policy(self) -> None:
        (grant,) = judge({"Statement": OPEN}, test="reachable").grants
        assert f"`{grant.witness}`" in section(README, "Which test to choose")

    def test_annotations_start_as_the_table_of_verdicts_says(self) -> None:
        found, unreadable, closed, without, *_ = [row[2] for row in table(section(README, "What the verdicts mean"))]
        annotations = {
            found: [judged("unconditional", OPEN), judged("external", NAMED)],
            unreadable: [judged("unconditional", {**OPEN, "Effect": "allow"})],
            closed: [judged("unconditional", NAMED), judged("reachable", NAMED)],
            without: [judge(None).annotation],
        }
        for cell, expected in annotations.items():
            starts = ticked(cell)
            assert len(starts) == len(expected)
            for start, annotation in zip(starts, expected, strict=True):
                assert annotation.startswith(start)

    def test_deployment_to_an_organization_takes_three_commands(self) -> None:
        commands = re.findall(r"^    (make preflight|sam .*)", section(README, "Deploy it"), re.MULTILINE)
        assert commands[:3] == ["make preflight", "sam build", "sam deploy --region eu-west-1"]

    def test_template_accepts_the_deployment_to_one_account(self) -> None:
        (overrides,) = re.findall(r"sam deploy .*--parameter-overrides ([^`\n]+)", text_of(README))
        parameters = dict(override.split("=") for override in overrides.split())
        stack = ResolvedTemplate(read_template(TEMPLATE), parameters)
        assert stack.violations == []
        assert "AccountRule" in stack.resources


def evaluated(policy: str, name: str) -> Verdict:
    """Return the rule's verdict on a repository of this name, with the default parameters."""
    repository = Repository(account="111122223333", region="eu-west-1", name=name, arn="", policy=policy)
    return evaluate_repository(repository, RuleParameters(), datetime.now(UTC))


def judged(test: str, statement: dict[str, Any]) -> str:
    """Return the annotation of a policy of one statement."""
    return judge({"Statement": statement}, test=test, owner="111122223333").annotation


class TestNames:
    """Names and defaults are those of the code and the templates."""

    def test_first_block_names_rule_resource_type_and_parameters(self) -> None:
        block = dict(re.findall(r"^- \*\*([\w ]+):\*\* (.*(?:\n  .*)*)$", text_of(README), re.MULTILINE))
        assert list(block) == ["Identifier", "Resource Types", "Trigger type", "AWS Region", "Parameters"]
        rdk = json.loads((ROOT / "parameters.json").read_text(encoding="utf-8"))["Parameters"]
        template = read_template(TEMPLATE)["Parameters"]
        assert ticked(block["Identifier"]) == [template["RuleName"]["Default"], rdk["RuleName"]]
        assert block["Resource Types"] == RESOURCE_TYPE
        assert ticked(block["Parameters"]) == OWN_PARAMETERS

    def test_parameter_table_is_complete_and_has_the_defaults_of_the_code(self) -> None:
        rows = table(section(README, "Rule parameters"))
        assert [name for row in rows for name in ticked(row[0])] == list(PARAMETERS)
        assert [row[1] for row in rows] == [f"`{RuleParameters().test.name}`", *["empty"] * (len(rows) - 1)]

    def test_permissions_are_those_of_the_templates(self) -> None:
        pattern = r"\b((?:config|ecr|sts|organizations|logs|sqs|kms):[A-Z]\w+)"
        named = re.findall(pattern, section(README, "Permissions"))
        text = TEMPLATE.read_text(encoding="utf-8") + MEMBER_ACCOUNT.read_text(encoding="utf-8")
        assert sorted(named) == sorted(set(re.findall(pattern, text)))

    def test_each_limit_links_a_case(self) -> None:
        limits = re.split(r"^- ", section(README, "What it does not evaluate"), flags=re.MULTILINE)[1:]
        assert len(limits) >= 6
        linked = [re.findall(r"\(tests/corpus/([^)]+)\.yaml\)", limit) for limit in limits]
        assert all(linked)
        assert {name for names in linked for name in names} <= {case.name for case in all_cases()}
        assert CORPUS == ROOT / "tests" / "corpus"

    def test_length_is_readable(self) -> None:
        assert 150 <= len(text_of(README).splitlines()) <= 240


class TestAccessAnalyzer:
    """What the README says of IAM Access Analyzer is in the AWS service model that botocore carries."""

    def model(self) -> Any:
        """Return the service model of IAM Access Analyzer."""
        return botocore.session.get_session().get_service_model("accessanalyzer")

    def test_external_access_findings_cover_ecr_repositories_and_resource_control_policies(self) -> None:
        finding = self.model().shape_for("FindingSummary").members
        assert RESOURCE_TYPE in finding["resourceType"].enum
        assert "resourceControlPolicyRestriction" in finding

    def test_access_previews_cover_ecr_repositories(self) -> None:
        assert "ecrRepository" in self.model().shape_for("Configuration").members

    def test_check_no_public_access_does_not_cover_ecr_repositories(self) -> None:
        types = self.model().operation_model("CheckNoPublicAccess").input_shape.members["resourceType"].enum
        assert "AWS::S3::Bucket" in types
        assert RESOURCE_TYPE not in types
