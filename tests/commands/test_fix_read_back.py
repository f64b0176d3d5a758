"""``fix`` when the policy is not what it was a moment before, or Amazon ECR returns something else than was sent."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands.repository_to_fix import (
    CLOSED,
    HOME,
    NAME,
    ONLY_PUBLIC_TEXT,
    PUBLIC,
    PUBLIC_TEXT,
    REMOVE,
    WHERE,
    RepositoryToFix,
    happening,
    repository_to_fix,
    saved_files,
    saved_text,
)
from tests.local_aws.calls import Call
from tests.local_aws.faults import Connection, Fault
from tests.local_aws.organization import HUB

OTHER: Final = json.dumps({"Statement": [PUBLIC["Statement"][1] | {"Sid": "Other"}]})
SET, DELETE, GET = ("ecr", "SetRepositoryPolicy"), ("ecr", "DeleteRepositoryPolicy"), ("ecr", "GetRepositoryPolicy")
# The first read is that of the policy that is shown, the second one is right before the change.
AGAIN, READ_BACK = 2, 3


def sets(repository: RepositoryToFix, text: str | None) -> Callable[[], None]:
    """Return what sets the policy as somebody else does."""
    return lambda: setattr(repository, "text", text)


def deletes(repository: RepositoryToFix) -> Callable[[], None]:
    """Return what deletes the repository as somebody else does."""
    return lambda: repository.organization.delete_repository(HUB, HOME, NAME)


class TestChangedMeanwhile:
    """Somebody else acts between the question and the change."""

    def test_other_policy_is_not_overwritten(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, OTHER), AGAIN)):
                status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, OTHER, [])
        last = "Not changed: somebody changed the policy meanwhile; run the command again"
        assert output.splitlines()[-1] == last
        assert saved_text(working_folder) == PUBLIC_TEXT

    def test_same_policy_in_another_format_is_no_change(self) -> None:
        reordered = json.dumps({"Statement": PUBLIC["Statement"], "Version": "2012-10-17"})
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, reordered), AGAIN)):
                status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)

    def test_policy_that_is_gone_leaves_nothing_to_close(self) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, None), AGAIN)):
                status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (0, None, [])
        assert output.splitlines()[-1] == "Nothing to close: somebody deleted the policy meanwhile"

    def test_policy_that_is_gone_at_its_deletion_is_closed(self) -> None:
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository:
            with repository.organization.faults.inject(happening(*DELETE, sets(repository, None))):
                status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (0, None)
        assert f"\nClosed: {WHERE} has no policy any more" in output

    def test_repository_that_is_gone_before_the_change(self) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, deletes(repository), AGAIN)):
                status, output = repository.fix("--yes")
            assert (status, repository.changes()) == (2, [])
        last = f"Not run: nothing was changed: the repository {WHERE} does not exist any more"
        assert output.splitlines()[-1] == last

    @pytest.mark.parametrize(("text", "call"), [(PUBLIC_TEXT, SET), (ONLY_PUBLIC_TEXT, DELETE)])
    def test_repository_that_is_gone_at_the_change(self, text: str, call: tuple[str, str]) -> None:
        with (
            repository_to_fix(text) as repository,
            repository.organization.faults.inject(happening(*call, deletes(repository))),
        ):
            status, output = repository.fix(*REMOVE, "--yes")
        assert status == 2
        assert f"\nThe repository {WHERE} does not exist any more; there is no policy now. To restore the" in output

    def test_repository_that_is_gone_at_the_read_back(self) -> None:
        with (
            repository_to_fix() as repository,
            repository.organization.faults.inject(happening(*GET, deletes(repository), READ_BACK)),
        ):
            status, output = repository.fix("--yes")
        assert status == 2
        gone = f"the repository {WHERE} does not exist any more"
        assert f"it could not be read back: {gone}; IT IS NOT KNOWN WHICH POLICY IS IN PLACE" in output


class TestRefusal:
    """Amazon ECR refuses the new policy."""

    def test_policy_that_locks_the_caller_out_is_shown_and_nothing_changed(self, working_folder: Path) -> None:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html (force)."""
        message = "The new policy would lock you out. Use force to override"
        lockout = Fault(*SET, code="InvalidParameterException", message=message)
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(lockout):
                status, output = repository.fix("--yes")
            assert (status, repository.text) == (2, PUBLIC_TEXT)
            assert repository.calls()[-1] == "SetRepositoryPolicy"
        error = f"InvalidParameterException: {message} (SetRepositoryPolicy)"
        assert output.splitlines()[-1] == f"Not changed: {error}; the previous policy is in place"
        assert saved_text(working_folder) == PUBLIC_TEXT


class TestReformatted:
    """Amazon ECR stores the same policy in another form."""

    @pytest.mark.parametrize(
        "stored",
        [
            json.dumps(dict(CLOSED)),
            json.dumps(dict(CLOSED), indent=4, sort_keys=True),
            json.dumps({"Version": "2012-10-17", "Statement": CLOSED["Statement"][0]}),
            json.dumps(dict(CLOSED)).replace('"222233334444"', '["arn:aws:iam::222233334444:root"]'),
        ],
    )
    def test_other_format_is_the_same_policy(self, stored: str) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, stored), READ_BACK)):
                status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text, repository.changes()) == (0, stored, ["SetRepositoryPolicy"])

    def test_policy_that_is_read_late_is_waited_for(self) -> None:
        """The first reads after the change still return the previous policy."""
        with repository_to_fix() as repository:
            stale = Fault(
                *GET, status=200, body=_response(PUBLIC_TEXT), request_id=True, times=2, when=_from(READ_BACK)
            )
            with repository.organization.faults.inject(stale):
                status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy, repository.clock.seconds) == (0, CLOSED, 2)


class TestOtherReadBack:
    """Amazon ECR returns another policy than was sent, for good."""

    def test_previous_policy_is_restored_exactly_and_the_other_one_kept(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, OTHER), READ_BACK)):
                status, output = repository.fix("--yes")
            assert (status, repository.text) == (2, PUBLIC_TEXT)
            assert repository.changes() == ["SetRepositoryPolicy", "SetRepositoryPolicy"]
        previous, other = saved_files(working_folder)
        assert [json.loads(path.read_text())["policy_text"] for path in (previous, other)] == [PUBLIC_TEXT, OTHER]
        assert output.splitlines()[-1] == (
            f"Not changed: Amazon ECR accepted the change and returned another policy (saved in {other.name}); the "
            "previous policy is in place again; run the command again"
        )

    def test_new_policy_that_never_appears_is_restored(self, working_folder: Path) -> None:
        """A read that goes on returning the previous policy, which is kept already."""
        with repository_to_fix() as repository:
            stale = Fault(
                *GET, status=200, body=_response(PUBLIC_TEXT), request_id=True, times=None, when=_from(READ_BACK)
            )
            with repository.organization.faults.inject(stale):
                status, document = repository.document("--yes")
            assert (status, repository.text) == (2, PUBLIC_TEXT)
        assert (document["result"], document["in_place"]) == ("restored", "previous policy")
        assert saved_text(working_folder) == PUBLIC_TEXT

    def test_other_policy_that_cannot_be_kept_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real, created = os.open, []

        def full(path: Any, flags: int, *more: Any) -> int:
            created.extend([path] if flags & os.O_CREAT else [])
            if len(created) > 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(path, flags, *more)

        monkeypatch.setattr(os, "open", full)
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, OTHER), READ_BACK)):
                status, output = repository.fix("--yes")
            assert (status, repository.text) == (2, OTHER)
        assert "; the policy cannot be saved (see --save-to): No space left on device (.); ANOTHER POLICY" in output
        assert "; ANOTHER POLICY IS IN PLACE. To restore the previous policy: ecr-exposure fix --undo " in output

    def test_policy_that_appears_after_a_deletion_is_restored(self) -> None:
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository:
            with repository.organization.faults.inject(happening(*GET, sets(repository, OTHER), READ_BACK)):
                status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (2, ONLY_PUBLIC_TEXT)

    @pytest.mark.parametrize(
        ("left", "state"), [(OTHER, "ANOTHER POLICY IS IN PLACE"), (None, "there is no policy now")]
    )
    def test_failed_restoration_says_what_is_in_place(self, left: str | None, state: str, working_folder: Path) -> None:
        refused = Fault(*SET, code="AccessDeniedException", message="no", times=None, when=_from(2))
        with repository_to_fix() as repository:
            inject = repository.organization.faults.inject
            with inject(happening(*GET, sets(repository, left), READ_BACK)), inject(refused):
                status, output = repository.fix("--yes")
            assert (status, repository.text) == (2, left)
        path, *others = saved_files(working_folder)
        kept = "".join(f" (saved in {other.name})" for other in others)
        assert len(others) == (left is not None)
        assert output.splitlines()[-1] == (
            f"Amazon ECR accepted the change and returned another policy{kept}; restoring the previous one failed: "
            f"AccessDeniedException: no (SetRepositoryPolicy); {state}. To restore the previous policy: "
            f"ecr-exposure fix --undo {path.name}"
        )

    def test_restored_policy_that_cannot_be_read_is_not_known(self) -> None:
        refused = Fault(*GET, code="AccessDeniedException", message="no", times=None, when=_from(8))
        with repository_to_fix() as repository:
            inject = repository.organization.faults.inject
            with inject(happening(*GET, sets(repository, OTHER), READ_BACK)), inject(refused):
                status, document = repository.document("--yes")
            assert (status, document["in_place"]) == (2, "not known")
            assert repository.text == PUBLIC_TEXT
        assert document["problem"].endswith("; reading it again: AccessDeniedException: no (GetRepositoryPolicy)")

    def test_public_policy_that_is_read_back_is_not_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the comparison says, what Amazon ECR returned is evaluated."""
        monkeypatch.setattr("ecr_exposure.cli.remediation.policy_change.is_same_policy", lambda *_: True)
        with (
            repository_to_fix() as repository,
            repository.organization.faults.inject(happening(*GET, sets(repository, ONLY_PUBLIC_TEXT), READ_BACK)),
        ):
            status, output = repository.fix(*REMOVE, "--yes")
        assert status == 2
        assert output.splitlines()[-1].startswith('Not closed: Everyone can pull: statement "Everyone"')


class TestNotFromAws:
    """A response of something else than AWS."""

    @pytest.mark.parametrize(
        ("operation", "body"),
        [
            ("GetRepositoryPolicy", '{"policyText": ""}'),
            ("GetRepositoryPolicy", "{}"),
            ("DescribeRepositories", "{}"),
            ("DescribeRepositories", '{"repositories": []}'),
            ("DescribeRepositories", '{"repositories": [{}]}'),
            (
                "DescribeRepositories",
                '{"repositories": [{"repositoryArn": "arn:aws:ecr:eu-west-1:444455556666:repository/team/app"}]}',
            ),
        ],
    )
    def test_it_is_refused(self, operation: str, body: str) -> None:
        wrong = Fault("ecr", operation, status=200, body=body, request_id=True, times=None)
        with repository_to_fix() as repository, repository.organization.faults.inject(wrong):
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert output.endswith(", so it did not come from AWS\n")


class TestUnknownOutcome:
    """No answer of AWS to the change arrives: what is there decides."""

    @pytest.mark.parametrize("text", [PUBLIC_TEXT, ONLY_PUBLIC_TEXT])
    @pytest.mark.parametrize(
        "lost",
        [
            {"connection": Connection.READ_TIMEOUT},
            {"connection": Connection.RESET},
            {"status": 500, "code": "ServerException"},
            {"status": 502, "body": "<html>Bad gateway</html>"},
            {"status": 403, "body": "<html>proxy</html>"},
        ],
        ids=["time-out", "reset", "500", "502", "proxy"],
    )
    def test_change_that_took_place_is_closed(self, lost: dict[str, Any], text: str) -> None:
        call = SET if text == PUBLIC_TEXT else DELETE
        with repository_to_fix(text) as repository:
            with repository.organization.faults.inject(Fault(*call, processed=True, **lost)):
                status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED if call == SET else None)
            assert repository.changes() == [call[1]]
        assert "It is not known if Amazon ECR made the change (" in output
        assert "\nClosed: " in output

    def test_change_that_takes_place_late_is_waited_for(self) -> None:
        with repository_to_fix() as repository:
            repository.clock.during_sleeps = [lambda: None, sets(repository, json.dumps(dict(CLOSED)))]
            with repository.organization.faults.inject(Fault(*SET, connection=Connection.READ_TIMEOUT)):
                status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.clock.seconds) == (0, 2)

    def test_change_that_does_not_take_place_may_still_arrive(self) -> None:
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(Fault(*SET, connection=Connection.READ_TIMEOUT)):
                status, output = repository.fix("--yes")
            assert (status, repository.text) == (2, PUBLIC_TEXT)
        last = "; the previous policy is in place. The change may still arrive, so run the command again\n"
        assert output.endswith(last)

    def test_change_of_somebody_else_is_not_overwritten(self) -> None:
        with repository_to_fix() as repository:
            inject = repository.organization.faults.inject
            lost = Fault(*SET, connection=Connection.READ_TIMEOUT)
            with inject(lost), inject(happening(*GET, sets(repository, OTHER), READ_BACK)):
                status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, OTHER, ["SetRepositoryPolicy"])
        assert "; ANOTHER POLICY IS IN PLACE. To restore the previous policy: " in output

    def test_policy_that_cannot_be_read_then_is_not_known(self) -> None:
        lost = Fault(*SET, connection=Connection.READ_TIMEOUT, processed=True)
        refused = Fault(*GET, code="AccessDeniedException", message="no", times=None, when=_from(READ_BACK))
        with (
            repository_to_fix() as repository,
            repository.organization.faults.inject(lost),
            repository.organization.faults.inject(refused),
        ):
            status, output = repository.fix("--yes")
        assert status == 2
        assert "IT IS NOT KNOWN WHICH POLICY IS IN PLACE; run the command again to see. To restore the" in output

    @pytest.mark.parametrize("times", [1, 4])
    def test_reads_that_fail_for_a_moment_are_repeated(self, times: int) -> None:
        throttled = Fault(*GET, times=times, when=_from(READ_BACK))
        with repository_to_fix() as repository:
            with repository.organization.faults.inject(throttled):
                status, _ = repository.fix("--yes")
            assert (status, repository.clock.seconds) == (0, times)


def _response(text: str) -> str:
    return json.dumps({"registryId": HUB, "repositoryName": NAME, "policyText": text})


def _from(number: int) -> Callable[[Call], bool]:
    """Return a filter that accepts the call of this number and every further one."""
    made: list[Call] = []

    def accepts(call: Call) -> bool:
        made.append(call)
        return len(made) >= number

    return accepts
