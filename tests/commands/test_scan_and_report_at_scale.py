"""``scan`` and ``report`` in a large organization: interrupted, throttled, refused, and the same answers in the end.

50 accounts with 200 repositories each in the nightly profile, by default three with 20.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import pytest

from tests.commands.deployed_organization import ABROAD, HOME, ROLE, DeployedOrganization, deployed_organization
from tests.commands.evaluated_organization import CLOSED, INVALID, PUBLIC, results, run_on
from tests.commands.scanned_organization import Scan, ScannedOrganization
from tests.local_aws.calls import Call
from tests.local_aws.organization import HUB
from tests.nightly import NIGHTLY

ACCOUNTS, REPOSITORIES = (50, 200) if NIGHTLY else (3, 20)
MEMBERS: Final = tuple(str(500_000_000_000 + number) for number in range(1, ACCOUNTS))
REGIONS: Final = (HOME, ABROAD)
DENIED: Final = MEMBERS[-1]
ALL: Final = ("--member-role", ROLE, "--region", ",".join(REGIONS), "--resume", "scan.jsonl")
POLICY: Final[Mapping[int, tuple[str | None, str]]] = {
    0: (PUBLIC, "public"),
    1: (INVALID, "cannot be evaluated"),
    2: (None, "not public"),
    3: (CLOSED, "not public"),
    4: (CLOSED, "not public"),
}
"""Policy and result of a repository, by the last digit of its number, modulo five."""


def names() -> Iterator[tuple[str, str, str, int]]:
    """Yield account, Region, name and number of each repository; the same names are in every account."""
    for account in (HUB, *MEMBERS):
        for number in range(REPOSITORIES):
            yield account, REGIONS[number // 5 % 2], f"team/app-{number:03}", number % 5


EXPECTED: Final = {f"{account}/{region}/{name}": POLICY[kind][1] for account, region, name, kind in names()}


@pytest.fixture(scope="module")
def large() -> Iterator[DeployedOrganization]:
    """Return the organization; the rule has evaluated every repository."""
    with deployed_organization(members=MEMBERS) as deployed:
        for account, region, name, kind in names():
            deployed.organization.create_repository(account, region, name, POLICY[kind][0])
            deployed.organization.recorder.record(account, region, name)
        deployed.evaluate()
        yield deployed


def after(number: int) -> Callable[[Call], bool]:
    """Return a function that is true from this call on."""
    made: list[Call] = []

    def is_after(call: Call) -> bool:
        made.append(call)
        return len(made) > number

    return is_after


def throttled(call: Call, seen: set[str | None]) -> bool:
    """Return whether this is the first call about every third repository."""
    name = f"{call.account}/{call.region}/{call.repository}"
    is_throttled = name not in seen and str(call.repository)[-1] in "0369"
    seen.add(name)
    return is_throttled


def check_is_part(found: Scan) -> None:
    """Check that a run that ended early names each repository once at most, with the result that it has."""
    files = [each["file"] for each in found.document["policies"]]
    assert len(files) == len(set(files)) < len(EXPECTED)
    assert found.results.items() <= EXPECTED.items()


def test_scan_goes_on_where_it_ended_and_tells_the_truth(large: DeployedOrganization) -> None:
    scanned = ScannedOrganization(large.organization, large.services)
    seen: set[str | None] = set()
    throttling = {"when": lambda call: throttled(call, seen), "code": "ThrottlingException"}
    with scanned.fault("ecr", "GetRepositoryPolicy", **throttling) as failed:
        parts = list(scanned_in_parts(scanned))
        complete = scanned.scan(*ALL)
    assert failed
    for part, next_part in pairwise(parts):
        assert part.results.items() <= next_part.results.items()
    assert complete.code == 1
    assert [each["file"] for each in complete.document["policies"]] == sorted(EXPECTED)
    assert (complete.results, complete.errors) == (EXPECTED, [])
    calls = [call for call in large.organization.calls if call.operation == "GetRepositoryPolicy"]
    read = {f"{call.account}/{call.region}/{call.repository}" for call in calls}
    assert read == EXPECTED.keys() - parts[-1].results.keys()


def scanned_in_parts(scanned: ScannedOrganization) -> Iterator[Scan]:
    """Yield three runs that end early, each of which goes on where the one before ended."""
    read = len(EXPECTED) // 3
    with scanned.interrupted_at("ecr", "GetRepositoryPolicy", read):
        interrupted = scanned.scan(*ALL)
    assert interrupted.code == 130
    check_is_part(interrupted)
    yield interrupted

    how: dict[str, Any] = {"status": 403, "code": "ExpiredTokenException"}
    with (
        scanned.fault("ecr", "GetRepositoryPolicy", when=after(read), **how),
        scanned.fault("sts", "AssumeRole", when=after(ACCOUNTS // 2), **how),
    ):
        expired = scanned.scan(*ALL)
    assert expired.code == 2
    assert any("your credentials expired" in each for each in expired.errors)
    check_is_part(expired)
    yield expired

    scanned.organization.accounts_without_role.add(DENIED)
    denied = scanned.scan(*ALL)
    scanned.organization.accounts_without_role.remove(DENIED)
    assert denied.code == 2
    assert [each.partition(":")[0] for each in denied.errors] == [DENIED]
    assert {**EXPECTED, **denied.results} == EXPECTED
    missing = EXPECTED.keys() - denied.results.keys()
    assert {each.partition("/")[0] for each in missing} <= {DENIED}
    assert denied.document["scope"]["not_seen"] <= len(REGIONS)
    yield denied


def test_report_gives_the_same_verdicts_with_annotations(large: DeployedOrganization) -> None:
    recorded = run_on(large, "report", "--json")
    calls = len(large.organization.calls)
    anew = run_on(large, "report", "--json", "--policies")
    for run in (recorded, anew):
        assert run.status == 1
        assert results(run) == EXPECTED
        assert [each["file"] for each in run.document["policies"]] == sorted(EXPECTED)
        assert all(each["recorded"]["annotation"] for each in run.document["policies"])
        assert {note for each in run.document["policies"] for note in each["notes"]} == set()
    # One page of results for each rule, account and Region, pages of 100 repositories, and a few more.
    assert calls <= ACCOUNTS * len(REGIONS) * -(-REPOSITORIES // 200) + len(EXPECTED) // 100 + 10
    assert json.loads(anew.text)["scope"]["not_seen"] == 0
