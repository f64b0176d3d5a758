"""The runbook never changes a repository that is public on purpose: by its name or by a tag, as the rule reads them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure.parameters import read_parameters
from ecr_exposure.public_on_purpose import exemption_of
from ecr_exposure.repository import Repository
from tests.deployment.runbook_execution import REPOSITORY, OneRepository, one_repository, script
from tests.deployment.sam import REGION
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

OPEN: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}]})
KEY: Final = "dp:exclude:identity"
ARN: Final = f"arn:aws:ecr:{REGION}:{HUB}:repository/{REPOSITORY}"
ALPHABET: Final = "ab/.*?-"
DAY: Final = timedelta(days=1)
TAG_VALUES: Final = (
    "true True TRUE yes false 2026-02-30 2099-12-31 2000-01-01 0001-01-01 9999-12-31 99991231 2099-1-1 2099-W01-1"
).split()


@pytest.fixture
def repository() -> Iterator[OneRepository]:
    """Return a public repository."""
    with one_repository() as repository:
        repository.set_policy(OPEN)
        yield repository


def tagged(repository: OneRepository, **tags: str) -> None:
    """Tag the repository."""
    ecr = repository.organization.session(HUB, REGION).client("ecr")
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": key, "Value": value} for key, value in tags.items()])


class TestNames:
    """excludedPublicRepositories."""

    @pytest.mark.parametrize(
        "value",
        [REPOSITORY, "team/*", "*", "t??m/app", f"{HUB}:team/*", f"other,{HUB}:*", f"{MEMBERS[0]}:*,team/app"],
    )
    def test_excluded_repository_stays_as_it_is(self, repository: OneRepository, value: str) -> None:
        execution = repository.execute(excludedPublicRepositories=value)
        start = f"{REPOSITORY} is public on purpose, so its policy stays as it is: excludedPublicRepositories has "
        assert execution.failure.startswith(start)
        assert execution.failure.removeprefix(start) in value.split(",")
        assert repository.policy == OPEN

    @pytest.mark.parametrize("value", ["", "team", "team/ap", "*/", "app", f"{MEMBERS[0]}:*", "team/?"])
    def test_other_repository_is_closed(self, repository: OneRepository, value: str) -> None:
        assert repository.execute(excludedPublicRepositories=value).failure == ""
        assert repository.policy != OPEN

    @pytest.mark.parametrize("value", ["Team/app", "a:b", "team/[a-z]*", "111:team/app", "team/app;x", "a, b", ",a"])
    def test_value_that_the_rule_would_reject_is_refused_before_the_execution(
        self, repository: OneRepository, value: str
    ) -> None:
        with pytest.raises(ValueError, match="excludedPublicRepositories"):
            repository.execute(excludedPublicRepositories=value)
        assert repository.policy == OPEN

    def test_longest_value_is_accepted(self, repository: OneRepository) -> None:
        value = ",".join([*(3 * ["a" * 256]), "b" * 20, "team/app"])
        assert len(value) == 800
        assert repository.execute(excludedPublicRepositories=value).failure.endswith("has team/app")

    def test_excluded_repository_that_is_not_public_is_a_success(self, repository: OneRepository) -> None:
        assert repository.close(None, excludedPublicRepositories="*").failure == ""

    @given(
        patterns=st.lists(st.text(ALPHABET, min_size=1, max_size=8), min_size=1, max_size=3),
        accounts=st.lists(st.sampled_from(["", f"{HUB}:", f"{MEMBERS[0]}:"]), min_size=3, max_size=3),
        name=st.text("ab/.-", min_size=2, max_size=8),
    )
    def test_it_covers_exactly_what_the_rule_covers(self, patterns: list[str], accounts: list[str], name: str) -> None:
        value = ",".join(f"{account}{pattern}" for account, pattern in zip(accounts, patterns, strict=False))
        assert (excluded_by_the_script(value, "", name, {}) is not None) is excluded_by_the_rule(value, "", name, {})

    def test_pattern_with_many_stars_takes_no_long_search(self) -> None:
        value = "*a" * 120 + "b"
        assert excluded_by_the_script(value, "", "a" * 256, {}) is None


class TestTags:
    """excludedPublicTag."""

    @pytest.mark.parametrize("value", ["true", "2099-12-31"])
    def test_tagged_repository_stays_as_it_is(self, repository: OneRepository, value: str) -> None:
        tagged(repository, **{KEY: value, "team": "a"})
        execution = repository.execute(excludedPublicTag=KEY)
        assert execution.failure == (
            f"{REPOSITORY} is public on purpose, so its policy stays as it is: tag {KEY} is {value}"
        )
        assert repository.policy == OPEN

    @pytest.mark.parametrize("value", ["2020-12-31", "yes", "True"])
    def test_value_that_is_no_exception_excludes_nothing(self, repository: OneRepository, value: str) -> None:
        tagged(repository, **{KEY: value, "team": "true"})
        assert repository.execute(excludedPublicTag=KEY).failure == ""
        assert repository.policy != OPEN

    def test_last_day_includes_the_day(self) -> None:
        today = datetime.now(UTC).date()
        for day, excluded in ((today + DAY, True), (today - DAY, False)):
            assert (excluded_by_the_script("", KEY, REPOSITORY, {KEY: str(day)}) is not None) is excluded
        # The test may run at midnight.
        assert excluded_by_the_script("", KEY, REPOSITORY, {KEY: str(datetime.now(UTC).date())}) or (
            datetime.now(UTC).date() != today
        )

    def test_tags_are_not_read_without_the_parameter(self, repository: OneRepository) -> None:
        tagged(repository, **{KEY: "true"})
        repository.organization.calls.clear()
        assert repository.execute().failure == ""
        assert "ListTagsForResource" not in repository.operations()

    def test_tags_that_cannot_be_read_leave_the_policy_as_it_is(self, repository: OneRepository) -> None:
        with repository.organization.faults.inject(Fault("ecr", "ListTagsForResource", code="AccessDeniedException")):
            execution = repository.execute(excludedPublicTag=KEY)
        assert "AccessDeniedException" in execution.failure
        assert repository.policy == OPEN

    @given(
        tags=st.dictionaries(st.sampled_from([KEY, KEY.upper(), "team"]), st.sampled_from(TAG_VALUES), max_size=3),
        key=st.sampled_from(["", KEY, "team"]),
    )
    def test_it_reads_a_tag_exactly_as_the_rule(self, tags: dict[str, str], key: str) -> None:
        script_says = excluded_by_the_script("", key, REPOSITORY, tags) is not None
        assert script_says is excluded_by_the_rule("", key, REPOSITORY, tags)


def excluded_by_the_script(value: str, key: str, name: str, tags: dict[str, str]) -> Any:
    """Return the reason of the script's own matcher; None if the repository is not excluded."""
    listed = {"tags": [{"Key": each, "Value": text} for each, text in tags.items()]}
    ecr = SimpleNamespace(list_tags_for_resource=lambda **_: listed)
    events = {
        "RepositoryName": name,
        "excludedPublicRepositories": value,
        "excludedPublicTag": key,
        "Account": HUB,
        "Role": f"arn:aws:iam::{HUB}:role/EcrExposureEvaluation-Runbook",
        "Region": REGION,
    }
    return script()["exclusion"](ecr, events)


def excluded_by_the_rule(value: str, key: str, name: str, tags: dict[str, str]) -> bool:
    """Return whether the rule says that the repository is public on purpose."""
    parameters = read_parameters({"excludedPublicRepositories": value, "excludedPublicTag": key})
    arn = f"arn:aws:ecr:{REGION}:{HUB}:repository/{name}"
    repository = Repository(arn=arn, account=HUB, region=REGION, name=name, policy=None, tags=tags)
    exemption = exemption_of(repository, parameters, datetime.now(UTC))
    return exemption is not None and exemption.refusal is None
