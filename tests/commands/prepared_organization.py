"""An organization that meets all prerequisites until a test removes one, and what ``preflight`` prints about it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from moto.config.models import config_backends
from moto.organizations.models import OrganizationsBackend, organizations_backends
from moto.securityhub.models import securityhub_backends
from moto.utilities.utils import get_partition

from tests.local_aws.faults import Fault
from tests.local_aws.moto_organization_services import OrganizationServices
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, MEMBERS, LocalOrganization

ONE, TWO = MEMBERS
HOME, ABROAD = "eu-west-1", "us-east-1"
TRUSTED: Final = (
    "config-multiaccountsetup.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
)
REGISTER: Final = "aws organizations register-delegated-administrator --account-id 444455556666 --service-principal"
ELSEWHERE: Final = "There, for example in AWS CloudShell, in a clone of this project"
"""Where preflight can be run if it cannot see the accounts from where it is."""
_EVERYTHING: Final[Mapping[str, Any]] = {"allSupported": True}


class PreparedOrganization:
    """An organization in which ``prepare`` enables all that the rule needs."""

    def __init__(self, organization: LocalOrganization, services: OrganizationServices) -> None:
        """Take a new organization, and what other services know about it."""
        self.organization = organization
        self.services = services
        self.admin: OrganizationsBackend = organizations_backends[HUB][get_partition(organization.regions[0])]

    def prepare(self, administrator: str = TWO) -> None:
        """Enable all that the rule needs."""
        for principal in TRUSTED:
            self.admin.enable_aws_service_access(ServicePrincipal=principal)
        for account in self.organization.accounts:
            for region in self.organization.regions:
                self.record(account, region)
                securityhub_backends[account][region].enable_security_hub()
        for region in self.organization.regions:
            securityhub_backends[HUB][region].enable_organization_admin_account(administrator)
        self.aggregate(HUB)

    def record(self, account: str, region: str = HOME, *, on: bool = True, **settings: Any) -> None:
        """Set the recorder of an account, and start or stop it."""
        config = config_backends[account][region]
        role = f"arn:aws:iam::{account}:role/config"
        config.put_configuration_recorder(
            {"name": "default", "roleARN": role, "recordingGroup": _EVERYTHING} | settings
        )
        config.put_delivery_channel({"name": "default", "s3BucketName": "org-config-log"})
        (config.start_configuration_recorder if on else config.stop_configuration_recorder)("default")

    def remove_recorder(self, account: str, region: str = HOME, *, channel: bool = True) -> None:
        """Remove the recorder of an account, and its delivery channel."""
        config = config_backends[account][region]
        config.recorders.clear()
        if channel:
            config.delivery_channels.clear()

    def aggregate(self, account: str, **regions: Any) -> None:
        """Create an organization aggregator in the home region, of all regions unless AwsRegions are named."""
        source = {"RoleArn": f"arn:aws:iam::{account}:role/aggregator"} | (regions or {"AllAwsRegions": True})
        config_backends[account][HOME].put_configuration_aggregator(
            {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
        )

    def delegate(self, *principals: str) -> None:
        """Register a member as delegated administrator; from now on the command runs there."""
        for principal in principals:
            self.admin.register_delegated_administrator(AccountId=ONE, ServicePrincipal=principal)
        self.organization.hub = ONE
        self.aggregate(ONE)


@contextmanager
def prepared_organization(page: int = 100, **arguments: Any) -> Iterator[PreparedOrganization]:
    """Prepare an organization whose lists come in pages of this size."""
    with organizations_api(page=page) as services, LocalOrganization(**arguments) as organization:
        prepared = PreparedOrganization(organization, services)
        prepared.prepare()
        yield prepared


class Report:
    """What the command printed, and its exit code."""

    def __init__(self, status: int, text: str) -> None:
        """Take both."""
        self.status = status
        self.lines = text.splitlines()
        self.text = text

    @property
    def commands(self) -> list[str]:
        return [line.strip() for line in self.lines if line.startswith("    aws ")]

    def under(self, heading: str) -> list[str]:
        """Return the findings below a heading, without their commands and notes."""
        found: list[str] = []
        inside = False
        for line in self.lines:
            if re.match(r"(Missing|Not checked|Excluded|Hint) \(\d+\)$|Parameter values|Ready|Not ", line):
                inside = line.startswith(f"{heading} (")
            elif inside and line.startswith("- "):
                found.append(line[2:])
        return found

    @property
    def values(self) -> dict[str, str]:
        pairs = re.findall(r"^  (\w+)=(.*?)(?: \(.*\))?$", self.text, re.MULTILINE)
        return {name: value for name, value in pairs if name[0].isupper()}

    @property
    def excluded(self) -> str:
        """The value of ExcludedAccounts; empty without one."""
        return self.values.get("ExcludedAccounts", "")


def refused(service: str, operation: str, **where: Any) -> Fault:
    """Refuse an operation in the JSON of both protocols that the command uses."""
    body = json.dumps({"__type": "AccessDeniedException", "message": f"no {operation} for you"})
    return Fault(service, operation, status=403, code="AccessDeniedException", body=body, times=None, **where)
