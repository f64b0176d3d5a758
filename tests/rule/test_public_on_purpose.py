"""Repositories that are public on purpose: the tag of excludedPublicTag, its limits, and when tags are needed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import Verdict
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.public_on_purpose import exemption_of
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import evaluate_repository, needs_tags

KEY: Final = "dp:exclude:identity"
NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
BY_TAG: Final = {"excludedPublicTag": KEY}
PULL_SENTENCE: Final = "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * with no Condition."
FIX: Final = " Fix: ecr-exposure fix --repository app"


def policy(*actions: str, **elements: object) -> str:
    """Return a policy that allows everyone these actions, with further elements of its statement."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": list(actions), **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PULL: Final = policy("ecr:BatchGetImage")


def repository(text: Any = PULL, tags: Mapping[str, str] | None = None, **fields: Any) -> Repository:
    """Return a repository with this policy and these tags."""
    return Repository(account="444455556666", region="eu-west-1", name="app", arn="", policy=text, tags=tags, **fields)


def evaluated(
    text: Any, tags: Mapping[str, str] | None, *, now: datetime = NOON, parameters: Mapping[str, str] = BY_TAG
) -> Verdict:
    """Return the rule's verdict on a repository with this policy and these tags."""
    return evaluate_repository(repository(text, tags), read_parameters(parameters), now)


class TestTagValue:
    """The value of the tag is `true`, or the last day of the exception in UTC."""

    @pytest.mark.parametrize(
        ("value", "source"),
        [
            ("true", f'tag "{KEY}"'),
            ("2026-11-24", f'tag "{KEY}", last day 2026-11-24'),
            ("2026-11-25", f'tag "{KEY}", last day 2026-11-25'),
            ("2028-02-29", f'tag "{KEY}", last day 2028-02-29'),
            ("9999-12-31", f'tag "{KEY}", last day 9999-12-31'),
        ],
    )
    def test_true_and_a_day_that_has_not_passed_are_exceptions(self, value: str, source: str) -> None:
        verdict = evaluated(PULL, {KEY: value})
        assert verdict.compliance == "COMPLIANT"
        assert verdict.annotation == f"Public on purpose ({source}). {PULL_SENTENCE}"
        assert len(verdict.grants) == 1

    @pytest.mark.parametrize("value", ["2026-11-23", "2025-12-31", "0001-01-01"])
    def test_day_that_has_passed_is_no_exception_and_the_annotation_says_so(self, value: str) -> None:
        verdict = evaluated(PULL, {KEY: value})
        assert verdict.compliance == "NON_COMPLIANT"
        refusal = f'The tag "{KEY}" is no exception: its last day was {value}.'
        assert verdict.annotation == f"{PULL_SENTENCE} {refusal}{FIX}"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "false",
            "True",
            "TRUE",
            " true",
            "true ",
            "yes",
            "1",
            "2026-13-01",
            "2027-02-29",
            "2026-12-1",
            "26-12-31",
            "20261231",
            "2026-W52-4",
            "2026-12-31T00:00:00Z",
            " 2026-12-31",
            "2026-12-31\n",
            "12026-12-31",
            "0000-01-01",
            "٢٠٢٧-01-01",
            "31.12.2026",
        ],
    )
    def test_any_other_value_is_no_exception_and_the_annotation_says_so(self, value: str) -> None:
        verdict = evaluated(PULL, {KEY: value})
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.annotation.startswith(f'{PULL_SENTENCE} The tag "{KEY}" is no exception: "')
        assert verdict.annotation.endswith(f'" is neither true nor a day (YYYY-MM-DD).{FIX}')

    def test_last_day_ends_at_midnight_in_utc_whatever_the_time_zone_of_now(self) -> None:
        end = datetime(2026, 11, 24, 23, 59, 59, 999_999, tzinfo=UTC)
        after = end + timedelta(microseconds=1)
        for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
            for now, compliance in ((end, "COMPLIANT"), (after, "NON_COMPLIANT")):
                verdict = evaluated(PULL, {KEY: "2026-11-24"}, now=now.astimezone(zone))
                assert verdict.compliance == compliance, (zone, now)

    @given(st.text(max_size=256))
    def test_every_other_text_is_refused_in_a_printable_line(self, value: str) -> None:
        verdict = evaluated(PULL, {KEY: f"x{value}"})
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.annotation.isprintable()
        assert len(verdict.annotation) <= 256

    def test_lone_surrogate_does_not_reach_the_annotation_or_the_log(self) -> None:
        tagged = repository(PULL, {KEY: "\ud800"})
        assert "\ud800" not in evaluate_repository(tagged, read_parameters(BY_TAG), NOON).annotation
        assert "\ud800" not in str(exemption_of(tagged, read_parameters(BY_TAG), NOON))

    @pytest.mark.parametrize(
        ("value", "end"),
        [(256 * "v", "… is neither true nor a day (YYYY-MM-DD)."), ("2026-11-23", "its last day was 2026-11-23.")],
    )
    def test_longest_key_and_value_leave_room_for_subject_and_refusal(self, value: str, end: str) -> None:
        key = 128 * "k"
        annotation = evaluated(PULL, {key: value}, parameters={"excludedPublicTag": key}).annotation
        assert annotation.startswith("Everyone can pull: ")
        assert annotation.removesuffix(FIX).replace('"', "").endswith(end)

    def test_longest_key_leaves_room_for_the_grant(self) -> None:
        key = 128 * "k"
        annotation = evaluated(PULL, {key: "2027-01-01"}, parameters={"excludedPublicTag": key}).annotation
        assert annotation.startswith('Public on purpose (tag "kkkk')
        assert f'", last day 2027-01-01). {PULL_SENTENCE}' in annotation


class TestTagKey:
    """The key of the tag is compared exactly: tag keys are case sensitive."""

    @pytest.mark.parametrize("key", ["DP:exclude:identity", "dp:exclude:identity ", "dp:exclude", "other"])
    def test_other_key_is_no_exception_and_is_not_mentioned(self, key: str) -> None:
        verdict = evaluated(PULL, {key: "true"})
        assert (verdict.compliance, verdict.annotation) == ("NON_COMPLIANT", f"{PULL_SENTENCE}{FIX}")

    def test_key_in_another_case_does_not_replace_the_value(self) -> None:
        assert evaluated(PULL, {KEY.upper(): "true", KEY: "2026-11-23"}).compliance == "NON_COMPLIANT"

    def test_tag_without_the_parameter_is_no_exception(self) -> None:
        verdict = evaluated(PULL, {KEY: "true"}, parameters={})
        assert (verdict.compliance, verdict.annotation) == ("NON_COMPLIANT", f"{PULL_SENTENCE}{FIX}")

    def test_unknown_tags_are_no_exception_and_the_annotation_says_so(self) -> None:
        verdict = evaluated(PULL, None)
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.annotation == (
            f'{PULL_SENTENCE} The tag "{KEY}" is no exception: the tags of the repository are not known.{FIX}'
        )


TAG: Final = read_parameters(BY_TAG)
NAME: Final = read_parameters({"excludedPublicRepositories": "app"})
EACH_KIND: Final = pytest.mark.parametrize("parameters", [TAG, NAME], ids=["tag", "name"])


class TestLimits:
    """Both kinds of exception excuse pull and discover only."""

    @EACH_KIND
    @pytest.mark.parametrize(
        ("text", "compliance", "start"),
        [
            (PULL, "COMPLIANT", "Public on purpose ("),
            (policy("ecr:ListImages", "ecr:DescribeImages"), "COMPLIANT", "Public on purpose ("),
            (policy("ecr:GetAuthorizationToken"), "COMPLIANT", "Public on purpose ("),
            (policy("ecr:BatchGetImage", "ecr:PutImage"), "NON_COMPLIANT", "Everyone can push and pull: "),
            (policy("ecr:InitiateLayerUpload"), "NON_COMPLIANT", "Everyone can upload layers: "),
            (policy("ecr:BatchDeleteImage"), "NON_COMPLIANT", "Everyone can delete: "),
            (policy("ecr:TagResource"), "NON_COMPLIANT", "Everyone can configure: "),
            (policy("ecr:SetRepositoryPolicy"), "NON_COMPLIANT", "Everyone can administer: "),
            (policy("ecr:*"), "NON_COMPLIANT", "Everyone can administer, delete, push and pull: "),
            (policy("ecr:BatchGetImage", "ecr:FlyToTheMoon"), "NON_COMPLIANT", "Everyone can pull: "),
            (policy("ecr:FlyToTheMoon"), "NON_COMPLIANT", "Everyone is allowed an unknown action: "),
            ("{", "NON_COMPLIANT", "Cannot be evaluated: "),
            (policy("ecr:BatchGetImage", Effect="allow"), "NON_COMPLIANT", "Cannot be evaluated: "),
            (policy("ecr:*", Principal={"AWS": "444455556666"}), "COMPLIANT", "No statement grants access"),
            (None, "COMPLIANT", "The repository has no policy."),
        ],
    )
    def test_only_pull_and_discover_are_excused(
        self, parameters: RuleParameters, text: str | None, compliance: str, start: str
    ) -> None:
        verdict = evaluate_repository(repository(text, {KEY: "true"}), parameters, NOON)
        assert (verdict.compliance, verdict.annotation[: len(start)]) == (compliance, start)

    @EACH_KIND
    def test_one_grant_that_is_not_excused_keeps_the_repository_noncompliant(self, parameters: RuleParameters) -> None:
        statements = json.loads(PULL)["Statement"] + json.loads(policy("ecr:PutImage"))["Statement"]
        tagged = repository(json.dumps({"Statement": statements}), {KEY: "true"})
        assert evaluate_repository(tagged, parameters, NOON).compliance == "NON_COMPLIANT"

    @EACH_KIND
    def test_item_that_cannot_be_evaluated_stays_noncompliant(self, parameters: RuleParameters) -> None:
        unknown = repository(None, {KEY: "true"}, problem="configuration: null is not an object")
        verdict = evaluate_repository(unknown, parameters, NOON)
        assert (verdict.compliance, verdict.problem) == ("NON_COMPLIANT", "configuration: null is not an object")

    @pytest.mark.parametrize("test", ["reachable", "external"])
    def test_tag_excuses_what_the_other_tests_find(self, test: str) -> None:
        conditional = policy("ecr:BatchGetImage", Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})
        verdict = evaluated(conditional, {KEY: "true"}, parameters={**BY_TAG, "publicAccessTest": test})
        assert verdict.compliance == "COMPLIANT"
        assert verdict.annotation.startswith(f'Public on purpose (tag "{KEY}"). ')

    @pytest.mark.parametrize("text", [policy("ecr:*"), "{", None, policy("ecr:*", Principal={"AWS": "444455556666"})])
    @pytest.mark.parametrize("tags", [None, {KEY: "yes"}, {KEY: "2026-11-23"}])
    def test_wrong_tag_is_mentioned_only_where_a_right_one_would_excuse(
        self, text: str | None, tags: dict[str, str] | None
    ) -> None:
        """So the annotation of a periodic evaluation, which reads no other tags, is the same."""
        assert evaluated(text, tags) == evaluated(text, {KEY: "true"})


class TestSeveralSentences:
    """The sentence about the tag, with the hint and with the exception by name."""

    def test_repository_that_is_named_needs_no_tag(self) -> None:
        both = {**BY_TAG, "excludedPublicRepositories": "mirror,a*"}
        verdict = evaluated(PULL, {KEY: "2026-11-23"}, parameters=both)
        assert verdict.compliance == "COMPLIANT"
        assert verdict.annotation == f'Public on purpose (excludedPublicRepositories: "a*"). {PULL_SENTENCE}'

    def test_repository_that_is_not_named_can_have_the_tag(self) -> None:
        both = {**BY_TAG, "excludedPublicRepositories": "mirror"}
        assert evaluated(PULL, {KEY: "true"}, parameters=both).compliance == "COMPLIANT"

    def test_hint_does_not_cut_the_refusal_off(self) -> None:
        denied = json.loads(PULL)["Statement"] + [{"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGet*"}]
        annotation = evaluated(json.dumps({"Statement": denied}), {KEY: "yes"}).annotation
        assert annotation.startswith("Everyone can pull: ")
        assert " publicAccessTest=reachable" in annotation
        assert annotation.endswith(f' The tag "{KEY}" is no exception: "yes" is neither true nor a day (YYYY-MM-DD).')

    def test_hint_about_access_that_the_tag_excuses_is_left_out(self) -> None:
        conditional = policy("ecr:BatchGetImage", Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})
        assert "reachable" in evaluated(conditional, {}).annotation
        assert evaluated(conditional, {KEY: "true"}).annotation == (
            "No statement grants access to everyone without a Condition."
        )


def naming(key: str, operator: str = "StringEquals", value: str = "x", **elements: object) -> dict[str, Any]:
    """Return a policy that allows one account to pull under a condition on a key."""
    named = {"Principal": {"AWS": "444455556666"}, "Condition": {operator: {key: value}}, **elements}
    content: dict[str, Any] = json.loads(policy("ecr:BatchGetImage", **named))
    return content


class TestNeedsTags:
    """needs_tags: whether a periodic evaluation has to read the tags of a repository."""

    @staticmethod
    def asked(text: Any, parameters: RuleParameters = TAG, tags: Mapping[str, str] | None = None) -> bool:
        """Return the answer for a repository with this policy."""
        return needs_tags(repository(text, tags), parameters, NOON)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (PULL, True),
            (policy("ecr:ListImages"), True),
            (policy("ecr:BatchGetImage", "ecr:PutImage"), False),
            (policy("ecr:FlyToTheMoon"), False),
            ("{", False),
            (None, False),
            ("", False),
            (json.dumps(naming("aws:PrincipalOrgID")), False),
        ],
    )
    def test_repository_that_a_tag_could_excuse_needs_its_tags(self, text: str | None, *, expected: bool) -> None:
        assert self.asked(text) is expected
        assert self.asked(text, RuleParameters()) is False

    def test_repository_that_is_excused_by_name_needs_no_tags(self) -> None:
        both = read_parameters({**BY_TAG, "excludedPublicRepositories": "a*"})
        assert self.asked(PULL, both) is False

    def test_chosen_test_decides(self) -> None:
        conditional = policy("ecr:BatchGetImage", Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})
        assert self.asked(conditional) is False
        assert self.asked(conditional, read_parameters({**BY_TAG, "publicAccessTest": "reachable"})) is True

    @pytest.mark.parametrize(
        "text",
        [
            naming("aws:ResourceTag/team"),
            naming("ECR:resourcetag/Team"),
            naming("aws:ResourceTag/team", "Null", "true"),
            naming("aws:ResourceTag/team", Effect="Deny"),
            naming("aws:PrincipalTag/team", value="${aws:ResourceTag/team}"),
            naming("aws:PrincipalTag/team", "StringLike", "a-${ecr:ResourceTag/team, 'x'}-*"),
        ],
        ids=["condition key", "other case", "Null", "Deny", "variable", "variable with a default"],
    )
    def test_policy_that_names_a_resource_tag_needs_the_tags(self, text: dict[str, Any]) -> None:
        for parameters in (TAG, RuleParameters()):
            assert self.asked(text, parameters) is True
            assert self.asked(json.dumps(text), parameters) is True
            assert self.asked(json.dumps(text).replace("T", "\\u0054").replace("t", "\\u0074"), parameters) is True
            assert self.asked("".join(f"%{ord(character):02x}" for character in json.dumps(text)), parameters) is True

    @pytest.mark.parametrize(
        "text",
        [
            naming("aws:RequestTag/team"),
            naming("aws:PrincipalTag/team", value="aws:ResourceTag/team"),
            naming("aws:PrincipalTag/team", value="${aws:ResourceTag/team}") | {"Version": "2008-10-17"},
            naming("aws:PrincipalTag/team", Sid="aws:ResourceTag/team"),
            naming("s3:ResourceTag/team"),
        ],
        ids=["other key", "text", "no variables in 2008-10-17", "Sid", "other service"],
    )
    def test_policy_that_names_no_resource_tag_needs_none(self, text: dict[str, Any]) -> None:
        assert self.asked(text) is False
        assert self.asked(json.dumps(text)) is False

    def test_known_tags_are_not_needed_again(self) -> None:
        assert self.asked(PULL, tags={}) is False
        assert self.asked(naming("aws:ResourceTag/team"), tags={}) is False

    def test_item_that_cannot_be_evaluated_needs_none(self) -> None:
        unknown = repository(None, problem="configuration: null is not an object")
        assert needs_tags(unknown, TAG, NOON) is False
