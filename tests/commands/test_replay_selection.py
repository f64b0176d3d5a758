"""``replay``: which events are invoked, which are superseded by newer ones, and which the filters leave."""

import json
from typing import Any, Final

import pytest

from tests.commands.stack_with_queue import ONE, RULE, StackWithQueue, again, event, record
from tests.commands.test_replay import refused
from tests.local_aws.organization import MEMBERS

TWO: Final = MEMBERS[1]
OLD, MIDDLE, NEW = (f"2026-11-24T1{hour}:00:00.000Z" for hour in range(3))


def invoked(stack: StackWithQueue) -> list[tuple[str, str, str | None]]:
    """Return account, time and repository of the invocations, sorted by repository."""
    found = []
    for each in stack.events:
        message = json.loads(each["invokingEvent"])
        item = message.get("configurationItem") or message.get("configurationItemSummary") or {}
        found.append((each["accountId"], message["notificationCreationTime"], item.get("resourceId")))
    return sorted(found, key=str)


class TestNewestEvent:
    """Several events about one repository: the function evaluates the repository as it is now, so one is enough."""

    @pytest.mark.parametrize("times", [(OLD, MIDDLE, NEW), (NEW, MIDDLE, OLD), (MIDDLE, NEW, OLD)])
    def test_newest_event_counts_whatever_the_order_in_the_queue(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], times: tuple[str, ...]
    ) -> None:
        stack.send(*(record(event("app", at=at)) for at in times))
        assert stack.replay() == 0
        assert stack.events == [again(event("app", at=NEW))]
        assert stack.visible() == stack.in_flight() == []
        assert capsys.readouterr().out.endswith("\n1 of 3 replayed, 2 superseded, 0 stay\n")

    def test_newest_event_counts_across_batches(self, stack: StackWithQueue) -> None:
        """A batch has at most ten messages; the newest event comes in the last one."""
        others = [record(event(f"app-{number:02}")) for number in range(30)]
        stack.send(record(event("app", at=OLD)), *others, record(event("app", at=NEW)))
        assert stack.replay() == 0
        assert [at for _, at, name in invoked(stack) if name == "app"] == [NEW]
        assert len(stack.events) == 31
        assert stack.visible() == stack.in_flight() == []

    def test_oversized_event_supersedes_as_any_other(self, stack: StackWithQueue) -> None:
        oversized = event("app", at=NEW)
        message = json.loads(oversized["invokingEvent"])
        message["configurationItemSummary"] = message.pop("configurationItem")
        message["messageType"] = "OversizedConfigurationItemChangeNotification"
        oversized["invokingEvent"] = json.dumps(message)
        stack.send(record(oversized), record(event("app", at=OLD)))
        assert stack.replay() == 0
        assert stack.events == [again(oversized)]

    @pytest.mark.parametrize(
        "other", [{"account": TWO}, {"rule": "OrgConfigRule-other-abcd1234"}, {"resource": "app2"}]
    )
    def test_event_of_another_account_rule_or_repository_is_replayed(
        self, stack: StackWithQueue, other: dict[str, Any]
    ) -> None:
        stack.send(record(event("app", at=OLD)), record(event(**{"resource": "app", "at": NEW} | other)))
        assert stack.replay() == 0
        assert len(stack.events) == 2

    def test_event_of_another_region_is_replayed(self, stack: StackWithQueue) -> None:
        abroad = event("app", at=NEW)
        abroad["configRuleArn"] = abroad["configRuleArn"].replace("eu-west-1", "us-east-1")
        stack.send(record(event("app", at=OLD)), record(abroad))
        assert stack.replay() == 0
        assert len(stack.events) == 2

    def test_event_that_lambda_does_not_accept_supersedes_nothing(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("app", at=OLD)), record(event("app", at=NEW)))
        with stack.organization.faults.inject(refused("ResourceConflictException", 409)):
            assert stack.replay() == 1
        assert len(stack.visible()) == 2
        assert "\n1 stay: a newer event, which supersedes it, stays\n" in capsys.readouterr().out

    @pytest.mark.parametrize("at", ["no time", "2026-11-24 at noon"])
    def test_event_whose_time_is_not_known_is_replayed_by_itself(self, stack: StackWithQueue, at: str) -> None:
        stack.send(record(event("app", at=at)), record(event("app", at=NEW)), record(event(None, at=NEW)))
        assert stack.replay() == 0
        assert len(stack.events) == 3

    @pytest.mark.parametrize(
        ("name", "older", "newer"),
        [
            ("configRuleName", "two  blanks", "two blanks"),
            ("configRuleName", None, None),
            ("accountId", None, None),
            ("configRuleArn", None, None),
        ],
    )
    def test_event_supersedes_none_whose_rule_may_be_another_one(
        self, stack: StackWithQueue, name: str, older: str | None, newer: str | None
    ) -> None:
        """Two texts that are printed alike, or no text at all, name no rule for sure."""
        stack.send(
            record(event("app", at=OLD) | {name: older}),
            record(event("app", at=MIDDLE) | {name: newer}),
            record(event(None, at=NEW) | {name: newer and f"{newer} of a third rule"}),
        )
        assert stack.replay() == 0
        assert len(stack.events) == 3

    def test_event_about_another_resource_type_supersedes_nothing(self, stack: StackWithQueue) -> None:
        bucket = event("app", at=NEW)
        bucket["invokingEvent"] = bucket["invokingEvent"].replace("AWS::ECR::Repository", "AWS::S3::Bucket")
        stack.send(record(event("app", at=OLD)), record(bucket))
        assert stack.replay() == 0
        assert len(stack.events) == 2


class TestScheduledEvents:
    """A scheduled event evaluates every repository of its account, for its rule."""

    def test_one_scheduled_event_of_each_rule_is_replayed(self, stack: StackWithQueue) -> None:
        sent = [event(None, at=at, account=account) for account in (ONE, TWO) for at in (NEW, OLD, MIDDLE)]
        stack.send(*map(record, sent))
        assert stack.replay() == 0
        assert invoked(stack) == [(ONE, NEW, None), (TWO, NEW, None)]
        assert stack.visible() == []

    def test_it_supersedes_the_older_change_events_of_its_rule(self, stack: StackWithQueue) -> None:
        stack.send(
            record(event("older", at=OLD)),
            record(event("newer", at=NEW)),
            record(event("same", at=MIDDLE)),
            record(event("of another rule", at=OLD, rule="OrgConfigRule-other-abcd1234")),
            record(event("of another account", at=OLD, account=TWO)),
            record(event(None, at=MIDDLE)),
        )
        assert stack.replay() == 0
        names = [name for _, _, name in invoked(stack)]
        assert sorted(map(str, names)) == ["None", "newer", "of another account", "of another rule", "same"]
        assert stack.visible() == stack.in_flight() == []

    def test_newer_change_event_does_not_supersede_it(self, stack: StackWithQueue) -> None:
        stack.send(record(event(None, at=OLD)), record(event("app", at=NEW)))
        assert stack.replay() == 0
        assert len(stack.events) == 2


class TestHopelessEvents:
    """Events with which the function cannot succeed, now or later."""

    INVALID: Final = "InvalidResultTokenException: An error occurred when calling PutEvaluations"

    def test_event_with_an_old_result_token_is_not_replayed(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(record(event("app"), self.INVALID))
        assert stack.replay() == 1
        assert stack.events == []
        assert len(stack.visible()) == 1
        output = capsys.readouterr().out
        assert "\n1 stay: AWS Config does not accept its result token any more\n" in output
        assert "\n--discard hopeless deletes 1 of those that stay\n" in output

    def test_it_supersedes_no_event_that_can_succeed(self, stack: StackWithQueue) -> None:
        stack.send(record(event("app", at=NEW), self.INVALID), record(event("app", at=OLD)))
        assert stack.replay() == 1
        assert stack.events == [again(event("app", at=OLD))]
        assert len(stack.visible()) == 1

    def test_it_is_superseded_by_a_newer_event(self, stack: StackWithQueue) -> None:
        stack.send(record(event("app", at=OLD), self.INVALID), record(event("app", at=NEW)))
        assert stack.replay() == 0
        assert stack.events == [again(event("app", at=NEW))]
        assert stack.visible() == []

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"messageType": "Other"}, "the function does not evaluate events of its messageType"),
            ({"messageType": None}, "the function does not evaluate events of its messageType"),
            ({"configurationItem": {}}, "it names no resource"),
            ({"configurationItem": "text"}, "it names no resource"),
            ({"configurationItem": {"resourceId": "app"}}, "it has no time, which the function requires"),
        ],
    )
    def test_incomplete_event_is_not_replayed(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str
    ) -> None:
        sent = event("app")
        stack.send(record(sent | {"invokingEvent": json.dumps(json.loads(sent["invokingEvent"]) | changes)}))
        assert stack.replay() == 1
        assert stack.events == []
        assert f"\n1 stay: {reason}\n" in capsys.readouterr().out


class TestFilters:
    """--account, --rule, --older-than, --most."""

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--account", ONE), ["a1", "c1"]),
            (("--account", TWO), ["b1"]),
            (("--account", f"{ONE}, {TWO}"), ["a1", "b1", "c1"]),
            (("--account", ONE, "--account", TWO), ["a1", "b1", "c1"]),
            (("--rule", RULE), ["a1", "b1"]),
            (("--rule", "OrgConfigRule-*"), ["a1", "b1", "c1"]),
            (("--rule", "OrgConfigRule"), []),
            (("--rule", "OrgConfigRule[-]*"), []),
            (("--rule", "*[a"), []),
            (("--older-than", "4m"), ["a1"]),
            (("--older-than", "3m"), ["a1", "b1"]),
            (("--older-than", "1d"), []),
            (("--account", ONE, "--older-than", "3m"), ["a1"]),
        ],
    )
    def test_only_selected_events_are_replayed(
        self,
        stack: StackWithQueue,
        capsys: pytest.CaptureFixture[str],
        arguments: tuple[str, ...],
        expected: list[str],
    ) -> None:
        """The others stay in the queue, as the operator asked."""
        stack.send(
            record(event("a1")),
            record(event("b1", account=TWO)),
            record(event("c1", rule="OrgConfigRule-other-abcd1234")),
            "{",
        )
        code = stack.replay(*arguments)
        assert [name for _, _, name in sorted(invoked(stack), key=lambda found: str(found[2]))] == expected
        assert len(stack.visible()) == 4 - len(expected)
        assert code == 0
        assert f", {4 - len(expected)} not asked for\n" in capsys.readouterr().out

    def test_older_event_stays_if_the_filter_leaves_the_newer_one(self, stack: StackWithQueue) -> None:
        stack.send(record(event("app", at=OLD)), record(event("app", at=NEW)))
        assert stack.replay("--older-than", "2m") == 0
        assert stack.events == []
        assert len(stack.visible()) == 2

    def test_most_limits_the_number_of_events_and_the_oldest_come_first(
        self, stack: StackWithQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stack.send(*(record(event(f"app-{number:02}")) for number in range(15)))
        assert stack.replay("--most", "12") == 0
        assert [name for _, _, name in invoked(stack)] == [f"app-{number:02}" for number in range(12)]
        assert len(stack.visible()) == 3
        output = capsys.readouterr().out
        assert " with 12 of 15 messages; 0 superseded, 0 stay, 3 not asked for\n" in output
        assert output.endswith("\n12 of 15 replayed, 0 superseded, 0 stay, 3 not asked for\n")

    def test_most_deletes_only_what_its_events_supersede(self, stack: StackWithQueue) -> None:
        stack.send(
            record(event("a1", at=OLD)),
            record(event("b1", at=OLD)),
            record(event("a1", at=NEW)),
            record(event("b1", at=NEW)),
        )
        assert stack.replay("--most", "1") == 0
        assert stack.events == [again(event("a1", at=NEW))]
        assert len(stack.visible()) == 2
