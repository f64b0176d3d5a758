"""The table of actions against the Service Authorization Reference, and what action patterns cover."""

import pytest
from policy_sentry.querying.actions import get_actions_for_service

from ecr_exposure.policy.actions import (
    CAPABILITY_OF,
    REGISTRY_ACTIONS,
    Capability,
    capabilities_of,
    covered_actions,
    most_dangerous_first,
)

# Added to the reference after policy_sentry's copy was made; each with its page:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
NEWER_THAN_THE_COPY: frozenset[str] = frozenset()


def test_table_lists_every_action_of_the_reference() -> None:
    """An action that the table lacks would have no capability; a failure prints what is new."""
    reference = set(get_actions_for_service("ecr"))
    table = set(CAPABILITY_OF) | REGISTRY_ACTIONS
    assert reference - table == set(), "new in the reference"
    assert table - reference == NEWER_THAN_THE_COPY, "not in the reference"


def test_table_has_35_repository_and_25_registry_actions() -> None:
    assert len(CAPABILITY_OF) == 35
    assert len(REGISTRY_ACTIONS) == 25
    assert not CAPABILITY_OF.keys() & REGISTRY_ACTIONS


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["ecr:BatchGetImage"], {"ecr:BatchGetImage"}),
        (["ECR:batchgetIMAGE"], {"ecr:BatchGetImage"}),
        (["ecr:GetDownload*"], {"ecr:GetDownloadUrlForLayer"}),
        (["ecr:Get?ownloadUrlForLayer"], {"ecr:GetDownloadUrlForLayer"}),
        (["*:PutImage"], {"ecr:PutImage"}),
        (["e*:PutImage"], {"ecr:PutImage"}),
        (["s3:*", "sts:AssumeRole", "PutImage"], set()),
        (["ecr:GetAuthorizationToken"], set()),
        (["ecr:*RegistryPolicy"], set()),
        (["ecr:FlyToTheMoon"], {"ecr:FlyToTheMoon"}),
        (["ecr:Fly*"], {"ecr:Fly*"}),
        (["ecr:"], {"ecr:"}),
        ([], set()),
        (["ecr-public:*"], set()),
        (["ecr:BatchChec\u212aLayerAvailability"], {"ecr:BatchChec\u212aLayerAvailability"}),
    ],
)
def test_patterns_cover_the_repository_actions_that_they_match(patterns: list[str], expected: set[str]) -> None:
    assert covered_actions(patterns) == expected


@pytest.mark.parametrize("pattern", ["*", "ecr:*", "ECR:*", "ecr:**", "e*"])
def test_star_covers_every_repository_action(pattern: str) -> None:
    assert covered_actions([pattern]) == set(CAPABILITY_OF)


def test_not_action_covers_the_known_actions_that_no_pattern_matches() -> None:
    assert covered_actions(["ecr:*"], negated=True) == set()
    assert covered_actions(["ecr:Fly"], negated=True) == set(CAPABILITY_OF)
    assert covered_actions(["ecr:PutImage"], negated=True) == set(CAPABILITY_OF) - {"ecr:PutImage"}


def test_capabilities_are_most_dangerous_first() -> None:
    actions = ["ecr:ListImages", "ecr:BatchGetImage", "ecr:SetRepositoryPolicy", "ecr:FlyToTheMoon"]
    assert capabilities_of(actions) == (Capability.ADMINISTER, Capability.PULL, Capability.DISCOVER)


def test_actions_are_in_the_order_of_the_table_and_unknown_ones_last() -> None:
    actions = ["ecr:Zoom", "ecr:ListImages", "ecr:Fly*", "ecr:BatchGetImage", "ecr:PutImage", "ecr:DeleteRepository"]
    assert most_dangerous_first(actions) == (
        "ecr:DeleteRepository",
        "ecr:PutImage",
        "ecr:BatchGetImage",
        "ecr:ListImages",
        "ecr:Fly*",
        "ecr:Zoom",
    )
