"""Invocations of the function with failed events, as AWS Config makes them: asynchronous ones.

Lambda answers when it has stored the event, before the function runs:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is no OSError
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from ecr_exposure.cli.aws_calls import AWS_ERRORS, NotAwsError, error_code, error_text, has_expired
from ecr_exposure.cli.terminal import Clock

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_ACCEPTED: Final = 202
_TOO_MANY_REQUESTS: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each further attempt."""
_MOST_FAILURES: Final = 16
"""So many invocations, one after the other, that were throttled or failed in Lambda are not due to single events."""
# Refused credentials, a refused action, no such function: Lambda's answer to each event would be the same.
# https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
_GENERAL_STATUSES: Final = frozenset({401, 403, 404})
_GENERAL_CODES: Final = frozenset({"AccessDeniedException", "UnrecognizedClientException"})

_Response = TypeVar("_Response")


class Answer(Enum):
    """What Lambda answered."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNSURE = auto()
    """No answer of Lambda arrived, so it may have accepted the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The result of one invocation."""

    answer: Answer
    reason: str = ""
    """Why Lambda did not accept the event, or why nobody knows; empty if it did."""
    is_general: bool = False
    """Whether every further event would fail in the same way."""
    expired: bool = False
    """Whether the credentials have expired."""


class FailedEventsFunction:
    """The function of one stack; threads may share it."""

    def __init__(self, client: "LambdaClient", name: str, *, clock: Clock, stopped: Callable[[], bool]) -> None:
        """Take a client that makes one attempt for each call. stopped: whether somebody interrupted."""
        self._client, self.name = client, name
        self._clock, self._stopped = clock, stopped
        self._failures = 0

    def is_stopped_by_concurrency(self) -> bool:
        """Return whether the reserved concurrency is 0; raises an error of AWS.

        Then Lambda sends each event to the queue at once, without an attempt:
        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        response = self._with_retries(lambda: self._client.get_function_concurrency(FunctionName=self.name))
        return response.get("ReservedConcurrentExecutions") == 0

    def invoke(self, payload: bytes) -> Invocation:
        """Invoke the function with an event; repeat that only if Lambda throttles it or fails."""
        try:
            response = self._with_retries(
                lambda: self._client.invoke(FunctionName=self.name, InvocationType="Event", Payload=payload)
            )
        except AWS_ERRORS as error:
            return self._failed(error)
        self._failures = 0
        status = response["StatusCode"]
        if status == _ACCEPTED:
            return Invocation(answer=Answer.ACCEPTED)
        return Invocation(answer=Answer.REFUSED, reason=f"not accepted: Lambda's status code is {status}")

    def _with_retries(self, call: Callable[[], _Response]) -> _Response:
        for pause in _PAUSES:
            try:
                return call()
            except ClientError as error:
                if not _may_be_repeated(error) or self._stopped():
                    raise
                self._clock.sleep(pause)
        return call()

    def _failed(self, error: BaseException) -> Invocation:
        text, expired = error_text(error), has_expired(error)
        is_lost = isinstance(error, (HTTPClientError, IncompleteReadError, ResponseParserError, NotAwsError))
        is_unsure = is_lost and not isinstance(error, ConnectionError)
        if is_unsure or (isinstance(error, ClientError) and _may_be_repeated(error)):
            self._failures += 1
        else:
            self._failures = 0
        are_too_many = self._failures >= _MOST_FAILURES
        if is_unsure:
            is_general = isinstance(error, NotAwsError) or are_too_many
            return Invocation(answer=Answer.UNSURE, reason=f"unsure: {text}", is_general=is_general)
        is_general = are_too_many or not isinstance(error, ClientError) or expired or _is_general(error)
        return Invocation(answer=Answer.REFUSED, reason=f"not accepted: {text}", is_general=is_general, expired=expired)


def _may_be_repeated(error: ClientError) -> bool:
    status = _status(error)
    return status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR


def _is_general(error: ClientError) -> bool:
    return _status(error) in _GENERAL_STATUSES or error_code(error) in _GENERAL_CODES


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
