"""The templates have no findings of `sam validate` and cfn-lint, before and after the transform."""

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cfnlint.api import lint
from cfnlint.helpers import REGIONS

from tests.deployment.deployment_shapes import ACCOUNT, PACK, SHAPES, resolved
from tests.deployment.sam import DEPLOY, ORGANIZATION_MAY_INVOKE, REGION, TEMPLATE, Transform, run
from tests.local_aws.templates import read_template

# Regions without the type AWS::Lambda::ResourcePolicy:
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
WITHOUT_RESOURCE_POLICY: Final = {"cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1"}


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

    def test_template_has_no_findings_in_any_region(self) -> None:
        assert lint(TEMPLATE.read_text(), regions=REGIONS) == []

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
        assert lint(json.dumps(content), regions=REGIONS if shape == PACK else [REGION]) == []

    def test_mistake_visible_only_after_the_transform_is_found(self, transform: Transform) -> None:
        wrong = read_template(replaced(TEMPLATE, "for the AWS Config rule ${RuleName} fail", "${aws:RuleName} fail"))
        assert "E1019" in {match.rule.id for match in lint(json.dumps(transform.apply(wrong, ACCOUNT)))}

    def test_no_arn_has_a_fixed_partition(self) -> None:
        for file in (TEMPLATE, *DEPLOY.iterdir()):
            assert "arn:aws:" not in file.read_text(), file


class TestNestedTemplates:
    """cfn-lint on deploy/ and on the body of the conformance pack."""

    @pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: str(file.name))
    def test_nested_template_has_no_findings(self, file: Path) -> None:
        lacking = WITHOUT_RESOURCE_POLICY if file == ORGANIZATION_MAY_INVOKE else set()
        assert lint(file.read_text(), regions=[region for region in REGIONS if region not in lacking]) == []

    def test_template_rejects_exactly_the_regions_without_resource_policies(self) -> None:
        text = ORGANIZATION_MAY_INVOKE.read_text()
        message = " ".join(str(match) for match in lint(text, regions=REGIONS))
        assert {region for region in REGIONS if f"'{region}'" in message} == WITHOUT_RESOURCE_POLICY
        rejected = {region for region in REGIONS if resolved(PACK, region=region).violations}
        assert rejected == WITHOUT_RESOURCE_POLICY
        assert not any(resolved(PACK, InvokePermission="any-account", region=region).violations for region in rejected)

    def test_conformance_pack_has_no_findings(self) -> None:
        body = read_template(TEMPLATE)["Resources"]["OrganizationPack"]["Properties"]["TemplateBody"]
        assert len(body.encode()) <= 51_200
        assert lint(body, regions=REGIONS) == []
        assert "E3002" in {match.rule.id for match in lint(body.replace("Scope:", "Range:"))}


def replaced(file: Path, old: str, new: str) -> str:
    """Return a template's text with one replacement."""
    text = file.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)
