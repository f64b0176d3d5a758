"""A repository, as a configuration item, the configuration history or the ECR API describes it.

A configuration item in an event has ``awsAccountId`` and ``ARN``; one from the history has ``accountId`` and
``arn``, and its configuration is JSON text:
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.errors import ItemError, ParameterError, PolicyError
from ecr_exposure.identifiers import ARN_FIELDS, account_id, account_of, arn_fields, region_name, region_of
from ecr_exposure.policy.json_values import an_object, describe, is_list, read_json

RESOURCE_TYPE: Final = "AWS::ECR::Repository"
RECORDED: Final = ("OK", "ResourceDiscovered")
"""The statuses of an item that describes an existing resource."""
STATUSES: Final = (*RECORDED, "ResourceNotRecorded", "ResourceDeleted", "ResourceDeletedNotRecorded")
"""All statuses of a configuration item."""

_REQUIRED: Final = ("resourceType", "resourceId", "configurationItemStatus", "configurationItemCaptureTime")
_POLICY: Final = "RepositoryPolicyText"
_TAGS: Final = "Tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository.

    policy: as recorded, text or object, not yet read. problem: why the item does not show what the policy is;
    then policy is None and means nothing. tags: key to value; None if they are not known.
    """

    account: str
    region: str
    name: str
    arn: str
    policy: object = None
    problem: str | None = None
    tags: Mapping[str, str] | None = None


def check_item(place: str, item: Mapping[str, object]) -> None:
    """Raise ItemError, which names the place, unless the item says which resource it is about and its status."""
    for name in _REQUIRED:
        if not isinstance(item.get(name), str) or not item[name]:
            raise ItemError(f"{place}.{name}: {describe(item.get(name))} is not a non-empty string")
    status = item["configurationItemStatus"]
    if status not in STATUSES:
        accepted = ", ".join(STATUSES)
        raise ItemError(f"{place}.configurationItemStatus: {describe(status)} is unknown (accepted: {accepted})")


def repository_of_item(item: Mapping[str, object]) -> Repository:
    """Return the repository of a configuration item that `check_item` accepts and that is in scope.

    Raises ItemError if the item has an invalid account or region.
    """
    policy: object = None
    problem: str | None = None
    configuration: Mapping[str, object] = {}
    try:
        configuration = _configuration(item.get("configuration"))
        policy = _policy(configuration)
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
        name=str(item["resourceId"]),
        arn=_text(item, "ARN", "arn") or "",
        policy=policy,
        problem=problem,
        tags=_tags(configuration.get(_TAGS), item.get("tags")),
    )


def repository_of_api(name: str, arn: str, policy: str | None) -> Repository:
    """Return the repository that ecr:DescribeRepositories and ecr:GetRepositoryPolicy describe.

    Raises ItemError if the ARN is not one.
    """
    if len(arn_fields(arn)) < ARN_FIELDS:
        raise ItemError(f"repositoryArn: {arn!r:.160} is not an ARN")
    return Repository(account=account_of(arn), region=region_of(arn), name=name, arn=arn, policy=policy)


def tags_of_list(value: object) -> Mapping[str, str] | None:
    """Return the tags of a list of Key and Value, as ecr:ListTagsForResource returns it.

    None if the value has another form or two values for one key: then the tags are not known.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Tag.html
    """
    if not is_list(value):
        return None
    tags: dict[str, str] = {}
    for tag in value:
        key, text = (tag.get("Key"), tag.get("Value")) if isinstance(tag, Mapping) else (None, None)
        if not isinstance(key, str) or not isinstance(text, str) or tags.setdefault(key, text) != text:
            return None
    return tags


def _tags(recorded: object, of_item: object) -> Mapping[str, str] | None:
    """Return the tags of a configuration, or of the item if its configuration has none."""
    if recorded is not None:
        return tags_of_list(recorded)
    if isinstance(of_item, Mapping) and all(isinstance(value, str) for value in of_item.values()):
        return of_item
    return None


def _text(item: Mapping[str, object], *names: str) -> str | None:
    values = (item.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _configuration(value: object) -> Mapping[str, object]:
    return an_object(read_json(value) if isinstance(value, str) else value)


def _policy(configuration: Mapping[str, object]) -> object:
    if _POLICY in configuration:
        return _content(configuration[_POLICY])
    # Without the element there is no policy, provided that the configuration has the documented form.
    if any(str(key).lower() == _POLICY.lower() for key in configuration):
        raise PolicyError("", f"{_POLICY} is spelled in another case")
    if not configuration.keys() & {"RepositoryName", "Arn"}:
        raise PolicyError("", f"{_POLICY}, RepositoryName and Arn are all missing")
    return None


def _content(value: object) -> object:
    if value is None or isinstance(value, (str, Mapping)):
        return value
    raise PolicyError(_POLICY, f"{describe(value)} is neither a string nor an object")
