"""An organization in which the rule has evaluated four repositories, and runs of the commands that report on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Final

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_organization import (
    ABROAD,
    HOME,
    ONE,
    TWO,
    DeployedOrganization,
    Run,
    deployed_organization,
)
from tests.commands.scanned_organization import end_of_threads
from tests.local_aws.organization import HUB

_TO_ALL: Final = {"Sid": "AllowPull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
PUBLIC: Final = json.dumps({"Version": "2012-10-17", "Statement": [_TO_ALL]})
CLOSED: Final = json.dumps({"Version": "2012-10-17", "Statement": [{**_TO_ALL, "Principal": {"AWS": TWO}}]})
INVALID: Final = json.dumps({"Version": "2012-10-17", "Statement": [{**_TO_ALL, "Effect": "allow"}]})


@contextmanager
def evaluated_organization() -> Iterator[DeployedOrganization]:
    """Deploy the rule, and let it evaluate four repositories of two accounts and Regions."""
    with deployed_organization() as deployed:
        organization = deployed.organization
        organization.create_repository(ONE, HOME, "team/public", PUBLIC)
        organization.create_repository(ONE, HOME, "team/closed", CLOSED)
        organization.create_repository(TWO, ABROAD, "team/invalid", INVALID)
        organization.create_repository(TWO, ABROAD, "team/none")
        for place in ((ONE, HOME), (TWO, ABROAD)):
            for name in organization.repositories(*place):
                organization.recorder.record(*place, name)
        deployed.evaluate()
        yield deployed


def run_on(deployed: DeployedOrganization, command: str, *arguments: str) -> Run:
    """Run report or scan with the aggregator, in the hub."""
    deployed.organization.calls.clear()
    session = deployed.organization.session(HUB, HOME)
    output, errors = TextIOWrapper(BytesIO(), "utf-8", write_through=True), StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        status = main(
            (command, "--aggregator", "organization", *arguments), Environment(clock=deployed.clock, session=session)
        )
    output.seek(0)
    end_of_threads()
    found = Run(status, output.read(), errors.getvalue())
    assert "Traceback" not in found.errors, found.errors
    assert status in (0, 1) or "No public access" not in found.text + found.errors
    return found


def results(run: Run) -> dict[str, str]:
    """Return the result of each repository in the document."""
    return {each["file"]: each["result"] for each in run.document["policies"]}


EXPECTED: Final = {
    f"{ONE}/{HOME}/team/closed": "not public",
    f"{ONE}/{HOME}/team/public": "public",
    f"{TWO}/{ABROAD}/team/invalid": "cannot be evaluated",
    f"{TWO}/{ABROAD}/team/none": "not public",
}
