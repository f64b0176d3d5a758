"""A Lambda function: handler, environment variables, context object, synchronous or asynchronous invocation.

Asynchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import copy
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

ASYNCHRONOUS_ATTEMPTS: Final = 3
_TIMEOUT: Final = 300.0

Handler = Callable[[dict[str, Any], "LambdaContext"], object]


class MarshalError(Exception):
    """The handler's response is not JSON: the runtime reports Runtime.MarshalError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaContext:
    """The context object that the runtime passes to the handler.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    invoked_function_arn: str
    function_name: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 256
    log_stream_name: str = "local"
    deadline: float = field(default_factory=lambda: time.monotonic() + _TIMEOUT)

    @property
    def log_group_name(self) -> str:
        """The function's log group."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event and its result: what the handler returned, or the error of its last attempt."""

    event: Mapping[str, Any]
    request_id: str
    attempts: int
    returned: object = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFunction:
    """A function in every region of the hub account.

    Synchronous: the handler's exceptions propagate. Asynchronous, as AWS Config invokes it: Lambda retries twice
    with the same request id, then sends the event to ``on_failure``.
    """

    handler: Handler
    hub: str
    environment: Mapping[str, str]
    asynchronous: bool
    name: str = "ecr-repository-no-public-access"
    on_failure: list[Invocation] = field(default_factory=list)

    def invoke(self, event: Mapping[str, Any], region: str) -> Invocation:
        """Invoke the function in a region, with its environment variables."""
        context = LambdaContext(
            aws_request_id=str(uuid.uuid4()),
            invoked_function_arn=f"arn:aws:lambda:{region}:{self.hub}:function:{self.name}",
            function_name=self.name,
        )
        regional = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_LAMBDA_FUNCTION_NAME": self.name}
        with patch.dict(os.environ, {**regional, **self.environment}):
            if self.asynchronous:
                return self._invoke_asynchronously(event, context)
            returned = self._run(event, context)
        return Invocation(event=event, request_id=context.aws_request_id, attempts=1, returned=returned)

    def _invoke_asynchronously(self, event: Mapping[str, Any], context: LambdaContext) -> Invocation:
        error: Exception | None = None
        for attempt in range(1, ASYNCHRONOUS_ATTEMPTS + 1):
            try:
                returned = self._run(event, context)
            except Exception as raised:  # noqa: BLE001 - Lambda retries whatever a handler raises
                error = raised
            else:
                return Invocation(event=event, request_id=context.aws_request_id, attempts=attempt, returned=returned)
        failed = Invocation(event=event, request_id=context.aws_request_id, attempts=ASYNCHRONOUS_ATTEMPTS, error=error)
        self.on_failure.append(failed)
        return failed

    def _run(self, event: Mapping[str, Any], context: LambdaContext) -> object:
        """Make one attempt with a copy of the event: the runtime decodes it from JSON for each attempt."""
        returned = self.handler(copy.deepcopy(dict(event)), context)
        try:
            json.dumps(returned)
        except (TypeError, ValueError) as error:
            raise MarshalError(str(error)) from error
        return returned
