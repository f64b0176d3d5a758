"""The one line that a person reads in the AWS Config dashboard: who can do what, and why.

AWS Config takes 1 to 256 characters:
https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
"""

from typing import Final

from ecr_exposure.findings.access_tests import AccessTest
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.json_values import printable

LONGEST: Final = 256
_MINOR: Final = (Capability.CONFIGURE, Capability.DISCOVER)


def about_grants(grants: tuple[Grant, ...], test: AccessTest, *, opening: str = "") -> str:
    """Return the most dangerous grant, and how many more there are; grants is not empty.

    opening: what comes before it, such as why the grant is accepted.
    """
    first = grants[0]
    text = f"{opening}{test.subject} {_can(first, test)}: {first.reason}."
    more = f" +{len(grants) - 1} more" if len(grants) > 1 else ""
    return joined("", text, more)


def joined(start: str, text: str, end: str) -> str:
    """Return all three as one printable line; the middle one is cut at a word if the line is too long."""
    return f"{start}{cut(printable(text), LONGEST - len(start) - len(end))}{end}"


def cut(text: str, length: int) -> str:
    """Return the text, cut at a word if it is longer."""
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    return f"{kept[: kept.rfind(' ')] if ' ' in kept else kept}…"


def _can(grant: Grant, test: AccessTest) -> str:
    if not grant.actions:
        return f"{test.to_be} named, but no repository action is granted"
    if not grant.capabilities:
        return f"{test.to_be} allowed an unknown action"
    major = [each.value for each in grant.capabilities if each not in _MINOR]
    shown = major or [each.value for each in grant.capabilities]
    listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"can {listed}"
