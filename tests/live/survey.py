"""Reads an organization from AWS, without changing anything: Describe, List and Get calls, and AssumeRole.

Organizations answers these calls to the management account and to delegated administrators:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
Without a name, DescribeConfigurationRecorders returns the customer managed recorder:
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorders.html
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from types import MappingProxyType
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.live.clients import entries, make_client, member
from tests.live.errors import AWS_ERRORS, CannotRunError, StrangeAnswerError, Unknown, attempt, code_of, told
from tests.live.landscape import Account, Caller, Landscape, Organization, Place, Recorder, SecurityHub

AT_ONCE: Final = 8
"""Accounts that are looked at side by side."""

_OWN: Final[Mapping[str, str]] = MappingProxyType({})
# How Security Hub answers in an account that has not enabled it:
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
_NOT_SUBSCRIBED: Final = frozenset({"InvalidAccessException", "ResourceNotFoundException"})


class _Clients:
    """Makes clients for several threads; a boto3 session is not safe to share while it makes one."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._lock = Lock()

    def build(self, service: str, region: str, credentials: Mapping[str, str] = _OWN) -> Any:
        with self._lock:
            return make_client(self._session, service, region, **credentials)


def survey(session: boto3.Session, regions: Sequence[str], role: str) -> Landscape:
    """Look at the organization of the session's account.

    Raises CannotRunError without usable credentials or without an organization. What AWS refuses beyond
    that is Unknown in its place.
    """
    clients = _Clients(session)
    caller = _caller(clients, regions[0])
    _check_partition(session, caller, regions)
    client = clients.build("organizations", regions[0])
    accounts = attempt(lambda: _accounts(client))
    root_arn = attempt(lambda: _root_arn(client))
    organization = _organization(client, caller, root_arn)
    management = organization.management_account if isinstance(organization, Organization) else None
    governs = management == caller.account
    # Deployed from a delegated administrator, the template leaves the management account out by itself.
    members = () if isinstance(accounts, Unknown) else accounts
    active = {account.identifier for account in members if account.state == "ACTIVE"} - {management}
    places, unreached = _everywhere(clients, caller, sorted(active | {caller.account}), regions, role)
    return Landscape(
        caller=caller,
        regions=tuple(regions),
        role=role,
        organization=organization,
        root=root_arn if isinstance(root_arn, Unknown) else root_arn.rpartition("/")[2],
        trusted=attempt(lambda: _trusted(client)),
        delegated=frozenset() if governs else attempt(lambda: _delegated(client, caller.account)),
        accounts=accounts,
        places=places,
        unreached=unreached,
        aggregated=attempt(lambda: _aggregated(clients, regions)),
    )


def _check_partition(session: boto3.Session, caller: Caller, regions: Sequence[str]) -> None:
    for region in regions:
        try:
            partition = session.get_partition_for_region(region)
        except BotoCoreError as error:
            raise CannotRunError(told(error)) from None
        if partition != caller.partition:
            raise CannotRunError(f"{region} is in the partition {partition}, the credentials are in {caller.partition}")


def _pages(client: Any, operation: str, key: str, **arguments: str) -> list[Any]:
    return list(entries(client.get_paginator(operation).paginate(**arguments), key))


def _caller(clients: _Clients, region: str) -> Caller:
    try:
        identity = clients.build("sts", region).get_caller_identity()
        return Caller(account=member(identity, "Account"), partition=member(identity, "Arn").split(":")[1])
    except AWS_ERRORS as error:
        raise CannotRunError(f"no usable AWS credentials: {told(error)}") from None


def _accounts(client: Any) -> tuple[Account, ...]:
    """Return all accounts; State takes the place of Status, which AWS announced to retire in September 2026."""
    return tuple(
        Account(
            identifier=each["Id"],
            name=each.get("Name", ""),
            state=each.get("State") or each.get("Status", "UNKNOWN"),
        )
        for each in _pages(client, "list_accounts", "Accounts")
    )


def _organization(client: Any, caller: Caller, root_arn: str | Unknown) -> Organization | Unknown:
    """Return the organization; where its description is refused, with the ids that its root's ARN holds.

    arn:aws:organizations::<management account>:root/<organization>/<root>
    """
    try:
        described = member(client.describe_organization(), "Organization")
    except AWS_ERRORS as error:
        if code_of(error) == "AWSOrganizationsNotInUseException":
            raise CannotRunError(f"account {caller.account} is in no organization") from None
        refused = Unknown(told(error))
    else:
        return Organization(
            identifier=described["Id"],
            management_account=described["MasterAccountId"],
            feature_set=described["FeatureSet"],
        )
    if isinstance(root_arn, Unknown):
        return refused
    owner, resource = root_arn.split(":")[4:]
    return Organization(identifier=resource.split("/")[1], management_account=owner, feature_set=refused)


def _root_arn(client: Any) -> str:
    for root in _pages(client, "list_roots", "Roots"):
        return str(root["Arn"])
    raise StrangeAnswerError("the organization has no root")


def _trusted(client: Any) -> frozenset[str]:
    services = _pages(client, "list_aws_service_access_for_organization", "EnabledServicePrincipals")
    return frozenset(service["ServicePrincipal"] for service in services)


def _delegated(client: Any, account: str) -> frozenset[str]:
    """Return what an account administers; an account that administers nothing may be told so by an error."""
    try:
        services = _pages(client, "list_delegated_services_for_account", "DelegatedServices", AccountId=account)
    except client.exceptions.AccountNotRegisteredException:
        return frozenset()
    return frozenset(service["ServicePrincipal"] for service in services)


def _aggregated(clients: _Clients, regions: Sequence[str]) -> frozenset[str]:
    covered: set[str] = set()
    for region in regions:
        client = clients.build("config", region)
        for each in _pages(client, "describe_configuration_aggregators", "ConfigurationAggregators"):
            source = each.get("OrganizationAggregationSource") or {}
            covered.update(regions if source.get("AllAwsRegions") else source.get("AwsRegions", ()))
    return frozenset(covered) & frozenset(regions)


def _everywhere(
    clients: _Clients, caller: Caller, accounts: Sequence[str], regions: Sequence[str], role: str
) -> tuple[tuple[Place, ...], dict[str, Unknown]]:
    def look(account: str) -> tuple[Place, ...] | Unknown:
        own = account == caller.account
        credentials = _OWN if own else attempt(lambda: _assume(clients, caller, account, regions[0], role))
        if isinstance(credentials, Unknown):
            return credentials
        return tuple(_place(clients, account, region, credentials) for region in regions)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = dict(zip(accounts, pool.map(look, accounts), strict=True))
    unreached = {account: found for account, found in looks.items() if isinstance(found, Unknown)}
    return tuple(place for found in looks.values() if not isinstance(found, Unknown) for place in found), unreached


def _assume(clients: _Clients, caller: Caller, account: str, region: str, role: str) -> Mapping[str, str]:
    answer = clients.build("sts", region).assume_role(
        RoleArn=f"arn:{caller.partition}:iam::{account}:role/{role}", RoleSessionName="ecr-exposure-preflight"
    )
    credentials = member(answer, "Credentials")
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def _place(clients: _Clients, account: str, region: str, credentials: Mapping[str, str]) -> Place:
    config = clients.build("config", region, credentials)
    return Place(
        account=account,
        region=region,
        recorder=attempt(lambda: _recorder(config)),
        bucket=attempt(lambda: _bucket(config)),
        security_hub=attempt(lambda: _security_hub(clients.build("securityhub", region, credentials))),
    )


def _recorder(client: Any) -> Recorder | None:
    """Return the recorder; a service-linked one, of another service, evaluates no rule of ours."""
    described = member(client.describe_configuration_recorders(), "ConfigurationRecorders")
    for settings in described:
        if not settings.get("servicePrincipal"):
            answer = client.describe_configuration_recorder_status(ConfigurationRecorderNames=[settings["name"]])
            states = member(answer, "ConfigurationRecordersStatus")
            return Recorder(settings=settings, recording=any(state.get("recording", False) for state in states))
    return None


def _bucket(client: Any) -> str | None:
    for channel in member(client.describe_delivery_channels(), "DeliveryChannels"):
        return str(channel["s3BucketName"])
    return None


def _security_hub(client: Any) -> SecurityHub:
    try:
        member(client.describe_hub(), "HubArn")
    except ClientError as error:
        if code_of(error) not in _NOT_SUBSCRIBED:
            raise
        return SecurityHub(enabled=False, administrator="")
    administrator = client.get_administrator_account().get("Administrator") or {}
    return SecurityHub(enabled=True, administrator=administrator.get("AccountId", ""))
