"""AWS in place of the HTTP session of botocore: an organization with many accounts in which some things are wrong.

Everything above HTTP is real: botocore validates, signs and parses as it does with AWS. Which account and Region a
call is about follows from its signature.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from tests.benchmarks.stubbed_aws import http_response

MANAGEMENT: Final = "111122223333"
FIRST_ACCOUNT: Final = 500_000_000_000
_SIGNED: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/")
_KEY: Final = "ASIAOFACCOUNT"
_JSON: Final = "application/x-amz-json-1.1"
_PAGE: Final = 20
_NEEDED: Final = ["AWS::ECR::Repository", "AWS::Config::ResourceCompliance"]
_TRUSTED: Final = ("config-multiaccountsetup.amazonaws.com", "member.org.stacksets.cloudformation.amazonaws.com")
_NOT_RECORDED: Final = {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"}
_ASSUMED: Final = """
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>
"""
_CALLER: Final = """
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::{account}:assumed-role/Admin/operator</Arn><UserId>A:operator</UserId><Account>{account}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>
"""
_ACCESS: Final = """
<DescribeOrganizationsAccessResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeOrganizationsAccessResult><Status>ENABLED</Status></DescribeOrganizationsAccessResult>
</DescribeOrganizationsAccessResponse>
"""
_ERROR: Final = """
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>
<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>
"""


class RefusedError(Exception):
    """AWS answers with an error: its code and message."""


class LargeAws:
    """The operations that ``preflight`` calls, in a healthy organization but for ``Mixture``."""

    def __init__(self, accounts: int, regions: Sequence[str], *, seconds_a_call: float) -> None:
        """Say how many member accounts there are; the first one is the hub. ``calls`` are counted by operation."""
        self.calls: Counter[str] = Counter()
        self._accounts = [str(FIRST_ACCOUNT + number) for number in range(accounts)]
        self._regions, self._seconds = tuple(regions), seconds_a_call
        self._throttled: set[tuple[str, str]] = set()
        self._lock = Lock()
        self._operations: Mapping[str, Callable[[str, str, Mapping[str, Any]], object]] = {
            "DescribeConfigurationRecorderStatus": self._recorder_status,
            "DescribeConfigurationRecorders": self._recorders,
            "DescribeDeliveryChannels": self._channels,
            "DescribeDeliveryChannelStatus": self._channel_status,
            "DescribeConfigurationAggregators": self._aggregators,
            "ListAccounts": self._list_accounts,
        }

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond as AWS does."""
        if self._seconds:
            time.sleep(self._seconds)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        signed = _SIGNED.search(headers["authorization"])
        if signed is None:
            raise AssertionError("the request is not signed")
        account = signed["key"].removeprefix(_KEY)
        body = _text(request.body or "")
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation:
            return self._json(request, operation, account, signed["region"], json.loads(body or "{}"))
        parameters = (
            dict(parse_qsl(body))
            if headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            else {}
        )
        return self._other(request, parameters, account)

    def _json(
        self, request: AWSPreparedRequest, operation: str, account: str, region: str, parameters: Mapping[str, Any]
    ) -> AWSResponse:
        self._count(operation)
        found: object
        try:
            found = self._operations.get(operation, self._of_organization(operation))(account, region, parameters)
        except RefusedError as error:
            code, message = error.args
            found = {"__type": code, "message": message}
            return http_response(request, 400, json.dumps(found).encode(), _JSON)
        return http_response(request, 200, json.dumps(found).encode(), _JSON)

    def _other(self, request: AWSPreparedRequest, parameters: Mapping[str, str], account: str) -> AWSResponse:
        """Respond in the query protocol, and in that of paths."""
        action = parameters.get("Action")
        path = urlsplit(request.url).path
        self._count(action or path)
        if action == "AssumeRole":
            return self._assume(request, parameters["RoleArn"].split(":")[4])
        if action == "GetCallerIdentity":
            return http_response(request, 200, _CALLER.format(account=account).encode(), "text/xml")
        if action == "DescribeOrganizationsAccess":
            return http_response(request, 200, _ACCESS.encode(), "text/xml")
        found: object = {
            "/listRegions": {
                "Regions": [{"RegionName": each, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for each in self._regions]
            },
            "/accounts": {"HubArn": "arn:aws:securityhub:::hub/default"},
            "/organization/admin": {"AdminAccounts": [{"AccountId": self._accounts[0], "Status": "ENABLED"}]},
        }[path]
        return http_response(request, 200, json.dumps(found).encode(), "application/json")

    def _assume(self, request: AWSPreparedRequest, account: str) -> AWSResponse:
        if _number(account) % 50 == 17:
            message = f"User: operator is not authorized to perform: sts:AssumeRole on role of account {account}"
            error = _ERROR.format(code="AccessDenied", message=message)
            return http_response(request, 403, error.encode(), "text/xml")
        ends = datetime.now(UTC) + timedelta(hours=1)
        return http_response(request, 200, _ASSUMED.format(key=f"{_KEY}{account}", ends=ends).encode(), "text/xml")

    def _count(self, operation: str) -> None:
        with self._lock:
            self.calls[operation] += 1

    def _of_organization(self, operation: str) -> Callable[[str, str, Mapping[str, Any]], object]:
        organization = {
            "Id": "o-0123456789",
            "MasterAccountId": MANAGEMENT,
            "FeatureSet": "ALL",
        }
        root = f"arn:aws:organizations::{MANAGEMENT}:root/o-0123456789/r-ab12"
        found: Mapping[str, Any] = {
            "DescribeOrganization": {"Organization": organization},
            "ListRoots": {"Roots": [{"Id": "r-ab12", "Arn": root, "Name": "Root"}]},
            "ListAWSServiceAccessForOrganization": {
                "EnabledServicePrincipals": [{"ServicePrincipal": each} for each in _TRUSTED]
            },
            "ListDelegatedServicesForAccount": {"DelegatedServices": [{"ServicePrincipal": each} for each in _TRUSTED]},
            "GetAggregateDiscoveredResourceCounts": {
                "TotalDiscoveredResources": len(self._accounts),
                "GroupedResourceCounts": [{"GroupName": each, "ResourceCount": 1} for each in self._accounts],
            },
            "DescribeConfigurationAggregatorSourcesStatus": {"AggregatedSourceStatusList": []},
            "ListDelegatedAdministrators": {"DelegatedAdministrators": [{"Id": self._accounts[0]}]},
        }
        return lambda _account, _region, _parameters: found[operation]

    def _list_accounts(self, _account: str, _region: str, parameters: Mapping[str, Any]) -> object:
        everyone = [MANAGEMENT, *self._accounts]
        start = int(parameters.get("NextToken") or 0)
        page = everyone[start : start + _PAGE]
        token = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(everyone) else {}
        accounts = [
            {"Id": each, "Name": f"team-{each[-3:]}", "State": "SUSPENDED" if _number(each) % 50 == 31 else "ACTIVE"}
            for each in page
        ]
        return {"Accounts": accounts, **token}

    def _aggregators(self, _account: str, region: str, _parameters: Mapping[str, Any]) -> object:
        source = {"RoleArn": "arn:aws:iam::1:role/aggregator", "AllAwsRegions": True}
        aggregator = {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
        return {"ConfigurationAggregators": [aggregator] if region == self._regions[0] else []}

    def _recorder_status(self, account: str, region: str, _parameters: Mapping[str, Any]) -> object:
        number, at = self._place(account, region)
        if number % 100 == 41 and at % 5 == 3:
            message = f"account {account} is not authorized, with an explicit deny in a service control policy"
            raise RefusedError("AccessDeniedException", message)
        with self._lock:
            throttles = (number * 17 + at) % 97 == 5 and (account, region) not in self._throttled
            self._throttled.add((account, region))
        if throttles:
            raise RefusedError("ThrottlingException", "Rate exceeded")
        if not _has_recorder(number, at):
            return {"ConfigurationRecordersStatus": []}
        status: dict[str, Any] = {"name": "default", "recording": (number + at) % 43 != 7, "lastStatus": "SUCCESS"}
        if (number + at) % 40 == 11:
            role = f"arn:aws:iam::{account}:role/config"
            status |= {"lastStatus": "FAILURE", "lastErrorCode": "AccessDenied"}
            status["lastErrorMessage"] = f"AWS Config is not authorized to assume the role {role}"
        return {"ConfigurationRecordersStatus": [status]}

    def _recorders(self, account: str, region: str, _parameters: Mapping[str, Any]) -> object:
        number, at = self._place(account, region)
        group: dict[str, Any] = {"allSupported": True, "includeGlobalResourceTypes": at == 0}
        mode: dict[str, Any] = {"recordingFrequency": "CONTINUOUS"}
        if number % 20 == 9:
            types = _NEEDED[: 1 + number % 2] if number % 40 == 9 else ["AWS::EC2::Instance", "AWS::S3::Bucket"]
            group = {"resourceTypes": types, "allSupported": False}
        elif number % 50 == 23:
            group = {"exclusionByResourceTypes": {"resourceTypes": _NEEDED}, "recordingStrategy": _NOT_RECORDED}
        elif number % 30 == 13:
            mode = {"recordingFrequency": "DAILY"}
        recorder = {"name": "default", "roleARN": f"arn:aws:iam::{account}:role/config", "recordingGroup": group}
        return {"ConfigurationRecorders": [{**recorder, "recordingMode": mode}] if _has_recorder(number, at) else []}

    def _channels(self, account: str, region: str, _parameters: Mapping[str, Any]) -> object:
        number, at = self._place(account, region)
        channel = {"name": "default", "s3BucketName": f"config-logs-{number % 3}"}
        return {"DeliveryChannels": [channel] if _has_recorder(number, at) else []}

    def _channel_status(self, account: str, region: str, _parameters: Mapping[str, Any]) -> object:
        number, at = self._place(account, region)
        history: dict[str, Any] = {"lastStatus": "SUCCESS"}
        if (number + at) % 60 == 19:
            message = f"Insufficient delivery policy to s3 bucket: config-logs-{number % 3}, account {account}"
            history = {"lastStatus": "FAILURE", "lastErrorCode": "AccessDenied", "lastErrorMessage": message}
        return {"DeliveryChannelsStatus": [{"name": "default", "configHistoryDeliveryInfo": history}]}

    def _place(self, account: str, region: str) -> tuple[int, int]:
        return _number(account), self._regions.index(region)


def _has_recorder(number: int, at: int) -> bool:
    """Return whether an account has a recorder in a Region: some have none, some lack it in some Regions."""
    return number == 0 or (number % 20 != 3 and (number * 17 + at) % 29 != 4)


def _number(account: str) -> int:
    return int(account) - FIRST_ACCOUNT


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@contextmanager
def in_place_of_aws(aws: LargeAws) -> Iterator[None]:
    """Let it answer all calls inside the with block, made with credentials of the management account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {
        "AWS_ACCESS_KEY_ID": f"{_KEY}{MANAGEMENT}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    with patch.dict(os.environ, kept | environment, clear=True), patch.object(URLLib3Session, "send", aws.send):
        yield
