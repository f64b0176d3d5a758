"""The parameters of the deployed rule: they say before anything is created if it would flag the repository.

An entry of excludedPublicRepositories or the tag of excludedPublicTag may say that it is public on purpose. Then the
rule never reports NON_COMPLIANT for it, and the check would wait in vain.
"""

from datetime import datetime
from typing import Final

from ecr_exposure.cli.aws_calls import Clients, NotAwsError, required
from ecr_exposure.cli.stack import parameters_of
from ecr_exposure.cli.verification.temporary_repository import PUBLIC_POLICY, TemporaryRepository
from ecr_exposure.errors import ParameterError
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.public_on_purpose import exemption_of
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import evaluate_repository

_FLAGGED: Final = "NON_COMPLIANT"


def why_not_flagged(clients: Clients, rule: str, repository: TemporaryRepository, now: datetime) -> str:
    """Return why the rule would not flag the repository when it is public; empty if it would.

    Raises one of AWS_ERRORS.
    """
    try:
        parameters = _parameters(clients, rule)
    except ParameterError as error:
        return f"this version does not accept the rule's parameters, so no evaluation is expected: {error}"
    public = Repository(
        account=repository.place.account,
        region=repository.place.region,
        name=repository.name,
        arn="",
        policy=PUBLIC_POLICY,
        tags=repository.tags,
    )
    if evaluate_repository(public, parameters, now).compliance == _FLAGGED:
        return ""
    exemption = exemption_of(public, parameters, now)
    return f"the rule would not flag the temporary repository: it is public on purpose by {exemption}"


def _parameters(clients: Clients, rule: str) -> RuleParameters:
    """Return the parameters of the rule; raises ParameterError or one of AWS_ERRORS."""
    response = clients.config.describe_config_rules(ConfigRuleNames=[rule])
    rules = required(response, lambda found: found["ConfigRules"])
    if not rules:
        raise NotAwsError("the response to DescribeConfigRules has no rule, so it did not come from AWS")
    return parameters_of(rules[0])
