"""Whether the policy of PermissionsBoundaryName exists in each account: IAM creates no role without it. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, counted, first_of, named
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

_DOCUMENT: Final = "file://boundary.json"


def boundary_problems(inventory: Inventory, boundary: str) -> Iterator[Finding]:
    """Return the accounts without the policy, then those in which it could not be read, by reason."""
    missing = [account for account, exists in inventory.boundaries.items() if exists is False]
    if missing:
        alone = len(missing) == 1
        lacking = "" if alone else f" in {counted(len(missing))}: {first_of(inventory, missing)}"
        yield Finding(
            level=Level.MISSING,
            problem=f"the policy {boundary} of PermissionsBoundaryName does not exist{lacking}",
            where=named(inventory, missing[0]) if alone else "each of these accounts",
            commands=(_create(boundary),),
            note="The name includes the path of the policy. No role can be created with a permissions boundary that "
            f"does not exist; boundary.json is the policy that your organization uses. {RUN_AGAIN}",
        )
    by_reason: dict[str, list[str]] = defaultdict(list)
    for account, exists in inventory.boundaries.items():
        if isinstance(exists, Unknown):
            by_reason[exists.reason.replace(account, "ACCOUNT")].append(account)
    for reason, accounts in by_reason.items():
        yield Finding(
            level=Level.HINT,
            problem=f"the policy {boundary} of PermissionsBoundaryName could not be checked in "
            f"{counted(len(accounts))} ({first_of(inventory, accounts)}): {reason}",
            where="each of these accounts",
        )


def _create(boundary: str) -> str:
    path, _, name = boundary.rpartition("/")
    in_path = ("--path", f"/{path}/") if path else ()
    return aws_command("iam", "create-policy", "--policy-name", name, *in_path, "--policy-document", _DOCUMENT)
