"""The ECR actions, the capability that each gives, and the actions that a pattern covers.

The table follows the Service Authorization Reference as of 2026-09-26, 60 actions:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
Actions are compared without regard to case and take wildcards:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.json_values import describe, texts
from ecr_exposure.policy.patterns import ascii_lower, has_wildcard, matches, simplified


class Capability(Enum):
    """What a caller can do to a repository, most dangerous first."""

    ADMINISTER = "administer"
    DELETE = "delete"
    PUSH = "push"
    PULL = "pull"
    CONFIGURE = "configure"
    DISCOVER = "discover"

    # Enum hashes a member's name at each look-up; members are unique objects.
    __hash__ = object.__hash__


_TABLE: Final = {
    Capability.ADMINISTER: "SetRepositoryPolicy DeleteRepositoryPolicy",
    Capability.DELETE: "BatchDeleteImage DeleteRepository PutLifecyclePolicy DeleteLifecyclePolicy",
    Capability.PUSH: (
        "PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload ReplicateImage"
        " BatchImportUpstreamImage CreateRepository"
    ),
    Capability.PULL: "BatchGetImage GetDownloadUrlForLayer",
    Capability.CONFIGURE: (
        "PutImageTagMutability PutImageScanningConfiguration StartImageScan"
        " StartLifecyclePolicyPreview TagResource UntagResource UpdateImageStorageClass"
    ),
    Capability.DISCOVER: (
        "BatchCheckLayerAvailability BatchGetRepositoryScanningConfiguration"
        " DescribeImageReplicationStatus DescribeImageScanFindings DescribeImageSigningStatus"
        " DescribeImages DescribeRepositories GetImageCopyStatus GetLifecyclePolicy"
        " GetLifecyclePolicyPreview GetRepositoryPolicy ListImages ListTagsForResource"
    ),
}

REGISTRY_ACTIONS: Final = frozenset(
    f"ecr:{name}"
    for name in (
        "GetAuthorizationToken GetRegistryPolicy PutRegistryPolicy DeleteRegistryPolicy DescribeRegistry"
        " PutReplicationConfiguration GetRegistryScanningConfiguration PutRegistryScanningConfiguration"
        " GetAccountSetting PutAccountSetting CreatePullThroughCacheRule DeletePullThroughCacheRule"
        " UpdatePullThroughCacheRule ValidatePullThroughCacheRule DescribePullThroughCacheRules"
        " CreateRepositoryCreationTemplate DeleteRepositoryCreationTemplate"
        " UpdateRepositoryCreationTemplate DescribeRepositoryCreationTemplates GetSigningConfiguration"
        " PutSigningConfiguration DeleteSigningConfiguration RegisterPullTimeUpdateExclusion"
        " DeregisterPullTimeUpdateExclusion ListPullTimeUpdateExclusions"
    ).split()
)
"""Actions on the registry: a repository policy can name them, but never grants them."""

CAPABILITY_OF: Final = {f"ecr:{name}": capability for capability, names in _TABLE.items() for name in names.split()}
"""The capability that each repository action gives, most dangerous first."""

_SPELLING: Final = {name.lower(): name for name in CAPABILITY_OF}
_KNOWN: Final = (*_SPELLING, *map(str.lower, REGISTRY_ACTIONS))
_ALL: Final = frozenset(CAPABILITY_OF)


# A service and a name; the name can be one that no action has. Wildcards may stand on both sides of the colon.
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9.*?-]+:[ -9;-~]+").fullmatch


_USUAL: Final = frozenset(CAPABILITY_OF) | REGISTRY_ACTIONS | {"*", "ecr:*"}
"""Fast path: actions that need no further test."""


def read_actions(value: object) -> tuple[str, ...]:
    """Return the patterns of an Action or NotAction element; raise PolicyError if one is invalid."""
    patterns = texts(value)
    if _USUAL.issuperset(patterns):
        return patterns
    for pattern in patterns:
        if _ACTION(pattern) is None:
            raise PolicyError("", f"{describe(pattern)} is not an action such as ecr:BatchGetImage")
    return patterns


def covered_actions(patterns: Iterable[str], *, negated: bool = False) -> frozenset[str]:
    """Return the repository actions that an Action element covers or, negated, a NotAction element.

    An Action pattern that begins with ``ecr:`` and matches no known action is returned as it is written: it
    may be a newer action, and dangerous.
    """
    covered = _named(patterns)
    return _ALL - covered if negated else covered


def _named(patterns: Iterable[str]) -> frozenset[str]:
    covered: set[str] = set()
    for written in patterns:
        pattern = ascii_lower(written)
        if pattern in ("*", "ecr:*"):
            covered |= _ALL
        elif not has_wildcard(pattern):
            covered |= _named_exactly(written, pattern)
        elif found := _matching(simplified(pattern)):
            covered.update(_SPELLING[name] for name in found if name in _SPELLING)
        elif pattern.startswith("ecr:"):
            covered.add(written)
    return frozenset(covered)


def _matching(pattern: str) -> list[str]:
    beginning = pattern.partition("*")[0].partition("?")[0]
    return [name for name in _KNOWN if name.startswith(beginning) and matches(pattern, name)]


def _named_exactly(written: str, lower: str) -> set[str]:
    if lower in _SPELLING:
        return {_SPELLING[lower]}
    return {written} if lower.startswith("ecr:") and lower not in _KNOWN else set()


def is_repository_action(action: str) -> bool:
    """Return whether a repository policy can grant the action: a repository action, or an unknown one of ECR."""
    lower = ascii_lower(action)
    return lower in _SPELLING or (lower.startswith("ecr:") and lower not in _KNOWN)


def capabilities_of(actions: Iterable[str]) -> tuple[Capability, ...]:
    """Return the capabilities that the actions give, most dangerous first; an unknown action gives none."""
    found = {CAPABILITY_OF.get(action) for action in actions}
    return tuple(capability for capability in Capability if capability in found)


_ORDER: Final = {action: at for at, action in enumerate(CAPABILITY_OF)}


def most_dangerous_first(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions in the order of the table, unknown ones last by their text."""
    chosen = frozenset(actions)
    return (*sorted(chosen & _ALL, key=_ORDER.__getitem__), *sorted(chosen - _ALL))
