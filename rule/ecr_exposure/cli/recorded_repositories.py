"""Repositories with their policies as AWS Config recorded them, of all accounts and Regions of an aggregator.

https://docs.aws.amazon.com/config/latest/developerguide/querying-AWS-resources.html
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.cli.aggregated_data import select
from ecr_exposure.cli.aggregators import REPOSITORY, AggregatorPlace
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, Span
from ecr_exposure.cli.found_policies.unknown_values import Unreadable
from ecr_exposure.repository import Repository, repository_of_item

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

_FIELDS: Final = "accountId, awsRegion, resourceId"
# The policy is in the configuration, but not in the schema of queries, so that no query may filter on it:
# https://github.com/awslabs/aws-config-resource-schema
_WITH_POLICY: Final = f"{_FIELDS}, configuration, tags"
WHOLE: Final = Span(1, 1, 1, 1)
"""The place of a policy that is in no file."""


def repository_query(regions: Collection[str] = (), *, with_policies: bool) -> str:
    """Return the query for the repositories of these Regions, or of all."""
    listed = ", ".join(f"'{region}'" for region in sorted(regions))
    where = f" AND awsRegion IN ({listed})" if regions else ""
    return f"SELECT {_WITH_POLICY if with_policies else _FIELDS} WHERE resourceType = '{REPOSITORY}'{where}"


def read_recorded_repositories(
    client: "ConfigServiceClient",
    aggregator: AggregatorPlace,
    *,
    regions: Collection[str] = (),
    accounts: Collection[str] = (),
) -> Iterator[FoundPolicy]:
    """Yield the recorded repositories with their policies; of all Regions and accounts if none are given.

    Raises ItemError for a result without account, Region or name, and one of AWS_ERRORS.
    """
    for row in select(client, aggregator, repository_query(regions, with_policies=True), accounts):
        if not accounts or row["accountId"] in accounts:
            yield found_in(repository_of_item(_item(row)), Kind.RECORDED_REPOSITORY)


def read_recorded_names(client: "ConfigServiceClient", aggregator: AggregatorPlace) -> Iterator[tuple[str, str, str]]:
    """Yield account, Region and name of each recorded repository; raises one of AWS_ERRORS."""
    for row in select(client, aggregator, repository_query(with_policies=False)):
        yield row["accountId"], row["awsRegion"], row["resourceId"]


def found_in(repository: Repository, kind: Kind) -> FoundPolicy:
    """Return the policy of a repository in AWS; what AWS does not document is Unreadable, and never no policy."""
    return FoundPolicy(
        kind=kind,
        file=f"{repository.account}/{repository.region}/{repository.name}",
        address="",
        policy=repository.policy if repository.problem is None else Unreadable(repository.problem),
        span=WHOLE,
        repository=repository.name,
        account=repository.account,
        region=repository.region,
        tags=repository.tags,
    )


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result of the query in the form of a configuration item."""
    return {**row, "tags": _tags(row.get("tags"))}


def _tags(listed: object) -> dict[str, str] | None:
    """Return the tags of a result, a list of key and value; None for another form, which is not known.

    https://docs.aws.amazon.com/config/latest/developerguide/query-components.html
    """
    if not isinstance(listed, list):
        return None
    tags: dict[str, str] = {}
    for each in listed:
        key, value = (each.get("key"), each.get("value")) if isinstance(each, Mapping) else (None, None)
        if not isinstance(key, str) or not isinstance(value, str) or tags.setdefault(key, value) != value:
            return None
    return tags
