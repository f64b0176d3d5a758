"""``scan`` that ends early: what is reported, what the file of --resume keeps, and how the next run goes on."""

import fcntl
import json
import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.policy_report import FORMATS
from tests.commands.check_command import CLOSED, PUBLIC, policy
from tests.commands.scanned_organization import ABROAD, BY_ROLE, HOME, ROLE, ScannedOrganization, scanned_organization
from tests.local_aws.organization import HUB, MEMBERS

ONE, TWO = MEMBERS
FILE: Final = Path("scan.jsonl")
RESUME: Final = ("--resume", str(FILE))
NUMBER: Final = 24


@pytest.fixture
def scanned() -> Iterator[ScannedOrganization]:
    """Return an organization in which the hub has many repositories, and a member has one."""
    with scanned_organization() as organization:
        organization.create(*(f"app-{number:02}" for number in range(NUMBER)), policy=CLOSED)
        organization.create("public", account=ONE)
        yield organization


def kept(kind: str) -> list[dict[str, Any]]:
    """Return the lines of the file of this type."""
    return [each for each in map(json.loads, FILE.read_text().splitlines()) if each["type"] == kind]


def names_of_files() -> list[str]:
    """Return what is in the folder."""
    return [each.name for each in Path().iterdir()]


def with_policy(text: str) -> None:
    """Give every repository of the file this policy."""
    lines = [json.loads(line) for line in FILE.read_text().splitlines()]
    FILE.write_text("".join(f"{json.dumps(each | {'policy': text})}\n" for each in lines))


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, in bytes: to the process it is as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestInterrupt:
    """A signal ends the run with 130, at any moment."""

    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    def test_what_was_read_is_reported_and_the_next_run_reads_the_rest(
        self, scanned: ScannedOrganization, sent: signal.Signals
    ) -> None:
        with scanned.interrupted_at("ecr", "GetRepositoryPolicy", 14, sent):
            first = scanned.scan(*BY_ROLE, *RESUME)
        assert first.code == 130
        assert first.document["result"] == "interrupted"
        assert first.document["notes"] == [
            "what was read is in scan.jsonl; with --resume scan.jsonl, the next run goes on where this one ended"
        ]
        read = len(kept("repository"))
        assert 0 < read <= len(first.results) < NUMBER
        second = scanned.scan(*BY_ROLE, *RESUME)
        assert scanned.operations["GetRepositoryPolicy"] == NUMBER + 1 - read
        assert second.code == 1
        assert len(second.results) == NUMBER + 1
        assert second.results[f"{ONE}/{HOME}/public"] == "public"
        assert second.document["notes"][0].startswith(f"{read} repositories in scan.jsonl were read by the scan that")
        assert FILE.read_text().endswith('\n{"type": "end"}\n')

    @pytest.mark.parametrize(
        "operation",
        ["sts:GetCallerIdentity", "organizations:ListAccounts", "sts:AssumeRole", "ecr:DescribeRepositories"],
    )
    def test_interrupt_at_any_call_is_130(self, scanned: ScannedOrganization, operation: str) -> None:
        service, _, name = operation.partition(":")
        with scanned.interrupted_at(service, name):
            found = scanned.run(*BY_ROLE)
        assert found.code == 130
        assert found.last_line.startswith("Interrupted")

    def test_without_a_file_the_report_names_the_option(self, scanned: ScannedOrganization) -> None:
        with scanned.interrupted_at("ecr", "GetRepositoryPolicy"):
            found = scanned.run()
        assert "Note: nothing is kept of this run; with --resume FILE, the next run goes on" in found.out


class TestWhatIsRead:
    """The next run reads what the earlier one could not."""

    def test_denied_account_is_read_by_the_next_run(self, scanned: ScannedOrganization) -> None:
        scanned.organization.accounts_without_role.add(ONE)
        assert scanned.scan(*BY_ROLE, *RESUME).code == 2
        assert {(each["account"], each["region"]) for each in kept("place")} == {(HUB, HOME), (TWO, HOME)}
        scanned.organization.accounts_without_role.clear()
        found = scanned.scan(*BY_ROLE, *RESUME)
        assert (found.code, len(found.results)) == (1, NUMBER + 1)
        assert {call.account for call in scanned.organization.calls if call.service == "ecr"} == {ONE}

    def test_denied_region_is_read_by_the_next_run(self, scanned: ScannedOrganization) -> None:
        arguments = (*RESUME, "--region", HOME, "--region", ABROAD)
        with scanned.fault("ecr", "DescribeRepositories", region=ABROAD, code="AccessDeniedException"):
            assert scanned.scan(*arguments).code == 2
        found = scanned.scan(*arguments)
        assert (found.code, len(found.document["policies"])) == (0, NUMBER)
        assert {call.region for call in scanned.organization.calls if call.service == "ecr"} == {ABROAD}

    def test_policy_and_tags_come_from_the_file_as_amazon_ecr_returned_them(self, scanned: ScannedOrganization) -> None:
        odd = json.dumps(json.loads(PUBLIC), indent=3) + "\n\u2028"
        scanned.organization.create_repository(HUB, HOME, "odd", odd, tags={"public": "true"})
        scanned.organization.accounts_without_role.add(ONE)
        first = scanned.scan(*BY_ROLE, *RESUME, "--public-tag", "public")
        second = scanned.scan(*BY_ROLE, *RESUME, "--public-tag", "public")
        assert first.results[f"{HUB}/{HOME}/odd"] == "cannot be evaluated"
        assert first.document["policies"] == second.document["policies"]

    def test_repository_with_unknown_tags_is_read_again(self, scanned: ScannedOrganization) -> None:
        scanned.organization.create_repository(HUB, HOME, "excused", PUBLIC, tags={"public": "true"})
        with scanned.fault("ecr", "ListTagsForResource", code="AccessDeniedException"):
            assert scanned.scan(*RESUME, "--public-tag", "public").results[f"{HUB}/{HOME}/excused"] == "public"
        found = scanned.scan(*RESUME, "--public-tag", "public")
        assert (found.code, found.results[f"{HUB}/{HOME}/excused"]) == (0, "public on purpose")
        assert scanned.operations["GetRepositoryPolicy"] == 1


class TestCompleteFile:
    """The file of a complete scan stays, and the next scan begins anew."""

    @pytest.fixture
    def complete(self, scanned: ScannedOrganization) -> ScannedOrganization:
        """Return an organization that was read completely."""
        assert scanned.scan(*RESUME).code == 0
        assert FILE.read_text().endswith('\n{"type": "end"}\n')
        return scanned

    def test_next_scan_reads_everything_and_replaces_the_file(self, complete: ScannedOrganization) -> None:
        complete.create("new")
        before = FILE.stat()
        complete.clock.ahead = timedelta(hours=25)
        found = complete.scan(*RESUME)
        assert (found.code, len(found.results), complete.operations["GetRepositoryPolicy"]) == (
            1,
            NUMBER + 1,
            NUMBER + 1,
        )
        (note,) = found.document["notes"]
        assert re.fullmatch(r"the scan in scan\.jsonl that began \S+ \S+ UTC was complete, so this is a new one", note)
        assert (len(kept("repository")), len(kept("end"))) == (NUMBER + 1, 1)
        assert (FILE.stat().st_ino != before.st_ino, FILE.stat().st_mode) == (True, before.st_mode)
        assert names_of_files() == [FILE.name]

    def test_scan_that_reads_nothing_leaves_it(self, complete: ScannedOrganization) -> None:
        before = FILE.read_bytes()
        with complete.fault("ecr", "DescribeRepositories", code="AccessDeniedException"):
            found = complete.scan(*RESUME)
        assert (found.code, FILE.read_bytes(), names_of_files()) == (2, before, [FILE.name])
        assert found.document["notes"][-1].startswith("nothing is kept of this run; with --resume scan.jsonl, the next")

    def test_new_scan_that_ends_early_is_the_one_that_goes_on(self, complete: ScannedOrganization) -> None:
        with complete.interrupted_at("ecr", "GetRepositoryPolicy", 9):
            assert complete.scan(*RESUME).code == 130
        read = len(kept("repository"))
        assert (0 < read < NUMBER, kept("end")) == (True, [])
        assert len(complete.scan(*RESUME).results) == NUMBER
        assert complete.operations["GetRepositoryPolicy"] == NUMBER - read

    def test_other_options_are_refused(self, complete: ScannedOrganization) -> None:
        before = FILE.read_bytes()
        found = complete.run(*RESUME, "--test", "reachable")
        assert found.code == 2
        assert "is of a scan with test unconditional, not reachable" in found.last_line
        assert (FILE.read_bytes(), names_of_files()) == (before, [FILE.name])

    def test_file_of_an_older_version_is_replaced(self, complete: ScannedOrganization) -> None:
        FILE.write_text(FILE.read_text().replace('"version": "', '"version": "0.', 1))
        assert complete.scan(*RESUME).code == 0
        assert complete.operations["GetRepositoryPolicy"] == NUMBER

    def test_full_disk_leaves_it(self, complete: ScannedOrganization) -> None:
        before = FILE.read_bytes()
        with file_limit(20):
            found = complete.run(*RESUME)
        assert found.last_line == "Not run: --resume: scan.jsonl cannot be written: File too large"
        assert (FILE.read_bytes(), names_of_files()) == (before, [FILE.name])

    def test_order_of_accounts_and_regions_is_no_other_option(self, scanned: ScannedOrganization) -> None:
        arguments = ("--member-role", ROLE, *RESUME)
        assert scanned.run(*arguments, "--accounts", f"{ONE},{TWO}", "--region", f"{HOME},{ABROAD}").code == 1
        assert scanned.run(*arguments, "--accounts", f"{TWO},{ONE}", "--region", f"{ABROAD},{HOME}").code == 1


class TestFile:
    """The file of --resume, whatever happened to it."""

    @pytest.fixture
    def ended(self, scanned: ScannedOrganization) -> ScannedOrganization:
        """Return an organization of which a run has read a part."""
        scanned.organization.accounts_without_role.add(ONE)
        assert scanned.scan(*BY_ROLE, *RESUME).code == 2
        return scanned

    def test_last_line_that_is_cut_off_is_read_again(self, ended: ScannedOrganization) -> None:
        lines = FILE.read_bytes().splitlines(keepends=True)
        at = next(at for at, line in enumerate(lines) if b'"app-07"' in line)
        for length in (1, len(lines[at]) // 2, len(lines[at]) - 1):
            FILE.write_bytes(b"".join(lines[:at]) + lines[at][:length])
            assert len(ended.scan(*BY_ROLE, *RESUME).results) == NUMBER
            assert len({each["name"] for each in kept("repository")}) == NUMBER

    def test_nothing_is_left_of_a_line_that_was_cut_off(self, ended: ScannedOrganization) -> None:
        lines = [line for line in FILE.read_bytes().splitlines(keepends=True) if b'"type": "place"' not in line]
        FILE.write_bytes(b"".join(lines)[:-1])
        ended.organization.delete_repository(HUB, HOME, json.loads(lines[-1])["name"])
        assert len(ended.scan(*BY_ROLE, *RESUME).results) == NUMBER - 1
        # What the run wrote is shorter than the line was.
        assert FILE.read_bytes().endswith(b"}\n")

    @pytest.mark.parametrize(
        ("arguments", "difference"),
        [
            (("--test", "reachable"), "is of a scan with test unconditional, not reachable"),
            (("--region", "us-east-1"), "is of a scan with regions eu-west-1, not us-east-1"),
            (("--all-regions",), "is of a scan with regions eu-west-1, not all"),
            (("--accounts", TWO), f"is of a scan with accounts none, not {TWO}"),
            (("--public-tag", "public"), "is of a scan with public tag none, not public"),
        ],
    )
    def test_other_options_are_refused_by_name(
        self, ended: ScannedOrganization, arguments: tuple[str, ...], difference: str
    ) -> None:
        before = FILE.read_bytes()
        found = ended.run(*BY_ROLE, *RESUME, *arguments)
        assert (found.code, found.out) == (2, "")
        end = "; name another file, or remove it for a new scan"
        assert found.last_line == f"Not run: --resume: scan.jsonl {difference}{end}"
        assert FILE.read_bytes() == before

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ('"schema": 1', '"schema": 2', "is of version "),
            ('"version": "', '"version": "0.', "is of version 0."),
            ('{"type": "place"', '{"type": "plaice"', "is neither a repository nor a place"),
            ('"policy": "', '"policy": 1, "x": "', "is neither a repository nor a place"),
            ('{"type": "scan"', '{"type": "sarif"', "is no file of ecr-exposure scan; it is not changed"),
        ],
    )
    def test_changed_file_is_refused_and_not_changed(
        self, ended: ScannedOrganization, old: str, new: str, reason: str
    ) -> None:
        FILE.write_text(FILE.read_text().replace(old, new, 1))
        before = FILE.read_bytes()
        found = ended.run(*BY_ROLE, *RESUME)
        assert (found.code, found.out) == (2, "")
        assert reason in found.last_line
        assert FILE.read_bytes() == before

    @pytest.mark.parametrize("content", [b"{}", b"{", b"resource {}\n", b"\xff\xfe\n", b"[" * 100_000])
    def test_file_of_something_else_is_never_overwritten(self, scanned: ScannedOrganization, content: bytes) -> None:
        FILE.write_bytes(content)
        found = scanned.run(*RESUME)
        assert (found.code, found.out) == (2, "")
        assert found.last_line == "Not run: --resume: scan.jsonl is no file of ecr-exposure scan; it is not changed"
        assert FILE.read_bytes() == content

    def test_scan_of_yesterday_says_nothing_about_now(self, ended: ScannedOrganization) -> None:
        ended.clock.ahead = timedelta(hours=25)
        found = ended.run(*BY_ROLE, *RESUME)
        assert found.code == 2
        assert "more than 24 hours ago; name another file, or remove it for a new scan" in found.last_line

    def test_scan_of_tomorrow_is_of_a_wrong_clock(self, ended: ScannedOrganization) -> None:
        ended.clock.ahead = timedelta(hours=-1)
        found = ended.run(*BY_ROLE, *RESUME)
        assert found.code == 2
        assert "which is in the future; name another file, or remove it for a new scan" in found.last_line

    def test_second_run_at_the_same_time_is_refused(self, ended: ScannedOrganization) -> None:
        before = FILE.read_bytes()
        with FILE.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            found = ended.run(*BY_ROLE, *RESUME)
        assert (found.code, found.out, FILE.read_bytes()) == (2, "", before)
        end = "is in use by another run; wait for its end, or name another file"
        assert found.last_line == f"Not run: --resume: scan.jsonl {end}"

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: b"\xef\xbb\xbf" + content,
            lambda content: content.replace(b"\n", b"\r\n"),
            lambda content: content + content.partition(b"\n")[2],
        ],
        ids=["byte order mark", "line ends of Windows", "each line twice"],
    )
    def test_file_that_an_editor_saved_is_read(
        self, ended: ScannedOrganization, change: Callable[[bytes], bytes]
    ) -> None:
        FILE.write_bytes(change(FILE.read_bytes()))
        found = ended.scan(*BY_ROLE, *RESUME)
        assert (len(found.results), ended.operations["GetRepositoryPolicy"]) == (NUMBER, 0)

    def test_control_characters_in_it_reach_no_terminal(self, ended: ScannedOrganization) -> None:
        with_policy(json.dumps(policy(Sid="Pull\x1b[2J\x9b\u202e")))
        written = [each for name in FORMATS for each in ("--format", name, "--output", f"written.{name}")]
        found = ended.run(*BY_ROLE, *RESUME, *written)
        assert (found.code, f"{NUMBER} public" in found.last_line) == (2, True)
        for text in (found.err, *(Path(f"written.{name}").read_text("utf-8") for name in FORMATS)):
            assert not {"\x1b", "\x9b", "\u202e"} & {*text}

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("app-00", "app-00\x1b[2J"),
            ("app-00", "app-00\u202e"),
            (f":{HUB}:repository/app-00", f":{ONE}:repository/app-00"),
        ],
    )
    def test_repository_of_another_place_or_name_is_refused(
        self, ended: ScannedOrganization, old: str, new: str
    ) -> None:
        FILE.write_text(FILE.read_text().replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))
        found = ended.run(*BY_ROLE, *RESUME)
        assert (found.code, "is neither a repository nor a place" in found.last_line) == (2, True)

    @pytest.mark.parametrize("text", ["", " \n"])
    def test_empty_policy_is_refused_and_never_no_policy(self, ended: ScannedOrganization, text: str) -> None:
        with_policy(text)
        found = ended.run(*BY_ROLE, *RESUME)
        assert (found.code, "is neither a repository nor a place" in found.last_line) == (2, True)

    def test_repositories_of_an_account_that_is_denied_now_are_reported(self, ended: ScannedOrganization) -> None:
        FILE.write_text("".join(line for line in FILE.read_text().splitlines(keepends=True) if '"place"' not in line))
        with ended.fault("ecr", "DescribeRepositories", account=HUB, code="AccessDeniedException"):
            found = ended.scan(*BY_ROLE, *RESUME)
        assert (found.code, len(found.results), len(found.errors)) == (2, NUMBER, 2)
        with ended.fault("sts", "AssumeRole", status=403, code="ExpiredToken"):
            found = ended.scan(*BY_ROLE, *RESUME)
        assert (found.code, len(found.results)) == (2, NUMBER)

    def test_file_that_cannot_be_created_is_refused_before_anything_is_read(self, scanned: ScannedOrganization) -> None:
        found = scanned.run("--resume", "missing/scan.jsonl")
        assert found.code == 2
        assert found.last_line == ("Not run: --resume: missing/scan.jsonl cannot be opened: No such file or directory")
        assert "DescribeRepositories" not in scanned.operations


class TestFullDisk:
    """Everything is read and reported all the same, and no file is half-written."""

    def test_file_to_resume_keeps_whole_lines(self, scanned: ScannedOrganization) -> None:
        with file_limit(5_000):
            found = scanned.scan(*RESUME)
        assert (found.code, len(found.results)) == (2, NUMBER)
        assert found.errors == ["scan.jsonl: cannot be written: File too large"]
        assert FILE.read_bytes().endswith(b"\n")
        read = len(kept("repository"))
        assert scanned.scan(*RESUME).code == 0
        assert scanned.operations["GetRepositoryPolicy"] == NUMBER - read

    def test_file_to_resume_that_takes_no_line_is_not_left(self, scanned: ScannedOrganization) -> None:
        with file_limit(20):
            found = scanned.run(*RESUME)
        assert (found.code, found.out) == (2, "")
        assert found.last_line == "Not run: --resume: scan.jsonl cannot be written: File too large"
        assert not FILE.exists()

    def test_report_that_cannot_be_written_leaves_the_file_to_resume(self, scanned: ScannedOrganization) -> None:
        found = scanned.run(*RESUME, "--format", "json", "--output", "/dev/full")
        assert found.code == 2
        assert "Not written: /dev/full cannot be written: No space left on device" in found.err
        assert len(kept("repository")) == NUMBER
        scanned.run(*RESUME)
        assert scanned.operations["GetRepositoryPolicy"] == 0
