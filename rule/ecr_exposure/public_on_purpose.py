"""Repositories that are public on purpose: an entry of a rule parameter names them, or a tag of their own says so.

Both exceptions have the same limits: they excuse that callers can pull and discover, and nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from ecr_exposure.findings.grants import Grant
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.policy.actions import CAPABILITY_OF, Capability
from ecr_exposure.policy.json_values import describe, printable
from ecr_exposure.repository import Repository

_EXCUSABLE: Final = frozenset((Capability.PULL, Capability.DISCOVER))
# As much as shows what is wrong; the line also has the tag's key and the grant.
_LONGEST_VALUE: Final = 20
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Exemption(NamedTuple):
    """What says that a repository is public on purpose.

    source: the entry of excludedPublicRepositories, or the tag. last_day: of the exception, in UTC; None if it has
    no end. refusal: why it is no exception; None if it is one.
    """

    source: str
    last_day: date | None = None
    refusal: str | None = None

    def __str__(self) -> str:
        """Return what annotation and log say about it, in printable characters."""
        if self.refusal is not None:
            return printable(f"{self.source} is no exception: {self.refusal}")
        return f"{self.source}, last day {self.last_day}" if self.last_day else self.source


def exemption_of(repository: Repository, parameters: RuleParameters, now: datetime) -> Exemption | None:
    """Return what says that a repository is public on purpose; None if nothing does.

    now: an aware datetime. A refused exemption comes from a tag only.
    """
    for entry in parameters.public_repositories:
        if entry.covers(repository.account, repository.name):
            return Exemption(source=f"excludedPublicRepositories: {describe(str(entry))}")
    if parameters.public_tag is None:
        return None
    return _exemption_by_tag(parameters.public_tag, repository.tags, now.astimezone(UTC).date())


def excuses(grants: Iterable[Grant]) -> bool:
    """Return whether an exemption excuses the grants: they give pull and discover only."""
    # An action that the table does not know has no capability: it is never excused.
    return all(CAPABILITY_OF.get(action) in _EXCUSABLE for grant in grants for action in grant.actions)


def _exemption_by_tag(key: str, tags: Mapping[str, str] | None, today: date) -> Exemption | None:
    source = f"tag {describe(key)}"
    if tags is None:
        return Exemption(source=source, refusal="the tags of the repository are not known")
    # Tag keys are case sensitive, unlike the tag keys in condition keys:
    # https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
    value = tags.get(key)
    if value is None:
        return None
    if value == "true":
        return Exemption(source=source)
    last_day = day_in(value)
    if last_day is None:
        shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
        return Exemption(source=source, refusal=f"{describe(shown)} is neither true nor a day (YYYY-MM-DD)")
    if last_day < today:
        return Exemption(source=source, refusal=f"its last day was {last_day}")
    return Exemption(source=source, last_day=last_day)


def day_in(text: str) -> date | None:
    """Return the day of a text, YYYY-MM-DD; None if it is none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
