"""The command ``ecr-exposure``: its subcommands, and how each of its ends becomes an exit code."""

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from io import TextIOWrapper

import click
from rich.console import Console

import ecr_exposure
from ecr_exposure.cli.aws_calls import AWS_ERRORS, CredentialsExpiredError, error_text, has_expired, printable
from ecr_exposure.cli.command_line import Environment, ExitCode, reference
from ecr_exposure.cli.fix import fix
from ecr_exposure.cli.output import document_head
from ecr_exposure.cli.preflight import preflight
from ecr_exposure.cli.replay import replay
from ecr_exposure.cli.status import status
from ecr_exposure.cli.terminal import print_line
from ecr_exposure.cli.verify import verify

_NAME = "ecr-exposure"


@click.group(
    invoke_without_command=True,
    epilog=reference(
        (
            "ecr-exposure preflight --regions eu-west-1,us-east-1",
            "ecr-exposure verify ecr-repository-no-public-access --dry-run",
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
    """Prepare, verify and operate ecr-repository-no-public-access.

    The commands use the credentials of the AWS CLI. COMMAND --help shows what a command does, COMMAND --permissions
    what it needs to be allowed to do.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(ExitCode.NOT_DONE)


for _subcommand in (preflight, verify, replay, status, fix):
    command.add_command(_subcommand)


def main(arguments: Sequence[str] | None = None, environment: Environment | None = None) -> int:
    """Run the command with these arguments, by default the process's; return its exit code."""
    try:
        return _exit_code(sys.argv[1:] if arguments is None else arguments, environment or Environment())
    except (OSError, SystemExit):
        # Nobody reads the output any more, as after `| head`, or the terminal has closed; rich raises SystemExit.
        return ExitCode.NOT_DONE
    finally:
        _flush_output()


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
    except (click.ClickException, CredentialsExpiredError, *AWS_ERRORS) as error:
        return _ended(arguments, environment.known, ExitCode.NOT_DONE, "not run", ("Not run: ", _reason(error)))
    except KeyboardInterrupt:
        return _ended(arguments, environment.known, ExitCode.INTERRUPTED, "interrupted", ("Interrupted", ""))
    except BrokenPipeError:
        raise
    except OSError as error:  # of an output file or terminal; AWS's are among AWS_ERRORS
        return _ended(arguments, environment.known, ExitCode.NOT_DONE, "not run", ("Failed: ", error_text(error)))
    except Exception:  # noqa: BLE001 - Python's own exit code for it, 1, has another meaning here
        traceback.print_exc()
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
    console = Console(stderr=True, highlight=False, no_color=True if "--no-color" in arguments else None)
    title, reason = title_and_reason
    print_line(console, (title, "bold red"), reason)
    if "--json" in arguments:
        named = next((argument for argument in arguments if argument in command.commands), None)
        end = {"result": result, "exit_code": int(exit_code), "error": reason}
        click.echo(json.dumps({**document_head(named), **known, **end}, indent=2))
    return exit_code


def _reason(error: Exception) -> str:
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
