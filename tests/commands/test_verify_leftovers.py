"""``verify`` and the repositories that earlier runs left: found by name and tag, reported, deleted if asked."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from ecr_exposure.cli.verification.temporary_repository import PUBLIC_POLICY, STARTED_TAG
from tests.commands.deployed_rule import HOME, DeployedRule, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

NAME: Final = "ecr-exposure-verify-0123456789ab"
WHERE: Final = "--repository-name NAME --registry-id 111122223333 --region eu-west-1"
LONG_AGO: Final = "2026-01-31T12:00:00Z"


def ago(time: timedelta) -> str:
    return (datetime.now(UTC) - time).strftime("%Y-%m-%dT%H:%M:%SZ")


UNREAD = "NAME, which an earlier run may have left open, cannot be read: AccessDeniedException: no"


def leave(rule: DeployedRule, started: str | None = LONG_AGO, *, name: str = NAME, is_open: bool = True) -> None:
    """Leave a repository, as a killed run does; without a tag if ``started`` is None."""
    tags = {} if started is None else {STARTED_TAG: started}
    rule.organization.create_repository(HUB, HOME, name, PUBLIC_POLICY if is_open else None, tags=tags)


def report(output: str) -> list[str]:
    """Return the lines about leftovers, between the rule and the first step."""
    lines = [line.partition("] ")[2] or line for line in output.splitlines()]
    return lines[3 : next(at for at, line in enumerate(lines) if line.startswith(("Would ", "This run ")))]


class TestTag:
    """What makes a repository one of ``verify``."""

    def test_repository_has_the_time_when_it_was_created(self) -> None:
        seen: list[str] = []
        with deployed() as rule:

            def read() -> None:
                client = rule.organization.session(HUB, HOME).client("ecr")
                (repository,) = client.describe_repositories()["repositories"]
                tags = client.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
                seen.extend(tag["Value"] for tag in tags if tag["Key"] == "ecr-exposure-verify-started")

            rule.clock.during_sleeps.append(read)
            assert rule.verify()[0] == 0
        (started,) = seen
        age = datetime.now(UTC) - datetime.strptime(started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs(age) < timedelta(minutes=5)

    @pytest.mark.parametrize(
        ("name", "started"),
        [(NAME, None), ("ecr-exposure-verify-app", LONG_AGO), ("team/" + NAME, LONG_AGO), (NAME + "c", LONG_AGO)],
    )
    @pytest.mark.parametrize("arguments", [("--clean",), ("--dry-run", "--clean"), ()])
    def test_repository_without_name_and_tag_is_never_touched(
        self, name: str, started: str | None, arguments: tuple[str, ...]
    ) -> None:
        with deployed() as rule:
            leave(rule, started, name=name)
            status, output = rule.verify(*arguments)
            assert (status, rule.repositories()) == (0, (name,))
            assert policy_of(rule.organization, name) == PUBLIC_POLICY
        assert "earlier run" not in output

    def test_killed_run_is_found_by_the_next_one(self) -> None:
        class Killed(BaseException):
            """Ends the run without its clean-up, as SIGKILL does."""

        def kill(_call: Call) -> bool:
            if "SetRepositoryPolicy" in rule.changes():
                raise Killed
            return False

        with deployed() as rule:
            killing = Fault("ecr", "DeleteRepositoryPolicy", when=kill)
            with rule.organization.faults.inject(killing), pytest.raises(Killed):
                rule.verify()
            status, output = rule.verify("--dry-run")
        assert status == 1
        assert report(output)[0].startswith("Of a run that may still go on: NAME is OPEN TO EVERYONE, since 20")


class TestReport:
    """What is printed about a leftover, also in a dry run."""

    @pytest.mark.parametrize("arguments", [("--dry-run",), ("--dry-run", "--clean"), ()])
    def test_open_one_is_reported_with_the_command_that_closes_it_first(self, arguments: tuple[str, ...]) -> None:
        with deployed() as rule:
            leave(rule)
            status, output = rule.verify(*arguments)
            assert (status, rule.repositories()) == (1, (NAME,))
            assert policy_of(rule.organization, NAME) == PUBLIC_POLICY
        assert report(output) == [
            "Left by an earlier run: NAME is OPEN TO EVERYONE, since 2026-01-31 12:00 UTC",
            f"Close it first: aws ecr delete-repository-policy {WHERE}",
            f"Then delete it: aws ecr delete-repository {WHERE} --force",
            "--clean deletes it",
        ]
        assert output.splitlines()[-1] == "Still there, of earlier runs: NAME (OPEN TO EVERYONE)"

    @pytest.mark.parametrize("evaluates", [True, False])
    def test_open_one_is_reported_by_a_quiet_run_too(self, *, evaluates: bool) -> None:
        with deployed() as rule:
            leave(rule)
            rule.clock.evaluates = evaluates
            status, output = rule.verify("-q", "--minutes", "1")
            assert (status, rule.repositories()) == (1, (NAME,))
        lines = output.splitlines()
        assert lines[:-1] == [
            "Left by an earlier run: NAME is OPEN TO EVERYONE, since 2026-01-31 12:00 UTC",
            f"Close it first: aws ecr delete-repository-policy {WHERE}",
            f"Then delete it: aws ecr delete-repository {WHERE} --force",
            "--clean deletes it",
        ]
        assert lines[-1].startswith("Still there" if evaluates else "Not verified: not NON_COMPLIANT within 1 minutes")
        assert lines[-1].endswith("Still there, of earlier runs: NAME (OPEN TO EVERYONE)")

    def test_closed_one_is_reported_as_closed(self) -> None:
        with deployed() as rule:
            leave(rule, is_open=False)
            status, output = rule.verify("--dry-run")
        assert status == 1
        assert report(output) == [
            "Left by an earlier run: NAME is closed, created 2026-01-31 12:00 UTC",
            f"Delete it: aws ecr delete-repository {WHERE} --force",
            "--clean deletes it",
        ]

    def test_every_leftover_of_many_repositories_is_reported(self) -> None:
        names = [f"ecr-exposure-verify-{number:012x}" for number in range(3)]
        with deployed() as rule:
            for number in range(1200):
                rule.organization.create_repository(HUB, HOME, f"app-{number:04}")
            for name in names:
                leave(rule, name=name)
            status, output = rule.verify("--dry-run")
        assert status == 1
        assert len([line for line in report(output) if line.startswith("Left by")]) == 3

    def test_repository_that_vanishes_meanwhile_is_no_leftover(self) -> None:
        """Another run deletes it between the list and its tags."""

        def vanish(call: Call) -> bool:
            rule.organization.delete_repository(HUB, HOME, str(call.parameters["resourceArn"]).rpartition("/")[2])
            return False

        with deployed() as rule:
            leave(rule)
            with rule.organization.faults.inject(Fault("ecr", "ListTagsForResource", when=vanish)):
                status, output = rule.verify()
            assert (status, rule.repositories()) == (0, ())
        assert "earlier run" not in output

    @pytest.mark.parametrize(
        ("operation", "body", "problem"),
        [
            ("DescribeRepositories", None, "AccessDeniedException: no (DescribeRepositories)"),
            ("ListTagsForResource", None, f"{UNREAD} (ListTagsForResource)"),
            ("GetRepositoryPolicy", None, f"{UNREAD} (GetRepositoryPolicy)"),
            ("DescribeRepositories", "{}", "the response has no 'repositories', so it did not come from AWS"),
            ("ListTagsForResource", "{}", "the response has no 'tags', so it did not come from AWS"),
        ],
    )
    def test_leftovers_that_cannot_be_read_end_the_run_before_its_first_change(
        self, operation: str, body: str | None, problem: str
    ) -> None:
        fault = Fault("ecr", operation, code="AccessDeniedException", message="no", times=None)
        if body:
            fault = Fault("ecr", operation, status=200, body=body, request_id=True, times=None)
        with deployed() as rule:
            leave(rule)
            with rule.organization.faults.inject(fault):
                status, output = rule.verify("--clean")
            assert (status, rule.changes(), rule.repositories()) == (2, [], (NAME,))
        assert output.splitlines()[-1] == f"Not run: {problem}"


class TestClean:
    """``--clean``."""

    @pytest.mark.parametrize("is_open", [True, False])
    def test_repository_of_a_finished_run_is_closed_and_deleted_first(self, *, is_open: bool) -> None:
        with deployed() as rule:
            leave(rule, is_open=is_open)
            status, output = rule.verify("--clean")
            assert (status, rule.repositories()) == (0, ())
            own = [call.operation for call in rule.organization.calls if call.repository == NAME][1:]
        assert own == [*(["DeleteRepositoryPolicy"] if is_open else []), "DeleteRepository"]
        assert output.index("Deleted the repository NAME") < output.index("Creating and deleting NAME")
        assert output.splitlines()[-1] == "Verified: NON_COMPLIANT, then COMPLIANT, and the repository is deleted."

    @pytest.mark.parametrize(
        ("started", "reason"),
        [
            (lambda: ago(timedelta(hours=23, minutes=59)), "Its run may still go on: --clean deletes it from 20"),
            (lambda: ago(timedelta(hours=-3)), "Its run may still go on: --clean deletes it from 20"),
            (lambda: "yesterday", "--clean does not delete it: the value of its tag ecr-exposure-verify-started is no"),
        ],
    )
    def test_repository_of_a_run_that_may_go_on_stays(self, started: Callable[[], str], reason: str) -> None:
        with deployed() as rule:
            leave(rule, started())
            status, output = rule.verify("--clean")
            assert (status, rule.repositories()) == (1, (NAME,))
            assert policy_of(rule.organization, NAME) == PUBLIC_POLICY
        assert report(output)[3].startswith(reason)

    def test_run_that_started_longer_ago_than_any_lasts_is_finished(self) -> None:
        with deployed() as rule:
            leave(rule, ago(timedelta(hours=24, minutes=1)))
            assert (rule.verify("--clean")[0], rule.repositories()) == (0, ())

    @pytest.mark.parametrize(
        ("operations", "remains"),
        [
            (("DeleteRepositoryPolicy", "DeleteRepository"), "OPEN TO EVERYONE"),
            (("DeleteRepository",), "closed and still there"),
        ],
    )
    def test_refused_deletion_opens_no_other_repository(self, operations: tuple[str, ...], remains: str) -> None:
        with deployed() as rule, ExitStack() as faults:
            leave(rule)
            for operation in operations:
                refused = Fault("ecr", operation, code="AccessDeniedException", message="no", times=None)
                faults.enter_context(rule.organization.faults.inject(refused))
            status, output = rule.verify("--clean")
            assert (status, rule.repositories()) == (2, (NAME,))
            assert "CreateRepository" not in rule.changes()
        assert f"CLEAN-UP FAILED: the repository NAME in account 111122223333, eu-west-1 is {remains}" in output
        state = " (OPEN TO EVERYONE)" if "OPEN" in remains else ""
        assert output.splitlines()[-1] == f"Not run: left by an earlier run and not deleted: NAME{state}"

    def test_other_leftovers_are_deleted_although_one_is_refused(self) -> None:
        other = "ecr-exposure-verify-ffffffffffff"
        with deployed() as rule:
            leave(rule)
            leave(rule, name=other)
            refused = Fault("ecr", "DeleteRepository", code="AccessDeniedException", times=None, repository=NAME)
            with rule.organization.faults.inject(refused):
                status, _ = rule.verify("--clean")
            assert (status, rule.repositories()) == (2, (NAME,))
            assert policy_of(rule.organization, NAME) is None

    def test_failed_check_keeps_its_exit_code(self) -> None:
        with deployed() as rule:
            leave(rule)
            refused = Fault("ecr", "CreateRepository", code="AccessDeniedException", times=None)
            with rule.organization.faults.inject(refused):
                assert rule.verify()[0] == 2
