"""How long `judge` takes for random policies, beside json.loads of the same texts and policyuniverse.

policyuniverse answers whether a statement allows access from the internet, and looks at no Deny statement:
https://github.com/Netflix-Skunkworks/policyuniverse
"""

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from ecr_exposure import judge
from tests.benchmarks.measurements import Measurement, at_least, at_most, fastest
from tests.benchmarks.random_policies import condition_heavy_policies, mixed_policies

_NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
_STATEMENTS: Final = 26
_LEAST_OF_READING: Final = 0.15
_LEAST_OF_PEER: Final = 0.8
_MOST_MILLISECONDS: Final = 0.3

_reachable: Final = partial(judge, test="reachable", owner="111122223333", region="us-east-1", now=_NOW)


def measure(*, policies: int = 50, rounds: int = 100) -> Iterator[Measurement]:
    """Measure so many policies of each kind."""
    contents = list(mixed_policies(policies, statements=_STATEMENTS))
    yield _beside_reading([json.dumps(content) for content in contents], rounds)
    yield _beside_policyuniverse(contents, rounds)
    yield _with_conditions(list(condition_heavy_policies(policies * 10)), max(1, rounds // 10))


def _beside_reading(texts: Sequence[str], rounds: int) -> Measurement:
    reading, judging = fastest([partial(_each, json.loads, texts), partial(_each, judge, texts)], rounds)
    details = f"{_microseconds(judging, texts)}; json.loads {_microseconds(reading, texts)}"
    what = f"unconditional, text of {_STATEMENTS} statements, of json.loads' speed"
    return at_least(what, details, reading / judging, _LEAST_OF_READING)


def _beside_policyuniverse(contents: Sequence[Mapping[str, Any]], rounds: int) -> Measurement:
    what = f"reachable, {_STATEMENTS} mixed statements, of policyuniverse's speed"
    try:
        from policyuniverse.policy import Policy  # noqa: PLC0415 - only in the benchmark's environment
    except ImportError:
        (judging,) = fastest([partial(_each, _reachable, contents)], rounds)
        return Measurement(what=what, details=_microseconds(judging, contents), result="not installed")
    calls = (_reachable, lambda content: Policy(content).is_internet_accessible())
    judging, peer = fastest([partial(_each, call, contents) for call in calls], rounds)
    details = f"{_microseconds(judging, contents)}; policyuniverse {_microseconds(peer, contents)}"
    return at_least(what, details, peer / judging, _LEAST_OF_PEER)


def _with_conditions(contents: Sequence[Mapping[str, Any]], rounds: int) -> Measurement:
    times = [1e3 * each for each in fastest([partial(_reachable, content) for content in contents], rounds)]
    undecided = sum("too complex" in str(_reachable(content).problem) for content in contents)
    slow = statistics.quantiles(times, n=20)[-1]
    details = f"95 of 100 below {slow:.2f} ms, slowest {max(times):.1f} ms; too complex: {undecided} of {len(contents)}"
    return at_most("reachable, many conditions, median", details, statistics.median(times), _MOST_MILLISECONDS, " ms")


def _each(call: Callable[[Any], object], arguments: Sequence[Any]) -> None:
    for argument in arguments:
        call(argument)


def _microseconds(seconds: float, policies: Sequence[object]) -> str:
    return f"{seconds / len(policies) * 1e6:.0f} µs"
