"""Repositories that are public on purpose: what the AWS Config rules of the account say about one."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.aws_calls import Unknown, attempt, entries
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.stack import parameters_of
from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.grants import Grant
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.public_on_purpose import excuses, exemption_of
from ecr_exposure.verdict import needs_tags

if TYPE_CHECKING:
    from mypy_boto3_config.type_defs import ConfigRuleOutputTypeDef

_PARAMETERS: Final = ("excludedPublicRepositories", "excludedPublicTag")
"""The parameters of this project's rule that make a repository public on purpose; template.yaml omits empty ones."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known of a repository beside its policy; the tags are read where they matter."""

    repository: LiveRepository
    policy: str
    now: datetime
    report: Callable[[str], None]
    """Gets a line about what could not be read."""
    tags: Mapping[str, str] | None = field(default=None, init=False)
    _are_read: bool = field(default=False, init=False)

    def read_tags_of_policy(self) -> None:
        """Read the tags if the policy names one; raises CredentialsExpiredError."""
        if needs_tags(self.repository.described(self.policy, None), RuleParameters(), self.now):
            self._read_tags()

    def why_excluded(self, grants: Collection[Grant]) -> str:
        """Return which rule excuses these grants, whatever its own test finds; empty if none does.

        Raises CredentialsExpiredError.
        """
        if not grants or not excuses(grants):
            return ""
        rules = attempt(lambda: list(_rules(self.repository)))
        if isinstance(rules, Unknown):
            self.report(f"Whether the repository is public on purpose is not known: {rules.reason}")
            return ""
        for rule in rules:
            name = rule.get("ConfigRuleName", "")
            try:
                parameters = parameters_of(rule)
            except ParameterError as error:
                self.report(f"Whether rule {name} excludes the repository is not known: {error}")
                continue
            if parameters.public_tag is not None:
                self._read_tags()
            exemption = exemption_of(self.repository.described(self.policy, self.tags), parameters, self.now)
            if exemption is not None and exemption.refusal is None:
                return f"rule {name}: {exemption}"
        return ""

    def _read_tags(self) -> None:
        if self._are_read:
            return
        self._are_read = True
        tags = self.repository.tags()
        if isinstance(tags, Unknown):
            self.report(f"The tags of the repository could not be read: {tags.reason}")
        else:
            self.tags = tags


def _rules(repository: LiveRepository) -> Iterator["ConfigRuleOutputTypeDef"]:
    """Yield the rules of this project.

    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigRules.html
    """
    pages = repository.clients.config.get_paginator("describe_config_rules").paginate()
    for rule in entries(pages, lambda page: page["ConfigRules"]):
        text = rule.get("InputParameters", "")
        if any(name in text for name in _PARAMETERS) and rule.get("ConfigRuleState") != "DELETING":
            yield rule
