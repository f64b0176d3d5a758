"""``preflight`` that cannot run: wrong arguments, no region, no credentials, no organization, an interrupt."""

import os
import signal
from contextlib import redirect_stdout
from pathlib import Path

import boto3
import pytest
from moto.organizations.models import organizations_backends

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.conftest import WriteValues
from tests.commands.prepared_organization import ABROAD, HOME, ONE, PreparedOrganization
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, LocalOrganization


@pytest.fixture
def environment(prepared: PreparedOrganization) -> Environment:
    """Return an environment with a session of the management account."""
    return Environment(session=prepared.organization.session(HUB, HOME))


class TestArguments:
    """What the operator typed."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--regions", "Ireland"), "'--region': 'Ireland' is not a Region such as eu-west-1"),
            (("--regions", "eu-west-1,"), "'--region': '' is not a Region such as eu-west-1"),
            (("--regions", "eu-west-1,cn-north-1"), "cn-north-1 is in the partition aws-cn, the credentials are in the "
             "partition aws"),
            (("--regions", "zz-nowhere-1"), "'zz-nowhere-1' is not a Region that boto3 knows; a newer version of boto3 "
             "may know it"),
            (("--regions", "eu-west-1,eu-wst-1"), "Invalid value for '--regions': 'eu-wst-1' is not a Region that "
             "boto3 knows; did you mean eu-west-1?"),
            (("--role", "arn:aws:iam::111122223333:role/x"), "is not the name of a role (an ARN is not accepted)"),
            (("now",), "Got unexpected extra argument (now)."),
        ],
    )  # fmt: skip
    def test_wrong_argument_exits_with_one_line(
        self, environment: Environment, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str
    ) -> None:
        assert main(("preflight", *arguments), environment) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("Not run: ")
        assert output.err.count("\n") == 1
        assert problem in output.err

    @pytest.mark.parametrize("arguments", [("--regions", "eu-wst-1"), ()])
    def test_mistyped_region_ends_before_the_first_call(
        self,
        prepared: PreparedOrganization,
        capsys: pytest.CaptureFixture[str],
        write_values: WriteValues,
        working_folder: Path,
        arguments: tuple[str, ...],
    ) -> None:
        """Also the configured one; and --set writes nothing."""
        write_values(RuleName="ours")
        own = prepared.organization.session(HUB, HOME).get_credentials()
        assert own
        session = boto3.Session(own.access_key, own.secret_key, own.token, region_name="eu-wst-1")
        prepared.organization.calls.clear()
        status = main(("preflight", *arguments, "--set", "RuleName=theirs"), Environment(session=session))
        assert status == 2
        assert "did you mean eu-west-1?" in capsys.readouterr().err
        assert prepared.organization.calls == []
        assert "ours" in (working_folder / "parameters.yaml").read_text()

    def test_empty_regions_are_the_sessions_region(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment = Environment(session=prepared.organization.session(HUB, ABROAD))
        assert main(("preflight", "--regions", ""), environment) == 0
        assert "Regions us-east-1\n" in capsys.readouterr().out
        assert {call.region for call in prepared.organization.calls if call.service == "config"} == {ABROAD}

    def test_missing_region_exits_with_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            monkeypatch.delenv("AWS_DEFAULT_REGION")
            assert main(["preflight"]) == 2
        assert capsys.readouterr().err == (
            "Not run: no Region: none is configured; set --regions, AWS_REGION or AWS_DEFAULT_REGION\n"
        )

    def test_configured_region_that_is_none_exits_with_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            monkeypatch.setenv("AWS_DEFAULT_REGION", "Ireland")
            assert main(["preflight"]) == 2
        problem = "'Ireland' is not a Region such as eu-west-1"
        assert (
            capsys.readouterr().err
            == f"Not run: no Region: {problem}; set --regions, AWS_REGION or AWS_DEFAULT_REGION\n"
        )


class TestCredentials:
    """Whose credentials the command uses."""

    def test_credentials_of_the_environment_are_used(
        self, prepared: PreparedOrganization, capsys: pytest.CaptureFixture[str]
    ) -> None:
        prepared.organization.use_function_role("OrganizationAccountAccessRole")
        assert main(["preflight", "--regions", HOME]) == 0
        assert "Caller: account 111122223333, the management account\n" in capsys.readouterr().out

    def test_missing_credentials_exit_with_an_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                monkeypatch.delenv(name)
            assert main(["preflight", "--regions", HOME]) == 2
        output = capsys.readouterr()
        assert (output.out, output.err) == ("", "Not run: no usable AWS credentials: Unable to locate credentials\n")

    def test_invalid_credentials_exit_with_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        with LocalOrganization():
            session = boto3.Session("AKIAUNKNOWN", "secret", region_name=HOME)
            assert main(["preflight", "--regions", HOME], Environment(session=session)) == 2
        assert "Not run: no usable AWS credentials: InvalidClientTokenId: " in capsys.readouterr().err

    @pytest.mark.parametrize("command", [("preflight",), ("verify", "a"), ("replay", "a")])
    def test_missing_profile_exits_with_an_error(
        self, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with LocalOrganization():
            assert main((*command, "--profile", "nobody")) == 2
        assert capsys.readouterr().err == "Not run: The config profile (nobody) could not be found\n"

    @pytest.mark.parametrize("operation", ["GetCallerIdentity", "AssumeRole"])
    def test_page_instead_of_xml_is_not_from_aws(
        self,
        prepared: PreparedOrganization,
        environment: Environment,
        capsys: pytest.CaptureFixture[str],
        operation: str,
    ) -> None:
        with prepared.organization.faults.inject(Fault("sts", operation, status=200, body="<html></html>", times=None)):
            status = main(["preflight", "--regions", HOME], environment)
        output = capsys.readouterr()
        assert status == 2
        assert f"the response to {operation} did not come from AWS" in output.out + output.err

    def test_account_without_an_organization_exits_with_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        with LocalOrganization(members=()) as organization:
            organizations_backends[HUB]["aws"].reset()
            environment = Environment(session=organization.session(HUB, HOME))
            assert main(["preflight", "--regions", HOME], environment) == 2
        output = capsys.readouterr()
        assert (output.out, output.err) == (
            "",
            "Not run: account 111122223333 is not in an organization; "
            "for a rule in this account alone: --set DeployAs=account-rule\n",
        )


class TestEnds:
    """The operator ends the command."""

    @pytest.mark.parametrize("operation", ["ListAccounts", "DescribeConfigurationRecorders"])
    def test_interrupt_exits_with_130(
        self,
        prepared: PreparedOrganization,
        environment: Environment,
        capsys: pytest.CaptureFixture[str],
        operation: str,
    ) -> None:
        """Also during the calls that several threads make."""
        interrupted: list[Call] = []

        def interrupt(call: Call) -> bool:
            interrupted.append(call)
            if len(interrupted) == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return False

        service = "organizations" if operation == "ListAccounts" else "config"
        # A shell ignores the signal for what it runs in the background.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with prepared.organization.faults.inject(Fault(service, operation, when=interrupt)):
                assert main(["preflight"], environment) == 130
        finally:
            signal.signal(signal.SIGINT, before)
        output = capsys.readouterr()
        assert (output.out, output.err) == ("", "Interrupted\n")

    def test_closed_pipe_ends_silently(
        self, prepared: PreparedOrganization, environment: Environment, capsys: pytest.CaptureFixture[str]
    ) -> None:
        prepared.remove_recorder(ONE)
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - no path
            assert main(["preflight"], environment) == 2
        assert capsys.readouterr().err == ""
