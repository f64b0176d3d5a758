"""AWS in place of the HTTP session of botocore: an account with many repositories, and an event about one of them.

Everything above HTTP is real: botocore validates, signs and parses as it does with AWS.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

ACCOUNT: Final = "444455556666"
REGION: Final = "eu-west-1"
ROLE: Final = "EcrExposureEvaluation"
RULE: Final = "ecr-repository-no-public-access"
RESOURCE_TYPE: Final = "AWS::ECR::Repository"
# What the template sets for an organization, and what leads away from AWS.
ENVIRONMENT: Final = {
    "ASSUME_ROLE_MODE": "true",
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLEOFFUNCTION",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": REGION,
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "session",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "EXECUTION_ROLE_NAME": ROLE,
}
_REQUEST_ID: Final = {"x-amzn-RequestId": "00000000-0000-4000-8000-000000000000"}
_NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_ASSUMED: Final = """
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLEOFTHEROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>{:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>
"""


class StubbedAws:
    """The operations that the function calls, with the largest pages that AWS allows."""

    def __init__(self, policies: Mapping[str, str | None], *, seconds_a_call: float = 0.0) -> None:
        """Store each repository's name and policy, and how long AWS takes for each call."""
        self._policies = policies
        self._names = list(policies)
        self._seconds = seconds_a_call
        self._reports: list[bytes] = []
        self._operations: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "DescribeRepositories": self._describe_repositories,
            "GetRepositoryPolicy": self._get_repository_policy,
            "GetComplianceDetailsByConfigRule": self._get_compliance_details,
        }

    def evaluations(self) -> dict[str, str]:
        """Return repository to compliance, as reported to AWS Config."""
        reported = [each for report in self._reports for each in json.loads(report)["Evaluations"]]
        return {each["ComplianceResourceId"]: each["ComplianceType"] for each in reported}

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond as AWS does."""
        if self._seconds:
            time.sleep(self._seconds)
        target: Any = request.headers.get("X-Amz-Target")  # bytes once the request is signed
        body: Any = request.body
        if target is None:
            content = _ASSUMED.format(datetime.now(UTC) + timedelta(hours=1)).encode()
            return http_response(request, 200, content, "text/xml")
        operation = target.decode().rpartition(".")[2]
        if operation == "PutEvaluations":
            # Read later, so that it takes no time of what is measured.
            self._reports.append(body)
            return http_response(request, 200, b'{"FailedEvaluations": []}', "application/x-amz-json-1.1")
        answer = self._operations[operation](json.loads(body))
        status = 200 if isinstance(answer, dict) and "__type" not in answer else 400
        return http_response(request, status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

    def _page(self, parameters: Mapping[str, Any], token: str, size: int) -> tuple[list[str], dict[str, str]]:
        start = int(parameters.get(token, 0))
        following = start + size
        return self._names[start:following], {token: str(following)} if following < len(self._names) else {}

    def _describe_repositories(self, parameters: Mapping[str, Any]) -> object:
        names, token = self._page(parameters, "nextToken", min(parameters.get("maxResults", 100), 1000))
        return {
            "repositories": [
                {"repositoryName": name, "repositoryArn": arn_of(name), "registryId": ACCOUNT} for name in names
            ],
            **token,
        }

    def _get_repository_policy(self, parameters: Mapping[str, Any]) -> object:
        policy = self._policies[parameters["repositoryName"]]
        if policy is None:
            return {"__type": "RepositoryPolicyNotFoundException", "message": "Repository policy does not exist"}
        return {"registryId": ACCOUNT, "repositoryName": parameters["repositoryName"], "policyText": policy}

    def _get_compliance_details(self, parameters: Mapping[str, Any]) -> object:
        names, token = self._page(parameters, "NextToken", min(parameters.get("Limit") or 10, 100))
        results = [
            {
                "EvaluationResultIdentifier": {
                    "EvaluationResultQualifier": {
                        "ConfigRuleName": RULE,
                        "ResourceType": RESOURCE_TYPE,
                        "ResourceId": name,
                    },
                    "OrderingTimestamp": _NOON.timestamp(),
                },
                "ComplianceType": "COMPLIANT",
                "ResultRecordedTime": _NOON.timestamp(),
            }
            for name in names
        ]
        return {"EvaluationResults": results, **token}


class _Body:
    """What urllib3 would return, already read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def http_response(request: AWSPreparedRequest, status: int, content: bytes, content_type: str) -> AWSResponse:
    """Return a response with the headers that AWS always sends."""
    headers: Any = {**_REQUEST_ID, "Content-Type": content_type, "Content-Length": str(len(content))}
    return AWSResponse(request.url, status, headers, _Body(content))


@contextmanager
def in_place_of_aws(aws: StubbedAws) -> Iterator[None]:
    """Let it answer all calls inside the with block, in the environment of the function."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (
        patch.dict(os.environ, kept | ENVIRONMENT, clear=True),
        patch.object(URLLib3Session, "send", aws.send),
    ):
        yield


def arn_of(name: str) -> str:
    """Return the ARN of a repository."""
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"


def change_event(policy: str) -> dict[str, object]:
    """Return the event about a change of a repository with this policy."""
    name = "team/app"
    item = {
        "configurationItemCaptureTime": _NOON.isoformat().replace("+00:00", "Z"),
        "configurationItemStatus": "OK",
        "configurationStateId": 1,
        "awsAccountId": ACCOUNT,
        "awsRegion": REGION,
        "resourceType": RESOURCE_TYPE,
        "resourceId": name,
        "resourceName": name,
        "ARN": arn_of(name),
        "tags": {},
        "configuration": {"RepositoryName": name, "RepositoryPolicyText": policy},
    }
    return _event(messageType="ConfigurationItemChangeNotification", configurationItem=item)


def scheduled_event() -> dict[str, object]:
    """Return the event of a periodic evaluation."""
    return _event(messageType="ScheduledNotification", awsAccountId=ACCOUNT)


def _event(**content: object) -> dict[str, object]:
    return {
        "version": "1.0",
        "invokingEvent": json.dumps({"notificationCreationTime": _NOON.isoformat(), "recordVersion": "1.3", **content}),
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": False,
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        "configRuleArn": f"arn:aws:config:{REGION}:{ACCOUNT}:config-rule/config-rule-abcdef",
        "configRuleName": RULE,
        "configRuleId": "config-rule-abcdef",
        "accountId": ACCOUNT,
    }


class Context:
    """What Lambda tells the function about an invocation: fifteen minutes are left."""

    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rule"

    def __init__(self) -> None:
        """Start the invocation."""
        self._end = time.monotonic() + 900

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return int((self._end - time.monotonic()) * 1000)
