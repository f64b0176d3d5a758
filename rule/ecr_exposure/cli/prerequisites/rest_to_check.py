"""What a run in the management account can check and this one could not, as in a delegated administrator. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.finding import Finding, Level, management
from ecr_exposure.cli.stack import DeployedAs

_FILE = "preflight.json"
# Parameters of the template that say what is read in the accounts.
_READ_BY = ("IncludeManagementAccount", "KmsKeyArn", "PermissionsBoundaryName")


def rest_to_check(
    inventory: Inventory, values: Mapping[str, str], findings: Sequence[Finding]
) -> Iterator[tuple[str, str]]:
    """Yield the commands, each behind its text; none where no other account can see more."""
    unchecked = any(finding.level is Level.UNCHECKED for finding in findings)
    alone = values.get("DeployAs") == DeployedAs.ACCOUNT_RULE
    if not unchecked or inventory.in_management_account or alone:
        return
    regions = ",".join(inventory.regions)
    same = " with the same parameters.yaml" if any(values.get(name) for name in _READ_BY) else ""
    where = management(inventory).removeprefix("the ")
    yield (
        f"The {where} can usually check this. In AWS CloudShell there{same}:",
        f"ecr-exposure preflight --regions {regions} --hub {inventory.hub} --json > {_FILE}",
    )
    yield (
        f"Then copy {_FILE} to this folder, and here:",
        f"ecr-exposure preflight --regions {regions} --from {_FILE}",
    )
