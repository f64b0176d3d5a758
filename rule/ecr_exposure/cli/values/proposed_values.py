"""Which values of the stack follow from the organization, so that nobody has to enter them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import ControlTower, Inventory, Organization
from ecr_exposure.cli.prerequisites.excluded_accounts import (
    excluded_accounts,
    excluded_by_region,
    saw_a_part,
    unchecked_accounts,
)
from ecr_exposure.cli.prerequisites.finding import Finding, Level
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.values.template_parameters import LONGEST_VALUE, MOST_IDS, TEMPLATE

CHINA: Final = "aws-cn"
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
_DEFAULTS: Final = {"ExcludedAccounts": "", "InvokePermission": "organization"}
_INSTEAD: Final = {
    "ExcludedAccounts": "Create the missing configuration recorders. AWS Config excludes at most 1,000 accounts.",
    "InvokingAccounts": "Choose another InvokePermission.",
}
_ONLY_A_PART: Final = "not written, because not all accounts were seen"
REGIONS_WITHOUT_FUNCTION_POLICY: Final = frozenset(
    "cn-north-1 cn-northwest-1 me-central-1 us-gov-east-1 us-gov-west-1".split()
)
"""Regions without the resource type AWS::Lambda::ResourcePolicy."""
REGIONS_WITHOUT_REMEDIATION: Final = frozenset("ap-east-2 ap-southeast-6 ap-southeast-7 mx-central-1".split())
"""Regions without the resource type AWS::Config::RemediationConfiguration, in the schemas of CloudFormation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A value that preflight would choose."""

    name: str
    value: str | None
    """None: what it follows from could not be read."""
    reason: str = ""
    """Why this value, or why none; empty where the report says it elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedValues:
    """What preflight would choose beside the values that the file has."""

    proposals: tuple[Proposal, ...]
    of_regions: Mapping[str, Mapping[str, str]]
    """Values that only one Region's stack needs, by Region and name."""
    refusals: tuple[Finding, ...]
    """Values that no parameter can hold."""
    refused_regions: frozenset[str] = frozenset()
    """Regions that need such a value, so that no command can deploy there."""

    def missing(self, current: Mapping[str, str]) -> dict[str, str]:
        """Return the values that the file lacks."""
        return {each.name: each.value for each in self.proposals if each.value is not None and each.name not in current}

    def excluded(self, chosen: Mapping[str, str], regions: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return the accounts that the rule excludes by these values and those of each Region, by Region."""
        of_all, name = chosen.get("ExcludedAccounts", ""), "ExcludedAccounts"
        return {region: _ids(self.of_regions.get(region, {}).get(name, of_all)) for region in regions}

    def unknown(self, current: Mapping[str, str]) -> tuple[Proposal, ...]:
        """Return the values that the file lacks, and that could not be read."""
        return tuple(each for each in self.proposals if each.value is None and each.name not in current)

    def different(self, current: Mapping[str, str]) -> tuple[Proposal, ...]:
        """Return where preflight would choose otherwise than the file; the order of a list does not matter."""
        return tuple(
            each
            for each in self.proposals
            if each.value is not None and each.name in current and _ids(each.value) != _ids(current[each.name])
        )


def proposed_values(inventory: Inventory, current: Mapping[str, str]) -> ProposedValues:
    """Return what preflight would choose, where the file has these values."""
    china = inventory.caller.partition == CHINA
    if not china and current.get("DeployAs") != DeployedAs.ACCOUNT_RULE:
        return _ProposalsForOrganization(inventory, current).all()
    proposals: list[Proposal] = []
    if china:
        reason = "only this shape is supported in the China Regions"
        proposals.append(Proposal(name="DeployAs", value=DeployedAs.ACCOUNT_RULE, reason=reason))
    if current.get("ExcludedAccounts"):
        reason = "account-rule evaluates this account only"
        proposals.append(Proposal(name="ExcludedAccounts", value="", reason=reason))
    if current.get("OrganizationId") and current.get("InvokePermission", "organization") == "organization":
        if current.get("Remediation", "none") == "none":
            reason = "with it, account-rule is the probe of aws:SourceOrgID"
            proposals.append(Proposal(name="OrganizationId", value="", reason=reason))
        else:
            reason = "with account-rule it means this account; organization is the probe of aws:SourceOrgID"
            proposals.append(Proposal(name="InvokePermission", value="any-account", reason=reason))
    return ProposedValues(proposals=tuple(proposals), of_regions={}, refusals=())


class _ProposalsForOrganization:
    """The values of a stack that serves the organization."""

    def __init__(self, inventory: Inventory, current: Mapping[str, str]) -> None:
        self._inventory, self._current = inventory, current
        self._too_long: list[tuple[str, str, int]] = []
        """Name, Region (empty for all) and number of ids of the lists that no parameter can hold."""

    def all(self) -> ProposedValues:
        proposals = (*self._organization(), self._home_region(), *self._excluded(), *self._invoking())
        chosen = {each.name: each.value for each in proposals if each.value} | dict(self._current)
        of_regions = dict(self._of_regions(chosen))
        # What one Region has otherwise stands in the file, too: SAM CLI keeps the previous value of what it lacks.
        others = {name for values in of_regions.values() for name in values}.difference(chosen)
        reason = "what the other Regions have"
        common = tuple(Proposal(name=name, value=_DEFAULTS[name], reason=reason) for name in sorted(others))
        return ProposedValues(
            proposals=(*proposals, *common),
            of_regions=of_regions,
            refusals=tuple(self._refusals()),
            refused_regions=frozenset(region for _, region, _ in self._too_long if region),
        )

    def _organization(self) -> Iterator[Proposal]:
        organization, root = self._inventory.organization, self._inventory.root
        identifier = organization.identifier if isinstance(organization, Organization) else None
        yield Proposal(name="OrganizationId", value=identifier)
        yield Proposal(name="OrganizationRootId", value=None if isinstance(root, Unknown) else root)
        yield Proposal(name="ManagementAccountId", value=self._inventory.management_account)

    def _home_region(self) -> Proposal:
        """Return the Region whose stack creates the roles; the file's, unless another named one is better."""
        named, opt_in = self._inventory.regions, self._inventory.opt_in_regions
        by_default = [each for each in named if isinstance(opt_in, Unknown) or each not in opt_in]
        tower, current = self._inventory.control_tower, self._current.get("HomeRegion", "")
        if isinstance(tower, ControlTower) and tower.home_region in by_default:
            region, reason = tower.home_region, "the home Region of AWS Control Tower"
        elif by_default:
            region = current if current in by_default else by_default[0]
            reason = "the first of the named Regions that every account has enabled"
        else:
            region = current if current in named else named[0]
            reason = "the first of the named Regions"
        if self._names_other_regions:
            region = current  # the stack of another Region made the roles already
        note = "change it only before" if current else "it cannot be changed after"
        return Proposal(name="HomeRegion", value=region, reason=f"{reason}; {note} the first deployment")

    @property
    def _names_other_regions(self) -> bool:
        """Whether the named Regions are only further ones of a deployment whose home Region is another."""
        home = self._current.get("HomeRegion", "")
        return home in self._inventory.partition_regions.difference(self._inventory.regions)

    @property
    def _no_region_has_function_policy(self) -> bool:
        return REGIONS_WITHOUT_FUNCTION_POLICY.issuperset(self._inventory.regions)

    def _excluded(self) -> Iterator[Proposal]:
        """Yield the accounts to exclude in all Regions, if there are any or the file names some."""
        inventory, listed = self._inventory, _ids(self._current.get("ExcludedAccounts", ""))
        if isinstance(inventory.accounts, Unknown):
            yield Proposal(name="ExcludedAccounts", value=None)
        elif saw_a_part(self._inventory):
            # What was not seen may have to be excluded, and preflight changes no value that is there.
            yield Proposal(name="ExcludedAccounts", value=None, reason=_ONLY_A_PART)
        elif not self._names_other_regions:
            known = set(excluded_accounts(inventory)) - {inventory.management_account}
            # Whoever excluded an account that could not be checked knows more than preflight.
            kept = listed.intersection(unchecked_accounts(inventory)) - {inventory.hub}
            value = self._list_of("ExcludedAccounts", known | kept)
            if value or ("ExcludedAccounts" in self._current and value is not None):
                reason = "not ACTIVE, or without a recorder in every named Region"
                yield Proposal(name="ExcludedAccounts", value=value, reason=reason)

    def _invoking(self) -> Iterator[Proposal]:
        inventory = self._inventory
        if self._no_region_has_function_policy:
            reason = "these Regions have no AWS::Lambda::ResourcePolicy"
            yield Proposal(name="InvokePermission", value="any-account", reason=reason)
        elif self._current.get("InvokePermission") == "accounts":
            if isinstance(inventory.accounts, Unknown):
                yield Proposal(name="InvokingAccounts", value=None)
                return
            active = {account.identifier for account in inventory.accounts if account.state == "ACTIVE"}
            value = self._list_of("InvokingAccounts", active)
            if value is not None:
                yield Proposal(name="InvokingAccounts", value=value, reason="the active accounts of the organization")

    def _of_regions(self, chosen: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield what the stack of one Region needs otherwise than the file says."""
        excluded = {} if saw_a_part(self._inventory) else dict(self._excluded_of_regions(chosen))
        for region in self._inventory.regions:
            values: dict[str, str] = {}
            if region in excluded:
                values["ExcludedAccounts"] = excluded[region]
            differs = region in REGIONS_WITHOUT_FUNCTION_POLICY and not self._no_region_has_function_policy
            if differs and chosen.get("InvokePermission", "organization") != "any-account":
                values["InvokePermission"] = "any-account"
            if region in REGIONS_WITHOUT_REMEDIATION and chosen.get("Remediation", "none") != "none":
                values["Remediation"] = "none"
            if values:
                yield region, values

    def _excluded_of_regions(self, chosen: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the accounts to exclude in one Region, beside those of the file, where the file lacks some."""
        inventory = self._inventory
        listed = _ids(chosen.get("ExcludedAccounts", "")) - {inventory.hub}
        of_all = frozenset() if self._names_other_regions else excluded_accounts(inventory)
        for region, accounts in excluded_by_region(inventory).items():
            needed = accounts - {inventory.management_account}
            if needed - listed - of_all:
                value = self._list_of("ExcludedAccounts", needed | listed, region)
                if value:
                    yield region, value

    def _list_of(self, name: str, accounts: Iterable[str | None], region: str = "") -> str | None:
        """Return the ids as a value; None if there are more than a parameter holds, which is a refusal."""
        ids = sorted(str(account) for account in accounts)
        if len(ids) <= MOST_IDS:
            return ",".join(ids)
        self._too_long.append((name, region, len(ids)))
        return None

    def _refusals(self) -> Iterator[Finding]:
        """Yield the values that no parameter can hold, one finding for all Regions."""
        for name, instead in _INSTEAD.items():
            found = [(region, number) for each, region, number in self._too_long if each == name]
            if not found:
                continue
            numbers = sorted(number for _, number in found)
            number = f"{numbers[0]:,}" if numbers[0] == numbers[-1] else f"{numbers[0]:,} to {numbers[-1]:,}"
            regions = [region for region, _ in found if region]
            yield Finding(
                level=Level.MISSING,
                problem=f"{name} would have {number} account ids; a parameter of CloudFormation holds {MOST_IDS}, in "
                f"{LONGEST_VALUE:,} characters",
                where=", ".join((TEMPLATE, *regions)),
                note=instead,
            )


def _ids(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))
