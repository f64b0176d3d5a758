"""``preflight`` and values with which the deployment fails or serves another organization: never ready."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moto.organizations.models import organizations_backends

from ecr_exposure.cli.values.parameters_file import read_parameters
from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import ABROAD, HOME, ONE, TRUSTED, PreparedOrganization
from tests.deployment.deployment_shapes import template
from tests.local_aws.faults import Fault
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, ORGANIZATION_ID, LocalOrganization
from tests.local_aws.templates import ResolvedTemplate


@contextmanager
def organization_in(region: str) -> Iterator[PreparedOrganization]:
    """Return an organization of one Region, with trusted access and recorders."""
    with organizations_api() as services, LocalOrganization(regions=(region,)) as organization:
        prepared = PreparedOrganization(organization, services)
        for principal in TRUSTED:
            prepared.admin.enable_aws_service_access(ServicePrincipal=principal)
        for account in organization.accounts:
            prepared.record(account, region)
        yield prepared


class TestSectionRules:
    """Values that the template's section Rules refuses."""

    @pytest.mark.parametrize(
        ("region", "lines", "refusals"),
        [
            (HOME, 'HomeRegion: ""\n', 1),
            (HOME, 'OrganizationId: ""\n', 1),
            (HOME, 'OrganizationRootId: ""\n', 1),
            (HOME, 'ManagementAccountId: ""\n', 1),
            (HOME, 'OrganizationId: ""\nOrganizationRootId: ""\n', 2),
            (HOME, 'FindingsTopicName: "findings"\n', 1),
            (HOME, 'InvokePermission: "accounts"\nInvokingAccounts: ""\n', 1),
            (HOME, 'DeployAs: "account-rule"\nExcludedAccounts: "444455556666"\n', 1),
            ("us-gov-west-1", 'DeployAs: "account-rule"\nOrganizationId: "o-exampleorg1"\n', 1),
            ("us-gov-west-1", 'InvokePermission: "organization"\n', 1),
            ("us-gov-west-1", 'InvokePermission: "accounts"\n', 2),
            ("cn-north-1", 'DeployAs: "organization-rule"\nInvokePermission: "any-account"\n', 5),
            (HOME, "", 0),
            (HOME, 'InvokePermission: "accounts"\n', 0),
            (HOME, 'DeployAs: "account-rule"\nOrganizationId: "o-exampleorg1"\n', 0),
            ("us-gov-west-1", "", 0),
            ("us-gov-west-1", 'DeployAs: "account-rule"\n', 0),
            ("cn-north-1", "", 0),
        ],
    )
    def test_values_are_missing_exactly_if_the_template_refuses_them(
        self, preflight: RunPreflight, project: Path, region: str, lines: str, refusals: int
    ) -> None:
        project.write_text(lines)
        with organization_in(region) as prepared:
            report = preflight(prepared, regions=region)
        values = read_parameters(project).values
        violations = ResolvedTemplate(template(), values, account=HUB, region=region).violations
        place = f"template.yaml, {region}: "
        assert [each for each in report.under("Missing") if each.startswith(place)] == [
            f"{place}{violation.rstrip('.')}" for violation in violations
        ]
        assert len(violations) == refusals
        assert report.status == (1 if refusals else 0)

    def test_values_of_one_region_are_evaluated_there(self, preflight: RunPreflight, project: Path) -> None:
        """The Region without AWS::Lambda::ResourcePolicy gets InvokePermission any-account of its own."""
        with (
            organizations_api() as services,
            LocalOrganization(regions=(HOME, "me-central-1")) as organization,
        ):
            prepared = PreparedOrganization(organization, services)
            prepared.prepare()
            services.enabled["me-central-1"] = set(organization.accounts)
            report = preflight(prepared, regions=f"{HOME},me-central-1")
        assert "InvokePermission=any-account" in report.text
        assert read_parameters(project).values["InvokePermission"] == "organization"
        assert report.under("Missing") == []

    def test_same_refusal_of_two_regions_is_one_finding(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.write_text('FindingsTopicName: "findings"\n')
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"template.yaml, {HOME}, {ABROAD}: FindingsTopicName is for account-rule; for an organization, use "
            "deploy/security-hub.yaml"
        ]
        assert "  The section Rules of the template refuses these values." in report.lines

    def test_function_that_preflight_does_not_know_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        file = project.parent / "template.yaml"
        text = file.read_text()
        assert "!Not [!Equals [!Ref HomeRegion, " in text
        file.write_text(text.replace('!Not [!Equals [!Ref HomeRegion, ""]]', '!EachMemberIn [[a], ["a"]]'))
        report = preflight(prepared)
        assert report.status == 2
        assert report.under("Not checked") == [
            f"template.yaml, {HOME}, {ABROAD}: the rule OrganizationIsNamed of the section Rules could not be checked: "
            "Fn::EachMemberIn is not supported"
        ]


class TestAnotherOrganization:
    """Ids that AWS does not confirm."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [("OrganizationId", "o-another0001"), ("OrganizationRootId", "r-zzzz"), ("ManagementAccountId", ONE)],
    )
    def test_other_id_than_that_of_the_organization_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path, name: str, value: str
    ) -> None:
        project.write_text(f'# theirs\n{name}: "{value}"\n')
        ids = {"OrganizationId": ORGANIZATION_ID, "OrganizationRootId": prepared.admin.org.root_id}
        actual = ids.get(name, HUB)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"parameters.yaml, line 2: {name} is {value}, but {actual} in the organization of these credentials"
        ]
        assert f"  Change it: --set {name}={actual}. Or use credentials of the other organization." in report.lines

    def test_ids_do_not_matter_for_one_account(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.write_text('DeployAs: "account-rule"\nOrganizationRootId: "r-zzzz"\n')
        assert preflight(prepared).under("Missing") == []


class TestRuleParameters:
    """AWS Config accepts 1,024 characters of rule parameters, as JSON."""

    @pytest.mark.parametrize("shape", ["organization-rule", "account-rule"])
    @pytest.mark.parametrize("beyond", [0, 1])
    def test_rule_parameters_beyond_1024_characters_are_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path, shape: str, beyond: int
    ) -> None:
        """The template's own JSON has as many characters as the finding says."""
        accounts = ",".join([HUB] * 30)
        repositories = ",".join(["abcdefg/*"] * 50)
        values = {"DeployAs": shape, "trustedAccounts": accounts, "publicAccessTest": "external"}
        text = json.dumps(
            {"publicAccessTest": "external", "excludedPublicRepositories": repositories, "trustedAccounts": accounts},
            separators=(",", ":"),
        )
        values["excludedPublicRepositories"] = repositories + "x" * (1024 - len(text) + beyond)
        project.write_text("".join(f'{name}: "{value}"\n' for name, value in values.items()))
        report = preflight(prepared)
        resources = ResolvedTemplate(template(), read_parameters(project).values).resources
        parameters = (
            resources["AccountRule"]["InputParameters"]
            if shape == "account-rule"
            else json.loads(resources["OrganizationRule"]["OrganizationCustomRuleMetadata"]["InputParameters"])
        )
        assert len(json.dumps(parameters, separators=(",", ":"))) == 1024 + beyond
        assert report.status == beyond
        assert (
            report.under("Missing")
            == [
                "parameters.yaml: publicAccessTest, excludedPublicRepositories, trustedAccounts have 1,025 characters "
                "together, in the JSON that AWS Config gets; it accepts 1,024"
            ][:beyond]
        )


class TestOneAccount:
    """account-rule."""

    def test_account_without_an_organization_is_ready(self, preflight: RunPreflight, project: Path) -> None:
        code = "AWSOrganizationsNotInUseException"
        body = json.dumps({"__type": code, "message": "not in use"})
        # moto returns an empty list instead.
        services = Fault(
            "organizations", "ListAWSServiceAccessForOrganization", status=400, code=code, body=body, times=None
        )
        with organization_in(HOME) as prepared, prepared.organization.faults.inject(services):
            organizations_backends[HUB]["aws"].reset()
            report = preflight(prepared, "--set", "DeployAs=account-rule", regions=HOME)
        assert report.status == 0
        assert f"Preflight: account {HUB}, 1 Region" in report.lines
        assert "could not be checked" not in report.text
        assert read_parameters(project).values == {"DeployAs": "account-rule"}

    def test_file_of_an_organization_serves_this_account_after_the_printed_change(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        preflight(prepared)
        report = preflight(prepared, "--set", "DeployAs=account-rule")
        assert report.status == 0
        assert (
            f"parameters.yaml says OrganizationId={ORGANIZATION_ID}; preflight would choose none "
            "(with it, account-rule is the probe of aws:SourceOrgID): --set OrganizationId="
        ) in report.lines
        assert "would choose" not in preflight(prepared, "--set", "OrganizationId=").text
        resources = ResolvedTemplate(template(), read_parameters(project).values, account=HUB).resources
        assert resources["ConfigMayInvoke"]["SourceAccount"] == HUB
