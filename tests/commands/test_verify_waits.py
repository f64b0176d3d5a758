"""``verify`` while it waits: a fault that may pass is "nothing seen yet", a refusal ends the run at once."""

import json
from typing import Any, Final

import pytest

from tests.commands.deployed_rule import HOME, NAMES, PACK, RULE, DeployedRule, deployed
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB

EVALUATIONS: Final = ("config", "GetComplianceDetailsByResource")
FINDINGS: Final = ("securityhub", "GetFindings")
PASSING: Final[dict[str, dict[str, Any]]] = {
    "throttled": {"code": "ThrottlingException", "message": "Rate exceeded"},
    "too many requests": {"status": 429, "code": "TooManyRequests"},
    "server error": {"status": 500, "code": "InternalFailure"},
    "unavailable": {"status": 503, "body": "<html>busy</html>"},
    **{connection.value: {"connection": connection} for connection in Connection},
    "proxy's page": {"status": 200, "body": "<html>proxy</html>"},
    "cut off": {"status": 200, "body": '{"EvaluationResults": [', "request_id": True},
    "empty object": {"status": 200, "body": "{}", "request_id": True},
}
REFUSALS: Final = ("AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException")


def until(rule: DeployedRule, seconds: float, service: str, operation: str, how: dict[str, Any]) -> Fault:
    """Return a fault of every call until then."""

    def early(_call: Call) -> bool:
        return rule.clock.seconds < seconds

    return Fault(service, operation, times=None, when=early, **how)


def as_rest_json(how: dict[str, Any]) -> dict[str, Any]:
    """Return the same fault in the protocol of Security Hub."""
    if "code" not in how:
        return how
    body = json.dumps({"__type": how["code"], "message": how.get("message", "")})
    return {"status": how.get("status", 400), "body": body, "request_id": True}


class TestEvaluation:
    """The wait for AWS Config."""

    @pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
    def test_fault_that_passes_is_waited_out(self, how: dict[str, Any]) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with rule.organization.faults.inject(until(rule, 60, *EVALUATIONS, how)):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert output.count("AWS Config cannot be read, trying again: ") == 1
        assert "[   60 s] NON_COMPLIANT: Everyone can discover" in output

    @pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
    def test_fault_that_lasts_until_the_time_limit_is_not_done(self, how: dict[str, Any]) -> None:
        with deployed() as rule:
            with rule.organization.faults.inject(Fault(*EVALUATIONS, times=None, **how)):
                status, output = rule.verify("--minutes", "2")
            assert (status, rule.repositories()) == (2, ())
        assert "[  120 s] Deleted the repository NAME\n" in output
        last = output.splitlines()[-1]
        assert last.startswith("Not verified: AWS Config could not be read at the end of 2 minutes (")
        assert last.endswith("; there was no evaluation")

    def test_fault_that_ends_before_the_time_limit_is_not_verified(self) -> None:
        """AWS Config could be read at the end, and there was no evaluation."""
        with deployed() as rule:
            rule.clock.evaluates = False
            with rule.organization.faults.inject(until(rule, 110, *EVALUATIONS, PASSING["throttled"])):
                status, output = rule.verify("--minutes", "2")
            assert (status, rule.repositories()) == (1, ())
        assert "Not verified: not NON_COMPLIANT within 2 minutes; there was no evaluation." in output

    def test_fault_that_begins_again_is_reported_again(self) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False
            sometimes = Fault(*EVALUATIONS, times=None, when=lambda _: rule.clock.seconds in {10, 20, 40})
            with rule.organization.faults.inject(sometimes):
                status, output = rule.verify("--minutes", "1")
        assert status == 1
        assert output.count("AWS Config cannot be read, trying again: ") == 2

    @pytest.mark.parametrize("how", ["deleted", "being deleted"])
    def test_rule_that_is_deleted_meanwhile_ends_the_wait(self, how: str) -> None:
        """No evaluation can come any more, so the repository need not stay open until the time limit."""
        body = json.dumps({"ConfigRules": [{"ConfigRuleName": NAMES[PACK], "ConfigRuleState": "DELETING"}]})
        with deployed() as rule:

            def delete() -> None:
                if how == "deleted":
                    rule.config.delete_rule(HUB, HOME, NAMES[PACK])

            rule.clock.evaluates = False
            rule.clock.during_sleeps = [delete]
            deleting = Fault(
                "config", "DescribeConfigRules", status=200, body=body, request_id=True, times=None,
                when=lambda _: how == "being deleted" and rule.clock.seconds > 0,
            )  # fmt: skip
            with rule.organization.faults.inject(deleting):
                status, output = rule.verify()
            assert (status, rule.repositories(), rule.clock.seconds) == (1, (), 60)
        assert output.splitlines()[-1] == (
            f"Not verified: the rule {NAMES[PACK]} was deleted meanwhile, so no evaluation can come any more"
        )

    @pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
    def test_rule_that_cannot_be_read_meanwhile_ends_nothing(self, how: dict[str, Any]) -> None:
        with deployed() as rule:
            rule.clock.evaluates = False
            fault = Fault("config", "DescribeConfigRules", times=None, when=lambda _: rule.clock.seconds > 0, **how)
            with rule.organization.faults.inject(fault) as injected:
                status, output = rule.verify("--minutes", "2")
            assert (status, rule.repositories(), bool(injected.calls)) == (1, (), True)
        assert "Not verified: not NON_COMPLIANT within 2 minutes; there was no evaluation." in output

    @pytest.mark.parametrize("code", REFUSALS)
    @pytest.mark.parametrize("seconds", [0, 10])
    def test_refusal_ends_the_run_at_once(self, code: str, seconds: float) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            refused = Fault(*EVALUATIONS, code=code, times=None, when=lambda _: rule.clock.seconds >= seconds)
            with rule.organization.faults.inject(refused):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        refusal = f"{code}: Injected fault (GetComplianceDetailsByResource)"
        expiry = f"your credentials expired after 0 min; renew them and run again ({refusal})"
        assert output.splitlines()[-1] == f"Not verified: {expiry if code == REFUSALS[1] else refusal}"


class TestFinding:
    """The wait for Security Hub."""

    @pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
    def test_fault_that_passes_is_waited_out(self, how: dict[str, Any]) -> None:
        with deployed() as rule:
            rule.services.severity = "CRITICAL"
            with rule.organization.faults.inject(until(rule, 70, *FINDINGS, as_rest_json(how))):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "The finding arrived after 60 s: severity CRITICAL, FAILED" in output

    def test_fault_that_lasts_leaves_the_finding_unknown(self) -> None:
        with deployed() as rule:
            throttled = Fault(*FINDINGS, times=None, **as_rest_json(PASSING["throttled"]))
            with rule.organization.faults.inject(throttled):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "[  610 s] Unknown whether there is a finding: the findings could not be read: Throttling" in output

    def test_finding_that_was_seen_before_a_fault_counts(self) -> None:
        with deployed() as rule:
            how = as_rest_json(PASSING["throttled"])
            rule.services.automation_rules = [{"RuleName": RULE, "RuleStatus": "ENABLED"}]
            later = Fault(*FINDINGS, times=None, when=lambda _: rule.clock.seconds > 60, **how)
            with rule.organization.faults.inject(later):
                status, output = rule.verify()
        assert status == 0
        assert "[  130 s] The finding arrived after 0 s: severity MEDIUM, FAILED" in output

    def test_expired_credentials_end_the_run_at_once(self) -> None:
        refusal = json.dumps({"__type": "ExpiredTokenException", "message": "expired"})
        with deployed() as rule:
            expired = Fault(*FINDINGS, status=403, body=refusal, times=None)
            policy = Fault("ecr", "DeleteRepositoryPolicy", code="ExpiredTokenException", times=None,
                           when=lambda _: "SetRepositoryPolicy" in rule.changes())  # fmt: skip
            with rule.organization.faults.inject(expired), rule.organization.faults.inject(policy):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert output.splitlines()[-1].startswith("Not verified: your credentials expired after 0 min; renew them and")
