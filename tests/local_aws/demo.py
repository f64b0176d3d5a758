"""`make demo`: the handler evaluates repositories of a local organization with three accounts.

``python -m tests.local_aws.demo`` evaluates twelve example repositories, and writes the page of ``ecr-exposure report``
on them. ``python -m tests.local_aws.demo ITEM``
evaluates your own file: a configuration item, a list of them, or an AWS Config event.
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO, TextIOWrapper
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError
from moto.config.models import config_backends
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecr_exposure import EvaluationError, ItemError, ParameterError
from ecr_exposure.cli.command_line import Environment, ExitCode
from ecr_exposure.cli.main import main as report
from ecr_exposure.handler import lambda_handler
from tests.local_aws.config_service import ConfigService
from tests.local_aws.demo_input import InputError, read_messages
from tests.local_aws.moto_aggregator import aggregated_data
from tests.local_aws.organization import HUB, MEMBERS, REGIONS, LocalOrganization

RULE: Final = "ecr-repository-no-public-access"
PAGE: Final = Path("build/demo-report.html")
ROLE: Final = "EcrExposureEvaluation"
ENVIRONMENT: Final = {"EXECUTION_ROLE_NAME": ROLE, "ASSUME_ROLE_MODE": "true"}
PARAMETERS: Final = {"excludedPublicRepositories": f"{MEMBERS[0]}:public/*"}
COLOUR: Final = {"COMPLIANT": "green", "NON_COMPLIANT": "bold red", "NOT_APPLICABLE": "dim"}

PULL: Final = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
ORG_ONLY: Final = {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}
FOR_ALL_IN_ORG: Final = {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}


def policy(*statements: Mapping[str, Any]) -> str:
    """Return a policy with these statements as JSON text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def allow(sid: str, principal: object, actions: object = "ecr:*", **more: object) -> dict[str, object]:
    """Return an Allow statement."""
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions, **more}


class Repository(NamedTuple):
    """One repository of the demo; ``notification`` is the event that the rule receives for it."""

    account: str
    region: str
    name: str
    policy: str | None
    notification: str = "change"


ROOT_OF_OTHER: Final = {"AWS": f"arn:aws:iam::{MEMBERS[1]}:root"}
REPOSITORIES: Final = (
    Repository(HUB, REGIONS[0], "no-policy", None),
    Repository(HUB, REGIONS[0], "org-only", policy(allow("Org", "*", PULL, Condition=ORG_ONLY))),
    Repository(HUB, REGIONS[0], "cross-account", policy(allow("Partner", ROOT_OF_OTHER, PULL))),
    Repository(HUB, REGIONS[1], "team/checkout/api", policy(allow("Anyone", {"AWS": "*"}, PULL))),
    Repository(MEMBERS[0], REGIONS[0], "public-pull", policy(allow("PublicPull", "*", PULL))),
    Repository(MEMBERS[0], REGIONS[0], "public-everything", policy(allow("AllowAll", "*"))),
    Repository(
        MEMBERS[0],
        REGIONS[0],
        "second-statement",
        policy(allow("Partner", ROOT_OF_OTHER, PULL), allow("Oops", {"AWS": ["*"]}, "ecr:PutImage")),
    ),
    Repository(MEMBERS[0], REGIONS[1], "public/base-image", policy(allow("OnPurpose", "*", PULL))),
    Repository(
        MEMBERS[1], REGIONS[0], "condition-that-fails", policy(allow("Org", "*", PULL, Condition=FOR_ALL_IN_ORG))
    ),
    Repository(MEMBERS[1], REGIONS[0], "malformed", policy(allow("Typo", "*", Condition={"StringEqual": {}}))),
    Repository(MEMBERS[1], REGIONS[1], "deleted", policy(allow("AllowAll", "*")), notification="deletion"),
    Repository(MEMBERS[1], REGIONS[1], "oversized", policy(allow("AllowAll", "*")), notification="oversized"),
)


class Row(NamedTuple):
    """One line of the table."""

    account: str
    region: str
    repository: str
    compliance: str
    annotation: str


@contextmanager
def rule_in_organization() -> Iterator[tuple[LocalOrganization, ConfigService]]:
    """Deploy the rule to a local organization, as template.yaml does."""
    with LocalOrganization(execution_role=ROLE) as organization:
        config = ConfigService(organization, lambda_handler, environment=ENVIRONMENT)
        config.put_organization_rule(RULE, PARAMETERS)
        yield organization, config


def evaluate_examples(page: Path | None = None) -> list[Row]:
    """Deliver a notification of each example repository; return the evaluations.

    page: the file for the page of the report on them. Raises PageError if it cannot be written.
    """
    rows: list[Row] = []
    with rule_in_organization() as (organization, config):
        for repository in REPOSITORIES:
            place = (repository.account, repository.region, repository.name)
            organization.create_repository(*place, repository.policy)
            if repository.notification == "deletion":
                config.record(*place)
                organization.delete_repository(*place)
            deliver = {
                "change": config.deliver_change,
                "oversized": config.deliver_oversized,
                "deletion": config.deliver_deletion,
            }[repository.notification]
            (invocation,) = deliver(*place)
            rows.extend(rows_of(invocation.returned, *place))
        if page is not None:
            write_page(organization, page)
    return rows


class PageError(Exception):
    """The page could not be written."""


def write_page(organization: LocalOrganization, page: Path) -> None:
    """Run ``ecr-exposure report`` with an aggregator of the organization; raises PageError."""
    source = {"RoleArn": f"arn:aws:iam::{HUB}:role/aggregator", "AllAwsRegions": True}
    aggregator = {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
    config_backends[HUB][REGIONS[0]].put_configuration_aggregator(aggregator)
    excluded = ("--public-repository", PARAMETERS["excludedPublicRepositories"])
    written = ("--format", "html", "--output", str(page))
    with aggregated_data(organization), redirect_stderr(StringIO()) as said:
        page.parent.mkdir(parents=True, exist_ok=True)
        environment = Environment(session=organization.session(HUB, REGIONS[0]))
        command = ("report", "--aggregator", "organization", "--policies", *excluded, *written)
        if report(command, environment) != ExitCode.NOT_AS_WANTED:  # some of the examples are public
            raise PageError(said.getvalue().strip())


def rows_of(returned: Any, account: str, region: str, name: str) -> list[Row]:
    """Return a row for each evaluation that the handler returned."""
    no_annotation = "Deleted or out of scope: not evaluated."
    return [Row(account, region, name, one["ComplianceType"], one.get("Annotation", no_annotation)) for one in returned]


def evaluate_file(path: str) -> list[Row]:
    """Run the handler on the user's file; return the evaluations. Raises InputError."""
    rows: list[Row] = []
    with rule_in_organization() as (_, config):
        rule = config.rules(HUB, REGIONS[0])[0]
        for at, (message, changes) in enumerate(read_messages(path)):
            event = config.event(rule, json.dumps(message, default=str)) | changes
            try:
                returned = config.invoke(event, region=REGIONS[0]).returned
            except (EvaluationError, ItemError, ParameterError, BotoCoreError) as error:
                raise InputError(f"{path}: element {at}: {error}") from None
            item = message["configurationItem"]
            rows.extend(rows_of(returned, item["awsAccountId"] or "-", item["awsRegion"] or "-", item["resourceId"]))
    return rows


def show(rows: Sequence[Row], console: Console) -> None:
    """Print one table, in which account and region head their repositories, and the totals."""
    table = Table(title=RULE, title_justify="left", header_style="bold", expand=True)
    table.add_column("Repository", overflow="fold", max_width=max(24, console.width // 3))
    table.add_column("Compliance", no_wrap=True)
    table.add_column("Annotation", ratio=1, overflow="fold")
    for place, repositories in groupby(rows, lambda row: f"{row.account}/{row.region}"):
        table.add_row(Text(place, style="bold"))
        for row in repositories:
            # Padding, and not spaces, also indents a long name's further lines.
            name = Padding(Text(row.repository), (0, 0, 0, 2))
            table.add_row(name, Text(row.compliance, style=COLOUR[row.compliance]), Text(row.annotation))
    console.print(table)
    totals = Counter(row.compliance for row in rows)
    listed = ", ".join(f"[{COLOUR[name]}]{totals[name]} {name}[/]" for name in COLOUR if totals[name])
    console.print(f"{len(rows)} evaluations: {listed}", highlight=False)


def main(arguments: Sequence[str], page: Path = PAGE) -> int:
    """Run the demo; return the exit status. page: the file that it writes without arguments."""
    logging.disable(logging.INFO)
    try:
        with redirect_stdout(StringIO()):  # rdklib prints debug output
            rows = evaluate_file(arguments[0]) if arguments else evaluate_examples(page)
    except (InputError, PageError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(Text.assemble(("Not run: ", "bold red"), str(error)))
        return 2
    finally:
        logging.disable(logging.NOTSET)
    show(rows, Console())
    if not arguments:
        Console(soft_wrap=True).print(
            f"The same as a page of `ecr-exposure report`: {page}", highlight=False, markup=False
        )
    return 0


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # print "?" for characters that the terminal's encoding lacks
    sys.exit(main(sys.argv[1:]))
