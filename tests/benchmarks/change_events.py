"""A warm change event: the handler beside rdklib as it comes, which builds its clients anew for each event.

rdklib runs the same rule on the same event. HTTP is stubbed, so only the function's own work is measured.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final
from unittest.mock import patch

import rdklib.clientfactory
import rdklib.evaluator

from ecr_exposure.config_rule import EcrRepositoryNoPublicAccess
from ecr_exposure.handler import lambda_handler
from tests.benchmarks.measurements import Measurement, at_most, fastest
from tests.benchmarks.stubbed_aws import RESOURCE_TYPE, Context, StubbedAws, change_event, in_place_of_aws

_DENIED_OUTSIDE: Final = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}
_ALLOW: Final = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}
POLICIES: Final[Mapping[str, object]] = {
    "open to everyone": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]},
    "behind a Deny for other organizations": {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Pull", **_ALLOW},
            {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Condition": _DENIED_OUTSIDE},
        ],
    },
}
_MOST: Final = 1 / 8


def measure(*, events: int = 30, rounds: int = 20) -> Iterator[Measurement]:
    """Measure so many events in each round."""
    for name, policy in POLICIES.items():
        event, aws = change_event(json.dumps(policy)), StubbedAws({})
        with in_place_of_aws(aws):
            calls = [partial(_repeat, times, call, event) for times, call in ((events, _ours), (3, _stock))]
            ours, stock = fastest(calls, rounds)
        if not aws.evaluations():
            raise AssertionError("nothing was reported")
        ours, stock = ours / events * 1e3, stock / 3 * 1e3
        details = f"{ours:.3f} ms; rdklib as it comes {stock:.2f} ms (1/{stock / ours:.1f})"
        yield at_most(f"warm change event, policy {name}", details, ours / stock, _MOST)


def _repeat(times: int, call: object, event: Mapping[str, object]) -> None:
    assert callable(call)
    for _ in range(times):
        call(event)


def _ours(event: Mapping[str, object]) -> None:
    lambda_handler(event, Context())


def _stock(event: Mapping[str, object]) -> None:
    with patch.object(rdklib.evaluator, "ClientFactory", rdklib.clientfactory.ClientFactory):
        result = rdklib.evaluator.Evaluator(EcrRepositoryNoPublicAccess(), [RESOURCE_TYPE]).handle(event, Context())
    assert isinstance(result, list), result
