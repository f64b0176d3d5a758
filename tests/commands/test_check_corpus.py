"""The corpus through ``check``: a policy has its verdict in every kind of file."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pytest

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import read_json
from tests.commands.check_command import Check, write
from tests.corpus.loader import TESTS, Case, all_cases
from tests.nightly import every

TEXTS: Final = [case for case in all_cases() if not case.is_about_the_item and isinstance(case.policy, str)]
CASES: Final = every(13, TEXTS)
# AWS CloudFormation makes text of a number, and a template that is nested so deeply is an error of its own.
NO_TEMPLATE: Final = ("documents/account-id-as-a-json-number-is-invalid", "documents/json-nested-too-deeply-is-invalid")


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


def configuration_item(case: Case) -> str:
    """Return the item that AWS Config records."""
    account, region = case.repository["account"], case.repository["region"]
    item = {
        "version": "1.3",
        "accountId": account,
        "awsRegion": region,
        "resourceType": "AWS::ECR::Repository",
        "resourceId": "team/app",
        "resourceName": "team/app",
        "ARN": f"arn:aws:ecr:{region}:{account}:repository/team/app",
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-11-01T00:00:00.000Z",
        "configuration": case.configuration,
    }
    return json.dumps(item)


def tags_of(case: Case) -> list[dict[str, str]]:
    """Return the tags of the repository as AWS CloudFormation writes them."""
    return [{"Key": key, "Value": value} for key, value in (case.resource_tags or {}).items()]


def template(case: Case) -> str:
    """Return a template whose policy is the text of the case, not only its content."""
    properties = {"RepositoryName": "team/app", "Tags": tags_of(case), "RepositoryPolicyText": "POLICY"}
    if case.resource_tags is None:
        del properties["Tags"]
    document = {"Resources": {"Repository": {"Type": "AWS::ECR::Repository", "Properties": properties}}}
    return json.dumps(document, indent=1).replace('"POLICY"', case.policy)


def plan(case: Case) -> str:
    """Return a plan that creates the policy, and the repository if its tags are known."""
    resources = [resource("aws_ecr_repository_policy", {"repository": "team/app", "policy": case.policy})]
    if case.resource_tags is not None:  # otherwise the repository is not in the plan
        resources.append(resource("aws_ecr_repository", {"name": "team/app", "tags_all": case.resource_tags}))
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {"resources": resources}},
            "resource_changes": [
                {
                    **each,
                    "change": {"actions": ["create"], "before": None, "after": each["values"], "after_unknown": {}},
                }
                for each in resources
            ],
        }
    )


def resource(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource of a plan."""
    return {
        "address": f"{kind}.app",
        "mode": "managed",
        "type": kind,
        "name": "app",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "schema_version": 0,
        "values": values,
    }


def source(case: Case) -> str:
    """Return Terraform source that has the policy in a heredoc."""
    text = case.policy.replace("${", "$${").replace("%{", "%%{")
    policy = f"policy = <<EOT\n{text}\nEOT"
    return f'resource "aws_ecr_repository_policy" "app" {{\n  repository = "team/app"\n  {policy}\n}}\n'


def content_of(text: str) -> Any:
    """Return the JSON value of a text; the text itself if it is not JSON, or percent-encoded JSON."""
    try:
        return read_json(text) if text.lstrip().startswith(("{", "null")) else text.strip()
    except PolicyError:
        return text.strip()


def files_of(case: Case) -> list[str]:
    """Write the case in every kind of file that can hold it, and return their paths."""
    files = {"item.json": configuration_item(case), "plan.json": plan(case)}
    content = content_of(case.policy)
    if isinstance(content, dict) and case.name not in NO_TEMPLATE:
        files["template.json"] = template(case)
    if case.resource_tags is None:
        if isinstance(content, dict) and "Statement" in content:  # or nothing says that it is a policy
            files["policy.json"] = case.policy
        if content:  # without one, Terraform source says nothing of a policy
            files["main.tf"] = source(case)
    for name, content in files.items():
        write(name, content)
    return list(files)


def options_of(case: Case, test: str) -> list[str]:
    """Return the options that say what the parameters of the case say."""
    options = ["--test", test, "--owner", case.repository["account"], "--region", case.repository["region"]]
    for option, name in (("--trusted-account", "trustedAccounts"), ("--trusted-organization", "trustedOrganizations")):
        if name in case.parameters:
            options += [option, str(case.parameters[name])]
    if "members" in case.parameters:
        options += ["--members", str(write("members.txt", "\n".join(map(str, case.parameters["members"]))))]
    return options


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict_is_the_same_in_every_kind_of_file(case: Case, check: Check) -> None:
    files = files_of(case)
    now = datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z")))
    for test in TESTS:
        expected = "not public" if case.expect[test] == "COMPLIANT" else "public"
        if test in case.problems:
            expected = "cannot be evaluated"
        checked = check.json(*options_of(case, test), *files, now=now)
        found = {each.partition(" ")[0]: result for each, result in checked.results.items()}
        assert found == dict.fromkeys(files, expected), (test, checked.errors)
