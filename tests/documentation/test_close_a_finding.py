"""A finding is closed, and its undo opens it again, by nothing but the commands of README's "Close a finding"."""

import json
import re
import shlex
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.repository_to_fix import Terminal
from tests.documentation.pages import README, blocks, section
from tests.local_aws.moto_stack_services import stack_services
from tests.local_aws.organization import HUB, ORGANIZATION_ID
from tests.rule.member_account import MEMBER, OTHER_REGION, REGION, MemberAccount, deployed

# The comments beside them are no part of the commands.
COMMANDS: Final = re.findall(r"^    ecr-exposure (fix [^#\n]*[^#\s])", section(README, "Close a finding"), re.MULTILINE)
PUBLIC: Final = blocks(README, "json")[0]
FINDING: Final = " ".join(blocks(README, "text")[0].split())


def run(member: MemberAccount, command: str) -> str:
    """Run a command with credentials of the account, agree to each question, and return the last line."""
    # The Region of the credentials is another one than that of the repository.
    environment = Environment(session=member.organization.session(MEMBER, OTHER_REGION))
    output = Terminal()
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(output))
        stack.enter_context(redirect_stderr(output))
        stack.enter_context(patch.object(sys, "stdin", Terminal()))
        stack.enter_context(patch("click.termui.visible_prompt_func", lambda _: "y"))
        status = main(shlex.split(command), environment)
    assert status == 0, output.getvalue()
    return output.getvalue().splitlines()[-1]


def evaluated(member: MemberAccount, name: str) -> tuple[str, str | None]:
    """Evaluate the repository, as AWS Config does after each change of its policy, and return what AWS Config shows."""
    member.config.deliver_change(MEMBER, REGION, name)
    return member.dashboard()[name]


@pytest.mark.parametrize("test", ["unconditional", "reachable"])
def test_finding_is_closed_and_opened_again(test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    close, undo = COMMANDS
    with deployed({"publicAccessTest": test}) as member, stack_services(member.organization.config_store):
        name = FINDING.rpartition(" ")[2]
        member.create(name, PUBLIC)
        before = evaluated(member, name)
        assert before[0] == "NON_COMPLIANT"
        assert str(before[1]).endswith(f" Fix: ecr-exposure fix --repository {name}")
        assert before[1] == FINDING or test == "reachable"

        run(member, close.replace("NAME", name).replace("REGION", REGION))
        assert evaluated(member, name)[0] == "COMPLIANT"
        text = member.organization._ecr(MEMBER, REGION).repositories[name].policy  # noqa: SLF001 - moto's state
        named, limited = json.loads(text)["Statement"]
        assert named["Principal"] == {"AWS": [f"arn:aws:iam::{HUB}:root"]}
        assert limited["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}

        (file,) = tmp_path.iterdir()
        run(member, undo.replace("FILE", file.name))
        assert evaluated(member, name) == before
