"""The templates have no findings of `sam validate` and cfn-lint, before and after the transform."""

import json
import subprocess
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.api import lint
from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode_str
from cfnlint.helpers import REGIONS
from cfnlint.rules import Match, Rules
from cfnlint.runner import Runner, run_template_by_data

from tests.deployment.deployment_shapes import ACCOUNT, PACK, RULE, SHAPES, resolved, template
from tests.deployment.sam import DEPLOY, INVOKE_POLICY, REGION, REMEDIATION, TEMPLATE, Transform, run
from tests.local_aws.deployed_stack import rule_of_pack
from tests.local_aws.organization import HUB
from tests.local_aws.templates import read_template
from tests.nightly import NIGHTLY

# Regions without the type AWS::Lambda::ResourcePolicy:
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
WITHOUT_RESOURCE_POLICY: Final = {"cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1"}
# Regions without the type AWS::Config::RemediationConfiguration, according to the CloudFormation schemas.
WITHOUT_REMEDIATION: Final = {"ap-east-2", "ap-southeast-6", "ap-southeast-7", "mx-central-1"}
LACKING: Final = {INVOKE_POLICY: WITHOUT_RESOURCE_POLICY, REMEDIATION: WITHOUT_REMEDIATION}
FREQUENCIES: Final = template()["Parameters"]["MaximumExecutionFrequency"]["AllowedValues"]
OPTIONAL: Final = {
    "excludedPublicRepositories": "111122223333:public/*",
    "excludedPublicTag": "dp:exclude:identity",
    "trustedAccounts": HUB,
    "trustedOrganizations": "o-exampleorg1",
}
COMBINATIONS: Final = [
    {name: value for (name, value), given in zip(OPTIONAL.items(), which, strict=True) if given}
    for which in product((False, True), repeat=len(OPTIONAL))
]


@cache
def _rules() -> Rules:
    return Runner(ConfigMixIn(regions=[REGION])).rules


def lint_body(body: str, regions: list[str]) -> list[Match]:
    """Return cfn-lint's findings; to load its rules takes six times as long as to lint a small template."""
    content, problems = decode_str(body)
    assert content is not None, problems
    return list(run_template_by_data(content, ConfigMixIn(regions=regions), _rules()))


class TestSamValidate:
    """`sam validate --lint`."""

    def test_template_is_valid(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        command = (tools / "sam", "validate", "--lint", "--template-file", TEMPLATE)
        assert "is a valid SAM Template" in run(command, cwd=tmp_path, env=environment).stdout

    def test_wrong_property_is_an_error(self, tools: Path, environment: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "template.yaml").write_text(replaced(TEMPLATE, "MemorySize:", "MemoryMass:"))
        command = (tools / "sam", "validate", "--lint", "--template-file", tmp_path / "template.yaml")
        with pytest.raises(subprocess.CalledProcessError) as raised:
            run(command, cwd=tmp_path, env=environment)
        assert "MemoryMass" in raised.value.stdout + raised.value.stderr


class TestTemplate:
    """cfn-lint on template.yaml."""

    def test_template_has_no_findings(self) -> None:
        # By default, the transformed template alone is linted in every Region.
        assert lint(TEMPLATE.read_text(), regions=REGIONS if NIGHTLY else [REGION]) == []

    def test_wrong_property_is_found(self) -> None:
        wrong = replaced(TEMPLATE, "OrganizationConfigRuleTriggerTypes:", "OrganizationConfigRuleTriggers:")
        assert "E3002" in {match.rule.id for match in lint(wrong)}

    @SHAPES
    def test_transformed_template_has_no_findings(self, transform: Transform, shape: dict[str, str]) -> None:
        content = transform.apply_to_template_yaml(shape)
        # `sam package` replaces the local paths; cfn-lint accepts URLs only.
        for each in content["Resources"].values():
            if "TemplateURL" in each.get("Properties", {}):
                each["Properties"]["TemplateURL"] = "https://bucket.s3.eu-west-1.amazonaws.com/nested.template"
        types = {each["Type"] for each in content["Resources"].values()}
        assert {"AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::IAM::Role"} <= types
        # The shapes have the same resource types, so one shape in every region is enough.
        assert lint_body(json.dumps(content), REGIONS if shape == PACK else [REGION]) == []

    def test_mistake_visible_only_after_the_transform_is_found(self, transform: Transform) -> None:
        wrong = read_template(replaced(TEMPLATE, "for the AWS Config rule ${RuleName} fail", "${aws:RuleName} fail"))
        assert "E1019" in {match.rule.id for match in lint_body(json.dumps(transform.apply(wrong, ACCOUNT)), [REGION])}

    def test_no_arn_has_a_fixed_partition(self) -> None:
        for file in (TEMPLATE, *DEPLOY.iterdir()):
            assert "arn:aws:" not in file.read_text(), file


class TestNestedTemplates:
    """cfn-lint on deploy/ and on the body of the conformance pack."""

    @pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: str(file.name))
    def test_nested_template_has_no_findings(self, file: Path) -> None:
        regions = [region for region in REGIONS if region not in LACKING.get(file, ())]
        assert lint_body(file.read_text(), regions) == []

    def test_template_rejects_exactly_the_regions_without_resource_policies(self) -> None:
        text = INVOKE_POLICY.read_text()
        message = " ".join(str(match) for match in lint_body(text, REGIONS))
        assert {region for region in REGIONS if f"'{region}'" in message} == WITHOUT_RESOURCE_POLICY
        for choice in ({"InvokePermission": "organization"}, {"InvokePermission": "accounts", "InvokingAccounts": HUB}):
            rejected = {region for region in REGIONS if resolved({**PACK, **choice}, region=region).violations}
            assert rejected == WITHOUT_RESOURCE_POLICY
        probe = ACCOUNT | {"OrganizationId": "o-exampleorg1"}
        assert {region for region in REGIONS if resolved(probe, region=region).violations} == WITHOUT_RESOURCE_POLICY
        assert not any(resolved(ACCOUNT, region=region).violations for region in REGIONS)

    def test_template_rejects_remediation_exactly_in_the_regions_without_it(self) -> None:
        message = " ".join(str(match) for match in lint_body(REMEDIATION.read_text(), REGIONS))
        assert {region for region in REGIONS if f"'{region}'" in message} == WITHOUT_REMEDIATION
        for choice in ("manual", "automatic"):
            shape = {**PACK, "InvokePermission": "any-account", "Remediation": choice}
            rejected = {region for region in REGIONS if resolved(shape, region=region).violations}
            assert rejected == WITHOUT_REMEDIATION | {"cn-north-1", "cn-northwest-1"}

    def test_organization_shapes_are_rejected_in_china_only(self) -> None:
        for shape in (PACK, RULE):
            anybody = {**shape, "InvokePermission": "any-account"}
            rejected = {region for region in REGIONS if resolved(anybody, region=region).violations}
            assert rejected == {"cn-north-1", "cn-northwest-1"}


class TestConformancePack:
    """The body of the conformance pack, which this stack writes and AWS Config deploys."""

    @pytest.mark.parametrize("frequency", FREQUENCIES)
    def test_every_combination_has_no_findings_and_functions_only_for_values(self, frequency: str) -> None:
        for given in COMBINATIONS:
            pack = resolved(PACK, MaximumExecutionFrequency=frequency, **given).resources["OrganizationPack"]
            body = pack["TemplateBody"]
            assert len(body.encode()) <= 51_200
            # The frequency is one text in the body: each is linted without the other parameters and with all of them.
            if NIGHTLY or frequency == FREQUENCIES[0] or len(given) in (0, len(OPTIONAL)):
                is_largest = len(given) == len(OPTIONAL) and frequency == FREQUENCIES[0]
                assert lint_body(body, REGIONS if is_largest else [REGION]) == [], body
            content = read_template(body)
            passed = {each["ParameterName"] for each in pack["ConformancePackInputParameters"]}
            assert content.keys() == {"Parameters", "Resources"}
            assert content["Parameters"].keys() == passed == {"FunctionArn", *given}
            assert content["Resources"].keys() == {"Rule"}
            rule = content["Resources"]["Rule"]["Properties"]
            # AWS Config documents no intrinsic functions in the name of a pack's rule.
            assert rule["ConfigRuleName"] == "ecr-repository-no-public-access"
            assert functions(content) == {
                "SourceIdentifier": {"Ref": "FunctionArn"},
                **{name: {"Ref": name} for name in given},
            }

    @pytest.mark.parametrize("name", ["null", "Yes", "a-1", "e" + 35 * "1"])
    def test_every_name_of_a_rule_stays_text(self, name: str) -> None:
        pack = resolved(PACK, RuleName=name).resources["OrganizationPack"]
        assert resolved(PACK, RuleName=name).violations == []
        assert rule_of_pack(pack)["ConfigRuleName"] == name

    def test_wrong_property_is_found(self) -> None:
        body = resolved(PACK).resources["OrganizationPack"]["TemplateBody"]
        assert "E3002" in {match.rule.id for match in lint_body(body.replace("Scope:", "Range:"), [REGION])}


def functions(part: Any) -> dict[str, Any]:
    """Return every property whose value is an intrinsic function."""
    entries = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    found: dict[str, Any] = {}
    for name, each in entries:
        called = isinstance(each, dict) and any(key in {"Ref", "Condition"} or key.startswith("Fn::") for key in each)
        found |= {str(name): each} if called else functions(each)
    return found


def replaced(file: Path, old: str, new: str) -> str:
    """Return a template's text with one replacement."""
    text = file.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)
