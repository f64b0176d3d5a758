"""The one line that a person reads in the AWS Config dashboard: who can do what, and why.

AWS Config takes 1 to 256 characters:
https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
The sentences of an access test are in its record; all other sentences of the dashboard are here.
"""

from typing import Final

from ecr_exposure.findings.access_tests import AccessTest
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.json_values import printable

NO_POLICY: Final = "The repository has no policy."

_LONGEST: Final = 256
# The sentence about the verdict itself comes first and keeps the rest of the line.
_LONGEST_RESULT: Final = 175
_MINOR: Final = (Capability.CONFIGURE, Capability.DISCOVER)


def cannot_be_evaluated(problem: str) -> str:
    """Return the annotation of what cannot be evaluated."""
    return _line("Cannot be evaluated: ", problem)


def about_grants(grants: tuple[Grant, ...], test: AccessTest) -> str:
    """Return the annotation of a policy with grants: the most dangerous one, and the number of further ones."""
    return _about_grants("", grants, test)


def public_on_purpose(grants: tuple[Grant, ...], test: AccessTest, exemption: str) -> str:
    """Return the annotation of a repository that an exemption excuses."""
    return _about_grants(f"Public on purpose ({exemption}). ", grants, test)


def with_refused_exemption(annotation: str, refusal: str) -> str:
    """Add why the tag of the repository is no exception."""
    return _line("", annotation, f" The {refusal}.")


def _about_grants(start: str, grants: tuple[Grant, ...], test: AccessTest) -> str:
    first = grants[0]
    more = f" +{len(grants) - 1} more" if len(grants) > 1 else ""
    return _line("", f"{start}{test.subject} {_can(first, test)}: {first.reason}.", more)


def with_undecided_test(annotation: str, test: AccessTest) -> str:
    """Add that another test cannot evaluate the policy."""
    return _line("", annotation, f" publicAccessTest={test.name} cannot evaluate it.")


def with_flagging_test(annotation: str, test: AccessTest, result: str) -> str:
    """Add the annotation of another test that flags the repository."""
    return _line("", annotation, _cut(f" publicAccessTest={test.name} reports: {result}", _LONGEST_RESULT))


def with_closed_test(annotation: str, test: AccessTest) -> str:
    """Add that another test does not flag the repository."""
    hint = f" publicAccessTest={test.name}, which evaluates actions and Deny statements, finds no public access."
    return _line("", annotation, hint)


def _line(start: str, text: str, end: str = "") -> str:
    """Return all three as one printable line; the middle one is cut at a word if the line is too long."""
    return f"{start}{_cut(printable(text), _LONGEST - len(start) - len(end))}{end}"


def _cut(text: str, length: int) -> str:
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
