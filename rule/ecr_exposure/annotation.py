"""The one line that a person reads in the AWS Config dashboard: who can do what, and why.

AWS Config takes 1 to 256 characters:
https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
The sentences of an access test are in its record, those of a reason in ``findings.reasons``; here they are put
together, and what has no room is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ecr_exposure.findings.access_tests import AccessTest
from ecr_exposure.findings.advisories import Advisory, AdvisoryKind
from ecr_exposure.findings.grants import Grant
from ecr_exposure.findings.sentences import Part, Rank, Sentence, fitted
from ecr_exposure.identifiers import REPOSITORY_NAME
from ecr_exposure.policy.actions import Capability

NO_POLICY: Final = "The repository has no policy."

_LONGEST: Final = 256
_MINOR: Final = (Capability.CONFIGURE, Capability.DISCOVER)


def cannot_be_evaluated(problem: str) -> str:
    """Return the annotation of what cannot be evaluated."""
    return fitted((Part(f"Cannot be evaluated: {problem}"),), _LONGEST)


def about_grants(
    grants: Sequence[Grant],
    test: AccessTest,
    *,
    start: str = "",
    more: Sentence = (),
    advisories: Sequence[Advisory] = (),
) -> str:
    """Return the annotation of a policy: its most dangerous grant, and the number of further ones.

    start: what comes before it. more: what another test finds, or why a tag is no exception. advisories: the one that
    matters most comes last.
    """
    if grants:
        first = grants[0]
        text = (Part(f"{start}{test.subject} {_can(first, test)}: "), *first.sentence, Part("."))
    else:
        text = (Part(f"{start}{test.no_grant}"),)
    end = (*more, *_advice(grants, advisories))
    others = f" +{len(grants) - 1} more{'.' if end else ''}" if len(grants) > 1 else ""
    return fitted((*text, Part(others), *end), _LONGEST)


def public_on_purpose(exemption: str) -> str:
    """Return how the annotation of a repository starts that an exemption excuses."""
    return f"Public on purpose ({exemption}). "


def refused_exemption(exemption: str) -> Sentence:
    """Say why the tag of the repository is no exception."""
    return (Part(f" The {exemption}."),)


# What closes the repository.


def fix_command(repository: str) -> str | None:
    """Return the command that closes a repository; None for a name that Amazon ECR does not take.

    So the command holds nothing that a shell reads as something else.
    """
    return f"ecr-exposure fix --repository {repository}" if REPOSITORY_NAME.fullmatch(repository) else None


def with_fix(text: str, command: str) -> str:
    """Return an annotation with the command at its end, or as it is if there is no room for the whole command."""
    longer = f"{text}{'' if text.endswith(('.', '…')) else '.'} Fix: {command}"
    return longer if len(longer) <= _LONGEST else text


# What another test finds.


def hint_of_undecided(test: AccessTest) -> Sentence:
    """Say that another test cannot evaluate the policy."""
    return (Part(f" publicAccessTest={test.name} cannot evaluate it."),)


def hint_of_access(test: AccessTest, grant: Grant) -> Sentence:
    """Say why another test finds access."""
    return (Part(f" publicAccessTest={test.name} finds public access: "), *grant.sentence, Part("."))


def hint_of_no_access(test: AccessTest) -> Sentence:
    """Say that another test finds no access."""
    detail = f" publicAccessTest={test.name}, which evaluates actions and Deny statements, finds no public access."
    return (Part(f" publicAccessTest={test.name} finds no public access.", ((Rank.DETAIL, detail),)),)


# What else matters.

_IMPORTANT: Final = (AdvisoryKind.MALFORMED_PRINCIPAL, AdvisoryKind.IGNORED_DENY, AdvisoryKind.CONFUSED_DEPUTY)


def _advice(grants: Sequence[Grant], advisories: Sequence[Advisory]) -> Sentence:
    important = [each for each in advisories if each.kind in _IMPORTANT]
    # The reason of a grant with a witness says which Deny does not count.
    if grants and grants[0].witness is not None:
        important = [each for each in important if each.kind is not AdvisoryKind.IGNORED_DENY]
    if not important:
        return ()
    first = min(important, key=lambda each: _IMPORTANT.index(each.kind))
    return (Part("", ((Rank.ADVISORY, f" Note: {first.text}."),)),)


# What callers can do.

_WHOLE_PUSH: Final = "ecr:PutImage"
_PART_OF_PUSH: Final = {
    "ecr:InitiateLayerUpload": "upload layers",
    "ecr:UploadLayerPart": "upload layers",
    "ecr:CompleteLayerUpload": "upload layers",
    "ecr:ReplicateImage": "replicate images",
    "ecr:BatchImportUpstreamImage": "import upstream images",
    "ecr:CreateRepository": "create the repository",
}


def _can(grant: Grant, test: AccessTest) -> str:
    if not grant.actions:
        return f"{test.to_be} named, but no repository action is granted"
    if not grant.capabilities:
        return f"{test.to_be} allowed an unknown action"
    major = [each for each in grant.capabilities if each not in _MINOR]
    shown = [verb for each in major or grant.capabilities for verb in _verbs(each, grant.actions)]
    listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"can {listed}"


def _verbs(capability: Capability, actions: Sequence[str]) -> Iterator[str]:
    """Yield what a capability is called: push needs PutImage."""
    if capability is not Capability.PUSH or _WHOLE_PUSH in actions:
        yield capability.value
    else:
        yield from dict.fromkeys(verb for action, verb in _PART_OF_PUSH.items() if action in actions)
