"""``check`` in pre-commit, in GitHub Actions and in a shell's completion: their files, and what they run."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ecr_exposure.cli.main import SUBCOMMANDS, command, main

ROOT: Final = Path(__file__).parent.parent.parent
HOOKS: Final[dict[str, Any]] = {
    each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
ACTION_TEXT: Final = (ROOT / "action.yml").read_text(encoding="utf-8")
ACTION: Final[dict[str, Any]] = yaml.safe_load(ACTION_TEXT)
STEPS: Final[dict[str, Any]] = {each["name"]: each for each in ACTION["runs"]["steps"]}

STATEMENT: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
PUBLIC: Final = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
CLOSED: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Principal": {"AWS": "111122223333"}}]}
)


def executable(file: Path, text: str) -> Path:
    """Write a program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def run_process(arguments: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program with these variables and a path to other programs, and with no other variables."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "rule"), **variables}
    return subprocess.run(  # noqa: S603 - our own programs
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", HOOKS)
class TestHook:
    """Both hooks of .pre-commit-hooks.yaml, https://pre-commit.com/#new-hooks."""

    def test_runs_once_and_installs_the_command(self, name: str) -> None:
        hook = HOOKS[name]
        assert (hook["language"], hook["require_serial"]) == ("python", True)
        assert shlex.split(hook["entry"])[:2] == ["ecr-exposure", "check"]
        # types_or: https://github.com/pre-commit/pre-commit/blob/main/CHANGELOG.md#290---2020-11-21
        assert hook["minimum_pre_commit_version"] == "2.9.0"

    @pytest.mark.parametrize(("content", "exit_code"), [(PUBLIC, 1), (CLOSED, 0), ("{", 2)])
    def test_fails_a_commit_for_its_policy_and_not_for_other_files(
        self, name: str, content: str, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        policy = content if content != "{" else '{"Statement": ['
        files = {"policy.json": policy, "package.json": '{"name": "app"}', "values.yaml": "a: 1\n", "main.tf": ""}
        for file, text in files.items():
            (tmp_path / file).write_text(text, encoding="utf-8")
        assert main([*shlex.split(HOOKS[name]["entry"])[1:], *files]) == exit_code
        assert {each.name for each in tmp_path.iterdir()} == set(files)  # no file is written

    def test_name_of_a_file_is_no_option(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pull request could add --ignore=*.json."""
        monkeypatch.chdir(tmp_path)
        files = ["--ignore=*.json", "policy.json"]
        for file in files:
            (tmp_path / file).write_text(PUBLIC, encoding="utf-8")
        assert main([*shlex.split(HOOKS[name]["entry"])[1:], *HOOKS[name].get("args", ()), *files]) == 1


class TestFilesOfHooks:
    """A file is for one hook at most."""

    @staticmethod
    def hooks_for(file: str, *types: str) -> list[str]:
        """Return the hooks that run for a file, as https://pre-commit.com/#filtering-files-with-types says."""
        return [
            name
            for name, hook in HOOKS.items()
            if re.search(hook.get("files", ""), file)
            and not re.search(hook.get("exclude", "^$"), file)
            and set(hook["types_or"]) & set(types)
        ]

    # The types are those of identify 2.6, with which pre-commit classifies files.
    @pytest.mark.parametrize(
        ("file", "types", "hooks"),
        [
            ("template.yaml", ["text", "yaml"], ["ecr-exposure-templates"]),
            ("cdk.out/App.template.json", ["text", "json"], ["ecr-exposure-templates"]),
            ("main.tf", ["text", "terraform"], ["ecr-exposure-terraform"]),
            ("a/main.tofu", ["text"], ["ecr-exposure-terraform"]),
            ("main.tf.json", ["text", "json"], ["ecr-exposure-terraform"]),
            ("main.tofu.json", ["text", "json"], ["ecr-exposure-terraform"]),
            ("main.py", ["text", "python"], []),
            ("terraform.tfvars", ["text", "terraform"], []),
        ],
    )
    def test_each_kind_of_file_has_its_hook(self, file: str, types: list[str], hooks: list[str]) -> None:
        assert self.hooks_for(file, *types) == hooks


class TestActionFile:
    """action.yml, https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax."""

    def test_other_actions_are_pinned_and_their_version_is_beside(self) -> None:
        used = re.findall(r"uses: (.*)", ACTION_TEXT)
        assert [each.partition("@")[0] for each in used] == [
            "actions/setup-python",
            "github/codeql-action/upload-sarif",
        ]
        assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in used)

    def test_each_input_is_described_and_used(self) -> None:
        assert all(each["description"] and isinstance(each["default"], str) for each in ACTION["inputs"].values())
        assert set(re.findall(r"inputs\.([\w-]+)", ACTION_TEXT)) == set(ACTION["inputs"])

    def test_no_script_has_an_expression_in_it(self) -> None:
        """GitHub replaces it by the value, which would be run as a part of the script.

        https://docs.github.com/en/actions/concepts/security/script-injections
        """
        assert [name for name, step in STEPS.items() if "${{" in step.get("run", "")] == []

    def test_the_report_is_uploaded_unless_it_is_incomplete(self) -> None:
        condition = STEPS["Upload to code scanning"]["if"]
        assert re.findall(r"exit-code == '(\d+)'", condition) == ["0", "1"]
        assert condition.startswith("inputs.upload-sarif == 'true' && (")

    def test_options_and_choices_are_those_of_the_command(self) -> None:
        options = {option for parameter in command.commands["check"].params for option in parameter.opts}
        assert set(re.findall(r"add (--[\w-]+)", ACTION_TEXT)) <= options
        assert {"--format", "--output"} <= options


class TestCheckStep:
    """The script of the action, in the shell that GitHub uses, with the command of this project."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return a folder with a public policy in one file and a closed one in another."""
        folder = tmp_path / "repository"
        folder.mkdir()
        (folder / "public.json").write_text(PUBLIC, encoding="utf-8")
        (folder / "closed policy.json").write_text(CLOSED, encoding="utf-8")
        return folder

    @staticmethod
    def run(folder: Path, program: str, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str]:
        """Run the step; return its end, and the exit code that it gives to the next ones."""
        command_file = executable(folder.parent / "bin" / "ecr-exposure", program)
        output = folder.parent / "output"
        step = STEPS["Check"]
        defaults = {
            variable: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: ACTION["inputs"][found[1]]["default"], text)
            for variable, text in step["env"].items()
        }
        defaults |= {"COMMAND": str(command_file), "GITHUB_OUTPUT": str(output), **inputs}
        script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = run_process(script, folder, **defaults)
        return done, output.read_text(encoding="utf-8").strip() if output.exists() else ""

    OWN: Final = f'#!/bin/sh\nexec "{sys.executable}" -m ecr_exposure.cli.main "$@"\n'

    @pytest.mark.parametrize(
        ("paths", "exit_code"),
        [("public.json", 1), ("closed policy.json", 0), (".", 1), ("closed policy.json\n\npublic.json\n", 1)],
    )
    def test_a_finding_does_not_end_the_action_before_the_upload(
        self, folder: Path, paths: str, exit_code: int
    ) -> None:
        done, output = self.run(folder, self.OWN, PATHS=paths)
        assert (done.returncode, output) == (0, f"exit-code={exit_code}")
        sarif = json.loads((folder / "ecr-exposure.sarif").read_text(encoding="utf-8"))
        assert len(sarif["runs"][0]["results"]) == exit_code
        assert ("public.json" in done.stdout) == (exit_code == 1)  # the log has the table

    def test_a_file_that_cannot_be_read_is_2(self, folder: Path) -> None:
        done, output = self.run(folder, self.OWN, PATHS="missing.json")
        assert (done.returncode, output) == (0, "exit-code=2")

    def test_each_line_of_an_input_is_an_argument(self, folder: Path) -> None:
        inputs = {
            "TEST": "external",
            "OWNER": "111122223333",
            "REGION": "eu-west-1",
            "TRUSTED_ACCOUNTS": "444455556666\r\n777788889999\n",
            "MEMBERS": "members file.txt",
            "PARAMETERS": "Name=a b\nOther=$(exit 1)",
            "IGNORE": "*.md",
            "CATEGORY": "infra live",
            "ARGUMENTS": "--exit-zero\n--stdin-name\nx",
            "PATHS": "one folder\n-odd",
            "SARIF_FILE": "out.sarif",
        }
        done, _ = self.run(folder, '#!/bin/sh\nfor each in "$@"; do echo "$each"; done\n', **inputs)
        assert done.stdout.splitlines() == [
            *("check", "--test", "external", "--owner", "111122223333", "--region", "eu-west-1"),
            *("--trusted-account", "444455556666", "--trusted-account", "777788889999"),
            *("--members", "members file.txt", "--parameter", "Name=a b", "--parameter", "Other=$(exit 1)"),
            *("--ignore", "*.md", "--category", "infra live", "--exit-zero", "--stdin-name", "x"),
            *("--format", "table", "--format", "sarif", "--output", "out.sarif", "--", "one folder", "-odd"),
        ]

    @pytest.mark.parametrize("code", ["0", "1", "2"])
    def test_the_last_step_ends_with_the_exit_code(self, folder: Path, code: str) -> None:
        done = run_process(["bash", "-eo", "pipefail", "-c", STEPS["Result"]["run"]], folder, CODE=code)
        assert done.returncode == int(code)


def test_the_action_installs_the_tested_versions(tmp_path: Path) -> None:
    pip = '#!/bin/sh\necho "$@" > "$RUNNER_TEMP/installed"\n'
    python = f'#!/bin/sh\nmkdir -p "$3/bin"\ncat > "$3/bin/python" <<"END"\n{pip}END\nchmod +x "$3/bin/python"\n'
    output = tmp_path / "output"
    variables = {
        "PYTHON": str(executable(tmp_path / "python", python)),
        "GITHUB_ACTION_PATH": str(ROOT),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(output),
    }
    done = run_process(["bash", "-eo", "pipefail", "-c", STEPS["Install"]["run"]], tmp_path, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert output.read_text(encoding="utf-8") == f"bin={tmp_path}/ecr-exposure/bin\n"
    tested = tmp_path / "ecr-exposure" / "tested-versions.txt"
    assert (tmp_path / "installed").read_text(encoding="utf-8").endswith(f"--constraint {tested} {ROOT}\n")
    versions = dict(line.split("==") for line in tested.read_text(encoding="utf-8").splitlines())
    assert {"boto3", "click", "pyyaml", "rich", "hatchling"} <= set(versions)
    assert all(re.fullmatch(r"\d[\w.+]*", each) for each in versions.values())


class TestShellCompletion:
    """Completion by click, https://click.palletsprojects.com/en/stable/shell-completion/."""

    @staticmethod
    def run(tmp_path: Path, instruction: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask for a script, or for what completes the last word."""
        line = {"COMP_WORDS": "\n".join(("ecr-exposure", *words)), "COMP_CWORD": str(len(words))}
        process = [sys.executable, "-m", "ecr_exposure.cli.main"]
        return run_process(process, tmp_path, _ECR_EXPOSURE_COMPLETE=instruction, **line)

    def completed(self, tmp_path: Path, *words: str) -> list[str]:
        """Return what completes the last word, in bash."""
        done = self.run(tmp_path, "bash_complete", *words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_gets_its_script(self, shell: str, tmp_path: Path) -> None:
        done = self.run(tmp_path, f"{shell}_source")
        assert done.returncode == 0
        assert f"_ECR_EXPOSURE_COMPLETE={shell}_complete" in done.stdout

    def test_another_shell_gets_none(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "tcsh_source")
        assert (done.returncode, done.stdout) == (1, "")

    def test_names_of_commands_are_completed(self, tmp_path: Path) -> None:
        assert self.completed(tmp_path, "") == [f"plain,{name}" for name in SUBCOMMANDS]
        assert self.completed(tmp_path, "ch") == ["plain,check"]
        assert "plain,--version" in self.completed(tmp_path, "--")

    def test_options_choices_and_files_of_check_are_completed(self, tmp_path: Path) -> None:
        assert self.completed(tmp_path, "check", "--skip") == ["plain,--skip-unrecognized"]
        assert self.completed(tmp_path, "check", "--format", "s") == ["plain,sarif"]
        assert self.completed(tmp_path, "check", "poli") == ["file,poli"]
