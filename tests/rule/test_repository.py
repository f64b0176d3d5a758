"""The tags of a repository, as a configuration item or the ECR API gives them."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from ecr_exposure.repository import repository_of_api, repository_of_item, tags_of_list

TAGS: Final = [{"Key": "team", "Value": "blue"}, {"Key": "Team", "Value": ""}]


def tags_of_item(configuration: object, **fields: object) -> Mapping[str, str] | None:
    """Return the tags of the repository of an item with this configuration and these further fields."""
    return repository_of_item({"resourceId": "team/app", "configuration": configuration, **fields}).tags


class TestTagsOfAnItem:
    """Tags come from configuration.Tags, and from the item's tags if the configuration has none."""

    def test_configuration_has_a_list_of_key_and_value(self) -> None:
        assert tags_of_item({"Arn": "a", "Tags": TAGS}) == {"team": "blue", "Team": ""}

    def test_configuration_of_a_history_item_is_json_text(self) -> None:
        assert tags_of_item(json.dumps({"Arn": "a", "Tags": TAGS})) == {"team": "blue", "Team": ""}

    @pytest.mark.parametrize("configuration", [{"Arn": "a"}, {"Arn": "a", "Tags": None}, None, "{"])
    def test_configuration_without_tags_leaves_those_of_the_item(self, configuration: object) -> None:
        assert tags_of_item(configuration, tags={"team": "red"}) == {"team": "red"}

    def test_configuration_comes_before_the_item(self) -> None:
        assert tags_of_item({"Arn": "a", "Tags": []}, tags={"team": "red"}) == {}

    @pytest.mark.parametrize("tags", [{}, {"team": ""}])
    def test_empty_tags_and_empty_values_are_known(self, tags: dict[str, str]) -> None:
        assert tags_of_item({"Arn": "a"}, tags=tags) == tags

    def test_item_without_any_tags_leaves_them_unknown(self) -> None:
        assert tags_of_item({"Arn": "a"}) is None

    @pytest.mark.parametrize("tags", [None, [], ["team"], "team", 7, {"team": None}, {"team": ["blue"]}])
    def test_malformed_tags_of_the_item_are_unknown(self, tags: Any) -> None:
        assert tags_of_item({"Arn": "a"}, tags=tags) is None

    @pytest.mark.parametrize("tags", [{}, {"team": "blue"}, "team", 7, ["team"], [TAGS], [{"key": "a", "value": "b"}]])
    def test_malformed_tags_of_the_configuration_are_unknown(self, tags: Any) -> None:
        """Not those of the item instead: which of the two is right cannot be decided."""
        assert tags_of_item({"Arn": "a", "Tags": tags}, tags={"team": "red"}) is None

    def test_malformed_tags_are_no_problem_of_the_policy(self) -> None:
        item = {"resourceId": "team/app", "configuration": {"Arn": "a", "RepositoryPolicyText": "{}", "Tags": 7}}
        repository = repository_of_item(item)
        assert (repository.policy, repository.problem) == ("{}", None)


class TestTagsOfAList:
    """tags_of_list, the form of ecr:ListTagsForResource."""

    @pytest.mark.parametrize(
        "tag", [{"Key": "team"}, {"Value": "blue"}, {"Key": "team", "Value": None}, {"Key": 7, "Value": "blue"}, None]
    )
    def test_one_malformed_tag_makes_all_unknown(self, tag: Any) -> None:
        assert tags_of_list([*TAGS, tag]) is None

    def test_two_values_for_one_key_are_unknown(self) -> None:
        assert tags_of_list([*TAGS, {"Key": "team", "Value": "green"}]) is None
        assert tags_of_list([*TAGS, {"Key": "team", "Value": "blue"}]) == {"team": "blue", "Team": ""}

    def test_no_tags_are_known(self) -> None:
        assert tags_of_list([]) == {}


def test_repository_of_the_api_has_unknown_tags() -> None:
    arn = "arn:aws:ecr:eu-west-1:444455556666:repository/team/app"
    assert repository_of_api("team/app", arn, None).tags is None
