"""The runbook where something goes wrong: nothing is half-written, and the previous policy is never lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final
from unittest.mock import patch

import pytest
from moto.ecr.models import ECRBackend

from tests.deployment.runbook_execution import NOTHING, REPOSITORY, OneRepository, one_repository
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB, ORGANIZATION_ID

STATEMENT: Final = {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
ACCOUNT: Final = {"Sid": "Hub", "Effect": "Allow", "Principal": {"AWS": HUB}, "Action": ["ecr:*"]}
OPEN: Final = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT, ACCOUNT]})
READ: Final = "GetRepositoryPolicy"
WRITE: Final = "SetRepositoryPolicy"


@pytest.fixture
def repository() -> Iterator[OneRepository]:
    """Return a public repository."""
    with one_repository() as repository:
        repository.set_policy(OPEN)
        yield repository


def denied(operation: str, **more: Any) -> Fault:
    """Return the error of a caller without permission."""
    message = f"is not authorized to perform: ecr:{operation}"
    return Fault("ecr", operation, code="AccessDeniedException", message=message, times=None, **more)


def at_read(number: int, change: Callable[[], None]) -> ExitStack:
    """Change something directly before the runbook reads the policy for the nth time; the first time is SavePolicy."""
    original = ECRBackend.get_repository_policy
    reads = 0

    def get_repository_policy(self: ECRBackend, *arguments: Any, **keywords: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == number:
            change()
        return original(self, *arguments, **keywords)

    stack = ExitStack()
    stack.enter_context(patch.object(ECRBackend, "get_repository_policy", get_repository_policy))
    return stack


class TestBefore:
    """Faults before the runbook writes."""

    def test_missing_repository_is_named(self, repository: OneRepository) -> None:
        execution = repository.execute(name="team/other")
        assert "RepositoryNotFoundException" in execution.failure
        assert "team/other" in execution.failure

    def test_denied_read_is_shown(self, repository: OneRepository) -> None:
        with repository.organization.faults.inject(denied(READ)):
            execution = repository.execute()
        assert "AccessDeniedException" in execution.failure
        assert repository.policy == OPEN

    def test_repository_that_is_gone_before_the_write_is_named(self, repository: OneRepository) -> None:
        gone = Fault("ecr", WRITE, code="RepositoryNotFoundException", message="The repository does not exist")
        with repository.organization.faults.inject(gone):
            assert "RepositoryNotFoundException" in repository.execute().failure

    @pytest.mark.parametrize("now", [None, OPEN.replace("BatchGetImage", "ListImages"), OPEN + " "])
    def test_policy_that_changes_meanwhile_is_not_overwritten(self, repository: OneRepository, now: str | None) -> None:
        with at_read(3, lambda: repository.set_policy(now)):
            execution = repository.execute()
        assert execution.failure == (f"The policy of {REPOSITORY} changed meanwhile. This runbook has written nothing.")
        assert repository.policy == now

    def test_policy_that_is_gone_when_the_script_looks_is_a_success(self, repository: OneRepository) -> None:
        with at_read(2, lambda: repository.set_policy(None)):
            execution = repository.execute()
        assert execution.result == NOTHING
        assert execution.outputs["SavePolicy.PreviousPolicy"] == OPEN


class TestWrite:
    """Faults of the write."""

    @pytest.mark.parametrize(
        "fault",
        [
            denied(WRITE),
            # Without force, Amazon ECR refuses a policy that would lock out the caller.
            # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
            Fault("ecr", WRITE, code="InvalidParameterException", message="would prevent you from setting a policy"),
            Fault("ecr", WRITE, status=500, code="ServerException", message="internal", times=None),
            Fault("ecr", WRITE, connection=Connection.UNREACHABLE, times=None),
        ],
        ids=["denied", "lockout", "server error", "no connection"],
    )
    def test_refused_write_shows_the_error_and_the_previous_policy(
        self, repository: OneRepository, fault: Fault
    ) -> None:
        with repository.organization.faults.inject(fault):
            execution = repository.execute()
        assert execution.failure.startswith(f"The policy of {REPOSITORY} may still be public: ")
        assert execution.failure.endswith(f". The previous policy: {OPEN}")
        if fault.connection is None:
            assert fault.code in execution.failure
            assert fault.message in execution.failure
        assert execution.outputs["SavePolicy.PreviousPolicy"] == OPEN
        assert repository.policy == OPEN

    def test_throttled_write_is_repeated(self, repository: OneRepository) -> None:
        """Automation repeats no call of a script; the client of boto3 does."""
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html
        throttled = Fault("ecr", WRITE, code="ThrottlingException", message="Rate exceeded", times=2)
        with repository.organization.faults.inject(throttled):
            execution = repository.execute()
        assert execution.failure == ""
        assert repository.policy != OPEN

    def test_refused_deletion_shows_the_error(self, repository: OneRepository) -> None:
        text = json.dumps({"Statement": [STATEMENT]})
        with repository.organization.faults.inject(denied("DeleteRepositoryPolicy")):
            execution = repository.close(text, organization="")
        assert "ecr:DeleteRepositoryPolicy" in execution.failure
        assert repository.policy == text


class TestReadBack:
    """What Amazon ECR returns after the write."""

    FORMS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
        "other white space": lambda policy: policy.update(),
        "a single action as a string": lambda policy: policy["Statement"][0].update(Action="ecr:BatchGetImage"),
        "another order": lambda policy: policy["Statement"].reverse(),
        "everyone under AWS": lambda policy: policy["Statement"][0].update(Principal={"AWS": "*"}),
        "the root of an account": lambda policy: policy["Statement"][1].update(
            Principal={"AWS": f"arn:aws:iam::{HUB}:root"}
        ),
        "a single value as a list": lambda policy: policy["Statement"][0].update(
            Condition={"StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION_ID]}}
        ),
    }
    OTHERS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
        "no condition": lambda policy: policy["Statement"][0].pop("Condition"),
        "another condition": lambda policy: policy["Statement"][0].update(Condition={"Bool": {"aws:a": "true"}}),
        "another principal": lambda policy: policy["Statement"][1].update(Principal={"AWS": "arn:aws:iam::1:root"}),
        "one more statement": lambda policy: policy["Statement"].append(ACCOUNT),
        "one more public statement": lambda policy: policy["Statement"].append(STATEMENT),
        "one statement less": lambda policy: policy["Statement"].pop(),
    }

    def read_back(self, repository: OneRepository, change: Callable[[dict[str, Any]], None]) -> Any:
        """Execute the runbook; Amazon ECR changes the policy after the write."""

        def rewrite() -> None:
            policy = json.loads(str(repository.policy))
            change(policy)
            repository.set_policy(json.dumps(policy, indent=2))

        with at_read(4, rewrite):
            return repository.execute()

    @pytest.mark.parametrize("change", FORMS.values(), ids=FORMS)
    def test_policy_that_is_only_formatted_otherwise_is_accepted(
        self, repository: OneRepository, change: Callable[[dict[str, Any]], None]
    ) -> None:
        execution = self.read_back(repository, change)
        assert (execution.failure, execution.result) == (
            "",
            f"{REPOSITORY}: Statement[0] limited to {ORGANIZATION_ID}.",
        )
        # What is in place, as Amazon ECR returns it.
        assert execution.outputs["ClosePolicy.NewPolicy"] == repository.policy

    @pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
    def test_another_policy_stays_and_fails_the_execution(
        self, repository: OneRepository, change: Callable[[dict[str, Any]], None]
    ) -> None:
        """It may be somebody else's: to restore a public policy over it would be worse."""
        execution = self.read_back(repository, change)
        assert execution.failure.startswith(
            f"The policy of {REPOSITORY} may still be public: after the change, Amazon ECR returns {{"
        )
        assert execution.failure.endswith(f". The previous policy: {OPEN}")
        assert repository.policy != OPEN

    def test_policy_that_is_missing_after_the_write_stays_missing(self, repository: OneRepository) -> None:
        with at_read(4, lambda: repository.set_policy(None)):
            execution = repository.execute()
        assert "Amazon ECR returns None" in execution.failure
        assert repository.policy is None

    def test_policy_that_is_still_there_after_its_deletion_stays(self, repository: OneRepository) -> None:
        repository.set_policy(json.dumps({"Statement": [STATEMENT]}))
        with at_read(4, lambda: repository.set_policy(OPEN)):
            execution = repository.execute(organization="")
        assert "Amazon ECR returns {" in execution.failure
        assert repository.policy == OPEN

    def test_denied_read_back_shows_the_previous_policy(self, repository: OneRepository) -> None:
        reads = 0

        def fourth(_: object) -> bool:
            nonlocal reads
            reads += 1
            return reads >= 4

        with repository.organization.faults.inject(denied(READ, when=fourth)):
            execution = repository.execute()
        assert "AccessDeniedException" in execution.failure
        assert execution.failure.startswith(f"The policy of {REPOSITORY} may still be public: ")
        assert execution.failure.endswith(f". The previous policy: {OPEN}")
