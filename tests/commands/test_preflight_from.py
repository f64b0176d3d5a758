"""``preflight --from FILE``: in a delegated administrator, with what a run in the management account saw."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import ABROAD, HOME, ONE, TRUSTED, TWO, PreparedOrganization, Report, refused
from tests.local_aws.organization import HUB

Document = dict[str, Any]
Change = Callable[[Document], object]
FILE: Final = "preflight.json"
STATUS: Final = "DescribeConfigurationRecorderStatus"


@pytest.fixture
def delegated(prepared: PreparedOrganization) -> PreparedOrganization:
    """Return an organization with a delegated administrator, the hub, that may not assume a role anywhere."""
    prepared.delegate(*TRUSTED)
    prepared.organization.accounts_without_role.update({HUB, TWO})
    return prepared


def seen_from_above(prepared: PreparedOrganization, preflight: RunPreflight, *arguments: str) -> Document:
    """Return the document of a run in the management account, and write it to the file."""
    roles = set(prepared.organization.accounts_without_role)
    prepared.organization.accounts_without_role.clear()
    prepared.organization.hub = HUB
    report = preflight(prepared, "--hub", ONE, "--json", *arguments)
    prepared.organization.hub = ONE
    prepared.organization.accounts_without_role.update(roles)
    document: Document = json.loads(report.text)
    write(document)
    return document


def write(document: object) -> None:
    """Write the file."""
    Path(FILE).write_text(json.dumps(document), encoding="utf-8")


def called(prepared: PreparedOrganization, operations: Iterable[str]) -> int:
    """Return how often any of these operations was called."""
    return sum(call.operation in operations for call in prepared.organization.calls)


class TestFacts:
    """A fact of the file replaces a call."""

    def test_delegated_administrator_is_ready_with_what_the_management_account_saw(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        assert preflight(delegated).status == 2
        seen_from_above(delegated, preflight)
        report = preflight(delegated, "--from", FILE)
        assert (report.status, report.lines[-1]) == (0, "Ready to deploy")
        assert called(delegated, ("AssumeRole", STATUS)) == 0

    def test_administrator_of_security_hub_is_known_from_the_file(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        seen_from_above(delegated, preflight)
        assert f"the administrator is account {TWO}" in preflight(delegated, "--from", FILE).text
        assert f"the administrator is account {TWO}" not in preflight(delegated).text

    def test_what_the_file_says_is_missing_is_missing(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        delegated.record(TWO, on=False)
        seen_from_above(delegated, preflight)
        report = preflight(delegated, "--from", FILE)
        assert report.status == 1
        assert any("the configuration recorder is stopped" in line for line in report.under("Missing"))

    def test_account_that_the_management_account_could_not_see_is_not_sent_there_again(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        document = seen_from_above(delegated, preflight)
        reason = "AccessDenied: no role for you (AssumeRole)"
        del document["account_regions"][TWO]
        write(document | {"not_reached": {TWO: reason}})
        report = preflight(delegated, "--from", FILE)
        assert report.status == 2
        assert f"; the run that made the file could not see it either: {reason}" in report.text
        assert "can usually check this" not in report.text
        assert "can usually check this" in preflight(delegated).text

    def test_account_that_joined_later_is_read(self, delegated: PreparedOrganization, preflight: RunPreflight) -> None:
        seen_from_above(delegated, preflight)
        delegated.organization.hub = HUB
        delegated.organization.join("888888888888")
        delegated.organization.hub = ONE
        delegated.record("888888888888")
        delegated.record("888888888888", ABROAD)
        assert preflight(delegated, "--from", FILE).status == 0
        assert called(delegated, ("AssumeRole",)) == 1

    def test_region_that_the_file_lacks_is_read(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        write(json.loads(preflight(prepared, "--json", regions=HOME).text))
        preflight(prepared, "--from", FILE)
        read = [call.region for call in prepared.organization.calls if call.operation == STATUS]
        assert read == [ABROAD] * 3

    def test_fact_that_could_not_be_read_then_is_read_now(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with prepared.organization.faults.inject(refused("config", STATUS, account=ONE, region=HOME)):
            write(json.loads(preflight(prepared, "--json").text))
        report = preflight(prepared, "--from", FILE)
        assert (report.status, called(prepared, (STATUS,))) == (0, 1)

    def test_fact_that_cannot_be_read_now_either_keeps_its_reason(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        with delegated.organization.faults.inject(refused("config", STATUS, account=TWO, region=HOME)):
            seen_from_above(delegated, preflight)
        report = preflight(delegated, "--from", FILE)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert "AccessDeniedException: no DescribeConfigurationRecorderStatus for you" in finding

    def test_detail_that_was_left_out_then_and_cannot_be_read_now_leaves_the_account_seen(
        self, delegated: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        """In a large organization a run without --thorough leaves out settings and delivery channels."""
        document = seen_from_above(delegated, preflight)
        pair = document["account_regions"][TWO][ABROAD]
        pair["delivery_channel"] = pair["recorder"]["settings"] = {"not_read": True}
        write(document)
        report = preflight(delegated, "--from", FILE)
        assert (report.status, report.under("Not checked")) == (0, [])
        assert "was not read in 1 of 4 accounts × Regions" in report.text
        assert any(line.endswith(f"--hub {ONE} --thorough") for line in report.lines)

    def test_permissions_boundary_of_another_name_is_read(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(PermissionsBoundaryName="Before")
        write(json.loads(preflight(prepared, "--json").text))
        preflight(prepared, "--from", FILE)
        assert called(prepared, ("GetPolicy",)) == 0
        write_values(PermissionsBoundaryName="Now")
        preflight(prepared, "--from", FILE)
        assert (called(prepared, ("GetPolicy",)), called(prepared, (STATUS,))) == (3, 0)

    def test_document_of_a_run_with_a_file_is_as_old_as_the_file(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        document = json.loads(preflight(prepared, "--json").text)
        write(document)
        assert json.loads(preflight(prepared, "--from", FILE, "--json").text)["made_at"] == document["made_at"]


class TestDocument:
    """What ``--json`` prints."""

    def test_document_has_every_account_in_every_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight
    ) -> None:
        prepared.remove_recorder(TWO, ABROAD)
        document = json.loads(preflight(prepared, "--json").text)
        assert (document["schema"], document["result"], document["exit_code"]) == (1, "ready", 0)
        regions = document["account_regions"]
        assert {(account, region) for account in regions for region in regions[account]} == {
            (account, region) for account in (HUB, ONE, TWO) for region in (HOME, ABROAD)
        }
        assert regions[TWO][ABROAD]["recorder"] is None
        assert regions[ONE][HOME]["recorder"]["settings"]["recordingGroup"]["allSupported"] is True
        assert regions[ONE][HOME]["delivery_channel"] == {"bucket": "org-config-log", "last_error": ""}
        assert document["values"]["HomeRegion"] == HOME
        assert {each["id"] for each in document["accounts"]} == {HUB, ONE, TWO}
        assert [each["level"] for each in document["findings"]]

    def test_quiet_prints_the_result_only(self, prepared: PreparedOrganization, preflight: RunPreflight) -> None:
        assert preflight(prepared, "-q").lines == ["Ready to deploy"]


def _set(*path: str, value: object) -> Change:
    """Return a change of one member."""

    def change(document: Document) -> None:
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


def _dated(**ago: float) -> Change:
    return lambda document: document.update(made_at=(datetime.now(UTC) - timedelta(**ago)).isoformat())


PAIR: Final = ("account_regions", ONE, HOME)


class TestWrongFile:
    """A file that cannot be used is refused before any account is read."""

    @staticmethod
    def _run(prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], *arguments: str) -> Report:
        capsys.readouterr()
        prepared.organization.calls.clear()
        session = prepared.organization.session(HUB, HOME)
        status = main(("preflight", "--regions", f"{HOME},{ABROAD}", *arguments), Environment(session=session))
        return Report(status, capsys.readouterr().err)

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (_set("schema", value=2), "this is no document of schema 1 of ecr-exposure preflight --json"),
            (_set("command", value="status"), "this is no document of schema 1 of ecr-exposure preflight --json"),
            (_set("organization", value="o-another"), "it is about organization o-another, and this run about "
             "organization o-exampleorg1"),
            (_set("organization", value=None), f"it is about account {HUB}, and this run about organization"),
            (_set("made_at", value="yesterday"), "made_at: 'yesterday' is no date with a time zone"),
            (_set("made_at", value="2026-01-01T00:00:00"), "is no date with a time zone"),
            (_set("made_at", value=None), "made_at: None is not text"),
            (_dated(days=8), "and may be 7 days old at most"),
            (_dated(minutes=-10), "is in the future"),
            (_set("account_regions", value=[]), "account_regions: an object is expected"),
            (_set("account_regions", value={"12": {}}), "account_regions: '12' is not an account ID of 12 digits"),
            (_set("account_regions", ONE, "eu-moon-1", value={}), f"account_regions.{ONE}.eu-moon-1: 'eu-moon-1' is "
             "not a Region that boto3 knows"),
            (_set(*PAIR, value="x"), f"account_regions.{ONE}.{HOME}: an object is expected"),
            (_set(*PAIR, "enabled", value="yes"), "enabled: 'yes' is not true or false"),
            (_set(*PAIR, "recorder", "name", value=1), "recorder.name: 1 is not text"),
            (_set(*PAIR, "recorder", "recording", value=None), "recorder.recording: None is not true or false"),
            (_set(*PAIR, "recorder", "settings", value=None), "recorder.settings: an object is expected"),
            (_set(*PAIR, "recorder", "settings", "recordingGroup", value=[1]), "recordingGroup: an object is expected"),
            (_set(*PAIR, "recorder", "settings", "recordingMode", value={"recordingModeOverrides": [{}]}),
             "recordingFrequency: None is not text"),
            (_set(*PAIR, "delivery_channel", "last_error", value=None), "last_error: None is not text"),
            (_set("permissions_boundaries", value={ONE: "x"}), "permissions_boundaries.444455556666: 'x' is not true"),
            (_set("service_linked_role", value="x"), "service_linked_role: 'x' is not true or false"),
            (_set("security_hub", HOME, value=1), f"security_hub.{HOME}: an object is expected"),
        ],
    )  # fmt: skip
    def test_wrong_member_is_named(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        capsys: pytest.CaptureFixture[str],
        change: Change,
        problem: str,
    ) -> None:
        document = json.loads(preflight(prepared, "--json").text)
        change(document)
        write(document)
        report = self._run(prepared, capsys, "--from", FILE)
        assert report.status == 2
        assert report.text.startswith(f"Not run: --from: {FILE}: ")
        assert problem in report.text
        assert called(prepared, ("AssumeRole", STATUS)) == 0

    @pytest.mark.parametrize("content", [b"", b"not JSON", b"\xff\xfe", b"[1", b"[]", b"1"])
    def test_file_that_is_no_document_is_refused(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str], content: bytes
    ) -> None:
        Path(FILE).write_bytes(content)
        report = self._run(prepared, capsys, "--from", FILE)
        assert report.status == 2
        assert report.text.startswith(f"Not run: --from: {FILE}")
        assert content in {b"[]", b"1"} or f"{FILE} is not the output of preflight --json: " in report.text
        assert "Traceback" not in report.text

    def test_missing_file_is_refused_without_a_call(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = self._run(prepared, capsys, "--from", FILE)
        assert f"'--from': File '{FILE}' does not exist." in report.text
        assert prepared.organization.calls == []

    @pytest.mark.parametrize(("hours", "status"), [(23.9, 0), (24.1, 2)])
    def test_file_to_resume_may_be_a_day_old(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        capsys: pytest.CaptureFixture[str],
        hours: float,
        status: int,
    ) -> None:
        document = json.loads(preflight(prepared, "--json").text)
        _dated(hours=hours)(document)
        Path(".preflight-resume.json").write_text(json.dumps(document), encoding="utf-8")
        report = self._run(prepared, capsys, "--resume")
        assert report.status == status
        assert ("may be 24 hours old at most" in report.text) is (status == 2)
