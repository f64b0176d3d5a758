"""``fix`` for a repository: what it shows, asks and changes, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_exposure.cli.main import main
from tests.commands.repository_to_fix import (
    ARN,
    CLOSED,
    HOME,
    NAME,
    ONLY_PUBLIC_TEXT,
    PARTNER,
    PUBLIC,
    PUBLIC_TEXT,
    REMOVE,
    WHERE,
    readable,
    repository_to_fix,
    saved_files,
    saved_text,
)
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS, ORGANIZATION_ID

BY_ORGANIZATION = {
    "Version": "2012-10-17",
    "Statement": [
        PUBLIC["Statement"][0] | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}},
        PUBLIC["Statement"][1],
    ],
}
NO_ORGANIZATION = Fault("organizations", "DescribeOrganization", code="AWSOrganizationsNotInUseException", times=None)


class TestModes:
    """How the policy is closed."""

    def test_organization_of_the_account_keeps_access_by_default(self) -> None:
        with repository_to_fix() as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.policy) == (0, BY_ORGANIZATION)
        assert f"Organization: {ORGANIZATION_ID}, that of the repository's account {HUB}\n" in output

    def test_named_organization_is_not_looked_up(self) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix("--organization", "o-otherexample", "--yes")
            assert status == 0
            condition = repository.policy["Statement"][0]["Condition"]
            assert "DescribeOrganization" not in repository.calls()
        assert condition == {"StringEquals": {"aws:PrincipalOrgID": "o-otherexample"}}

    @pytest.mark.parametrize("mode", [(), ("--mode", "scope-to-accounts")])
    def test_named_accounts_take_the_place_of_everyone(self, mode: tuple[str, ...]) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix("--accounts", f"{MEMBERS[0]},{MEMBERS[1]}", *mode, "--yes")
            assert status == 0
            assert repository.policy["Statement"][0]["Principal"] == {"AWS": list(MEMBERS)}

    def test_public_statement_is_removed(self) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)

    def test_policy_without_a_statement_is_deleted(self) -> None:
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository:
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (0, None)
            assert repository.changes() == ["DeleteRepositoryPolicy"]
        assert "\n  - no statement is left, so the policy is to be deleted\n" in output
        assert f"\nClosed: {WHERE} has no policy any more. To undo it: " in output

    def test_kept_service_gets_a_statement_of_its_own(self) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix(*REMOVE, "--keep-service", "lambda", "--yes")
            assert status == 0
            services = [each["Principal"] for each in repository.policy["Statement"]]
        assert {"Service": "lambda.amazonaws.com"} in services

    def test_force_is_never_sent(self) -> None:
        with repository_to_fix() as repository:
            repository.fix(*REMOVE, "--yes")
            (call,) = [call for call in repository.organization.calls if call.operation == "SetRepositoryPolicy"]
        assert call.parameters.keys() == {"repositoryName", "registryId", "policyText"}


class TestChoosing:
    """No option says how to close it, and the organization is not known."""

    def test_answer_chooses_the_mode(self) -> None:
        with repository_to_fix() as repository, repository.organization.faults.inject(NO_ORGANIZATION):
            status, output = repository.fix(answers=["3", "y"])
            assert (status, repository.policy) == (0, CLOSED)
        assert "The organization is not known: the account is in no organization\n" in output
        assert "  1  scope-to-organization: your organization keeps the access that everyone has\n" in output

    def test_wrong_answers_are_asked_again(self) -> None:
        answers = ["4", "scope-to-accounts", "12", f"{PARTNER},{MEMBERS[0]}", "y"]
        with repository_to_fix() as repository, repository.organization.faults.inject(NO_ORGANIZATION):
            status, output = repository.fix(answers=answers)
            assert status == 0
            assert repository.policy["Statement"][0]["Principal"] == {"AWS": [PARTNER, MEMBERS[0]]}
        assert "Error: '4' is none of 1, 2, 3, scope-to-organization, " in output
        assert "Error: '12' is not an account ID of 12 digits" in output

    def test_answer_names_the_organization(self) -> None:
        with repository_to_fix() as repository, repository.organization.faults.inject(NO_ORGANIZATION):
            status, output = repository.fix(answers=["1", "example", ORGANIZATION_ID, "y"])
            assert (status, repository.policy) == (0, BY_ORGANIZATION)
        assert "Error: organization: 'example' is not an organization id" in output

    def test_without_a_terminal_the_options_are_named(self) -> None:
        with repository_to_fix() as repository, repository.organization.faults.inject(NO_ORGANIZATION):
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        assert output.splitlines()[-1] == (
            "Not run: the organization is not known (the account is in no organization), so say how to close it: "
            "--organization ID, --accounts ID,... or --mode remove-statements"
        )

    def test_mode_that_needs_an_unknown_organization_says_so(self) -> None:
        refused = Fault("organizations", "DescribeOrganization", code="AccessDeniedException", message="no", times=None)
        with repository_to_fix() as repository, repository.organization.faults.inject(refused):
            status, output = repository.fix("--mode", "scope-to-organization", "--yes")
            assert (status, repository.changes()) == (2, [])
        assert "Not run: the organization is not known (AccessDeniedException: no (DescribeOrganization))" in output
        assert output.endswith(": name it by --organization\n")


class TestNothingToClose:
    """The policy grants no public access."""

    @pytest.mark.parametrize("text", [None, json.dumps(dict(CLOSED))])
    def test_nothing_is_asked_or_changed(self, text: str | None, working_folder: Path) -> None:
        with repository_to_fix(text) as repository:
            status, output = repository.fix()
            assert (status, repository.text, repository.changes()) == (0, text, [])
        what = f"{WHERE} has no policy" if text is None else f"the policy of {WHERE} grants no public access"
        assert output.endswith(f"\nNothing to close: {what}\n")
        assert saved_files(working_folder) == []

    def test_second_run_has_nothing_to_close(self) -> None:
        with repository_to_fix() as repository:
            assert repository.fix("--yes")[0] == 0
            status, output = repository.fix("--yes")
            assert (status, repository.changes()) == (0, [])
        assert "Nothing to close" in output


class TestReport:
    """What it prints."""

    def test_everything_is_shown_before_the_question(self) -> None:
        with repository_to_fix() as repository:
            _, output = repository.fix(*REMOVE, answers=["n"])
        services = "  - AWS services that pull images because everyone can, such as lambda, "
        lines = [services if line.startswith(services) else line for line in readable(output).splitlines()]
        assert lines[1:] == [
            'Finding: Everyone can pull: statement "Everyone" allows ecr:BatchGetImage and ecr:GetDownloadUrlForLayer '
            "to * with no Condition.",
            "Changes: --mode remove-statements",
            '  - statement "Everyone": removed',
            f"--- a/{NAME}",
            f"+++ b/{NAME}",
            "@@ -1,15 +1,6 @@",
            " {",
            '   "Version": "2012-10-17",',
            '   "Statement": [',
            "-    {",
            '-      "Sid": "Everyone",',
            '-      "Effect": "Allow",',
            '-      "Principal": "*",',
            '-      "Action": [',
            '-        "ecr:BatchGetImage",',
            '-        "ecr:GetDownloadUrlForLayer"',
            "-      ]",
            "-    },",
            "     {",
            '       "Sid": "Partner",',
            '       "Effect": "Allow",',
            "Who loses access:",
            '  - every principal to which statement "Everyone" grants access',
            "  - principals of the repository's own account whose identity-based policies do not grant this access",
            services,
            "Amazon ECR has no conditional write: the policy is read once more right before it is changed, and a "
            "change that somebody makes between the two would be lost.",
            "Not changed: you did not agree",
        ]

    def test_first_line_names_account_caller_region_and_repository(self) -> None:
        with repository_to_fix() as repository:
            _, output = repository.fix("--diff")
        first = output.splitlines()[0]
        assert first.startswith(f"Account {HUB} as arn:aws:sts::{HUB}:assumed-role/")
        assert first.endswith(f", {HOME}: repository {NAME}")

    def test_last_line_has_the_command_that_undoes_it(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            _, output = repository.fix("--yes")
        (path,) = saved_files(working_folder)
        last = f"Closed: {WHERE} grants no public access. To undo it: ecr-exposure fix --undo {path.name}\n"
        assert output.endswith(last)

    def test_quiet_prints_the_last_line_only(self) -> None:
        with repository_to_fix() as repository:
            status, output = repository.fix("-q", "--yes")
        assert (status, output.count("\n")) == (0, 1)
        assert output.startswith("Closed: ")

    @pytest.mark.parametrize("show", ["console", "cli", "terraform", "cloudformation"])
    def test_steps_are_shown_and_nothing_is_changed(self, show: str) -> None:
        titles = {
            "console": "Amazon ECR console",
            "cli": "AWS CLI",
            "terraform": "Terraform",
            "cloudformation": "AWS CloudFormation",
        }
        with repository_to_fix() as repository:
            status, output = repository.fix("--show", show)
            assert (status, repository.changes()) == (1, [])
        lines = output.splitlines()
        assert [name for name, title in titles.items() if title in lines] == [show]
        assert lines[-1] == "Not changed: these are the steps to close it"

    def test_diff_changes_nothing_and_exits_with_1(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            status, output = repository.fix("--diff")
            assert (status, repository.changes(), repository.text) == (1, [], PUBLIC_TEXT)
        assert output.endswith("\nNot changed: run it without --diff to close it\n")
        assert saved_files(working_folder) == []


class TestQuestion:
    """Nothing is changed without an agreement."""

    def test_no_is_not_changed(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix(answers=["n"])
            assert (status, repository.text, repository.changes()) == (1, PUBLIC_TEXT, [])
        assert saved_files(working_folder) == []

    def test_yes_changes_and_keeps_the_exact_previous_text(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            status, _ = repository.fix(answers=["y"])
            assert (status, repository.policy) == (0, BY_ORGANIZATION)
        assert saved_text(working_folder) == PUBLIC_TEXT

    def test_without_a_terminal_yes_is_needed(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            status, output = repository.fix()
            assert (status, repository.text, repository.changes()) == (2, PUBLIC_TEXT, [])
        reason = "nothing was changed: nobody can be asked, because this is no terminal; add --yes"
        assert output.splitlines()[-1] == f"Not run: {reason}"
        assert saved_files(working_folder) == []

    @pytest.mark.parametrize("option", ["--json", "-q"])
    def test_nobody_is_asked_about_what_is_not_printed(self, option: str) -> None:
        with repository_to_fix() as repository:
            status, output = repository.fix(option, answers=["y"])
            assert (status, repository.changes()) == (2, [])
        assert "with --json and -q, add --yes, or --diff to change nothing" in output


class TestRefused:
    """There is a reason against the change."""

    def test_policy_that_cannot_be_evaluated_is_not_changed_and_nothing_is_asked(self) -> None:
        text = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": 1}]})
        with repository_to_fix(text) as repository:
            status, output = repository.fix()
            assert (status, repository.text, repository.changes()) == (1, text, [])
            assert "DescribeOrganization" not in repository.calls()
        assert output.splitlines()[-1].startswith("Not changed: Cannot be evaluated: Statement[0].Action: ")

    def test_policy_that_would_grow_too_long_is_not_changed(self) -> None:
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html: 10,240 characters
        accounts = [f"{number:012}" for number in range(1, 670)]
        statement = {"Effect": "Allow", "Principal": {"AWS": ["*", *accounts]}, "Action": "ecr:BatchGetImage"}
        text = json.dumps({"Statement": [statement]}, separators=(",", ":"))
        assert 10_100 < len(text) <= 10_240
        with repository_to_fix(text) as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (1, text, [])
        assert "10,240" in output.splitlines()[-1]

    def test_closed_policy_of_nearly_10240_characters_is_sent_without_blanks(self) -> None:
        accounts = [f"{number:012}" for number in range(1, 600)]
        statement = {"Effect": "Allow", "Principal": {"AWS": ["*", *accounts]}, "Action": "ecr:BatchGetImage"}
        with repository_to_fix(json.dumps({"Statement": [statement]}, separators=(",", ":"))) as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy["Statement"][0]["Principal"]) == (0, {"AWS": accounts})
            assert len(repository.text or "") <= 10_240


class TestRepository:
    """Which repository it is."""

    def test_missing_repository_is_named(self) -> None:
        with repository_to_fix() as repository:
            status, output = repository.run("--repository", "team/other")
        assert (status, output.splitlines()[-1]) == (
            2,
            f"Not run: account {HUB} has no repository 'team/other' in {HOME}: name its Region by --region, and a role "
            "of its account by --role",
        )

    def test_repository_of_a_role_is_in_the_account_of_the_role(self, working_folder: Path) -> None:
        member = MEMBERS[0]
        role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        with repository_to_fix(account=member) as repository:
            status, output = repository.fix("--role", role, "--yes")
            assert (status, repository.policy) == (0, BY_ORGANIZATION)
            accounts = {call.account for call in repository.organization.calls if call.service != "sts"}
            sessions = {
                call.parameters["RoleSessionName"]
                for call in repository.organization.calls
                if call.operation == "AssumeRole"
            }
        assert (accounts, sessions) == ({member}, {"ecr-exposure-fix"})
        assert output.splitlines()[0].endswith(f": repository {NAME} in account {member} by the role {role}")
        assert f"Organization: {ORGANIZATION_ID}, that of the repository's account {member}\n" in output
        (path,) = saved_files(working_folder)
        assert output.endswith(f"To undo it: ecr-exposure fix --undo {path.name} --role {role}\n")

    def test_role_that_cannot_be_assumed_changes_nothing(self) -> None:
        member = MEMBERS[0]
        with repository_to_fix(account=member) as repository:
            repository.organization.accounts_without_role.add(member)
            status, output = repository.fix("--role", f"arn:aws:iam::{member}:role/Admin", "--yes")
            assert (status, repository.text) == (2, PUBLIC_TEXT)
        assert output.splitlines()[-1].startswith("Not run: AccessDenied: ")

    def test_tags_are_read_where_the_policy_names_one(self) -> None:
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
        condition = {"StringEquals": {"aws:ResourceTag/public": "yes"}}
        text = json.dumps({"Statement": [statement | {"Condition": condition}]})
        with repository_to_fix(text, tags={"public": "no"}) as repository:
            status, _ = repository.fix("--yes")
            assert (status, "ListTagsForResource" in repository.calls()) == (0, True)
            assert repository.text == text
        with repository_to_fix(text, tags={"public": "yes"}) as repository:
            status, _ = repository.fix("--yes")
            assert (status, repository.text != text) == (0, True)


class TestDocument:
    """--json prints one document."""

    def test_closed(self, working_folder: Path) -> None:
        with repository_to_fix() as repository:
            status, document = repository.document(*REMOVE, "--yes")
        (path,) = saved_files(working_folder)
        assert status == 0
        assert document | {"version": "", "caller": "", "diff": "", "loses_access": []} == {
            "schema": 1,
            "command": "fix",
            "version": "",
            "account": HUB,
            "caller": "",
            "regions": [HOME],
            "result": "closed",
            "exit_code": 0,
            "repository": ARN,
            "file": None,
            "mode": "remove-statements",
            "organization": None,
            "accounts": [],
            "findings": [
                'Everyone can pull: statement "Everyone" allows ecr:BatchGetImage and ecr:GetDownloadUrlForLayer to * '
                "with no Condition."
            ],
            "changes": ['statement "Everyone": removed'],
            "loses_access": [],
            "diff": "",
            "policy": CLOSED,
            "steps": None,
            "saved_policy": path.name,
            "undo": f"ecr-exposure fix --undo {path.name}",
            "in_place": "new policy",
            "problem": None,
        }
        assert document["diff"].startswith(f"--- a/{NAME}\n+++ b/{NAME}\n")
        assert document["loses_access"][0] == 'every principal to which statement "Everyone" grants access'

    def test_steps_of_all_means(self) -> None:
        with repository_to_fix() as repository:
            status, document = repository.document("--show", "all")
        assert (status, document["result"], document["in_place"]) == (1, "not changed", None)
        assert list(document["steps"]) == ["console", "cli", "terraform", "cloudformation"]
        assert (document["organization"], document["policy"]) == (ORGANIZATION_ID, BY_ORGANIZATION)

    def test_refused(self) -> None:
        with repository_to_fix(json.dumps({"Statement": 1})) as repository:
            status, document = repository.document("--yes")
        assert (status, document["result"], document["repository"]) == (1, "refused", ARN)
        assert document["problem"].startswith("Cannot be evaluated: Statement")
        assert document["policy"] is None


class TestArguments:
    """Options that are wrong, or exclude each other."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((), "Name one of POLICY_FILE, --repository and --undo."),
            (("file", "--repository", NAME), "Name one of POLICY_FILE, --repository and --undo; "),
            (("file", "--undo", "saved.json"), "Name one of POLICY_FILE, --repository and --undo; "),
            (("--repository", "Team/App"), "'Team/App' is not the name of a repository"),
            (("--repository", "team//app"), "'team//app' is not the name of a repository"),
            (("--repository", NAME, "--role", "Admin"), "'Admin' is not the ARN of a role"),
            (("--repository", NAME, "--organization", "o-1"), "'o-1' is not an organization ID such as o-exampleorg1"),
            (("--repository", NAME, "--accounts", "1"), "'1' is not an account ID of 12 digits"),
            (("--repository", NAME, "--mode", "close"), "'close' is not one of 'scope-to-organization', "),
            (("--repository", NAME, "--keep-service", "ec2"), "'ec2' is not one of 'lambda', 'codebuild'"),
            (("--repository", NAME, "--in-place"), "--in-place: with POLICY_FILE only."),
            (("--repository", NAME, "--owner", HUB), "--owner: with POLICY_FILE only."),
            (("--repository", NAME, "--diff", "--show", "cli"), "--diff and --show exclude each other."),
            (("file", "--in-place", "--diff"), "--in-place and --diff exclude each other."),
            (("file", "--role", "arn:aws:iam::111122223333:role/A"), "--role: not with POLICY_FILE."),
            (("file", "--keep-service", "lambda"), "--keep-service needs --owner: "),
            (("-", "--in-place"), "--in-place needs a file: standard input cannot be written."),
            (("--undo", "f", "--mode", "remove-statements"), "--mode: not with --undo, which restores a policy as it"),
            (("--undo", "f", "--in-place"), "--in-place: with POLICY_FILE only."),
            (
                ("file", "--mode", "remove-statements", "--organization", ORGANIZATION_ID),
                "--organization goes with --mode scope-to-organization only.",
            ),
            (("file", *REMOVE, "--accounts", PARTNER), "--accounts goes with --mode scope-to-accounts only."),
            (("file", "--organization", ORGANIZATION_ID, "--accounts", PARTNER), "they are two modes."),
            (("file", "--mode", "scope-to-accounts"), "--mode scope-to-accounts needs --accounts."),
        ],
    )
    def test_wrong_option_is_one_line(
        self, arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(("fix", *arguments)) == 2
        output = capsys.readouterr()
        assert (output.out, output.err.count("\n")) == ("", 1)
        assert problem in output.err
        assert output.err.endswith(" See: ecr-exposure fix --help\n")

    def test_permissions_name_every_call_and_no_other(
        self, capsys: pytest.CaptureFixture[str], working_folder: Path
    ) -> None:
        """GetCallerIdentity is in the policy of every command."""
        assert main(("fix", "--permissions")) == 0
        policy = json.loads(capsys.readouterr().out)
        named = {action for statement in policy["Statement"] for action in statement["Action"]}
        made: set[str] = set()
        role = ("--role", f"arn:aws:iam::{MEMBERS[0]}:role/Admin")
        tagged = json.dumps(
            {
                "Statement": [
                    json.loads(ONLY_PUBLIC_TEXT)["Statement"][0]
                    | {"Condition": {"StringEquals": {"ecr:ResourceTag/a": "b"}}}
                ]
            }
        )
        with repository_to_fix(tagged, account=MEMBERS[0], tags={"a": "b"}) as repository:
            for arguments in ((*role, "--yes"), (*role, *REMOVE, "--yes")):
                repository.text = tagged
                assert repository.fix(*arguments)[0] == 0
                made |= {f"{call.service}:{call.operation}" for call in repository.organization.calls}
            repository.run("--undo", str(saved_files(working_folder)[0]), *role, "--yes")
            made |= {f"{call.service}:{call.operation}" for call in repository.organization.calls}
        assert made == named
