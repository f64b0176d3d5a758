"""The look before the deployment finds what is missing, says how to mend it, and changes nothing."""

import json
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ProfileNotFound
from moto.config.models import config_backends
from moto.organizations.models import OrganizationsBackend, organizations_backends
from moto.securityhub.models import securityhub_backends
from moto.utilities.utils import get_partition

from tests.live.command import run
from tests.live.preflight import main
from tests.live.recording import is_daily, mended, missing_types
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.moto_organizations import organizations_api
from tests.local_aws.organization import HUB, MEMBERS, ORGANIZATION_ID, LocalOrganization

ONE, TWO = MEMBERS
HOME, ABROAD = "eu-west-1", "us-east-1"
TRUSTED: Final = (
    "config-multiaccountsetup.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
)
ALL: Final = {"allSupported": True}
PUT: Final = f"aws configservice put-configuration-recorder --region {HOME} --configuration-recorder"
START: Final = f"aws configservice start-configuration-recorder --region {HOME} --configuration-recorder-name default"
REGISTER: Final = "aws organizations register-delegated-administrator --account-id 444455556666 --service-principal"
NEEDED: Final = ["AWS::ECR::Repository", "AWS::Config::ResourceCompliance"]


class Estate:
    """An organization that is ready for the rule until a test spoils it."""

    def __init__(self, organization: LocalOrganization) -> None:
        """Take a new organization; ``prepare`` makes it ready."""
        self.organization = organization
        self.admin: OrganizationsBackend = organizations_backends[HUB][get_partition(organization.regions[0])]

    def prepare(self, administrator: str = TWO) -> None:
        """Switch on all that the rule needs."""
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
        """Put the recorder of an account and start it."""
        config = config_backends[account][region]
        role = f"arn:aws:iam::{account}:role/config"
        config.put_configuration_recorder({"name": "default", "roleARN": role, "recordingGroup": ALL} | settings)
        config.put_delivery_channel({"name": "default", "s3BucketName": "org-config-log"})
        (config.start_configuration_recorder if on else config.stop_configuration_recorder)("default")

    def forget(self, account: str, region: str = HOME, *, channel: bool = True) -> None:
        """Take the recorder of an account away, and its delivery channel if it had one."""
        config = config_backends[account][region]
        config.recorders.clear()
        if channel:
            config.delivery_channels.clear()

    def aggregate(self, account: str, **regions: Any) -> None:
        """Make an organization aggregator in the home region, of all regions unless AwsRegions are named."""
        source = {"RoleArn": f"arn:aws:iam::{account}:role/aggregator"} | (regions or {"AllAwsRegions": True})
        config_backends[account][HOME].put_configuration_aggregator(
            {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
        )

    def delegate(self, *principals: str) -> None:
        """Register a member as delegated administrator; from now on the commands run there."""
        for principal in principals:
            self.admin.register_delegated_administrator(AccountId=ONE, ServicePrincipal=principal)
        self.organization.hub = ONE
        self.aggregate(ONE)


@contextmanager
def estate_of(page: int = 100, **arguments: Any) -> Iterator[Estate]:
    with organizations_api(page=page), LocalOrganization(**arguments) as organization:
        estate = Estate(organization)
        estate.prepare()
        yield estate


@pytest.fixture
def estate() -> Iterator[Estate]:
    with estate_of() as made:
        yield made


class Report:
    """What the command said, and its exit status."""

    def __init__(self, status: int, text: str) -> None:
        """Take what main returned, and what it printed."""
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
            if re.match(r"(Missing|Not looked at|Hint) \(\d+\)$|Values|Ready|Not ready", line):
                inside = line.startswith(f"{heading} (")
            elif inside and line.startswith("- "):
                found.append(line[2:])
        return found

    @property
    def values(self) -> dict[str, str]:
        pairs = re.findall(r"^  (\w+)=(.*)$", self.text, re.MULTILINE)
        return {name: value for name, value in pairs if name[0].isupper()}


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command in the hub, in both regions unless told otherwise; nothing comes on stderr."""

    def run(estate: Estate, *arguments: str, regions: str = f"{HOME},{ABROAD}") -> Report:
        hub = estate.organization.hub
        home = estate.organization.regions[0]
        capsys.readouterr()
        estate.organization.calls.clear()
        status = main(["--regions", regions, *arguments], estate.organization.session(hub, home))
        output = capsys.readouterr()
        assert output.err == ""
        return Report(status, output.out)

    return run


def denied(service: str, operation: str, **where: Any) -> Fault:
    """Refuse an operation in the JSON of both protocols that the command speaks."""
    body = json.dumps({"__type": "AccessDeniedException", "message": f"no {operation} for you"})
    return Fault(service, operation, status=403, code="AccessDeniedException", body=body, times=None, **where)


# Ready


def test_a_ready_organization(estate: Estate, look: Any) -> None:
    report = look(estate)
    assert report.status == 0
    assert report.lines == [
        "Preflight: organization o-exampleorg1, regions eu-west-1, us-east-1",
        "Caller: account 111122223333, the management account",
        "Looked at: 3 accounts; in other accounts with the role OrganizationAccountAccessRole",
        "Security Hub in eu-west-1: its administrator is account 777788889999; deploy/security-hub.yaml belongs there",
        "Security Hub in us-east-1: its administrator is account 777788889999; deploy/security-hub.yaml belongs there",
        "",
        "Values for sam deploy --guided",
        "  OrganizationId=o-exampleorg1",
        f"  OrganizationRootId={estate.admin.org.root_id}",
        "  ManagementAccountId=111122223333",
        "  ExcludedAccounts=",
        "",
        "Ready to deploy",
    ]


def test_it_only_reads(estate: Estate, look: Any) -> None:
    """Whatever it finds: no operation is called that could change something."""
    estate.forget(ONE)
    estate.record(TWO, on=False)
    look(estate)
    operations = {call.operation for call in estate.organization.calls}
    assert {name for name in operations if not re.match(r"Describe|List|Get|AssumeRole$", name)} == set()
    assert operations >= {"AssumeRole", "DescribeHub", "ListAccounts", "DescribeConfigurationRecorderStatus"}


def test_each_account_is_looked_at_in_each_region_by_the_named_role() -> None:
    with estate_of(execution_role="Inspector") as estate:
        session = estate.organization.session(HUB, HOME)
        assert main(["--regions", f"{HOME},{ABROAD}", "--role", "Inspector"], session) == 0
        calls = [call for call in estate.organization.calls if call.operation == "DescribeConfigurationRecorders"]
    assert sorted((call.account, call.region, call.role) for call in calls) == [
        (HUB, HOME, "OrganizationAccountAccessRole"),
        (HUB, ABROAD, "OrganizationAccountAccessRole"),
        (ONE, HOME, "Inspector"),
        (ONE, ABROAD, "Inspector"),
        (TWO, HOME, "Inspector"),
        (TWO, ABROAD, "Inspector"),
    ]


def test_the_region_is_that_of_the_session(
    estate: Estate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where make passes an empty REGIONS, and with credentials from the environment."""
    session = estate.organization.session(HUB, ABROAD)
    monkeypatch.setattr(boto3, "Session", lambda: session)
    assert main(["--regions", ""]) == 0
    assert "regions us-east-1\n" in capsys.readouterr().out
    assert {call.region for call in estate.organization.calls if call.service == "config"} == {ABROAD}


def test_everything_comes_in_pages(look: Any) -> None:
    with estate_of(page=1) as estate:
        estate.delegate("config.amazonaws.com", *TRUSTED)
        config_backends[ONE][HOME].config_aggregators.clear()
        sources = [{"AccountIds": [ONE], "AllAwsRegions": True}]
        config_backends[ONE][HOME].put_configuration_aggregator(
            {"ConfigurationAggregatorName": "a-few", "AccountAggregationSources": sources}
        )
        estate.aggregate(ONE)
        report = look(estate)
        called = [call.operation for call in estate.organization.calls]
    assert (report.status, report.under("Hint")) == (0, [])
    assert called.count("ListAccounts") == 3
    assert called.count("ListAWSServiceAccessForOrganization") == 2
    assert called.count("ListDelegatedServicesForAccount") == 3
    assert "Looked at: 2 accounts" in report.text


def test_more_accounts_than_a_page_holds(look: Any) -> None:
    members = tuple(str(500_000_000_000 + number) for number in range(250))
    with organizations_api(page=20), LocalOrganization(members=members, regions=(HOME,)) as organization:
        estate = Estate(organization)
        estate.prepare(administrator=members[0])
        organization.accounts_without_role.update(members[1:-1])
        estate.forget(members[-1])
        report = look(estate, regions=HOME)
        called = [call.operation for call in organization.calls]
    assert called.count("ListAccounts") == 13
    assert "Looked at: 3 accounts;" in report.text
    assert len(report.under("Not looked at")) == 248
    assert report.values["ExcludedAccounts"] == members[-1]
    assert report.lines[-1] == "Not ready: 1 missing, 248 not looked at"


def test_another_partition(look: Any) -> None:
    with organizations_api(), LocalOrganization(regions=("us-gov-west-1",), members=(ONE,)) as organization:
        report = look(Estate(organization), regions="us-gov-west-1")
        roles = [str(call.parameters["RoleArn"]) for call in organization.calls if call.operation == "AssumeRole"]
    assert roles == [f"arn:aws-us-gov:iam::{ONE}:role/OrganizationAccountAccessRole"]
    assert report.status == 1
    assert "arn:aws:" not in report.text
    assert f"roleARN=arn:aws-us-gov:iam::{ONE}:role/aws-service-role/" in report.text


# The organization


@pytest.mark.parametrize(
    ("principal", "mend"),
    [
        (
            TRUSTED[0],
            "aws organizations enable-aws-service-access --service-principal config-multiaccountsetup.amazonaws.com",
        ),
        (TRUSTED[1], "aws cloudformation activate-organizations-access --region eu-west-1"),
    ],
)
def test_trusted_access_is_off(estate: Estate, look: Any, principal: str, mend: str) -> None:
    estate.admin.disable_aws_service_access(ServicePrincipal=principal)
    report = look(estate)
    assert report.status == 1
    (finding,) = report.under("Missing")
    assert finding.startswith("management account 111122223333: trusted access for ")
    assert f"({principal}) is off" in finding
    assert report.commands == [mend]


def test_consolidated_billing_only(estate: Estate, look: Any) -> None:
    estate.admin.org.feature_set = "CONSOLIDATED_BILLING"
    report = look(estate)
    assert report.status == 1
    assert "feature set CONSOLIDATED_BILLING" in report.under("Missing")[0]
    assert report.commands == ["aws organizations enable-all-features"]


def test_a_delegated_administrator(estate: Estate, look: Any) -> None:
    """It leaves the management account alone, as the template does, even where that has no recorder."""
    estate.delegate(*TRUSTED)
    estate.forget(HUB)
    report = look(estate)
    assert report.status == 0
    assert (
        "Caller: account 444455556666, a delegated administrator "
        "(config-multiaccountsetup.amazonaws.com, member.org.stacksets.cloudformation.amazonaws.com)"
    ) in report.lines
    assert (
        "Management account 111122223333: not looked at; the template leaves it out by itself, "
        "as a role StackSet never reaches it"
    ) in report.lines
    assert report.values["ManagementAccountId"] == HUB
    assert report.values["ExcludedAccounts"] == ""
    assert {call.account for call in estate.organization.calls if call.service == "config"} == {ONE, TWO}


@pytest.mark.parametrize(
    ("registered", "missing", "what"),
    [
        (TRUSTED[0], TRUSTED[1], "StackSets"),
        (TRUSTED[1], TRUSTED[0], "AWS Config rules and packs"),
    ],
)
def test_a_registration_is_missing(estate: Estate, look: Any, registered: str, missing: str, what: str) -> None:
    estate.delegate(registered)
    report = look(estate)
    assert report.status == 1
    assert report.under("Missing") == [
        f"management account 111122223333: account 444455556666 is no delegated administrator of {what}"
    ]
    assert report.commands == [f"{REGISTER} {missing}"]


def test_a_member_that_administers_nothing(estate: Estate, look: Any) -> None:
    """Organizations refuses it nearly everything; its own account is looked at all the same."""
    estate.organization.hub = ONE
    estate.aggregate(ONE)
    report = look(estate)
    assert report.status == 1
    assert "Caller: account 444455556666, not known as management account or delegated administrator" in report.lines
    refused = [line for line in report.under("Not looked at") if "AccessDeniedException: You don't have" in line]
    assert [line.split(" could not be checked")[0] for line in refused] == [
        "account 444455556666: the organization's accounts",
        "account 444455556666: the organization's root",
        "account 444455556666: trusted access",
        "account 444455556666: what this account administers",
    ]
    assert report.commands == [f"{REGISTER} {principal}" for principal in TRUSTED]
    assert "  ExcludedAccounts: could not be found out, see above" in report.lines
    assert "Looked at: 1 account;" in report.text


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("DescribeOrganization", "the organization's feature set"),
        ("ListAWSServiceAccessForOrganization", "trusted access"),
        ("ListAccounts", "the organization's accounts"),
    ],
)
def test_one_refused_call_does_not_hide_the_rest(estate: Estate, look: Any, operation: str, what: str) -> None:
    estate.forget(HUB)
    with estate.organization.faults.inject(denied("organizations", operation)):
        report = look(estate)
    assert report.status == 1
    assert report.under("Not looked at") == [
        f"account 111122223333: {what} could not be checked: "
        f"AccessDeniedException: no {operation} for you ({operation})"
    ]
    assert report.under("Missing")[0].endswith("eu-west-1: there is no configuration recorder")
    assert report.values["ManagementAccountId"] == HUB
    assert report.values["OrganizationId"] == ORGANIZATION_ID


def test_nothing_is_known_of_the_organization(estate: Estate, look: Any) -> None:
    faults = estate.organization.faults
    with (
        faults.inject(denied("organizations", "DescribeOrganization")),
        faults.inject(denied("organizations", "ListRoots")),
    ):
        report = look(estate)
    assert report.status == 1
    assert report.values.keys() == {"ExcludedAccounts"}
    assert "account 111122223333: the organization could not be checked: AccessDeniedException" in report.text
    # The caller may be the management account, which needs no registration.
    assert report.under("Missing") == []
    assert [line for line in report.under("Not looked at") if "perhaps" in line] == [
        "the management account: account 111122223333 is perhaps no delegated administrator of AWS Config rules "
        "and packs",
        "the management account: account 111122223333 is perhaps no delegated administrator of StackSets",
    ]
    assert report.text.count("  The management account itself needs no registration.\n") == 2


# Accounts


def test_no_recorder(estate: Estate, look: Any) -> None:
    estate.forget(ONE)
    report = look(estate)
    assert report.status == 1
    assert report.under("Missing") == [
        "account 444455556666 (member-444455556666), eu-west-1: there is no configuration recorder"
    ]
    role = "arn:aws:iam::444455556666:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    assert report.commands == [
        "aws iam create-service-linked-role --aws-service-name config.amazonaws.com",
        f"{PUT} name=default,roleARN={role} "
        "--recording-group resourceTypes=AWS::ECR::Repository,AWS::Config::ResourceCompliance",
        "aws configservice put-delivery-channel --region eu-west-1 "
        "--delivery-channel name=default,s3BucketName=org-config-log",
        START,
    ]
    assert "The policy of the bucket org-config-log, which other accounts use, must let" in report.text
    assert report.values["ExcludedAccounts"] == ONE


def test_no_recorder_anywhere(estate: Estate, look: Any) -> None:
    """Without a bucket to name, the command says what to put in its place; a channel that is there stays."""
    for account in estate.organization.accounts:
        estate.forget(account, channel=account != TWO)
    report = look(estate, regions=HOME)
    assert report.status == 1
    assert report.values["ExcludedAccounts"] == f"{HUB},{ONE},{TWO}"
    assert [command for command in report.commands if "delivery" in command] == [
        "aws configservice put-delivery-channel --region eu-west-1 "
        "--delivery-channel name=default,s3BucketName=org-config-log"
    ] * 2
    estate.forget(TWO)
    report = look(estate, regions=HOME)
    assert "s3BucketName=NAME-OF-YOUR-BUCKET" in report.text
    assert "In place of NAME-OF-YOUR-BUCKET: a bucket that AWS Config of this account may write to." in report.text


def test_a_stopped_recorder(estate: Estate, look: Any) -> None:
    estate.record(TWO, ABROAD, on=False)
    report = look(estate)
    assert report.status == 1
    assert report.under("Missing") == [
        "account 777788889999 (member-777788889999), us-east-1: the configuration recorder is off"
    ]
    assert report.commands == [
        "aws configservice start-configuration-recorder --region us-east-1 --configuration-recorder-name default"
    ]
    assert report.values["ExcludedAccounts"] == TWO
    assert look(estate, regions=HOME).status == 0


def test_a_recorder_that_cannot_start(estate: Estate, look: Any) -> None:
    estate.record(TWO, on=False)
    config_backends[TWO][HOME].delivery_channels.clear()
    assert [shlex.split(command)[2] for command in look(estate).commands] == [
        "put-delivery-channel",
        "start-configuration-recorder",
    ]


@pytest.mark.parametrize("recorder", [True, False])
def test_a_delivery_channel_that_may_not_be_looked_at(estate: Estate, look: Any, *, recorder: bool) -> None:
    """Without one no recorder starts, so the commands may be too few."""
    estate.record(ONE, on=False)
    if not recorder:
        estate.forget(ONE)
    with estate.organization.faults.inject(denied("config", "DescribeDeliveryChannels", account=ONE)):
        report = look(estate, regions=HOME)
    assert "put-delivery-channel" not in report.text
    assert (
        "Whether there is a delivery channel could not be checked: "
        "AccessDeniedException: no DescribeDeliveryChannels for you (DescribeDeliveryChannels)\n"
    ) in report.text


def test_one_region_without_a_recorder_and_one_that_is_not_shown(estate: Estate, look: Any) -> None:
    estate.forget(ONE, HOME)
    with estate.organization.faults.inject(
        denied("config", "DescribeConfigurationRecorders", account=ONE, region=ABROAD)
    ):
        report = look(estate)
    assert report.values["ExcludedAccounts"] == ONE
    assert "neither in ExcludedAccounts" not in report.text


def test_two_regions_that_differ(estate: Estate, look: Any) -> None:
    estate.forget(ONE, HOME)
    estate.forget(TWO, ABROAD)
    report = look(estate)
    assert [line.split(": ")[0] for line in report.under("Missing")] == [
        "account 444455556666 (member-444455556666), eu-west-1",
        "account 777788889999 (member-777788889999), us-east-1",
    ]
    assert report.values["ExcludedAccounts"] == f"{ONE},{TWO}"
    assert look(estate, regions=HOME).values["ExcludedAccounts"] == ONE


def test_a_recorder_without_the_types(estate: Estate, look: Any) -> None:
    """It evaluates nothing, but fails no deployment: it is missing, not to be excluded."""
    estate.record(ONE, recordingGroup={"resourceTypes": ["AWS::S3::Bucket"]})
    report = look(estate)
    assert report.status == 1
    assert report.under("Missing") == [
        "account 444455556666 (member-444455556666), eu-west-1: the recorder leaves out "
        "AWS::ECR::Repository and AWS::Config::ResourceCompliance: no change of a repository is evaluated; "
        "evaluations stay out of a resource's history"
    ]
    assert report.commands == [
        PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config"}\' '
        '--recording-group \'{"resourceTypes":["AWS::S3::Bucket","AWS::ECR::Repository",'
        '"AWS::Config::ResourceCompliance"],"recordingStrategy":{"useOnly":"INCLUSION_BY_RESOURCE_TYPES"}}\''
    ]
    assert report.values["ExcludedAccounts"] == ""


def test_a_recorder_that_excludes_a_type(estate: Estate, look: Any) -> None:
    group = {
        "exclusionByResourceTypes": {"resourceTypes": ["AWS::S3::Bucket", "AWS::ECR::Repository"]},
        "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
    }
    estate.record(ONE, recordingGroup=group)
    report = look(estate)
    assert report.status == 1
    assert "leaves out AWS::ECR::Repository: no change" in report.under("Missing")[0]
    assert report.commands == [
        PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config"}\' '
        '--recording-group \'{"exclusionByResourceTypes":{"resourceTypes":["AWS::S3::Bucket"]},'
        '"recordingStrategy":{"useOnly":"EXCLUSION_BY_RESOURCE_TYPES"}}\''
    ]


def test_daily_recording_is_a_hint(estate: Estate, look: Any) -> None:
    estate.record(ONE, recordingMode={"recordingFrequency": "DAILY"})
    report = look(estate)
    assert report.status == 0
    assert report.under("Hint") == [
        "account 444455556666 (member-444455556666), eu-west-1: "
        "repositories are recorded DAILY: a change is evaluated up to 24 hours later"
    ]
    assert report.commands == [
        PUT + ' \'{"name":"default","roleARN":"arn:aws:iam::444455556666:role/config",'
        '"recordingMode":{"recordingFrequency":"DAILY","recordingModeOverrides":'
        '[{"resourceTypes":["AWS::ECR::Repository"],"recordingFrequency":"CONTINUOUS"}]}}\' '
        '--recording-group \'{"allSupported":true,"includeGlobalResourceTypes":false,'
        '"recordingStrategy":{"useOnly":"ALL_SUPPORTED_RESOURCE_TYPES"}}\''
    ]


def test_a_recorder_of_another_service_is_none_of_ours(estate: Estate, look: Any) -> None:
    """Service-linked recorders serve other services; the rule needs the customer managed one."""
    linked = {"name": "linked", "roleARN": "arn:aws:iam::1:role/x", "servicePrincipal": "observability.amazonaws.com"}
    body = json.dumps({"ConfigurationRecorders": [linked]})
    where = ("config", "DescribeConfigurationRecorders")
    answer = Fault(*where, status=200, body=body, request_id=True, account=ONE, times=None)
    with estate.organization.faults.inject(answer):
        report = look(estate, regions=HOME)
    assert report.under("Missing")[0].endswith("eu-west-1: there is no configuration recorder")
    assert report.values["ExcludedAccounts"] == ONE


@pytest.mark.parametrize("member", ["State", "Status"])
def test_an_account_says_how_it_is_in_a_new_and_in_an_old_way(estate: Estate, look: Any, member: str) -> None:
    """AWS announced to retire Status, see API_Account."""
    states = {HUB: "ACTIVE", ONE: "ACTIVE", TWO: "PENDING_CLOSURE"}
    body = json.dumps({"Accounts": [{"Id": account, member: state} for account, state in states.items()]})
    answer = Fault("organizations", "ListAccounts", status=200, body=body, request_id=True)
    with estate.organization.faults.inject(answer):
        report = look(estate)
    assert report.status == 0
    assert report.under("Hint") == [
        "account 777788889999: the account is PENDING_CLOSURE: put it into ExcludedAccounts"
    ]


def test_a_suspended_account(estate: Estate, look: Any) -> None:
    """Nothing can be mended about it, so it is left out and hinted at."""
    estate.admin.close_account(AccountId=TWO)
    estate.forget(TWO)
    report = look(estate)
    assert report.status == 0
    assert report.under("Hint") == [
        "account 777788889999 (member-777788889999): the account is SUSPENDED: put it into ExcludedAccounts"
    ]
    assert report.values["ExcludedAccounts"] == TWO
    assert not [call for call in estate.organization.calls if call.account == TWO]


def test_an_account_without_the_role(estate: Estate, look: Any) -> None:
    estate.organization.accounts_without_role.add(TWO)
    estate.forget(TWO)
    report = look(estate)
    assert report.status == 1
    assert report.under("Not looked at") == [
        "account 777788889999 (member-777788889999): not looked at: AccessDenied: "
        "The caller is not authorized to perform: sts:AssumeRole on this role (AssumeRole)"
    ]
    assert "Name a role other than OrganizationAccountAccessRole that account 111122223333 may assume" in report.text
    assert report.values["ExcludedAccounts"] == ""
    assert "Not looked at, so neither in ExcludedAccounts nor known to be fine: 777788889999" in report.lines
    assert "Not ready: 0 missing, 1 not looked at" in report.lines


@pytest.mark.parametrize("operation", ["DescribeConfigurationRecorders", "DescribeConfigurationRecorderStatus"])
def test_an_account_that_does_not_show_its_recorder(estate: Estate, look: Any, operation: str) -> None:
    with estate.organization.faults.inject(denied("config", operation, account=ONE, region=ABROAD)):
        report = look(estate)
    assert report.status == 1
    (finding,) = report.under("Not looked at")
    assert finding.startswith("account 444455556666 (member-444455556666), us-east-1: not looked at: ")
    assert "Not looked at, so neither in ExcludedAccounts nor known to be fine: 444455556666" in report.lines


def test_a_region_that_does_not_answer(estate: Estate, look: Any) -> None:
    """As a region that an account has not switched on; every account is reported, none passes."""
    fault = Fault("config", "DescribeConfigurationRecorders", connection=Connection.UNREACHABLE, times=None)
    with estate.organization.faults.inject(fault):
        report = look(estate, regions=HOME)
    assert report.status == 1
    assert len(report.under("Not looked at")) == 3


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("organizations", "DescribeOrganization"),
        ("organizations", "ListAccounts"),
        ("organizations", "ListAWSServiceAccessForOrganization"),
        ("config", "DescribeConfigurationRecorders"),
        ("config", "DescribeConfigurationRecorderStatus"),
    ],
)
@pytest.mark.parametrize("body", ["{}", "<html>log in first</html>", "[]", "null"])
def test_what_is_no_answer_of_aws_is_never_fine(
    estate: Estate, look: Any, service: str, operation: str, body: str
) -> None:
    """A proxy that answers in the place of AWS, with success."""
    with estate.organization.faults.inject(Fault(service, operation, status=200, body=body, times=None)):
        report = look(estate)
    assert report.status == 1
    assert report.under("Not looked at")


def test_a_throttle_is_waited_out(estate: Estate, look: Any) -> None:
    with estate.organization.faults.inject(Fault("organizations", "ListAccounts", code="TooManyRequestsException")):
        assert look(estate).status == 0


# Hints


def test_security_hub_is_off(estate: Estate, look: Any) -> None:
    for account in (ONE, HUB):
        securityhub_backends[account][HOME].disable_security_hub()
    report = look(estate)
    assert report.status == 0
    assert report.under("Hint") == [
        "each of these accounts, eu-west-1: Security Hub is off in 2 of 3 accounts: "
        "no findings from 111122223333, 444455556666",
        "eu-west-1: no account names a Security Hub administrator: deploy/security-hub.yaml belongs into every account",
    ]
    assert report.commands == ["aws securityhub enable-security-hub --region eu-west-1 --no-enable-default-standards"]


@pytest.mark.parametrize("how", ["no role", "no look at Security Hub", "no list of accounts"])
def test_no_administrator_in_the_accounts_looked_at(estate: Estate, look: Any, how: str) -> None:
    """Another account, as this one here, may name one."""
    fault = denied("securityhub", "DescribeHub", account=ONE)
    if how == "no role":
        estate.organization.accounts_without_role.add(ONE)
    elif how == "no list of accounts":
        fault = denied("organizations", "ListAccounts")
    with estate.organization.faults.inject(fault):
        report = look(estate, regions=HOME)
    assert report.under("Hint")[-1] == (
        "eu-west-1: none of the accounts looked at names a Security Hub administrator: "
        "unless another does, deploy/security-hub.yaml belongs into every account"
    )


@pytest.mark.parametrize("body", ["{}", "<html>log in first</html>"])
def test_a_stranger_does_not_say_that_there_is_no_administrator(estate: Estate, look: Any, body: str) -> None:
    strange = Fault("securityhub", "GetAdministratorAccount", status=200, body=body, times=None)
    with estate.organization.faults.inject(strange):
        report = look(estate, regions=HOME)
    assert [line.partition("eu-west-1: ")[2] for line in report.under("Hint")] == [
        "Security Hub could not be checked: GetAdministratorAccount was answered by something that is not AWS"
    ] * 3


def test_security_hub_may_not_be_looked_at(estate: Estate, look: Any) -> None:
    with estate.organization.faults.inject(denied("securityhub", "DescribeHub", account=ONE, region=HOME)):
        report = look(estate)
    assert report.status == 0
    (hint,) = (line for line in report.under("Hint") if "AccessDenied" in line)
    assert hint.startswith(
        "account 444455556666 (member-444455556666), eu-west-1: Security Hub could not be checked: AccessDenied"
    )


def test_no_aggregator(estate: Estate, look: Any) -> None:
    config_backends[HUB][HOME].config_aggregators.clear()
    report = look(estate)
    assert report.status == 0
    (hint,) = report.under("Hint")
    assert hint.startswith("account 111122223333: no organization aggregator")
    assert "covers eu-west-1, us-east-1:" in hint
    assert report.commands == [
        "aws iam create-role --role-name EcrExposureAggregator --assume-role-policy-document "
        '\'{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"Service":"config.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
        "aws iam attach-role-policy --role-name EcrExposureAggregator "
        "--policy-arn arn:aws:iam::aws:policy/service-role/AWSConfigRoleForOrganizations",
        "aws configservice put-configuration-aggregator --region eu-west-1 "
        "--configuration-aggregator-name organization --organization-aggregation-source "
        '\'{"RoleArn":"arn:aws:iam::111122223333:role/EcrExposureAggregator","AllAwsRegions":true}\'',
    ]


def test_an_aggregator_of_some_regions(estate: Estate, look: Any) -> None:
    estate.aggregate(HUB, AwsRegions=[HOME, "eu-north-1"])
    assert look(estate, regions=HOME).under("Hint") == []
    (hint,) = look(estate).under("Hint")
    assert "covers us-east-1:" in hint


def test_an_aggregator_of_a_delegated_administrator_needs_a_registration(estate: Estate, look: Any) -> None:
    estate.delegate(*TRUSTED)
    config_backends[ONE][HOME].config_aggregators.clear()
    report = look(estate)
    assert report.status == 0
    assert f"  Before that, in management account {HUB}: {REGISTER} config.amazonaws.com" in report.lines


def test_the_aggregator_may_not_be_looked_at(estate: Estate, look: Any) -> None:
    with estate.organization.faults.inject(denied("config", "DescribeConfigurationAggregators")):
        report = look(estate)
    assert report.status == 0
    assert "the organization aggregator could not be checked: AccessDenied" in report.under("Hint")[0]


# Cannot run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--regions", "Ireland"], "argument --regions: 'Ireland' is not a region such as eu-west-1"),
        (["--regions", "eu-west-1,"], "argument --regions: '' is not a region such as eu-west-1"),
        (["--regions", "eu-west-1,cn-north-1"], "cn-north-1 is in the partition aws-cn, the credentials are in aws"),
        (["--regions", "zz-nowhere-1"], "zz-nowhere-1"),
        (["--role", "arn:aws:iam::111122223333:role/x"], "is not the name of a role (an ARN is not accepted)"),
        (["now"], "unrecognized arguments: now"),
    ],
)
def test_an_argument_that_is_refused(
    estate: Estate, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(arguments, estate.organization.session(HUB, HOME)) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("Not run: ")
    assert output.err.count("\n") == 1
    assert told in output.err


def test_no_region(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalOrganization():
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert main([]) == 2
    assert capsys.readouterr().err.startswith("Not run: no region: there is none; name one by --regions")


def test_no_credentials(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalOrganization():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        assert main(["--regions", HOME]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "Not run: no usable AWS credentials: Unable to locate credentials\n")


def test_credentials_of_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalOrganization():
        assert main(["--regions", HOME], boto3.Session("AKIASTRANGER", "secret", region_name=HOME)) == 2
    assert "Not run: no usable AWS credentials: InvalidClientTokenId: " in capsys.readouterr().err


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "AssumeRole"])
def test_a_page_in_the_place_of_xml(estate: Estate, capsys: pytest.CaptureFixture[str], operation: str) -> None:
    with estate.organization.faults.inject(Fault("sts", operation, status=200, body="<html></html>", times=None)):
        status = main(["--regions", HOME], estate.organization.session(HUB, HOME))
    output = capsys.readouterr()
    assert status == (2 if operation == "GetCallerIdentity" else 1)
    assert f"{operation} was answered by something that is not AWS" in output.out + output.err


def test_an_interrupt(estate: Estate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_call: Call) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    session = estate.organization.session(HUB, HOME)
    monkeypatch.setattr(boto3, "Session", lambda: session)
    monkeypatch.setattr(sys, "argv", ["preflight"])
    with estate.organization.faults.inject(Fault("organizations", "ListAccounts", when=interrupt)):
        assert run(main) == 130
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "Interrupted\n")


def test_a_profile_that_is_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ProfileNotFound(profile="nobody")

    monkeypatch.setattr(boto3, "Session", fail)
    assert main([]) == 2
    assert capsys.readouterr().err == "Not run: The config profile (nobody) could not be found\n"


def test_no_organization(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalOrganization(members=()) as organization:
        organizations_backends[HUB]["aws"].reset()
        assert main(["--regions", HOME], organization.session(HUB, HOME)) == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "Not run: account 111122223333 is in no organization\n")


# Recorders

LEGACY_LIST: Final = {"recordingGroup": {"allSupported": False, "resourceTypes": ["AWS::ECR::Repository"]}}
EXCLUDES_ONE: Final = {"exclusionByResourceTypes": {"resourceTypes": ["AWS::ECR::Repository"]}}


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        pytest.param({}, (), id="no group: the default is everything"),
        pytest.param({"recordingGroup": {"allSupported": True}}, (), id="everything"),
        pytest.param({"recordingGroup": {"recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"}}}, (),
                     id="everything by strategy"),
        pytest.param({"recordingGroup": {"resourceTypes": NEEDED}}, (), id="both listed"),
        pytest.param(LEGACY_LIST, ("AWS::Config::ResourceCompliance",), id="one listed"),
        pytest.param({"recordingGroup": EXCLUDES_ONE}, ("AWS::ECR::Repository",), id="one excluded"),
    ],
)  # fmt: skip
def test_what_a_recorder_leaves_out(settings: Mapping[str, Any], missing: tuple[str, ...]) -> None:
    assert missing_types(settings) == missing
    assert missing_types(mended(settings)) == ()


def test_a_list_of_exclusions_that_becomes_empty_is_everything() -> None:
    assert mended({"recordingGroup": EXCLUDES_ONE})["recordingGroup"] == {
        "allSupported": True,
        "includeGlobalResourceTypes": True,
        "recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"},
    }


def mode(default: str, frequency: str = "", *types: str) -> dict[str, Any]:
    """Return a recorder's mode with one override, if a frequency is given."""
    override = {"description": "ours", "resourceTypes": list(types), "recordingFrequency": frequency}
    return {"recordingFrequency": default} | ({"recordingModeOverrides": [override]} if frequency else {})


ECR, S3 = "AWS::ECR::Repository", "AWS::S3::Bucket"


@pytest.mark.parametrize(
    ("before", "daily", "after"),
    [
        pytest.param(mode("CONTINUOUS"), False, mode("CONTINUOUS"), id="continuous"),
        pytest.param(mode("DAILY", "CONTINUOUS", ECR), False, mode("DAILY", "CONTINUOUS", ECR), id="overridden"),
        pytest.param(mode("CONTINUOUS", "DAILY", S3), False, mode("CONTINUOUS", "DAILY", S3), id="another type"),
        pytest.param(mode("DAILY", "CONTINUOUS", S3), True, mode("DAILY", "CONTINUOUS", S3, ECR), id="beside another"),
        pytest.param(mode("CONTINUOUS", "DAILY", ECR, S3), True, mode("CONTINUOUS", "DAILY", S3), id="one of two"),
        pytest.param(mode("CONTINUOUS", "DAILY", ECR), True, mode("CONTINUOUS"), id="the only one"),
        pytest.param(
            mode("DAILY", "DAILY", ECR, S3),
            True,
            {
                "recordingFrequency": "DAILY",
                "recordingModeOverrides": [{"resourceTypes": [ECR], "recordingFrequency": "CONTINUOUS"}],
            },
            id="daily twice",
        ),
    ],
)
def test_daily_recording(before: Mapping[str, Any], after: Mapping[str, Any], *, daily: bool) -> None:
    assert is_daily({"recordingMode": before}) is daily
    assert mended({"recordingMode": before})["recordingMode"] == after
    assert not is_daily({"recordingMode": after})
