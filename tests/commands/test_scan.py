"""``scan``: which accounts, Regions and repositories are read, and what is said of them."""

import json
import re
from collections.abc import Iterator
from typing import Final

import pytest
from moto.organizations.models import organizations_backends

from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.scan import PERMISSIONS
from tests.commands.check_command import CLOSED, PUBLIC, policy
from tests.commands.scanned_organization import (
    ABROAD,
    BY_ROLE,
    HOME,
    ROLE,
    ScannedOrganization,
    scanned_organization,
)
from tests.local_aws.organization import HUB, MEMBERS

ONE, TWO = MEMBERS
CALLER: Final = f"arn:aws:sts::{HUB}:assumed-role/OrganizationAccountAccessRole/local-aws"
BY_TAG: Final = json.dumps(policy(Condition={"StringEquals": {"aws:ResourceTag/team": "shop"}}))
"""Public if the repository has the tag."""
PUBLIC_PUSH: Final = json.dumps(policy("*", "ecr:PutImage"))
OF_MEMBERS: Final = json.dumps(policy({"AWS": [ONE, TWO]}))
OF_STRANGER: Final = json.dumps(policy({"AWS": "222233334444"}))


@pytest.fixture
def scanned() -> Iterator[ScannedOrganization]:
    """Return an organization whose lists of repositories come in pages of two."""
    with scanned_organization(repositories_per_page=2) as organization:
        yield organization


class TestOneAccount:
    """The operator's own account, or that of a role."""

    def test_each_repository_gets_the_result_that_the_rule_would_give(self, scanned: ScannedOrganization) -> None:
        scanned.create("public", "shared/image")
        scanned.create("closed", policy=CLOSED)
        scanned.create("without", policy=None)
        scanned.create("broken", policy="{")
        found = scanned.scan("--public-repository", "shared/*")
        assert found.code == 1
        assert found.results == {
            f"{HUB}/{HOME}/broken": "cannot be evaluated",
            f"{HUB}/{HOME}/closed": "not public",
            f"{HUB}/{HOME}/public": "public",
            f"{HUB}/{HOME}/shared/image": "public on purpose",
            f"{HUB}/{HOME}/without": "not public",
        }
        assert found.document["scope"] == {
            "source": "Amazon ECR",
            "caller": CALLER,
            "accounts": [HUB],
            "regions": [HOME],
            "not_seen": 0,
            "rules": [],
        }

    def test_first_line_on_standard_error_says_who_reads_what(self, scanned: ScannedOrganization) -> None:
        found = scanned.run("--region", f"{HOME},{ABROAD}")
        assert (found.code, found.out) == (0, "")
        assert found.err.splitlines() == [
            f"Account {HUB} as {CALLER}, {HOME}, {ABROAD}",
            "No public access found: 0 repositories in 1 account and 2 Regions",
        ]

    def test_tags_are_read_only_where_they_matter(self, scanned: ScannedOrganization) -> None:
        organization = scanned.organization
        organization.create_repository(HUB, HOME, "excused", PUBLIC, tags={"public": "true"})
        organization.create_repository(HUB, HOME, "shop", BY_TAG, tags={"team": "shop"})
        organization.create_repository(HUB, HOME, "other", BY_TAG, tags={"team": "other"})
        scanned.create("closed", policy=CLOSED)
        scanned.create("push", policy=PUBLIC_PUSH)  # no tag excuses it
        found = scanned.scan("--public-tag", "public", "--test", "reachable")
        assert found.results == {
            f"{HUB}/{HOME}/closed": "not public",
            f"{HUB}/{HOME}/excused": "public on purpose",
            f"{HUB}/{HOME}/other": "not public",
            f"{HUB}/{HOME}/push": "public",
            f"{HUB}/{HOME}/shop": "public",
        }
        assert scanned.operations["ListTagsForResource"] == 3
        # The rule says nothing of a tag that could not excuse the access either.
        assert not any(each["notes"] for each in found.document["policies"])

    def test_role_is_assumed_first(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=ONE)
        role = f"arn:aws:iam::{ONE}:role/{ROLE}"
        found = scanned.scan("--role", role)
        assert found.results == {f"{ONE}/{HOME}/app": "public"}
        assert found.err.splitlines()[0].endswith(f", {HOME}: account {ONE} by the role {role}")

    @pytest.mark.parametrize("operation", ["GetRepositoryPolicy", "ListTagsForResource"])
    def test_repository_that_is_deleted_meanwhile_is_skipped_and_counted(
        self, scanned: ScannedOrganization, operation: str
    ) -> None:
        scanned.create("gone", "app")
        is_gone = {"when": lambda call: "gone" in str(call.parameters)}
        with scanned.fault("ecr", operation, code="RepositoryNotFoundException", **is_gone):
            found = scanned.scan("--public-tag", "public")
        assert (found.code, found.results) == (1, {f"{HUB}/{HOME}/app": "public"})
        assert found.document["notes"] == ["1 repository did not exist any more when the policy was to be read"]

    @pytest.mark.parametrize("name", FORMATS)
    def test_every_format_names_account_region_and_repository(self, scanned: ScannedOrganization, name: str) -> None:
        scanned.create("team/app")
        found = scanned.run("--format", name)
        assert found.code == 1
        # The page has a column for each.
        texts = (HUB, HOME, "team/app") if name == "html" else (f"{HUB}/{HOME}/team/app",)
        assert all(text in found.out for text in texts)
        assert found.last_line == "Not as wanted: 1 public; 1 repository in 1 account and 1 Region"


class TestOrganization:
    """Accounts by a role, and the Regions of each."""

    def test_every_active_account_is_read(self, scanned: ScannedOrganization) -> None:
        for account in (HUB, ONE, TWO):
            scanned.create("app", account=account, region=ABROAD)
        organizations_backends[HUB]["aws"].close_account(AccountId=TWO)
        found = scanned.scan("--region", ABROAD, *BY_ROLE)
        assert found.results == {f"{HUB}/{ABROAD}/app": "public", f"{ONE}/{ABROAD}/app": "public"}
        read = {(call.account, call.role) for call in scanned.organization.calls if call.service == "ecr"}
        assert read == {(HUB, "OrganizationAccountAccessRole"), (ONE, ROLE)}

    def test_progress_on_standard_error_ends_with_all_repositories(self, scanned: ScannedOrganization) -> None:
        for account in (HUB, ONE, TWO):
            scanned.create("app", "other", account=account)
        scanned.clock.seconds_a_look = 31.0
        found = scanned.run(*BY_ROLE)
        progress = [line for line in found.err.splitlines() if line.endswith(" left")]
        assert progress[-1] == "6 of 6 repositories, 0 s left"
        assert re.fullmatch(r"\d of (about )?\d repositories, .* left", progress[0])

    def test_quiet_run_prints_its_last_line_only(self, scanned: ScannedOrganization) -> None:
        scanned.create("app")
        found = scanned.run("--quiet")
        assert (found.code, found.out) == (1, "")
        assert found.err == "Not as wanted: 1 public; 1 repository in 1 account and 1 Region\n"

    def test_named_accounts_are_not_looked_up(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=TWO)
        with scanned.fault("organizations", "ListAccounts", code="AccessDeniedException"):
            found = scanned.scan(*BY_ROLE, "--accounts", TWO)
        assert found.results == {f"{TWO}/{HOME}/app": "public"}
        assert found.document["scope"]["accounts"] == [TWO]

    def test_accounts_of_a_repeated_option_are_all_read(self, scanned: ScannedOrganization) -> None:
        found = scanned.scan(*BY_ROLE, "--accounts", ONE, "--accounts", f"{TWO},{HUB}")
        assert found.document["scope"]["accounts"] == [HUB, ONE, TWO]

    def test_all_regions_are_those_that_each_account_enabled(self, scanned: ScannedOrganization) -> None:
        scanned.services.enabled["ap-east-1"] = {ONE}
        found = scanned.scan("--all-regions", *BY_ROLE, "--accounts", f"{HUB},{ONE}")
        read = {(call.account, call.region) for call in scanned.organization.calls if call.service == "ecr"}
        assert {account for account, region in read if region == "ap-east-1"} == {ONE}
        assert {account for account, region in read if region == ABROAD} == {HUB, ONE}
        assert found.code == 0

    def test_every_call_is_among_the_permissions(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=ONE)
        scanned.scan("--all-regions", *BY_ROLE, "--public-tag", "public", "--test", "external")
        called = {f"{call.service}:{call.operation}" for call in scanned.organization.calls}
        allowed = {action for each in PERMISSIONS for action in each["Action"]}
        of_aggregator = {action for action in allowed if action.startswith("config:")}
        assert called == allowed - of_aggregator | {"sts:GetCallerIdentity"}


class TestExternal:
    """The zone of trust of --test external."""

    @pytest.fixture
    def shared(self, scanned: ScannedOrganization) -> ScannedOrganization:
        """Return an organization with a repository for its members, and one for a stranger."""
        scanned.create("inside", policy=OF_MEMBERS)
        scanned.create("outside", policy=OF_STRANGER)
        return scanned

    def test_accounts_of_the_organization_are_inside(self, shared: ScannedOrganization) -> None:
        found = shared.scan("--test", "external")
        assert found.results == {f"{HUB}/{HOME}/inside": "not public", f"{HUB}/{HOME}/outside": "public"}
        assert found.document["question"]["members"] == 3

    def test_account_without_an_organization_trusts_itself_only(self, shared: ScannedOrganization) -> None:
        with shared.fault("organizations", "ListAccounts", code="AWSOrganizationsNotInUseException"):
            found = shared.scan("--test", "external")
        assert found.results == {f"{HUB}/{HOME}/inside": "public", f"{HUB}/{HOME}/outside": "public"}

    def test_accounts_that_cannot_be_listed_are_to_be_named(self, shared: ScannedOrganization) -> None:
        with shared.fault("organizations", "ListAccounts", code="AccessDeniedException", message="no"):
            found = shared.run("--test", "external")
        assert (found.code, found.out) == (2, "")
        assert found.last_line == (
            "Not run: --test external: the accounts of the organization could not be listed: AccessDeniedException: no "
            "(ListAccounts); name them by --members FILE"
        )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--region", HOME, "--all-regions"), "--region and --all-regions exclude each other."),
        (
            ("--resume", "a.json", "--format", "json", "--output", "./a.json"),
            "--resume and --output name the same file, a.json.",
        ),
        (("--aggregator", ""), "--aggregator: the name is empty."),
        (("--resume", "a" * 300), "cannot be opened: File name too long"),
        (("--resume", "/dev/null"), "--resume: /dev/null is no file"),
        (("--accounts", ONE), "--accounts needs --member-role, the name of the role in these accounts."),
        (("--member-role", f"arn:aws:iam::{ONE}:role/x"), "is not the name of a role (an ARN is not accepted)"),
        (("--role", ROLE), "is not the ARN of a role, such as arn:aws:iam::111122223333:role/Admin"),
        (
            ("--region", f"{HOME},cn-north-1"),
            "cn-north-1 is in the partition aws-cn, the credentials are in the partition aws",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_read(
    scanned: ScannedOrganization, arguments: tuple[str, ...], reason: str
) -> None:
    found = scanned.run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert reason in found.last_line
    assert set(scanned.operations) <= {"GetCallerIdentity"}
