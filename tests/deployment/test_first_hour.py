"""The short way: `preflight` writes parameters.yaml, SAM CLI reads it, and the stack evaluates every repository.

The template, the code and samconfig.toml are the project's; SAM CLI reads the values with its own code, and they
deploy each shape to a local organization.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.handler import lambda_handler
from tests.commands.prepared_organization import ABROAD, HOME, ONE, TWO, PreparedOrganization, prepared_organization
from tests.commands.sam_reader import SamReader, sam_reader
from tests.deployment.deployment_shapes import template
from tests.deployment.sam import ROOT, Transform
from tests.local_aws.deployed_stack import deploy
from tests.local_aws.organization import HUB, LocalOrganization
from tests.local_aws.templates import ResolvedTemplate

POLICIES: Final = {
    "open": '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}',
    "plain": None,
}
COMPLIANCES: Final = {"open": "NON_COMPLIANT", "plain": "COMPLIANT"}
PACK, RULE, ACCOUNT = "organization-conformance-pack", "organization-rule", "account-rule"
REGIONS: Final = {PACK: [HOME, ABROAD], RULE: [HOME, ABROAD], ACCOUNT: [HOME]}
# What the templates and the function do for each account of the organization, and what they leave out.
EVERYWHERE: Final = {PACK: {HUB, ONE, TWO}, RULE: {HUB, ONE, TWO}, ACCOUNT: {HUB}}


@pytest.fixture(scope="module")
def sam(tools: Path) -> Iterator[SamReader]:
    assert tools.exists()
    with sam_reader() as reader:
        yield reader


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh copy of what the values need of the project, as the working folder."""
    for name in ("template.yaml", "samconfig.toml", "parameters.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_preflight(prepared: PreparedOrganization, *arguments: str) -> int:
    """Run the command in the hub account."""
    session = prepared.organization.session(prepared.organization.hub, HOME)
    return main(("preflight", "--regions", f"{HOME},{ABROAD}", *arguments), Environment(session=session))


Deploy = Callable[[dict[str, str], str], dict[str, dict[str, str]]]


@pytest.fixture
def evaluated(transform: Transform) -> Deploy:
    """Return a function that deploys the values to Regions, and returns the compliances of each account and Region."""

    def evaluated(values: dict[str, str], shape: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        with LocalOrganization(iam=True) as organization:
            for region in REGIONS[shape]:
                assert ResolvedTemplate(template(), values, account=HUB, region=region).violations == []
                stack = deploy(organization, region, transform.apply_to_template_yaml(values), values, lambda_handler)
                stack.create_stack_instances(organization.accounts, management=values.get("ManagementAccountId", HUB))
                stack.create_rules(organization.accounts)
                for account, rule in stack.rules.items():
                    for name, policy in POLICIES.items():
                        organization.create_repository(account, region, name, policy)
                    for invocation in stack.config.deliver_scheduled(account, region):
                        assert invocation.error is None
                    rows = stack.config.evaluations(account, region, rule)
                    found[f"{account} {region}"] = {row.resource_id: row.compliance for row in rows}
        return found

    return evaluated


class TestShortWay:
    """From parameters.yaml, as it is in the repository, to evaluations in every account and Region."""

    @pytest.mark.parametrize("shape", [PACK, RULE, ACCOUNT])
    def test_values_that_preflight_wrote_deploy_the_shape(
        self, sam: SamReader, project: Path, evaluated: Deploy, shape: str
    ) -> None:
        with prepared_organization() as prepared:
            assert run_preflight(prepared, *(() if shape == PACK else ("--set", f"DeployAs={shape}"))) == 0
        values, settings = sam.configuration(project)
        assert (settings["confirm_changeset"], settings["resolve_s3"]) == (False, True)
        assert values.get("DeployAs", PACK) == shape
        expected = {f"{account} {region}" for account in EVERYWHERE[shape] for region in REGIONS[shape]}
        assert evaluated(values, shape) == dict.fromkeys(expected, COMPLIANCES)

    def test_further_values_reach_every_region_and_upgrade(
        self, sam: SamReader, project: Path, evaluated: Deploy
    ) -> None:
        """An account without a recorder is excluded, and a second run of preflight takes nothing back."""
        with prepared_organization() as prepared:
            for region in (HOME, ABROAD):
                prepared.remove_recorder(TWO, region)
            chosen = ("--set", "RolePath=/platform/", "--set", "InvokePermission=accounts")
            assert run_preflight(prepared, *chosen) == 0
            before = (project / "parameters.yaml").read_bytes()
            assert run_preflight(prepared) == 0
            assert (project / "parameters.yaml").read_bytes() == before
        values, _ = sam.configuration(project)
        assert values["InvokingAccounts"] == ",".join(sorted((HUB, ONE, TWO)))
        expected = {f"{account} {region}" for account in (HUB, ONE) for region in REGIONS[PACK]}
        assert evaluated(values, PACK) == dict.fromkeys(expected, COMPLIANCES)

    def test_delegated_administrator_leaves_the_management_account_out(
        self, sam: SamReader, project: Path, evaluated: Deploy
    ) -> None:
        services = ("config-multiaccountsetup.amazonaws.com", "member.org.stacksets.cloudformation.amazonaws.com")
        with prepared_organization() as prepared:
            prepared.delegate(*services)
            assert run_preflight(prepared) == 0
        values, _ = sam.configuration(project)
        assert values["ManagementAccountId"] == HUB
        # Here the hub of the local organization stands for the delegated administrator.
        values["ManagementAccountId"] = ONE
        expected = {f"{account} {region}" for account in (HUB, TWO) for region in REGIONS[PACK]}
        assert evaluated(values, PACK) == dict.fromkeys(expected, COMPLIANCES)
