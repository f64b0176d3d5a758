"""The configuration recorder: configuration items of ECR repositories.

Items in events differ from items of GetResourceConfigHistory in field names and types. RepositoryPolicyText is
the policy as JSON text; for a repository without a policy it is an empty object.

Events: https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
History: https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.ecr.models import ECRBackend, Repository, RepoTagMutability, ecr_backends
from moto.utilities.utils import get_partition

RESOURCE_TYPE: Final = "AWS::ECR::Repository"
_DELETED: Final = frozenset({"ResourceDeleted", "ResourceDeletedNotRecorded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedItem:
    """One configuration item of one repository."""

    account: str
    region: str
    name: str
    status: str
    captured_at: datetime
    configuration: Mapping[str, Any] | None
    """Keys in PascalCase; None if the repository is deleted."""
    tags: Mapping[str, str]
    previous: "RecordedItem | None" = field(default=None, repr=False, compare=False)

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return f"arn:{get_partition(self.region)}:ecr:{self.region}:{self.account}:repository/{self.name}"

    @property
    def change_type(self) -> str:
        """CREATE, UPDATE or DELETE."""
        if self.configuration is None:
            return "DELETE"
        return "CREATE" if self.previous is None or self.previous.configuration is None else "UPDATE"

    def as_event(self) -> dict[str, Any]:
        """Return ``configurationItem`` of a change notification."""
        return self._common() | {
            "configuration": self.configuration,
            "supplementaryConfiguration": {},
            "relatedEvents": [],
            "relationships": [],
            "tags": dict(self.tags),
        }

    def as_summary(self) -> dict[str, Any]:
        """Return ``configurationItemSummary`` of an oversized notification, which has no configuration and no tags."""
        return {"changeType": self.change_type} | self._common()

    def as_difference(self) -> dict[str, Any]:
        """Return ``configurationItemDiff``: the changed properties; all of them for CREATE and DELETE."""
        before = self.previous.configuration if self.previous else None
        if before is None or self.configuration is None:
            changes = {"Configuration": _change(before, self.configuration, self.change_type)}
        else:
            changes = {
                f"Configuration.{key}": _change(before.get(key), value, "UPDATE")
                for key, value in self.configuration.items()
                if before.get(key) != value
            }
        return {"changedProperties": changes, "changeType": self.change_type}

    def as_history(self) -> dict[str, Any]:
        """Return an item of GetResourceConfigHistory: configuration is JSON text, absent if deleted."""
        item: dict[str, Any] = {
            "version": "1.3",
            "accountId": self.account,
            "configurationItemCaptureTime": self.captured_at,
            "configurationItemStatus": self.status,
            "configurationStateId": str(_milliseconds(self.captured_at)),
            "configurationItemMD5Hash": self._digest(),
            "arn": self.arn,
            "resourceType": RESOURCE_TYPE,
            "resourceId": self.name,
            "resourceName": self.name,
            "awsRegion": self.region,
            "availabilityZone": "Regional",
            "tags": dict(self.tags),
            "relatedEvents": [],
            "relationships": [],
            "supplementaryConfiguration": {},
        }
        return item if self.configuration is None else item | {"configuration": json.dumps(self.configuration)}

    def _common(self) -> dict[str, Any]:
        return {
            "configurationItemVersion": "1.3",
            "configurationItemCaptureTime": timestamp(self.captured_at),
            "configurationStateId": _milliseconds(self.captured_at),
            "awsAccountId": self.account,
            "configurationItemStatus": self.status,
            "resourceType": RESOURCE_TYPE,
            "resourceId": self.name,
            "resourceName": self.name,
            "ARN": self.arn,
            "awsRegion": self.region,
            "availabilityZone": "Regional",
            "configurationStateMd5Hash": self._digest(),
            "resourceCreationTime": None,
        }

    def _digest(self) -> str:
        text = json.dumps(self.configuration, sort_keys=True)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Recorder:
    """The configuration recorders of all accounts and regions, with their recorded items."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Take the clock for capture times."""
        self._clock = clock
        self._items: dict[tuple[str, str, str], list[RecordedItem]] = {}

    def record(
        self,
        account: str,
        region: str,
        name: str,
        *,
        status: str | None = None,
        captured_at: datetime | None = None,
    ) -> RecordedItem:
        """Record a repository as it is now; raises LookupError if it never existed."""
        items = self._items.setdefault((account, region, name), [])
        backend = ecr_backends[account][region]
        repository = backend.repositories.get(name)
        if repository is None and not items:
            raise LookupError(f"repository {name!r} never existed in {account}, {region}")
        previous = items[-1] if items else None
        deleted = repository is None or status in _DELETED
        tags = {} if repository is None or deleted else _tags(backend, repository)
        item = RecordedItem(
            account=account,
            region=region,
            name=name,
            status=status or ("ResourceDeleted" if deleted else "OK" if previous else "ResourceDiscovered"),
            captured_at=captured_at or self._later_than(previous),
            configuration=None if repository is None or deleted else _configuration(repository, tags),
            tags=tags,
            previous=previous,
        )
        items.append(item)
        return item

    def history(self, account: str, region: str, name: str) -> tuple[RecordedItem, ...]:
        """Return all items of a repository, newest first; records the repository if it has no item yet."""
        items = self._items.get((account, region, name))
        if not items and name in ecr_backends[account][region].repositories:
            items = [self.record(account, region, name)]
        return tuple(sorted(items or (), key=lambda item: item.captured_at, reverse=True))

    def recorded(self) -> tuple[tuple[str, str, str], ...]:
        """Return account, Region and name of the repositories that are recorded and not deleted."""
        return tuple(place for place, items in self._items.items() if items[-1].configuration)

    def now(self) -> datetime:
        """Return the time in milliseconds, as AWS Config writes it."""
        moment = self._clock()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _later_than(self, previous: RecordedItem | None) -> datetime:
        now = self.now()
        return now if previous is None else max(now, previous.captured_at + timedelta(milliseconds=1))


def timestamp(moment: datetime) -> str:
    """Return a time as in AWS Config's events: ``2016-02-17T01:36:34.043Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _configuration(repository: Repository, tags: Mapping[str, str]) -> dict[str, Any]:
    text = repository.lifecycle_policy
    scanning: Any = repository.image_scanning_configuration
    lifecycle = {"LifecyclePolicyText": text, "RegistryId": repository.registry_id} if text else {}
    return {
        "RepositoryName": repository.name,
        "Arn": repository.arn,
        "RepositoryUri": repository.uri,
        "ImageTagMutability": RepoTagMutability(repository.image_tag_mutability).value,
        "ImageScanningConfiguration": _pascal(scanning),
        "EncryptionConfiguration": _pascal(repository.encryption_configuration),
        "LifecyclePolicy": lifecycle,
        "RepositoryPolicyText": {} if repository.policy is None else repository.policy,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _tags(backend: ECRBackend, repository: Repository) -> dict[str, str]:
    tags = backend.tagger.list_tags_for_resource(repository.arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def _pascal(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name[0].upper() + name[1:]: value for name, value in members.items()}


def _change(before: object, after: object, change_type: str) -> dict[str, Any]:
    return {"previousValue": before, "updatedValue": after, "changeType": change_type}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
