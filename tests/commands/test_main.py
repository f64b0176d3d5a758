"""``ecr-exposure`` itself: help, version, wrong use, and its process with closed and interrupted streams."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

import ecr_exposure
from ecr_exposure.cli import main as command_module
from ecr_exposure.cli.command_line import ExitCode
from ecr_exposure.cli.main import SUBCOMMANDS, command, main

RULE: Final = Path(__file__).parent.parent.parent / "rule"
COMMANDS: Final = sorted(command.commands)
# The Makefile finds them by itself otherwise, in a second.
INTERPRETERS: Final = tuple(f"{name}=python3" for name in ("PYTHON", "TOOLS_PYTHON", "BENCHMARK_PYTHON"))


def run_process(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, without credentials."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment.pop("PYTHONUNBUFFERED", None)  # standard output is buffered, as it usually is
    environment |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(RULE),
    }
    process = (sys.executable, "-m", "ecr_exposure.cli.main", *arguments)
    return subprocess.run(  # noqa: S603 - our own command
        process, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )


class TestHelp:
    """What a newcomer sees first."""

    @pytest.mark.parametrize("arguments", [("--help",), *((name, "--help") for name in COMMANDS)])
    def test_help_has_two_examples_and_all_exit_codes(
        self, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(arguments) == 0
        output = capsys.readouterr()
        assert output.err == ""
        examples, _, exit_codes = output.out.partition("\n\n  Examples:\n")[2].partition("\n\n  Exit codes:\n")
        assert len(examples.splitlines()) == 2
        assert all(line.startswith("    ecr-exposure ") for line in examples.splitlines())
        assert [int(line.split()[0]) for line in exit_codes.splitlines()] == list(ExitCode)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_examples_are_valid_command_lines(self, name: str) -> None:
        lines = [
            line.split() for line in (command.commands[name].epilog or "").splitlines() if " ecr-exposure " in line
        ]
        for _, subcommand, *arguments in lines:
            assert subcommand == name
            context = command.commands[name].make_context(subcommand, arguments)
            assert isinstance(context, click.Context)

    @pytest.mark.parametrize("name", ["check", "scan", "report"])
    def test_options_are_listed_by_what_they_are_for(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([name, "--help"]) == 0
        _, read, evaluated, reported = re.split(r"^Options.*:$", capsys.readouterr().out, flags=re.MULTILINE)
        assert "  --help " in read
        assert "  --test " in evaluated
        assert "  --format " in reported

    @pytest.mark.parametrize("name", COMMANDS)
    def test_table_has_the_short_help_of_each_command(self, name: str) -> None:
        """It is printed without an import of the commands."""
        assert SUBCOMMANDS[name] == command.commands[name].get_short_help_str(limit=200)

    def test_version_is_the_packages(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"ecr-exposure {ecr_exposure.__version__}\n"


class TestImports:
    """What takes long to import is imported where it is needed."""

    @pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("check", "policy.json")])
    def test_sdk_and_readers_of_other_files_are_not_imported(self, arguments: tuple[str, ...]) -> None:
        Path("policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
        program = f"""if True:
            import sys
            from ecr_exposure.cli.main import main
            main({arguments!r})
            slow = {{"boto3", "botocore", "yaml", "rich", "ijson", "jinja2"}}
            slow |= {{"ecr_exposure.cli." + name for name in ("policies_in_templates.yaml_nodes", "hcl.hcl_reader")}}
            print("imported:", *sorted(slow & set(sys.modules)), file=sys.stderr)
            """
        environment = os.environ | {"PYTHONPATH": str(RULE)}
        done = subprocess.run(  # noqa: S603 - our own command
            (sys.executable, "-c", program), env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "imported:"


class TestWrongUse:
    """No command, or none that exists."""

    def test_no_command_prints_the_help_and_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("Usage: ecr-exposure ")
        assert "\n  preflight  Check the prerequisites" in output.err

    @pytest.mark.parametrize(
        ("argument", "problem"), [("check-all", "No such command 'check-all'."), ("--all", "No such option")]
    )
    def test_unknown_command_exits_with_one_line(
        self, argument: str, problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([argument]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith(f"Not run: {problem}")
        assert output.err.endswith(" See: ecr-exposure --help\n")
        assert output.err.count("\n") == 1

    def test_control_characters_in_an_argument_are_not_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["\x1b[2J\n"]) == 2
        error = capsys.readouterr().err
        assert "\x1b" not in error
        assert error.count("\n") == 1


class TestUnexpectedError:
    """An error in the command itself."""

    def test_traceback_is_printed_and_the_exit_code_is_2(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Python's own exit code for it would be 1, which means something else."""

        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(command_module.command, "make_context", broken)
        assert main(["--version"]) == 2
        assert capsys.readouterr().err.endswith("\nZeroDivisionError\n")


class TestProcess:
    """The command as a process of its own."""

    @pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("replay", "--help")])
    def test_closed_pipe_ends_silently(self, arguments: tuple[str, ...]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = run_process(*arguments, stdout=writing)
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (2, "")

    def test_closed_pipe_for_both_streams_ends_silently(self) -> None:
        """As `ecr-exposure verify 2>&1 | true`."""
        reading, writing = os.pipe()
        os.close(reading)
        process = (sys.executable, "-m", "ecr_exposure.cli.main", "verify")
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                process, env=os.environ | {"PYTHONPATH": str(RULE)}, stdout=writing, stderr=writing, check=False
            )
        finally:
            os.close(writing)
        assert done.returncode == 2

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_full_disk_is_one_line(self) -> None:
        with Path("/dev/full").open("w") as full:
            done = run_process("--help", stdout=full.fileno())
        assert (done.returncode, done.stderr) == (2, "Failed: [Errno 28] No space left on device\n")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_error_that_cannot_be_printed_has_the_exit_code_2(self) -> None:
        """As on a terminal that has closed; Python's own exit code would be 1, which means something else."""
        with Path("/dev/full").open("w") as full:
            process = (sys.executable, "-m", "ecr_exposure.cli.main", "verify")
            done = subprocess.run(  # noqa: S603 - our own command
                process, env=os.environ | {"PYTHONPATH": str(RULE)}, stdout=full, stderr=full, check=False
            )
        assert done.returncode == 2

    def test_missing_credentials_are_one_line(self) -> None:
        done = run_process("preflight", "--regions", "eu-west-1")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "Not run: no usable AWS credentials: Unable to locate credentials\n"

    def test_character_that_the_terminal_lacks_is_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        done = run_process("verify", "größe", "--minutes", "größe")
        assert done.returncode == 2
        assert "'gr??e' is not a valid float" in done.stderr


class TestShortcuts:
    """`make preflight`, `make verify`, `make status`, `make replay` and `make fix`."""

    @pytest.mark.parametrize(
        ("target", "arguments"),
        [
            ("preflight", ()),
            ("preflight REGIONS=eu-west-1,us-east-1 ROLE=Inspector HUB=111122223333",
             ("--regions", "eu-west-1,us-east-1", "--role", "Inspector", "--hub", "111122223333")),
            ("preflight SET=DeployAs=account-rule", ("--set", "DeployAs=account-rule")),
            ("verify STACK=name", ("--", "name")),
            ("verify STACK=name REGION=eu-west-1 DRY_RUN=1 MINUTES=5 ARGS=--yes",
             ("--region", "eu-west-1", "--dry-run", "--minutes", "5", "--yes", "--", "name")),
            ("status STACK=name REGIONS=all-enabled ARGS=--json",
             ("--regions", "all-enabled", "--json", "--", "name")),
            ("replay STACK=name", ("--", "name")),
            ("replay STACK=name REGION=eu-west-1 MOST=5 DRY_RUN=1",
             ("--region", "eu-west-1", "--most", "5", "--dry-run", "--", "name")),
            ("fix REPOSITORY=team/app", ("--repository", "team/app")),
            ("fix REPOSITORY=team/app REGION=eu-west-1 ARGS=--diff",
             ("--region", "eu-west-1", "--diff", "--repository", "team/app")),
        ],
    )  # fmt: skip
    def test_variables_become_arguments(self, target: str, arguments: tuple[str, ...]) -> None:
        line = shlex.split(run_make(*target.split()).stdout.replace("\\\n", ""))
        assert line[:4] == ["PYTHONPATH=rule", ".venv/bin/python", "-m", "ecr_exposure.cli.main"]
        name = target.split(maxsplit=1)[0]
        assert line[4:] == [name, *arguments]
        assert command.commands[name].make_context(name, list(arguments)).info_name == name

    def test_several_assignments_become_options_that_the_shell_leaves_alone(self) -> None:
        printed = run_make("preflight", "SET=excludedPublicRepositories=public/*,team/? ExcludedAccounts=").stdout
        line = shlex.split(printed.replace("\\\n", ""))
        assert line[5:] == ["--set", "excludedPublicRepositories=public/*,team/?", "--set", "ExcludedAccounts="]
        assert '"excludedPublicRepositories=public/*,team/?"' in printed

    @pytest.mark.parametrize("target", ["verify", "status", "replay"])
    def test_missing_stack_is_asked_for(self, target: str) -> None:
        assert f"Name the stack: make {target} STACK=name" in run_make(target).stderr

    def test_missing_repository_is_asked_for(self) -> None:
        assert "Name the repository: make fix REPOSITORY=name" in run_make("fix").stderr

    @pytest.mark.parametrize(
        ("target", "problem"),
        [
            ("preflight REGION=eu-west-1", "Name the Regions: make preflight REGIONS=eu-west-1"),
            ("verify STACK=name REGIONS=eu-west-1", "Name one Region: make verify STACK=name REGION=region"),
            ("verify STACK=name SEVERITY=HIGH", "Name the severity that is expected"),
            ("status STACK=name REGION=eu-west-1", "Name the Regions: make status REGIONS=eu-west-1"),
            ("replay STACK=name REGIONS=eu-west-1", "Name one Region: make replay STACK=name REGION=region"),
            ("fix REPOSITORY=a REGIONS=eu-west-1", "Name one Region: make fix REPOSITORY=name REGION=region"),
        ],
    )
    def test_variable_that_the_target_does_not_read_is_refused(self, target: str, problem: str) -> None:
        made = run_make(*target.split())
        assert made.returncode == 2
        assert problem in made.stderr
        assert made.stdout == ""


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Print what make would run, without making the environment."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    process = ("make", *INTERPRETERS, "--dry-run", "--assume-old=.venv/ready", *arguments)
    return subprocess.run(  # noqa: S603 - our own Makefile
        process, cwd=RULE.parent, env=variables, capture_output=True, text=True, check=False
    )
