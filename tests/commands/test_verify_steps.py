"""``verify`` with the real handler behind it: each step, the time limit, and the finding in Security Hub."""

import json
import re
from typing import Final

import pytest

from ecr_exposure.cli.verification.temporary_repository import PUBLIC_POLICY
from tests.commands.deployed_rule import (
    ACCOUNT_RULE,
    HOME,
    NAMES,
    ORGANIZATION_RULE,
    PACK,
    REQUIRES_ORGANIZATION,
    RULE,
    deployed,
)
from tests.local_aws.organization import HUB

# AWS Config's annotations are the rule's own; only how they begin matters here.
STEPS: Final = """\
Account 111122223333 as arn:aws:sts::111122223333:assumed-role/function-role/local-aws, eu-west-1
Stack verify: ecr-repository-no-public-access as {deployed_as}
Rule in account 111122223333, eu-west-1: {rule}
This run creates an empty repository in account 111122223333, eu-west-1, opens it to everyone \
(ecr:DescribeRepositories and nothing else) for at most 30 minutes, closes and deletes it
It makes a real finding: AWS Config reports NON_COMPLIANT, and Security Hub may get a FAILED finding, which an \
automation rule may make CRITICAL; everyone whom you notify of findings is notified
[    0 s] Creating and deleting NAME, to prove the permission to clean up
[    0 s] Creating the empty repository NAME
[    0 s] NAME is open to everyone since TIME UTC (ecr:DescribeRepositories and nothing else); waiting for \
NON_COMPLIANT, 30 min left
[   10 s] NON_COMPLIANT: Everyone can discover: statement "Verify" allows ecr:DescribeRepositories to *…
[   10 s] Searching Security Hub for the finding, 29 min left
[   10 s] The finding arrived after 0 s: severity CRITICAL, FAILED
[   10 s] Closed NAME, open since TIME UTC: deleted its policy; waiting for COMPLIANT, 29 min left
[   20 s] COMPLIANT: The repository has no policy…
[   20 s] Deleted the repository NAME
What this run shows about AWS behavior that is undocumented:
"""
VERIFIED: Final = "Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted.\n"


class TestSteps:
    """From the empty repository to its deletion."""

    @pytest.mark.parametrize("deployed_as", [PACK, ORGANIZATION_RULE, ACCOUNT_RULE])
    def test_working_rule_is_verified_and_nothing_is_left(self, deployed_as: str) -> None:
        with deployed(deployed_as) as rule:
            rule.services.severity = "CRITICAL"
            status, output = rule.verify()
            shortened = re.sub(r"(ecr:DescribeRepositories to \*|The repository has no policy).*", r"\1…", output)
            assert shortened.startswith(STEPS.format(deployed_as=deployed_as, rule=NAMES[deployed_as]))
            assert output.endswith(VERIFIED)
            assert status == 0
            assert rule.repositories() == ()
            changes = [name for name in rule.changes() if name not in {"AssumeRole", "PutEvaluations"}]
        proof = ["CreateRepository", "DeleteRepositoryPolicy", "DeleteRepository"]
        check = ["CreateRepository", "SetRepositoryPolicy", "DeleteRepositoryPolicy", "DeleteRepository"]
        assert changes == [*proof, *check]

    def test_policy_grants_everyone_one_harmless_action(self) -> None:
        (statement,) = json.loads(PUBLIC_POLICY)["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
            "Allow",
            "*",
            "ecr:DescribeRepositories",
        )

    @pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
    def test_rule_in_another_partition_is_verified(self, region: str) -> None:
        with deployed(ACCOUNT_RULE, region=region) as rule:
            rule.services.function_policy = {"Statement": [REQUIRES_ORGANIZATION]}
            status, output = rule.verify("--region", region)
            assert (status, rule.repositories()) == (0, ())
        assert "Yes: Does AWS Config send aws:SourceOrgID" in output

    def test_compliant_at_first_is_waited_out(self) -> None:
        """AWS Config may have recorded the repository before its policy."""
        with deployed() as rule:

            def remove_policy() -> None:
                (name,) = rule.repositories()
                rule.organization.set_policy(HUB, HOME, name, None)
                rule.clock.during_sleeps.append(lambda: rule.organization.set_policy(HUB, HOME, name, PUBLIC_POLICY))

            rule.clock.during_sleeps.append(remove_policy)
            status, output = rule.verify()
            assert status == 0
        assert "[   10 s] COMPLIANT: The repository has no policy" in output
        assert "[   20 s] NON_COMPLIANT: Everyone can discover" in output

    def test_policy_that_somebody_else_deleted_is_no_problem(self) -> None:
        with deployed() as rule:
            rule.services.sends_findings = False
            rule.clock.during_sleeps = [
                lambda: None,
                lambda: rule.organization.set_policy(HUB, HOME, rule.repositories()[0], None),
            ]
            status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "its policy was already deleted by somebody else; waiting for COMPLIANT" in output

    def test_other_repositories_are_not_touched(self) -> None:
        with deployed() as rule:
            rule.organization.create_repository(HUB, HOME, "team/app", PUBLIC_POLICY)
            rule.clock.evaluate_changes()
            status, _ = rule.verify()
            assert (status, rule.repositories()) == (0, ("team/app",))
            assert {call.repository for call in rule.organization.calls if call.service == "ecr"} & {
                "team/app"
            } == set()

    def test_evaluation_on_a_later_page_is_found(self) -> None:
        with deployed() as rule:
            for number in range(120):
                rule.organization.create_repository(HUB, HOME, f"app-{number:03}")
            rule.clock.evaluate_changes()
            status, _ = rule.verify()
        assert status == 0


class TestDryRun:
    """``--dry-run``."""

    def test_steps_are_printed_and_nothing_is_created(self) -> None:
        with deployed() as rule:
            status, output = rule.verify("--dry-run", "--minutes", "7.5")
            assert status == 0
            assert {(call.service, call.operation) for call in rule.organization.calls} == {
                ("sts", "GetCallerIdentity"),
                ("cloudformation", "DescribeStacks"),
                ("config", "DescribeConfigRules"),
                ("ecr", "DescribeRepositories"),
            }
        assert output.splitlines()[3:] == [
            "[    0 s] Would create an empty repository ecr-exposure-verify-<12 random characters> in account "
            "111122223333, eu-west-1 and delete it, to prove the permission to clean up",
            "[    0 s] Would create another one with the tag ecr-exposure-verify-started",
            "[    0 s] Would set a policy that grants everyone ecr:DescribeRepositories and nothing else",
            "[    0 s] Would wait for NON_COMPLIANT (time limit of all steps: 7.5 minutes)",
            "[    0 s] Would search Security Hub for its finding, a real one: AWS Config reports NON_COMPLIANT, and "
            "Security Hub may get a FAILED finding, which an automation rule may make CRITICAL",
            "[    0 s] Would delete its policy and wait for COMPLIANT",
            "[    0 s] Would delete the repository (after an error, at the time limit and on an interrupt: first its "
            "policy)",
            "[    0 s] Would print what the run shows about AWS behavior that is undocumented, and the status of the "
            "stack",
            "Dry run: nothing was created or deleted.",
        ]


class TestTimeLimit:
    """``--minutes``."""

    def test_missing_evaluation_is_not_verified(self) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False
            status, output = rule.verify("--minutes", "2")
            assert (status, rule.repositories()) == (1, ())
        assert "[  120 s] Deleted the repository NAME" in output
        assert output.endswith(
            "Not verified: not NON_COMPLIANT within 2 minutes; there was no evaluation. Does the "
            "configuration recorder record AWS::ECR::Repository, and continuously? The function's log: aws logs tail "
            "verify-RuleLogGroup-1A2B3C --since 1h --region eu-west-1\n"
        )
        question = (
            "Not answered: Does the response to PutEvaluations have a request id, so that the function accepts it?"
        )
        assert f"{question} There was no evaluation\n" in output

    def test_time_that_passes_between_two_readings_is_never_slept_below_zero(self) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False

            def now() -> float:
                rule.clock.seconds += 0.75
                return rule.clock.seconds

            rule.clock.now = now  # type: ignore[method-assign]  # time passes
            for minutes in ("1", "1.01", "1.02", "1.03", "1.04", "1.05"):
                assert rule.verify("--minutes", minutes)[0] == 1
                assert rule.repositories() == ()

    def test_repository_that_stays_non_compliant_is_not_verified(self) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"

            def stop() -> None:
                rule.clock.evaluates = False

            rule.clock.during_sleeps = [lambda: None, stop]
            status, output = rule.verify("--minutes", "3")
            assert (status, rule.repositories()) == (1, ())
        assert "Not verified: not COMPLIANT within 3 minutes; the last was NON_COMPLIANT: Everyone" in output


class TestSecurityHubFinding:
    """The search for the finding."""

    @pytest.mark.parametrize(
        ("minutes", "answer"),
        [
            ("30", "No: Do findings of {} reach Security Hub? No finding arrived in 600 s; AWS says"),
            ("5", "Not answered: Do findings of {} reach Security Hub? No finding arrived in 145 s; 600 s would"),
        ],
    )
    def test_missing_finding_is_an_answer_and_no_failure(self, minutes: str, answer: str) -> None:
        with deployed(ACCOUNT_RULE) as rule:
            rule.services.sends_findings = False
            status, output = rule.verify("--minutes", minutes)
            assert (status, rule.repositories()) == (0, ())
        assert answer.format("a rule of a single account") in output

    def test_automation_rule_that_is_late_is_waited_for(self) -> None:
        with deployed() as rule:
            rule.services.automation_rules = [{"RuleName": RULE, "RuleStatus": "ENABLED"}]
            raise_severity = lambda: setattr(rule.services, "severity", "CRITICAL")  # noqa: E731 - one line reads better
            rule.clock.during_sleeps = [*[lambda: None] * 5, raise_severity]
            status, output = rule.verify()
        assert status == 0
        assert "[   60 s] The finding arrived after 0 s: severity CRITICAL, FAILED" in output

    def test_finding_that_stays_medium_is_an_answer(self) -> None:
        with deployed() as rule:
            rule.services.automation_rules = [
                {"RuleName": "another", "RuleStatus": "ENABLED"},
                {"RuleName": RULE, "RuleStatus": "ENABLED"},
            ]
            status, output = rule.verify()
        assert status == 0
        assert "[  130 s] The finding arrived after 0 s: severity MEDIUM, FAILED" in output
        assert "No: Does the criterion ComplianceStatus FAILED of an automation rule match them? The finding" in output

    def test_disabled_security_hub_leaves_its_questions_open(self) -> None:
        with deployed() as rule:
            rule.services.security_hub = False
            status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert (
            "[   10 s] No finding can arrive: Security Hub is not enabled here, or this account has no access to it\n"
            in output
        )
        assert output.count("Security Hub is not enabled here") == 3
