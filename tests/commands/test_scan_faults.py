"""``scan`` where AWS refuses, throttles or breaks off: what is said, and what is reported all the same.

`ScannedOrganization.run` checks of each run that one with exit code 2 never says that there is no public access.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import boto3
import pytest
from moto.organizations.models import organizations_backends

from tests.commands.check_command import CLOSED, PUBLIC
from tests.commands.scanned_organization import (
    ABROAD,
    BY_ROLE,
    HOME,
    ScannedOrganization,
    scanned_organization,
)
from tests.local_aws.calls import Call
from tests.local_aws.organization import HUB, MEMBERS

ONE, TWO = MEMBERS
DENIED: Final[dict[str, Any]] = {"status": 403, "code": "AccessDeniedException", "message": "no"}
PROXY: Final[dict[str, Any]] = {"status": 200, "body": "<html>log in first</html>"}
EMPTY: Final[dict[str, Any]] = {"status": 200, "body": "{}", "request_id": True}
NO_TEXT: Final[dict[str, Any]] = {"status": 200, "body": '{"policyText": ""}', "request_id": True}
CUT: Final[dict[str, Any]] = {"status": 200, "body": '{"policyText": "{\\"Vers', "request_id": True}
NO_STRING: Final[dict[str, Any]] = {"status": 200, "body": '{"policyText": {}}', "request_id": True}
OF_ANOTHER: Final[dict[str, Any]] = {
    "status": 200,
    "body": json.dumps({"registryId": HUB, "repositoryName": "other", "policyText": CLOSED}),
    "request_id": True,
}
NOT_FROM_AWS: Final = "did not come from AWS"


@pytest.fixture
def scanned() -> Iterator[ScannedOrganization]:
    """Return an organization whose lists of repositories come in pages of two."""
    with scanned_organization(repositories_per_page=2) as organization:
        yield organization


class TestBeforeTheFirstRepository:
    """Nothing can be read at all."""

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ({"status": 403, "code": "ExpiredToken", "message": "old"}, "no usable AWS credentials: ExpiredToken: old"),
            ({"status": 403, "code": "InvalidClientTokenId", "message": "?"}, f"or {HOME} is not enabled in their"),
            (PROXY, NOT_FROM_AWS),
            ({**PROXY, "request_id": True}, NOT_FROM_AWS),
        ],
    )
    def test_unusable_credentials_are_one_line(
        self, scanned: ScannedOrganization, how: dict[str, Any], reason: str
    ) -> None:
        with scanned.fault("sts", "GetCallerIdentity", **how):
            found = scanned.run()
        assert (found.code, found.out, len(found.err.splitlines())) == (2, "", 1)
        assert found.err.startswith("Not run: no usable AWS credentials: ")
        assert reason in found.err

    @pytest.mark.parametrize("body", ["null", "[]", "1", "{", "<html/>"])
    def test_body_that_is_no_object_did_not_come_from_aws(self, scanned: ScannedOrganization, body: str) -> None:
        with scanned.fault("account", "ListRegions", status=200, body=body, request_id=True):
            found = scanned.run("--all-regions")
        assert (found.code, found.err) == (2, "Not run: the response to ListRegions did not come from AWS\n")

    def test_missing_credentials_are_one_line(
        self, scanned: ScannedOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION"))]:
            monkeypatch.delenv(name)
        scanned.session = None
        found = scanned.run("--region", HOME)
        assert (found.code, found.out) == (2, "")
        assert found.err == "Not run: no usable AWS credentials: Unable to locate credentials\n"

    def test_all_regions_need_one_to_ask_in(
        self, scanned: ScannedOrganization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        scanned.session = boto3.Session()
        found = scanned.run("--all-regions")
        end = "none is configured; set the profile's region, AWS_REGION or AWS_DEFAULT_REGION"
        assert (found.code, found.err) == (2, f"Not run: no Region: {end}\n")

    @pytest.mark.parametrize(
        ("operation", "arguments", "reason"),
        [
            ("organizations:ListAccounts", BY_ROLE, "(ListAccounts); name them by --accounts ID,..."),
            ("account:ListRegions", ("--all-regions",), "(ListRegions)"),
            ("sts:AssumeRole", ("--role", f"arn:aws:iam::{ONE}:role/Audit"), "(AssumeRole)"),
        ],
    )
    def test_refusal_of_what_everything_needs_ends_the_run(
        self, scanned: ScannedOrganization, operation: str, arguments: tuple[str, ...], reason: str
    ) -> None:
        body = json.dumps({"__type": "AccessDenied", "message": "no"}) if operation == "account:ListRegions" else None
        with scanned.fault(*operation.split(":"), **DENIED, body=body):
            found = scanned.run(*arguments)
        assert (found.code, found.out) == (2, "")
        assert found.last_line.startswith("Not run: ")
        assert found.last_line.endswith(reason)

    @pytest.mark.parametrize(
        ("operation", "body", "arguments"),
        [
            ("organizations:ListAccounts", {"Accounts": []}, BY_ROLE),
            ("organizations:ListAccounts", {"Accounts": []}, ("--test", "external")),
            ("account:ListRegions", {"Regions": []}, ("--all-regions",)),
            (
                "account:ListRegions",
                {"Regions": [{"RegionName": HOME, "RegionOptStatus": "DISABLED"}]},
                ("--all-regions",),
            ),
        ],
    )
    def test_empty_list_of_accounts_or_regions_is_never_nothing_to_read(
        self, scanned: ScannedOrganization, operation: str, body: dict[str, Any], arguments: tuple[str, ...]
    ) -> None:
        with scanned.fault(*operation.split(":"), status=200, body=json.dumps(body), request_id=True):
            found = scanned.run(*arguments)
        assert (found.code, found.out) == (2, "")
        assert NOT_FROM_AWS in found.last_line


class TestPartOfTheOrganization:
    """What cannot be read is named; the rest is reported."""

    def test_account_without_the_role_is_named(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=ONE)
        scanned.organization.accounts_without_role.add(TWO)
        found = scanned.scan(*BY_ROLE, "--region", HOME, "--region", ABROAD)
        assert (found.code, found.results) == (2, {f"{ONE}/{HOME}/app": "public"})
        assert found.errors == [
            f"{TWO}: AccessDenied: The caller is not authorized to perform: sts:AssumeRole on this role (AssumeRole)"
        ]
        assert found.document["scope"]["accounts"] == [HUB, ONE]
        assert found.last_line == (
            "Not complete: 1 public, 1 problem; 1 repository in 2 accounts and 2 Regions, 2 accounts × Regions not seen"
        )

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            (DENIED, "AccessDeniedException: no (DescribeRepositories)"),
            (
                {"code": "UnrecognizedClientException", "message": "invalid"},
                f"UnrecognizedClientException: invalid (DescribeRepositories); perhaps {ABROAD} is not enabled there",
            ),
            (PROXY, f"the response to DescribeRepositories {NOT_FROM_AWS}"),
            (EMPTY, f"the response has no 'repositories', so it {NOT_FROM_AWS}"),
            ({"code": "ThrottlingException", "message": "slow"}, "ThrottlingException: slow (DescribeRepositories)"),
        ],
    )
    def test_region_that_cannot_be_listed_is_named(
        self, scanned: ScannedOrganization, how: dict[str, Any], reason: str
    ) -> None:
        scanned.create("app")
        with scanned.fault("ecr", "DescribeRepositories", region=ABROAD, **how):
            found = scanned.scan("--region", f"{HOME},{ABROAD}")
        assert (found.code, found.results) == (2, {f"{HUB}/{HOME}/app": "public"})
        assert found.errors == [f"{HUB}/{ABROAD}: its repositories could not be listed: {reason}"]
        assert found.document["scope"]["regions"] == [HOME]

    def test_list_that_breaks_off_is_reported_as_far_as_it_came(self, scanned: ScannedOrganization) -> None:
        scanned.create("aa", "bb", "cc")
        with scanned.fault("ecr", "DescribeRepositories", when=lambda call: "nextToken" in call.parameters, **DENIED):
            found = scanned.scan()
        assert (found.code, len(found.results), len(found.errors)) == (2, 2, 1)
        assert found.document["scope"]["not_seen"] == 1

    def test_list_without_end_is_an_error(self, scanned: ScannedOrganization) -> None:
        arn = f"arn:aws:ecr:{HOME}:{HUB}:repository/aa"
        page = {"repositories": [{"repositoryName": "aa", "repositoryArn": arn}], "nextToken": "again"}
        scanned.create("aa", policy=CLOSED)
        with scanned.fault("ecr", "DescribeRepositories", status=200, body=json.dumps(page), request_id=True, times=9):
            found = scanned.scan()
        assert (found.code, found.results) == (2, {f"{HUB}/{HOME}/aa": "not public"})
        assert found.errors[0].endswith("returned the same nextToken twice, so its list has no end")
        assert scanned.operations["DescribeRepositories"] == 2

    def test_region_that_boto3_does_not_know_yet_is_read(self, scanned: ScannedOrganization) -> None:
        regions = [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in (HOME, "eu-west-9")]
        regions += [{"RegionName": ABROAD, "RegionOptStatus": "DISABLED"}]
        body = json.dumps({"Regions": regions})
        with (
            scanned.fault("account", "ListRegions", status=200, body=body, request_id=True),
            scanned.fault("ecr", "DescribeRepositories", region="eu-west-9", **DENIED),
        ):
            found = scanned.scan("--all-regions")
        assert found.code == 2
        assert [each.partition(":")[0] for each in found.errors] == [f"{HUB}/eu-west-9"]
        assert ABROAD not in {call.region for call in scanned.organization.calls if call.service == "ecr"}

    def test_denied_repositories_with_one_prefix_do_not_hide_the_others(self, scanned: ScannedOrganization) -> None:
        scanned.create(*(f"denied-{number:02}" for number in range(30)))
        scanned.create(*(f"other-{number:02}" for number in range(30)))
        is_denied = {"when": lambda call: str(call.repository).startswith("denied")}
        with scanned.fault("ecr", "GetRepositoryPolicy", **is_denied, **DENIED):
            found = scanned.scan()
        assert (found.code, len(found.results), len(found.errors)) == (2, 30, 30)

    def test_account_that_is_not_active_is_named(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=ONE, policy=CLOSED)
        organizations_backends[HUB]["aws"].close_account(AccountId=TWO)
        found = scanned.scan(*BY_ROLE)
        assert (found.code, found.results, found.errors) == (0, {f"{ONE}/{HOME}/app": "not public"}, [])
        assert found.document["notes"] == [f"accounts that are not active were left out: {TWO}"]

    def test_repositories_of_another_account_are_not_taken_for_its_own(self, scanned: ScannedOrganization) -> None:
        arn = f"arn:aws:ecr:{HOME}:{TWO}:repository/x"
        body = json.dumps({"repositories": [{"repositoryName": "x", "repositoryArn": arn}]})
        with scanned.fault("ecr", "DescribeRepositories", status=200, body=body, request_id=True):
            found = scanned.scan()
        assert (found.code, found.results) == (2, {})
        assert found.errors[0].endswith(f"DescribeRepositories is not about {HUB}/{HOME}: {arn}")

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            (DENIED, "AccessDeniedException: no (GetRepositoryPolicy)"),
            (PROXY, f"the response to GetRepositoryPolicy {NOT_FROM_AWS}"),
            (EMPTY, f"the response has no 'policyText', so it {NOT_FROM_AWS}"),
            (NO_TEXT, f"the response to GetRepositoryPolicy has an empty policy, so it {NOT_FROM_AWS}"),
            (CUT, f"the response to GetRepositoryPolicy {NOT_FROM_AWS}"),
            (NO_STRING, "a response has another form than those of AWS (AttributeError)"),
            (OF_ANOTHER, f"the response to GetRepositoryPolicy is about {HUB}/other"),
            ({"code": "RegistryNotFoundException"}, "RegistryNotFoundException: Injected fault (GetRepositoryPolicy)"),
            ({"message": "slow"}, "ThrottlingException: slow (GetRepositoryPolicy)"),
        ],
    )
    def test_repository_that_cannot_be_read_is_named(
        self, scanned: ScannedOrganization, how: dict[str, Any], reason: str
    ) -> None:
        scanned.create("app", "closed", policy=CLOSED)
        with scanned.fault("ecr", "GetRepositoryPolicy", repository="app", **how):
            found = scanned.scan()
        assert (found.code, found.results) == (2, {f"{HUB}/{HOME}/closed": "not public"})
        assert found.errors == [f"{HUB}/{HOME}/app: its policy could not be read: {reason}"]

    def test_role_that_may_not_read_policies_is_one_line_and_few_calls(self, scanned: ScannedOrganization) -> None:
        scanned.create(*(f"app-{number}" for number in range(40)))
        with scanned.fault("ecr", "GetRepositoryPolicy", **DENIED):
            found = scanned.scan()
        assert (found.code, found.results) == (2, {})
        (error,) = found.errors
        assert error.startswith(f"{HUB}/{HOME}: 40 of 40 repositories were not read, because 2")
        assert error.endswith(" in a row could not be read: AccessDeniedException: no (GetRepositoryPolicy)")
        assert scanned.operations["GetRepositoryPolicy"] < 30

    def test_tags_that_cannot_be_read_excuse_nothing(self, scanned: ScannedOrganization) -> None:
        scanned.organization.create_repository(HUB, HOME, "app", PUBLIC, tags={"public": "true"})
        with scanned.fault("ecr", "ListTagsForResource", **DENIED):
            found = scanned.scan("--public-tag", "public")
        assert (found.code, found.results) == (2, {f"{HUB}/{HOME}/app": "public"})
        assert found.errors == [
            f"{HUB}/{HOME}: the tags of app could not be read, so what depends on them counts as public: "
            "AccessDeniedException: no (ListTagsForResource)"
        ]


class TestPassing:
    """What passes costs time only."""

    def test_throttling_is_waited_out(self, scanned: ScannedOrganization) -> None:
        scanned.create(*(f"app-{number}" for number in range(12)))
        attempts = Counter[str | None]()

        def is_early(call: Call) -> bool:
            attempts[call.repository] += 1
            return attempts[call.repository] <= 4

        with scanned.fault("ecr", "GetRepositoryPolicy", when=is_early, code="ThrottlingException"):
            found = scanned.scan()
        assert (found.code, len(found.results), found.errors) == (1, 12, [])
        assert scanned.organization.waits

    def test_role_whose_session_expired_is_assumed_again(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", "other", account=ONE)
        with scanned.fault("ecr", "GetRepositoryPolicy", times=1, status=403, code="ExpiredTokenException"):
            found = scanned.scan(*BY_ROLE, "--accounts", ONE)
        assert (found.code, len(found.results), found.errors) == (1, 2, [])
        assert scanned.operations["AssumeRole"] == 2

    def test_role_is_assumed_again_before_its_session_ends(self, scanned: ScannedOrganization) -> None:
        scanned.create("app", account=ONE)

        def pass_time(_: Call) -> bool:
            scanned.clock.ahead = timedelta(minutes=56)
            return False

        with scanned.fault("ecr", "DescribeRepositories", when=pass_time):
            assert scanned.scan(*BY_ROLE, "--accounts", ONE).code == 1
        assert scanned.operations["AssumeRole"] == 2

    def test_expired_credentials_of_the_operator_are_one_line(self, scanned: ScannedOrganization) -> None:
        for account in (HUB, ONE, TWO):
            scanned.create("aa", "bb", account=account)
        with (
            scanned.fault("ecr", "GetRepositoryPolicy", account=HUB, status=403, code="ExpiredTokenException"),
            scanned.fault("sts", "AssumeRole", status=403, code="ExpiredToken"),
        ):
            found = scanned.scan(*BY_ROLE)
        assert found.code == 2
        (error,) = found.errors
        seen = "0 of 3 accounts × Regions were read"
        assert error == f"{HUB}: your credentials expired after 0 min; {seen}; renew them and run again"
