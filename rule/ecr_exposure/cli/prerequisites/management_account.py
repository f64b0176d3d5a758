"""The management account, if a delegated administrator's rule includes it. Pure.

AWS Config does not create its service-linked role there when the rule is deployed from a delegated administrator:
https://docs.aws.amazon.com/config/latest/developerguide/config-rule-multi-account-deployment.html
"""

from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import CONFIG_RULES, Inventory
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, management, one_or_each, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command

_CREATE_ROLE: Final = aws_command("iam", "create-service-linked-role", "--aws-service-name", CONFIG_RULES)

_NOT_CHECKED: Final = "Whether the rule's own role exists there (deploy/member-account.yaml) is not checked."


def management_account_problems(inventory: Inventory) -> Iterator[Finding]:
    """Return whether the management account lacks the service-linked role; ``account_problems`` has its recorder."""
    account = inventory.management_account
    where = management(inventory)
    if account is None or inventory.hub_is_management_account:
        return
    if account in inventory.unreached:
        describe = ("configservice", "describe-configuration-recorders", "--region", one_or_each(inventory.regions))
        yield Finding(
            level=Level.UNCHECKED,
            problem="IncludeManagementAccount is true, and the account could not be checked: "
            f"{inventory.unreached[account].reason}",
            where=where,
            commands=(_CREATE_ROLE, aws_command(*describe)),
            note="It needs the service-linked role of AWS Config for organization rules, which the first command "
            "creates (it fails if the role exists; ignore that), and a recorder in each Region, which the "
            f"other lists. {_NOT_CHECKED}",
        )
    elif inventory.service_linked_role is False:
        yield Finding(
            level=Level.MISSING,
            problem="IncludeManagementAccount is true, and the service-linked role of AWS Config for organization "
            "rules does not exist",
            where=where,
            commands=(_CREATE_ROLE,),
            note=f"{RUN_AGAIN} {_NOT_CHECKED}",
        )
    elif isinstance(inventory.service_linked_role, Unknown):
        what = "the service-linked role of AWS Config for organization rules"
        yield unchecked(what, inventory.service_linked_role, where)
