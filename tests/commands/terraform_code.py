"""Terraform code for tests: a folder is a mapping from paths to texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError, Span
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.policies_in_terraform.terraform_source import read_terraform


@dataclass
class ReadCode:
    """What was read of a folder, and what was said besides."""

    files: Mapping[str, str]
    policies: list[FoundPolicy] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def only(self) -> FoundPolicy:
        """The only policy."""
        (found,) = self.policies
        return found

    @property
    def verdicts(self) -> dict[str, str]:
        """The result of each policy by its address: closed, public, or what is unknown."""
        return {found.address: result_of(found) for found in self.policies}

    def text_at(self, span: Span | None, file: str = "main.tf") -> str:
        """Return the text of a span."""
        assert span is not None
        lines = self.files[file].split("\n")[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    def principal(self, index: int = 0) -> str:
        """Return the Principal of a statement of the only policy, as it is written."""
        return self.text_at(self.only.statements[index].principal, self.only.file)


def result_of(found: FoundPolicy, **question: object) -> str:
    """Return closed, public, or the references of what is unknown."""
    outcome = evaluate(found.policy, **question)
    if outcome.unknown:
        return ", ".join(outcome.unknown)
    if outcome.verdict.problem:
        return outcome.verdict.problem
    return "public" if outcome.verdict.compliance == "NON_COMPLIANT" else "closed"


def read_files(
    files: Mapping[str, str], folder: str = "", *, owner: str | None = None, parameters: Mapping[str, str] | None = None
) -> ReadCode:
    """Read the policies of a folder; the other folders are there for its modules."""
    texts = {path: dedent(text) for path, text in files.items()}
    read = ReadCode(texts)

    def folder_files(wanted: str) -> dict[str, str]:
        return {path: text for path, text in texts.items() if path.rpartition("/")[0] == wanted}

    def problem(error: NotReadError) -> None:
        read.problems.append(error.message)

    facts = CodeFacts(owner=owner, region=None, parameters=parameters or {}, problem=problem, note=read.notes.append)
    read.policies += read_terraform(folder_files(folder), facts, folder_files)
    return read


def read_code(code: str, *, owner: str | None = None, parameters: Mapping[str, str] | None = None) -> ReadCode:
    """Read the policies of one file, main.tf."""
    return read_files({"main.tf": code}, owner=owner, parameters=parameters)


def policy_with(principal: str, more: str = "") -> str:
    """Return a resource whose policy has one statement; principal: as in HCL. more: elements of it."""
    return f"""
resource "aws_ecr_repository_policy" "this" {{
  repository = "app"
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {principal}
      Action    = "ecr:BatchGetImage"
      {more}
    }}]
  }})
}}
"""


def value_of(expression: str, code: str = "") -> object:
    """Return the value of an expression, from the Sid of a statement beside some code."""
    read = read_code(f"{code}\n{policy_with(chr(34) + '*' + chr(34), f'Sid = {expression}')}")
    assert read.problems == []
    return read.only.policy["Statement"][0]["Sid"]
