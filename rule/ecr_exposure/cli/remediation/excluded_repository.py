"""Repositories that are public on purpose: what the AWS Config rules of the account say about one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ecr_exposure.cli.aws_calls import Unknown, attempt, entries
from ecr_exposure.cli.remediation.repository_policy import LiveRepository
from ecr_exposure.cli.stack import parameters_of
from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.access_tests import access_test
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.public_on_purpose import exemption_of
from ecr_exposure.verdict import evaluate_repository, needs_tags

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

    def read_tags_for(self, parameters: RuleParameters) -> None:
        """Read the tags if a verdict by these parameters needs them; raises CredentialsExpiredError."""
        if self._are_read or not needs_tags(self.repository.described(self.policy, None), parameters, self.now):
            return
        self._are_read = True
        tags = self.repository.tags()
        if isinstance(tags, Unknown):
            self.report(f"The tags of the repository could not be read: {tags.reason}")
        else:
            self.tags = tags

    def why_excluded(self) -> str:
        """Return which rule says that the repository is public on purpose; empty if none does.

        Raises CredentialsExpiredError.
        """
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
            reason = self._excused_by(parameters)
            if reason:
                return f"rule {name}: {reason}"
        return ""

    def _excused_by(self, parameters: RuleParameters) -> str:
        if parameters.test.needs_zone_of_trust:
            # What the rule knows of the organization is not known here; it excuses nothing that reachable does not.
            parameters = replace(parameters, test=access_test("test", "reachable"))
        self.read_tags_for(parameters)
        described = self.repository.described(self.policy, self.tags)
        verdict = evaluate_repository(described, parameters, self.now)
        is_excused = verdict.compliance == "COMPLIANT" and verdict.grants
        return str(exemption_of(described, parameters, self.now)) if is_excused else ""


def _rules(repository: LiveRepository) -> Iterator["ConfigRuleOutputTypeDef"]:
    """Yield the rules of this project.

    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigRules.html
    """
    pages = repository.clients.config.get_paginator("describe_config_rules").paginate()
    for rule in entries(pages, lambda page: page["ConfigRules"]):
        text = rule.get("InputParameters", "")
        if any(name in text for name in _PARAMETERS) and rule.get("ConfigRuleState") != "DELETING":
            yield rule
