"""What moto lacks of a function with a queue for its failures: an invocation that is only accepted.

moto 5.2.5 runs an invoked function in a container, and waits out ReceiveMessage's WaitTimeSeconds in real
time. Here Lambda takes the event and runs nothing, and an empty queue answers at once.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaFunction
from moto.sqs.models import Message, SQSBackend


@contextmanager
def accepting() -> Iterator[list[dict[str, Any]]]:
    """Fill the gaps inside the with block; return the events that the functions were invoked with, in order."""
    events: list[dict[str, Any]] = []

    def invoke(_self: LambdaFunction, body: str, _request_headers: object, _response_headers: object) -> str:
        events.append(json.loads(body))
        return ""

    with ExitStack() as stack:
        stack.enter_context(patch.object(LambdaFunction, "invoke", invoke))
        stack.enter_context(patch.object(SQSBackend, "receive_message", _at_once()))
        yield events


def _at_once() -> Callable[..., list[Message]]:
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
