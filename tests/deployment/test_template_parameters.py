"""The parameters of template.yaml: as in code, parameters.json and README; wrong values are rejected."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from cfnlint.helpers import REGIONS

from ecr_exposure import ParameterError
from ecr_exposure.findings.access_tests import TESTS
from ecr_exposure.parameters import PARAMETERS, RuleParameters, read_parameters
from tests.deployment.deployment_shapes import (
    ACCOUNT,
    MEMBER,
    ORGANIZATION,
    PACK,
    RULE,
    RULE_PARAMETERS,
    SHAPES,
    resolved,
    template,
)
from tests.deployment.sam import MEMBER_ACCOUNT, ROOT, SECURITY_HUB, TEMPLATE
from tests.local_aws.templates import read_template


class TestAgreement:
    """Template, parameters.json, code and README have the same parameters."""

    def test_rule_parameters_are_those_of_the_code(self) -> None:
        # All other parameters of the template start with a capital letter.
        assert {name for name in template()["Parameters"] if name[0].islower()} == set(RULE_PARAMETERS)
        assert template()["Parameters"]["publicAccessTest"]["AllowedValues"] == list(TESTS)

    def test_defaults_are_those_of_rdk_and_the_code(self) -> None:
        rdk = json.loads((ROOT / "parameters.json").read_text())["Parameters"]
        raw = json.loads(rdk["InputParameters"]) | json.loads(rdk["OptionalParameters"])
        assert set(raw) == set(PARAMETERS)
        defaults = {name: template()["Parameters"][name]["Default"] for name in RULE_PARAMETERS}
        assert defaults == {name: raw[name] for name in RULE_PARAMETERS}
        assert read_parameters(defaults) == RuleParameters()

    @pytest.mark.parametrize("file", [TEMPLATE, MEMBER_ACCOUNT, SECURITY_HUB], ids=lambda file: str(file.name))
    def test_every_parameter_has_group_label_and_description(self, file: Path) -> None:
        content = read_template(file)
        interface = content["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        assert sorted(grouped) == sorted(content["Parameters"]) == sorted(interface["ParameterLabels"])
        for name, parameter in content["Parameters"].items():
            assert parameter["Description"], name
            assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter), name

    def test_nested_templates_have_the_same_defaults_and_patterns(self) -> None:
        hub = read_template(SECURITY_HUB)["Parameters"]["RuleName"]
        rule = template()["Parameters"]["RuleName"]
        assert (hub["Default"], hub["AllowedPattern"]) == (rule["Default"], rule["AllowedPattern"])
        member, role = MEMBER["Parameters"]["ExecutionRoleName"], template()["Parameters"]["ExecutionRoleName"]
        assert (member["Default"], member["AllowedPattern"]) == (role["Default"], role["AllowedPattern"])

    @pytest.mark.parametrize(
        "read_only", ["OrganizationConfigRuleName", "OrganizationConformancePackName", "QueryName"]
    )
    def test_longest_rule_name_fits_every_resource_name(self, read_only: str) -> None:
        name = "a" * 36
        properties = [each for shape in (PACK, RULE) for each in resolved(shape, RuleName=name).resources.values()]
        assert name in [each.get(read_only) for each in properties]
        assert not resolved(PACK, RuleName=name).violations
        assert resolved(PACK, RuleName=f"{name}a").violations
        # GetComplianceDetailsByConfigRule takes at most 64 characters.
        assert len(f"{name}-conformance-pack-abcdefghi") <= 64
        assert len(f"OrgConfigRule-{name}-abcdefgh") <= 64

    @pytest.mark.parametrize(
        ("name", "text", "accepted"),
        [
            ("excludedPublicRepositories", "", True),
            ("excludedPublicRepositories", "app", True),
            ("excludedPublicRepositories", "public/*", True),
            ("excludedPublicRepositories", "a.b_c-d/e?", True),
            ("excludedPublicRepositories", "111122223333", True),
            ("excludedPublicRepositories", "111122223333:public/*,mirror-?,444455556666:*", True),
            ("excludedPublicRepositories", "Team/App", False),
            ("excludedPublicRepositories", "team app", False),
            ("excludedPublicRepositories", "a,,b", False),
            ("excludedPublicRepositories", ",a", False),
            ("excludedPublicRepositories", "a,", False),
            ("excludedPublicRepositories", "a:b", False),
            ("excludedPublicRepositories", ":app", False),
            ("excludedPublicRepositories", "123:app", False),
            ("excludedPublicRepositories", "1111222233334:app", False),
            ("excludedPublicRepositories", "111122223333:", False),
            ("excludedPublicRepositories", "111122223333:a:b", False),
            ("excludedPublicTag", "", True),
            ("excludedPublicTag", "dp:exclude:identity", True),
            ("excludedPublicTag", "Team+a=b.c_d:e/f@g-1", True),
            ("excludedPublicTag", "awsome:public", True),
            ("excludedPublicTag", 128 * "a", True),
            ("excludedPublicTag", 129 * "a", False),
            ("excludedPublicTag", "aws:public", False),
            ("excludedPublicTag", "Aws:public", False),
            ("excludedPublicTag", "public on purpose", False),
            ("excludedPublicTag", "a,b", False),
            ("excludedPublicTag", 'a"b', False),
            ("excludedPublicTag", "${a}", False),
            ("excludedPublicTag", "öffentlich", False),
            ("trustedAccounts", "", True),
            ("trustedAccounts", "111122223333", True),
            ("trustedAccounts", "111122223333,444455556666,777788889999", True),
            ("trustedAccounts", "12345", False),
            ("trustedAccounts", "1111222233334", False),
            ("trustedAccounts", "111122223333,", False),
            ("trustedAccounts", "111122223333;444455556666", False),
            ("trustedAccounts", "111122223333,o-abcde12345", False),
            ("trustedAccounts", "١١١١٢٢٢٢٣٣٣٣", False),
            ("trustedAccounts", "*", False),
            ("trustedOrganizations", "", True),
            ("trustedOrganizations", "o-abcde12345", True),
            ("trustedOrganizations", f"o-{32 * 'a'},o-exampleorg1", True),
            ("trustedOrganizations", f"o-{33 * 'a'}", False),
            ("trustedOrganizations", f"o-{9 * 'a'}", False),
            ("trustedOrganizations", "o-ABCDE12345", False),
            ("trustedOrganizations", "o-abcde12345,", False),
            ("trustedOrganizations", "r-abcde12345", False),
            ("trustedOrganizations", "111122223333", False),
            ("ExecutionRoleName", "EcrExposureEvaluation", True),
            ("ExecutionRoleName", "a role", False),
        ],
    )
    def test_template_and_code_reject_the_same_values(self, name: str, text: str, *, accepted: bool) -> None:
        assert (not resolved(ACCOUNT, **{name: text}).violations) is accepted
        assert is_accepted_by_the_code({name: text}) is accepted


class TestViolations:
    """Wrong values fail before anything is deployed."""

    @SHAPES
    def test_each_shape_is_valid(self, shape: dict[str, str]) -> None:
        assert resolved(shape).violations == []

    @pytest.mark.parametrize("missing", sorted(ORGANIZATION))
    def test_organization_shape_without_its_organization_is_rejected(self, missing: str) -> None:
        for shape in (PACK, RULE):
            (message,) = resolved({name: value for name, value in shape.items() if name != missing}).violations
            assert message.startswith(f"The organization shapes need {missing}")

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("DeployAs", "both"),
            ("OrganizationId", "exampleorg1"),
            ("OrganizationRootId", "ou-abcd-12345678"),
            ("ManagementAccountId", "1234"),
            ("IncludeManagementAccount", "yes"),
            ("ExcludedAccounts", "111122223333, 444455556666"),
            ("HomeRegion", "Ireland"),
            ("HomeRegion", "eu-west"),
            ("InvokePermission", "both"),
            ("InvokingAccounts", "111122223333,444455556666,"),
            ("InvokingAccounts", ",".join(["111122223333"] * 316)),
            ("Architecture", "arm"),
            ("RuleName", "1st-rule"),
            ("RuleName", "under_score"),
            ("MaximumExecutionFrequency", "Daily"),
            ("LogRetentionInDays", "2"),
            ("AlarmTopicName", "arn:aws:sns:eu-west-1:111122223333:alarms"),
            ("excludedPublicRepositories", ",".join(["a" * 100] * 8)),
            ("trustedAccounts", ",".join(["111122223333"] * 62)),
            ("trustedOrganizations", ",".join(["o-exampleorg1"] * 58)),
            ("FindingsTopicName", "arn:aws:sns:eu-west-1:111122223333:findings"),
            ("ExecutionRoleName", "a" * 56),
            ("ReservedConcurrency", "0"),
        ],
    )
    def test_wrong_value_is_rejected(self, name: str, wrong: str) -> None:
        assert resolved(PACK, **{name: wrong}).violations

    @pytest.mark.parametrize("region", sorted(REGIONS))
    def test_every_region_can_be_the_home_region(self, region: str) -> None:
        assert re.fullmatch(template()["Parameters"]["HomeRegion"]["AllowedPattern"], region)

    def test_accounts_without_their_list_are_rejected(self) -> None:
        (message,) = resolved(PACK, InvokePermission="accounts").violations
        assert message.startswith("InvokePermission accounts needs InvokingAccounts")
        assert resolved(ACCOUNT, InvokePermission="accounts").violations == []

    def test_excluded_accounts_in_account_shape_are_rejected(self) -> None:
        (message,) = resolved(ACCOUNT, ExcludedAccounts="444455556666").violations
        assert message.startswith("ExcludedAccounts has no meaning for account-rule")


class TestSamConfig:
    """The defaults of `sam deploy`."""

    def test_capabilities_bucket_and_confirmation_are_set(self) -> None:
        # `sam deploy --guided` saves further keys, which differ from user to user.
        parameters = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
        assert parameters["capabilities"] == "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
        assert (parameters["resolve_s3"], parameters["confirm_changeset"]) == (True, False)


def is_accepted_by_the_code(raw: Mapping[str, str]) -> bool:
    """Return whether the code accepts these rule parameters."""
    try:
        read_parameters(raw)
    except ParameterError:
        return False
    return True
