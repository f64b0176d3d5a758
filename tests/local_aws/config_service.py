"""AWS Config in every account and region: it has rules, invokes the function, and shows what it put.

Events: https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from moto.utilities.utils import get_partition

from tests.local_aws.function import Handler, Invocation, LocalFunction
from tests.local_aws.ledger import ALL_TRIGGERS, Evaluation, PutEvaluations, Rule
from tests.local_aws.organization import LocalOrganization
from tests.local_aws.recorder import RecordedItem, timestamp

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_INPUT_PARAMETERS: Final = 1024
_SERVICE_LINKED_ROLE: Final = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"


class ConfigService:
    """Config of a local organization, wired to one handler."""

    def __init__(
        self,
        organization: LocalOrganization,
        handler: Handler,
        *,
        environment: Mapping[str, str] = _NOTHING,
        asynchronous: bool = False,
    ) -> None:
        """Deploy the handler to the hub; ``environment`` holds the function's variables."""
        self._organization = organization
        self._ledger = organization.ledger
        self._recorder = organization.recorder
        self._function = LocalFunction(
            handler=handler, hub=organization.hub, environment=dict(environment), asynchronous=asynchronous
        )

    @property
    def on_failure(self) -> list[Invocation]:
        """Asynchronous invocations that failed three times."""
        return self._function.on_failure

    @property
    def put_evaluations(self) -> list[PutEvaluations]:
        """Every call of PutEvaluations so far, refused ones included."""
        return self._ledger.calls

    def put_rule(
        self,
        account: str,
        region: str,
        name: str,
        parameters: Mapping[str, str] = _NOTHING,
        *,
        triggers: frozenset[str] = ALL_TRIGGERS,
    ) -> Rule:
        """Make a rule in one account and region; no empty parameters, at most 1,024 characters of JSON."""
        self._organization.check_place(account, region)
        if not all(parameters.values()) or len(json.dumps(dict(parameters))) > _MAX_INPUT_PARAMETERS:
            raise ValueError(f"Config would refuse these input parameters: {dict(parameters)}")
        rule = Rule(account=account, region=region, name=name, parameters=dict(parameters), triggers=triggers)
        self._ledger.put_rule(rule)
        return rule

    def put_organization_rule(self, name: str, parameters: Mapping[str, str] = _NOTHING) -> tuple[Rule, ...]:
        """Make a rule in every account and region, named ``OrgConfigRule-<name>-<8 characters>`` there."""
        return tuple(
            self.put_rule(account, region, f"OrgConfigRule-{name}-{_suffix(account, region, name)}", parameters)
            for account in self._organization.accounts
            for region in self._organization.regions
        )

    def delete_rule(self, account: str, region: str, name: str) -> None:
        """Delete a rule; a result token of it is refused from now on."""
        self._ledger.delete_rule(self._ledger.rule(account, region, name))

    def rules(self, account: str, region: str) -> tuple[Rule, ...]:
        """Return the rules of an account in a region."""
        return self._ledger.rules_in(account, region)

    def evaluations(self, account: str, region: str, rule_name: str) -> tuple[Evaluation, ...]:
        """Return what the account's dashboard shows for a rule, ordered by resource."""
        return self._ledger.evaluations(self._ledger.rule(account, region, rule_name))

    def record(
        self,
        account: str,
        region: str,
        name: str,
        *,
        status: str | None = None,
        captured_at: datetime | None = None,
    ) -> RecordedItem:
        """Record a repository as it is now without telling any rule; deliver the item when you like."""
        self._organization.check_place(account, region)
        return self._recorder.record(account, region, name, status=status, captured_at=captured_at)

    def deliver_change(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Record a repository and invoke the function for every rule there."""
        return self.deliver_item(self.record(account, region, name))

    def deliver_oversized(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Do the same with a summary only: the function has to ask GetResourceConfigHistory."""
        return self.deliver_item(self.record(account, region, name), oversized=True)

    def deliver_deletion(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Record that a repository, known to Config and deleted in ECR, is gone, and tell the rules."""
        item = self.record(account, region, name)
        if item.configuration is not None:
            raise ValueError(f"{name!r} still exists in {account}, {region}")
        return self.deliver_item(item)

    def deliver_item(
        self, item: RecordedItem, *, oversized: bool = False, left_scope: bool = False
    ) -> tuple[Invocation, ...]:
        """Invoke the function for every rule with an item that was recorded now or earlier."""
        message = self.oversized_message(item) if oversized else self.change_message(item)
        return self.deliver(item.account, item.region, message, left_scope=left_scope)

    def deliver_scheduled(self, account: str, region: str) -> tuple[Invocation, ...]:
        """Invoke the function for the periodic run of every rule in an account and region."""
        return self.deliver(account, region, self.scheduled_message(account))

    def deliver_scheduled_everywhere(self) -> tuple[Invocation, ...]:
        """Do the periodic run in all accounts and regions that have a rule."""
        return tuple(
            invocation
            for account in self._organization.accounts
            for region in self._organization.regions
            if self.rules(account, region)
            for invocation in self.deliver_scheduled(account, region)
        )

    def deliver(
        self,
        account: str,
        region: str,
        invoking_event: Mapping[str, Any] | str,
        *,
        left_scope: bool = False,
    ) -> tuple[Invocation, ...]:
        """Deliver an invoking event as it is to every rule of an account and region that it triggers."""
        rules = self.rules(account, region)
        if not rules:
            raise LookupError(f"no rule in {account}, {region}")
        kind = invoking_event["messageType"] if isinstance(invoking_event, Mapping) else None
        return tuple(
            self.invoke(self.event(rule, invoking_event, left_scope=left_scope), region=region)
            for rule in rules
            if kind in {None, *rule.triggers} or kind not in ALL_TRIGGERS
        )

    def invoke(self, event: Mapping[str, Any], *, region: str) -> Invocation:
        """Invoke the function with an event that you made or changed."""
        return self._function.invoke(event, region)

    def event(self, rule: Rule, invoking_event: Mapping[str, Any] | str, *, left_scope: bool = False) -> dict[str, Any]:
        """Return the whole event for one rule, with a fresh result token."""
        text = invoking_event if isinstance(invoking_event, str) else json.dumps(invoking_event)
        partition = get_partition(rule.region)
        return {
            "version": "1.0",
            "invokingEvent": text,
            "ruleParameters": json.dumps(dict(rule.parameters)),
            "resultToken": self._ledger.issue_token(rule),
            "eventLeftScope": left_scope,
            "executionRoleArn": f"arn:{partition}:iam::{rule.account}:role/{_SERVICE_LINKED_ROLE}",
            "configRuleArn": rule.arn,
            "configRuleName": rule.name,
            "configRuleId": rule.identifier,
            "accountId": rule.account,
        }

    def change_message(self, item: RecordedItem) -> dict[str, Any]:
        """Return the invoking event ConfigurationItemChangeNotification."""
        return {
            "configurationItemDiff": item.as_difference(),
            "configurationItem": item.as_event(),
            "notificationCreationTime": timestamp(self._recorder.now()),
            "messageType": "ConfigurationItemChangeNotification",
            "recordVersion": "1.3",
        }

    def oversized_message(self, item: RecordedItem) -> dict[str, Any]:
        """Return the invoking event OversizedConfigurationItemChangeNotification."""
        return {
            "configurationItemSummary": item.as_summary(),
            "notificationCreationTime": timestamp(self._recorder.now()),
            "messageType": "OversizedConfigurationItemChangeNotification",
            "recordVersion": "1.0",
        }

    def scheduled_message(self, account: str) -> dict[str, Any]:
        """Return the invoking event ScheduledNotification."""
        return {
            "awsAccountId": account,
            "notificationCreationTime": timestamp(self._recorder.now()),
            "messageType": "ScheduledNotification",
            "recordVersion": "1.0",
        }


def _suffix(account: str, region: str, name: str) -> str:
    """Return eight characters that tell an organization rule's copies apart, the same in every run."""
    return hashlib.sha256(f"{name}:{account}:{region}".encode()).hexdigest()[:8]
