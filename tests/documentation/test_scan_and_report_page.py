"""The page about scan and report names the members of the documents, and the results of an evaluation."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from ecr_exposure.cli.found_policies.found_policy import Kind
from ecr_exposure.cli.policy_report.checked_policy import RecordedEvaluation
from ecr_exposure.cli.policy_report.json_format import write_json
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from tests.commands.checked_policies import CLOSED, checked, policy_of, report_of, written
from tests.documentation.pages import ROOT, section, table, ticked

PAGE = ROOT / "docs" / "scan-and-report.md"


def test_members_of_the_document_are_those_of_the_table() -> None:
    named = {name for row in table(section(PAGE, "In other tools")) for name in ticked(row[0])}
    now = datetime(2026, 11, 27, tzinfo=UTC)
    recorded = RecordedEvaluation(rule="r", compliance="COMPLIANT", annotation="a", evaluated=now)
    policy = replace(checked(policy_of(CLOSED)), recorded=recorded)
    document = json.loads(written(write_json, report_of(policy, scope=PlacesRead(source="Amazon ECR"))))
    members = {"scope", *document["scope"], "kind", "recorded", *document["policies"][0]["recorded"], "file"}
    assert named == members


def test_kinds_of_repositories_are_named() -> None:
    kinds = next(row[1] for row in table(section(PAGE, "In other tools")) if "kind" in ticked(row[0]))
    assert set(ticked(kinds)) == {each.value for each in Kind if not each.is_file}
