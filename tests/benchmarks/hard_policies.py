"""How long `judge` takes for the hardest policies: those built to take long, and long lists of names.

The lists are natural, so they must be decided; the others may be too complex.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from ecr_exposure import judge
from tests.benchmarks.lists_of_names import LISTS
from tests.benchmarks.measurements import Measurement, at_most, fastest
from tests.benchmarks.worst_policies import POLICIES, Policy

_NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
_MOST_MILLISECONDS: Final = 250.0


def measure(
    worst: Mapping[str, Policy] = POLICIES, natural: Mapping[str, Policy] = LISTS, *, rounds: int = 3
) -> Iterator[Measurement]:
    """Measure each policy."""
    for kind, policies in (("worst", worst), ("natural", natural)):
        for name, policy in policies.items():
            call = partial(judge, policy, test="reachable", owner="111122223333", region="us-east-1", now=_NOW)
            (seconds,) = fastest([call], rounds)
            verdict = call()
            answer = verdict.problem or verdict.compliance
            result = at_most(f"{kind}: {name}", answer, seconds * 1e3, _MOST_MILLISECONDS, " ms")
            is_decided = kind == "worst" or verdict.problem is None
            yield (
                result
                if is_decided
                else Measurement(
                    what=result.what, details=answer, result=result.result, target="an answer", is_met=False
                )
            )
