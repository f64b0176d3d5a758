"""All formats of ``scan`` and ``report`` show the same findings of the repositories of an organization."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.policy_report import FORMATS
from tests.commands.deployed_organization import HOME, ONE, DeployedOrganization
from tests.commands.evaluated_organization import EXPECTED, PUBLIC, evaluated_organization, run_on
from tests.commands.html_pages import Page
from tests.commands.scanned_organization import ScannedOrganization
from tests.commands.test_check_formats import in_csv, in_json, in_sarif
from tests.commands.test_check_sarif import VALIDATOR

TWO_STATEMENTS: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
            {"Sid": "Push", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "ecr:PutImage"},
        ],
    }
)
FOUND: Final = {name: 1 for name, result in EXPECTED.items() if result != "not public"}
LIVE: Final = ("scan", "--member-role", "EcrExposureEvaluation", "--region", f"{HOME},us-east-1")
RUNS: Final = {
    "scan": LIVE,
    "scan of an aggregator": ("scan",),
    "report": ("report",),
    "report with policies": ("report", "--policies"),
}


@pytest.fixture(scope="module")
def organization() -> Iterator[DeployedOrganization]:
    """Return an organization that also has an excused repository, and one with two public statements."""
    with evaluated_organization() as deployed:
        for name, policy in (("excused/app", PUBLIC), ("team/two.public_statements", TWO_STATEMENTS)):
            deployed.organization.create_repository(ONE, HOME, name, policy)
            deployed.organization.recorder.record(ONE, HOME, name)
        deployed.evaluate()
        yield deployed


def run(organization: DeployedOrganization, command: str, *arguments: str) -> dict[str, str]:
    """Write all formats; return their texts, and the JSON Lines of standard output."""
    written = [each for name in FORMATS for each in ("--format", name, "--output", f"written.{name}")]
    options = ("--show-excused", "--public-repository", f"{ONE}:excused/*", *arguments)
    run_with(organization, command, *options, *written)
    lines = run_with(organization, command, *options, "--stream")
    return {"lines": lines} | {name: Path(f"written.{name}").read_text("utf-8") for name in FORMATS}


def run_with(organization: DeployedOrganization, command: str, *options: str) -> str:
    """Return what a run with findings writes to standard output."""
    if "--member-role" in options:
        scanned = ScannedOrganization(organization.organization, organization.services).run(*options)
        code, out = scanned.code, scanned.out
    else:
        ended = run_on(organization, command, *options)
        code, out = ended.status, ended.text
    assert code == 1
    return out


def in_table(text: str) -> Iterator[str]:
    """Yield the repository of each finding."""
    for block in text.split("\n\n"):
        name, _, lines = block.partition("\n")
        yield from (name for _ in re.findall(r"^  [A-Z]{2}[A-Z ]+: ", lines, re.MULTILINE))


def in_junit(text: str) -> Iterator[str]:
    """Yield the repository of each finding of the cases that did not pass."""
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 - our own output
        name = str(case.get("file"))
        yield from (
            name for _ in (re.findall(rf"^{re.escape(name)}: ", str(case[0].text), re.MULTILINE) if len(case) else ())
        )


def in_html(text: str) -> Iterator[str]:
    """Yield the repository of each finding in the data of the page."""
    data = Page(text).data()
    for row in range(len(data)):
        columns, names = data.head["rows"], data.head
        account, region = names["accounts"][columns["account"][row]], names["regions"][columns["region"][row]]
        yield from (f"{account}/{region}/{columns['repository'][row]}" for _ in data.content(row)["findings"])


def in_lines(text: str) -> Iterator[str]:
    """Yield the repository of each finding in JSON Lines."""
    policies = [line for line in map(json.loads, text.splitlines()) if line["type"] == "policy"]
    return (file for file, _, _ in in_json(json.dumps({"policies": policies})))


@pytest.mark.parametrize("command", RUNS.values(), ids=RUNS)
def test_each_format_shows_the_same_findings(organization: DeployedOrganization, command: tuple[str, ...]) -> None:
    texts = run(organization, *command)
    found = {
        "table": Counter(in_table(texts["table"])),
        "json": Counter(file for file, _, _ in in_json(texts["json"])),
        "sarif": Counter(file for file, _, _ in in_sarif(texts["sarif"])),
        "junit": Counter(in_junit(texts["junit"])),
        "csv": Counter(file for file, _, _ in in_csv(texts["csv"])),
        "html": Counter(in_html(texts["html"])),
        "lines": Counter(in_lines(texts["lines"])),
    }
    statements = 1 if command == ("report",) else 2  # an evaluation is one sentence about all statements
    expected = {**FOUND, f"{ONE}/{HOME}/excused/app": 1, f"{ONE}/{HOME}/team/two.public_statements": statements}
    assert found == dict.fromkeys((*FORMATS, "lines"), expected)
    assert "line 1" not in texts["table"]


@pytest.mark.parametrize("command", RUNS.values(), ids=RUNS)
def test_sarif_is_valid_and_its_fingerprints_are_unique_and_stay(
    organization: DeployedOrganization, command: tuple[str, ...]
) -> None:
    def read() -> dict[str, list[Any]]:
        document = json.loads(run(organization, *command)["sarif"])
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []
        found: dict[str, list[Any]] = {}
        for result in document["runs"][0]["results"]:
            (location,) = (each["physicalLocation"] for each in result["locations"])
            assert location["region"]["startLine"] == 1
            hashes = found.setdefault(location["artifactLocation"]["uri"], [])
            hashes.append(result["partialFingerprints"]["primaryLocationLineHash"])
        return found

    first = read()
    every = [each for hashes in first.values() for each in hashes]
    assert len(every) == len(set(every)) > 3
    name = f"a-{len(command)}{command[0]}"  # a new repository, which comes first
    organization.organization.create_repository(ONE, HOME, name, PUBLIC)
    organization.organization.recorder.record(ONE, HOME, name)
    second = read()
    organization.organization.delete_repository(ONE, HOME, name)
    organization.organization.recorder.record(ONE, HOME, name, status="ResourceDeleted")
    assert set(second) == {*first, f"{ONE}/{HOME}/{name}"}
    assert {uri: hashes for uri, hashes in second.items() if uri in first} == first


@pytest.mark.parametrize("name", RUNS)
def test_category_of_sarif_is_that_of_the_option(organization: DeployedOrganization, name: str) -> None:
    text = run_with(organization, *RUNS[name], "--format", "sarif", "--category", "organization/ecr")
    assert json.loads(text)["runs"][0]["automationDetails"]["id"] == "organization/ecr/"
