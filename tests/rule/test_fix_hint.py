"""The command that closes a repository: last in the annotation where it fits, always in the log."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import Verdict, judge
from ecr_exposure.annotation import with_fix
from ecr_exposure.findings.access_tests import TESTS
from ecr_exposure.parameters import read_parameters
from ecr_exposure.repository import Repository
from ecr_exposure.search import TooComplexError
from ecr_exposure.verdict import evaluate_repository
from tests.benchmarks.worst_policies import POLICIES
from tests.rule.member_account import (
    CLOSED,
    EXPLICIT_DENY,
    EXTERNAL_ACCOUNT,
    FOR_ALL_VALUES,
    MEMBER,
    OPEN,
    PULL,
    REGION,
    deployed,
)

FIX: Final = " Fix: ecr-exposure fix --repository "
SENTENCE: Final = "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * with no Condition."
EXTERNAL: Final = {"publicAccessTest": "external"}
REACHABLE: Final = {"publicAccessTest": "reachable"}
TAG: Final = {"excludedPublicTag": "public"}
STATEMENT: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
DENY: Final = {"Effect": "Deny", "Principal": "*", "Action": "*"}
OTHER_ACCOUNT: Final = {**STATEMENT, "Principal": {"AWS": "999988887777"}}


def evaluated(
    policy: object, parameters: Mapping[str, str] | None = None, *, name: str = "team/app", **fields: Any
) -> Verdict:
    """Return the rule's verdict on a repository with this name and policy."""
    repository = Repository(account=MEMBER, region=REGION, name=name, arn="", policy=policy, **fields)
    return evaluate_repository(repository, read_parameters(parameters or {}), datetime(2026, 11, 27, tzinfo=UTC))


def policy_of(*statements: Mapping[str, object]) -> str:
    """Return a policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class TestRoom:
    """The command is at the end, whole or not at all, and nothing is shortened for it."""

    def test_command_names_the_repository_with_its_namespaces(self) -> None:
        verdict = evaluated(PULL, name="team/checkout/api")
        assert verdict.annotation == f"{SENTENCE}{FIX}team/checkout/api"
        assert verdict.fix == "ecr-exposure fix --repository team/checkout/api"

    def test_256_characters_fit_and_257_do_not(self) -> None:
        name = "n" * (256 - len(SENTENCE) - len(FIX))
        assert evaluated(PULL, name=name).annotation == f"{SENTENCE}{FIX}{name}"
        assert len(evaluated(PULL, name=name).annotation) == 256
        longer = evaluated(PULL, name=f"{name}n")
        assert longer.annotation == SENTENCE
        assert longer.fix == f"ecr-exposure fix --repository {name}n"

    def test_number_of_further_grants_ends_with_a_full_stop_before_it(self) -> None:
        assert evaluated(policy_of(STATEMENT, STATEMENT)).annotation == f"{SENTENCE} +1 more.{FIX}team/app"

    def test_cut_text_gets_no_full_stop_before_it(self) -> None:
        assert with_fix("Everyone can pull:…", "ecr-exposure fix") == "Everyone can pull:… Fix: ecr-exposure fix"

    def test_sid_and_actions_are_not_shortened_for_it(self) -> None:
        sid = "x" * 60
        actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        text = (
            f'Everyone can pull: statement "{sid}" allows ecr:BatchGetImage and ecr:GetDownloadUrlForLayer to * '
            "with no Condition."
        )
        name = "n" * (257 - len(text) - len(FIX))
        assert evaluated(policy_of({**STATEMENT, "Sid": sid, "Action": actions}), name=name).annotation == text


class TestOrder:
    """A hint, an advisory and a refused exemption come before it."""

    def test_hint_comes_before_it(self) -> None:
        assert evaluated(policy_of(STATEMENT, DENY)).annotation == (
            f"{SENTENCE} publicAccessTest=reachable, which evaluates actions and Deny statements, finds no public "
            f"access.{FIX}team/app"
        )

    def test_advisory_comes_before_it(self) -> None:
        service = {**STATEMENT, "Principal": {"Service": "lambda.amazonaws.com"}}
        assert evaluated(policy_of(STATEMENT, service)).annotation == (
            f"{SENTENCE} Note: Statement[1] allows lambda.amazonaws.com to act for any customer (confused deputy): "
            "fix aws:SourceAccount, aws:SourceArn or aws:SourceOrgID."
        )
        malformed = {**STATEMENT, "Principal": {"AWS": "1234"}}
        assert evaluated(policy_of(STATEMENT, malformed), REACHABLE).annotation == (
            f'{SENTENCE} Note: Statement[1].Principal.AWS: "1234" is not an account id of 12 digits.{FIX}team/app'
        )

    def test_refused_exemption_comes_before_it(self) -> None:
        refused = evaluated(PULL, TAG, tags={"public": "2026-11-26"})
        assert refused.annotation == (
            f'{SENTENCE} The tag "public" is no exception: its last day was 2026-11-26.{FIX}team/app'
        )


class TestWhichRepositories:
    """Only repositories that the rule flags and that the command closes have it."""

    @pytest.mark.parametrize(
        ("policy", "parameters"),
        [
            (OPEN, {}),
            (policy_of({**STATEMENT, "Action": "ecr:GetAuthorizationToken"}), {}),
            (policy_of({**STATEMENT, "Principal": {"AWS": "arn:aws:iam::*:root"}}), {}),
            (EXPLICIT_DENY, {}),
            (OPEN, REACHABLE),
            (FOR_ALL_VALUES, REACHABLE),
        ],
    )
    def test_public_access_has_the_command(self, policy: str, parameters: dict[str, str]) -> None:
        verdict = evaluated(policy, parameters)
        assert (verdict.compliance, verdict.fix) == ("NON_COMPLIANT", "ecr-exposure fix --repository team/app")

    @pytest.mark.parametrize(
        ("policy", "is_public"),
        [
            (EXTERNAL_ACCOUNT, False),
            (policy_of({**OTHER_ACCOUNT, "Action": "ecr:*"}, OTHER_ACCOUNT), False),
            # A fixed organization, and a fixed network: access for named callers, outside the zone of trust.
            (FOR_ALL_VALUES.replace("ForAllValues:", ""), False),
            (policy_of({**STATEMENT, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}), False),
            (policy_of(OTHER_ACCOUNT, STATEMENT), True),
            # `reachable` alone finds it.
            (FOR_ALL_VALUES, True),
            # `unconditional` alone finds it.
            (EXPLICIT_DENY, True),
        ],
    )
    def test_external_access_has_the_command_only_if_some_of_it_is_public(
        self, policy: str, *, is_public: bool
    ) -> None:
        verdict = evaluated(policy, EXTERNAL)
        assert verdict.compliance == "NON_COMPLIANT"
        assert verdict.fix == ("ecr-exposure fix --repository team/app" if is_public else None)
        assert ("Fix:" in verdict.annotation) is is_public

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    @pytest.mark.parametrize(
        ("policy", "compliance"),
        [(CLOSED.replace("111122223333", MEMBER), "COMPLIANT"), (None, "COMPLIANT"), ("{", "NON_COMPLIANT")],
    )
    def test_no_public_access_and_no_evaluation_have_none(self, test: str, policy: str | None, compliance: str) -> None:
        verdict = evaluated(policy, {"publicAccessTest": test})
        assert (verdict.compliance, verdict.fix) == (compliance, None)
        assert "Fix:" not in verdict.annotation

    def test_unknown_policy_has_none(self) -> None:
        verdict = evaluated(None, problem="access to its policy is denied")
        assert (verdict.annotation, verdict.fix) == ("Cannot be evaluated: access to its policy is denied", None)

    @pytest.mark.parametrize(
        "policy",
        [
            policy_of(*POLICIES["account ids inside patterns"]["Statement"], STATEMENT),
            policy_of(STATEMENT, DENY, {**STATEMENT, "Principal": {"AWS": "1234"}}),
        ],
        ids=["too complex", "malformed principal"],
    )
    def test_policy_that_only_the_other_test_cannot_evaluate_has_it(self, policy: str) -> None:
        verdict = evaluated(policy)
        assert judge(policy, test="reachable").problem is not None
        assert (verdict.problem, verdict.fix) == (None, "ecr-exposure fix --repository team/app")

    def test_external_access_that_reachable_cannot_evaluate_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def too_complex(*_: object) -> bool:
            raise TooComplexError("more than 200,000 steps")

        monkeypatch.setattr("ecr_exposure.verdict.REACHABLE", TESTS["reachable"]._replace(finds_any=too_complex))
        verdict = evaluated(EXTERNAL_ACCOUNT, EXTERNAL)
        assert (verdict.compliance, verdict.problem, verdict.fix) == ("NON_COMPLIANT", None, None)

    @pytest.mark.parametrize("parameters", [TAG, {"excludedPublicRepositories": "team/*"}])
    def test_repository_that_is_public_on_purpose_has_none(self, parameters: dict[str, str]) -> None:
        verdict = evaluated(PULL, parameters, tags={"public": "true"})
        assert (verdict.compliance, verdict.fix) == ("COMPLIANT", None)
        assert "Fix:" not in verdict.annotation

    def test_repository_that_is_public_on_purpose_and_grants_more_has_it(self) -> None:
        verdict = evaluated(OPEN, {"excludedPublicRepositories": "team/*"})
        assert verdict.annotation.endswith(f"{FIX}team/app")

    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    @pytest.mark.parametrize("name", ["ab", "a--b", "a__b/c.d_e", "1/2/3", "n" * 256])
    def test_every_name_of_ecr_has_it(self, name: str) -> None:
        assert evaluated(PULL, name=name).fix == f"ecr-exposure fix --repository {name}"

    @pytest.mark.parametrize(
        "name",
        [
            *("", "a", "n" * 257, "Team/app", "app;reboot", "$(id)", "a b", "-p", "/app", "app/", "a//b", "a___b"),
            *("a..b", "app\n", "äpp", "arn:aws:ecr:eu-west-1:444455556666:repository/app"),
        ],
    )
    def test_name_that_ecr_does_not_take_has_none(self, name: str) -> None:
        verdict = evaluated(PULL, name=name)
        assert (verdict.annotation, verdict.fix) == (SENTENCE, None)

    def test_judge_knows_no_repository(self) -> None:
        verdict = judge(PULL)
        assert (verdict.annotation, verdict.fix) == (SENTENCE, None)


class TestEvents:
    """The same command in the dashboard and the log, whatever the event."""

    ANNOTATION = f"{SENTENCE}{FIX}team/app"

    @pytest.mark.parametrize("kind", ["change", "oversized"])
    def test_event_about_one_repository_reports_and_logs_it(self, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as member:
            member.create("team/app", PULL)
            getattr(member.config, f"deliver_{kind}")(MEMBER, REGION, "team/app")
            assert member.dashboard() == {"team/app": ("NON_COMPLIANT", self.ANNOTATION)}
        assert logged(caplog) == {"team/app is NON_COMPLIANT": "ecr-exposure fix --repository team/app"}

    def test_periodic_evaluation_reports_and_logs_it(self, caplog: pytest.LogCaptureFixture) -> None:
        long_name = f"team/{'n' * 200}"
        with deployed() as member:
            for name, policy in {"team/app": PULL, long_name: PULL, "closed": CLOSED, "broken": "{"}.items():
                member.create(name, policy)
            member.config.deliver_scheduled(MEMBER, REGION)
            dashboard = member.dashboard()
        assert dashboard["team/app"] == ("NON_COMPLIANT", self.ANNOTATION)
        assert dashboard[long_name] == ("NON_COMPLIANT", SENTENCE)
        assert logged(caplog) == {
            "team/app is NON_COMPLIANT": "ecr-exposure fix --repository team/app",
            f"{long_name} is NON_COMPLIANT": f"ecr-exposure fix --repository {long_name}",
        }


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """Return the command in each line of the log that has one, by the line's message."""
    return {record.getMessage(): vars(record)["fix"] for record in caplog.records if hasattr(record, "fix")}
