"""``verify --expect-finding``, and how long the repository stays open for a finding."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tests.commands.deployed_rule import RULE, DeployedRule, deployed
from tests.local_aws.faults import Fault

ENABLED: Final = ({"RuleName": RULE, "RuleStatus": "ENABLED"},)
REFUSED: Final = json.dumps({"__type": "AccessDeniedException", "message": "no"})
MEDIUM: Final = "the finding arrived after 0 s: severity MEDIUM, FAILED"


def open_seconds(rule: DeployedRule, run: Callable[[], Any]) -> float:
    """Return for how long a repository was open during a run."""
    opened: list[float] = []
    closed: list[float] = []

    def note(times: list[float]) -> Callable[[object], bool]:
        def noted(_call: object) -> bool:
            times.append(rule.clock.seconds)
            return False

        return noted

    opening = Fault("ecr", "SetRepositoryPolicy", when=note(opened))
    closing = Fault("ecr", "DeleteRepositoryPolicy", when=note(closed))
    with rule.organization.faults.inject(opening), rule.organization.faults.inject(closing):
        run()
    assert len(opened) == 1
    return closed[-1] - opened[0]


class TestExpectedFinding:
    """The exit code follows the finding only with --expect-finding."""

    @pytest.mark.parametrize("label", ["CRITICAL", "critical"])
    def test_finding_with_the_label_verifies(self, label: str) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            status, output = rule.verify("--expect-finding", label)
            assert (status, rule.repositories()) == (0, ())
        assert output.splitlines()[-1].startswith("Verified: ")

    def test_finding_with_another_label_is_not_verified(self) -> None:
        with deployed() as rule:
            status, output = rule.verify("--expect-finding", "CRITICAL")
            assert (status, rule.repositories()) == (1, ())
        assert "COMPLIANT: The repository has no policy" in output
        assert output.splitlines()[-1] == f"Not verified: no FAILED finding with severity CRITICAL: {MEDIUM}"

    @pytest.mark.parametrize(
        ("services", "problem"),
        [
            ({"sends_findings": False}, "no finding arrived in 600 s"),
            (
                {"security_hub": False},
                "no finding can arrive: Security Hub is not enabled here, or this account has no access to it",
            ),
            (
                {"accepts_config": False, "sends_findings": False},
                "no finding can arrive: Security Hub does not accept findings of AWS Config here",
            ),
        ],
    )
    def test_missing_finding_is_not_verified(self, services: Mapping[str, bool], problem: str) -> None:
        with deployed() as rule:
            for name, value in services.items():
                setattr(rule.services, name, value)
            status, output = rule.verify("--expect-finding", "CRITICAL")
            assert (status, rule.repositories()) == (1, ())
        assert output.splitlines()[-1] == f"Not verified: no FAILED finding with severity CRITICAL: {problem}"

    def test_finding_that_is_still_passed_is_waited_for(self) -> None:
        """It has the severity that is expected, and AWS Config's latest evaluation has not arrived."""
        with deployed() as rule:
            rule.services.late = True
            rule.clock.during_sleeps = [*[lambda: None] * 3, lambda: setattr(rule.services, "late", False)]
            assert open_seconds(rule, lambda: rule.verify("--expect-finding", "MEDIUM")) == 40
            assert rule.verify("--expect-finding", "MEDIUM")[0] == 0

    def test_finding_that_stays_passed_is_not_verified(self) -> None:
        with deployed() as rule:
            rule.services.late = True
            status, output = rule.verify("--expect-finding", "MEDIUM")
            assert (status, rule.repositories()) == (1, ())
        problem = "no FAILED finding with severity MEDIUM: the finding arrived after 600 s: severity MEDIUM, not FAILED"
        assert output.splitlines()[-1] == f"Not verified: {problem}"

    def test_finding_that_cannot_be_read_is_not_seen(self) -> None:
        with deployed() as rule:
            refused = Fault("securityhub", "GetFindings", status=403, body=REFUSED, request_id=True, times=None)
            with rule.organization.faults.inject(refused):
                status, output = rule.verify("--expect-finding", "CRITICAL")
            assert (status, rule.repositories()) == (2, ())
        assert output.splitlines()[-1] == (
            "Not verified: no finding with severity CRITICAL was seen: the findings could not be read: "
            "AccessDeniedException: no (GetFindings)"
        )

    @pytest.mark.parametrize("services", [{"sends_findings": False}, {"security_hub": False}, {}])
    def test_without_the_option_no_finding_changes_the_exit_code(self, services: Mapping[str, bool]) -> None:
        with deployed() as rule:
            for name, value in services.items():
                setattr(rule.services, name, value)
            assert (rule.verify()[0], rule.repositories()) == (0, ())

    def test_rule_that_stays_compliant_is_not_verified_although_a_finding_is_expected(self) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False
            status, output = rule.verify("--minutes", "1", "--expect-finding", "CRITICAL")
        assert status == 1
        assert "Not verified: not NON_COMPLIANT within 1 minutes; " in output


class TestClosing:
    """The repository is closed as soon as nothing more can come; NON_COMPLIANT arrives after 10 s."""

    @pytest.mark.parametrize(
        ("services", "arguments", "seconds"),
        [
            pytest.param({"accepts_config": False, "sends_findings": False}, (), 10, id="no integration"),
            pytest.param({"accepts_config": False}, ("--expect-finding", "CRITICAL"), 10, id="not even if expected"),
            pytest.param({"security_hub": False}, ("--expect-finding", "CRITICAL"), 10, id="no Security Hub"),
            pytest.param({"severity": "HIGH"}, (), 10, id="an automation rule has changed it"),
            pytest.param({}, (), 10, id="no automation rule can change it"),
            pytest.param({"automation_rules": [{"RuleName": RULE, "RuleStatus": "DISABLED"}]}, (), 10,
                         id="the automation rule is disabled"),
            pytest.param({}, ("--expect-finding", "MEDIUM"), 10, id="it has the expected label"),
            pytest.param({"automation_rules": [*ENABLED]}, (), 130, id="an automation rule may change it"),
            pytest.param({}, ("--expect-finding", "CRITICAL"), 130, id="another label is expected"),
            pytest.param({"sends_findings": False}, (), 610, id="no finding"),
        ],
    )  # fmt: skip
    def test_repository_is_open_for_no_longer_than_needed(
        self, services: Mapping[str, Any], arguments: tuple[str, ...], seconds: float
    ) -> None:
        with deployed() as rule:
            for name, value in services.items():
                setattr(rule.services, name, value)
            assert open_seconds(rule, lambda: rule.verify(*arguments)) == seconds

    def test_integrations_that_cannot_be_read_do_not_close_it(self) -> None:
        refused = Fault("securityhub", "ListEnabledProductsForImport", status=403, body=REFUSED, times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            rule.services.sends_findings = False
            assert open_seconds(rule, rule.verify) == 610

    def test_refused_findings_close_it_at_once(self) -> None:
        refused = Fault("securityhub", "GetFindings", status=403, body=REFUSED, request_id=True, times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            assert open_seconds(rule, rule.verify) == 10


class TestPolling:
    """What is asked while it waits."""

    def test_each_look_is_one_call_about_the_one_repository(self) -> None:
        """Other repositories and their evaluations are not read."""
        with deployed() as rule:
            for number in range(250):
                rule.organization.create_repository(rule.account, rule.region, f"app-{number:03}")
            rule.clock.evaluate_changes()
            rule.services.severity = "CRITICAL"
            assert rule.verify()[0] == 0
            looks = [
                call for call in rule.organization.calls if call.service == "config" and "Details" in call.operation
            ]
        assert {call.operation for call in looks} == {"GetComplianceDetailsByResource"}
        # Before and after NON_COMPLIANT, before and after COMPLIANT.
        assert len(looks) == 4

    def test_evaluation_of_another_rule_does_not_count(self) -> None:
        """One page has the evaluations of all rules, here so many that the rule's own is on the second one."""
        others = tuple(f"a-{number:02}" for number in range(12))
        with deployed(rules=(*others, f"{RULE}-conformance-pack-abc12xyz9")) as rule:
            for other in others:
                rule.config.put_rule(rule.account, rule.region, other, {"excludedPublicRepositories": "*"})
            rule.services.severity = "CRITICAL"
            status, output = rule.verify()
            assert status == 0
        assert output.count("NON_COMPLIANT: Everyone can discover") == 1
        assert "excludedPublicRepositories" not in output

    def test_resource_that_config_does_not_know_yet_is_waited_for(self) -> None:
        """AWS does not document what it returns then."""
        unknown = Fault(
            "config", "GetComplianceDetailsByResource", code="InvalidParameterValueException", times=None,
            when=lambda _: rule.clock.seconds < 30,
        )  # fmt: skip
        with deployed() as rule, rule.organization.faults.inject(unknown):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "AWS Config cannot be read, trying again: InvalidParameterValueException" in output

    def test_what_is_open_since_when_and_the_time_left_are_told_each_minute(self) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False
            _, output = rule.verify("--minutes", "3.5")
        told = [line for line in output.splitlines() if "] Waiting for " in line]
        state = "Waiting for NON_COMPLIANT: NAME is open to everyone since TIME UTC"
        assert told == [
            f"[   60 s] {state}, 2 min left",
            f"[  120 s] {state}, 1 min left",
            f"[  180 s] {state}, 30 s left",
        ]

    def test_closed_repository_is_not_said_to_be_open(self) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            rule.clock.during_sleeps = [lambda: None, lambda: setattr(rule.clock, "evaluates", False)]
            _, output = rule.verify("--minutes", "2")
        assert "[   60 s] Waiting for COMPLIANT: NAME is closed, 1 min left\n" in output

    def test_repository_that_somebody_else_deleted_ends_the_run(self) -> None:
        with deployed() as rule:
            rule.services.sends_findings = False
            rule.clock.during_sleeps = [
                lambda: None,
                lambda: rule.organization.delete_repository(rule.account, rule.region, rule.repositories()[0]),
            ]
            status, output = rule.verify()
        assert status == 1
        assert output.splitlines()[-1] == (
            "Not verified: somebody else deleted the repository, so AWS Config cannot report COMPLIANT for it"
        )
