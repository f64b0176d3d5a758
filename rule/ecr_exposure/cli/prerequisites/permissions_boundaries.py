"""Whether the policy of PermissionsBoundaryName exists in each account: IAM creates no role without it. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import Inventory
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, Place, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

_DOCUMENT: Final = "file://boundary.json"
_NOTE: Final = (
    "The name includes the path of the policy. No role can be created with a permissions boundary that does not exist; "
    "boundary.json is the policy that your organization uses."
)


def boundary_problems(inventory: Inventory, boundary: str) -> Iterator[Finding]:
    """Return each account without the policy, and each in which it could not be read."""
    for account, exists in sorted(inventory.boundaries.items()):
        places = (Place(account),)
        if isinstance(exists, Unknown):
            what = f"the policy {boundary} of PermissionsBoundaryName"
            yield unchecked(what, exists, places[0], level=Level.HINT)
        elif not exists:
            yield Finding(
                level=Level.MISSING,
                problem=f"the policy {boundary} of PermissionsBoundaryName does not exist",
                places=places,
                commands=(_create(boundary),),
                note=f"{_NOTE} {RUN_AGAIN}",
            )


def _create(boundary: str) -> str:
    path, _, name = boundary.rpartition("/")
    in_path = ("--path", f"/{path}/") if path else ()
    return aws_command("iam", "create-policy", "--policy-name", name, *in_path, "--policy-document", _DOCUMENT)
