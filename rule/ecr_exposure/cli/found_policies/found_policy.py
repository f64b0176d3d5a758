"""One repository policy, and where it is: what every reader of a kind of file, and of AWS, yields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import click

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown, Value


class Kind(Enum):
    """The kinds of files and places that have policies."""

    POLICY = "policy"
    CONFIG_ITEM = "configuration item"
    CLOUDFORMATION = "CloudFormation template"
    TERRAFORM_PLAN = "Terraform plan"
    TERRAFORM_SOURCE = "Terraform source"
    REPOSITORY = "repository"
    """Read from the API of Amazon ECR."""
    RECORDED_REPOSITORY = "recorded repository"
    """As AWS Config recorded it."""
    EVALUATION = "evaluation"
    """Of AWS Config, without the policy that was evaluated."""

    @property
    def is_file(self) -> bool:
        """Whether the policy is in a file, with lines."""
        return self not in (Kind.REPOSITORY, Kind.RECORDED_REPOSITORY, Kind.EVALUATION)


class Span(NamedTuple):
    """A part of a file: 1-based lines and columns in characters; the end is the place behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


class StatementSpan(NamedTuple):
    """Where a statement is, and its Principal or NotPrincipal element, if the reader knows."""

    statement: Span
    principal: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """What says, in a file, that a policy is public on purpose; span: where it says so.

    until: the last day as written, YYYY-MM-DD; None for no end.
    """

    reason: str
    until: str | None = None
    file: str
    span: Span


class Excuse(NamedTuple):
    """What is said of a policy. text: why it is public on purpose, None if nothing says so; notes: what does not."""

    text: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPolicy:
    """A policy, and where it is.

    file: the path as the report shows it; ACCOUNT/REGION/NAME for a repository in AWS. address: unique in the file,
    such as ``Resources.AppRepository``, ``module.app.aws_ecr_repository_policy.this["a"]`` or the ARN of a repository;
    empty for a file that is a policy. policy: as `judge` takes it, with Unknown and Joined for what the file does not
    say; None for no policy. A text that is not JSON stays a string, and `judge` says so. with_other_values: the policy
    with the values that a parameter allows, for each parameter whose default it has. span: the property or line
    that has the policy. statements: by index, where the reader knows them. repository: its name, None if the file does
    not say it. account, region, tags: of the repository where the file says them. cdk_path: the metadata aws:cdk:path.
    resource: the whole resource in code that can have comments (YAML, HCL), for a comment inside it can be a
    suppression. resource_file: the file of resource, if the policy is written in another one.
    """

    kind: Kind
    file: str
    address: str
    policy: Value
    span: Span
    with_other_values: tuple[Value, ...] = ()
    statements: Mapping[int, StatementSpan] = field(default_factory=dict)
    repository: str | Unknown | Joined | None = None
    account: str | None = None
    region: str | None = None
    tags: Mapping[str, str] | None = None
    cdk_path: str | None = None
    suppression: Suppression | None = None
    resource: Span | None = None
    resource_file: str | None = None


class NotReadError(click.ClickException):
    """A file, a part of it, an account or a Region cannot be read: the rest is, and the command exits with 2.

    place: the file, ``ACCOUNT``, ``ACCOUNT/REGION``, the Region, or ``aggregator NAME``; line: of a file, if known.
    The message is one line that begins with place and line, and names the value and what is accepted.
    """

    def __init__(self, place: str, line: int | None, message: str) -> None:
        """Begin the message with the place."""
        self.place, self.line, self.reason = place, line, message
        super().__init__(f"{self.named_place}: {message}")

    @property
    def named_place(self) -> str:
        """The place, with the line if it is known."""
        return f"{self.place}:{self.line}" if self.line else self.place
