"""The action table against the Service Authorization Reference, and what patterns stand for."""

import pytest
from policy_sentry.querying.actions import get_actions_for_service

from ecr_exposure.policy.actions import (
    CAPABILITY_OF,
    REGISTRY_ACTIONS,
    Capability,
    capabilities_of,
    named_by,
    not_named_by,
)

# Added to the reference after policy_sentry's copy was made; each with its page:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
NEWER_THAN_THE_COPY: frozenset[str] = frozenset()


def test_the_table_is_the_reference() -> None:
    """An action that the table does not know is granted unseen; this prints what is new."""
    reference = set(get_actions_for_service("ecr"))
    table = set(CAPABILITY_OF) | REGISTRY_ACTIONS
    assert reference - table == set(), "new in the reference"
    assert table - reference == NEWER_THAN_THE_COPY, "not in the reference"


def test_the_table_has_sixty_actions() -> None:
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
    ],
)
def test_named_by(patterns: list[str], expected: set[str]) -> None:
    assert named_by(patterns) == expected


@pytest.mark.parametrize("pattern", ["*", "ecr:*", "ECR:*", "ecr:**", "e*"])
def test_a_star_names_all(pattern: str) -> None:
    assert named_by([pattern]) == set(CAPABILITY_OF)


def test_not_named_by() -> None:
    assert not_named_by(["ecr:*"]) == set()
    assert not_named_by(["ecr:Fly"]) == set(CAPABILITY_OF)
    assert not_named_by(["ecr:PutImage"]) == set(CAPABILITY_OF) - {"ecr:PutImage"}


def test_capabilities_come_most_dangerous_first() -> None:
    actions = ["ecr:ListImages", "ecr:BatchGetImage", "ecr:SetRepositoryPolicy", "ecr:FlyToTheMoon"]
    assert capabilities_of(actions) == (Capability.ADMINISTER, Capability.PULL, Capability.DISCOVER)
