"""Lambda's Invoke and SQS's ReceiveMessage, where moto 5.2.5 is too slow for tests.

moto runs an invoked function in a container, and waits WaitTimeSeconds in real time.
Here Lambda accepts the event without running the function, and an empty queue returns at once.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaFunction
from moto.sqs.models import Message, SQSBackend


@contextmanager
def accepted_invocations() -> Iterator[list[dict[str, Any]]]:
    """Replace both operations inside the with block; return the events of all invocations, in order."""
    events: list[dict[str, Any]] = []

    def invoke(_self: LambdaFunction, body: str, _request_headers: object, _response_headers: object) -> str:
        events.append(json.loads(body))
        return ""

    with ExitStack() as stack:
        stack.enter_context(patch.object(LambdaFunction, "invoke", invoke))
        stack.enter_context(patch.object(SQSBackend, "receive_message", _without_waiting()))
        yield events


def _without_waiting() -> Callable[..., list[Message]]:
    moto_receive = SQSBackend.receive_message

    def receive_message(
        self: SQSBackend,
        queue_name: str,
        count: int,
        _wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        messages: list[Message] = moto_receive(self, queue_name, count, 0, visibility_timeout, message_attribute_names)
        return messages

    return receive_message
