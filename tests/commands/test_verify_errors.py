"""``verify`` when AWS refuses, answers late or not at all, or something else answers: nothing is left unnoticed."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.verification import observations
from ecr_exposure.cli.verification.temporary_repository import TemporaryRepository
from tests.commands.deployed_rule import HOME, deployed
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB

NOT_AWS: Final = ("<html>proxy</html>", "{", "{}", "[]", "null")
REFUSED: Final = json.dumps({"__type": "AccessDeniedException", "message": "no"})


class TestSteps:
    """An error in a step ends the run, and the repository is deleted."""

    @pytest.mark.parametrize(
        ("service", "operation", "last_line"),
        [
            ("cloudformation", "DescribeStacks", "Not run: AccessDeniedException: no (D"),
            ("config", "DescribeConfigRules", "Not run: AccessDeniedException: no (D"),
            ("ecr", "DescribeRepositories", "Not run: AccessDeniedException: no (D"),
            ("ecr", "CreateRepository", "Not verified: nothing was opened: AccessDeniedException: no (C"),
            ("ecr", "DeleteRepositoryPolicy", "Not verified: nothing was opened: AccessDeniedException: no (D"),
            ("ecr", "SetRepositoryPolicy", "Not verified: nothing was opened: AccessDeniedException: no (S"),
            ("config", "GetComplianceDetailsByResource", "Not verified: AccessDeniedException: no (G"),
        ],
    )
    def test_refused_step_is_not_done(self, service: str, operation: str, last_line: str) -> None:
        refused = Fault(service, operation, code="AccessDeniedException", message="no", times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert last_line in output.splitlines()[-1]
        assert "Traceback" not in output

    @pytest.mark.parametrize(
        ("service", "operation", "expected"),
        [
            ("cloudformation", "DescribeStacks", 2),
            ("ecr", "CreateRepository", 2),
            ("ecr", "SetRepositoryPolicy", 2),
            ("ecr", "DeleteRepositoryPolicy", 2),
            ("securityhub", "GetFindings", 0),
            ("lambda", "GetResourcePolicy", 0),
        ],
    )
    def test_success_that_is_not_from_aws_does_not_count(self, service: str, operation: str, expected: int) -> None:
        """Also where AWS sends an empty response, and where its response would be XML."""
        wrong = Fault(service, operation, status=200, body="<html></html>", times=None)
        with deployed() as rule, rule.organization.faults.inject(wrong):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (expected, ())
        assert f"the response to {operation} did not come from AWS" in output

    def test_unexpected_error_deletes_the_repository(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(observations, "find_finding", broken)
        with deployed() as rule:
            status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert "\nZeroDivisionError\n" in output
        assert output.endswith("Not verified: unexpected error: ZeroDivisionError()\n")


class TestAnswers:
    """What cannot be read for the open questions fails nothing."""

    @pytest.mark.parametrize(
        ("service", "operation", "answer"),
        [
            ("securityhub", "GetFindings",
             "reach Security Hub? The findings could not be read: AccessDeniedException: no (G"),
            ("lambda", "GetResourcePolicy", "invokes the function? The function's policy could not be read: Acce"),
            ("cloudwatch-logs", "FilterLogEvents",
             "accepts it? There was an evaluation, but the function's log could not be read"),
            ("securityhub", "ListAutomationRules",
             "The finding stayed MEDIUM, and the automation rules could not be read"),
        ],
    )  # fmt: skip
    def test_refused_read_leaves_its_question_open(self, service: str, operation: str, answer: str) -> None:
        refused = Fault(service, operation, status=403, body=REFUSED, times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert answer in output

    @pytest.mark.parametrize("body", ["{}", '{"Policy": "{"}'])
    def test_response_without_a_policy_leaves_its_question_open(self, body: str) -> None:
        wrong = Fault("lambda", "GetResourcePolicy", status=200, body=body, request_id=True, times=None)
        with deployed() as rule, rule.organization.faults.inject(wrong):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "The function's policy could not be read: " in output

    def test_unreadable_integrations_leave_the_missing_finding_open(self) -> None:
        refused = Fault("securityhub", "ListEnabledProductsForImport", status=403, body=REFUSED, times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            rule.services.sends_findings = False
            _, output = rule.verify()
        reason = "Security Hub's integrations could not be read: AccessDeniedException: no ("
        assert f"No finding arrived in 600 s, but {reason}" in output

    def test_older_boto3_leaves_the_question_of_the_policy_open(self) -> None:
        """The package accepts versions of boto3 that do not know GetResourcePolicy."""
        with deployed() as rule:
            session = rule.organization.session(HUB, HOME)
            session.events.register(
                "creating-client-class.lambda",
                lambda class_attributes, **_: class_attributes.pop("get_resource_policy"),
            )
            with redirect_stdout(StringIO()) as output:
                status = main(("verify", "verify"), Environment(clock=rule.clock, session=session))
        assert status == 0
        reason = "This version of boto3 has no lambda:GetResourcePolicy: update boto3"
        assert f"when it invokes the function? {reason}\n" in output.getvalue()


class TestCreation:
    """Whatever becomes of the response to CreateRepository."""

    def test_lost_response_is_retried(self) -> None:
        lost = Fault("ecr", "CreateRepository", connection=Connection.RESET, processed=True)
        with deployed() as rule, rule.organization.faults.inject(lost) as injected:
            status, _ = rule.verify()
            assert (status, rule.repositories(), len(injected.calls)) == (0, (), 1)

    def test_created_repository_without_any_response_is_deleted(self) -> None:
        """Each attempt loses its response, so it is unknown that the repository was created."""
        lost = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None, processed=True)
        with deployed() as rule:
            created: list[Call] = []

            def first(call: Call) -> bool:
                created.append(call)
                return len(created) == 1

            unreachable = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None)
            with (
                rule.organization.faults.inject(unreachable),
                rule.organization.faults.inject(replace(lost, when=first)),
            ):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert "Deleted the repository NAME" in output

    def test_repository_that_appears_late_is_deleted(self) -> None:
        """The first deletion finds nothing, and then the repository exists."""
        broken = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None)
        with deployed() as rule, rule.organization.faults.inject(broken) as injected:

            def create() -> None:
                rule.organization.create_repository(HUB, HOME, injected.calls[0].parameters["repositoryName"])

            rule.clock.during_sleeps.append(create)
            status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert "[    5 s] Deleted the repository NAME" in output

    def test_repository_that_never_appears_is_named_with_its_command(self) -> None:
        broken = Fault("ecr", "CreateRepository", connection=Connection.UNREACHABLE, times=None)
        with deployed() as rule, rule.organization.faults.inject(broken):
            status, output = rule.verify()
            assert (status, rule.changes().count("DeleteRepository")) == (2, 3)
        assert (
            "Nothing to delete. If NAME appears later, delete it: aws ecr delete-repository "
            "--repository-name NAME --registry-id 111122223333 --region eu-west-1 --force\n"
        ) in output

    def test_refused_creation_deletes_nothing(self) -> None:
        refused = Fault("ecr", "CreateRepository", code="AccessDeniedException")
        with deployed() as rule, rule.organization.faults.inject(refused):
            status, output = rule.verify()
            assert (status, "DeleteRepository" in rule.changes()) == (2, False)
        assert "CLEAN-UP FAILED" not in output

    def test_refusal_that_is_not_from_aws_deletes_what_aws_created(self) -> None:
        """AWS created the repository, and a proxy replaced the response."""
        replaced = Fault("ecr", "CreateRepository", status=403, body="<html>no</html>", processed=True)
        with deployed() as rule, rule.organization.faults.inject(replaced):
            status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ())
        assert "Deleted the repository NAME" in output

    def test_existing_repository_of_that_name_is_not_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("secrets.token_hex", lambda _: "0123456789ab")
        with deployed() as rule:
            rule.organization.create_repository(HUB, HOME, "ecr-exposure-verify-0123456789ab")
            status, _ = rule.verify()
            assert (status, rule.repositories()) == (2, ("ecr-exposure-verify-0123456789ab",))

    def test_repository_of_another_name_is_never_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with deployed() as rule:
            rule.organization.create_repository(HUB, HOME, "team/app")
            monkeypatch.setattr(TemporaryRepository, "create", lambda self: setattr(self, "name", "team/app"))
            status, output = rule.verify()
            assert (status, rule.repositories()) == (2, ("team/app",))
        assert "ForeignRepositoryError: 'team/app' was not created by this check and is not deleted" in output

    def test_repository_that_may_exist_and_cannot_be_deleted_is_named(self) -> None:
        lost = Fault("ecr", "CreateRepository", connection=Connection.READ_TIMEOUT, times=None)
        refused = Fault("ecr", "DeleteRepository", code="AccessDeniedException", message="no", times=None)
        with deployed() as rule, rule.organization.faults.inject(lost), rule.organization.faults.inject(refused):
            status, output = rule.verify()
        assert status == 2
        where = "the repository NAME in account 111122223333, eu-west-1"
        assert output.splitlines()[-1] == f"Not cleaned up: {where} is closed and may still be there"
