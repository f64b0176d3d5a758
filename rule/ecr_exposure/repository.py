"""What AWS Config says about a repository, in the shapes in which it says it.

An event carries ``awsAccountId`` and ``ARN``, the history ``accountId`` and ``arn`` with the
configuration as JSON text:
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.errors import ItemError, ParameterError, PolicyError
from ecr_exposure.identifiers import account_id, region_name
from ecr_exposure.policy.json_values import an_object, describe, read_json

RESOURCE_TYPE: Final = "AWS::ECR::Repository"
RECORDED: Final = ("OK", "ResourceDiscovered")
STATUSES: Final = (*RECORDED, "ResourceNotRecorded", "ResourceDeleted", "ResourceDeletedNotRecorded")
"""The statuses of a configuration item; those not RECORDED are of a resource that is gone or not looked at."""

_POLICY: Final = "RepositoryPolicyText"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository as recorded.

    policy: as recorded, text or content, not yet read. problem: why the record does not say what
    the policy is; then policy is None and means nothing.
    """

    account: str
    region: str
    name: str
    arn: str
    policy: object = None
    problem: str | None = None


def read_repository(item: Mapping[str, object]) -> Repository:
    """Return the repository of a configuration item that is in scope.

    Raises ItemError where the item does not say which repository it is.
    """
    name = _text(item, "resourceId", "resourceName")
    if name is None:
        raise ItemError(f"configurationItem.resourceId: {describe(item.get('resourceId'))} is not a name")
    policy: object = None
    problem: str | None = None
    try:
        policy = _policy(_configuration(item.get("configuration")))
    except PolicyError as error:
        problem = str(error.within("configuration"))
    account, region = _text(item, "awsAccountId", "accountId") or "", _text(item, "awsRegion") or ""
    try:
        account = account and account_id("configurationItem.awsAccountId", account)
        region = region and region_name("configurationItem.awsRegion", region)
    except ParameterError as error:
        raise ItemError(str(error)) from None
    return Repository(
        account=account,
        region=region,
        name=name,
        arn=_text(item, "ARN", "arn") or "",
        policy=policy,
        problem=problem,
    )


def _text(item: Mapping[str, object], *names: str) -> str | None:
    values = (item.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _configuration(value: object) -> Mapping[str, object]:
    return an_object(read_json(value) if isinstance(value, str) else value)


def _policy(configuration: Mapping[str, object]) -> object:
    if _POLICY in configuration:
        return _content(configuration[_POLICY])
    # Without the key there is no policy, provided that this is the shape that we know.
    if any(str(key).lower() == _POLICY.lower() for key in configuration):
        raise PolicyError("", f"{_POLICY} is spelled differently")
    if not configuration.keys() & {"RepositoryName", "Arn"}:
        raise PolicyError("", f"neither {_POLICY} nor RepositoryName nor Arn is there")
    return None


def _content(value: object) -> object:
    if value is None or isinstance(value, (str, Mapping)):
        return value
    raise PolicyError(_POLICY, f"{describe(value)} is neither text nor an object")
