"""docs/remediation.md: what the page says of the runbook is what the templates have."""

import re
from typing import Any, Final

import pytest

from tests.deployment.deployment_shapes import PACK, resolved
from tests.deployment.runbook_execution import REPOSITORY, content, one_repository, script
from tests.deployment.test_runbook import EVERYONE, text_of
from tests.documentation.pages import ROOT, section, table, ticked
from tests.documentation.pages import text_of as text_of_page
from tests.local_aws.automation import Automation
from tests.local_aws.deployed_stack import resources_of_pack

PAGE: Final = ROOT / "docs" / "remediation.md"
OPEN: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
NAMED: Final = OPEN | {"Principal": {"AWS": "111122223333"}}
OTHER: Final = OPEN | {"Principal": {"AWS": ["*", "111122223333"]}}


def pack() -> dict[str, dict[str, Any]]:
    """Return the resources of the conformance pack."""
    return resources_of_pack(resolved(PACK, Remediation="automatic").resources["OrganizationPack"])


def test_table_says_what_happens() -> None:
    rows = table(section(PAGE, "What it changes"))
    policies = (text_of(OPEN, NAMED), text_of(NAMED), text_of(OPEN, OTHER), text_of(OPEN))
    with one_repository() as repository:
        for row, policy in zip(rows, policies, strict=True):
            excluded = REPOSITORY if "exception" in row[0] else ""
            execution = repository.close(policy, excludedPublicRepositories=excluded)
            assert row[2] == ("fails" if execution.failure else "succeeds"), row
            assert (row[1] == "nothing") is (repository.policy == policy), row


@pytest.mark.parametrize("principal", EVERYONE, ids=str)
def test_principals_for_everyone_are_those_of_the_script(principal: object) -> None:
    assert script()["EVERYONE"] == EVERYONE
    written = str(principal).replace("'", '"') if isinstance(principal, dict) else f'"{principal}"'
    assert written in ticked(" ".join(section(PAGE, "What it changes").split()))


def test_names_and_limits_are_those_of_the_templates() -> None:
    text = " ".join(text_of_page(PAGE).split())
    remediation = pack()["Remediation"]
    assert (remediation["MaximumAutomaticAttempts"], remediation["RetryAttemptSeconds"]) == (3, 3600)
    assert "After three failed attempts within an hour" in text
    assert remediation["TargetId"] == "ecr-exposure-ecr-repository-no-public-access"
    assert "`ecr-exposure-<RuleName>`" in text
    (role,) = remediation["Parameters"]["AutomationAssumeRole"]["StaticValue"]["Values"]
    assert role.endswith("/EcrExposureEvaluation-Runbook")
    assert "`<ExecutionRoleName>-Runbook`" in text
    (step,) = re.findall(r"an output of the step `(\w+)`", text)
    assert f"{step}.PreviousPolicy" in content()["outputs"]
    assert f"?StepName=='{step}'" in text


def test_messages_are_those_of_the_script() -> None:
    source = Automation(content()).script
    rows = table(section(PAGE, "What you see"))
    assert len(rows) == 7
    for row in rows:
        parts = [part.strip(" `.,:0[]") for part in re.split(r"…|NAME|Statement|o-|`,? or `|\[1\]", row[0])]
        assert all(part in source for part in parts), row
