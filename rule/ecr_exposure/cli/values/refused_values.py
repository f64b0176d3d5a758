"""Values that the file can have, and with which the deployment fails or serves another organization."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from ecr_exposure.cli.organization.inventory import Inventory, Organization
from ecr_exposure.cli.prerequisites.finding import Finding, Level
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.values.project_folder import ProjectFolder
from ecr_exposure.cli.values.proposed_values import ProposedValues
from ecr_exposure.cli.values.template_rules import Deployment
from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS

# https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
_LONGEST_RULE_PARAMETERS: Final = 1024
_RULE_PARAMETERS: Final = tuple(name for name in PARAMETERS if name not in RDKLIB_PARAMETERS)


def refused_values(project: ProjectFolder, inventory: Inventory, proposed: ProposedValues) -> Iterator[Finding]:
    """Return what is wrong with the values that the file will have, and with those of single Regions."""
    current = project.values
    values = current | project.accepted(proposed.missing(current))
    if values.get("DeployAs") != DeployedAs.ACCOUNT_RULE:
        yield from _of_another_organization(project, inventory, current)
    yield from _too_long_together(project, values)
    deployments = (
        Deployment(
            partition=inventory.caller.partition,
            region=region,
            account=inventory.hub,
            values=values | dict(proposed.of_regions.get(region, {})),
        )
        for region in inventory.regions
    )
    yield from project.rules.findings(tuple(deployments))


def _of_another_organization(
    project: ProjectFolder, inventory: Inventory, current: Mapping[str, str]
) -> Iterator[Finding]:
    """Return the ids of the file that are not those of the caller's organization."""
    organization = inventory.organization
    identifier = organization.identifier if isinstance(organization, Organization) else None
    root = inventory.root if isinstance(inventory.root, str) else None
    management = inventory.management_account
    ids = {"OrganizationId": identifier, "OrganizationRootId": root, "ManagementAccountId": management}
    for name, value in ids.items():
        if value is not None and current.get(name, "") not in {value, ""}:
            yield Finding(
                level=Level.MISSING,
                problem=f"{name} is {current[name]}, but {value} in the organization of these credentials",
                where=project.place(name),
                note=f"Change it: --set {name}={value}. Or use credentials of the other organization.",
            )


def _too_long_together(project: ProjectFolder, values: Mapping[str, str]) -> Iterator[Finding]:
    """Return whether AWS Config would refuse the rule's parameters, which it gets as one JSON text."""
    present = {name: values[name] for name in _RULE_PARAMETERS if values.get(name)}
    test = {"publicAccessTest": project.parameters.default("publicAccessTest")}
    length = len(json.dumps(test | present, separators=(",", ":"), ensure_ascii=False))
    if length > _LONGEST_RULE_PARAMETERS:
        yield Finding(
            level=Level.MISSING,
            problem=f"{', '.join(present)} have {length:,} characters together, in the JSON that AWS Config gets; it "
            f"accepts {_LONGEST_RULE_PARAMETERS:,}",
            where=str(project.file),
            note="A pattern such as public/* can replace many names of repositories, and so can excludedPublicTag.",
        )
