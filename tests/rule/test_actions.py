"""The table of actions against the Service Authorization Reference, and what action patterns cover."""

from typing import Any, Final

import pytest
from policy_sentry.querying.actions import get_actions_for_service

from ecr_exposure import PolicyError, judge
from ecr_exposure.policy.actions import (
    CAPABILITY_OF,
    REGISTRY_ACTIONS,
    Capability,
    capabilities_of,
    covered_actions,
    most_dangerous_first,
    read_actions,
)
from ecr_exposure.policy.document import read_policy

OPEN: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}

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
        (["s3:*", "sts:AssumeRole", "ec?:FlyToTheMoon", "*:FlyToTheMoon"], set()),
        (["ecr:GetAuthorizationToken"], set()),
        (["ecr:*RegistryPolicy"], set()),
        (["ecr:FlyToTheMoon"], {"ecr:FlyToTheMoon"}),
        (["ecr:Fly*"], {"ecr:Fly*"}),
        (["ecr:Put Image"], {"ecr:Put Image"}),
        ([], set()),
        (["ecr-public:*"], set()),
    ],
)
def test_patterns_cover_the_repository_actions_that_they_match(patterns: list[str], expected: set[str]) -> None:
    assert covered_actions(patterns) == expected


@pytest.mark.parametrize("pattern", ["*", "ecr:*", "ECR:*", "ecr:**", "*:*", "e?r:*"])
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


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "ecr:*",
        ["ECR:Put*", "e*:Get?mage"],
        "ecr:Put Image",
        "ecr:~!/",
        "elastic-load.balancing:x",
        "?:?",
        [],
    ],
)
def test_valid_actions_are_kept_as_written(value: Any) -> None:
    assert read_actions(value) == ((value,) if isinstance(value, str) else tuple(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ecr",
        "e*",
        "**",
        "?",
        "ecr:",
        ":PutImage",
        "ecr::PutImage",
        "ecr:PutImage:x",
        "e cr:PutImage",
        "ecr_:PutImage",
        "ecr:Put\u00e9",
        "ecr:Put\n",
        "ecr:*\ud800",
        "ecr:BatchChec\u212aLayerAvailability",
        "\u212ams:Decrypt",
        "arn:aws:ecr:*",
    ],
)
@pytest.mark.parametrize("element", ["Action", "NotAction"])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_invalid_action_is_a_problem_with_its_place(text: str, element: str, effect: str) -> None:
    statement = {"Effect": effect, "Principal": "*", element: ["ecr:PutImage", text]}
    with pytest.raises(PolicyError) as raised:
        read_policy({"Statement": [{**OPEN, "Principal": {}}, statement]})
    assert raised.value.place == f"Statement[1].{element}"
    assert str(raised.value).endswith(" is not an action such as ecr:BatchGetImage")


class TestDenies:
    """Which actions of an Allow for everyone a Deny for everyone takes away."""

    @staticmethod
    def granted(action: str | list[str], **deny: Any) -> tuple[str, ...]:
        """Return the actions that remain."""
        denies = {"Effect": "Deny", "Principal": "*", **deny}
        verdict = judge({"Statement": [{**OPEN, "Action": action}, denies]}, test="reachable")
        return tuple(action for grant in verdict.grants for action in grant.actions)

    @pytest.mark.parametrize("pattern", ["*:PutImage", "e*:Put*", "ec?:P*", "*:*", "*"])
    def test_pattern_of_a_deny_is_compared_with_the_whole_text(self, pattern: str) -> None:
        assert self.granted("ecr:PutImage", Action=pattern) == ()

    def test_unknown_action_is_taken_away_by_a_pattern_that_covers_its_text(self) -> None:
        assert self.granted("ecr:Fly*", Action="ecr:FlyToTheMoon") == ("ecr:Fly*",)
        assert self.granted("ecr:Fly*", Action="ecr:Fly") == ("ecr:Fly*",)
        assert self.granted("ecr:Fly*", Action="ECR:fly*") == ()
        assert self.granted("ecr:Fly*", Action="*:FLY?") == ()
        assert self.granted("ecr:Fly*", NotAction="ecr:Put*") == ()

    def test_empty_action_covers_nothing_and_empty_not_action_excludes_nothing(self) -> None:
        assert self.granted("ecr:PutImage", Action=[]) == ("ecr:PutImage",)
        assert self.granted("ecr:PutImage", NotAction=[]) == ()
        assert self.granted([], Action="ecr:ListImages") == ()
        open_statement = {"Effect": "Allow", "Principal": "*", "NotAction": []}
        (grant,) = judge({"Statement": open_statement}, test="reachable").grants
        assert set(grant.actions) == set(CAPABILITY_OF)
