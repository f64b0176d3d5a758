"""An answer of each call that the function makes, in the form that AWS documents, and wrong ones made of it.

They describe the account of `situations`, and hold at least what the function reads.
Each address is the page that documents the form.
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from tests.rule.member_account import MEMBER, OPEN, OTHER_MEMBER, REGION

_HUB: Final = "111122223333"
_TIME: Final = 1795523415.5


def _repository(name: str) -> dict[str, Any]:
    return {
        "repositoryArn": f"arn:aws:ecr:{REGION}:{MEMBER}:repository/{name}",
        "registryId": MEMBER,
        "repositoryName": name,
        "createdAt": _TIME,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
    }


def _result(name: str) -> dict[str, Any]:
    return {
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": {
                "ConfigRuleName": "ecr-repository-no-public-access",
                "ResourceType": "AWS::ECR::Repository",
                "ResourceId": name,
                "EvaluationMode": "DETECTIVE",
            },
            "OrderingTimestamp": _TIME,
        },
        "ComplianceType": "COMPLIANT",
        "ResultRecordedTime": _TIME,
    }


def _account(account: str) -> dict[str, Any]:
    return {
        "Id": account,
        "Arn": f"arn:aws:organizations::{_HUB}:account/o-exampleorg1/{account}",
        "Name": "account",
        "Status": "ACTIVE",
        "JoinedTimestamp": _TIME,
    }


def _item(name: str) -> dict[str, Any]:
    configuration = {"RepositoryName": name, "RepositoryPolicyText": OPEN}
    return {
        "accountId": MEMBER,
        # Later than the notification: the history holds its item, or a later one.
        "configurationItemCaptureTime": 4102444800.0,
        "configurationItemStatus": "OK",
        "arn": f"arn:aws:ecr:{REGION}:{MEMBER}:repository/{name}",
        "resourceType": "AWS::ECR::Repository",
        "resourceId": name,
        "awsRegion": REGION,
        "tags": {"stage": "production"},
        "relationships": [{"resourceType": "AWS::KMS::Key"}],
        "configuration": json.dumps(configuration),
        "supplementaryConfiguration": {"policy": "text"},
    }


COMPLETE: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
        "DescribeRepositories": {"repositories": [_repository("opened"), _repository("closed"), _repository("new")]},
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
        "GetRepositoryPolicy": {"registryId": MEMBER, "repositoryName": "opened", "policyText": OPEN},
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
        "ListTagsForResource": {"tags": [{"Key": "public-on-purpose", "Value": "true"}]},
        # https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByConfigRule.html
        "GetComplianceDetailsByConfigRule": {
            "EvaluationResults": [_result("opened"), _result("closed"), _result("deleted")]
        },
        # https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
        "GetResourceConfigHistory": {"configurationItems": [_item("opened")]},
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
        "ListAccounts": {"Accounts": [_account(account) for account in (_HUB, MEMBER, OTHER_MEMBER)]},
        # https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
        "PutEvaluations": {"FailedEvaluations": []},
    }
)
PAGES: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = MappingProxyType(
    {
        "DescribeRepositories": (
            {"repositories": [_repository("opened")], "nextToken": "t1"},
            {"repositories": [_repository("closed"), _repository("new")]},
        ),
        "GetComplianceDetailsByConfigRule": (
            {"EvaluationResults": [_result("opened")], "NextToken": "t1"},
            {"EvaluationResults": [_result("closed"), _result("deleted")]},
        ),
        "ListAccounts": (
            {"Accounts": [_account(_HUB)], "NextToken": "t1"},
            {"Accounts": [_account(MEMBER), _account(OTHER_MEMBER)]},
        ),
    }
)
"""The same lists in two pages."""
TOKENS: Final[Mapping[str, str]] = MappingProxyType(
    {"DescribeRepositories": "nextToken", "GetComplianceDetailsByConfigRule": "NextToken", "ListAccounts": "NextToken"}
)

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_CREDENTIALS: Final = MappingProxyType(
    {
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": "2100-01-01T00:00:00Z",
    }
)


def body_of(operation: str) -> str:
    """Return the body of the complete answer."""
    if operation == "AssumeRole":
        return _assumed(_CREDENTIALS)
    return json.dumps(COMPLETE[operation])


def wrong_bodies(operation: str) -> Iterator[str]:
    """Yield the answer with each of its elements missing, empty or of another type; of each list, its first element."""
    if operation == "AssumeRole":
        for name in _CREDENTIALS:
            for value in (None, "", "<Value>7</Value>"):
                yield _assumed({**_CREDENTIALS, name: value})
        yield _assumed({**_CREDENTIALS, "Expiration": "soon"})
        yield "<AssumeRoleResponse><AssumeRoleResult>7</AssumeRoleResult></AssumeRoleResponse>"
        yield "<AssumeRoleResponse>7</AssumeRoleResponse>"
    elif operation == "PutEvaluations":
        refused = {"ComplianceResourceId": "opened", "ComplianceType": "COMPLIANT", "OrderingTimestamp": _TIME}
        yield from map(json.dumps, _variants({"FailedEvaluations": [refused]}))
    else:
        yield from map(json.dumps, _variants(COMPLETE[operation]))


def _assumed(credentials: Mapping[str, str | None]) -> str:
    elements = (f"<{name}>{text}</{name}>" for name, text in credentials.items() if text is not None)
    content = f"<Credentials>{''.join(elements)}</Credentials>"
    return f"<AssumeRoleResponse><AssumeRoleResult>{content}</AssumeRoleResult></AssumeRoleResponse>"


def _variants(value: Any) -> Iterator[Any]:
    """Yield the value with one of its parts, at any level, replaced by each wrong one."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            for wrong in (*_wrong_for(part), *_variants(part)):
                yield {**value, name: wrong}
    elif isinstance(value, list) and value:
        for wrong in (None, *_wrong_for(value[0]), *_variants(value[0])):
            yield [wrong, *value[1:]]


def _wrong_for(part: Any) -> Iterator[Any]:
    if isinstance(part, str):
        yield from ("", 7)
    elif isinstance(part, Mapping):
        yield from ("text", [])
    elif isinstance(part, list):
        yield from ("text", {})
    else:
        yield from ("", {})
