"""``verify --account``: the repository and the rule of a member account, by a role there."""

import json
import os
from datetime import timedelta
from typing import Any, Final

import pytest

from ecr_exposure.cli.main import main
from tests.commands.deployed_rule import ACCOUNT_RULE, HOME, MEMBER_NAMES, PACK, DeployedRule, deployed, policy_of
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

MEMBER, OTHER = MEMBERS
DEFAULT, CONTROL_TOWER = "OrganizationAccountAccessRole", "AWSControlTowerExecution"
ROLE_OF_THE_HUB: Final = "function-role"
POLICY, REPOSITORY = "DeleteRepositoryPolicy", "DeleteRepository"
# With credentials of the hub, Amazon ECR would refuse the call.
ASSUME: Final = (
    "(export $(printf 'AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s' "
    f"$(aws sts assume-role --role-arn arn:aws:iam::{MEMBER}:role/{DEFAULT} --role-session-name ecr-exposure-verify "
    "--region eu-west-1 --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)) && "
)


def without_role(*names: str) -> Fault:
    """Return the fault that refuses these roles."""

    def refuses(call: Call) -> bool:
        return str(call.parameters["RoleArn"]).endswith(names)

    return Fault("sts", "AssumeRole", status=403, code="AccessDenied", message="no", times=None, when=refuses)


def roles_of(rule: DeployedRule, service: str) -> set[tuple[str, str]]:
    """Return account and role of the calls of a service, without the function's own."""
    calls = rule.organization.calls
    return {
        (call.account, call.role) for call in calls if call.service == service and call.operation != "PutEvaluations"
    }


def assumed(rule: DeployedRule) -> int:
    """Return how often the operator's role in the member was assumed."""
    calls = [call for call in rule.organization.calls if call.operation == "AssumeRole"]
    return sum(str(call.parameters["RoleArn"]).endswith(DEFAULT) for call in calls)


def session_until(rule: DeployedRule, *, minutes: float) -> Fault:
    """Return the response to one AssumeRole after the first: a session until then, by the clock of the run."""
    sts = rule.organization.session(HUB, HOME).client("sts")
    arn = f"arn:aws:iam::{MEMBER}:role/{DEFAULT}"
    credentials: dict[str, Any] = dict(sts.assume_role(RoleArn=arn, RoleSessionName="later")["Credentials"])
    credentials["Expiration"] = (rule.clock.started + timedelta(minutes=minutes)).isoformat()
    members = "".join(f"<{name}>{value}</{name}>" for name, value in credentials.items())
    body = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"{members}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    return Fault("sts", "AssumeRole", status=200, body=body, request_id=True, when=lambda _: rule.clock.seconds > 0)


class TestMember:
    """A member account whose role can be assumed."""

    def test_rule_of_the_member_is_verified_and_nothing_is_left(self) -> None:
        with deployed(member=MEMBER) as rule:
            rule.services.severity = "CRITICAL"
            status, output = rule.verify("--account", MEMBER)
            assert (status, rule.repositories()) == (0, ())
            assert roles_of(rule, "ecr") == roles_of(rule, "config") == {(MEMBER, DEFAULT)}
            assert roles_of(rule, "cloudformation") == {(HUB, ROLE_OF_THE_HUB)}
        assert f"Rule in account {MEMBER}, eu-west-1 (role {DEFAULT}): {MEMBER_NAMES[PACK]}\n" in output
        assert (
            "Account 111122223333 as arn:aws:sts::111122223333:assumed-role/function-role/local-aws, eu-west-1: checks "
            in output
        )
        assert output.splitlines()[-1].startswith("Verified: ")

    def test_finding_is_read_in_the_member_and_automation_rules_in_the_hub(self) -> None:
        """Only the administrator of Security Hub can read automation rules."""
        with deployed(member=MEMBER) as rule:
            rule.verify("--account", MEMBER)
            calls = [call for call in rule.organization.calls if call.service == "securityhub"]
        assert {(call.operation, call.account) for call in calls} == {
            ("GetFindings", MEMBER),
            ("ListEnabledProductsForImport", MEMBER),
            ("ListAutomationRules", HUB),
        }

    @pytest.mark.parametrize(
        ("arguments", "refused", "role"),
        [((), (DEFAULT,), CONTROL_TOWER), (("--role", "Inspector"), (DEFAULT, CONTROL_TOWER), "Inspector")],
    )
    def test_role_that_can_be_assumed_is_used(
        self, arguments: tuple[str, ...], refused: tuple[str, ...], role: str
    ) -> None:
        with deployed(member=MEMBER) as rule, rule.organization.faults.inject(without_role(*refused)):
            assert rule.verify("--account", MEMBER, *arguments)[0] == 0
            assert roles_of(rule, "ecr") == {(MEMBER, role)}

    def test_account_of_the_stack_needs_no_role(self) -> None:
        with deployed() as rule:
            status, output = rule.verify("--account", HUB, "--dry-run")
            assert status == 0
            assert "AssumeRole" not in {call.operation for call in rule.organization.calls}
        assert f"Rule in account {HUB}, eu-west-1: " in output

    def test_dry_run_lists_what_an_earlier_run_left_in_the_member(self) -> None:
        with deployed(member=MEMBER) as rule:
            tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
            name = "ecr-exposure-verify-0123456789ab"
            rule.organization.create_repository(MEMBER, HOME, name, "{}", tags=tags)
            status, output = rule.verify("--account", MEMBER, "--dry-run")
        assert status == 1
        assert "Left by an earlier run: NAME is OPEN TO EVERYONE, since 2026-01-31" in output
        assert f"Close it first: {ASSUME}aws ecr delete-repository-policy" in output


class TestRefusedMember:
    """A member account that cannot be checked: nothing is created."""

    def test_every_role_is_named_with_its_refusal(self) -> None:
        with deployed(member=MEMBER) as rule, rule.organization.faults.inject(without_role(DEFAULT, CONTROL_TOWER)):
            status, output = rule.verify("--account", MEMBER)
            assert (status, [name for name in rule.changes() if name != "AssumeRole"]) == (2, [])
        refusal = "AccessDenied: no (AssumeRole)"
        assert output.splitlines()[-1] == (
            f"Not run: --account {MEMBER}: no role there can be assumed: {DEFAULT} ({refusal}); "
            f"{CONTROL_TOWER} ({refusal}); name it by --role"
        )

    def test_expired_credentials_are_named_and_no_other_role_is_tried(self) -> None:
        expired = Fault("sts", "AssumeRole", status=403, code="ExpiredToken", message="expired", times=None)
        with deployed(member=MEMBER) as rule, rule.organization.faults.inject(expired):
            status, output = rule.verify("--account", MEMBER)
            assert (status, rule.changes()) == (2, ["AssumeRole"])
        reason = "your credentials expired; renew them and run again (ExpiredToken: expired (AssumeRole))"
        assert output.splitlines()[-1] == f"Not run: {reason}"

    def test_account_rule_exists_in_its_own_account_only(self) -> None:
        with deployed(ACCOUNT_RULE) as rule:
            status, output = rule.verify("--account", MEMBER)
            assert (status, rule.changes()) == (2, [])
        reason = f"the stack is an account-rule, so its rule exists in {HUB} only"
        assert output.splitlines()[-1] == f"Not run: --account {MEMBER}: {reason}"

    def test_member_without_the_rule_is_named(self) -> None:
        with deployed(member=MEMBER) as rule:
            status, output = rule.verify("--account", OTHER)
            assert (status, "CreateRepository" in rule.changes()) == (2, False)
        assert f"Not run: no rule in {OTHER}, eu-west-1 is named 'ecr-repository-no-public-access-conf" in output

    @pytest.mark.parametrize(("account", "arguments"), [(MEMBER, ("--account", MEMBER)), (HUB, ())])
    def test_account_that_the_stack_excludes_is_named(self, account: str, arguments: tuple[str, ...]) -> None:
        with deployed(stack_parameters={"ExcludedAccounts": f"{OTHER},{account}"}) as rule:
            status, output = rule.verify(*arguments)
            assert (status, rule.changes()) == (2, [])
        reason = f"ExcludedAccounts of the stack names {account}, so the rule does not exist there"
        assert output.splitlines()[-1] == f"Not run: {reason}"

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--account", "12"), "Invalid value for '--account': '12' is not an account ID of 12 digits."),
            (("--role", "Inspector"), "--role is the role in the member account: name that by --account."),
        ],
    )
    def test_wrong_argument_is_named(
        self, arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(("verify", "stack", *arguments)) == 2
        assert capsys.readouterr().err == f"Not run: {problem} See: ecr-exposure verify --help\n"


class TestCleanUp:
    """A repository in a member that cannot be deleted, or only with new credentials."""

    def test_commands_assume_the_role(self) -> None:
        with deployed(member=MEMBER) as rule:

            def when_open(_call: Call) -> bool:
                return "SetRepositoryPolicy" in rule.changes()

            refusals = [
                Fault("ecr", each, code="AccessDeniedException", message="no", times=None, when=when_open)
                for each in (POLICY, REPOSITORY)
            ]
            with rule.organization.faults.inject(refusals[0]), rule.organization.faults.inject(refusals[1]):
                status, output = rule.verify("--account", MEMBER)
            assert status == 2
            (name,) = rule.repositories()
            assert policy_of(rule.organization, name, account=MEMBER)
        where = f"--repository-name NAME --registry-id {MEMBER} --region eu-west-1"
        failed = (
            f"CLEAN-UP FAILED: the repository NAME in account {MEMBER}, eu-west-1 is OPEN TO EVERYONE since TIME UTC"
        )
        assert [line.partition("s] ")[2] for line in output.splitlines()[-5:-2]] == [
            failed,
            f"Close it first: {ASSUME}aws ecr delete-repository-policy {where})",
            f"Then delete it: {ASSUME}aws ecr delete-repository {where} --force)",
        ]

    def test_session_of_the_role_that_ended_is_replaced(self) -> None:
        """The first session of the role is refused once the repository is open."""
        with deployed(member=MEMBER) as rule:

            def first_session(call: Call) -> bool:
                return "SetRepositoryPolicy" in rule.changes() and assumed(rule) == 1 and call.account == MEMBER

            expired = [
                Fault(*where, code="ExpiredTokenException", message="expired", times=None, when=first_session)
                for where in (("ecr", POLICY), ("ecr", REPOSITORY), ("config", "GetComplianceDetailsByResource"))
            ]
            with (
                rule.organization.faults.inject(expired[0]),
                rule.organization.faults.inject(expired[1]),
                rule.organization.faults.inject(expired[2]),
            ):
                status, output = rule.verify("--account", MEMBER)
            assert (status, rule.repositories(), assumed(rule)) == (2, (), 2)
        assert "Trying once more with a new session\n" in output
        assert "Closed the repository NAME: it has no policy\n" in output
        assert output.splitlines()[-1].startswith("Not verified: your credentials expired after 0 min; renew them")

    def test_session_of_the_role_is_renewed_before_it_ends(self) -> None:
        """Each session lasts an hour, a run up to a day."""
        with deployed(member=MEMBER) as rule:
            rule.clock.evaluates = False
            with (
                rule.organization.faults.inject(session_until(rule, minutes=200)),
                rule.organization.faults.inject(session_until(rule, minutes=110)),
            ):
                status, _ = rule.verify("--account", MEMBER, "--minutes", "120")
            assert (status, rule.repositories(), assumed(rule)) == (1, (), 3)

    @pytest.mark.parametrize("code", ["ExpiredTokenException", "AccessDenied"])
    def test_last_minutes_of_the_session_suffice_to_clean_up(self, code: str) -> None:
        """After 50 minutes the role's session has to be renewed, and the operator's credentials have expired."""
        with deployed(member=MEMBER) as rule:
            rule.clock.evaluates = False
            refused = Fault(
                "sts", "AssumeRole", status=403, code=code, message="no", times=None,
                when=lambda _: rule.clock.seconds > 0,
            )  # fmt: skip
            with rule.organization.faults.inject(refused):
                status, output = rule.verify("--account", MEMBER, "--minutes", "120")
            assert (status, rule.repositories()) == (2, ())
        assert (
            "[ 3010 s] Closed the repository NAME: it has no policy\n[ 3010 s] Deleted the repository NAME\n" in output
        )
        expiry = (
            "your credentials expired after 50 min; renew them and run again (ExpiredTokenException: no (AssumeRole))"
        )
        refusal = "AccessDenied: no (AssumeRole)"
        assert output.splitlines()[-1] == f"Not verified: {refusal if code == 'AccessDenied' else expiry}"


def test_profile_reaches_the_role_and_stands_in_its_command(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("profile") / "credentials"
    with deployed(member=MEMBER) as rule:
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        lines = [f"{name} = {os.environ[name.upper()]}\n" for name in names]
        file.write_text("[on call]\n" + "".join(lines), encoding="utf-8")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        for name in names:
            monkeypatch.delenv(name.upper())
        tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
        rule.organization.create_repository(MEMBER, HOME, "ecr-exposure-verify-0123456789ab", tags=tags)
        arguments = ("--profile", "on call", "--region", HOME, "--account", MEMBER, "--dry-run")
        status, document = rule.document(*arguments)
    assert status == 1
    (command,) = document["earlier_runs"][0]["commands"]
    assert command.startswith("(export $(printf ")
    assert "--region eu-west-1 --profile 'on call' --query" in command
    assert command.count("--profile") == 1
    assert json.dumps(document["role"]) == f'"{DEFAULT}"'
