"""What could not be read, as people see it: one line for each reason, while the other formats name each place."""

import csv
import json
import re
from datetime import UTC, datetime

import pytest

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.policy_report.checked_policy import Report
from ecr_exposure.cli.policy_report.not_read import not_read_lines
from ecr_exposure.cli.policy_report.report_scope import FilesRead, PlacesRead, Scope
from tests.commands.check_command import Check
from tests.commands.scanned_organization import BY_ROLE, scanned_organization

ACCOUNTS = tuple(str(500_000_000_000 + number) for number in range(1000))
FIVE = ", ".join(ACCOUNTS[:5])


def lines(errors: list[NotReadError], scope: Scope | None = None) -> list[str]:
    """Return the lines of a report of repositories with these errors."""
    scope = scope or PlacesRead(source="Amazon ECR")
    return list(not_read_lines(Report(errors=tuple(errors), scope=scope, started=datetime.now(UTC), version="1")))


def test_accounts_without_the_role_are_one_line_for_people_and_each_one_for_programs() -> None:
    members = ACCOUNTS[:7]
    with scanned_organization(members=members) as scanned:
        scanned.organization.accounts_without_role.update(members)
        table = scanned.run(*BY_ROLE, "--region", "eu-west-1,us-east-1")
        documents = {name: scanned.run(*BY_ROLE, "--format", name) for name in ("json", "csv", "sarif", "junit")}
    why = "AccessDenied: The caller is not authorized to perform: sts:AssumeRole on this role (AssumeRole)"
    line = f"Not read: 7 with the same reason ({FIVE} and 2 more): {why}"
    assert [each for each in table.out.splitlines() if each.startswith("Not read")] == [line]
    assert "Not read" not in table.err
    for found in documents.values():
        assert line in found.err.splitlines()
        assert {each for each in members if each in found.out} == {*members}
    assert len(json.loads(documents["json"].out)["errors"]) == 7
    assert len([*csv.reader(documents["csv"].out.splitlines())]) == 8
    assert table.last_line.startswith("Not complete: 7 problems; ")


@pytest.mark.parametrize(
    "reason",
    [
        "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/x is not authorized to perform: sts:AssumeRole on "
        "resource: arn:aws:iam::{account}:role/Audit (AssumeRole)",
        "the evaluations by OrgConfigRule-ecr-x{number}abc, not all of which were read: slow (Get)",
        "the evaluations by ecr-repository-conformance-pack-x{number}y, not all of which were read: slow",
        "{number} of 40 repositories were not read, because 2{number} in a row could not be read: {region}",
    ],
)
def test_reasons_that_differ_in_account_region_and_number_are_the_same(reason: str) -> None:
    places = [(account, region) for account in ACCOUNTS for region in ("eu-west-1", "us-gov-east-1")]
    (line,) = lines(
        [
            NotReadError(f"{account}/{region}", None, reason.format(account=account, region=region, number=number))
            for number, (account, region) in enumerate(places)
        ]
    )
    assert line.startswith("2,000 with the same reason (500000000000/eu-west-1, 500000000000/us-gov-east-1, ")
    first = reason.format(account=ACCOUNTS[0], region="eu-west-1", number=0)
    assert line.endswith(f" and 1,995 more): for the first, {first}")


def test_reasons_that_are_cut_within_names_are_the_same() -> None:
    start = (
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/Audit/scan is not authorized to perform"
    )
    errors = [
        NotReadError(f"{ACCOUNTS[0]}/eu-west-1/{name}", None, f"{f'{start}: ecr:X on {name} because'[:130]}… (Get)")
        for name in ("app", "team/a-longer-name")
    ]
    assert len(lines(errors)) == 1


def test_different_reasons_are_different_lines_in_the_order_of_their_first_places() -> None:
    errors = [NotReadError(account, None, f"no {'ab'[int(account) % 2]}") for account in ACCOUNTS[:5]]
    assert lines([*errors, NotReadError("x", None, "no c")]) == [
        f"3 with the same reason ({', '.join(ACCOUNTS[:5:2])}): no a",
        f"2 with the same reason ({', '.join(ACCOUNTS[1:5:2])}): no b",
        "x: no c",
    ]


def test_of_files_the_numbers_in_a_reason_count() -> None:
    errors = [
        NotReadError(f"{name}.json", 3, f"{name}.json: key {key}") for name, key in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert lines(errors, FilesRead()) == [
        "2 with the same reason (a.json:3, b.json:3): for the first, a.json: key 1",
        "c.json:3: c.json: key 2",
    ]


def test_check_has_one_line_for_files_with_the_same_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = Check(capsys)("missing.json", "gone.json")
    assert re.fullmatch(
        r"Not read: 2 with the same reason \(missing\.json, gone\.json\): cannot be read: \S.*",
        found.out.splitlines()[0],
    )
