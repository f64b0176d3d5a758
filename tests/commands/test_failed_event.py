"""An invocation record becomes the event that it holds, and what may be printed of it."""

import json

import pytest

from ecr_exposure.cli.failed_events.failed_event import NotARecordError, read_record
from tests.commands.stack_with_queue import FUNCTION_ARN, again, event, record


def test_event_that_was_never_processed_has_its_condition_as_error() -> None:
    context = {"functionArn": FUNCTION_ARN, "condition": "EventAgeExceeded"}
    failed = read_record(record(event(), requestContext=context, responsePayload=None), FUNCTION_ARN)
    assert failed.error == "EventAgeExceeded"
    assert "secret" not in repr(failed)


def test_payload_is_no_longer_than_the_event_and_the_mark() -> None:
    """An event just within Lambda's limit must not become longer."""
    sent = event("größe")
    failed = read_record(record(sent), FUNCTION_ARN)
    assert failed.payload == json.dumps(again(sent), ensure_ascii=False, separators=(",", ":")).encode()


def test_half_a_surrogate_pair_is_escaped() -> None:
    sent = event() | {"accountId": "\ud800"}
    assert json.loads(read_record(record(sent), FUNCTION_ARN).payload) == again(sent)


def test_oversized_notification_names_its_resource() -> None:
    summary = {"messageType": "OversizedConfigurationItemChangeNotification"}
    message = json.dumps(summary | {"configurationItemSummary": {"resourceId": "team/app"}})
    failed = read_record(record(event() | {"invokingEvent": message}), FUNCTION_ARN)
    assert (failed.resource, failed.message_type) == ("team/app", "OversizedConfigurationItemChangeNotification")


def test_missing_fields_are_shown_as_hyphens() -> None:
    failed = read_record(record({"resultToken": "t", "invokingEvent": "{}"}, responsePayload="text"), FUNCTION_ARN)
    assert (failed.account, failed.rule, failed.message_type, failed.resource) == ("-", "-", "-", "")


def test_empty_event_is_not_a_record() -> None:
    with pytest.raises(NotARecordError):
        read_record(record({}), FUNCTION_ARN)
