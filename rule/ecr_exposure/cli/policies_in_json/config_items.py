"""Policies in configuration items: what AWS Config recorded of repositories and of repository creation templates.

https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span, StatementSpan
from ecr_exposure.cli.found_policies.unknown_values import Unreadable, Value, read_policy_text
from ecr_exposure.errors import ItemError, PolicyError
from ecr_exposure.identifiers import account_of, region_of
from ecr_exposure.policy.json_values import DuplicateKey, describe, read_json
from ecr_exposure.repository import RECORDED, RESOURCE_TYPE, Repository, check_item, repository_of_item

CREATION_TEMPLATE: Final = "AWS::ECR::RepositoryCreationTemplate"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repositorycreationtemplate.html
_TEMPLATE_POLICY: Final = "RepositoryPolicy"
_PREFIX: Final = "Prefix"
POLICY_PROPERTY: Final = {RESOURCE_TYPE: "RepositoryPolicyText", CREATION_TEMPLATE: _TEMPLATE_POLICY}
"""The resource types that have a policy, and the property of the configuration that is the policy."""

_NOT_RECORDED: Final = "ResourceNotRecorded"
_TIME: Final = "configurationItemCaptureTime"


Resource = tuple[str, ...]
"""What the items of one resource have in common."""


class RecordedItem(NamedTuple):
    """A configuration item of a file; span: of the property that has its policy; statements: where they are known."""

    content: Mapping[str, object]
    span: Span
    statements: Mapping[int, StatementSpan]


def newest(items: Iterable[RecordedItem]) -> Iterable[RecordedItem]:
    """Return the newest item of each resource: the others are what was, also before a resource was deleted.

    Of two items without a time, or with the same one, the first is the newest, as in the history that AWS Config
    returns: https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
    """
    found: dict[Resource, RecordedItem] = {}
    keep_newest(found, items)
    return found.values()


def keep_newest(found: dict[Resource, RecordedItem], items: Iterable[RecordedItem]) -> None:
    """Put items in place of older ones of the same resource, as `newest` chooses."""
    for item in items:
        names = ("resourceType", "resourceId", "awsRegion", "awsAccountId", "accountId", "ARN", "arn")
        resource = tuple(str(item.content.get(name)) for name in names)
        if resource not in found or _time_of(item.content) > _time_of(found[resource].content):
            found[resource] = item


def _time_of(item: Mapping[str, object]) -> datetime:
    """Return when the item was recorded; the AWS CLI writes a date, or the seconds since 1970."""
    value = item.get(_TIME)
    try:
        if not isinstance(value, str):
            return datetime.fromtimestamp(float(value), UTC)  # type: ignore[arg-type]  # TypeError is caught
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def found_in_item(file: str, item: RecordedItem, facts: CodeFacts) -> FoundPolicy | None:
    """Return the policy of an item; None for another resource type, a deleted resource and an item without identity.

    The last is told by facts.problem. A resource without a policy is found too. What AWS does not document is
    Unreadable.
    """
    content = item.content
    if content.get("resourceType") not in POLICY_PROPERTY:
        return None
    if not isinstance(content.get(_TIME), str):
        content = {**content, _TIME: str(content.get(_TIME) or "")}
    try:
        check_item("configurationItem", content)
        repository = repository_of_item(content)
    except ItemError as error:
        facts.problem(NotReadError(file, item.span.line, str(error)))
        return None
    address = _address(repository)
    status = content["configurationItemStatus"]
    if status not in RECORDED:
        if status == _NOT_RECORDED:
            facts.note(f"{file}: {address}: AWS Config does not record it, so its policy is not known")
        return None
    is_repository = content["resourceType"] == RESOURCE_TYPE
    return FoundPolicy(
        kind=Kind.CONFIG_ITEM,
        file=file,
        address=address,
        policy=_policy_of(repository) if is_repository else _policy_of_template(content.get("configuration")),
        span=item.span,
        statements=item.statements,
        repository=repository.name if is_repository else None,
        account=repository.account or account_of(repository.arn) or None,
        region=repository.region or region_of(repository.arn) or None,
        tags=repository.tags if is_repository else None,
    )


def not_an_object(item: object) -> str:
    """Say what is wrong with an item of a list that is no object."""
    return str(item) if isinstance(item, DuplicateKey) else f"{describe(item)} is not an object"


def policy_value(recorded: object) -> Value:
    """Return a recorded policy, text or object, as `judge` takes it; a text that is not JSON stays a string."""
    if not isinstance(recorded, str):
        return recorded
    try:
        return read_policy_text(recorded)
    except PolicyError:
        return recorded


def _address(repository: Repository) -> str:
    parts = (repository.account, repository.region, repository.name)
    return repository.arn or "/".join(part for part in parts if part)


def _policy_of(repository: Repository) -> Value:
    return Unreadable(repository.problem) if repository.problem is not None else policy_value(repository.policy)


def _policy_of_template(configuration: object) -> Value:
    """Return the policy of the repositories that a template creates: one that it does not name is none."""
    try:
        content = read_json(configuration) if isinstance(configuration, str) else configuration
    except PolicyError as error:
        return Unreadable(str(error.within("configuration")))
    if not isinstance(content, Mapping):
        return Unreadable(f"configuration: {describe(content)} is not an object")
    if not content.keys() & {_TEMPLATE_POLICY, _PREFIX}:
        return Unreadable(f"configuration: {_TEMPLATE_POLICY} and {_PREFIX} are both missing")
    policy = content.get(_TEMPLATE_POLICY)
    if policy is None or isinstance(policy, (str, Mapping)):
        return policy_value(policy)
    return Unreadable(f"configuration.{_TEMPLATE_POLICY}: {describe(policy)} is neither a string nor an object")
