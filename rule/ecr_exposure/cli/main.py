"""The command ``ecr-exposure``: its subcommands, and how each of its ends becomes an exit code.

A subcommand is imported when it is asked for: the SDK for AWS alone takes longer than to check a file.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

import click

import ecr_exposure
from ecr_exposure.cli.command_line import Environment, ExitCode, reference

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_NAME = "ecr-exposure"
_COMPLETION: Final = "_ECR_EXPOSURE_COMPLETE"
"""The variable by which a shell asks for completions: https://click.palletsprojects.com/en/stable/shell-completion/."""

SUBCOMMANDS: Final[Mapping[str, str]] = {
    "check": "Check files for repository policies that grant public access.",
    "fix": "Close a repository policy that grants public access.",
    "preflight": "Check the prerequisites before you deploy to an organization.",
    "replay": "Invoke the function again with the events on which it failed.",
    "report": "Report what AWS Config recorded in the whole organization.",
    "scan": "Show which repositories are public now.",
    "status": "Show where a deployed rule is evaluated, and why not elsewhere.",
    "verify": "Check that a deployed stack flags a public repository.",
}
"""Name to short help. The module ecr_exposure.cli.NAME has the command under the same name."""


class _Commands(MutableMapping[str, click.Command]):
    """The subcommands by name, each imported when it is read."""

    def __init__(self) -> None:
        self._imported: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._imported:
            if name not in SUBCOMMANDS:
                raise KeyError(name)
            module = import_module(f"ecr_exposure.cli.{name}")
            self._imported[name] = getattr(module, name)
        return self._imported[name]

    def __setitem__(self, name: str, value: click.Command) -> None:
        self._imported[name] = value

    def __delitem__(self, name: str) -> None:
        del self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SUBCOMMANDS)

    def __len__(self) -> int:
        return len(SUBCOMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in SUBCOMMANDS


class _Group(click.Group):
    """A group that lists its subcommands without importing them."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and what they do."""
        del context
        with formatter.section("Commands"):
            formatter.write_dl([*SUBCOMMANDS.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Return the names that begin so, without importing the subcommands, and the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

        names = [CompletionItem(name, help=text) for name, text in SUBCOMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, context, incomplete)]


@click.group(
    cls=_Group,
    commands=_Commands(),
    invoke_without_command=True,
    epilog=reference(
        (
            "ecr-exposure scan --region eu-west-1",
            "ecr-exposure preflight --regions eu-west-1,us-east-1",
        ),
        {
            ExitCode.AS_WANTED: "Everything is as wanted.",
            ExitCode.NOT_AS_WANTED: "Done, and something is not as wanted.",
            ExitCode.NOT_DONE: "Not done, or not completely.",
            ExitCode.INTERRUPTED: "Interrupted.",
        },
    ),
)
@click.version_option(ecr_exposure.__version__, message=f"{_NAME} %(version)s")
@click.pass_context
def command(context: click.Context) -> None:
    """Find Amazon ECR private repositories that grant public access, and operate ecr-repository-no-public-access.

    Before the roll-out: check reads files, scan what is deployed, preflight the prerequisites. Afterwards: verify,
    status, replay, report what AWS Config recorded, and fix, which closes a finding.

    The commands but check use the credentials of the AWS CLI. COMMAND --help shows what a command does, COMMAND
    --permissions what it needs to be allowed to do.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(ExitCode.NOT_DONE)


def main(arguments: Sequence[str] | None = None, environment: Environment | None = None) -> int:
    """Run the command with these arguments, by default the process's; return its exit code."""
    try:
        if arguments is None and (instruction := os.environ.get(_COMPLETION)):
            return _completed(instruction)
        return _exit_code(sys.argv[1:] if arguments is None else arguments, environment or Environment())
    except (OSError, SystemExit):
        # Nobody reads the output any more, as after `| head`, or the terminal has closed; rich raises SystemExit.
        return ExitCode.NOT_DONE
    finally:
        _flush_output()


def _completed(instruction: str) -> int:
    """Print the script of a shell, or what completes its line; return 1 for a shell that click does not know."""
    from click.shell_completion import shell_complete  # noqa: PLC0415 - only a shell asks

    return shell_complete(command, {"obj": Environment()}, _NAME, _COMPLETION, instruction)


def _exit_code(arguments: Sequence[str], environment: Environment) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another
    environment.known.clear()
    try:
        with command.make_context(_NAME, list(arguments), obj=environment) as context:
            return int(command.invoke(context))
    except click.exceptions.Exit as end:
        return end.exit_code
    except KeyboardInterrupt:
        return _ended(arguments, environment.known, ExitCode.INTERRUPTED, "interrupted", ("Interrupted", ""))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - Python's own exit code for it, 1, has another meaning here
        return _failed(arguments, environment.known, error)


def _failed(arguments: Sequence[str], known: Mapping[str, object], error: Exception) -> ExitCode:
    from ecr_exposure.cli import aws_calls  # noqa: PLC0415 - imports boto3, which check does not need

    if isinstance(error, (click.ClickException, aws_calls.CredentialsExpiredError, *aws_calls.AWS_ERRORS)):
        return _ended(arguments, known, ExitCode.NOT_DONE, "not run", ("Not run: ", _reason(error)))
    if isinstance(error, OSError):  # of an output file or terminal; AWS's are among AWS_ERRORS
        return _ended(arguments, known, ExitCode.NOT_DONE, "not run", ("Failed: ", aws_calls.error_text(error)))
    traceback.print_exception(error)
    return ExitCode.NOT_DONE


def _ended(
    arguments: Sequence[str],
    known: Mapping[str, object],
    exit_code: ExitCode,
    result: str,
    title_and_reason: tuple[str, str],
) -> ExitCode:
    """Print on standard error why a command ended early, and with --json the document on standard output.

    The options of a command that could not be parsed are not known, so its arguments are read as they are.
    known: account, caller and Regions, if the command got so far.
    """
    from rich.console import Console  # noqa: PLC0415 - takes longer than --version

    from ecr_exposure.cli.output import document_head  # noqa: PLC0415 - imports boto3, which check does not need
    from ecr_exposure.cli.terminal import print_line  # noqa: PLC0415 - as rich

    console = Console(stderr=True, highlight=False, no_color=True if "--no-color" in arguments else None)
    title, reason = title_and_reason
    print_line(console, (title, "bold red"), reason)
    if "--json" in arguments:
        named = next((argument for argument in arguments if argument in command.commands), None)
        end = {"result": result, "exit_code": int(exit_code), "error": reason}
        click.echo(json.dumps({**document_head(named), **known, **end}, indent=2))
    return exit_code


def _reason(error: Exception) -> str:
    from ecr_exposure.cli.aws_calls import (  # noqa: PLC0415 - imports boto3, which check does not need
        CredentialsExpiredError,
        error_text,
        has_expired,
        printable,
    )

    if isinstance(error, CredentialsExpiredError) or has_expired(error):
        return f"your credentials expired; renew them and run again ({error_text(error)})"
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else _NAME
        problem = error.format_message()
        return printable(f"{problem if problem.endswith(('.', '?')) else f'{problem}.'} See: {path} --help")
    return printable(error.message) if isinstance(error, click.ClickException) else error_text(error)


def _flush_output() -> None:
    """Discard what cannot be written: Python would complain about it at its end, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            try:
                stream.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
