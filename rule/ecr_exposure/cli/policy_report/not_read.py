"""What could not be read, for people: one line for all places with the same reason.

A thousand accounts without a role have one cause. The formats for programs name each of them.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.policy_report.checked_policy import Report
from ecr_exposure.cli.policy_report.report_scope import FilesRead
from ecr_exposure.policy.json_values import printable

_MOST_NAMED: Final = 5
_MASK: Final = "*"
# A rule as AWS Config names it in an account, an account, a Region and a number, as the reason has them for its place.
_OF_PLACE: Final = re.compile(
    r"\b(?:OrgConfigRule-[\w-]+|[\w-]+-conformance-pack-\w+|\d{12}|[a-z]{2}(?:-[a-z]+)+-\d{1,2}|\d[\d,]*)\b"
)
# Where a message of AWS is cut depends on the length of the names in it.
_BEFORE_CUT: Final = 100


class _Reason(NamedTuple):
    before_cut: str
    after_cut: str


def not_read_lines(report: Report) -> Iterator[str]:
    """Yield a printable line for each reason, in the order of the first place that has it, with five of the places.

    Of files, only the place is masked when reasons are compared; of accounts and Regions, also what is in a reason.
    """
    groups: dict[_Reason, list[NotReadError]] = {}
    for error in report.errors:
        groups.setdefault(_reason(error, is_file=isinstance(report.scope, FilesRead)), []).append(error)
    for errors in groups.values():
        yield printable(errors[0].message if len(errors) == 1 else _line(errors))


def _reason(error: NotReadError, *, is_file: bool) -> _Reason:
    text = error.reason
    if is_file:
        return _Reason(text.replace(error.place, _MASK), "")
    account, region, name = (*error.place.split("/", 2), "", "")[:3]
    if own := name if region else account:
        text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", _MASK, text)
    before, cut, after = _OF_PLACE.sub(_MASK, text).partition("…")
    return _Reason(before[:_BEFORE_CUT] if cut else before, after)


def _line(errors: list[NotReadError]) -> str:
    first = errors[0].reason
    named = ", ".join(error.named_place for error in errors[:_MOST_NAMED])
    more = f" and {len(errors) - _MOST_NAMED:,} more" if len(errors) > _MOST_NAMED else ""
    which = "" if all(error.reason == first for error in errors) else "for the first, "
    return f"{len(errors):,} with the same reason ({named}{more}): {which}{first}"
