"""AWS Config in every account and region: rules, events to the function, evaluations.

Events: https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from moto.utilities.utils import get_partition

from tests.local_aws.config_store import ALL_TRIGGERS, Evaluation, PutEvaluations, Rule
from tests.local_aws.lambda_function import Handler, Invocation, LocalFunction
from tests.local_aws.organization import LocalOrganization
from tests.local_aws.recorder import RecordedItem, timestamp

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_INPUT_PARAMETERS: Final = 1024
_SERVICE_LINKED_ROLE: Final = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"


class ConfigService:
    """AWS Config of a local organization; all rules invoke one function."""

    def __init__(
        self,
        organization: LocalOrganization,
        handler: Handler,
        *,
        environment: Mapping[str, str] = _NOTHING,
        asynchronous: bool = False,
    ) -> None:
        """Create the function in the hub account; ``environment`` are its environment variables."""
        self._organization = organization
        self._store = organization.config_store
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
        """Every PutEvaluations call so far, failed ones included."""
        return self._store.calls

    def put_rule(
        self,
        account: str,
        region: str,
        name: str,
        parameters: Mapping[str, str] = _NOTHING,
        *,
        triggers: frozenset[str] = ALL_TRIGGERS,
    ) -> Rule:
        """Create a rule; raises ValueError for an empty parameter or more than 1,024 characters of JSON."""
        self._organization.check_place(account, region)
        if not all(parameters.values()) or len(json.dumps(dict(parameters))) > _MAX_INPUT_PARAMETERS:
            raise ValueError(f"AWS Config rejects these input parameters: {dict(parameters)}")
        rule = Rule(account=account, region=region, name=name, parameters=dict(parameters), triggers=triggers)
        self._store.put_rule(rule)
        return rule

    def put_organization_rule(self, name: str, parameters: Mapping[str, str] = _NOTHING) -> tuple[Rule, ...]:
        """Create a rule in every account and region, named ``OrgConfigRule-<name>-<8 characters>``."""
        return tuple(
            self.put_rule(account, region, f"OrgConfigRule-{name}-{_suffix(account, region, name)}", parameters)
            for account in self._organization.accounts
            for region in self._organization.regions
        )

    def delete_rule(self, account: str, region: str, name: str) -> None:
        """Delete a rule; its result tokens become invalid."""
        self._store.delete_rule(self._store.rule(account, region, name))

    def rules(self, account: str, region: str) -> tuple[Rule, ...]:
        """Return the rules of an account in a region."""
        return self._store.rules_in(account, region)

    def evaluations(self, account: str, region: str, rule_name: str) -> tuple[Evaluation, ...]:
        """Return the evaluations that the account's dashboard shows for a rule, ordered by resource."""
        return self._store.evaluations(self._store.rule(account, region, rule_name))

    def record(
        self,
        account: str,
        region: str,
        name: str,
        *,
        status: str | None = None,
        captured_at: datetime | None = None,
    ) -> RecordedItem:
        """Record a repository as it is now and invoke no rule; ``deliver_item`` does that later."""
        self._organization.check_place(account, region)
        return self._recorder.record(account, region, name, status=status, captured_at=captured_at)

    def deliver_change(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Record a repository and invoke the function for every rule there."""
        return self.deliver_item(self.record(account, region, name))

    def deliver_oversized(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Do the same with an oversized notification: the function has to call GetResourceConfigHistory."""
        return self.deliver_item(self.record(account, region, name), oversized=True)

    def deliver_deletion(self, account: str, region: str, name: str) -> tuple[Invocation, ...]:
        """Record a deleted repository and invoke the function for every rule there."""
        item = self.record(account, region, name)
        if item.configuration is not None:
            raise ValueError(f"{name!r} still exists in {account}, {region}")
        return self.deliver_item(item)

    def deliver_item(
        self, item: RecordedItem, *, oversized: bool = False, left_scope: bool = False
    ) -> tuple[Invocation, ...]:
        """Invoke the function for every rule with a recorded item."""
        message = self.oversized_message(item) if oversized else self.change_message(item)
        return self.deliver(item.account, item.region, message, left_scope=left_scope)

    def deliver_scheduled(self, account: str, region: str) -> tuple[Invocation, ...]:
        """Invoke the function with the scheduled event of every rule in an account and region."""
        return self.deliver(account, region, self.scheduled_message(account))

    def deliver_scheduled_everywhere(self) -> tuple[Invocation, ...]:
        """Do the same in all accounts and regions that have a rule."""
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
        """Invoke the function with an invoking event, unchanged, for every rule that it triggers."""
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
        """Invoke the function with any event."""
        return self._function.invoke(event, region)

    def event(self, rule: Rule, invoking_event: Mapping[str, Any] | str, *, left_scope: bool = False) -> dict[str, Any]:
        """Return the event of one rule, with a new result token."""
        text = invoking_event if isinstance(invoking_event, str) else json.dumps(invoking_event)
        partition = get_partition(rule.region)
        return {
            "version": "1.0",
            "invokingEvent": text,
            "ruleParameters": json.dumps(dict(rule.parameters)),
            "resultToken": self._store.issue_token(rule),
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
    """Return the eight characters at the end of an organization rule's name, the same in every run."""
    return hashlib.sha256(f"{name}:{account}:{region}".encode()).hexdigest()[:8]
