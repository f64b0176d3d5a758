"""Reports evaluations to AWS Config while others are still being made.

https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from botocore.utils import parse_to_aware_datetime
from rdklib import Evaluation

from ecr_exposure.aws import RefusedError
from ecr_exposure.invocation import Invocation

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.type_defs import EvaluationTypeDef

_MOST_IN_A_CALL: Final = 100
# The errors that one evaluation can cause; with the others, AWS Config refuses every call.
# https://docs.aws.amazon.com/config/latest/APIReference/CommonErrors.html
_CAUSED_BY_CONTENT: Final = (
    "InvalidParameterValueException",
    "MalformedHttpRequestException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ValidationError",
    "ValidationException",
)


class Reporter:
    """Reports the evaluations of a periodic run in batches, all but the last one, which rdklib reports.

    rdklib reports what evaluate_periodic returns, and makes an empty call if that is nothing.
    """

    def __init__(self, config: "ConfigServiceClient", event: Mapping[str, Any], invocation: Invocation) -> None:
        """Store the client, the scheduled event, whose result token is valid for any number of calls, and the run."""
        self._config = config
        self._token: str = event["resultToken"]
        # As rdklib does; parsed once, since botocore parses a text again for each evaluation.
        self._time = parse_to_aware_datetime(json.loads(event["invokingEvent"])["notificationCreationTime"])
        self._invocation = invocation
        self._waiting: list[Evaluation] = []

    def add(self, evaluation: Evaluation) -> None:
        """Report the evaluation now or later."""
        self._waiting.append(evaluation)
        if len(self._waiting) > _MOST_IN_A_CALL:
            self._report(self._waiting[:-1])
            del self._waiting[:-1]

    def finish(self) -> list[Evaluation]:
        """Report all evaluations but the last one, and return that, for rdklib; return an empty list for none."""
        self._report(self._waiting[:-1])
        return self._waiting[-1:]

    def _report(self, batch: list[Evaluation]) -> None:
        if not batch:
            return
        try:
            self._config.put_evaluations(
                Evaluations=[self._content(evaluation) for evaluation in batch],
                ResultToken=self._token,
                TestMode=self._token == "TESTMODE",  # noqa: S105 - RDK's word in tests
            )
        except RefusedError as error:
            self._invocation.fail(error)
        except Exception as error:  # noqa: BLE001 - the other batches are reported all the same
            if len(batch) > 1 and _is_caused_by_content(error):
                half = len(batch) // 2
                self._report(batch[:half])
                self._report(batch[half:])
            else:
                first = batch[0].complianceResourceId
                self._invocation.fail(error, what=f"{len(batch)} evaluations, first {first}", times=len(batch))

    def _content(self, evaluation: Evaluation) -> "EvaluationTypeDef":
        evaluation.orderingTimestamp = self._time
        content: EvaluationTypeDef = evaluation.get_json()
        return content


def _is_caused_by_content(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _CAUSED_BY_CONTENT
