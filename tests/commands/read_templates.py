"""Templates as tests write them, and what the reader finds in them."""

from textwrap import dedent, indent
from typing import Any

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy
from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from ecr_exposure.cli.policies_in_templates.cloudformation import read_cloudformation


class Reading:
    """What the reader yields for a text, and what it says beside that."""

    def __init__(
        self,
        text: str,
        *,
        file: str = "app.yaml",
        owner: str | None = None,
        region: str | None = None,
        **parameters: str,
    ) -> None:
        """Read the text; parameters: as given by --parameter."""
        self.problems: list[str] = []
        self.notes: list[str] = []
        facts = CodeFacts(
            owner=owner,
            region=region,
            parameters=parameters,
            problem=lambda error: self.problems.append(error.message),
            note=self.notes.append,
        )
        self.found = list(read_cloudformation(file, text, facts))

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of all policies."""
        return [each.address for each in self.found]

    @property
    def only(self) -> FoundPolicy:
        """Return the only policy, of a template that can be read completely."""
        assert self.problems == []
        (found,) = self.found
        return found


def found_in(text: str, **options: Any) -> FoundPolicy:
    """Return the only policy of a template."""
    return Reading(dedent(text), **options).only


def template_of(principal: str, *, sections: str = "", **others: str) -> str:
    """Return a template with one repository, whose statement has this Principal, as YAML, and these other elements."""
    elements = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage", **others}
    statement = "\n".join(f"{key}:{_value(value)}" for key, value in elements.items())
    return (
        f"{dedent(sections)}\n"
        "Resources:\n"
        "  Role: {Type: AWS::IAM::Role}\n"
        "  User: {Type: AWS::IAM::User}\n"
        "  Repository:\n"
        "    Type: AWS::ECR::Repository\n"
        "    Properties:\n"
        "      RepositoryPolicyText:\n"
        "        Version: 2012-10-17\n"
        "        Statement:\n"
        f"          -\n{indent(statement, ' ' * 12)}\n"
    )


def _value(value: str) -> str:
    return f"\n{indent(dedent(value).strip(), '  ')}" if "\n" in value else f" {value}"


def principal_in(principal: str, *, sections: str = "", **options: Any) -> Any:
    """Return what the reader makes of a Principal."""
    policy = Reading(template_of(principal, sections=sections), **options).only.policy
    assert isinstance(policy, dict)
    return policy["Statement"][0].get("Principal")


def outcome_of(text: str, *, test: str = "reachable", **options: Any) -> Outcome:
    """Return the evaluation of the only policy of a template."""
    return evaluate(found_in(text, **options).policy, test=test)
