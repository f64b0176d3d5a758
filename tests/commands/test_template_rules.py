"""Section Rules of template.yaml, as preflight evaluates it before CloudFormation does."""

from itertools import product
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.prerequisites.finding import Finding, Level
from ecr_exposure.cli.values.template_parameters import read_content
from ecr_exposure.cli.values.template_rules import Deployment, TemplateRules
from tests.deployment.deployment_shapes import template
from tests.deployment.sam import TEMPLATE
from tests.local_aws.organization import HUB
from tests.local_aws.templates import ResolvedTemplate

REGIONS: Final = ("eu-west-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1")
SOME: Final = {
    "OrganizationId": "o-exampleorg1",
    "OrganizationRootId": "r-abcd",
    "ManagementAccountId": HUB,
    "HomeRegion": "eu-west-1",
    "ExcludedAccounts": "444455556666",
    "FindingsTopicName": "findings",
    "InvokingAccounts": "444455556666",
}


def deployment(*, region: str = "eu-west-1", **values: str) -> Deployment:
    """Return a stack in the hub."""
    return Deployment(partition="aws", region=region, account=HUB, values=values)


@pytest.mark.parametrize("permission", template()["Parameters"]["InvokePermission"]["AllowedValues"])
@pytest.mark.parametrize("shape", template()["Parameters"]["DeployAs"]["AllowedValues"])
def test_violations_are_those_of_the_resolved_template_in_every_combination(shape: str, permission: str) -> None:
    rules, content = TemplateRules(read_content(TEMPLATE)), template()
    seen: set[str | Unknown] = set()
    for region, given in product(REGIONS, product((True, False), repeat=len(SOME))):
        values = {name: value if has else "" for has, (name, value) in zip(given, SOME.items(), strict=True)}
        values |= {"DeployAs": shape, "InvokePermission": permission}
        expected = ResolvedTemplate(content, values, account=HUB, region=region).violations
        found = rules.violations(deployment(region=region, **values))
        assert list(found) == expected, (region, values)
        seen.update(found)
    assert seen


def test_parameter_without_a_value_has_its_default() -> None:
    found = TemplateRules(read_content(TEMPLATE)).violations(deployment())
    assert list(found) == ResolvedTemplate(template(), {}).violations
    assert len(found) == 4


def rules_of(folder: Path, text: str) -> TemplateRules:
    """Return the rules of a template with one parameter of each kind."""
    (folder / "template.yaml").write_text(
        "Parameters: { One: { Type: String, Default: a }, Two: { Type: String }, Many: { Type: CommaDelimitedList } }\n"
        + text
    )
    return TemplateRules(read_content(folder / "template.yaml"))


@pytest.mark.parametrize(
    ("text", "violations"),
    [
        ("", ()),
        ("Rules: { R: { Assertions: [{ Assert: !Equals [!Ref One, a] }] } }", ()),
        ("Rules: { R: { Assertions: [{ Assert: { Fn::Equals: [{ Ref: One }, b] }, AssertDescription: no }] } }",
         ("no",)),
        ("Rules: { R: { Assertions: [{ Assert: !Equals [!Ref One, b] }] } }", ("an assertion of the rule R fails",)),
        ("Rules: { R: { RuleCondition: !Equals [!Ref AWS::AccountId, x], Assertions: [{ Assert: !Equals [a, b] }] } }",
         ()),
        ("Rules: { R: { Assertions: [{ Assert: !Equals [!Ref AWS::Partition, aws] }] } }", ()),
    ],
)  # fmt: skip
def test_assertion_without_condition_or_description_is_evaluated(
    tmp_path: Path, text: str, violations: tuple[str, ...]
) -> None:
    assert rules_of(tmp_path, text).violations(deployment()) == violations


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Assertions: [{ Assert: !EachMemberIn [[a], [b]] }]", "Fn::EachMemberIn is not supported"),
        ("RuleCondition: !Or [!Equals [a, a], !ValueOf [One, x]], Assertions: []", "Fn::ValueOf is not supported"),
        ("RuleCondition: !And [!Equals [a, b], !RefAll x], Assertions: []", "Fn::RefAll is not supported"),
        ("RuleCondition: !Not [!Condition Known], Assertions: []", "Condition is not supported"),
        ("Assertions: [{ Assert: !Equals [!Ref AWS::StackName, a] }]", "the reference to AWS::StackName is not"),
        ("Assertions: [{ Assert: !Contains [!Ref Many, a] }]", "Fn::Contains is not supported"),
        ("Assertions: [{ Assert: !Contains [[!Ref Many], a] }]", "the reference to Many is not supported"),
        ("Assertions: [{ Assert: !Equals [!Ref Two, a] }]", "Two has neither a value nor a default"),
        ("Assertions: [{ Assert: !Equals [!Sub a, a] }]", "Fn::Sub is not supported"),
        ("Assertions: [{ Assert: 'true' }]", "'true' is not supported"),
        ("Assertions: [{ AssertDescription: none }]", "None is not supported"),
        ("Assertions: [{ Assert: {} }]", "an empty map is not supported"),
        ("Assertions: none", "it has no list of assertions"),
    ],
)
def test_rule_with_an_unknown_part_is_not_checked(tmp_path: Path, text: str, reason: str) -> None:
    """Neither refused nor accepted, whatever the other parts are."""
    (found,) = rules_of(tmp_path, f"Rules: {{ R: {{ {text} }} }}").violations(deployment())
    assert isinstance(found, Unknown)
    assert found.reason.startswith(f"the rule R of the section Rules could not be checked: {reason}")


def test_section_that_is_no_map_is_not_checked(tmp_path: Path) -> None:
    (found,) = rules_of(tmp_path, "Rules: [a]").violations(deployment())
    assert found == Unknown("the section Rules could not be checked: it is not a map")


def test_same_violation_of_several_regions_is_one_finding(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "Rules:\n"
        "  A: { Assertions: [{ Assert: !Equals [!Ref AWS::Region, eu-west-1], AssertDescription: Only Ireland. }] }\n"
        "  B: { Assertions: [{ Assert: !RefAll x }] }\n",
    )
    stacks = [deployment(region=region) for region in ("eu-west-1", "us-east-1", "us-west-2")]
    assert list(rules.findings(stacks)) == [
        Finding(
            level=Level.UNCHECKED,
            problem="the rule B of the section Rules could not be checked: Fn::RefAll is not supported",
            where="template.yaml, eu-west-1, us-east-1, us-west-2",
        ),
        Finding(
            level=Level.MISSING,
            problem="Only Ireland",
            where="template.yaml, us-east-1, us-west-2",
            note="The section Rules of the template refuses these values.",
        ),
    ]
